//! Whose people a dataset has: what the owner is asked, and what these people have lost so far.

use crate::{failure::Failure, say};
use client::{
    clock,
    people::{Overlap, Sketches},
};
use custody::{Answers, Ledger, LedgerError, PeopleAnswer, PeopleLine};
use protocol::contract::Contract;

/// Whose people the party's datasets have, where its ledger cannot know.
///
/// Asked once for each new lineage, purpose or period of a party whose people have lost budget before, and
/// of each two lineages that share many people.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PeopleArgs {
    /// The dataset has the people of this earlier lineage: the losses of both are one sum
    #[arg(long, value_name = "[DATASET=]LINEAGE")]
    same_people: Vec<String>,

    /// The dataset has nobody who was in a dataset that this party sealed before; say it for one
    /// dataset, or for all that are asked about
    #[arg(long, value_name = "DATASET", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    new_people: Vec<String>,

    /// The dataset has other people, even where sealing found that many of them are in an earlier
    /// lineage
    #[arg(long, requires = "new_people")]
    although_they_overlap: bool,
}

impl PeopleArgs {
    /// Records the answers for the party's datasets under `contract`, or says what has to be answered.
    pub(crate) fn acknowledge(
        &self,
        ledger: &mut Ledger,
        contract: &Contract,
        party: &str,
    ) -> Result<(), Failure> {
        let answers = self.answers()?;
        let owns =
            |name: &str| contract.datasets.get(name).is_some_and(|dataset| dataset.owner == party);
        if let Some(strange) = answers.datasets().find(|name| !owns(name)) {
            return Err(Failure::unclear(format!(
                "{party} has no dataset \"{}\" under this contract: name one of its own",
                say::name(strange)
            )));
        }
        if let Some(directory) = ledger.path().parent() {
            let sketches = Sketches::open(directory)?;
            let owned = contract.datasets.iter().filter(|(_, dataset)| dataset.owner == party);
            for (name, dataset) in owned {
                let lineage = dataset.lineage.as_str();
                let overlaps = sketches.overlaps(lineage, &sketches.read(lineage)?)?;
                self.examine(ledger, contract, (name, lineage), &overlaps)?;
            }
        }
        ledger.acknowledge(contract, party, &answers, clock::now())?;
        // An answer may later be corrected to "the same people", never to "other people".
        for (name, dataset) in contract.datasets.iter().filter(|(name, _)| owns(name)) {
            self.join(ledger, name, &dataset.lineage)?;
        }
        Ok(())
    }

    /// Refuses a dataset many of whose people are in another lineage, unless the owner has answered
    /// for both: that they are the same, or with so many words that they are others. Small shares
    /// are printed and kept in the ledger, and refused once they are large over all lineages
    /// together.
    pub(crate) fn examine(
        &self,
        ledger: &mut Ledger,
        contract: &Contract,
        (dataset, lineage): (&str, &str),
        overlaps: &[Overlap],
    ) -> Result<(), Failure> {
        let answers = self.answers()?;
        let (mut open, mut apart) = (Vec::new(), Vec::new());
        for overlap in overlaps {
            let other = overlap.lineage.as_str();
            if ledger.is_answered(lineage, other)? {
                continue;
            }
            // Of two datasets of one contract, either one may be declared to have the people of the
            // other.
            let theirs = contract.datasets.iter().filter(|(_, found)| found.lineage == other);
            let theirs = theirs.filter_map(|(name, _)| Some((answers.of(name)?, lineage)));
            let said = answers.of(dataset).map(|whose| (whose, other)).into_iter().chain(theirs);
            let (mut same, mut others) = (false, false);
            for (whose, of) in said {
                match whose {
                    PeopleAnswer::Same(named) => {
                        same |= named == of || ledger.are_one(named, of)?
                    }
                    _ => others |= self.although_they_overlap,
                }
            }
            if same {
                continue;
            }
            if others { apart.push(overlap) } else { open.push(overlap.clone()) }
        }
        if let Some((overlap, why)) = ledger.to_ask(lineage, &open)? {
            let (dataset, lineage) = (dataset.to_owned(), lineage.to_owned());
            return Err(LedgerError::SharedPeople { dataset, lineage, overlap, why }.into());
        }
        let now = clock::now();
        for overlap in &apart {
            ledger.tell_apart(lineage, &overlap.lineage, now)?;
        }
        for overlap in apart.into_iter().chain(&open) {
            if ledger.note_known(lineage, overlap, now)? {
                say::note(format_args!(
                    "{} % of the people in \"{dataset}\" (lineage \"{lineage}\") are in lineage \"{other}\", and \
                     {} % of the people known of that are in \"{dataset}\". The ledger takes them for other \
                     people and keeps these shares. If they are the same people, say --same-people \
                     {dataset}={other}.",
                    overlap.of_file,
                    overlap.of_lineage,
                    other = overlap.lineage,
                ));
            }
        }
        Ok(())
    }

    /// Records that the people of `dataset` are those of another lineage, if the owner said so.
    pub(crate) fn join(
        &self,
        ledger: &mut Ledger,
        dataset: &str,
        lineage: &str,
    ) -> Result<(), Failure> {
        match self.answers()?.of(dataset) {
            Some(PeopleAnswer::Same(other)) if other != lineage => {
                Ok(ledger.join(lineage, other, clock::now())?)
            }
            _ => Ok(()),
        }
    }

    fn answers(&self) -> Result<Answers, Failure> {
        let mut answers = Answers::default();
        let same = self.same_people.iter().map(|text| match text.split_once('=') {
            Some((dataset, lineage)) => (Some(dataset), PeopleAnswer::Same(lineage.to_owned())),
            None => (None, PeopleAnswer::Same(text.clone())),
        });
        let new = self.new_people.iter().map(|name| match name.as_str() {
            "" => (None, PeopleAnswer::New),
            dataset => (Some(dataset), PeopleAnswer::New),
        });
        for (dataset, whose) in same.chain(new) {
            if !answers.add(dataset.map(str::to_owned), whose) {
                let what = dataset.map_or_else(String::new, |dataset| format!(" of \"{dataset}\""));
                return Err(Failure::unclear(format!(
                    "whose the people{what} are was answered twice: --same-people and --new-people \
                     exclude each other"
                )));
            }
        }
        Ok(answers)
    }
}

/// Says what the people of one or more datasets have lost, under all names together.
pub(crate) fn words(line: &PeopleLine) -> String {
    let datasets = line.datasets.join(" and ");
    let epsilon = |loss: &protocol::loss::Loss| loss.rho().epsilon(line.delta);
    if line.lost.is_zero() {
        return format!("People of {datasets}: nothing lost so far.");
    }
    let parts = line.by_purpose.iter().map(|(lineage, purpose, lost)| {
        format!("{:.3} as \"{lineage}\" for {purpose}", epsilon(lost))
    });
    format!(
        "People of {datasets}: each may have lost up to epsilon {:.3} so far (rho {:.6}), over all \
         purposes, names and contracts: {}. This build lets nobody lose more than {:.0}.",
        epsilon(&line.lost),
        line.lost.rho().value(),
        parts.collect::<Vec<_>>().join(", "),
        epsilon(&line.ceiling),
    )
}

/// Says which overlaps the owner has not answered for, so that nothing is handed out, and which
/// people were known elsewhere when they were taken for others.
pub(crate) fn about_overlaps(line: &PeopleLine) -> impl Iterator<Item = String> {
    let open = line.unanswered.iter().map(|(lineage, overlap)| {
        format!(
            "NOT ANSWERED: {} % of the people known of lineage \"{lineage}\" are in lineage \"{}\", and {} % \
             of those are in it. Nothing is handed out of \"{lineage}\" until `glovebox contract sign` has \
             been told whether they are the same (--same-people) or others (--new-people \
             --although-they-overlap).",
            overlap.of_file, overlap.lineage, overlap.of_lineage
        )
    });
    let known = line.known.iter().map(|known| {
        format!(
            "{} % of the people of lineage \"{}\" were known of lineage \"{other}\" when they were taken \
             for others, and {} % of those known of \"{other}\" were in it: whoever is in both can lose the \
             budget of each.",
            known.of_lineage,
            known.lineage,
            known.of_other,
            other = known.other,
        )
    });
    open.chain(known)
}

/// What the people of one or more datasets have lost, as JSON.
pub(crate) fn as_json(line: &PeopleLine) -> serde_json::Value {
    let by_purpose = line.by_purpose.iter().map(|(lineage, purpose, lost)| {
        serde_json::json!({
            "lineage": lineage, "purpose": purpose, "lost_rho": lost.rho().value(),
            "lost_epsilon": lost.rho().epsilon(line.delta),
        })
    });
    let unanswered = line.unanswered.iter().map(|(lineage, overlap)| {
        serde_json::json!({
            "lineage": lineage, "other": overlap.lineage, "percent_of_lineage": overlap.of_file,
            "percent_of_other": overlap.of_lineage,
        })
    });
    let known = line.known.iter().map(|known| {
        serde_json::json!({
            "lineage": known.lineage, "other": known.other,
            "percent_of_lineage": known.of_lineage, "percent_of_other": known.of_other,
        })
    });
    serde_json::json!({
        "datasets": line.datasets, "lineages": line.lineages, "delta": line.delta.value(),
        "lost_epsilon": line.lost.rho().epsilon(line.delta), "lost_rho": line.lost.rho().value(),
        "ceiling_epsilon": line.ceiling.rho().epsilon(line.delta),
        "ceiling_rho": line.ceiling.rho().value(),
        "by_purpose": by_purpose.collect::<Vec<_>>(),
        "unanswered": unanswered.collect::<Vec<_>>(),
        "known": known.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        people: PeopleArgs,
    }

    fn answers(words: &[&str]) -> Result<Answers, Failure> {
        let line = Line::try_parse_from([&["glovebox"], words].concat()).unwrap();
        line.people.answers()
    }

    #[test]
    fn an_answer_is_for_one_dataset_or_for_all_and_given_once() {
        let mut expected = Answers::default();
        assert!(expected.add(Some("crm".to_owned()), PeopleAnswer::Same("sales".to_owned())));
        assert!(expected.add(None, PeopleAnswer::New));
        assert_eq!(answers(&["--new-people", "--same-people", "crm=sales"]).unwrap(), expected);
        assert_eq!(answers(&[]).unwrap(), Answers::default());
        for twice in [
            &["--same-people", "sales", "--new-people"][..],
            &["--same-people", "a", "--same-people", "b"],
            &["--new-people=crm", "--same-people", "crm=sales"],
        ] {
            assert!(answers(twice).is_err(), "{twice:?}");
        }
    }
}
