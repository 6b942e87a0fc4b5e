//! Output: results go to standard output, remarks to standard error. With `--json` results and remarks are kept for the
//! document that ends the command; whatever is said in words is then in it, too.

use crate::{document, failure::Failure};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::text;
use std::{fmt::Display, io::Write};

/// Prints a result of one or more lines.
pub(crate) fn result(text: impl Display) -> Result<(), Failure> {
    let text = text.to_string();
    if !document::keep_text(&text) {
        writeln!(std::io::stdout().lock(), "{}", harmless(&text))?;
    }
    Ok(())
}

/// Prints a remark on standard error. If standard error is closed, the remark is lost.
pub(crate) fn note(text: impl Display) {
    let text = text.to_string();
    document::keep_remark(&text);
    let _ = writeln!(std::io::stderr().lock(), "{}", harmless(&text));
}

/// Prints why the command fails, on standard error. A document has it as its error, and not among its remarks.
pub(crate) fn error(failure: &Failure) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{}", harmless(&format!("glovebox: {failure}")));
    for (about, text) in failure.details() {
        let _ = writeln!(stderr, "  {about}: {}", name(text));
    }
}

/// Spells out hidden characters in lines: names and words of other parties must neither move the
/// reader's cursor nor turn the text beside them around.
fn harmless(lines: &str) -> String {
    lines.split('\n').map(text::visible).collect::<Vec<_>>().join("\n")
}

/// A name that another party chose, on one line.
pub(crate) fn name(name: impl Display) -> String {
    text::visible(&name.to_string())
}

/// Prints the word that comes first wherever the root is not AWS's.
pub(crate) fn simulated(is: bool) {
    if is {
        note(SIMULATED);
    }
}

/// A progress bar in bytes, on a terminal only.
pub(crate) fn bytes_bar(total: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar(total, style)
}

/// A progress bar in percent, on a terminal only.
pub(crate) fn share_bar() -> ProgressBar {
    bar(1, ProgressStyle::with_template("{bar:32} {percent} % {eta}"))
}

fn bar(total: u64, style: Result<ProgressStyle, indicatif::style::TemplateError>) -> ProgressBar {
    let bar = ProgressBar::new(total);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The warning before anything that does not come from a real enclave.
pub(crate) const SIMULATED: &str =
    "SIMULATED: the root of trust is not AWS's. Whoever runs this enclave can read the data.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let evil = "a\u{1b}[2Jb\u{9b}31mc\rd\x07\u{7f}\ne";
        assert_eq!(harmless(evil), "a\\u{1b}[2Jb\\u{9b}31mc\\u{d}d\\u{7}\\u{7f}\ne");
        assert_eq!(name("a\nb\u{202e}c"), "a\\u{a}b\\u{202e}c");
    }
}
