//! An audit log in words and as JSON.

use crate::{
    failure::Failure,
    say,
    words::{self, counted},
};
use client::audit::KeptLog;
use protocol::{
    audit::{Entry, Event, Listed},
    contract::Contract,
    job::JobName,
    loss::Loss,
    page::number,
    refusal::Refusal,
};
use std::collections::BTreeMap;

/// Prints the entries, and then how many there were of each kind and what was charged.
pub(super) fn print(kept: &KeptLog, contract: &Contract) -> Result<(), Failure> {
    say::result(format_args!(
        "instance {}, as {} may see it",
        kept.instance().short(),
        kept.party()
    ))?;
    let paid = paid_in(&kept.log().texts().collect::<Vec<_>>());
    let mut texts = kept.log().texts();
    for (number, listed) in kept.log().entries().iter().enumerate() {
        match listed {
            Listed::Others(leaf) => {
                let leaf = leaf.to_string();
                say::result(format_args!(
                    "{number:>5}  for others ({})",
                    leaf.get(..8).unwrap_or("")
                ))?;
            }
            Listed::NotKept(_) => say::result(format_args!(
                "{number:>5}  an entry whose text the instance did not keep: too long, or of a party that was refused too often"
            ))?,
            Listed::Text(_) => {
                let Some(entry) = texts.next() else { continue };
                let moment = number::moment(entry.time);
                let words = sentence(&entry, contract, &paid);
                say::result(format_args!("{number:>5}  {moment}  {words}"))?;
            }
        }
    }
    let sums = Sums::of(kept.log().texts());
    let never = sums.unpaid.saturating_sub(u64::try_from(paid.len()).unwrap_or(u64::MAX));
    say::result(format_args!(
        "answered {}, {} of them free of charge; not paid, and so not run: {never}; refused {}",
        counted(sums.answered, "job", "jobs"),
        sums.free,
        counted(sums.refused.values().sum::<u64>(), "request", "requests")
    ))?;
    for (party, count) in &sums.unlisted {
        say::result(format_args!(
            "  and at least {} of {party} without an entry: it had had its share of them",
            counted(*count, "request", "requests")
        ))?;
    }
    for (kind, count) in &sums.refused {
        say::result(format_args!("  refused as {kind}: {count}"))?;
    }
    for ((dataset, purpose), loss) in &sums.charged {
        let delta = words::delta_of(contract, dataset, purpose);
        say::result(format_args!(
            "  charged to {dataset} for {purpose}: {}",
            words::charge(loss, delta)
        ))?;
    }
    Ok(())
}

/// In which entry each job was answered that had been asked before it was paid, by the entry in which it was asked.
///
/// An entry on what was declined does not name the job. It is taken for the job of the next answer of the same party, analysis and
/// price: whoever asks for slices gets them for the job that was declined last.
pub(super) fn paid_in(entries: &[Entry]) -> BTreeMap<u64, u64> {
    let mut asked: Vec<(u64, &str, &str, &Loss)> = Vec::new();
    let mut paid = BTreeMap::new();
    for entry in entries {
        match &entry.event {
            Event::Refused {
                party,
                analysis: Some(analysis),
                refusal: Refusal::NeedsSlice { cost, .. },
                ..
            } => asked.push((entry.number, party, analysis, cost)),
            Event::Answered { asked_by, analysis, charged, .. } => {
                let is_it = |(_, party, of, cost): &(u64, &str, &str, &Loss)| {
                    *party == asked_by
                        && *of == analysis
                        && charged.iter().any(|charge| charge.loss == **cost)
                };
                if let Some(at) = asked.iter().rposition(is_it) {
                    paid.insert(asked.remove(at).0, entry.number);
                }
            }
            _ => {}
        }
    }
    paid
}

/// An entry in a sentence.
fn sentence(entry: &Entry, contract: &Contract, paid: &BTreeMap<u64, u64>) -> String {
    match &entry.event {
        Event::Opened { contract, .. } => {
            format!("the instance began, under contract {}", contract.short())
        }
        Event::Granted { dataset, manifest, not_after } => format!(
            "{dataset} was granted, version {}, until {}",
            manifest.short(),
            number::moment(*not_after)
        ),
        Event::Dropped { dataset } => format!("the grant of {dataset} ended"),
        Event::Withdrawn { party, .. } => format!("a key of {party} was withdrawn"),
        Event::Answered { .. } => answered(entry, contract).unwrap_or_default(),
        Event::Refused {
            party,
            analysis,
            refusal: Refusal::NeedsSlice { dataset, owner, cost, others, .. },
            ..
        } => {
            let analysis = analysis.as_deref().unwrap_or("a job");
            let purpose = contract.analyses.get(analysis).map(|terms| terms.purpose.as_str());
            let delta = purpose.and_then(|purpose| words::delta_of(contract, dataset, purpose));
            let price = words::charge(cost, delta);
            let owners: Vec<_> = std::iter::once(owner).chain(others).map(String::as_str).collect();
            let what_became = match paid.get(&entry.number) {
                Some(number) => format!("paid and answered in entry {number}"),
                None => format!("not paid by {} so far: nothing was run", owners.join(" and ")),
            };
            format!("{party} asked the price of {analysis}, {price}; {what_became}")
        }
        Event::Refused { party, analysis, refusal, .. } => {
            let what =
                analysis.as_ref().map_or("a request".to_owned(), |name| format!("a job of {name}"));
            format!("{what} of {party} was refused: {refusal}")
        }
        Event::Unlisted { party, requests } => format!(
            "{} of {party} so far {} declined without an entry of {} own: the party had had its share of those entries",
            counted(*requests, "request", "requests"),
            if *requests == 1 { "was" } else { "were" },
            if *requests == 1 { "its" } else { "their" },
        ),
        Event::Closed {} => "the instance closed".to_owned(),
        _ => "an event that this program does not know".to_owned(),
    }
}

/// The entry on an answer; `None` for another entry.
fn answered(entry: &Entry, contract: &Contract) -> Option<String> {
    let Event::Answered {
        job,
        asked_by,
        receivers,
        analysis,
        purpose,
        datasets,
        charged,
        decision,
        checks,
        ..
    } = &entry.event
    else {
        return None;
    };
    let versions = datasets.iter().map(|(name, manifest)| format!("{name} {}", manifest.short()));
    let versions = versions.collect::<Vec<_>>().join(", ");
    let charges = charged.iter().map(|charge| {
        let delta = words::delta_of(contract, &charge.dataset, &charge.purpose);
        format!("{} {}", charge.dataset, words::charge(&charge.loss, delta))
    });
    let price = match charges.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "nothing, since its figures had been paid for".to_owned(),
        charges => charges,
    };
    let digits = |job: &JobName| job.to_string().chars().take(12).collect::<String>();
    let decision = decision.as_ref();
    let decision = decision.map_or_else(String::new, |words| format!(", to decide \"{words}\""));
    let checks = checks.as_ref();
    let checks =
        checks.map_or_else(String::new, |checked| format!(", a check of job {}", digits(checked)));
    Some(format!(
        "{analysis} was answered: asked by {asked_by} for {purpose}{decision}, read by {}, of {versions}; \
         charged {price}; job {}{checks}",
        receivers.join(", "),
        digits(job)
    ))
}

/// What the entries come to.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) answered: u64,
    pub(super) free: u64,
    pub(super) unpaid: u64,
    refused: BTreeMap<String, u64>,
    /// How many requests of each party were refused at least, beside those that have an entry.
    pub(super) unlisted: BTreeMap<String, u64>,
    charged: BTreeMap<(String, String), Loss>,
}

impl Sums {
    pub(super) fn of(entries: impl Iterator<Item = Entry>) -> Self {
        let mut sums = Self::default();
        for entry in entries {
            match entry.event {
                Event::Answered { charged, .. } => {
                    sums.answered += 1;
                    sums.free += u64::from(charged.is_empty());
                    for charge in charged {
                        let sum = sums.charged.entry((charge.dataset, charge.purpose));
                        let sum = sum.or_insert_with(Loss::zero);
                        *sum = sum.plus(&charge.loss);
                    }
                }
                // A party may ask before its owners have paid: they then see the price, and nothing was declined.
                Event::Refused { refusal: Refusal::NeedsSlice { .. }, .. } => sums.unpaid += 1,
                Event::Refused { refusal, .. } => {
                    *sums.refused.entry(refusal.kind()).or_default() += 1
                }
                Event::Unlisted { party, requests } => {
                    sums.unlisted.insert(party, requests);
                }
                _ => {}
            }
        }
        sums
    }
}

/// The log for programs.
pub(super) fn as_json(kept: &KeptLog) -> serde_json::Value {
    let paid = paid_in(&kept.log().texts().collect::<Vec<_>>());
    let mut texts = kept.log().texts();
    let entries = kept.log().entries().iter().map(|listed| {
        let text = matches!(listed, Listed::Text(_)).then(|| texts.next()).flatten();
        serde_json::json!({
            "paid_in": text.as_ref().and_then(|entry| paid.get(&entry.number)),
            "leaf": listed.leaf().to_string(),
            "kept": !matches!(listed, Listed::NotKept(_)),
            "time": text.as_ref().map(|entry| entry.time.to_string()),
            "event": text.map(|entry| event(&entry.event)),
        })
    });
    let sums = Sums::of(kept.log().texts());
    let charged = sums.charged.iter().map(|((dataset, purpose), loss)| {
        serde_json::json!({"dataset": dataset, "purpose": purpose, "rho": loss.rho().value()})
    });
    serde_json::json!({
        "instance": kept.instance(),
        "party": kept.party(),
        "entries": entries.collect::<Vec<_>>(),
        "heads": kept.heads().iter().map(|seen| serde_json::json!({
            "size": seen.head.size, "root": seen.head.root.to_string(), "time": seen.time.to_string(),
        })).collect::<Vec<_>>(),
        "answered": sums.answered,
        "answered_for_nothing": sums.free,
        "asked_before_paying": sums.unpaid,
        "never_paid": sums.unpaid.saturating_sub(u64::try_from(paid.len()).unwrap_or(u64::MAX)),
        "refused": sums.refused,
        "refused_without_entry": sums.unlisted,
        "charged": charged.collect::<Vec<_>>(),
    })
}

/// An event for programs: names, digests and amounts, but a refusal by its kind and words.
fn event(event: &Event) -> serde_json::Value {
    match event {
        Event::Answered {
            job,
            asked_by,
            receivers,
            analysis,
            purpose,
            datasets,
            charged,
            output,
            decision,
            checks,
        } => {
            serde_json::json!({"answered": {
                "decision": decision, "checks": checks.map(|checked| checked.to_string()),
                "job": job.to_string(), "asked_by": asked_by, "receivers": receivers, "analysis": analysis,
                "purpose": purpose, "datasets": datasets, "output": output,
                "charged": charged.iter().map(|charge| serde_json::json!({
                    "dataset": charge.dataset, "owner": charge.owner, "rho": charge.loss.rho().value(),
                })).collect::<Vec<_>>(),
            }})
        }
        Event::Refused { party, request, analysis, refusal } => serde_json::json!({"refused": {
            "party": party, "request": request, "analysis": analysis, "kind": refusal.kind(),
            "why": refusal.to_string(),
        }}),
        Event::Granted { dataset, manifest, not_after } => serde_json::json!({"granted": {
            "dataset": dataset, "manifest": manifest, "not_after": not_after.to_string(),
        }}),
        Event::Withdrawn { party, key } => {
            serde_json::json!({"withdrawn": {"party": party, "key": key.to_string()}})
        }
        other => serde_json::json!(other),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use protocol::{digest::Digest, loss::Rho, receipt::Charge, time::Time};

    /// A log whose entries are a second apart.
    pub(in crate::audit) fn log(events: Vec<Event>) -> Vec<Entry> {
        let entry =
            |(number, event)| Entry { number, salt: [0; 16], time: Time(number * 1000), event };
        (0..).zip(events).map(entry).collect()
    }

    fn cost(rho: u64) -> Loss {
        Loss::zcdp(Rho(rho))
    }

    pub(in crate::audit) fn priced(party: &str, rho: u64) -> Event {
        let refusal = Refusal::NeedsSlice {
            dataset: "sales".to_owned(),
            owner: "shop".to_owned(),
            cost: cost(rho),
            left: Loss::zero(),
            others: Vec::new(),
        };
        let (party, request) = (party.to_owned(), Digest::of("request", b""));
        Event::Refused { party, request, analysis: Some("lift".to_owned()), refusal }
    }

    pub(in crate::audit) fn answered(by: &str, rho: u64) -> Event {
        let charge = |loss| Charge {
            dataset: "sales".to_owned(),
            owner: "shop".to_owned(),
            purpose: "measurement".to_owned(),
            loss,
        };
        Event::Answered {
            job: JobName::from([7; 32]),
            asked_by: by.to_owned(),
            receivers: Vec::new(),
            analysis: "lift".to_owned(),
            purpose: "measurement".to_owned(),
            datasets: BTreeMap::new(),
            charged: (rho > 0).then(|| charge(cost(rho))).into_iter().collect(),
            output: Digest::of("output", b""),
            decision: None,
            checks: None,
        }
    }

    /// A price that was asked is told from one that nobody ever paid, whoever asked in between and whatever was free.
    #[test]
    fn what_was_asked_before_it_was_paid_names_its_answer_if_there_is_one() {
        let entries = log(vec![
            priced("agency", 5),
            priced("agency", 5),
            priced("agency", 9),
            priced("brand", 5),
            answered("agency", 5),
            answered("agency", 0),
            answered("brand", 5),
            priced("agency", 9),
        ]);
        assert_eq!(paid_in(&entries), BTreeMap::from([(1, 4), (3, 6)]));
        let paid = paid_in(&entries);
        let sample = include_str!("../../../../protocol/src/analysis/lift/sample/contract.toml");
        let contract = rehearsal::with_throw_away_keys(sample).unwrap().unwrap();
        let said = |at: usize| sentence(&entries[at], &contract, &paid);
        assert!(said(1).contains("paid and answered in entry 4"), "{}", said(1));
        assert!(said(0).ends_with("not paid by shop so far: nothing was run"), "{}", said(0));
    }
}
