//! Whether two questions are about nearly the same people: the pattern of an attack by differencing.

use super::{Cells, Condition, Dimension, Table, Tally};

impl Tally {
    /// True if `self` and `earlier` are two questions that choose rows, arms and groups alike, or but for
    /// one thing, so that they average noise away or their difference could be about few people: one
    /// condition more, fewer or slightly moved, an arm that differs by one code, bins with other edges.
    ///
    /// Noise protects against it whatever the difference is; this only tells the owner that somebody
    /// may be trying. A function of the two tallies, never of data.
    #[must_use]
    pub fn nearly_repeats(&self, earlier: &Self) -> bool {
        let datasets = |tally: &Self| tally.datasets().map(str::to_owned).collect::<Vec<_>>();
        if self == earlier || datasets(self) != datasets(earlier) {
            return false;
        }
        let differences = [
            rows(&self.population, &earlier.population),
            match (&self.joined, &earlier.joined) {
                (Some(one), Some(other)) => rows(one, other),
                _ => Some(0),
            },
            measured(self, earlier),
            arms(&self.cells, &earlier.cells),
        ];
        let sum = differences.into_iter().try_fold(0, |sum, it| Some(sum + it?));
        sum.is_some_and(|sum| sum <= 1)
    }
}

/// How many conditions differ slightly; none if any differs by more.
fn rows(one: &Table, other: &Table) -> Option<usize> {
    conditions(&once(one.rows.iter()), &once(other.rows.iter()))
}

/// Each condition that says something, once.
fn once<'c>(all: impl Iterator<Item = &'c Condition>) -> Vec<Condition> {
    let mut kept: Vec<Condition> = Vec::new();
    for condition in all {
        let vacuous =
            matches!(condition, Condition::Between { least: i64::MIN, most: i64::MAX, .. });
        if !vacuous && !kept.contains(condition) {
            kept.push(condition.clone());
        }
    }
    kept
}

/// Conditions on what is added up; where several measures share one, it counts once.
fn measured(one: &Tally, other: &Tally) -> Option<usize> {
    let of = |tally: &Tally| once(tally.measures.iter().flat_map(|measure| &measure.rows));
    conditions(&of(one), &of(other))
}

fn conditions(one: &[Condition], other: &[Condition]) -> Option<usize> {
    let only = |these: &[Condition], those: &[Condition]| {
        these.iter().filter(|it| !those.contains(it)).cloned().collect::<Vec<_>>()
    };
    match (only(one, other).as_slice(), only(other, one).as_slice()) {
        ([], []) => Some(0),
        ([_], []) | ([], [_]) => Some(1),
        ([one], [other]) if slightly(one, other) => Some(1),
        _ => None,
    }
}

/// Whether two conditions on one column let mostly the same rows count.
fn slightly(one: &Condition, other: &Condition) -> bool {
    match (one, other) {
        (Condition::OneOf { column, codes }, Condition::OneOf { column: same, codes: others }) => {
            column == same && one_code_apart(codes, others)
        }
        (
            Condition::Between { column, least, most },
            Condition::Between { column: same, least: low, most: high },
        ) => {
            let width = |least: i64, most: i64| i128::from(most) - i128::from(least) + 1;
            let shared = width(*least.max(low), *most.min(high));
            let all = width(*least.min(low), *most.max(high));
            column == same && shared.saturating_mul(2) >= all
        }
        _ => false,
    }
}

/// How many codes of the arms differ; none if by more than one, or if only one has arms.
fn arms(one: &Cells, other: &Cells) -> Option<usize> {
    match (one, other) {
        (
            Cells::Arms { column, test, control },
            Cells::Arms { column: same, test: test_before, control: control_before },
        ) if column == same => {
            let differences = [(test, test_before), (control, control_before)];
            let apart = |(one, other): &(&Vec<i32>, &Vec<i32>)| match sorted(one) == sorted(other) {
                true => Some(0),
                false => one_code_apart(one, other).then_some(1),
            };
            differences.iter().try_fold(0, |sum, pair| Some(sum + apart(pair)?))
        }
        (Cells::Groups(one), Cells::Groups(other)) => {
            let bins = |(one, other): &(&Dimension, &Dimension)| {
                matches!((one, other), (Dimension::Bins { .. }, Dimension::Bins { .. }))
            };
            let pairs = || one.iter().zip(other).filter(|(one, other)| one != other);
            (one.len() == other.len() && pairs().all(|pair| bins(&pair))).then(|| pairs().count())
        }
        _ => None,
    }
}

fn one_code_apart(one: &[i32], other: &[i32]) -> bool {
    let only = |these: &[i32], those: &[i32]| these.iter().filter(|it| !those.contains(it)).count();
    only(one, other) + only(other, one) <= 1
}

fn sorted(codes: &[i32]) -> Vec<i32> {
    let mut codes = codes.to_vec();
    codes.sort_unstable();
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::{Measure, Quantity, Side};

    fn lift(test: &[i32], days: Option<(i64, i64)>) -> Tally {
        let table = |name: &str| Table { dataset: name.to_owned(), rows: Vec::new() };
        let (column, of) = ("bought".to_owned(), Quantity::Sum { column: "spend".to_owned() });
        let rows = days.map(|(least, most)| Condition::Between { column, least, most });
        let rows = rows.into_iter().collect();
        Tally {
            population: table("exposures"),
            joined: Some(table("sales")),
            cells: Cells::Arms { column: "arm".to_owned(), test: test.to_vec(), control: vec![9] },
            measures: vec![Measure { side: Side::Joined, of, rows, clamp: 100 }],
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: 1,
        }
    }

    fn among(codes: &[i32]) -> Tally {
        let mut tally = lift(&[0], None);
        let codes = codes.to_vec();
        tally.population.rows = vec![Condition::OneOf { column: "town".to_owned(), codes }];
        tally.cells = Cells::Groups(Vec::new());
        tally
    }

    #[test]
    fn one_day_more_nearly_repeats_the_question() {
        let month = lift(&[0], Some((0, 29)));
        assert!(lift(&[0], Some((0, 30))).nearly_repeats(&month));
        assert!(lift(&[0], Some((1, 29))).nearly_repeats(&month));
        assert!(lift(&[0], None).nearly_repeats(&month));
        assert!(!lift(&[0], Some((30, 59))).nearly_repeats(&month), "the next month");
        assert!(!month.nearly_repeats(&month), "a repetition is answered from memory");
    }

    #[test]
    fn one_value_more_or_less_nearly_repeats_the_question() {
        assert!(among(&[1, 2, 3]).nearly_repeats(&among(&[1, 2])));
        assert!(among(&[1, 2]).nearly_repeats(&among(&[1, 2, 3])));
        assert!(!among(&[3, 4]).nearly_repeats(&among(&[1, 2])));
        assert!(!among(&[1, 2, 3, 4]).nearly_repeats(&among(&[1, 2])));
        let mut everybody = among(&[1]);
        everybody.population.rows.clear();
        assert!(among(&[1]).nearly_repeats(&everybody), "a rare value singled out");
    }

    #[test]
    fn an_arm_with_one_code_more_nearly_repeats_the_question() {
        assert!(lift(&[0, 1], None).nearly_repeats(&lift(&[0], None)));
        assert!(!lift(&[1], None).nearly_repeats(&lift(&[0], None)), "two codes apart");
        assert!(
            lift(&[1, 0], None).nearly_repeats(&lift(&[0, 1], None)),
            "the same arm, reordered"
        );
    }

    #[test]
    fn the_same_people_with_another_cap_are_nearly_the_same_question() {
        let mut other = lift(&[0], None);
        other.measures[0].clamp = 50;
        assert!(other.nearly_repeats(&lift(&[0], None)), "averaging");
        other.population.dataset = "other".to_owned();
        assert!(!other.nearly_repeats(&lift(&[0], None)));
    }

    #[test]
    fn a_condition_that_says_nothing_or_stands_twice_hides_nothing() {
        let everything = |column: &str| Condition::Between {
            column: column.to_owned(),
            least: i64::MIN,
            most: i64::MAX,
        };
        let mut hiding = among(&[1, 2, 3]);
        let twice = hiding.population.rows[0].clone();
        hiding.population.rows.extend([everything("a"), everything("b"), twice]);
        assert!(hiding.nearly_repeats(&among(&[1, 2])));
    }

    #[test]
    fn bins_with_a_moved_edge_nearly_repeat_the_question() {
        let bins = |edge: i64| {
            let mut tally = among(&[1]);
            tally.cells = Cells::Groups(vec![Dimension::Bins { measure: 0, edges: vec![1, edge] }]);
            tally
        };
        assert!(bins(5).nearly_repeats(&bins(6)));
        let mut other = bins(5);
        other.cells = Cells::Groups(vec![Dimension::Matched]);
        assert!(!other.nearly_repeats(&bins(5)), "other groups");
    }
}
