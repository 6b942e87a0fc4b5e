//! What a receipt is about, in words: who asked what, of which versions of whose data, under which rules, at which price.

use super::Checked;
use protocol::{
    contract::Contract,
    page::{
        Term, Text,
        number::{capital, moment, whole},
    },
};

impl Checked {
    /// The content of the receipt in words, each under its heading. Who reads them needs no other document.
    ///
    /// # Privacy
    ///
    /// Costs nothing: a function of the receipt, and of the result if it was given.
    #[must_use]
    pub fn words(&self, contract: &Contract) -> Vec<Term> {
        let job = self.job.job();
        let term = |name: &'static str, text: Text| Term { name: name.into(), text };
        let by = self.job.signed_by().name();
        let asked = Text::quoted(self.job.analyst())
            .and(" (analyst key \u{201c}")
            .quote(by)
            .and("\u{201d}) asked a ")
            .and(job.question.kind())
            .and(", as \u{201c}")
            .quote(&job.analysis)
            .and("\u{201d} of the contract \u{201c}")
            .quote(&contract.name)
            .and(format!("\u{201d}, and was answered {}.", moment(self.body.time)));
        let mut terms = vec![term("Asked", asked)];
        terms.extend(self.question().map(|counted| term("Question", counted)));
        terms.extend(self.data.iter().map(|data| term("Data", data.words())));
        terms.push(term("For", self.purpose(contract)));
        terms.extend(job.decision.as_ref().map(|decision| {
            term("To decide", Text::quoted(decision).and(" (in the words of whoever asked)."))
        }));
        terms.extend(job.checks.map(|checked| {
            let words = format!(
                "The answer to job {checked}: it asked the same question once more, with noise of its own, and was paid \
                 again. `glovebox dispute compare` says whether both agree."
            );
            term("Checks", Text::fixed(words))
        }));
        terms.push(term("Rules", self.rules(contract)));
        terms.push(term("Price", self.price()));
        terms.extend(self.withheld().map(|withheld| term("Withheld", withheld)));
        terms.push(term("Read by", Text::names(&job.receivers, ", ").and(".")));
        let attested = format!("{}, under the root ", moment(self.attested_at));
        terms.push(term("Attested", Text::fixed(attested).quote(&self.root).and(".")));
        terms
    }

    /// The question in the words of the result's page; `None` without the result.
    fn question(&self) -> Option<Text> {
        let page = self.result.as_ref()?.own_page();
        Some(page.title.and(" ").with(page.subtitle))
    }

    fn purpose(&self, contract: &Contract) -> Text {
        let purpose = self.admitted.purpose();
        let bases = self.data.iter().filter_map(|data| {
            let basis = contract.datasets.get(&data.dataset)?.legal_basis.get(purpose)?;
            Some(Text::quoted(&data.dataset).and(": ").quote(basis))
        });
        let bases = Text::list(bases, "; ");
        let text = Text::quoted(purpose);
        if bases.is_empty() {
            text.and(".")
        } else {
            text.and(" (legal basis of ").with(bases).and(").")
        }
    }

    fn rules(&self, contract: &Contract) -> Text {
        let tally = self.admitted.proven().tally();
        let floor = self.result.as_ref().map_or_else(
            || i64::from(self.body.proof.threshold),
            protocol::result::JobResult::shown_from,
        );
        let (cells, ids) = (tally.cells_per_person, contract.ids_per_person);
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        let section = self.job.job().question.section();
        let besides = if section.besides.is_empty() { "" } else { " " };
        Text::fixed(format!(
            "{} of fewer than {} people, after noise, is not shown.{besides}{} A person counts in at most {cells} cell{} and is \
             taken to have at most {ids} identifier{}. The contract is ",
            capital(section.cell),
            whole(floor),
            section.besides,
            plural(cells),
            plural(ids),
        ))
        .and(contract.digest)
        .and(".")
    }

    fn price(&self) -> Text {
        let price = self.job.job().question.price();
        let charges = self.body.charged.iter().map(|charge| {
            let text = Text::quoted(&charge.dataset).and(" of ").quote(&charge.owner);
            text.and(format!(", \u{3c1} = {:.6}", charge.loss.rho().value()))
        });
        let charges = Text::list(charges, "; ");
        Text::fixed(format!(
            "\u{3b5} = {} at \u{3b4} = {:e}, charged once to each of: ",
            price.epsilon.value(),
            price.delta.value()
        ))
        .with(charges)
        .and(".")
    }

    /// What is not shown; `None` without the result.
    fn withheld(&self) -> Option<Text> {
        let result = self.result.as_ref()?;
        let figures = result.answer.citations();
        let withheld = figures.iter().filter(|figure| figure.withheld).count();
        let parts =
            figures.iter().filter(|figure| figure.withheld_cells > 0 && !figure.withheld).count();
        let flags = Text::names(&result.flags, ", ");
        let text = Text::fixed(match (withheld, parts) {
            (0, 0) => format!("None of its {} figures.", figures.len()),
            (0, _) => format!(
                "None of its {} figures as a whole; of {parts}, some cells are missing, and their ranges allow for these.",
                figures.len()
            ),
            _ => format!(
                "{withheld} of its {} figures, since too few people are behind them.",
                figures.len()
            ),
        });
        Some(if flags.is_empty() { text } else { text.and(" Flags: ").with(flags).and(".") })
    }
}
