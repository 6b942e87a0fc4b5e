//! Figures of released places, and how often their intervals are right.

use super::{
    super::{
        answer::Share,
        tests::{asked, contract},
    },
    *,
};
use crate::{
    job::Question,
    policy,
    proof::Proven,
    released::{Cell, Figures, Released, Thresholds, Totals, public_name},
};

/// Two datasets: who is in the first only, in the second only, in both; without a key in the first and the second.
const TWO: &str = "[overlap]\nby = \"email\"\ndatasets = [\"customers\", \"viewers\"]\n\
                   [overlap.privacy]\nepsilon = 1\ndelta = 1e-6\n";
const THREE: &str = "[overlap]\nby = \"email\"\n[overlap.privacy]\nepsilon = 1\ndelta = 1e-6\n";
const SEGMENTS: &str = include_str!("../sample/job.toml");

struct Stage {
    contract: Contract,
    asked: Overlap,
    proven: Proven,
}

impl Stage {
    fn new(job: &str) -> Self {
        Self::of_ids(job, 1)
    }

    fn of_ids(job: &str, ids_per_person: u32) -> Self {
        let (contract, asked) = (Contract { ids_per_person, ..contract() }, asked(job).unwrap());
        let question = Question::Overlap(asked.clone());
        let proven = policy::price(&contract, "audiences", &question).unwrap();
        Self { contract, asked, proven }
    }

    /// What is read where these many are counted in each place, with noise of `noise` times its deviation.
    fn read(
        &self,
        people: &[i64],
        is_noisy: bool,
        mut noise: impl FnMut() -> f64,
    ) -> OverlapAnswer {
        let vectors = self.proven.proof().vectors().unwrap();
        let sigma = if is_noisy { vectors.people.sigma.value() } else { 0.0 };
        let noisy: Vec<_> =
            people.iter().map(|people| people + whole((noise() * sigma).round())).collect();
        let shows = Thresholds::of(&self.proven, is_noisy);
        let cell = |(at, people): (u64, &i64)| Cell {
            name: public_name(&self.proven.tally().dimensions, at),
            totals: Totals { people: *people, ..Totals::default() },
        };
        let cells: Vec<_> =
            (0..).zip(&noisy).filter(|(_, people)| **people >= shows.groups).map(cell).collect();
        let hidden = noisy.iter().filter(|people| **people < shows.groups);
        let other = hidden.clone().sum::<i64>();
        let withheld = i64::try_from(hidden.count()).unwrap();
        let released = Released::Figures(Figures {
            contrasts: Vec::new(),
            spread: Vec::new(),
            noise: is_noisy,
            cells,
            cut: 0,
            other: (withheld > 0 && other >= shows.other)
                .then(|| Totals { people: other, ..Totals::default() }),
            withheld,
            withheld_without_value: Some(0),
            no_consent: None,
        });
        let scope = Scope::of(&self.contract, "audiences").unwrap();
        answer(&released.view(&self.proven).unwrap(), &self.asked, &scope).0
    }

    fn exact(&self, people: &[i64]) -> OverlapAnswer {
        self.read(people, false, || 0.0)
    }
}

fn whole(number: f64) -> i64 {
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a test")]
    let whole = number as i64;
    whole
}

fn real(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap())
}

fn is(share: &Share, expected: f64) {
    assert!((share.value.unwrap() - expected).abs() < 1e-12, "{share:?}, expected {expected}");
}

#[test]
fn without_noise_figures_are_those_of_sets() {
    let answer = Stage::new(TWO).exact(&[300, 500, 200, 40, 0]);
    let value = |count: &Count| count.value.unwrap();
    let [pair] = answer.pairs.as_slice() else { panic!("{answer:?}") };
    assert_eq!(pair.datasets, ["customers", "viewers"]);
    assert_eq!((value(&pair.both), value(&pair.either)), (200, 1_000));
    assert_eq!(pair.only.each_ref().map(value), [300, 500]);
    is(&pair.match_rates[0], 0.4);
    is(&pair.match_rates[1], 200.0 / 700.0);
    is(&pair.jaccard, 0.2);
    assert_eq!((value(&answer.any), value(&answer.all)), (1_000, 200));
    let people: Vec<_> =
        answer.datasets.iter().map(|it| (value(&it.people), value(&it.only))).collect();
    assert_eq!(people, [(500, 300), (700, 500)]);
    // Whoever has no address is told, and in no rate.
    assert_eq!(value(&answer.datasets[0].without_key), 40);
    assert_eq!(answer.datasets[1].without_key.value, Some(0));
    assert_eq!(answer.places.len(), 3);
    // Nobody can be without one among the viewers, who have no other key.
    assert_eq!((answer.withheld, answer.datasets[1].without_key.ci), (0, [0, 0]));
}

#[test]
fn an_intersection_of_three_is_in_each_of_their_pairs() {
    // Places 1 to 7: c, m, cm, v, cv, mv, cmv.
    let answer = Stage::new(THREE).exact(&[100, 200, 30, 400, 50, 60, 70, 0, 0, 0]);
    let both: Vec<_> = answer.pairs.iter().map(|pair| pair.both.value.unwrap()).collect();
    assert_eq!(both, [100, 120, 130]);
    let either: Vec<_> = answer.pairs.iter().map(|pair| pair.either.value.unwrap()).collect();
    assert_eq!(either, [510, 710, 810]);
    assert_eq!((answer.any.value, answer.all.value), (Some(910), Some(70)));
    is(&answer.jaccard, 70.0 / 910.0);
    let only: Vec<_> = answer.datasets.iter().map(|it| it.only.value.unwrap()).collect();
    assert_eq!(only, [100, 200, 400]);
}

/// Fewer than 20 people are withheld: they are in no figure, and every range allows for them.
#[test]
fn people_of_withheld_places_are_in_the_ranges_and_said_to_be_missing() {
    let answer = Stage::new(THREE).exact(&[100, 200, 15, 400, 50, 60, 12, 0, 0, 0]);
    let pair = &answer.pairs[0];
    assert_eq!((pair.both.value, pair.both.withheld, pair.both.ci), (None, 2, [0, 27]));
    assert_eq!((pair.either.value, pair.either.withheld), (Some(410), 2));
    assert_eq!(pair.match_rates[0].value, None);
    let [low, high] = pair.match_rates[0].ci;
    // 27 of 177 customers are members, and as many as are withheld may be.
    assert!(low == 0.0 && (27.0 / 177.0..28.0 / 177.0).contains(&high), "{high}");
    // Who is not shown may be without a key, and in no dataset's figure: so 27 more, or none of them.
    assert_eq!((answer.any.value, answer.any.withheld, answer.any.ci), (Some(810), 2, [810, 837]));
    // A place has fewer than 20.
    assert_eq!((answer.all.value, answer.all.ci), (None, [0, 19]));
    assert_eq!(answer.withheld, 4);
    // Where nothing else is withheld, their sum is known, though none of them is.
    let answer = Stage::new(THREE).exact(&[100, 200, 15, 400, 50, 60, 12, 30, 40, 50]);
    assert_eq!((answer.any.value, answer.any.withheld, answer.any.ci), (Some(837), 0, [837, 837]));
    assert_eq!((answer.pairs[0].both.value, answer.pairs[0].both.ci), (Some(27), [27, 27]));
}

#[test]
fn where_nothing_is_shown_ranges_say_how_many_there_can_be() {
    let answer = Stage::new(TWO).exact(&[9, 3, 2, 0, 0]);
    assert!(answer.places.is_empty());
    assert_eq!((answer.any.value, answer.any.ci), (None, [0, 19]));
    assert_eq!((answer.pairs[0].jaccard.value, answer.pairs[0].jaccard.ci), (None, [0.0, 1.0]));
}

#[test]
fn segments_are_of_the_people_of_their_dataset() {
    let stage = Stage::new(SEGMENTS);
    let mut people = vec![0; 50];
    // Sets from 1, by gold, silver, basic, none, several.
    for (set, by_segment) in
        [(1, [100, 300, 500, 40, 30]), (4, [0, 0, 0, 900, 0]), (5, [60, 120, 100, 25, 21])]
    {
        people[(set - 1) * 5..set * 5].copy_from_slice(&by_segment);
    }
    let answer = stage.exact(&people);
    let segments = answer.segments.unwrap();
    assert_eq!((segments.dataset.as_str(), segments.column.as_str()), ("customers", "tier"));
    let found = segments.values.iter().map(|segment| {
        let [members, viewers] = segment.found.as_slice() else { panic!("{segment:?}") };
        assert_eq!((members.dataset.as_str(), viewers.dataset.as_str()), ("members", "viewers"));
        assert_eq!(members.people.value, None);
        (segment.people.value.unwrap(), viewers.people.value.unwrap())
    });
    let expected = [(160, 60), (420, 120), (600, 100), (65, 25), (51, 21)];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    is(&segments.values[0].found[1].match_rate, 0.375);
    assert_eq!(segments.values[3].value, SegmentValue::None);
    assert_eq!(segments.values[4].value, SegmentValue::Several);
    // A viewer who is no customer has no tier, so that no place is withheld for that.
    // Nor is a viewer without an address, whatever the tier.
    let impossible = 3 * 4 + 2 * 4 + 1;
    assert_eq!(answer.withheld, 50 - impossible - 11);
    assert_eq!(answer.datasets[2].people.value, Some(1_226));
}

/// As many as are wrong at 95 %, but for chance and for whole numbers.
#[test]
fn intervals_hold_as_often_as_they_say() {
    let cases = [
        (TWO, vec![0, 5_000, 3_000, 0, 0], "one within the other"),
        (TWO, vec![30, 5_000, 900, 0, 0], "one nearly within the other"),
        (TWO, vec![5_000, 0, 0, 0, 0], "an empty one"),
        (THREE, vec![0, 0, 0, 0, 0, 0, 4_000, 60, 0, 0], "all in all of them"),
        (TWO, vec![3_000, 5_000, 2_000, 400, 0], "wide apart"),
        (TWO, vec![3_000, 5_000, 40, 0, 0], "a small intersection, which is shown or not"),
        (TWO, vec![25, 24, 23, 22, 0], "all around the threshold"),
        (THREE, vec![900, 30, 24, 700, 22, 12, 8, 0, 3, 0], "some places withheld, some by chance"),
        (THREE, vec![20, 20, 20, 20, 20, 20, 20, 20, 20, 0], "as likely shown as not"),
        (THREE, vec![14, 11, 9, 13, 10, 12, 8, 7, 9, 0], "nearly all withheld"),
    ];
    for ((job, people, name), ids) in cases.iter().zip([1, 2].into_iter().cycle()) {
        let stage = Stage::of_ids(job, ids);
        // Of nobody there is no share.
        let exact = truth(people);
        let exact: Vec<_> = exact.iter().map(|it| Some(*it).filter(|it| it.is_finite())).collect();
        let mut noise = Noise(SEED);
        let mut held = vec![0_u32; exact.len()];
        for _ in 0..TRIALS {
            let answer = stage.read(people, true, || noise.draw());
            for ((held, range), truth) in held.iter_mut().zip(ranges(&answer)).zip(&exact) {
                let is_in = |truth: f64| range[0] <= truth && truth <= range[1];
                *held += u32::from(truth.is_none_or(is_in));
            }
        }
        for (at, held) in held.iter().enumerate() {
            let share = f64::from(*held) / f64::from(TRIALS);
            assert!(share >= LEAST, "{name}, {ids}: figure {at} is in its interval in {share}");
        }
    }
}

/// The intervals of an answer, in the order of [`truth`]: of each dataset all and only, of each pair both, either,
/// only, match rates and Jaccard; of all together any, all and Jaccard.
fn ranges(answer: &OverlapAnswer) -> Vec<[f64; 2]> {
    let mut ranges = Vec::new();
    let people = |count: &Count| count.ci.map(real);
    for dataset in &answer.datasets {
        ranges.extend([people(&dataset.people), people(&dataset.only)]);
    }
    for pair in &answer.pairs {
        ranges.extend([&pair.both, &pair.either, &pair.only[0], &pair.only[1]].map(people));
        ranges.extend([pair.match_rates[0].ci, pair.match_rates[1].ci, pair.jaccard.ci]);
    }
    ranges.extend([people(&answer.any), people(&answer.all), answer.jaccard.ci]);
    ranges
}

fn truth(people: &[i64]) -> Vec<f64> {
    let datasets = if people.len() == 5 { 2 } else { 3 };
    let sets = (1_u32 << datasets) - 1;
    let sum = |is_in: &dyn Fn(u32) -> bool| {
        let places = (1..=sets).zip(people).filter(|(set, _)| is_in(*set));
        real(places.map(|(_, people)| people).sum())
    };
    let mut truth = Vec::new();
    for at in (0..datasets).map(bit) {
        truth.extend([sum(&|set| set & at != 0), sum(&|set| set == at)]);
    }
    for one in 0..datasets {
        for other in one + 1..datasets {
            let (one, other) = (bit(one), bit(other));
            let both = sum(&|set| set & one != 0 && set & other != 0);
            let just_one = sum(&|set| set & one != 0 && set & other == 0);
            let just_other = sum(&|set| set & one == 0 && set & other != 0);
            let either = both + just_one + just_other;
            truth.extend([both, either, just_one, just_other]);
            truth.extend([both / (both + just_one), both / (both + just_other), both / either]);
        }
    }
    let (any, all) = (sum(&|_| true), sum(&|set| set == sets));
    truth.extend([any, all, all / any]);
    truth
}

/// Whoever checks a receipt reads figures from outside.
#[test]
fn figures_of_any_size_make_finite_answers() {
    for job in [TWO, THREE, SEGMENTS] {
        let stage = Stage::new(job);
        let places = stage.proven.tally().public_cells().unwrap() - 1;
        for people in [i64::MAX, i64::MAX / 2, 1 << 53] {
            let cells = (0..places).map(|at| Cell {
                name: public_name(&stage.proven.tally().dimensions, at),
                totals: Totals { people, ..Totals::default() },
            });
            for (cells, other) in [(cells.clone().collect(), None), (Vec::new(), Some(people))] {
                let released = Released::Figures(Figures {
                    contrasts: Vec::new(),
                    spread: Vec::new(),
                    noise: true,
                    cells,
                    cut: 0,
                    other: other.map(|people| Totals { people, ..Totals::default() }),
                    withheld: other.map_or(0, |_| i64::try_from(places).unwrap()),
                    withheld_without_value: Some(0),
                    no_consent: Some(people),
                });
                let scope = Scope::of(&stage.contract, "audiences").unwrap();
                let view = released.view(&stage.proven).unwrap();
                let (answer, _) = answer(&view, &stage.asked, &scope);
                // JSON has no number that is not finite: it would say null.
                let text = serde_json::to_string(&answer).unwrap();
                serde_json::from_str::<OverlapAnswer>(&text).unwrap();
                assert_eq!(answer, answer.clone(), "not a number is not equal to itself");
            }
        }
    }
}

/// An intersection is no larger than its sets, wherever noise moves them; and no end is impossible.
#[test]
fn no_interval_reaches_what_is_impossible() {
    let stage = Stage::new(THREE);
    let mut noise = Noise(SEED);
    for trial in 0..400 {
        let scale = [0, 20, 60, 4_000][trial % 4];
        let people: Vec<_> = (0..10).map(|_| whole(noise.uniform() * real(scale))).collect();
        let answer = stage.read(&people, true, || noise.draw());
        for pair in &answer.pairs {
            let of = |name: &String| {
                let dataset = answer.datasets.iter().find(|it| it.dataset == *name);
                dataset.unwrap().people.ci
            };
            for larger in [of(&pair.datasets[0]), of(&pair.datasets[1]), pair.either.ci] {
                assert!(pair.both.ci[1] <= larger[1], "{pair:?}");
            }
            for share in [&pair.match_rates[0], &pair.match_rates[1], &pair.jaccard] {
                let [low, high] = share.ci;
                assert!(0.0 <= low && low <= high && high <= 1.0, "{share:?}");
                assert!(share.value.is_none_or(|value| low <= value && value <= high), "{share:?}");
            }
            for count in [&pair.both, &pair.either, &pair.only[0], &pair.only[1]] {
                let [low, high] = count.ci;
                assert!(0 <= low && low <= high, "{count:?}");
                assert!(count.value.is_none_or(|value| low <= value && value <= high), "{count:?}");
            }
        }
    }
}

/// Normal noise from a fixed seed.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// The sum of twelve uniform numbers has tails that are too thin, so Box and Muller's.
    fn draw(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(self.uniform().max(1e-12))).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const TRIALS: u32 = 1_000;
/// 95 %, but for three standard errors of so many trials.
const LEAST: f64 = 0.929;
