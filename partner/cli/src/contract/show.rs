use crate::{failure::Failure, files::Paper, say};
use ::page::terminal::wrap;
use client::clock;
use protocol::{
    analysis::{sections, uses::Section},
    contract::{Budget, Column, Contract, Dataset, Period, Role, Terms},
    loss::{Delta, Loss},
    page::{danger, number},
    text,
    time::Time,
};
use std::{
    fmt::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Read a contract as sentences: who, which data, what may be asked, what a person can lose
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The contract, signed or not
    file: PathBuf,
}

impl Show {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let page =
            page(&Paper::read_or_fill(&self.file)?, clock::now()).map_err(Failure::unclear)?;
        say::result(page.trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn page(paper: &Paper, now: Time) -> Result<String, fmt::Error> {
    let contract = &paper.contract;
    let mut page = String::new();
    writeln!(page, "Contract \"{}\"", contract.name)?;
    writeln!(page, "  digest   {}", contract.digest)?;
    let expired = if contract.expires <= now { "  EXPIRED" } else { "" };
    writeln!(page, "  ends     {}{expired}", number::moment(contract.expires))?;
    if let Some(before) = contract.supersedes {
        writeln!(page, "  names as its predecessor {before}")?;
        let text = "The old contract goes on until it ends or its rooms are closed.";
        wrap(&mut page, "    ", text)?;
    }
    parties(&mut page, paper)?;
    for (name, dataset) in &contract.datasets {
        self::dataset(&mut page, contract, name, dataset)?;
    }
    writeln!(page, "\nWhat may be asked")?;
    for (name, terms) in &contract.analyses {
        analysis(&mut page, name, terms)?;
        for danger in danger::dangers(contract, name) {
            wrap(&mut page, "    ", &danger)?;
        }
    }
    let text = format!(
        "Nothing is shown about {} of fewer than {} people (after noise).",
        cells(contract),
        contract.min_cell
    );
    wrap(&mut page, "  ", &text)?;
    for section in asked(contract).filter(|section| !section.besides.is_empty()) {
        wrap(&mut page, "  ", section.besides)?;
    }
    let columns = contract.datasets.values().flat_map(|dataset| &dataset.columns);
    if columns.map(|column| &column.role).any(|role| matches!(role, Role::Measure(_))) {
        let text = "A person's totals below 0 count as 0, unless a job says floor_per_user. Then what its answer \
                    says about somebody who is known to be in the data, and which of two histories is theirs, \
                    costs up to 4 rho instead of 2; whether somebody is in the data at all costs rho either way.";
        wrap(&mut page, "  ", text)?;
    }
    if contract.ids_per_person > 1 {
        let ids = contract.ids_per_person;
        writeln!(
            page,
            "  A person is taken to have up to {ids} identifiers; noise is multiplied by it."
        )?;
    }
    loss(&mut page, contract)?;
    writeln!(page, "\nWhere it runs")?;
    match contract.builds.len() {
        1 => {}
        builds => writeln!(
            page,
            "  In one of these {builds} builds: whoever runs any of them is handed the columns' keys."
        )?,
    }
    for build in &contract.builds {
        let only = if contract.builds.len() == 1 { "  In the build" } else { "  Build" };
        let alone = if contract.builds.len() == 1 { " only" } else { "" };
        writeln!(page, "{only} \"{}\"{alone}:", build.name)?;
        for (index, pcr) in &build.pcrs {
            writeln!(page, "    PCR{index} {pcr}")?;
        }
    }
    Ok(page)
}

/// Says what the people of the contract's analyses are divided into.
fn cells(contract: &Contract) -> String {
    asked(contract).map(|section| section.cell).collect::<Vec<_>>().join(" or ")
}

/// The kinds of analyses that the contract permits.
fn asked(contract: &Contract) -> impl Iterator<Item = &'static Section> {
    sections().filter(|section| {
        contract.analyses.values().any(|terms| terms.section().kind == section.kind)
    })
}

fn parties(page: &mut String, paper: &Paper) -> fmt::Result {
    writeln!(page, "\nWho")?;
    for (name, party) in &paper.contract.parties {
        let signed = if paper.signers.contains(&party.root_key) { "signed" } else { "NOT SIGNED" };
        writeln!(page, "  {name}: {signed}; root key {}", party.root_key)?;
        match &party.custody {
            Some(address) => writeln!(page, "    its custody answers at {address}")?,
            None => writeln!(
                page,
                "    it has no custody service: it must prepay with its grants, or submit jobs itself"
            )?,
        }
    }
    for key in &paper.signers {
        if paper.contract.party_of(key).is_none() {
            writeln!(page, "  a STRANGER has signed: key {key}")?;
        }
    }
    Ok(())
}

fn dataset(page: &mut String, contract: &Contract, name: &str, dataset: &Dataset) -> fmt::Result {
    writeln!(page, "\nDataset \"{name}\" of {} (lineage \"{}\")", dataset.owner, dataset.lineage)?;
    let used = contract.used_columns(name);
    for column in &dataset.columns {
        let granted = match column.role {
            Role::Person | Role::Never => "",
            _ if used.contains(&column) => "; its key is granted",
            _ => "; its key is never granted",
        };
        let head = format!("  {:<12} ", column.name);
        wrap(page, &head, &format!("{}{granted}", role(column)))?;
    }
    if let Some(danger) = danger::several_identifiers(contract, name) {
        wrap(page, "    ", &danger)?;
    }
    if let Some(claims) = danger::claims(contract, name) {
        wrap(page, "    ", &claims)?;
    }
    for (purpose, budget) in &dataset.budgets {
        writeln!(
            page,
            "  For {purpose}: epsilon {} {}, {} for life (delta {})",
            budget.epsilon,
            every(budget.period),
            budget.lifetime_epsilon,
            budget.delta
        )?;
        if let Some(basis) = dataset.legal_basis.get(purpose) {
            wrap(page, "    on the legal basis: ", basis)?;
        }
        if let Ok(delta) = Delta::try_from(budget.selection_delta) {
            writeln!(
                page,
                "    and delta {delta} in all for groups whose values are private, and for dense models"
            )?;
        }
    }
    Ok(())
}

fn analysis(page: &mut String, name: &str, terms: &Terms) -> fmt::Result {
    let text = format!(
        "\"{name}\", for {}: {}. Asked by {}; read by {}.",
        terms.purpose,
        terms.section().title,
        terms.analysts.join(", "),
        terms.receivers.join(", ")
    );
    wrap(page, "  ", &text)?;
    for used in terms.section().uses {
        wrap(page, "    ", &format!("{}: {}", used.title, terms.words(used)))?;
    }
    Ok(())
}

/// Says what one person can lose: each dataset's lifetime budgets, and their sum.
fn loss(page: &mut String, contract: &Contract) -> fmt::Result {
    writeln!(page, "\nWhat one person can lose at most, for life")?;
    let budgets = contract.datasets.values().flat_map(|d| d.budgets.values());
    let Some(delta) = budgets.map(|budget| budget.delta).max() else { return Ok(()) };
    let mut sum = Loss::zero();
    for (name, dataset) in &contract.datasets {
        let own = dataset.budgets.values().map(Budget::lifetime);
        let own = own.fold(Loss::zero(), |sum, loss| sum.plus(&loss));
        writeln!(page, "  through \"{name}\": {}", guarantee(&own, delta))?;
        sum = sum.plus(&own);
    }
    writeln!(page, "  through all of them: {}", guarantee(&sum, delta))?;
    writeln!(
        page,
        "  (Epsilon bounds how far the presence of one person can move the odds of anything that\n   \
         anybody concludes from all answers: by a factor of at most e^epsilon, but for a chance\n   of delta.)"
    )
}

fn guarantee(loss: &Loss, delta: Delta) -> String {
    format!(
        "epsilon {:.2} at delta {delta} (rho {:.4})",
        loss.rho().epsilon(delta),
        loss.rho().value()
    )
}

/// Says in words what a column is for.
pub(super) fn role(column: &Column) -> String {
    match &column.role {
        Role::MatchKey(kind) => {
            let kind = format!("{kind:?}").to_lowercase();
            format!("identifies the person ({kind}), normalised and hashed before it leaves")
        }
        Role::Group(domain) => format!("one of {}", text::quoted_list(domain)),
        Role::Label => "text of at most 32 bytes, whose values are not public".to_owned(),
        Role::Measure(scale) => {
            let counts = column.cap.map(|cap| {
                format!("; one person's total counts as {} at most", scale.shown(cap))
            });
            format!("a number to add up, {scale} decimals{}", counts.unwrap_or_default())
        }
        Role::Feature(scale) => format!("a number for models, {scale} decimals"),
        Role::Date => "a day".to_owned(),
        Role::Consent => "whether the person agreed; others are only counted".to_owned(),
        Role::Person => {
            "the owner's own name for the person, which never leaves: sealing knows by it whose rows are one person's"
                .to_owned()
        }
        Role::Never => "never leaves its owner".to_owned(),
        _ => "a role that this version does not know".to_owned(),
    }
}

/// Says in words how often a budget is filled.
pub(crate) fn every(period: Period) -> &'static str {
    match period {
        Period::Day => "every day",
        Period::Week => "every week",
        Period::Month => "every month",
        _ => "for the whole contract",
    }
}
