//! Whether two releases of one question on the same data agree within the noise of both.
//!
//! Each released number is a true total with noise of its own, of a width that the proof states. On the same data the true
//! totals are the same, so two numbers of one cell differ by the noise of both and nothing else. What is compared is what was
//! released, so no kind of question is known here.

use super::{Figures, GroupFigures, Place, ProductFigure, Released, StepSums, View};
use crate::{
    proof::{Leaves, Proven, Sums},
    tally::Tally,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the comparison of two releases found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Agreement {
    /// The figures that both have, of the same people, each with how far the two may be apart.
    pub compared: Vec<Compared>,
    /// The figures that one release alone shows, or that are of other people in each.
    pub only_in_one: Vec<OnlyInOne>,
    /// Whether both releases are the same bytes. Two draws of noise never are: the second is a copy of the first.
    pub is_a_copy: bool,
}

/// A figure that both releases have.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Compared {
    /// Which figure it is.
    pub which: Which,
    /// Its value in the one release and in the other, in units of the tally.
    pub values: [i128; 2],
    /// Standard deviation of the noise in the difference of both.
    pub noise_sd: f64,
    /// How far the two may be apart.
    pub allowed: f64,
}

/// A figure that cannot be compared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OnlyInOne {
    /// Which figure it is.
    pub which: Which,
    /// Its value in the one release and in the other; `None` where it is withheld.
    pub values: [Option<i128>; 2],
    /// How much less than the shown count the withheld one must be, and how far they may be apart; `None` if that one is withheld
    /// says nothing of its size.
    pub gap: Option<[f64; 2]>,
}

/// A figure of a release.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "a place and what is counted there")]
pub struct Which {
    /// The cells that it is of.
    pub of: Cells,
    /// What is counted or added up there.
    pub amount: Amount,
}

/// The cells that a figure is of.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "whoever names a figure must see a new place")]
pub enum Cells {
    /// One cell, by its place in each dimension; a name that ends early is of all that begin so and are not shown by themselves.
    Cell(Vec<Place>),
    /// Both arms of a segment, by its place in each dimension of segments; of all that is not shown by itself if it is empty.
    Segment(Vec<Place>),
    /// All public groups that are not shown.
    Other,
    /// Everybody.
    All,
}

/// What a figure counts or adds up.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "whoever names a figure must see a new amount")]
pub enum Amount {
    /// People.
    People,
    /// People who refused consent.
    NoConsent,
    /// The sum of the measure at this place.
    Sum(usize),
    /// The sum of the product at this place.
    Product(usize),
    /// The sum of the measure at this place in the test arm less that in the control arm.
    SumContrast(usize),
    /// The sum of the measure at this place in both arms.
    SumPooled(usize),
    /// The same of a product.
    ProductContrast(usize),
    /// The same of a product.
    ProductPooled(usize),
    /// People who would be in as many cells as the bin at this place says.
    Spread(usize),
    /// How many cells there are, shown or not.
    NumberOfCells,
    /// The sum of labels, before a training.
    Labels,
}

/// A value with the variance of the noise in it.
#[derive(Clone, Copy)]
struct Value {
    value: i128,
    variance: f64,
}

impl Compared {
    /// Whether the two are further apart than noise explains.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        real(self.difference()) > self.allowed
    }

    /// How far the two are apart.
    #[must_use]
    pub fn difference(&self) -> u128 {
        let [one, other] = self.values;
        one.abs_diff(other)
    }
}

impl OnlyInOne {
    /// Whether the one that is withheld must be further from the one that is shown than noise explains.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.gap.is_some_and(|[least, allowed]| least > allowed)
    }
}

impl Agreement {
    /// Compares two releases of the question of `proven` on the same data, each with noise of its own. The data have at most `rows`
    /// rows, which bounds how many cells with private names there can be. `None` if one of them is a release of
    /// another question, or was made without noise.
    ///
    /// Of two honest releases something is apart in at most one of 1 / [`FALSE_ALARM`] comparisons, whatever the data are: half of that is
    /// for head counts, over all cells that there can be, since the counts decide what is shown; half for everything else, over what is
    /// compared, since the noise there is independent of that. Each figure's noise is bounded by that of a Gaussian.
    ///
    /// # Source
    ///
    /// Canonne, Kamath, Steinke: The Discrete Gaussian for Differential Privacy (2020), Lemma 6: the discrete Gaussian of variance
    /// parameter s is s-subgaussian; so P\[|X - Y| ≥ t\] ≤ 2 exp(-t² / 2(s + r)).
    ///
    /// # Privacy
    ///
    /// Costs nothing: a function of what was released.
    #[must_use]
    pub fn of(proven: &Proven, releases: [&Released; 2], rows: u64) -> Option<Self> {
        let [one, other] = releases;
        if !(one.is_noisy() && other.is_noisy()) {
            return None;
        }
        let found = match (one, other) {
            (Released::Figures(_), Released::Figures(_)) => {
                Pair { proven, views: [one.view(proven)?, other.view(proven)?], rows }.compare()
            }
            // Nothing with noise of a known width leaves of a choice, and two draws may well choose the same.
            (Released::Place(_), Released::Place(_)) => return Some(Self::of_nothing()),
            (Released::Steps(one), Released::Steps(other)) => {
                let labels = [one.label, other.label];
                check_steps(proven, [&one.steps, &other.steps])?;
                trained(proven, labels)
            }
            _ => return None,
        };
        Some(Self { is_a_copy: one == other, ..found })
    }

    /// Whether anything is further apart than noise explains.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.compared.iter().any(Compared::is_apart)
            || self.only_in_one.iter().any(OnlyInOne::is_apart)
    }

    fn of_nothing() -> Self {
        Self { compared: Vec::new(), only_in_one: Vec::new(), is_a_copy: false }
    }
}

/// Refuses steps of another training.
fn check_steps(proven: &Proven, steps: [&Vec<StepSums>; 2]) -> Option<()> {
    let count = usize::try_from(proven.proof().steps()?.count).ok()?;
    steps.iter().all(|steps| steps.len() == count).then_some(())
}

/// The label sums of two trainings. Every step follows from the noise in those before it, so two trainings have no other sums
/// of the same thing; and who is drawn for the steps of a dense model is chance.
fn trained(proven: &Proven, labels: [Option<i64>; 2]) -> Agreement {
    let mut found = Agreement::of_nothing();
    let Leaves::Steps(steps) = &proven.proof().leaves else { return found };
    if let (Sums::Everybody { label, .. }, [Some(one), Some(other)]) = (steps.sums, labels) {
        let noise = 2.0 * label.sigma.value() * label.sigma.value();
        found.compared.push(Compared {
            which: Which { of: Cells::All, amount: Amount::Labels },
            values: [i128::from(one), i128::from(other)],
            noise_sd: libm::sqrt(noise),
            allowed: reach(noise, FALSE_ALARM),
        });
    }
    found
}

/// Two releases of figures.
struct Pair<'a> {
    proven: &'a Proven,
    views: [View<'a>; 2],
    rows: u64,
}

impl Pair<'_> {
    fn compare(&self) -> Agreement {
        let [one, other] = self.views.each_ref().map(figures);
        let names: BTreeSet<&Which> = one.keys().chain(other.keys()).collect();
        let mut found = Agreement::of_nothing();
        let both = |which: &Which| Some([*one.get(which)?, *other.get(which)?]);
        let is_comparable = |which: &&Which| both(which).is_some() && self.is_of_same(which);
        let compared: Vec<_> = names.iter().copied().filter(is_comparable).collect();
        let others = compared.iter().filter(|which| !which.amount.is_of_people()).count();
        let share = |of: usize| FALSE_ALARM / 2.0 / real(u128::try_from(of.max(1)).unwrap_or(1));
        let [people, others] = [share(self.most_counts()), share(others)];
        for which in names {
            let chance = if which.amount.is_of_people() { people } else { others };
            match both(which).filter(|_| compared.contains(&which)) {
                Some([one, other]) => {
                    let variance = one.variance + other.variance;
                    found.compared.push(Compared {
                        which: which.clone(),
                        values: [one.value, other.value],
                        noise_sd: libm::sqrt(variance),
                        allowed: reach(variance, chance),
                    });
                }
                None => found.only_in_one.push(OnlyInOne {
                    which: which.clone(),
                    values: [&one, &other].map(|all| Some(all.get(which)?.value)),
                    gap: self.gap(which, [one.get(which), other.get(which)], chance),
                }),
            }
        }
        found
    }

    /// The most head counts that there can be: one for each cell, and those that are no cell's.
    fn most_counts(&self) -> usize {
        let tally = self.proven.tally();
        let cells = match tally.is_named_by_data() {
            true => None,
            false => tally.public_cells(),
        };
        let of_rows = self.rows.saturating_mul(tally.cells_per_person.into());
        let cells = cells.unwrap_or(of_rows).max(1);
        usize::try_from(cells).unwrap_or(usize::MAX).saturating_add(2)
    }

    /// Whether a figure that both releases have is of the same people, and its noise does not depend on what is shown.
    fn is_of_same(&self, which: &Which) -> bool {
        let [one, other] = &self.views;
        match (&which.of, which.amount) {
            // A count of several cells that are not shown by themselves is one of counts that are small by chance.
            (Cells::Cell(name), Amount::People) => {
                [one, other].iter().all(|release| release.draws(name) == 1)
            }
            (Cells::Cell(name), _) => {
                [one, other].iter().all(|release| release.draws(name) == 1)
                    || names(one.figures) == names(other.figures)
            }
            (Cells::Other, Amount::People) => false,
            (Cells::Other, _) => names(one.figures) == names(other.figures),
            (Cells::Segment(name), _) if name.is_empty() => {
                segments(one.figures) == segments(other.figures)
            }
            (Cells::Segment(_) | Cells::All, _) => true,
        }
    }

    /// How far a count that is withheld in one release must be from the one that is shown in the other. Where arms are compared, cells are
    /// withheld with others, and nothing follows for their size; nor does it where cells that passed had no room.
    fn gap(&self, which: &Which, values: [Option<&Value>; 2], chance: f64) -> Option<[f64; 2]> {
        let tally = self.proven.tally();
        let [one, other] = &self.views;
        let (shown, withheld) = match values {
            [Some(shown), None] => (shown, other),
            [None, Some(shown)] => (shown, one),
            _ => return None,
        };
        let thresholds = withheld.thresholds();
        let least = match (&which.of, which.amount) {
            (Cells::Cell(name), Amount::People)
                if !tally.compares_arms()
                    && name.len() == tally.dimensions.len()
                    && withheld.cut() == 0 =>
            {
                thresholds.groups
            }
            (Cells::All, Amount::NoConsent) => thresholds.no_consent,
            _ => return None,
        };
        let least = shown.value.saturating_sub(i128::from(least)).saturating_add(1).max(0);
        Some([real(least.unsigned_abs()), reach(2.0 * shown.variance, chance)])
    }
}

impl Amount {
    fn is_of_people(self) -> bool {
        matches!(self, Self::People | Self::NoConsent)
    }
}

/// Every figure of a release.
fn figures(view: &View<'_>) -> BTreeMap<Which, Value> {
    let mut all = BTreeMap::new();
    let tally = view.proven.tally();
    for group in view.cells() {
        let of = Cells::Cell(group.name.clone());
        add_group(&mut all, of, &group, tally);
    }
    if let Some(group) = view.other() {
        add_group(&mut all, Cells::Other, &group, tally);
    }
    let mut add = |amount: Amount, value: i64, variance: f64| {
        let value = Value { value: value.into(), variance };
        all.insert(Which { of: Cells::All, amount }, value);
    };
    if let Some(refused) = view.no_consent() {
        add(Amount::NoConsent, refused.value, refused.noise_variance);
    }
    for (at, bin) in view.spread().enumerate() {
        add(Amount::Spread(at), bin.value, bin.noise_variance);
    }
    // Of public cells there are as many as the question says.
    let withheld = view.withheld();
    if tally.is_named_by_data() {
        let shown = i64::try_from(view.len()).unwrap_or(i64::MAX);
        let cut = i64::try_from(view.cut()).unwrap_or(i64::MAX);
        let cells = withheld.value.saturating_add(shown).saturating_add(cut);
        add(Amount::NumberOfCells, cells, withheld.noise_variance);
    }
    add_contrasts(&mut all, view, tally);
    all
}

fn add_group(all: &mut BTreeMap<Which, Value>, of: Cells, group: &GroupFigures, tally: &Tally) {
    let mut add = |amount: Amount, value: Value| {
        all.insert(Which { of: of.clone(), amount }, value);
    };
    let people = group.people;
    add(Amount::People, Value { value: people.value.into(), variance: people.noise_variance });
    let by_cell = (0..).filter(|at| tally.contrast_of_sum(*at).is_none());
    for (at, sum) in by_cell.zip(&group.sums) {
        add(Amount::Sum(at), Value { value: sum.value.into(), variance: sum.noise_variance });
    }
    let by_cell = (0..).filter(|at| tally.contrast_of_product(*at).is_none());
    for (at, product) in by_cell.zip(&group.products) {
        add(Amount::Product(at), of_product(product));
    }
}

fn add_contrasts(all: &mut BTreeMap<Which, Value>, view: &View<'_>, tally: &Tally) {
    let (sums, products) = tally.contrasted();
    for contrasts in &view.figures.contrasts {
        let segment = &contrasts.segment;
        let mut add = |amount: Amount, value: Value| {
            all.insert(Which { of: Cells::Segment(segment.clone()), amount }, value);
        };
        for at in &sums {
            let Some(forms) = view.forms_of_sum(segment, *at) else { continue };
            for (amount, form) in
                [(Amount::SumContrast(*at), forms.contrast), (Amount::SumPooled(*at), forms.pooled)]
            {
                add(amount, Value { value: form.value.into(), variance: form.noise_variance });
            }
        }
        for at in &products {
            let Some(forms) = view.forms_of_product(segment, *at) else { continue };
            add(Amount::ProductContrast(*at), of_product(&forms.contrast));
            add(Amount::ProductPooled(*at), of_product(&forms.pooled));
        }
    }
}

fn of_product(product: &ProductFigure) -> Value {
    Value { value: product.value, variance: product.noise_variance }
}

fn names(figures: &Figures) -> BTreeSet<&Vec<Place>> {
    figures.cells.iter().map(|cell| &cell.name).collect()
}

fn segments(figures: &Figures) -> BTreeSet<&Vec<Place>> {
    figures.contrasts.iter().map(|contrasts| &contrasts.segment).collect()
}

/// How far apart noise of this `variance` brings two figures with at most this `chance`.
fn reach(variance: f64, chance: f64) -> f64 {
    libm::sqrt(2.0 * variance * libm::log(2.0 / chance))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "compared with noise")]
fn real(number: u128) -> f64 {
    number as f64
}

/// The share of comparisons of two honest releases in which something is found apart, at most.
pub const FALSE_ALARM: f64 = 0.001;
