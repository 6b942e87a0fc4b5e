//! The test of arms with few events: does it find what is not there, and does it agree with others?
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use privacy::sampler::{Exact, Noise, Variance};
use statistics::few_events::{Effect, Events, FewEvents};
use statistics::figure::Figure;
use statistics::lift::{Alternative, Arm, Confidence, Interval, lift};

/// Draws events and noise for arms of known rates; a linear congruence, as this is no secret.
struct Trials {
    state: u64,
    noise: Exact,
}

impl Trials {
    fn new(seed: u8) -> Self {
        Self { state: seed.into(), noise: Exact::from_seed([seed; 32]) }
    }

    fn unit(&mut self) -> f64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bits = u32::try_from(self.state >> 33).unwrap();
        (f64::from(bits) + 0.5) / 2_147_483_648.0
    }

    /// Poisson, by the gaps between events.
    fn events(&mut self, mean: f64) -> i64 {
        let (mut at, mut count) = (0.0, -1);
        while at < mean {
            at -= self.unit().ln();
            count += 1;
        }
        count
    }

    fn arm(&mut self, people: u32, events: f64, variance: u32) -> Events {
        let width = Variance::new(variance.into(), 1).unwrap();
        let noise = i32::try_from(self.noise.gaussian(width)).unwrap();
        Events {
            people: f64::from(people) + f64::from(noise),
            people_variance: variance.into(),
            events: self.events(events) + self.noise.gaussian(width),
            events_variance: variance.into(),
        }
    }
}

/// People in the test and in the control arm, events in the control arm, variance of the noise.
const SETTINGS: [(u32, u32, f64, u32); 5] = [
    (50_000, 1_000, 5.0, 4),
    (50_000, 1_000, 5.0, 100),
    (20_000, 400, 8.0, 16),
    (1_000, 50_000, 5.0, 4),
    (2_000, 2_000, 5.0, 9),
];

/// By the normal distribution 11 % in the first of them. The bound is three standard errors above 5 %.
#[test]
fn tests_of_nothing_find_a_lift_or_a_loss_as_rarely_as_they_say() {
    for (test, control, events, variance) in SETTINGS {
        let mut trials = Trials::new(7);
        let mut found = [0_u32; 2];
        for _ in 0..TRIALS {
            let rate = events / f64::from(control);
            let of_test = trials.arm(test, rate * f64::from(test), variance);
            let arms = FewEvents::new(of_test, trials.arm(control, events, variance)).unwrap();
            let tails = arms.tails(Effect::Difference(0.0));
            found[0] += u32::from(tails.greater < 0.05);
            found[1] += u32::from(tails.less < 0.05);
        }
        let shares = found.map(|it| f64::from(it) / f64::from(TRIALS));
        assert!(shares.iter().all(|it| (0.02..=0.06).contains(it)), "{test} {control}: {shares:?}");
    }
}

/// An effect that there is: four per thousand in the control arm, ten in the test arm. The interval holds
/// an effect exactly if the test does not reject it, so no interval need be made.
#[test]
fn intervals_hold_an_effect_that_there_is() {
    let (mut trials, mut held) = (Trials::new(3), 0_u32);
    for _ in 0..TRIALS {
        let test = trials.arm(40_000, 400.0, 16);
        let arms = FewEvents::new(test, trials.arm(1_500, 6.0, 16)).unwrap();
        let tails = arms.tails(Effect::Difference(0.006));
        held += u32::from(tails.p(Alternative::TwoSided) > 0.05);
    }
    let share = f64::from(held) / f64::from(TRIALS);
    assert!((0.935..=0.985).contains(&share), "{share}");
}

#[test]
fn no_interval_contradicts_its_p() {
    let mut trials = Trials::new(11);
    let mut rejected = 0;
    for at in 0..60 {
        let events = 4.0 + f64::from(at) / 2.0;
        let test = trials.arm(3_000, events * (0.5 + f64::from(at % 7)), 9);
        let arms = FewEvents::new(test, trials.arm(1_000, events / 3.0, 9)).unwrap();
        for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
            let confidence = Confidence { level: 0.9, alternative };
            let p = arms.tails(Effect::Difference(0.0)).p(alternative);
            let intervals = [arms.difference(confidence), arms.relative(confidence)];
            for interval in intervals.iter().filter(|it| **it != Interval::default()) {
                assert_eq!(interval.excludes_zero(), p <= 0.1 + 1e-15, "{p} {interval:?} {arms:?}");
            }
            rejected += u32::from(p < 0.1);
        }
    }
    assert!((10..170).contains(&rejected), "{rejected}");
}

/// Where there are many events, the method that is used for them says nearly the same.
#[test]
fn it_meets_the_normal_distribution_where_that_takes_over() {
    for (test, control, variance) in [(120, 100, 0.0), (150, 100, 0.0), (130, 99, 170.0)] {
        let arm = |events: i64| Events {
            people: 21_000.0,
            people_variance: variance,
            events,
            events_variance: variance,
        };
        let exact = FewEvents::new(arm(test), arm(control)).unwrap();
        let normal = |events: i64| {
            Arm::binary(Figure::real(21_000.0, variance), Figure::noisy(events.into(), variance))
        };
        let confidence = Confidence::two_sided(0.95);
        let difference = lift(&normal(test), &normal(control), confidence).difference.unwrap();
        let p = exact.tails(Effect::Difference(0.0)).p(Alternative::TwoSided);
        assert!((p - difference.p.unwrap()).abs() < 0.012, "{p} {difference:?}");
        let (found, expected) = (exact.difference(confidence), difference.interval.unwrap());
        for (found, expected) in [(found.lower, expected.lower), (found.upper, expected.upper)] {
            let off = (found.unwrap() - expected.unwrap()).abs();
            assert!(off < 0.15 * difference.standard_error, "{found:?} {expected:?}");
        }
    }
}

/// Fisher's mid-p for 15 against 5 of equal arms is 0.0266, and a one-sided Poisson comparison 0.0207.
#[test]
fn without_noise_it_is_near_what_others_say_of_the_same_counts() {
    let arm =
        |events| Events { people: 56_000.0, people_variance: 0.0, events, events_variance: 0.0 };
    let found = FewEvents::new(arm(15), arm(5)).unwrap();
    let p = found.tails(Effect::Difference(0.0)).p(Alternative::TwoSided);
    assert!((0.02..0.042).contains(&p), "{p}");
    let none = FewEvents::new(arm(0), arm(0)).unwrap();
    assert!(none.tails(Effect::Difference(0.0)).p(Alternative::TwoSided) >= 1.0);
    let interval = none.difference(Confidence::two_sided(0.95));
    // Rule of three: 3.7 events in 56,000 people, to each side.
    assert!((5.5e-5..9e-5).contains(&interval.upper.unwrap()), "{interval:?}");
}

/// The largest arms and widest noise that it is used for.
#[test]
fn it_takes_a_moment_whatever_the_counts() {
    let start = std::time::Instant::now();
    for (people, events, variance) in
        [(1e6, 99_000, 4.0), (1e6, 990, 1e4), (1e9, 9_000, 1e6), (1e8, 40_000, 1e9)]
    {
        let arm = |people, events| Events {
            people,
            people_variance: variance,
            events,
            events_variance: variance,
        };
        let arms = FewEvents::new(arm(people, events), arm(people / 1e3, 80)).unwrap();
        let interval = arms.difference(Confidence::two_sided(0.95));
        let inside = interval.lower.unwrap() < interval.upper.unwrap();
        assert!(inside, "{interval:?}");
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

const TRIALS: u32 = 1_500;
