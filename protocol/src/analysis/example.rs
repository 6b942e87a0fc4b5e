//! A kind to copy: how many people have each value of a column.
//!
//! Compiled in tests alone, so that it stays right and ships nothing. CONTRIBUTING.md, "Adding a kind of analysis",
//! says what to do with it. A kind that grows has its parts in files of their own, as the others have.

use super::{
    Analysis, Price, Scope,
    rules::{check_share, column_not_permitted, not_permitted},
    toml::{TemplateError, millionths, value},
    uses::{Amount, Lists, Reading, Section, Use},
};
use crate::{
    answers::citation::{Citation, real},
    contract::{ColumnRef, Role, RoleKind},
    loss::{Delta, Epsilon},
    page::{
        Block, Page, Row, Section as Part, Statement, Table as Shown, Text, Topic, explain, notes,
        number::{level, whole},
    },
    proof::{Proven, Split},
    refusal::{Asked, Refusal},
    released::{Place, Released},
    result::JobResult,
    tally::{Dimension, Population, Side, Table, Tally},
    text,
    units::{Millionths, Scale},
};
use serde::{Deserialize, Serialize};
use statistics::shown::Passing;

#[cfg(test)]
mod tests;

/// What a contract lists to permit this kind, and how each part may be read. Nothing else is read,
/// whatever the code below does.
const SECTION: Section = Section {
    kind: "example",
    title: "how many people have each value of a column",
    cell: "a group",
    besides: "",
    uses: &[PEOPLE, GROUPS],
};

const PEOPLE: Use = Use {
    key: "people",
    noun: "people dataset",
    title: "people",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[],
};

const GROUPS: Use = Use {
    key: "groups",
    noun: "group column",
    title: "people may be divided by",
    lists: Lists::Columns { of: Some(PEOPLE.key), roles: &[RoleKind::Group] },
    amount: Amount::Several,
    reads: &[Reading::Only],
};

/// What an analyst writes, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExample {
    by: String,
    confidence: Option<f64>,
    privacy: Option<RawPrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrivacy {
    epsilon: f64,
    delta: f64,
    min_cell: Option<u32>,
}

/// The question as it is signed: in whole numbers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Group column.
    pub by: String,
    /// Confidence of the ranges, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// Smallest group that is shown. The contract's floor holds if it is larger.
    pub min_cell: u32,
}

/// The answer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleAnswer {
    /// The dataset and column that people are grouped by.
    pub by: String,
    /// Confidence of the ranges.
    pub confidence: f64,
    /// Groups that are shown.
    pub groups: Vec<Group>,
    /// Number of groups that are not shown.
    pub withheld: i64,
    /// People who did not agree; null if they are too few to be shown, or if the dataset does not ask.
    pub no_consent: Option<i64>,
}

/// People with one value.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The value.
    pub name: String,
    /// How many people have it, with noise.
    pub people: i64,
    /// Standard deviation of the noise.
    pub noise_sd: f64,
    /// The range that holds how many they are.
    pub ci: [i64; 2],
}

impl Analysis for Example {
    const KIND: &'static str = SECTION.kind;
    const SECTION: &'static Section = &SECTION;
    const FLAGS: &'static [&'static str] = &[ALL_WITHHELD];
    type Toml = RawExample;
    type Answer = ExampleAnswer;

    fn ask(toml: &RawExample, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        let RawExample { by, confidence, privacy } = toml;
        let allowed = scope.terms.columns(&GROUPS);
        if !allowed.iter().any(|named| named.column == *by) {
            let allowed = allowed.iter().map(|named| named.column.as_str()).collect::<Vec<_>>();
            let expected = format!("the contract's analysis allows {}", allowed.join(", "));
            return Err(value("example.by", text::quoted(by), expected));
        }
        let privacy = privacy.as_ref().ok_or(TemplateError::Missing("example.privacy"))?;
        let RawPrivacy { epsilon, delta, min_cell } = privacy;
        Ok(Self {
            by: by.clone(),
            confidence: millionths("example.confidence", confidence.unwrap_or(0.95))?,
            epsilon: Epsilon::new(*epsilon)
                .map_err(|e| value("example.privacy.epsilon", epsilon, e.to_string()))?,
            delta: Delta::new(*delta)
                .map_err(|e| value("example.privacy.delta", delta, e.to_string()))?,
            min_cell: min_cell.unwrap_or(0).max(scope.contract.min_cell),
        })
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, min_cell, .. } = *self;
        // The example has head counts only.
        let split = Split { n: 1000, sum: 0, products: 0 };
        Price { epsilon, delta, selection_delta: 0, split, min_cell }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        // The question has no list.
        Ok(())
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        // An enclave sees what was signed, and not the TOML: so what does not hold is refused here
        // again.
        check_share(self.confidence)?;
        let unknown = || not_permitted(Asked::Analysis, scope.name, None);
        let people = scope.terms.dataset(&PEOPLE).ok_or_else(unknown)?;
        let named = ColumnRef::new(people, &self.by);
        let values =
            values(scope, &named).ok_or_else(|| column_not_permitted(scope.contract, &named))?;
        Ok(Tally {
            population: Population::First,
            tables: vec![Table { dataset: people.to_owned(), rows: Vec::new() }],
            // A person with several values is in a place for such people, so that everybody is in
            // one cell.
            dimensions: vec![Dimension::Only {
                side: Side::POPULATION,
                column: self.by.clone(),
                values: Some(u32::try_from(values.len()).map_err(|_| Refusal::Internal)?),
            }],
            measures: Vec::new(),
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: scope.contract.ids_per_person,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        })
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        Vec::new()
    }

    fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
        Some(Self { confidence, ..self.clone() })
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(ExampleAnswer, Vec<String>)> {
        let view = released.view(proven)?;
        let people = scope.terms.dataset(&PEOPLE)?;
        let named = ColumnRef::new(people, &self.by);
        let values = values(scope, &named)?;
        // If no dataset asks for consent, the number of refusers is noise and nothing else.
        let no_consent = view.no_consent().filter(|_| scope.contract.asks_consent(people));
        let confidence = self.confidence.value();
        let groups = view.cells().map(|cell| {
            let people = cell.people;
            // The interval is of a count that is shown because it passed a threshold.
            let passing = Passing::one_draw(people.noise_variance, view.thresholds().groups);
            Group {
                name: name_of(values, cell.name.first()),
                people: people.value,
                noise_sd: people.noise_variance.sqrt(),
                ci: passing.interval(people.value, 1.0 - confidence),
            }
        });
        let groups: Vec<_> = groups.collect();
        let flags = groups.is_empty().then(|| ALL_WITHHELD.to_owned());
        let answer = ExampleAnswer {
            by: named.to_string(),
            confidence,
            groups,
            withheld: view.withheld().value,
            no_consent: no_consent.map(|people| people.value),
        };
        Some((answer, flags.into_iter().collect()))
    }

    fn page(result: &JobResult<ExampleAnswer>) -> Page {
        let answer = &result.answer;
        let rows = answer.groups.iter().map(|group| {
            let [low, high] = group.ci.map(whole);
            let figures = [whole(group.people), format!("{low} to {high}")];
            Row::new(Text::quoted(&group.name), figures.map(Text::fixed).into())
        });
        let table = Shown {
            names: vec![Text::quoted(&answer.by)],
            figures: vec![
                "People".into(),
                Text::fixed(format!("Range ({})", level(answer.confidence))),
            ],
            rows: rows.collect(),
            ..Shown::default()
        };
        let most = answer.groups.iter().max_by_key(|group| group.people);
        let statement = match most {
            None => "Nothing can be shown: no group has enough people.".into(),
            Some(group) => Text::fixed("Most people are in ")
                .quote(&group.name)
                .and(format!(": about {}.", whole(group.people))),
        };
        let flags = result.flags.iter().map(|flag| explain(flag, own_flag));
        // A flag says that no group is shown.
        let some_are_shown = !answer.groups.is_empty();
        let withheld = (some_are_shown && answer.withheld > 0).then(|| {
            let some = match answer.withheld {
                1 => "1 group has".to_owned(),
                count => format!("{} groups have", whole(count)),
            };
            Text::fixed(format!("{some} too few people to be shown, after noise."))
        });
        let no_consent = answer.no_consent.map(|people| {
            Text::fixed(format!(
                "about {} people withheld consent and are in no group.",
                whole(people)
            ))
        });
        let limits = "Nothing about any one person, and nothing about why people are in a group.";
        let figures = Part::new(Topic::Figures, "People".into()).with(Block::Table(table));
        let mut sections: Vec<_> = some_are_shown.then_some(figures).into_iter().collect();
        sections.extend(notes(flags.chain(withheld).chain(no_consent).collect()));
        sections.push(
            Part::new(Topic::Limits, "What this does not say".into())
                .with(Block::List(vec![limits.into()])),
        );
        Page {
            title: Text::fixed("People by ").quote(&answer.by),
            subtitle: Text::fixed("Counted: people by ").quote(&answer.by).and("."),
            answer: vec![Statement::whole(statement)],
            sections,
            ..Page::default()
        }
    }

    fn citations(answer: &ExampleAnswer) -> Vec<Citation> {
        let groups = answer.groups.iter().map(|group| {
            let people = Citation::people("people").of(&answer.by, &group.name);
            let people = people.value(real(group.people)).noise(group.noise_sd);
            people.noisy_within(group.ci.map(real), answer.confidence)
        });
        let no_consent = answer.no_consent.map(|people| {
            // The answer has no range for them.
            Citation::people("no_consent").value(real(people))
        });
        groups.chain(no_consent).collect()
    }
}

/// The public list of a group column.
fn values<'c>(scope: &Scope<'c>, named: &ColumnRef) -> Option<&'c [String]> {
    match scope.contract.column(named).map(|column| &column.role) {
        Some(Role::Group(domain)) => Some(domain),
        _ => None,
    }
}

/// After the places of the public list come one for no value and one for several.
fn name_of(values: &[String], place: Option<&Place>) -> String {
    let Some(Place::Index(at)) = place else { return "(none)".to_owned() };
    let at = usize::try_from(*at).unwrap_or(usize::MAX);
    let outside = if at == values.len() { "(none)" } else { "(several)" };
    values.get(at).cloned().unwrap_or_else(|| outside.to_owned())
}

fn own_flag(flag: &str) -> Option<&'static str> {
    (flag == ALL_WITHHELD).then_some("every group has too few people to be shown, after noise.")
}

/// Raised if no group is shown.
const ALL_WITHHELD: &str = "all_withheld";
