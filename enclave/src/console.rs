//! The enclave's log: lines of plain text on standard error.
//!
//! In production nobody outside reads them, since Nitro connects the console in debug mode only.
//! Still no line holds a row, a key or what a party sent.

use protocol::text;
use std::{
    fmt::{self, Write as _},
    io::{self, Write as _},
    panic,
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Sends the program's log, and the places of panics, to standard error.
///
/// Does nothing if somebody else listens already.
pub fn start() {
    if tracing::subscriber::set_global_default(Console).is_err() {
        return;
    }
    panic::set_hook(Box::new(|panic| {
        // The message of the panic is left out: it may quote a value.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("panicked at {place}");
    }));
}

struct Console;

impl Subscriber for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        // A closed console is no reason to stop.
        let _ = io::stderr().write_all(line(event).as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Level, message and fields on one line, whatever they quote.
fn line(event: &Event<'_>) -> String {
    let mut line = Line::default();
    event.record(&mut line);
    format!("{} {}{}\n", event.metadata().level(), line.message, line.fields)
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}").replace(text::is_hidden, " ");
        if field.name() == "message" {
            self.message = text;
        } else {
            // Writing to a string always succeeds.
            let _ = write!(self.fields, " {}={text}", field.name());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::subscriber::with_default;

    /// Keeps the line of the last event.
    struct Heard(Arc<Mutex<String>>);

    impl Subscriber for Heard {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            Console.enabled(metadata)
        }

        fn event(&self, event: &Event<'_>) {
            *self.0.lock().unwrap() = line(event);
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            Console.new_span(span)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    fn said(say: impl FnOnce()) -> String {
        let heard = Arc::default();
        with_default(Heard(Arc::clone(&heard)), say);
        let said = heard.lock().unwrap();
        said.clone()
    }

    #[test]
    fn says_level_message_and_fields() {
        let cause = io::Error::other("gone");
        assert_eq!(
            said(|| tracing::warn!(%cause, jobs = 2, "the host is away")),
            "WARN the host is away cause=gone jobs=2\n"
        );
        assert_eq!(said(|| tracing::debug!("details")), "");
    }

    #[test]
    fn a_hostile_name_stays_on_its_line() {
        let name = "a\nERROR b\u{1b}[31m\r";
        assert_eq!(said(|| tracing::info!(name, "seen")), "INFO seen name=a ERROR b [31m \n");
        assert_eq!(said(|| tracing::info!("{name}")), "INFO a ERROR b [31m \n");
    }
}
