//! A released figure in words, from the question's tally and the contract alone: no kind of question is known here.

use protocol::{
    contract::{Contract, Role},
    job::Question,
    released::{Amount, Cells, Place, Which},
    tally::{Arm, Dimension, Side, Tally},
    units::Scale,
};

/// What names the figures of a question.
pub(super) struct Names<'a> {
    contract: &'a Contract,
    tally: &'a Tally,
    measures: Vec<(String, Scale)>,
}

impl<'a> Names<'a> {
    pub(super) fn of(contract: &'a Contract, question: &Question, tally: &'a Tally) -> Self {
        Self { contract, tally, measures: question.measures() }
    }

    /// What is counted or added up, and where.
    pub(super) fn name(&self, which: &Which) -> String {
        let amount = self.amount(which.amount);
        match &which.of {
            Cells::All => amount,
            Cells::Other => format!("{amount} in all groups that are not shown"),
            Cells::Segment(segment) if segment.is_empty() => {
                let rest = if self.tally.segments().is_empty() { "" } else { ", the rest" };
                format!("{amount}, both arms{rest}")
            }
            Cells::Segment(segment) => {
                format!("{amount}, both arms, {}", self.places(self.tally.segments(), segment))
            }
            Cells::Cell(name) if self.tally.dimensions.is_empty() || name.is_empty() => amount,
            Cells::Cell(name) => {
                let rest = if name.len() < self.tally.dimensions.len() { ", together" } else { "" };
                format!("{amount}, {}{rest}", self.places(&self.tally.dimensions, name))
            }
        }
    }

    /// How many units of the tally are one of the figure, and what it is then a number of; `None` where the tally's units have no name.
    pub(super) fn units(&self, amount: Amount) -> Option<f64> {
        match amount {
            Amount::People | Amount::NoConsent | Amount::Spread(_) | Amount::NumberOfCells => {
                Some(1.0)
            }
            Amount::Sum(at) => self.measures.get(at).map(|(_, scale)| scale.units_per_one()),
            _ => None,
        }
    }

    fn amount(&self, amount: Amount) -> String {
        match amount {
            Amount::People => "people".to_owned(),
            Amount::NoConsent => "people who refused consent".to_owned(),
            Amount::Sum(at) => format!("total of {}", self.measure(at)),
            Amount::Product(at) => format!("total of {}", self.product(at)),
            Amount::SumContrast(at) => format!("test less control of {}", self.measure(at)),
            Amount::SumPooled(at) => format!("test and control of {}", self.measure(at)),
            Amount::ProductContrast(at) => format!("test less control of {}", self.product(at)),
            Amount::ProductPooled(at) => format!("test and control of {}", self.product(at)),
            Amount::Spread(at) => format!("people by number of cells, bin {}", at + 1),
            Amount::NumberOfCells => "number of cells, shown or not".to_owned(),
            Amount::Labels => "sum of labels".to_owned(),
        }
    }

    fn measure(&self, at: usize) -> String {
        let named = self.measures.get(at);
        named.map_or_else(|| format!("measure {}", at + 1), |(name, _)| format!("“{name}”"))
    }

    fn product(&self, at: usize) -> String {
        let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        match self.tally.products.get(at) {
            Some(of) if of.one == of.other => format!("squares of {}", self.measure(place(of.one))),
            Some(of) => {
                let [one, other] = [of.one, of.other].map(|at| self.measure(place(at)));
                format!("{one} times {other}")
            }
            None => format!("product {}", at + 1),
        }
    }

    fn places(&self, dimensions: &[Dimension], name: &[Place]) -> String {
        let all = dimensions.iter().zip(name);
        let all = all.map(|(dimension, place)| match place {
            Place::Label(label) => {
                let end = label.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                let text = String::from_utf8_lossy(label.get(..end).unwrap_or_default());
                let text = if text.is_empty() { "none".into() } else { text };
                format!("{} “{text}”", self.column(dimension))
            }
            Place::Index(at) => self.place(dimension, usize::try_from(*at).unwrap_or(usize::MAX)),
        });
        all.collect::<Vec<_>>().join(", ")
    }

    fn place(&self, dimension: &Dimension, at: usize) -> String {
        let found = ["not found", "found", "found and refused"];
        let column = self.column(dimension);
        match dimension {
            Dimension::Matched | Dimension::MatchedWithConsent => {
                found.get(at).map_or_else(|| numbered(at), |&words| words.to_owned())
            }
            Dimension::Known => if at == 0 { "without a key" } else { "with a key" }.to_owned(),
            Dimension::Arm { .. } => match Arm::ALL.get(at) {
                Some(Arm::Test) => "test arm".to_owned(),
                Some(Arm::Control) => "control arm".to_owned(),
                Some(Arm::Several) => "several arms".to_owned(),
                Some(Arm::Other) => "no arm".to_owned(),
                None => numbered(at),
            },
            Dimension::Membership { .. } => {
                let datasets: Vec<_> = self.tally.datasets().collect();
                let sets = (1_usize << datasets.len().min(31)) - 1;
                if at >= sets {
                    return format!("without a key, place {}", at - sets + 1);
                }
                let is_in = |of: &(usize, &&str)| (at + 1) >> of.0 & 1 == 1;
                let of = datasets.iter().enumerate().filter(is_in).map(|(_, name)| *name);
                format!("in {} alone", of.collect::<Vec<_>>().join(" and "))
            }
            Dimension::Group { side, column: name, .. } => {
                self.value(*side, name, at).unwrap_or_else(|| format!("{column} without a value"))
            }
            Dimension::Only { side, column: name, values, .. } => {
                self.value(*side, name, at).unwrap_or_else(|| several(&column, *values, at))
            }
            Dimension::Creative { column: name, values } => {
                let value = self.value(Side::POPULATION, name, at);
                value.unwrap_or_else(|| several(&column, Some(*values), at))
            }
            Dimension::Earliest { .. }
            | Dimension::Days { .. }
            | Dimension::Bins { .. }
            | Dimension::BinsPerGroup { .. }
            | Dimension::Credited(_)
            | Dimension::Label { .. } => format!("{column} {}", numbered(at)),
        }
    }

    /// The value of a group column with this code.
    fn value(&self, side: Side, column: &str, at: usize) -> Option<String> {
        let dataset = self.contract.datasets.get(self.tally.dataset(side))?;
        match &dataset.column(column)?.role {
            Role::Group(values) => Some(format!("{column} “{}”", values.get(at)?)),
            _ => None,
        }
    }

    /// What a dimension divides by.
    fn column(&self, dimension: &Dimension) -> String {
        match dimension {
            Dimension::Arm { column, .. }
            | Dimension::Creative { column, .. }
            | Dimension::Group { column, .. }
            | Dimension::Label { column, .. }
            | Dimension::Only { column, .. } => column.clone(),
            Dimension::Earliest { column, .. } => format!("first {column}"),
            Dimension::Days { column, .. } => column.clone(),
            Dimension::Bins { measure, .. } | Dimension::BinsPerGroup { measure, .. } => {
                self.measure(usize::try_from(*measure).unwrap_or(usize::MAX))
            }
            Dimension::Credited(credit) => format!("credited to {}", credit.column),
            Dimension::Matched
            | Dimension::MatchedWithConsent
            | Dimension::Known
            | Dimension::Membership { .. } => String::new(),
        }
    }
}

fn several(column: &str, values: Option<u32>, at: usize) -> String {
    let values = values.map_or(0, |values| usize::try_from(values).unwrap_or(usize::MAX));
    let words = if at > values { "several values" } else { "no value" };
    format!("{column}: {words}")
}

fn numbered(at: usize) -> String {
    format!("place {}", at.saturating_add(1))
}
