//! What every command prints with `--json`: one document, on one line (protocol/spec/commands-v1.md).

use crate::failure::Failure;
use ::page::json::visible;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{
    io::{self, Write},
    process::ExitCode,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

/// What a command has said so far.
#[derive(Debug, Default)]
struct Document {
    /// The words of the command, such as `job price`.
    command: String,
    /// What it found and did.
    result: Map<String, Value>,
    /// What it prints for people, on standard output without `--json`.
    text: Vec<String>,
    /// What it prints for people on standard error.
    remarks: Vec<String>,
    /// Whether it serves: what it remarks from then on is on standard error alone.
    serves: bool,
}

/// The document of this process, which has one standard output. Empty without `--json`.
static DOCUMENT: OnceLock<Mutex<Document>> = OnceLock::new();

/// From here on standard output has one document, and nothing else.
pub(crate) fn begin(command: String) {
    let _ = DOCUMENT.set(Mutex::new(Document { command, ..Document::default() }));
}

/// Whether standard output is for a document, and not for people.
pub(crate) fn is_wanted() -> bool {
    DOCUMENT.get().is_some()
}

/// Adds fields to what the command found and did. Does nothing without `--json`.
pub(crate) fn fields(value: &impl Serialize) -> Result<(), Failure> {
    let Some(mut document) = open() else { return Ok(()) };
    match serde_json::to_value(value).map_err(Failure::unclear)? {
        Value::Object(fields) => document.result.extend(fields),
        other => drop(document.result.insert("value".to_owned(), other)),
    }
    Ok(())
}

/// Adds `value` to a list among what the command found and did. Does nothing without `--json`.
pub(crate) fn item(list: &str, value: Value) {
    let Some(mut document) = open() else { return };
    let list = document.result.entry(list).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.push(value);
    }
}

/// Keeps lines for people, if there is a document to keep them in.
pub(crate) fn keep_text(lines: &str) -> bool {
    let document = open();
    document.map(|mut document| document.text.push(lines.to_owned())).is_some()
}

/// Keeps a remark, if there is a document to keep it in.
pub(crate) fn keep_remark(lines: &str) {
    if let Some(mut document) = open().filter(|document| !document.serves) {
        document.remarks.push(lines.trim().to_owned());
    }
}

/// Prints what a command that serves has to say once it listens; its end has another document.
pub(crate) fn serves() -> Result<(), Failure> {
    let Some(mut document) = open() else { return Ok(()) };
    document.serves = true;
    let shown = document.shown(None, None);
    document.text.clear();
    document.remarks.clear();
    Ok(print(&shown)?)
}

/// Ends the command: prints its document, if one is wanted, and gives the exit code.
pub(crate) fn end(done: Result<ExitCode, Failure>) -> ExitCode {
    let code = done.as_ref().map_or_else(Failure::exit_code, |code| *code);
    let Some(document) = open() else { return code };
    let number = [(ExitCode::SUCCESS, 0), (ExitCode::FAILURE, 1)];
    let number = number.iter().find(|(known, _)| *known == code).map_or(2, |(_, number)| *number);
    match print(&document.shown(Some(number), done.err().map(|failure| failure.as_json()))) {
        Ok(()) => code,
        Err(_) => ExitCode::from(2),
    }
}

/// The document of words on the command line that make no sense.
pub(crate) fn misused(text: &str) {
    let error = json!({"kind": "usage", "text": text});
    // If standard output is closed, nobody asks for it.
    let _ = print(&Document::default().shown(Some(2), Some(error)));
}

impl Document {
    fn shown(&self, exit_code: Option<u8>, error: Option<Value>) -> Value {
        json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "command": self.command,
            "exit_code": exit_code,
            "result": self.result,
            "error": error,
            "text": self.text.join("\n"),
            "remarks": self.remarks,
        })
    }
}

fn open() -> Option<MutexGuard<'static, Document>> {
    Some(DOCUMENT.get()?.lock().unwrap_or_else(PoisonError::into_inner))
}

fn print(document: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", visible(&document.to_string()))?;
    out.flush()
}

/// The name of the document's format. Fields may be added to it, and readers pass over those they do not know.
const FORMAT: &str = "glovebox-command-v1";

#[cfg(test)]
mod tests;
