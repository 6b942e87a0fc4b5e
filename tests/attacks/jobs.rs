//! Random jobs, sensible or not, and random neighbours to ask them about.

use protocol::units::{Millionths, Scale};
use protocol::{
    contract::ColumnRef,
    job::{
        Alternative, Filter, GroupBy, Lift, Multiplicity, Outcome, OutcomeKind, Question,
        Statistic, TableMeasure, TableQuestion,
    },
    loss::{Delta, Epsilon},
    proof::Split,
    tally::Clamp,
};
use rand_chacha::{ChaCha20Rng, rand_core::Rng};

use super::data::{Person, TARGET};

/// Draws below a number.
pub(crate) struct Dice(pub(crate) ChaCha20Rng);

impl Dice {
    pub(crate) fn below(&mut self, of: u32) -> u32 {
        self.0.next_u32() % of
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        let of = u32::try_from(all.len()).unwrap();
        all[usize::try_from(self.below(of)).unwrap()].clone()
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.below(one_in) == 0
    }
}

/// A crowd, and the same crowd with one person more, or less. With `hostile`, the rows of that person
/// hold whatever would overflow, divide by nothing or name what is not there.
pub(crate) fn neighbours(dice: &mut Dice, hostile: bool) -> (Vec<Person>, Vec<Person>) {
    let size = 20 + dice.below(300);
    let crowd: Vec<_> = (1..=size).map(|key| person(dice, key, false)).collect();
    let one_more = [crowd.clone(), vec![person(dice, TARGET, hostile)]].concat();
    if dice.chance(2) { (crowd, one_more) } else { (one_more, crowd) }
}

fn person(dice: &mut Dice, key: u32, hostile: bool) -> Person {
    let (numbers, codes, stores) = if hostile {
        let numbers = [i64::MAX, i64::MIN, 0, -1, 1 << 62];
        let codes = [i32::MIN, i32::MAX, -1, 0, 7, 99];
        (numbers, codes, ["", "\u{7f}", "clinic", "x"])
    } else {
        ([0, 1, 5, 19, 1_000], [0, 1, 2, 3, 4, 5], ["main street", "harbour", "clinic", ""])
    };
    let mut exposures = Vec::new();
    for _ in 0..=dice.below(2) {
        let arm = if hostile { dice.one_of(&codes) } else { i32::try_from(dice.below(2)).unwrap() };
        exposures.push((arm, dice.one_of(&codes)));
    }
    let mut sales = Vec::new();
    for _ in 0..dice.below(4) {
        sales.push((dice.one_of(&numbers), dice.one_of(&codes), dice.one_of(&stores)));
    }
    Person { key, exposures, sales }
}

/// Any job that an analyst could sign: the analysis, and a lift or a table.
pub(crate) fn random(dice: &mut Dice) -> (&'static str, Question) {
    if dice.chance(3) {
        ("lift", Question::Lift(lift(dice)))
    } else {
        ("reach", Question::Table(table(dice)))
    }
}

/// Also one with which a person can lower a total, and one whose squares are counted in coarse units.
fn clamp(dice: &mut Dice) -> Clamp {
    let (least, most) = dice.one_of(&[(0, 1), (0, 20), (-20, 20), (-1_000, 0), (0, 1 << 22)]);
    Clamp::new(least, most).unwrap()
}

fn lift(dice: &mut Dice) -> Lift {
    let arm = |dice: &mut Dice, usual: &str| {
        let odd = [vec![], vec!["nobody"], vec!["test", "control"], vec![usual, usual]];
        let arm = if dice.chance(8) { dice.one_of(&odd) } else { vec![usual] };
        arm.into_iter().map(str::to_owned).collect()
    };
    let (test, control) = (arm(dice, "test"), arm(dice, "control"));
    let mut outcomes = Vec::new();
    for at in 0..=dice.below(2) {
        let kind = dice.one_of(&[OutcomeKind::Binary, OutcomeKind::Count, OutcomeKind::Value]);
        let clamp = match kind {
            OutcomeKind::Binary => Clamp::ONE,
            _ => clamp(dice),
        };
        let column = if dice.chance(6) { "illness" } else { "spend" };
        let (name, column) = (format!("o{at}"), column.to_owned());
        outcomes.push(Outcome {
            name,
            column,
            kind,
            clamp,
            scale: Scale::WHOLE,
            weight: kind.weight(),
            margin: None,
        });
    }
    let day = |dice: &mut Dice| i32::try_from(dice.below(30)).unwrap();
    Lift {
        test,
        control,
        breakdown: None,
        exposed: None,
        covariate: None,
        expected_test_share: Millionths(dice.one_of(&[500_000, 100_000, 500_000, 0])),
        srm_flag_p: Millionths(1_000),
        window: dice.chance(2).then(|| (day(dice), day(dice))),
        outcomes,
        confidence: Millionths(dice.one_of(&[950_000, 950_000, 990_000, 1_000_000])),
        alternative: Alternative::TwoSided,
        multiplicity: Multiplicity::Holm,
        cost: None,
        epsilon: epsilon(dice),
        delta: Delta::new(1e-6).unwrap(),
        split: Split { n: 200, sum: 500, products: 300 },
        min_cell: dice.below(100),
        registered_at: None,
    }
}

/// A budget of ε = 2 pays for two of the three.
fn epsilon(dice: &mut Dice) -> Epsilon {
    Epsilon::new(dice.one_of(&[0.1, 1.0, 3.0])).unwrap()
}

fn table(dice: &mut Dice) -> TableQuestion {
    let columns =
        ["exposures.arm", "exposures.town", "sales.store", "sales.spend", "sales.illness"];
    let mut group_by = Vec::new();
    for _ in 0..dice.below(3) {
        group_by.push(match dice.below(4) {
            0 => GroupBy::Matched,
            1 => GroupBy::Bins {
                measure: "m".to_owned(),
                edges: vec![1, 5, 5 + i64::from(dice.below(9))],
            },
            _ => GroupBy::Column(dice.one_of(&columns).parse().unwrap()),
        });
    }
    let mut rows = Vec::new();
    for _ in 0..dice.below(3) {
        rows.push(match dice.below(3) {
            0 => {
                let values = [dice.below(9), dice.below(9)].map(|at| format!("town-{at}"));
                Filter::OneOf { column: columns[1].parse().unwrap(), values: values.to_vec() }
            }
            1 => Filter::Between {
                column: ColumnRef::new("sales", "bought"),
                least: i64::from(dice.below(30)),
                most: i64::from(dice.below(30)),
            },
            _ => Filter::Between {
                column: columns[3].parse().unwrap(),
                least: i64::MIN,
                most: i64::from(dice.below(50)),
            },
        });
    }
    let mut measures = Vec::new();
    if dice.chance(2) {
        let (column, statistic) = dice.one_of(&[
            ("sales", Statistic::Rows),
            (columns[2], Statistic::Distinct),
            (columns[3], Statistic::Sum),
            (columns[4], Statistic::Sum),
        ]);
        measures.push(TableMeasure {
            name: "m".to_owned(),
            column: column.to_owned(),
            statistic,
            clamp: clamp(dice),
            squares: dice.chance(2),
            scale: Scale::WHOLE,
        });
    }
    TableQuestion {
        group_by,
        rows,
        measures,
        cells_per_person: dice.below(5),
        confidence: Millionths(950_000),
        epsilon: epsilon(dice),
        delta: Delta::new(1e-6).unwrap(),
        selection_delta: u64::from(dice.below(2)) * 1_000_000,
        split: Split { n: 400, sum: 400, products: 200 },
        min_cell: dice.below(100),
    }
}
