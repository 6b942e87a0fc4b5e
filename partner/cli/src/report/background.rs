//! What stands behind the figures: the question, the people, the noise, the limits, the receipt.

use super::{Provenance, dash, escape::Text, table, term};
use crate::words;
use protocol::{
    digest::Digest,
    result::{LiftResult, PERMUTE_AND_FLIP, PrivacyReport},
};
use std::fmt::{self, Write};

pub(super) fn asked(page: &mut String, result: &LiftResult) -> fmt::Result {
    writeln!(page, "<h2>What was asked</h2>\n<dl>")?;
    term(page, "Estimated", &result.answer.estimand)?;
    term(page, "Test arm", &result.answer.test.join(", "))?;
    term(page, "Control arm", &result.answer.control.join(", "))?;
    for outcome in &result.answer.outcomes {
        let note = outcome.bias_note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        let (kind, method) = (words::outcome_kind(outcome), words::lift::method(outcome));
        term(page, &outcome.name, &format!("{kind}{note}. Method: {method}"))?;
    }
    term(page, "Test", words::alternative(result.answer.alternative))?;
    let adjusted = words::adjustment(result.answer.multiplicity)
        .map_or_else(|| "not adjusted".to_owned(), |name| format!("adjusted after {name}"));
    term(page, "P-values", &format!("{adjusted} over the outcomes"))?;
    let registered = result.answer.registered_at.map_or_else(
        || "not registered beforehand".to_owned(),
        |time| format!("{}, as the analyst says", words::moment(time)),
    );
    term(page, "Design", &registered)?;
    writeln!(page, "</dl>")
}

pub(super) fn people(page: &mut String, result: &LiftResult) -> fmt::Result {
    writeln!(page, "<h2>People</h2>")?;
    let arms = words::arms(result).into_iter();
    let arms = arms.map(|(arm, n, sd)| vec![arm.to_owned(), words::whole(n), words::size(sd)]);
    let rows = arms.chain(result.answer.cells.iter().map(|cell| {
        let n = cell.n.map_or_else(|| "withheld".to_owned(), words::whole);
        vec![cell.cell.to_string(), n, words::size(cell.noise_sd)]
    }));
    table(page, &["Where a person is counted", "People (noisy)", "Noise s.d."], rows)?;
    writeln!(
        page,
        "<p class=\"note\">Noise can make a small number negative. {}.</p>",
        Text(&words::why_withheld(result).replacen('w', "W", 1))
    )?;
    let ratio = &result.answer.sample_ratio;
    let verdict = match (ratio.p, ratio.failed) {
        (None, _) => "could not be checked".to_owned(),
        (Some(p), true) => format!("FAILED ({})", words::p_is(p)),
        (Some(p), false) => format!("passed ({})", words::p_is(p)),
    };
    writeln!(
        page,
        "<p>Sample-ratio check, for an expected share of {:.4} in the test arm: {}.</p>",
        ratio.expected_test_share,
        Text(&verdict)
    )?;
    writeln!(
        page,
        "<p>Found among the outcomes, with {} intervals: {}.</p>",
        words::level(result.answer.confidence),
        Text(&words::lift::match_rates(result))
    )?;
    let flags = words::flags(result);
    if !flags.is_empty() {
        writeln!(page, "<h2>Notes</h2>\n<ul>")?;
        for flag in flags {
            writeln!(page, "<li>{}</li>", Text(&flag))?;
        }
        writeln!(page, "</ul>")?;
    }
    Ok(())
}

pub(super) fn privacy(page: &mut String, privacy: &PrivacyReport, noise: bool) -> fmt::Result {
    if !noise {
        return writeln!(page, "<h2>Privacy</h2>\n<p>None: the noise was switched off.</p>");
    }
    let (made, shown) = if privacy.mechanism == PERMUTE_AND_FLIP {
        ("The answer was chosen by counts", "No figure left the enclave.".to_owned())
    } else {
        let least = privacy.min_cell;
        let shown = format!("Fewer than {least} people, after noise, would not have been shown.");
        ("Every figure was computed from totals", shown)
    };
    writeln!(
        page,
        "<h2>Privacy</h2>\n<p>{made} that carry random noise ({}). The \
         noise protects {}. The answer cost \u{3b5}\u{a0}=\u{a0}{} at <span class=\"whole\">\u{3b4}\u{a0}=\u{a0}{:e}</span> \
         (\u{3c1}\u{a0}=\u{a0}{:.6}) of the budget of each dataset. {shown}</p>",
        Text(&privacy.mechanism.replace('_', " ")),
        Text(&privacy.unit),
        privacy.epsilon,
        privacy.delta,
        privacy.rho,
    )?;
    if privacy.selection_delta > 0.0 {
        writeln!(
            page,
            "<p>Beside it a \u{3b4} of {:e} was spent on groups whose values are private.</p>",
            privacy.selection_delta
        )?;
    }
    writeln!(page, "<ul>")?;
    for charge in &privacy.charged {
        writeln!(
            page,
            "<li>{} of {}: charged \u{3c1}\u{a0}=\u{a0}{:.6}; {}.</li>",
            Text(&charge.dataset),
            Text(&charge.owner),
            charge.rho,
            left(charge.rho_left_in_instance)
        )?;
    }
    writeln!(page, "</ul>")
}

fn left(rho: f64) -> String {
    if rho > 0.0 {
        format!("of the budget sent to this enclave, \u{3c1}\u{a0}=\u{a0}{rho:.6} is left")
    } else {
        "all of the budget sent for this job was used".to_owned()
    }
}

pub(super) fn noise(page: &mut String, result: &LiftResult) -> fmt::Result {
    if !result.noise {
        return Ok(());
    }
    let rows = result.answer.outcomes.iter().map(|outcome| {
        let noise = &outcome.noise_sd;
        let squares = noise.sum_sq.map_or_else(dash, words::size);
        vec![outcome.name.clone(), words::size(noise.sum), squares]
    });
    table(page, &["Noise s.d. on an arm\u{2019}s total", "Sum", "Sum of squares"], rows)
}

pub(super) fn limits(page: &mut String, result: &LiftResult) -> fmt::Result {
    writeln!(page, "<h2>What this does not say</h2>\n<ul>")?;
    writeln!(
        page,
        "<li>Nothing about any one person: figures are about arms of people, and noisy.</li>"
    )?;
    writeln!(page, "<li>{}</li>", Text(&words::lift::who_counts(result)))?;
    if result.answer.outcomes.iter().any(|outcome| outcome.cap > 1.0) {
        writeln!(
            page,
            "<li>Values above a cap count as the cap; the intervals do not cover what that leaves out.</li>"
        )?;
    }
    writeln!(
        page,
        "<li>A person who is not found among the outcomes counts with zero, whether nothing happened or the identifiers do not match.</li>"
    )?;
    writeln!(
        page,
        "<li>That the same would happen with other people, at another time or with another offer.</li>"
    )?;
    writeln!(page, "</ul>")
}

pub(super) fn receipt(
    page: &mut String,
    contract: Digest,
    job: &str,
    from: &Provenance,
) -> fmt::Result {
    writeln!(page, "<h2>Receipt</h2>\n<dl class=\"digests\">")?;
    term(page, "Contract", &contract.to_string())?;
    term(page, "This result", &from.output.to_string())?;
    term(page, "Job", job)?;
    if let Some(repeated) = from.asker.as_ref().and_then(crate::asker::Asker::repeated) {
        term(page, "Opened as", &repeated)?;
    }
    let Some(from) = &from.receipt else {
        return writeln!(page, "</dl>\n<p>None: a trial leaves no receipt.</p>");
    };
    term(page, "Read by", &from.receivers.join(", "))?;
    term(page, "Root of trust", &from.root)?;
    term(page, "Attested", &from.attested)?;
    for (index, pcr) in &from.registers {
        term(page, &format!("PCR{index}"), pcr)?;
    }
    writeln!(
        page,
        "</dl>\n<p>Anybody can check, without asking anybody, that this answer came out of that \
                    build under that contract:</p>"
    )?;
    let root =
        from.danger_root.as_ref().map(|root| format!(" --danger-root {root}")).unwrap_or_default();
    let registers =
        from.registers.iter().map(|(index, pcr)| format!(" \\\n    --pcr {index}={pcr}"));
    let registers = registers.collect::<String>();
    writeln!(
        page,
        "<pre>{}</pre>",
        Text(&format!(
            "attestation-verifier receipt receipt.cbor result.json{root} \\\n    --contract {contract}{registers}"
        ))
    )?;
    writeln!(page, "<p>A party to the contract can derive policy, noise and price again:</p>")?;
    let contract = &from.contract_file;
    let command =
        format!("glovebox receipt check receipt.cbor result.json --contract {contract}{root}");
    writeln!(page, "<pre>{}</pre>", Text(&command))
}
