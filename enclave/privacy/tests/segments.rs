//! Which cells of a comparison by segment and creative leave, and with how much noise.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::support::{Payer, proven, table};
use privacy::sampler::{Chance, Exact, Noise, Scale, Variance};
use privacy::{Names, Raw, Release, Totals};
use protocol::analysis::lift::{Arms, PartFigures};
use protocol::loss::Rho;
use protocol::proof::Proven;
use protocol::released::{Place, Released, public_name};
use protocol::tally::{Contrast, Dimension, Side, Tally};
use std::collections::BTreeMap;

/// Adds nothing, and says that it is noise of the variance that was asked for.
struct Silent;

impl Noise for Silent {
    fn gaussian(&mut self, _: Variance) -> i64 {
        0
    }

    fn laplace(&mut self, _: Scale) -> i64 {
        0
    }

    fn batch(&mut self, _: Chance, _: u32) -> Vec<u32> {
        Vec::new()
    }
}

/// Arm 0 and 1 are tested against arm 2; three regions; with creatives the arm's own column tells them.
fn tally(creatives: bool) -> Tally {
    let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0, 1], control: vec![2] };
    let column = "region".to_owned();
    let region = Dimension::Only { side: Side::POPULATION, column, values: Some(3) };
    let mut tally = table(vec![arm, Dimension::Matched, region]);
    if creatives {
        tally.dimensions.push(Dimension::Creative { column: "arm".to_owned(), values: 3 });
    } else {
        tally.contrast = Some(Contrast { test: 1, control: 1, measures: vec![0] });
    }
    tally
}

/// So much loss that no threshold rises above the floor of 50.
fn certain(tally: Tally) -> Proven {
    proven(tally, Rho(1_000_000_000_000), 0)
}

/// People by arm (test, control), region and, of the test arm, creative; half of them found, each with 4.
struct People(BTreeMap<Vec<u32>, i64>);

impl People {
    fn totals(&self, tally: &Tally) -> Totals {
        let cells = tally.public_cells().unwrap() - 1;
        let of = |at: u64| {
            let name = public_name(&tally.dimensions, at).into_iter().map(|place| match place {
                Place::Index(at) => at,
                Place::Label(_) => unreachable!("public"),
            });
            let name: Vec<_> = name.collect();
            let key: Vec<_> =
                name.iter().enumerate().filter(|(at, _)| *at != 1).map(|place| *place.1).collect();
            let people = self.0.get(&key).copied().unwrap_or(0);
            if name[1] == 1 { people - people / 2 } else { people / 2 }
        };
        let people: Vec<_> = (0..cells).map(of).chain([0]).collect();
        let matched = |at: u64| public_name(&tally.dimensions, at)[1] == Place::Index(1);
        let amounts = |each: i64| -> Vec<i64> {
            let cells = people.iter().enumerate().map(|(at, people)| {
                let at = u64::try_from(at).unwrap();
                if at < cells && matched(at) { people * each } else { 0 }
            });
            cells.collect()
        };
        let (sums, products) = (vec![amounts(4)], vec![amounts(16)]);
        Totals { cells: Names::Public, people, sums, products, spread: Vec::new() }
    }
}

fn release(proven: &Proven, people: &People, noise: &mut impl Noise) -> Release {
    let raw = Raw::new(proven.clone(), people.totals(proven.tally()));
    raw.release(Payer::new(proven).pay(), noise).unwrap()
}

/// Control people know no creative in these tests: place 2 of the arm's column.
fn by_segment(test: [i64; 5], control: [i64; 5]) -> People {
    let mut all = BTreeMap::new();
    for (region, (test, control)) in (0..).zip(test.into_iter().zip(control)) {
        all.insert(vec![0, region], test);
        all.insert(vec![1, region], control);
    }
    People(all)
}

fn sizes(parts: &[PartFigures]) -> Vec<Option<[i64; 2]>> {
    let of = |part: &PartFigures| {
        part.pair.as_ref().map(|pair| [pair.test.people.value, pair.control.people.value])
    };
    parts.iter().map(of).collect()
}

/// The third region has 30 people in its control arm; nobody is without a region.
#[test]
fn a_small_segment_is_withheld_and_no_difference_of_figures_tells_it() {
    let proven = certain(tally(false));
    let people = by_segment([400, 600, 900, 0, 0], [500, 700, 30, 0, 0]);
    let released = release(&proven, &people, &mut Silent);
    let arms = Arms::new(&released.view().unwrap());
    assert_eq!(sizes(&arms.parts), [Some([400, 500]), Some([600, 700]), None]);
    // Everybody is who is in a segment that is shown: not the 930 of the third one.
    let whole = arms.whole().unwrap();
    assert_eq!((whole.test.people.value, whole.control.people.value), (1_000, 1_200));
    let sums = whole.contrasts[0].unwrap().sums;
    assert_eq!((sums.contrast.value, sums.pooled.value), (2_000 - 2_400, 2_000 + 2_400));
    // That 900 of one arm are left out is told, since they are many; of the other arm nothing is.
    let left_out = arms.left_out.map(|figure| figure.map(|figure| figure.value));
    assert_eq!(left_out, [Some(900), None]);
    let bytes = released.released().to_bytes();
    assert_eq!(&Released::from_bytes(&bytes).unwrap(), released.released());
    let place = |at| Place::Index(at);
    let Released::Figures(figures) = released.released() else { panic!("figures leave") };
    let of_third = figures.cells.iter().filter(|cell| cell.name.get(2) == Some(&place(2)));
    assert_eq!(of_third.count(), 0);
    assert!(
        figures
            .contrasts
            .iter()
            .all(|contrast| contrast.segment != [place(2)] && !contrast.segment.is_empty())
    );
    // Of the 900 no amount leaves, and no contrast with them.
    assert_eq!(figures.contrasts.len(), 2);
}

/// With enough people in no region, the small one is among others, and everybody is counted.
#[test]
fn people_of_withheld_segments_count_where_they_are_enough_together() {
    let proven = certain(tally(false));
    let people = by_segment([400, 600, 20, 100, 60], [500, 700, 30, 90, 80]);
    let released = release(&proven, &people, &mut Silent);
    let view = released.view().unwrap();
    let arms = Arms::new(&view);
    assert_eq!(sizes(&arms.parts), [Some([400, 500]), Some([600, 700]), None]);
    let whole = arms.whole().unwrap();
    assert_eq!((whole.test.people.value, whole.control.people.value), (1_180, 1_400));
    assert_eq!(whole.contrasts[0].unwrap().sums.pooled.value, 2 * 1_180 + 2 * 1_400);
    assert_eq!(arms.left_out, [None, None]);
    // A head count of everybody has the noise of all ten cells of an arm, and both forms that of five segments.
    let sigma = |variance: f64| variance.sqrt();
    let vectors = view.vectors();
    let expected = vectors.people.sigma.value() * 10.0_f64.sqrt();
    assert!((sigma(whole.test.people.noise_variance) / expected - 1.0).abs() < 1e-9);
    let expected = vectors.sums[0].sigma.value() * 5.0_f64.sqrt();
    let found = sigma(whole.contrasts[0].unwrap().sums.contrast.noise_variance);
    assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    // Of a segment it is that of one.
    let part = arms.parts[0].pair.as_ref().unwrap();
    let expected = vectors.sums[0].sigma.value();
    let found = sigma(part.contrasts[0].unwrap().sums.contrast.noise_variance);
    assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
}

/// Each creative is compared with the whole control arm of its region.
#[test]
fn creatives_share_the_control_arm_of_their_segment() {
    let proven = certain(tally(true));
    let mut all = BTreeMap::new();
    // Region, then the creatives 0 and 1, none (2 is the control arm's value, 3 is none) and several.
    for (region, test, control) in [(0, [300, 200, 0, 0, 70], 500), (1, [400, 20, 0, 0, 0], 600)] {
        for (creative, people) in (0..).zip(test) {
            all.insert(vec![0, region, creative], people);
        }
        all.insert(vec![1, region, 2], control);
    }
    let released = release(&proven, &People(all), &mut Silent);
    let arms = Arms::new(&released.view().unwrap());
    let found: Vec<_> = arms.parts.iter().map(|part| (part.segment[0], part.creative)).collect();
    assert_eq!(found, [0, 1, 2].map(|at| [(at, Some(0)), (at, Some(1))]).concat());
    let expected = [Some([300, 500]), Some([200, 500]), Some([400, 600]), None, None, None];
    assert_eq!(sizes(&arms.parts), expected);
    // Who was assigned to both is in the test arm; the 20 of the other region are not told and not counted.
    let whole = arms.whole().unwrap();
    assert_eq!((whole.test.people.value, whole.control.people.value), (970, 1_100));
    assert_eq!(whole.test.measures[0].unwrap().sum.value, 4 * 485);
    // The control arm of a region is one cell for those found: its noise does not grow with the creatives.
    let part = arms.parts[0].pair.as_ref().unwrap();
    let [test, control] =
        [&part.test, &part.control].map(|arm| arm.measures[0].unwrap().sum.noise_variance);
    assert!((test / control - 1.0).abs() < 1e-9, "{test} {control}");
}

/// Every figure that leaves has the noise that its view says: by many releases of the same people.
#[test]
fn sums_of_cells_have_the_noise_of_as_many_draws() {
    for creatives in [false, true] {
        let proven = certain(tally(creatives));
        let mut all = BTreeMap::new();
        for region in 0..5 {
            for creative in 0..5 {
                let name =
                    |arm| if creatives { vec![arm, region, creative] } else { vec![arm, region] };
                all.insert(name(0), 200);
                all.insert(name(1), 200);
            }
        }
        let people = People(all);
        let mut noise = Exact::from_seed([5; 32]);
        let exact = Arms::new(&release(&proven, &people, &mut Silent).view().unwrap());
        let runs = 600;
        let mut squares = BTreeMap::<String, (f64, f64)>::new();
        for _ in 0..runs {
            let released = release(&proven, &people, &mut noise);
            let arms = Arms::new(&released.view().unwrap());
            let mut tell = |name: &str, found: protocol::released::Figure, truth: i64| {
                let off = f64::from(i32::try_from(found.value - truth).unwrap());
                let square = squares.entry(name.to_owned()).or_default();
                *square = (square.0 + off * off / f64::from(runs), found.noise_variance);
            };
            let (found, truth) = (arms.whole().unwrap(), exact.whole().unwrap());
            tell("people", found.control.people, truth.control.people.value);
            tell("test", found.test.people, truth.test.people.value);
            match (found.contrasts[0], truth.contrasts[0]) {
                (Some(found), Some(truth)) => {
                    tell("contrast", found.sums.contrast, truth.sums.contrast.value);
                }
                _ => {
                    let sum = |arms: &protocol::analysis::lift::PairFigures| {
                        arms.control.measures[0].unwrap().sum
                    };
                    tell("sum", sum(&found), sum(&truth).value);
                }
            }
        }
        for (name, (found, said)) in squares {
            // The relative standard error is √(2/600) = 5.8 %.
            assert!((found / said - 1.0).abs() < 0.25, "{creatives} {name}: {found} {said}");
        }
    }
}
