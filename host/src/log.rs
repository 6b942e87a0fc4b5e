//! Log lines on standard error: for a person, or as JSON.

use serde_json::{Map, Value};
use std::{
    fmt,
    io::{self, IsTerminal},
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, Eq, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For a person.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

/// Starts the log, at the levels that the environment's `RUST_LOG` says.
pub(crate) fn start(format: LogFormat) {
    let info = LevelFilter::INFO.into();
    let filter = EnvFilter::builder().with_default_directive(info).from_env_lossy();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && format == LogFormat::Text)
        // The logger would report a line that it cannot write through a macro that panics when it
        // cannot write.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.event_format(Json).init(),
    }
}

/// Writes an event as one JSON object: `timestamp`, `level`, `target`, `message`, and the fields that it has besides.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Fields(Map::new());
        event.record(&mut line);
        let about = event.metadata();
        for (name, value) in [
            ("timestamp", host::now().to_string()),
            ("level", about.level().to_string()),
            ("target", about.target().to_owned()),
        ] {
            line.0.insert(name.to_owned(), value.into());
        }
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.record_u64(field, u64::try_from(value).unwrap_or(u64::MAX));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_object_whatever_is_in_it() {
        let lines = Lines::default();
        let to = lines.clone();
        let logger = tracing_subscriber::fmt().with_writer(move || to.clone()).event_format(Json);
        tracing::subscriber::with_default(logger.finish(), || {
            let cause = "a \"quoted\"\nword";
            tracing::warn!(again_in_ms = 200_u128, %cause, "the enclave did not start");
        });
        let said = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(said.matches('\n').count(), 1, "{said}");
        let line: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&line["level"], &line["again_in_ms"]), (&"WARN".into(), &200.into()), "{said}");
        assert_eq!(line["message"], "the enclave did not start");
        assert_eq!(line["cause"], "a \"quoted\"\nword");
    }
}
