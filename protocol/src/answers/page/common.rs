//! What pages of every kind say: where the answer comes from, what it cost, and how to check it.

use super::{
    Asker, Banner, Block, DataVersion, Page, Provenance, Section, Severity, Source, Term, Text,
    Topic, danger,
    number::{capital, moment, whole},
};
use crate::analysis::{Answer, uses};
use crate::result::{
    DERIVED, DERIVED_MARGIN, JobResult, NEAR_DUPLICATE, PERMUTE_AND_FLIP, PrivacyReport,
    SAME_FIGURES, SAMPLED_GAUSSIAN,
};

impl JobResult {
    /// The page for people about this result, which comes from `from`.
    ///
    /// # Privacy
    ///
    /// Costs nothing: a function of the result.
    #[must_use]
    pub fn page(&self, from: &Provenance) -> Page {
        let own = self.own_page();
        let Page { mut banners, mut sections, .. } = own;
        banners.splice(0..0, origin(self, from));
        let limits = sections.iter().position(|section| section.topic == Topic::Limits);
        sections.insert(limits.unwrap_or(sections.len()), cost(self, &from.source));
        sections.push(receipt(self, from));
        Page {
            about: Text::quoted(&self.contract_name).and(": ").quote(&self.analysis),
            banners,
            subtitle: asked(own.subtitle, self, from),
            sections,
            ..own
        }
    }

    /// The part of the page that is of its kind alone, wherever the result comes from.
    #[must_use]
    pub fn own_page(&self) -> Page {
        self.answer.page(self)
    }

    /// The noisy head count from which a cell of the answer is shown.
    #[must_use]
    pub fn shown_from(&self) -> i64 {
        least_shown(&self.answer, &self.privacy)
    }
}

/// Warnings about where the answer comes from.
fn origin(result: &JobResult, from: &Provenance) -> Vec<Banner> {
    let mut banners = Vec::new();
    if let Some(headline) = from.asker.as_ref().and_then(Asker::headline) {
        banners.push(Banner { severity: Severity::Notice, headline, reasons: Vec::new() });
    }
    let mut warn = |headline: &'static str, why: &'static str| {
        let (headline, reasons) = (headline.into(), vec![why.into()]);
        banners.push(Banner { severity: Severity::Warning, headline, reasons });
    };
    if matches!(from.source, Source::Trial) {
        warn(
            "A TRIAL, SIMULATED.",
            "Made by glovebox try on one's own files, in one process, without partner, enclave or budget. There \
             is no receipt: this page proves nothing to anybody.",
        );
    } else if from.simulated {
        warn(
            "SIMULATED.",
            "The root of trust is not AWS's: whoever ran this enclave could read the data and make any figure. \
             For tests and demonstrations only.",
        );
    }
    if !result.noise {
        warn(
            "NOISE OFF.",
            "Exact figures, for checking numbers on one's own files. They protect nobody.",
        );
    }
    if let Source::Receipt(checked) = &from.source {
        banners.extend(taken_out(&checked.data));
    }
    if matches!(from.source, Source::Derived) {
        let headline = "DERIVED AT HOME.".into();
        let why =
            "From figures that were released and attested. No receipt is about this page.".into();
        banners.push(Banner { severity: Severity::Notice, headline, reasons: vec![why] });
    }
    banners
}

/// That people were taken out of some of the datasets that were read; `None` if of none, or if there is no other dataset in which they
/// could count.
fn taken_out(data: &[DataVersion]) -> Option<Banner> {
    let lists = data.iter().filter_map(|version| Some((&version.dataset, version.opt_outs?)));
    let lists = lists.map(|(dataset, list)| {
        let most = whole(i64::try_from(list.places).unwrap_or(i64::MAX));
        let text =
            format!("Up to {most} identifiers are on the owner\u{2019}s list of opt-outs of ");
        Text::fixed(text).quote(dataset).and(".")
    });
    let mut reasons: Vec<_> = lists.collect();
    if reasons.is_empty() || data.len() < 2 {
        return None;
    }
    let why = "Whoever is on a list has no rows in that dataset. Where an answer counts the people of another one they still count \
               there, as somebody who did nothing in this one: rates, and effects on what people did, are then too small by their \
               share.";
    reasons.push(why.into());
    let headline = "PEOPLE ARE TAKEN OUT.".into();
    Some(Banner { severity: Severity::Notice, headline, reasons })
}

/// `about`, followed by who asked, for what, under which contract, and when it was answered.
fn asked(about: Text, result: &JobResult, from: &Provenance) -> Text {
    let asker = from.asker.as_ref();
    let again = asker.filter(|asker| asker.earlier.is_some()).map(|asker| &asker.asked_by);
    let first = asker.and_then(|asker| asker.earlier.as_ref()).map(|(_, analyst)| analyst);
    let text = about
        .and(" Asked by ")
        .quote(first.unwrap_or(&from.asked_by))
        .and(" (analyst key \u{201c}")
        .quote(&result.analyst_key)
        .and("\u{201d}) for ")
        .quote(&result.purpose)
        .and(", as \u{201c}")
        .quote(&result.analysis)
        .and("\u{201d} of the contract \u{201c}")
        .quote(&result.contract_name)
        .and(format!("\u{201d}; answered {}", moment(result.time)));
    let text = match again {
        Some(again) => text.and(", and asked again by ").quote(again).and(", free of charge."),
        None => text.and("."),
    };
    match result.matched_by.as_slice() {
        [] => text,
        kinds => text.and(format!(
            " Whoever is in the joined dataset was looked for {}.",
            danger::by_claims(kinds)
        )),
    }
}

fn cost(result: &JobResult, source: &Source) -> Section {
    let JobResult { privacy, noise, .. } = result;
    let section = Section::new(Topic::Cost, "Privacy".into());
    let price = format!(
        "\u{3b5} = {} at \u{3b4} = {:e} (\u{3c1} = {:.6})",
        privacy.epsilon, privacy.delta, privacy.rho
    );
    if !*noise {
        let text = format!("None: the noise was switched off. With it, the answer costs {price}.");
        return section.with(Block::Paragraph(Text::fixed(text)));
    }
    let (made, shown) = if privacy.mechanism == PERMUTE_AND_FLIP {
        ("The answer was chosen by counts", "No figure left the enclave.".to_owned())
    } else {
        ("Every figure was computed from totals", shown(&result.answer, privacy))
    };
    let is_trial = matches!(source, Source::Trial);
    let cost = if is_trial { "With partners, the answer would cost" } else { "The answer cost" };
    let text = Text::fixed(made)
        .and(" that carry random noise (")
        .quote(privacy.mechanism.replace('_', " "))
        .and("). The noise protects ")
        .quote(&privacy.unit)
        .and(format!(". {cost} {price} of the budget of each dataset. {shown}"));
    let mut section = section.with(Block::Paragraph(text));
    if privacy.selection_delta > 0.0 {
        let on = if privacy.mechanism == SAMPLED_GAUSSIAN {
            "a cap on what steps of drawn people lose"
        } else {
            "groups whose values are private"
        };
        section.blocks.push(Block::Paragraph(Text::fixed(format!(
            "Beside it a \u{3b4} of {:e} was spent on {on}.",
            privacy.selection_delta
        ))));
    }
    if is_trial {
        return section.with(Block::Paragraph("A trial touches no budget.".into()));
    }
    let charges = privacy.charged.iter().map(|charge| {
        let left = left(charge.rho_left_in_instance);
        let paid = format!(": charged \u{3c1} = {:.6}; {left}.", charge.rho);
        Text::quoted(&charge.dataset).and(" of ").quote(&charge.owner).and(paid)
    });
    section.with(Block::List(charges.collect()))
}

/// The noisy head count from which something is shown.
fn least_shown(answer: &Answer, privacy: &PrivacyReport) -> i64 {
    answer.shown_from().unwrap_or_else(|| i64::from(privacy.min_cell))
}

/// Says what is too small to be shown, and what is shown however small.
fn shown(answer: &Answer, privacy: &PrivacyReport) -> String {
    let uses::Section { cell, besides, .. } = answer.section();
    let least = whole(least_shown(answer, privacy));
    let shown = format!(
        "{} of fewer than {least} people, after noise, would not have been shown.",
        capital(cell)
    );
    if besides.is_empty() { shown } else { format!("{shown} {besides}") }
}

fn left(rho: Option<f64>) -> String {
    match rho {
        None => "what is left of the budget sent to the enclave is in its result alone".to_owned(),
        Some(rho) if rho > 0.0 => {
            format!("of the budget sent to this enclave, \u{3c1} = {rho:.6} is left")
        }
        Some(_) => "all of the budget sent for this job was used".to_owned(),
    }
}

fn receipt(result: &JobResult, from: &Provenance) -> Section {
    let section = Section::new(Topic::Receipt, "Receipt".into());
    let term = |name: &'static str, text: Text| Term { name: name.into(), text };
    let mut terms = vec![
        term("Contract", Text::fixed(result.contract)),
        term("This result", Text::fixed(from.output)),
        term("Job", Text::quoted(&result.job)),
    ];
    if let Some(repeated) = from.asker.as_ref().and_then(Asker::repeated) {
        terms.push(term("Opened as", Text::quoted(repeated)));
    }
    let none = |why: &'static str| Block::Paragraph(why.into());
    let checked = match &from.source {
        Source::Receipt(checked) => checked,
        Source::Trial => {
            let none = none("None: a trial leaves no receipt.");
            return section.with(Block::Terms(terms)).with(none);
        }
        Source::Derived => {
            let none = none(
                "None: the receipt is about the answer that was derived inside, in result.json.",
            );
            return section.with(Block::Terms(terms)).with(none);
        }
    };
    terms.extend(checked.data.iter().map(|data| term("Data", data.words())));
    terms.push(term("Read by", Text::names(&checked.receivers, ", ")));
    terms.push(term("Root of trust", Text::quoted(&checked.root)));
    terms.push(term("Attested", Text::quoted(&checked.attested)));
    terms.extend(checked.registers.iter().map(|(index, register)| Term {
        name: Text::fixed(format!("PCR{index}")),
        text: Text::quoted(register),
    }));
    let root = checked.danger_root.as_ref();
    let root = root.map(|root| Text::fixed(" --danger-root ").quote(root)).unwrap_or_default();
    let registers = checked.registers.iter();
    let registers = registers.map(|(index, pcr)| format!(" \\\n    --pcr {index}={pcr}"));
    let anybody = Text::fixed("attestation-verifier receipt receipt.cbor result.json")
        .with(root.clone())
        .and(format!(" \\\n    --contract {}{}", result.contract, registers.collect::<String>()));
    let party = Text::fixed("glovebox receipt check receipt.cbor result.json --contract ")
        .quote(&checked.contract_file)
        .with(root);
    section
        .with(Block::Terms(terms))
        .with(Block::Paragraph(
            "Anybody can check, without asking anybody, that this answer came out of that build under that \
             contract:"
                .into(),
        ))
        .with(Block::Command(anybody))
        .with(Block::Paragraph(
            "A party to the contract can derive policy, noise and price again:".into(),
        ))
        .with(Block::Command(party))
}

/// The section of notes; `None` if there are no notes.
pub(crate) fn notes(notes: Vec<Text>) -> Option<Section> {
    let notes: Vec<_> = notes.into_iter().map(Text::capital).collect();
    let section = Section::new(Topic::Notes, "Notes".into());
    (!notes.is_empty()).then(|| section.with(Block::List(notes)))
}

/// The sentence that explains a flag: one that any kind may raise, or one that `own` explains.
pub(crate) fn explain(flag: &str, own: impl Fn(&str) -> Option<&'static str>) -> Text {
    if let Some(job) = flag.strip_prefix(NEAR_DUPLICATE) {
        return Text::fixed("it asks the same as job ").quote(job).and(
            ", or nearly the same. Together they say more than \
             each alone, at the price of both; the noise is made for that. The owners whose custody \
             countersigned it see this too.",
        );
    }
    if let Some(job) = flag.strip_prefix(SAME_FIGURES) {
        return Text::fixed("it asks of the same people what job ").quote(job).and(
            " had asked: these are that job's figures, with the same noise, and nothing was paid again. Both \
             together say no more than one of them.",
        );
    }
    if let Some(outcome) = flag.strip_prefix(DERIVED_MARGIN) {
        return Text::fixed("the margin of ").quote(outcome).and(
            " is none of the job's: it was chosen when the figures could be known. Whoever chooses margins so can show much that is \
             not so: sign the margin in the job next time.",
        );
    }
    if let Some(view) = flag.strip_prefix(DERIVED) {
        return Text::fixed("derived at home from the released figures, at ")
            .quote(view.replace('=', " "))
            .and(
                ": nothing was paid for it, and no receipt is about it. What is attested is result.json.",
            );
    }
    match flag {
        "consent_with_outcome" => {
            Text::fixed(danger::consent_with_outcome("consent is asked in the outcome data only"))
        }
        "match_keys_unused" => Text::fixed(danger::match_keys_unused(
            "a person is known by the first identifier that a row has, or the first of those that the contract \
             names, and the two datasets have others in common that this leaves unused",
        )),
        other => match own(other) {
            Some(sentence) => sentence.into(),
            None => Text::quoted(other).and(" (a flag that this version does not know)."),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(source: Source, earlier: Option<&str>) -> String {
        let job = crate::job::JobName::from([1; 32]);
        let asker = Asker {
            job,
            asked_by: "shop".to_owned(),
            reader: "shop".to_owned(),
            earlier: earlier.map(|analyst| (job, analyst.to_owned())),
        };
        let from = Provenance {
            simulated: true,
            asked_by: "shop".to_owned(),
            asker: Some(asker),
            output: crate::digest::Digest::of("sample", b"output"),
            source,
        };
        let result = crate::analysis::lift::sample::result();
        let result = result.map(Answer::from);
        let page = result.page(&from);
        format!("{} {}", page.subtitle.raw(), serde_json::to_string(&page.sections).unwrap())
    }

    #[test]
    fn a_trial_says_what_it_would_cost_and_that_no_budget_is_touched() {
        let trial = page(Source::Trial, None);
        assert!(trial.contains("With partners, the answer would cost"), "{trial}");
        assert!(trial.contains("A trial touches no budget."), "{trial}");
        assert!(!trial.contains("sent to this enclave") && !trial.contains("charged"), "{trial}");
        assert!(page(Source::Derived, None).contains("charged"));
    }

    #[test]
    fn whoever_is_taken_out_of_one_dataset_and_counts_in_another_is_said() {
        let digest = crate::digest::Digest::of("sample", b"list");
        let list = crate::opt_outs::NamedOptOuts { number: 1_795_435_200, places: 256, digest };
        let version = |dataset: &str, opt_outs| DataVersion {
            dataset: dataset.to_owned(),
            owner: "shop".to_owned(),
            version: 1,
            manifest: digest,
            declared: crate::sealed::Declared { rows: 1_000, rows_per_person: 1 },
            opt_outs,
        };
        let [people, sales] = [version("people", None), version("sales", Some(list))];
        let banner = taken_out(&[people.clone(), sales.clone()]).unwrap();
        let first = banner.reasons.first().unwrap().raw();
        assert_eq!(
            first,
            "Up to 256 identifiers are on the owner\u{2019}s list of opt-outs of sales."
        );
        assert!(taken_out(&[sales]).is_none(), "nobody is left who could count");
        assert!(taken_out(&[people.clone(), people]).is_none());
    }

    #[test]
    fn an_answer_to_another_partys_question_says_who_asked_first() {
        let again = page(Source::Derived, Some("media"));
        assert!(again.contains(" Asked by media (analyst key “ana”) for "), "{again}");
        assert!(again.contains(" UTC, and asked again by shop, free of charge."), "{again}");
        assert!(page(Source::Derived, None).contains(" Asked by shop (analyst key “ana”) for "));
    }

    /// Whatever a kind's notes call the threshold in force, the section on privacy does too.
    #[test]
    fn the_privacy_section_names_the_threshold_in_force_and_what_is_shown_however_small() {
        let mut table = crate::analysis::table::sample::by_shop().map(Answer::from);
        table.privacy.min_cell = 20;
        let Answer::Table(answer) = &mut table.answer else { panic!() };
        answer.shown_from = 1_025;
        let said = shown(&table.answer, &table.privacy);
        assert_eq!(
            said,
            "A group of fewer than 1,025 people, after noise, would not have been shown."
        );
        let mut lift = crate::analysis::lift::sample::result().map(Answer::from);
        lift.privacy.min_cell = 5_000;
        lift.flags.push("arm_withheld".to_owned());
        let said = shown(&lift.answer, &lift.privacy);
        let besides = lift.answer.section().besides;
        let expected = "An arm of fewer than 5,000 people, after noise, would not have been shown.";
        assert_eq!(said, format!("{expected} {besides}"));
        let page = serde_json::to_string(&lift.answer.page(&lift)).unwrap();
        assert!(page.contains("an arm has fewer than 5,000 people, after noise"), "{page}");
        assert!(!page.contains("contract's threshold"), "{page}");
    }

    /// Contracts, pages and documents say in the same words what is shown however small.
    #[test]
    fn documents_say_what_a_page_says_of_head_counts_that_are_shown_however_small() {
        let lift = crate::analysis::lift::sample::result().map(Answer::from);
        let besides = lift.answer.section().besides;
        assert!(!besides.is_empty());
        for document in [
            include_str!("../../analysis/lift/README.md"),
            include_str!("../../../spec/contract-v2.md"),
        ] {
            assert!(document.contains(besides), "{besides}");
        }
    }

    #[test]
    fn a_near_duplicate_may_differ_in_anything() {
        let said = explain("near_duplicate:77", |_| None).raw();
        assert!(said.starts_with("it asks the same as job 77, or nearly the same. "), "{said}");
        assert!(!said.contains("condition") && !said.contains("versions"), "{said}");
    }

    #[test]
    fn a_page_says_by_what_people_were_matched() {
        use crate::identity::Identifier::{Email, Phone};
        let mut result = crate::analysis::lift::sample::result();
        let said = |result: &crate::result::LiftResult| {
            let result = result.clone().map(Answer::from);
            let output = crate::digest::Digest::of("sample", b"output");
            let from = Provenance {
                simulated: true,
                asked_by: "shop".to_owned(),
                asker: None,
                output,
                source: Source::Trial,
            };
            result.page(&from).subtitle.raw()
        };
        assert!(!said(&result).contains("looked for"));
        result.matched_by = vec![Phone, Email];
        let ends = "Whoever is in the joined dataset was looked for by the first of these that the row there has: \
                    phone, then e-mail.";
        assert!(said(&result).ends_with(ends), "{}", said(&result));
    }

    /// A contract, a price and a result explain a danger in the same words.
    #[test]
    fn a_danger_is_explained_once() {
        for (flag, same) in [
            ("consent_with_outcome", danger::consent_with_outcome("")),
            ("match_keys_unused", danger::match_keys_unused("")),
        ] {
            let flag = explain(flag, |_| None).raw();
            assert!(flag.ends_with(&same), "{flag}");
        }
    }

    #[test]
    fn a_flag_of_a_later_version_is_quoted() {
        let text = explain("new<b>", |_| None);
        assert_eq!(text, Text::quoted("new<b>").and(" (a flag that this version does not know)."));
    }
}
