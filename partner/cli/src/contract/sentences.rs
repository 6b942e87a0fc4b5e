//! A contract in sentences: who, which data, what may be asked, what a person can lose.

use crate::{files::Paper, outline::Outline};
use attestation_verifier::Region;
use protocol::{
    analysis::{self, sections, uses::Section},
    contract::{Budget, Column, Contract, Dataset, Floor, Period, Role, Terms},
    loss::{Delta, Loss},
    page::{Text, danger, number},
    text,
    time::Time,
};

/// The contract in sentences.
pub(crate) fn outline(paper: &Paper, now: Time) -> Outline {
    let contract = &paper.contract;
    let mut page = Outline::default();
    page.heading(Text::fixed("Contract \"").quote(&contract.name).and("\""));
    page.whole(1, Text::fixed("digest   ").and(contract.digest));
    let expired = if contract.expires <= now { "  EXPIRED" } else { "" };
    page.whole(1, Text::fixed(format!("ends     {}{expired}", number::moment(contract.expires))));
    if let Some(before) = contract.supersedes {
        page.whole(1, Text::fixed("names as its predecessor ").and(before));
        page.sentence(2, "The old contract goes on until it ends or its rooms are closed.".into());
    }
    parties(&mut page, paper);
    for (name, dataset) in &contract.datasets {
        self::dataset(&mut page, contract, name, dataset);
    }
    page.heading("What may be asked".into());
    for (name, terms) in &contract.analyses {
        analysis(&mut page, name, terms);
        for danger in danger::dangers(contract, name) {
            page.sentence(2, Text::fixed(danger));
        }
    }
    of_all_questions(&mut page, contract);
    loss(&mut page, contract);
    page.heading("Where it runs".into());
    regions(&mut page, contract);
    match contract.builds.len() {
        1 => {}
        builds => page.whole(
            1,
            Text::fixed(format!(
                "In one of these {builds} builds: whoever runs any of them is handed the columns' keys."
            )),
        ),
    }
    for build in &contract.builds {
        let only = if contract.builds.len() == 1 { "In the build \"" } else { "Build \"" };
        let alone = if contract.builds.len() == 1 { "\" only:" } else { "\":" };
        page.whole(1, Text::fixed(only).quote(&build.name).and(alone));
        for (index, pcr) in &build.pcrs {
            page.whole(2, Text::fixed(format!("PCR{index} {pcr}")));
        }
        if let Some(manifest) = build.manifest {
            page.whole(2, Text::fixed(format!("build manifest {manifest}")));
        }
    }
    if !contract.build_signers.is_empty() {
        page.sentence(
            1,
            "Rebuilt by the holder of each of these keys, who signed its manifest:".into(),
        );
        for key in &contract.build_signers {
            page.whole(2, Text::fixed(key.to_string()));
        }
    }
    page
}

/// In which regions of AWS, if the contract says so.
fn regions(page: &mut Outline, contract: &Contract) {
    if !contract.regions.is_empty() {
        page.sentence(
            1,
            Text::fixed(format!(
                "In {} only, as AWS's certificates name the region of the machine. A simulated enclave is in none, and is not \
                 refused for it.",
                in_words(&contract.regions)
            )),
        );
    }
}

/// Names of regions in words.
pub(super) fn in_words(regions: &[Region]) -> String {
    regions.iter().map(Region::as_str).collect::<Vec<_>>().join(" or ")
}

/// What holds for whatever is asked.
fn of_all_questions(page: &mut Outline, contract: &Contract) {
    let text = format!(
        "Nothing is shown about {} of fewer than {} people (after noise).",
        cells(contract),
        contract.min_cell
    );
    let mut columns = contract.datasets.values().flat_map(|dataset| &dataset.columns);
    let has_floors = columns.any(|column| column.min_cell.is_some())
        || contract.analyses.values().any(|terms| !terms.floors.is_empty());
    let more = if has_floors {
        " Where a question reads columns with floors of their own, the largest of them holds."
    } else {
        ""
    };
    page.sentence(1, Text::fixed(text).and(more));
    for section in asked(contract).filter(|section| !section.besides.is_empty()) {
        page.sentence(1, section.besides.into());
    }
    let has_floors =
        |section: &Section| analysis::shape(section.kind).is_some_and(|job| job.has(FLOOR));
    if asked(contract).any(has_floors) {
        let text = "A person's totals below 0 count as 0, unless a job says floor_per_user. Then what its answer \
                    says about somebody who is known to be in the data, and which of two histories is theirs, \
                    costs up to 4 rho instead of 2; whether somebody is in the data at all costs rho either way.";
        page.sentence(1, text.into());
    }
    if contract.ids_per_person > 1 {
        let ids = contract.ids_per_person;
        let text = format!(
            "A person is taken to have up to {ids} identifiers; noise is multiplied by it."
        );
        page.whole(1, Text::fixed(text));
    }
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

fn parties(page: &mut Outline, paper: &Paper) {
    page.heading("Who".into());
    for (name, party) in &paper.contract.parties {
        let signed = if paper.signers.contains(&party.root_key) { "signed" } else { "NOT SIGNED" };
        let text = Text::quoted(name).and(format!(": {signed}; root key {}", party.root_key));
        page.whole(1, text);
        page.whole(
            2,
            match &party.custody {
                Some(address) => Text::fixed("its custody answers at ").quote(address),
                None => {
                    "it has no custody service: it must prepay with its grants, or submit jobs itself"
                        .into()
                }
            },
        );
    }
    for key in &paper.signers {
        if paper.contract.party_of(key).is_none() {
            page.whole(1, Text::fixed(format!("a STRANGER has signed: key {key}")));
        }
    }
}

fn dataset(page: &mut Outline, contract: &Contract, name: &str, dataset: &Dataset) {
    let heading = Text::fixed("Dataset \"").quote(name).and("\" of ").quote(&dataset.owner);
    page.heading(heading.and(" (lineage \"").quote(&dataset.lineage).and("\")"));
    let used = contract.used_columns(name);
    for column in &dataset.columns {
        let granted = match column.role {
            Role::Person | Role::Never => "",
            _ if used.contains(&column) => "; its key is granted",
            _ => "; its key is never granted",
        };
        page.term(Text::quoted(&column.name), role_text(column).and(granted));
    }
    if let Some(danger) = danger::several_identifiers(contract, name) {
        page.sentence(2, Text::fixed(danger));
    }
    if let Some(claims) = danger::claims(contract, name) {
        page.sentence(2, Text::fixed(claims));
    }
    if let Some(days) = dataset.opt_outs_within_days {
        page.sentence(
            1,
            Text::fixed(format!(
                "Its owner keeps a list of who opted out, at most {days} days old, or no job reads it."
            )),
        );
    }
    for (purpose, budget) in &dataset.budgets {
        let words = format!(
            ": epsilon {} {}, {} for life (delta {})",
            budget.epsilon,
            every(budget.period),
            budget.lifetime_epsilon,
            budget.delta
        );
        page.whole(1, Text::fixed("For ").quote(purpose).and(words));
        if let Some(basis) = dataset.legal_basis.get(purpose) {
            page.sentence(2, Text::fixed("on the legal basis: ").quote(basis));
        }
        if let Ok(delta) = Delta::try_from(budget.selection_delta) {
            page.whole(
                2,
                Text::fixed(format!(
                    "and delta {delta} in all for groups whose values are private, and for dense models"
                )),
            );
        }
    }
}

fn analysis(page: &mut Outline, name: &str, terms: &Terms) {
    let text = Text::fixed("\"").quote(name).and("\", for ").quote(&terms.purpose);
    let text = text.and(format!(": {}. Asked by ", terms.section().title));
    let text = text.with(Text::names(&terms.analysts, ", ")).and("; read by ");
    page.sentence(1, text.with(Text::names(&terms.receivers, ", ")).and("."));
    for used in terms.section().uses {
        page.sentence(2, Text::fixed(used.title).and(": ").quote(terms.words(used)));
    }
    if !terms.sensitive.is_empty() {
        page.sentence(2, Text::fixed(SENSITIVE).and(": ").quote(sensitive(terms)));
    }
    for floor in &terms.floors {
        let text = Text::fixed("questions that read ").quote(together(floor));
        page.sentence(2, text.and(format!(" show nothing of fewer than {} people", floor.people)));
    }
}

/// The sensitive columns of an analysis.
pub(super) fn sensitive(terms: &Terms) -> String {
    terms.sensitive.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The columns that a floor is about.
pub(super) fn together(floor: &Floor) -> String {
    floor.columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// Says what one person can lose: each dataset's lifetime budgets, and their sum.
fn loss(page: &mut Outline, contract: &Contract) {
    page.heading("What one person can lose at most, for life".into());
    let budgets = contract.datasets.values().flat_map(|d| d.budgets.values());
    let Some(delta) = budgets.map(|budget| budget.delta).max() else { return };
    let mut sum = Loss::zero();
    for (name, dataset) in &contract.datasets {
        let own = dataset.budgets.values().map(Budget::lifetime);
        let own = own.fold(Loss::zero(), |sum, loss| sum.plus(&loss));
        let text = Text::fixed("through \"").quote(name).and("\": ");
        page.whole(1, text.and(guarantee(&own, delta)));
        sum = sum.plus(&own);
    }
    page.whole(1, Text::fixed(format!("through all of them: {}", guarantee(&sum, delta))));
    let text = "(Epsilon bounds how far the presence of one person can move the odds of anything that anybody concludes from \
                all answers: by a factor of at most e^epsilon, but for a chance of delta.)";
    page.sentence(1, text.into());
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
    role_text(column).raw()
}

/// What a column is for, and what holds for questions that read it.
fn role_text(column: &Column) -> Text {
    let sensitive = if column.is_sensitive { "; sensitive" } else { "" };
    let floor = column.min_cell.map(|people| {
        format!("; a question that reads it shows nothing of fewer than {people} people")
    });
    purpose(column).and(sensitive).and(floor.unwrap_or_default())
}

fn purpose(column: &Column) -> Text {
    Text::fixed(match &column.role {
        Role::MatchKey(kind) => {
            let kind = format!("{kind:?}").to_lowercase();
            format!("identifies the person ({kind}), normalised and hashed before it leaves")
        }
        Role::Group(domain) => {
            return Text::fixed("one of ").quote(text::quoted_list(domain));
        }
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
    })
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

/// What the sensitive columns are called that an analysis uses all the same.
pub(super) const SENSITIVE: &str = "sensitive columns that it uses all the same";
/// The field of a job that says how low one person's total may go.
const FLOOR: &str = "floor_per_user";
