//! A chosen place as HTML.

use super::{
    Provenance,
    escape::{Name, Text},
    notes,
};
use crate::words::{self, choice as said};
use protocol::result::ChoiceResult;
use std::fmt::{self, Write};

pub(super) fn choice(page: &mut String, result: &ChoiceResult, from: &Provenance) -> fmt::Result {
    let title = match result.answer.quantile {
        Some(share) => format!("The edge below which {} of people are", words::level(share)),
        None => "Which group has the most people?".to_owned(),
    };
    writeln!(page, "<h1>{}</h1>", Text(&title))?;
    writeln!(
        page,
        "<p class=\"sub\">Counted: {}. Asked by {} for {} under the contract \u{201c}{}\u{201d}; answered \
         {}.</p>",
        Text(&result.answer.counted),
        Text(&from.asked_by),
        Text(&result.purpose),
        Text(&result.contract_name),
        words::moment(result.time),
    )?;
    writeln!(page, "<p><strong>{}</strong></p>", Text(&said::answer(result)))?;
    let offered: Vec<_> = result.answer.offered.iter().map(|name| Name(name).to_string()).collect();
    writeln!(page, "<p>Offered: {}.</p>", offered.join(", "))?;
    notes(page, &said::notes(result))
}

pub(super) fn limits(page: &mut String) -> fmt::Result {
    writeln!(page, "<h2>What this does not say</h2>\n<ul>")?;
    writeln!(page, "<li>Nothing about any one person: one place was chosen, under noise.</li>")?;
    writeln!(
        page,
        "<li>Whether another place that was offered would do as well, or whether the data are right.</li>\n\
         </ul>"
    )
}

#[cfg(test)]
mod tests {
    use super::super::{page, tests::provenance};
    use crate::sample::choice::fullest;
    use protocol::analysis::Answer;

    #[test]
    fn a_choice_is_reported_without_a_threshold_and_escaped() {
        let mut result = fullest();
        "<b>mens</b>".clone_into(&mut result.answer.offered[0]);
        "<b>mens</b>".clone_into(&mut result.answer.chosen);
        let page = page(&result.map(Answer::Choice), &provenance()).unwrap();
        for text in [
            "<h1>Which group has the most people?</h1>",
            "<strong>&lt;b&gt;mens&lt;/b&gt; has the most people of the 3 groups of exposures.arm.</strong>",
            "Offered: &lt;b&gt;mens&lt;/b&gt;, womens, none.",
            "(permute and flip)",
            "No figure left the enclave",
        ] {
            assert!(page.contains(text), "no {text} in {page}");
        }
        assert!(!page.contains("would not have been shown"));
    }
}
