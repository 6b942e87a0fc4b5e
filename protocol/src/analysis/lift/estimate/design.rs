//! Checks whether the design is what it should be: who was found, who was counted, who was left
//! out.

use super::{figure, names};
use crate::{
    analysis::{
        Scope,
        lift::{
            Arms, Cell, CellCount, CellFigure, Lift, MatchRate, MatchRates, SampleRatio,
            uses::Listed,
        },
    },
    contract::{Contract, Role},
    released,
};
use statistics::{
    few_events::{Effect, Events, FewEvents},
    figure::Figure,
    lift::Alternative,
    sample_ratio::sample_ratio,
    special::{normal_sf, normal_upper_quantile},
};

/// What is known about a design, with a flag for each thing that is broken.
///
/// Flags of a test are raised by chance at most once in a thousand jobs of a sound design whose
/// campaign does nothing; the noise is in every test.
pub(super) struct Design {
    pub(super) cells: Vec<CellCount>,
    pub(super) sample_ratio: SampleRatio,
    pub(super) match_rates: Option<MatchRates>,
    pub(super) consent_rates: Option<MatchRates>,
    pub(super) flags: Vec<String>,
}

impl Design {
    pub(super) fn new(arms: &Arms, asked: &Lift, scope: &Scope<'_>) -> Self {
        let contract = scope.contract;
        let can_refuse = contract.can_refuse(scope.name);
        let keeps_refusers = contract.consent_is_known_by_outcome(scope.name);
        // Where nobody can be, a count is noise and nothing else.
        let exists = |figure: &&CellFigure| match figure.cell {
            Cell::NoConsent => can_refuse && !keeps_refusers,
            Cell::TestRefused | Cell::ControlRefused => keeps_refusers,
            _ => true,
        };
        let cells = arms.cells.iter().filter(exists);
        let cells: Vec<_> = cells.map(count).collect();
        let both = arms.test.as_ref().zip(arms.control.as_ref());
        let share = asked.expected_test_share.value();
        let counts =
            both.map(|(test, control)| counted([test.people, control.people], arms.hidden, share));
        let sample_ratio = ratio(counts, share, asked.srm_flag_p.value());
        let match_rates = match_rates(arms, keeps_refusers, asked);
        let consent_rates = consent_rates(arms, asked).filter(|_| keeps_refusers);
        let listed = Listed::of(scope.terms);
        let flags = names(&[
            ("srm_failed", sample_ratio.failed),
            ("match_differs", match_rates.as_ref().is_some_and(|rates| rates.differs)),
            ("consent_with_outcome", keeps_refusers),
            ("consent_differs", consent_rates.as_ref().is_some_and(|rates| rates.differs)),
            ("contaminated", exceeds(arms, Cell::Contaminated)),
            ("contamination_hidden", hides(arms, Cell::Contaminated)),
            (
                "without_arm",
                listed.is_some_and(|terms| covers(contract, terms.assignment, terms.arm, asked))
                    && exceeds(arms, Cell::OtherArm),
            ),
            ("arms_pooled", asked.test.len() > 1 || asked.control.len() > 1),
            ("low_match", arms.low_match()),
            ("arm_withheld", arms.test.is_none() || arms.control.is_none()),
        ]);
        Self { cells, sample_ratio, match_rates, consent_rates, flags }
    }
}

fn count(cell: &CellFigure) -> CellCount {
    CellCount { cell: cell.cell, n: cell.n, noise_sd: cell.noise_variance.sqrt() }
}

/// The people of both arms. How many of the test arm are hidden is not known: as many as would be there by the design, if so many
/// may be, since what is not known breaks no design.
pub(super) fn counted(
    [test, control]: [released::Figure; 2],
    hidden: Option<released::Figure>,
    expected: f64,
) -> [Figure; 2] {
    let [test, control] = [test, control].map(figure);
    let Some(hidden) = hidden.map(figure) else { return [test, control] };
    let missing = control.value() * expected / (1.0 - expected) - test.value();
    let more = missing.clamp(0.0, hidden.value().max(0.0));
    [test + Figure::real(more, hidden.noise_variance()), control]
}

/// Compares the head counts of the test and the control arm with the shares of the design. The tally has the several
/// values of an arm as one, so the shares among them cannot be tested.
pub(super) fn ratio(counts: Option<[Figure; 2]>, expected: f64, flag_p: f64) -> SampleRatio {
    let found = counts.map(|counts| sample_ratio(&counts, &[expected, 1.0 - expected], flag_p));
    SampleRatio {
        expected_test_share: expected,
        chi2: found.and_then(|ratio| ratio.statistic),
        p: found.and_then(|ratio| ratio.p),
        flag_p,
        failed: found.is_some_and(|ratio| ratio.failed),
    }
}

/// Whether test and control arm are all values that the column may have.
fn covers(contract: &Contract, dataset: &str, column: &str, asked: &Lift) -> bool {
    let column = contract.datasets.get(dataset).and_then(|dataset| dataset.column(column));
    let Some(Role::Group(domain)) = column.map(|column| &column.role) else { return false };
    domain.len() == asked.test.len() + asked.control.len()
}

/// Whether `cell` has more than one in a hundred of the people of the smaller arm, noise aside. All of them
/// could be missing from that arm: of a small holdout those who are reached after all are its most active.
fn exceeds(arms: &Arms, cell: Cell) -> bool {
    let Some((own, tolerated, hidden)) = against_smaller_arm(arms, cell) else { return false };
    own > tolerated + hidden
}

/// Whether noise hides more than a hundredth of the smaller arm, so that nobody can tell.
fn hides(arms: &Arms, cell: Cell) -> bool {
    against_smaller_arm(arms, cell)
        .is_some_and(|(own, tolerated, hidden)| hidden > tolerated && own <= tolerated + hidden)
}

/// The people of `cell`, how many are tolerated there, and how many people noise can pretend at
/// most, except in one of a thousand cases.
fn against_smaller_arm(arms: &Arms, cell: Cell) -> Option<(f64, f64, f64)> {
    let (test, control) = (arms.test.as_ref()?, arms.control.as_ref()?);
    let smaller = real(test.people.value.min(control.people.value)).max(0.0);
    let found = arms.cells.iter().find(|figure| figure.cell == cell)?;
    let hidden = normal_upper_quantile(FALSE_ALARM) * found.noise_variance.sqrt();
    Some((people(found)?, TOLERATED * smaller, hidden))
}

fn people(cell: &CellFigure) -> Option<f64> {
    Some(real(cell.n?))
}

/// The people of one arm of whom something is true, and of whom it is not.
#[derive(Clone, Copy)]
struct Split {
    yes: Figure,
    no: Figure,
}

impl Split {
    /// The people of these cells.
    fn of(arms: &Arms, yes: &[Cell], no: &[Cell]) -> Option<Self> {
        let sum = |wanted: &[Cell]| {
            let cells = arms.cells.iter().filter(|figure| wanted.contains(&figure.cell));
            let each =
                cells.map(|cell| Some(Figure::noisy(i128::from(cell.n?), cell.noise_variance)));
            each.collect::<Option<Vec<_>>>()?.into_iter().reduce(|one, other| one + other)
        };
        Some(Self { yes: sum(yes)?, no: sum(no)? })
    }

    fn people(self) -> f64 {
        (self.yes + self.no).value()
    }

    fn share(self) -> f64 {
        self.yes.value() / self.people()
    }

    /// Whether there surely are people: more than four deviations of the noise.
    fn is_clear(self) -> bool {
        let noise = (self.yes + self.no).noise_variance().sqrt();
        self.people() >= 1.0 && self.people() >= 4.0 * noise
    }

    /// Variance of the share, if its true value is `share`: from people and from noise, which is in
    /// both counts.
    fn variance(self, share: f64) -> f64 {
        let n = self.people();
        let noise = (1.0 - share) * (1.0 - share) * self.yes.noise_variance()
            + share * share * self.no.noise_variance();
        share * (1.0 - share) / n + noise / (n * n)
    }

    /// Wilson's interval with the noise in it: all shares r with (found - r)² ≤ z² · variance(r).
    fn interval(self, z: f64) -> [f64; 2] {
        let (n, found) = (self.people(), self.share());
        let noise = |figure: Figure| z * z * figure.noise_variance() / (n * n);
        let (people, yes, no) = (z * z / n, noise(self.yes), noise(self.no));
        let leading = 1.0 + people - yes - no;
        let middle = found + people / 2.0 - yes;
        let root = (middle * middle - leading * (found * found - yes)).max(0.0).sqrt();
        if leading <= 0.0 {
            return [0.0, 1.0];
        }
        [(middle - root) / leading, (middle + root) / leading].map(|end| end.clamp(0.0, 1.0))
    }

    /// As events of which the exact test makes a p: those of whom it is true, or those of whom it is not.
    fn events(self, of_whom_true: bool) -> Events {
        let events = if of_whom_true { self.yes } else { self.no };
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "people")]
        let count = events.value().round() as i64;
        Events {
            people: self.people(),
            people_variance: (self.yes + self.no).noise_variance(),
            events: count,
            events_variance: events.noise_variance(),
        }
    }
}

/// Match rates of both arms and a test of their difference; `None` if an arm is withheld or drowned
/// by noise. Who refuses among the outcomes was found there.
fn match_rates(arms: &Arms, keeps_refusers: bool, asked: &Lift) -> Option<MatchRates> {
    let of = |matched: Cell, refused: Cell, unmatched: Cell| {
        let found: &[Cell] = if keeps_refusers { &[matched, refused] } else { &[matched] };
        Split::of(arms, found, &[unmatched])
    };
    rates(
        of(Cell::TestMatched, Cell::TestRefused, Cell::TestUnmatched)?,
        of(Cell::ControlMatched, Cell::ControlRefused, Cell::ControlUnmatched)?,
        asked,
    )
}

/// How many of those who were found refuse, in both arms.
fn consent_rates(arms: &Arms, asked: &Lift) -> Option<MatchRates> {
    rates(
        Split::of(arms, &[Cell::TestRefused], &[Cell::TestMatched])?,
        Split::of(arms, &[Cell::ControlRefused], &[Cell::ControlMatched])?,
        asked,
    )
}

fn rates(test: Split, control: Split, asked: &Lift) -> Option<MatchRates> {
    if !test.is_clear() || !control.is_clear() {
        return None;
    }
    let z = normal_upper_quantile((1.0 - asked.confidence.value()) / 2.0);
    let rate = |arm: Split| MatchRate { rate: arm.share().clamp(0.0, 1.0), ci: arm.interval(z) };
    let p = difference(test, control);
    Some(MatchRates {
        test: rate(test),
        control: rate(control),
        p,
        flag_p: FALSE_ALARM,
        differs: p < FALSE_ALARM,
    })
}

/// The p-value for the shares of both arms being alike. It is exact where it is true of few people, or
/// not true of few.
fn difference(test: Split, control: Split) -> f64 {
    let yes = (test.yes + control.yes).value();
    let rarer = yes < (test.people() + control.people()) / 2.0;
    let exact = FewEvents::new(test.events(rarer), control.events(rarer));
    let exact = exact.filter(FewEvents::is_needed);
    if let Some(exact) = exact {
        return exact.tails(Effect::Difference(0.0)).p(Alternative::TwoSided);
    }
    let pooled = (yes / (test.people() + control.people())).clamp(0.0, 1.0);
    let deviation = (test.variance(pooled) + control.variance(pooled)).sqrt();
    2.0 * normal_sf((test.share() - control.share()).abs() / deviation)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "people, below 2^53")]
fn real(people: i64) -> f64 {
    people as f64
}

/// Probability of a flag by chance.
const FALSE_ALARM: f64 = 0.001;
/// Share of people that may be outside the arms.
const TOLERATED: f64 = 0.01;
