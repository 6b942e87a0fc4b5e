//! What leaves of a table of groups.

use protocol::tally::Dimension;

use super::totals::keep;
use super::{Column, Figure, Names, Noisy, Place};

/// Figures by group.
#[derive(Debug)]
pub struct Groups {
    cells: Shown,
    people: Column,
    sums: Vec<Column>,
    products: Vec<Column>,
    other: Option<GroupFigures>,
    withheld_cells: Figure,
    no_consent: Option<Figure>,
}

impl Groups {
    /// Applies the threshold. Of public cells, what is withheld goes into one other cell; cells
    /// whose values are private must pass `passing`.
    pub(super) fn new(
        dimensions: &[Dimension],
        noisy: Noisy,
        least: i64,
        passing: Option<i64>,
    ) -> Self {
        let Noisy { names, mut people, mut sums, mut products, cells } = noisy;
        let no_consent = people.at(people.values.len().saturating_sub(1));
        people.values.pop();
        let passing = passing.unwrap_or(least).max(least);
        let marks: Vec<bool> = people.values.iter().map(|people| *people >= passing).collect();
        let shown = marks.iter().filter(|shown| **shown).count();
        let withheld_cells = cells.less(shown);
        let other = matches!(names, Names::Public).then(|| {
            let sum = |column: &Column| column.total(&marks);
            let (sums, products) = (sums.iter().map(sum).collect(), products.iter().map(sum));
            let products = products.collect();
            GroupFigures { name: Vec::new(), people: sum(&people), sums, products }
        });
        let columns = std::iter::once(&mut people).chain(&mut sums).chain(&mut products);
        columns.for_each(|column| keep(&mut column.values, &marks));
        let cells = match names {
            Names::Public => Shown::public(dimensions, &marks),
            Names::Data(mut names) => {
                keep(&mut names, &marks);
                Shown::Data(names)
            }
        };
        let other = other.filter(|it| it.people.value >= least);
        let no_consent = Some(no_consent).filter(|it| it.value >= least);
        Self { cells, people, sums, products, other, withheld_cells, no_consent }
    }

    /// How many groups are shown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.people.values.len()
    }

    /// True if no group is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.values.is_empty()
    }

    /// The groups that are shown, in the order of their names.
    pub fn shown(&self) -> impl Iterator<Item = GroupFigures> + '_ {
        (0..self.len()).map(|at| GroupFigures {
            name: self.cells.name(at),
            people: self.people.at(at),
            sums: self.sums.iter().map(|column| column.at(at)).collect(),
            products: self.products.iter().map(|column| column.at(at)).collect(),
        })
    }

    /// The sum of the noisy figures of all public cells that are not shown; none if it is itself below
    /// the threshold, or if the values of cells are private. It has no name.
    #[must_use]
    pub fn other(&self) -> Option<&GroupFigures> {
        self.other.as_ref()
    }

    /// How many cells are not shown: exact for public cells, noisy for those whose values are private.
    #[must_use]
    pub fn withheld_cells(&self) -> Figure {
        self.withheld_cells
    }

    /// People who did not agree; none if they are below the threshold.
    #[must_use]
    pub fn no_consent(&self) -> Option<Figure> {
        self.no_consent
    }

    pub(super) fn withheld(&self) -> Vec<String> {
        let Figure { value, noise_variance } = self.withheld_cells;
        let about = if noise_variance > 0.0 { "about " } else { "" };
        let groups = (value > 0).then(|| format!("{about}{value} groups"));
        let no_consent = self.no_consent.is_none().then(|| "no consent".to_owned());
        groups.into_iter().chain(no_consent).collect()
    }
}

/// The figures of one group.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GroupFigures {
    /// Its place in each dimension of the tally.
    pub name: Vec<Place>,
    /// People.
    pub people: Figure,
    /// For each measure of the tally.
    pub sums: Vec<Figure>,
    /// For each product of the tally.
    pub products: Vec<Figure>,
}

/// Names of the cells that are shown.
#[derive(Debug)]
enum Shown {
    /// Places among all cells, and how many places each dimension has.
    Public {
        cells: Vec<u64>,
        places: Vec<u64>,
    },
    Data(Vec<Vec<Place>>),
}

impl Shown {
    fn public(dimensions: &[Dimension], marks: &[bool]) -> Self {
        let cells = (0..).zip(marks).filter_map(|(at, shown)| shown.then_some(at)).collect();
        // A dimension without public places would not be here.
        let places = dimensions.iter().map(|it| it.places().unwrap_or(1).max(1)).collect();
        Self::Public { cells, places }
    }

    fn name(&self, at: usize) -> Vec<Place> {
        match self {
            Self::Data(names) => names.get(at).cloned().unwrap_or_default(),
            Self::Public { cells, places } => {
                let mut rest = cells.get(at).copied().unwrap_or(0);
                let mut name: Vec<_> = (places.iter().rev())
                    .map(|places| {
                        let place = u32::try_from(rest % places).unwrap_or(u32::MAX);
                        rest /= places;
                        Place::Index(place)
                    })
                    .collect();
                name.reverse();
                name
            }
        }
    }
}

impl Column {
    /// The sum over the cells that are not marked.
    fn total(&self, marks: &[bool]) -> Figure {
        let cells = self.values.iter().zip(marks).filter(|(_, marked)| !**marked);
        cells.fold(Figure { value: 0, noise_variance: 0.0 }, |sum, (value, _)| {
            sum.plus(Figure { value: *value, noise_variance: self.noise_variance })
        })
    }
}

impl Figure {
    fn less(self, count: usize) -> Self {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Self { value: self.value.saturating_sub(count), ..self }
    }
}
