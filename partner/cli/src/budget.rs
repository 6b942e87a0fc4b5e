pub(crate) mod remaining;

use crate::{document, failure::Failure, files::Paper, people, profile, say, words};
use ::page::terminal::{columns, wrap};
use client::{clock, keys::Identity};
use custody::{BudgetLine, BudgetReport, InstanceLine, InstanceState, Ledger, OutstandingLine};
use protocol::{
    contract::Contract,
    loss::{Delta, Epsilon, Loss, Rho},
    page::number,
};
use std::{
    fmt::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Show what is left of this party's budgets, and which instance took what
#[derive(Debug, clap::Args)]
pub(crate) struct Budget {
    /// Directory with the party's keys and ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// The contract whose budgets to show [default: that of the usual room in the folder]
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
}

impl Budget {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let contract =
            Paper::read(&profile::contract(&self.dir, self.contract.as_deref())?)?.contract;
        let identity = Identity::load(&self.dir)?;
        let party = identity.party_in(&contract)?;
        let ledger = Ledger::open(&identity)?;
        let moved = ledger.moved()?;
        let report = ledger.report(&contract, party, clock::now())?;
        document::fields(&as_json(&report, &contract))?;
        document::fields(&serde_json::json!({"moved_to": moved.map(|moved| moved.destination)}))?;
        if let Some(moved) = moved {
            say::result(format_args!(
                "This ledger was moved to the place {}: it hands out nothing here any more, and what it says is of before.\n",
                moved.destination.short()
            ))?;
        }
        let page = page(&report, &contract, party).map_err(Failure::unclear)?;
        say::result(page.trim())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn page(report: &BudgetReport, contract: &Contract, party: &str) -> Result<String, fmt::Error> {
    let mut page = String::new();
    if report.restored {
        wrap(
            &mut page,
            "",
            "This ledger is a restored backup: it hands out nothing until \
            `glovebox custody accounted` has taken in the closings since then.",
        )?;
    }
    if report.budgets.is_empty() {
        writeln!(page, "{party} owns no dataset under this contract, and so has no budget.")?;
    }
    for line in &report.people {
        wrap(&mut page, "", &people::words(line))?;
        for words in people::about_overlaps(line) {
            wrap(&mut page, "", &words)?;
        }
    }
    for line in &report.budgets {
        budget(&mut page, line, contract)?;
    }
    if !report.budgets.is_empty() {
        writeln!(page)?;
        wrap(
            &mut page,
            "",
            "(Epsilon is what the contract says. Epsilons do not add up, their rhos do: used and left \
             make the whole.)",
        )?;
    }
    for instance in &report.instances {
        handed_to(&mut page, instance, contract)?;
    }
    Ok(page)
}

/// One budget: what was allowed, used and is left, and what it is enough for.
fn budget(page: &mut String, line: &BudgetLine, contract: &Contract) -> fmt::Result {
    writeln!(page, "\n{} for {}", line.dataset, line.purpose)?;
    let row = |period: &str, allowed: &Loss, used: &Loss, left: &Loss| {
        let jobs = one_job(line.delta).and_then(|cost| left.times(&cost));
        let jobs = jobs.map_or_else(|| "-".to_owned(), |jobs| jobs.to_string());
        let [whole, rest] = [allowed, left].map(|loss| epsilon(loss, line.delta));
        [format!("  {period}"), whole, rest, rho(allowed), rho(used), rho(left), jobs]
    };
    let head = ["", "epsilon", "left", "as rho", "used", "left", "jobs of epsilon 1"];
    let rows = [
        head.map(str::to_owned),
        row(&line.period, &line.allowed, &line.used, &line.remaining),
        row("for life", &line.lifetime_allowed, &line.lifetime_used, &line.lifetime_remaining),
    ];
    columns(page, &rows)?;
    if let Ok(allowed) = Delta::try_from(line.allowed.delta()) {
        let left = Delta::try_from(line.remaining.delta());
        let left = left.map_or_else(|_| "none".to_owned(), |left| left.to_string());
        let what = "groups whose values are private";
        writeln!(page, "  for {what}: a delta of {allowed} in all, {left} left")?;
    }
    page.push_str(&remaining::remaining(line, contract).printed()?);
    Ok(())
}

/// What one instance was handed, and what came back.
fn handed_to(page: &mut String, instance: &InstanceLine, contract: &Contract) -> fmt::Result {
    let charge = |loss: &Loss, line: &OutstandingLine| {
        words::charge(loss, words::delta_of(contract, &line.dataset, &line.purpose))
    };
    let state = state_of(instance);
    let since = number::moment(instance.first_seen);
    writeln!(page)?;
    wrap(page, "", &format!("instance {} since {since}, {state}", instance.instance.short()))?;
    for line in &instance.outstanding {
        let back = match instance.state {
            _ if !line.credited.is_zero() => {
                format!("; {} came back", charge(&line.credited, line))
            }
            InstanceState::Closed => "; nothing came back".to_owned(),
            _ => String::new(),
        };
        writeln!(
            page,
            "  took {} of {} for {}, {}{back}",
            charge(&line.granted, line),
            line.dataset,
            line.purpose,
            line.period,
        )?;
    }
    match instance.state {
        InstanceState::NotClosed => {
            writeln!(page, "  to look for its closing: glovebox custody settle")?;
        }
        // Only what an instance was handed can come back.
        InstanceState::Open if !instance.outstanding.is_empty() => wrap(
            page,
            "  ",
            "if it has ended: `glovebox custody settle` brings back what it did not spend; `glovebox close` would end the one that serves",
        )?,
        _ => {}
    }
    Ok(())
}

/// Says in words what has become of an instance.
pub(crate) fn state_of(instance: &InstanceLine) -> &'static str {
    match instance.state {
        InstanceState::Open => {
            "not closed, as far as this ledger knows: what it was handed may still be spent"
        }
        InstanceState::NotClosed => {
            "not closed, and a later one was handed budget, too: if it still serves, nothing is lost; if \
             it has ended without a closing, it cannot be settled"
        }
        InstanceState::Closed
            if instance.outstanding.iter().all(|line| line.credited.is_zero()) =>
        {
            "closed: it had spent all that it was handed"
        }
        InstanceState::Closed => "closed: what it had not spent came back",
        InstanceState::WrittenOff => "written off after a restored backup",
        _ => "in a state that this version does not know",
    }
}

fn as_json(report: &BudgetReport, contract: &Contract) -> serde_json::Value {
    let budgets = report.budgets.iter().map(|line| {
        serde_json::json!({
            "dataset": line.dataset, "lineage": line.lineage, "purpose": line.purpose,
            "period": line.period, "period_ends": line.period_ends.to_string(),
            "delta": line.delta.value(),
            "allowed_rho": line.allowed.rho().value(), "used_rho": line.used.rho().value(),
            "left_rho": line.remaining.rho().value(), "left_epsilon": line.remaining.rho().epsilon(line.delta),
            "lifetime_allowed_rho": line.lifetime_allowed.rho().value(),
            "lifetime_used_rho": line.lifetime_used.rho().value(),
            "lifetime_left_rho": line.lifetime_remaining.rho().value(),
            "debits": line.debits.iter().map(|debit| serde_json::json!({
                "analyst": debit.analyst, "analysis": debit.analysis, "jobs": debit.jobs,
                "latest": debit.latest.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "rho": debit.loss.rho().value(),
            })).collect::<Vec<_>>(),
            "decisions": line.decisions.iter().map(|of| serde_json::json!({
                "decision": of.decision, "jobs": of.jobs, "rho": of.loss.rho().value(),
            })).collect::<Vec<_>>(),
            "returned_rho": line.returned.rho().value(),
            "selection_delta_allowed": selection_delta(&line.allowed),
            "selection_delta_left": selection_delta(&line.remaining),
            "looks": remaining::latest(line).map(|job| remaining::as_json(line, job, contract)).collect::<Vec<_>>(),
            "jobs": line.jobs.iter().map(remaining::job_as_json).collect::<Vec<_>>(),
        })
    });
    let instances = report.instances.iter().map(|instance| {
        let taken = instance.outstanding.iter().map(|line| {
            serde_json::json!({
                "dataset": line.dataset, "purpose": line.purpose, "period": line.period,
                "granted_rho": line.granted.rho().value(), "credited_rho": line.credited.rho().value(),
            })
        });
        let state = match instance.state {
            InstanceState::Open => "open",
            InstanceState::NotClosed => "not_closed",
            InstanceState::Closed => "closed",
            InstanceState::WrittenOff => "written_off",
            _ => "unknown",
        };
        serde_json::json!({
            "instance": instance.instance, "contract": instance.contract, "state": state,
            "first_seen": instance.first_seen.to_string(), "accounts": taken.collect::<Vec<_>>(),
        })
    });
    serde_json::json!({
        "restored": report.restored,
        "people": report.people.iter().map(people::as_json).collect::<Vec<_>>(),
        "budgets": budgets.collect::<Vec<_>>(),
        "instances": instances.collect::<Vec<_>>(),
    })
}

fn rho(loss: &Loss) -> String {
    format!("{:.6}", loss.rho().value())
}

fn epsilon(loss: &Loss, delta: Delta) -> String {
    format!("{:.3}", loss.rho().epsilon(delta))
}

/// The δ that a loss spends on groups whose values are private.
fn selection_delta(loss: &Loss) -> f64 {
    Delta::try_from(loss.delta()).map_or(0.0, Delta::value)
}

/// The loss of a job of ε = 1 at the budget's δ.
pub(crate) fn one_job(delta: Delta) -> Option<Loss> {
    let epsilon = Epsilon::new(1.0).ok()?;
    Some(Loss::zcdp(Rho::from_epsilon(epsilon, delta)))
}
