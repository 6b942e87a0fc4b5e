//! What leaves of a table of groups.

use protocol::proof::Proven;
use protocol::tally::{Dimension, Product, Tally};

use super::totals::keep;
use super::{Column, Figure, Names, Noisy, Place, ProductFigure};

/// Figures by group.
#[derive(Debug)]
pub struct Groups {
    cells: Shown,
    people: Column,
    sums: Vec<Column>,
    products: Vec<Column>,
    /// How each of these is made.
    multiplied: Vec<Product>,
    other: Option<GroupFigures>,
    withheld_cells: Figure,
    withheld_without_value: Option<u64>,
    no_consent: Option<Figure>,
    thresholds: Thresholds,
}

/// From which noisy head count on something is shown: a function of tally, proof and contract alone. Who
/// makes an interval of a count must know it, as a count that is shown has passed it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Thresholds {
    /// A group: so high that noise alone hardly ever shows an empty one
    /// ([`Proven::shown_from`]).
    pub groups: i64,
    /// All public groups together that are not shown.
    pub other: i64,
    /// People who did not agree.
    pub no_consent: i64,
}

impl Thresholds {
    /// Without noise nothing rises above the floor that has not as many people.
    pub(super) fn new(proven: &Proven, least: i64, is_noisy: bool) -> Self {
        let passing = |from: u64| i64::try_from(from).unwrap_or(i64::MAX).max(least);
        let is_named = proven.tally().is_named_by_data();
        let groups = if is_noisy || is_named { passing(proven.shown_from()) } else { least };
        let no_consent = if is_noisy { passing(proven.refusals_shown_from()) } else { least };
        Self { groups, other: least, no_consent }
    }
}

impl Groups {
    /// Applies the thresholds. Of public cells, what is withheld goes into one other cell.
    pub(super) fn new(tally: &Tally, noisy: Noisy, thresholds: Thresholds) -> Self {
        let dimensions = tally.dimensions.as_slice();
        let Noisy { names, mut people, mut sums, mut products, cells } = noisy;
        let no_consent = people.at(people.values.len().saturating_sub(1));
        people.values.pop();
        let marks: Vec<bool> =
            people.values.iter().map(|people| *people >= thresholds.groups).collect();
        let shown = marks.iter().filter(|shown| **shown).count();
        let withheld_cells = cells.less(shown);
        let other = matches!(names, Names::Public).then(|| {
            let sum = |column: &Column| column.total(&marks);
            let products = products.iter().zip(&tally.products);
            let products = products.map(|(it, product)| ProductFigure::new(sum(it), *product));
            GroupFigures {
                name: Vec::new(),
                people: sum(&people),
                sums: sums.iter().map(sum).collect(),
                products: products.collect(),
            }
        });
        let columns = std::iter::once(&mut people).chain(&mut sums).chain(&mut products);
        columns.for_each(|column| keep(&mut column.values, &marks));
        let withheld_without_value =
            matches!(names, Names::Public).then(|| without_value(dimensions, &marks));
        let cells = match names {
            Names::Public => Shown::public(dimensions, &marks),
            Names::Data(mut names) => {
                keep(&mut names, &marks);
                Shown::Data(names)
            }
        };
        let other = other.filter(|it| shown < marks.len() && it.people.value >= thresholds.other);
        let no_consent = Some(no_consent).filter(|it| it.value >= thresholds.no_consent);
        Self {
            cells,
            people,
            sums,
            products,
            multiplied: tally.products.clone(),
            other,
            withheld_cells,
            withheld_without_value,
            no_consent,
            thresholds,
        }
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
            products: self
                .products
                .iter()
                .zip(&self.multiplied)
                .map(|(column, product)| ProductFigure::new(column.at(at), *product))
                .collect(),
        })
    }

    /// The sum of the noisy figures of all public cells that are not shown; none if it is itself below
    /// the threshold, or if the values of cells are private. It has no name.
    ///
    /// Its people were withheld because their noisy counts are small, so that the noise in their sum is not
    /// centred: more people may be meant, and not fewer. Sums have noise of their own, which is.
    #[must_use]
    pub fn other(&self) -> Option<&GroupFigures> {
        self.other.as_ref()
    }

    /// How many cells are not shown: exact for public cells, noisy for those whose values are private.
    #[must_use]
    pub fn withheld_cells(&self) -> Figure {
        self.withheld_cells
    }

    /// How many of the public cells that are not shown have no value in some dimension, as people without
    /// a row have none; none if the values of cells are private.
    #[must_use]
    pub fn withheld_without_value(&self) -> Option<u64> {
        self.withheld_without_value
    }

    /// From which noisy counts on things are shown.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// People who did not agree; none if they are below the threshold.
    #[must_use]
    pub fn no_consent(&self) -> Option<Figure> {
        self.no_consent
    }

    /// The number of cells that are not shown as it is, or, if it is noisy, the range that holds it 19 times
    /// in 20 or oftener.
    pub(super) fn withheld(&self) -> Vec<String> {
        let Figure { value, noise_variance } = self.withheld_cells;
        let groups = if noise_variance > 0.0 {
            let [least, most] = self.withheld_cells.within_two_deviations();
            Some(format!("{} to {} groups", least.max(0), most.max(0)))
        } else {
            (value > 0).then(|| format!("{value} groups"))
        };
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
    pub products: Vec<ProductFigure>,
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

    fn len(&self) -> usize {
        match self {
            Self::Public { cells, .. } => cells.len(),
            Self::Data(names) => names.len(),
        }
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

/// How many cells that are not marked have the last place of a group, which is for no value.
fn without_value(dimensions: &[Dimension], marks: &[bool]) -> u64 {
    let cells: Vec<bool> = marks.iter().map(|shown| !shown).collect();
    let withheld = Shown::public(dimensions, &cells);
    let is_none = |(dimension, place): (&Dimension, &Place)| match (dimension, place) {
        (Dimension::Group { values, .. }, Place::Index(at)) => at == values,
        _ => false,
    };
    let has_none = |at: &usize| dimensions.iter().zip(&withheld.name(*at)).any(is_none);
    let count = (0..withheld.len()).filter(has_none).count();
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl Figure {
    /// Two standard deviations of its noise below and above.
    fn within_two_deviations(self) -> [i64; 2] {
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "saturates")]
        let reach = (2.0 * self.noise_variance.sqrt()).ceil() as i64;
        [self.value.saturating_sub(reach), self.value.saturating_add(reach)]
    }

    fn less(self, count: usize) -> Self {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Self { value: self.value.saturating_sub(count), ..self }
    }
}
