use super::{super::tests::cities, *};

/// Places that follow a common course, each by its own share, and their own ways beside it.
fn simulated(seed: u64, places: u32, periods: usize) -> Vec<Vec<f64>> {
    let mut draws = Draws(seed);
    let course = |draws: &mut Draws, keeps: f64| -> Vec<f64> {
        let next = |last: &mut f64, ()| {
            *last = keeps * *last + draws.normal();
            Some(*last)
        };
        std::iter::repeat_n((), periods).scan(0.0, next).collect()
    };
    let common = course(&mut draws, 0.9);
    let place = |at: u32| {
        let (level, share) = (500.0 + 100.0 * f64::from(at), 0.5 + draws.uniform());
        let own = course(&mut draws, 0.3);
        let both = common.iter().zip(own);
        both.map(|(common, own)| level * (1.0 + 0.05 * share * common + 0.02 * own)).collect()
    };
    (0..places).map(place).collect()
}

const SHAPE: (usize, usize) = (40, 8);

fn asked() -> Search {
    Search {
        before: SHAPE.0,
        tested: SHAPE.1,
        sizes: vec![1],
        lifts: vec![0.0, 0.03],
        alpha: 0.1,
        power: 0.8,
        windows: 5,
        noise_sd: 0.0,
        sets: 8,
    }
}

/// Whether each lift is found in a test of this place in the last periods, by p-value and interval of the job's answer.
fn found_later(rows: &[Vec<f64>], place: usize, noise: f64, lifts: &[f64]) -> Vec<bool> {
    let (before, tested) = SHAPE;
    let start = rows[0].len() - before - tested;
    let mut draws = Draws(u64::try_from(place).unwrap() ^ 0xfeed);
    let mut row = |at: usize, lift: f64| -> Vec<f64> {
        let periods = rows[at][start..].iter().enumerate();
        let raised = periods
            .map(|(period, number)| if period < before { *number } else { number * (1.0 + lift) });
        raised.map(|number| number + noise * draws.normal()).collect()
    };
    let is_found = |lift: &f64| {
        let treated = vec![row(place, *lift)];
        let others = (0..rows.len()).filter(|at| *at != place).map(|at| row(at, 0.0)).collect();
        let test = Comparison::new(treated, others, before).unwrap();
        let estimate = synthetic::fit(&test, Method::WEIGHTS).effect.mean;
        let answer = Blocks::new(&test, Method::WEIGHTS).invert(estimate, 0.1);
        answer.p <= 0.1 && (*lift <= 0.0 || estimate > 0.0)
    };
    lifts.iter().map(is_found).collect()
}

/// The share of windows and of later tests in which each lift is found, over all places of several tables.
fn compared(noise: f64) -> [[f64; 2]; 2] {
    let asked = Search { noise_sd: noise, ..asked() };
    let [mut windows, mut later] = [[0.0; 2]; 2];
    let (mut tried, mut tests) = (0.0, 0.0);
    for seed in 0..16 {
        let rows = simulated(seed, 8, 140);
        let history: Vec<_> = rows.iter().map(|row| row[..120].to_vec()).collect();
        for candidate in search(&history, &asked) {
            tried += count(candidate.windows);
            assert_eq!(candidate.found[0], candidate.false_alarms, "power at no lift");
            for (sum, found) in windows.iter_mut().zip(&candidate.found) {
                *sum += count(*found);
            }
        }
        for place in 0..8 {
            tests += 1.0;
            for (sum, found) in later.iter_mut().zip(found_later(&rows, place, noise, &asked.lifts))
            {
                *sum += f64::from(u8::from(found));
            }
        }
    }
    assert_eq!((tried, tests), (16.0 * 8.0 * 5.0, 16.0 * 8.0));
    [windows.map(|sum| sum / tried), later.map(|sum| sum / tests)]
}

/// 128 later tests, eight of a table alike: a share of a half has an error of .05 or so.
#[test]
fn power_is_the_share_of_later_tests_that_find_the_lift() {
    for noise in [0.0, 12.0] {
        let [windows, later] = compared(noise);
        assert!(windows[0] <= 0.12 && later[0] <= 0.14, "{windows:?} {later:?}");
        assert!(windows[0] > 0.02, "a test that never rejects says nothing");
        assert!((windows[1] - later[1]).abs() <= 0.1, "{windows:?} {later:?}");
        assert!(windows[1] > 0.3 && windows[1] < 0.95, "{windows:?}: nothing to compare");
    }
}

/// The 90 days before the campaign.
fn history() -> Vec<Vec<f64>> {
    cities().into_iter().map(|(_, row)| row[..90].to_vec()).collect()
}

fn of_cities(noise_sd: f64, windows: usize) -> Search {
    Search {
        before: 45,
        tested: 15,
        sizes: vec![1, 2],
        lifts: vec![0.1, 0.2],
        windows,
        noise_sd,
        ..asked()
    }
}

#[test]
fn a_design_finds_large_lifts_and_no_more_false_alarms_than_its_level() {
    let rows = history();
    let found = search(&rows, &of_cities(0.0, 10));
    assert_eq!(found.len(), 8);
    let (mut alarms, mut windows) = (0, 0);
    for design in &found {
        assert!(design.scaled_l2.is_finite());
        assert!(design.places.iter().all(|place| *place < rows.len()));
        alarms += design.false_alarms;
        windows += design.windows;
    }
    assert_eq!(windows, 80);
    // At a level of 10 % 8 of 80; windows overlap, so that they come in clusters.
    assert!(alarms <= 20, "{alarms} of {windows}");
    let best = &found[0];
    assert!(best.found[1] >= best.found[0] && best.detectable.is_some(), "{best:?}");
    assert!(best.baseline > 0.0);
}

#[test]
fn noise_makes_a_design_find_less() {
    let rows = history();
    let quiet = search(&rows, &of_cities(0.0, 5));
    let loud = search(&rows, &of_cities(1_500.0, 5));
    let found = |all: &[Candidate]| all.iter().map(|design| design.found[0]).sum::<usize>();
    assert!(found(&loud) < found(&quiet), "{} {}", found(&loud), found(&quiet));
    assert_eq!(search(&rows, &of_cities(1_500.0, 5)), loud, "the same question again");
}

#[test]
fn windows_lie_evenly_over_the_history_and_none_begins_before_it() {
    let of = |periods, windows| ends(periods, &of_cities(0.0, windows));
    assert_eq!(of(90, 4), [90, 80, 70, 60]);
    assert_eq!(of(62, 10), [62, 61, 60]);
    assert_eq!(of(90, 1), [90]);
    assert_eq!(of(60, 10), [60]);
    assert!(of(59, 10).is_empty());
    assert!(ends(90, &Search { tested: 0, ..of_cities(0.0, 4) }).is_empty());
}

#[test]
fn a_table_that_is_too_short_has_no_design() {
    let rows = history();
    let short: Vec<_> = rows.iter().map(|row| row[..59].to_vec()).collect();
    assert!(search(&short, &of_cities(0.0, 5)).is_empty());
    assert!(search(&[], &of_cities(0.0, 5)).is_empty());
    assert!(search(&rows[..1], &of_cities(0.0, 5)).is_empty());
    // Places that never move: a plain mean fits them exactly, and there is nothing to judge a fit by.
    assert!(search(&vec![vec![3.0; 60]; 4], &of_cities(0.0, 5)).is_empty());
}
