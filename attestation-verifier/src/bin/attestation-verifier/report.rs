//! Prints how the checks went.

use std::{
    io::{self, IsTerminal as _, Write},
    path::Path,
};

use attestation_verifier::{Believed, Root, check::Check, check::Outcome};
use serde_json::{Value, json};

/// One line per check, coloured on a terminal.
pub(crate) fn checks<'a>(
    out: &mut impl Write,
    checks: impl IntoIterator<Item = &'a Check>,
) -> io::Result<()> {
    let coloured = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for check in checks {
        match (coloured, check.outcome) {
            (true, Outcome::Passed) => writeln!(out, "\x1b[32m{check}\x1b[0m")?,
            (true, Outcome::Failed) => writeln!(out, "\x1b[31m{check}\x1b[0m")?,
            _ => writeln!(out, "{check}")?,
        }
    }
    Ok(())
}

/// Says first of all if the root is not AWS's: on standard output, or on standard error if the
/// output is JSON.
pub(crate) fn root(out: &mut impl Write, root: &Root, json: bool) -> io::Result<()> {
    if root.is_aws() {
        return Ok(());
    }
    if json { writeln!(io::stderr(), "{root}") } else { writeln!(out, "{root}") }
}

pub(crate) fn enclave(out: &mut impl Write, believed: &Believed) -> io::Result<()> {
    writeln!(out, "enclave    {}", believed.module_id())?;
    writeln!(out, "signed at  {}", believed.timestamp())?;
    if let Some(region) = believed.region() {
        writeln!(out, "region     {region}")?;
    }
    for (index, pcr) in believed.pcrs().iter().filter(|(_, pcr)| pcr.as_bytes() != &[0; 48]) {
        writeln!(out, "pcr {index:<2}     {pcr}")?;
    }
    for warning in believed.warnings() {
        writeln!(out, "warning    {warning}")?;
    }
    Ok(())
}

/// Marks checks of a failed report that were passed over because nobody asked for them: of `live`
/// time, of debug mode, of a nonce, and of user data, which no option names.
pub(crate) fn not_asked(checks: &mut [Check], live: bool, allow_debug: bool, nonce: bool) {
    for check in checks.iter_mut().filter(|check| check.outcome == Outcome::Passed) {
        let asked = match check.number {
            17 | 18 => live,
            19 => !allow_debug,
            21 => nonce,
            22 => false,
            _ => true,
        };
        if !asked {
            check.outcome = Outcome::NotAsked;
        }
    }
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    // A leading dash would make it an option; a lone one is standard input.
    let dash = if text.len() > 1 && text.starts_with('-') { "./" } else { "" };
    if !text.is_empty() && text.bytes().all(plain) {
        format!("{dash}{text}")
    } else {
        format!("'{dash}{}'", text.replace('\'', r"'\''"))
    }
}

pub(crate) fn checks_json(checks: &[Check]) -> Value {
    let check = |check: &Check| {
        let outcome = check.outcome.to_string();
        json!({"number": check.number, "title": check.title, "outcome": outcome, "words": check.words})
    };
    checks.iter().map(check).collect()
}

pub(crate) fn enclave_json(believed: &Believed) -> Value {
    let pcrs =
        believed.pcrs().iter().map(|(index, pcr)| (index.to_string(), json!(pcr.to_string())));
    json!({
        "module_id": believed.module_id(),
        "timestamp": believed.timestamp().to_string(),
        "timestamp_ms": believed.timestamp().as_millis(),
        "pcrs": pcrs.collect::<serde_json::Map<_, _>>(),
        "public_key": believed.public_key().map(hex::encode),
        "user_data": believed.user_data().map(hex::encode),
        "nonce": believed.nonce().map(hex::encode),
        "root": believed.root().to_string(),
        "warnings": believed.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
