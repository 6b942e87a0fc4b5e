//! The figures of a comparison of arms, by arm.

mod known;

use super::Cell;
use crate::{
    released::{
        Figure, FormsOf, GroupFigures, Place, ProductFigure, View, arm_of, creative_of, is_named,
        segment_of, segments,
    },
    tally::{Arm, Dimension, Tally},
};

pub use known::{CovariateFigures, ReachedFigures};

/// People by cell, and the figures of both arms: of everybody, and of each segment and creative.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Arms {
    /// People by cell, in the order of [`Cell::ALL`].
    pub cells: Vec<CellFigure>,
    /// Figures of the test arm; `None` if it is below the threshold.
    pub test: Option<ArmFigures>,
    /// Figures of the control arm; `None` if it is below the threshold.
    pub control: Option<ArmFigures>,
    /// For each measure that leaves as a contrast, both forms over everybody; `None` if an arm is below the threshold.
    pub contrasts: Vec<Option<ContrastFigures>>,
    /// Segments and creatives, in the order of their places; empty if effects are not told apart.
    pub parts: Vec<PartFigures>,
    /// The people of each segment, in the order of their places; empty if people are not told apart by segment.
    pub segments: Vec<SegmentFigures>,
    /// As [`SegmentFigures::hidden`], of all segments that are shown, or of everybody where there are no segments.
    pub hidden: Option<Figure>,
    /// People of the test and the control arm who are in no segment that is shown and left out of all figures; `None` for an arm
    /// of which so few are left out that they are withheld, if any are.
    pub left_out: [Option<Figure>; 2],
}

/// One segment or creative, or both.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PartFigures {
    /// Place of the segment's value in each of its columns; empty if people are not told apart by segment.
    pub segment: Vec<u32>,
    /// Place of the creative's value in its column; `None` if the test arm is taken as one.
    pub creative: Option<u32>,
    /// Figures of both arms; `None` if an arm is below the threshold.
    pub pair: Option<PairFigures>,
}

/// The people of one segment, whatever creatives its test arm has.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SegmentFigures {
    /// Place of the segment's value in each of its columns.
    pub segment: Vec<u32>,
    /// People of the test and of the control arm that are shown; `None` if the segment is withheld.
    pub people: Option<[Figure; 2]>,
    /// More people of its test arm than this are not hidden, with the noise on their number: of creatives that are withheld, of
    /// none or of several. `None` if all of the arm is shown.
    pub hidden: Option<Figure>,
}

/// Two compared arms.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PairFigures {
    /// Test arm.
    pub test: ArmFigures,
    /// Control arm.
    pub control: ArmFigures,
    /// As [`Arms::contrasts`].
    pub contrasts: Vec<Option<ContrastFigures>>,
}

/// Totals of one measure over both arms of a contrast.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ContrastFigures {
    /// Of the clamped values.
    pub sums: FormsOf<Figure>,
    /// Of their squares.
    pub squares: FormsOf<ProductFigure>,
}

impl Arms {
    /// Reads the figures from what was released of a tally by arm and match.
    #[must_use]
    pub fn new(view: &View<'_>) -> Self {
        let shown: Vec<_> = view.cells().collect();
        let read = Reading { view, tally: view.proven().tally(), shown: &shown };
        let cells = Cell::ALL.map(|cell| read.count(cell)).to_vec();
        let [test, control] = [Arm::Test, Arm::Control];
        let segments = read.segments();
        let hidden = match segments.as_slice() {
            [] => read.people_of(&[]).hidden,
            of_each => {
                let shown = of_each.iter().filter(|segment| segment.people.is_some());
                shown.filter_map(|segment| segment.hidden).reduce(Figure::plus)
            }
        };
        Self {
            cells,
            test: read.arm(|cell| read.is_whole(cell, test)),
            control: read.arm(|cell| read.is_whole(cell, control)),
            contrasts: read.contrasts_of_all(),
            parts: read.parts(),
            segments,
            hidden,
            left_out: [test, control].map(|arm| read.left_out(arm)),
        }
    }

    /// Both arms of everybody; `None` if an arm is below the threshold.
    #[must_use]
    pub fn whole(&self) -> Option<PairFigures> {
        let (test, control) = (self.test.clone()?, self.control.clone()?);
        Some(PairFigures { test, control, contrasts: self.contrasts.clone() })
    }

    /// Whether fewer than one person in 200, over the arms that are shown, was found among the outcomes.
    /// Then keys that were made differently are likelier than so rare an outcome.
    #[must_use]
    pub fn low_match(&self) -> bool {
        let people = |wanted: [Cell; 2]| {
            let cells = self.cells.iter().filter(|counted| wanted.contains(&counted.cell));
            cells.filter_map(|counted| counted.n).fold(0_i64, i64::saturating_add)
        };
        let refused = people([Cell::TestRefused, Cell::ControlRefused]);
        let matched = people([Cell::TestMatched, Cell::ControlMatched]).saturating_add(refused);
        let everybody =
            matched.saturating_add(people([Cell::TestUnmatched, Cell::ControlUnmatched]));
        matched.saturating_mul(LOW_MATCH_ONE_IN) < everybody
    }
}

/// The cells that were released, with their tally.
struct Reading<'a> {
    view: &'a View<'a>,
    tally: &'a Tally,
    shown: &'a [GroupFigures],
}

impl Reading<'_> {
    fn count(&self, cell: Cell) -> CellFigure {
        let people: Vec<Figure> = match places(cell) {
            Some((arm, matched)) => {
                let is_its = |shown: &&GroupFigures| {
                    self.is_whole(shown, arm)
                        && matched.is_none_or(|place| is_matched(shown, place))
                };
                self.shown.iter().filter(is_its).map(|cell| cell.people).collect()
            }
            None => self.view.no_consent().into_iter().collect(),
        };
        let sum = people.iter().copied().fold(Figure::ZERO, Figure::plus);
        let is_shown = !people.is_empty();
        // A withheld count has noise too: that of one cell.
        let noise_variance =
            if is_shown { sum.noise_variance } else { self.view.people(0).noise_variance };
        CellFigure { cell, n: is_shown.then_some(sum.value), noise_variance }
    }

    /// Whether a cell is of people of this arm who count among everybody.
    fn is_whole(&self, cell: &GroupFigures, arm: Arm) -> bool {
        arm_of(&cell.name) == Some(arm) && !(self.is_rest(cell) && self.is_rest_left_out())
    }

    /// Whether a cell is of the people of a compared arm who are in no segment that is shown.
    fn is_rest(&self, cell: &GroupFigures) -> bool {
        let is_compared = matches!(arm_of(&cell.name), Some(Arm::Test | Arm::Control));
        is_compared && !self.tally.segments().is_empty() && self.segment(cell).is_none()
    }

    /// Whether such people count nowhere. They do where they are shown of both arms.
    fn is_rest_left_out(&self) -> bool {
        let has = |arm: Arm| {
            self.shown.iter().any(|cell| self.is_rest(cell) && arm_of(&cell.name) == Some(arm))
        };
        !(has(Arm::Test) && has(Arm::Control))
    }

    fn left_out(&self, arm: Arm) -> Option<Figure> {
        let is_its = |cell: &&GroupFigures| self.is_rest(cell) && arm_of(&cell.name) == Some(arm);
        let people = self.shown.iter().filter(is_its).filter(|_| self.is_rest_left_out());
        people.map(|cell| cell.people).reduce(Figure::plus)
    }

    fn segment<'c>(&self, cell: &'c GroupFigures) -> Option<&'c [Place]> {
        segment_of(self.tally, &cell.name)
    }

    /// All the people of some cells, found and not; `None` if there is no such cell.
    fn arm(&self, is_its: impl Fn(&GroupFigures) -> bool) -> Option<ArmFigures> {
        let cells: Vec<_> = self.shown.iter().filter(|cell| is_its(cell)).collect();
        let people = cells.iter().map(|cell| cell.people).reduce(Figure::plus)?;
        let (reached, covariate) = (self.reached(&cells), self.covariate(&cells));
        let found: Vec<_> = cells.into_iter().filter(|cell| is_matched(cell, MATCHED)).collect();
        let measures = (0..self.tally.measures.len()).map(|at| {
            let place = self.tally.cell_place_of_sum(at)?;
            let sums = found.iter().map(|cell| cell.sums.get(place).copied());
            let sum = sums.collect::<Option<Vec<_>>>()?.into_iter().reduce(Figure::plus)?;
            let square = self.tally.square_of(at);
            let square = square.and_then(|(at, _)| self.tally.cell_place_of_product(at));
            let squares = square.and_then(|place| {
                let all = found.iter().map(|cell| cell.products.get(place).copied());
                all.collect::<Option<Vec<_>>>()?.into_iter().reduce(ProductFigure::plus)
            });
            Some(MeasureFigures { sum, sum_sq: squares })
        });
        Some(ArmFigures { people, measures: measures.collect(), reached, covariate })
    }

    fn contrasts(&self, segment: &[Place]) -> Vec<Option<ContrastFigures>> {
        let of = |at: usize| {
            let (square, _) = self.tally.square_of(at)?;
            let sums = self.view.forms_of_sum(segment, at)?;
            let squares = self.view.forms_of_product(segment, square)?;
            Some(ContrastFigures { sums, squares })
        };
        (0..self.tally.measures.len()).map(of).collect()
    }

    /// Both forms over all segments that are shown and all other people together.
    fn contrasts_of_all(&self) -> Vec<Option<ContrastFigures>> {
        let mut all: Vec<Option<ContrastFigures>> = vec![None; self.tally.measures.len()];
        let whole = (!self.tally.segments().is_empty()).then(Vec::new);
        for segment in segments(self.tally).into_iter().chain(whole) {
            for (sum, one) in all.iter_mut().zip(self.contrasts(&segment)) {
                *sum = match (*sum, one) {
                    (Some(sum), Some(one)) => Some(sum.plus(one)),
                    (sum, one) => sum.or(one),
                };
            }
        }
        all
    }

    fn parts(&self) -> Vec<PartFigures> {
        let creatives = creatives(self.tally);
        if self.tally.segments().is_empty() && creatives.is_none() {
            return Vec::new();
        }
        let creatives: Vec<_> = match creatives {
            Some(places) => places.into_iter().map(Some).collect(),
            None => vec![None],
        };
        let named = segments(self.tally).into_iter();
        let named = named.filter(|segment| is_named(self.tally, segment));
        let parts = named.flat_map(|segment| {
            let part = |creative: &Option<u32>| self.part(&segment, *creative);
            creatives.iter().map(part).collect::<Vec<_>>()
        });
        parts.collect()
    }

    fn segments(&self) -> Vec<SegmentFigures> {
        if self.tally.segments().is_empty() {
            return Vec::new();
        }
        let named = segments(self.tally).into_iter();
        let named = named.filter(|segment| is_named(self.tally, segment));
        named.map(|segment| self.people_of(&segment)).collect()
    }

    fn people_of(&self, segment: &[Place]) -> SegmentFigures {
        let of = |arm: Arm| -> Vec<_> {
            let is_its = |cell: &&GroupFigures| {
                arm_of(&cell.name) == Some(arm) && self.segment(cell) == Some(segment)
            };
            self.shown.iter().filter(is_its).collect()
        };
        let sum =
            |cells: &[&GroupFigures]| cells.iter().map(|cell| cell.people).reduce(Figure::plus);
        let test = of(Arm::Test);
        let has_others = test.iter().any(|cell| creative_of(self.tally, &cell.name).is_none());
        let hidden = self.tally.creative_places().filter(|_| !has_others).map(|places| {
            let all = places.saturating_mul(u64::from(self.tally.cells_of_arm()));
            let shown = u64::try_from(test.len()).unwrap_or(u64::MAX);
            self.view.people_in(self.view.thresholds().other, all.saturating_sub(shown))
        });
        SegmentFigures {
            segment: segment.iter().filter_map(|place| index(*place)).collect(),
            people: sum(&test).zip(sum(&of(Arm::Control))).map(|(test, control)| [test, control]),
            hidden,
        }
    }

    fn part(&self, segment: &[Place], creative: Option<u32>) -> PartFigures {
        let is_in = |cell: &GroupFigures, arm: Arm| {
            arm_of(&cell.name) == Some(arm) && self.segment(cell) == Some(segment)
        };
        let test = self.arm(|cell| {
            let name = creative.map(Place::Index);
            is_in(cell, Arm::Test)
                && (name.is_none() || name == creative_of(self.tally, &cell.name))
        });
        let control = self.arm(|cell| is_in(cell, Arm::Control));
        let contrasts = self.contrasts(segment);
        PartFigures {
            segment: segment.iter().filter_map(|place| index(*place)).collect(),
            creative,
            pair: test.zip(control).map(|(test, control)| PairFigures { test, control, contrasts }),
        }
    }
}

impl ContrastFigures {
    fn plus(self, other: Self) -> Self {
        Self {
            sums: self.sums.plus(other.sums, Figure::plus),
            squares: self.squares.plus(other.squares, ProductFigure::plus),
        }
    }
}

/// The places of the creatives that are compared: those of the test arm, if the arm's own column tells them; `None` if the test arm
/// is taken as one.
pub(super) fn creatives(tally: &Tally) -> Option<Vec<u32>> {
    let Some(Dimension::Creative { column, values }) = tally.dimensions.last() else { return None };
    let codes = tally.dimensions.iter().find_map(|dimension| match dimension {
        Dimension::Arm { column: arm, test, .. } if arm == column => Some(test),
        _ => None,
    });
    Some(match codes {
        Some(codes) => codes.iter().filter_map(|code| u32::try_from(*code).ok()).collect(),
        None => (0..*values).collect(),
    })
}

/// The place of a cell: its arm, and whether its people were found; `None` for a cell of both.
fn places(cell: Cell) -> Option<(Arm, Option<u32>)> {
    match cell {
        Cell::TestUnmatched => Some((Arm::Test, Some(UNMATCHED))),
        Cell::TestMatched => Some((Arm::Test, Some(MATCHED))),
        Cell::TestRefused => Some((Arm::Test, Some(REFUSED))),
        Cell::ControlUnmatched => Some((Arm::Control, Some(UNMATCHED))),
        Cell::ControlMatched => Some((Arm::Control, Some(MATCHED))),
        Cell::ControlRefused => Some((Arm::Control, Some(REFUSED))),
        Cell::Contaminated => Some((Arm::Several, None)),
        Cell::OtherArm => Some((Arm::Other, None)),
        Cell::NoConsent => None,
    }
}

fn is_matched(figures: &GroupFigures, place: u32) -> bool {
    figures.name.get(1).copied() == Some(Place::Index(place))
}

fn index(place: Place) -> Option<u32> {
    match place {
        Place::Index(at) => Some(at),
        Place::Label(_) => None,
    }
}

/// How many people a cell has.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CellFigure {
    /// Cell.
    pub cell: Cell,
    /// Number of people; `None` if it is withheld.
    pub n: Option<i64>,
    /// Variance of the noise on a head count.
    pub noise_variance: f64,
}

/// One arm: everybody who was assigned to it, matched or not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ArmFigures {
    /// People, matched and unmatched.
    pub people: Figure,
    /// Figures for each measure of the tally; `None` for one that leaves as a contrast. A person who was not matched adds
    /// nothing.
    pub measures: Vec<Option<MeasureFigures>>,
    /// Who was reached; `None` if the tally does not ask for that.
    pub reached: Option<ReachedFigures>,
    /// What was known of people before; `None` if the tally does not ask for that.
    pub covariate: Option<CovariateFigures>,
}

/// The totals of one measure over one arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MeasureFigures {
    /// Sum of the clamped values.
    pub sum: Figure,
    /// Sum of their squares; `None` if the tally does not ask for squares.
    pub sum_sq: Option<ProductFigure>,
}

const LOW_MATCH_ONE_IN: i64 = 200;
// Places of a person in the joined dataset.
const UNMATCHED: u32 = 0;
const MATCHED: u32 = 1;
const REFUSED: u32 = 2;
