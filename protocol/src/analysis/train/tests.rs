//! The model of a training, and what held-out people say of it.

mod dense;

use super::score::{Seen, Unreadable};
use super::*;
use crate::{
    analysis::{Question, samples, toml::question_from_toml},
    policy,
    proof::Leaves,
    refusal::{Limit, Refusal},
    released::{StepSums, Trained},
    tally::{Learnt, Loss},
};
use rand_chacha::rand_core::{Rng, SeedableRng};

const CONTRACT: &str = include_str!("sample/contract.toml");
const JOB: &str = include_str!("sample/job.toml");
/// Where the features begin that are read from the visits.
const VISITS: &str = "[[train.feature]]\nrows_of";

fn asked(job: &str) -> Result<Train, TemplateError> {
    let contract = samples::contract(CONTRACT);
    match question_from_toml(job, &contract)? {
        (_, Question::Train(asked)) => Ok(asked),
        _ => panic!("another kind"),
    }
}

fn answer(asked: &Train, trained: &Trained) -> Option<(TrainAnswer, Vec<String>)> {
    let contract = samples::contract(CONTRACT);
    let name = contract.analyses.keys().next().unwrap().clone();
    let scope = Scope::of(&contract, &name).unwrap();
    let question = Question::Train(asked.clone());
    let proven = policy::price(&contract, &name, &question).unwrap();
    asked.estimate(&Released::Steps(trained.clone()), &proven, &scope)
}

fn trained(asked: &Train, scores: Vec<i64>) -> Trained {
    let plan = asked.program.plan();
    let step = StepSums(vec![0; plan.entries()]);
    Trained {
        noise: false,
        label: Some(600),
        steps: vec![step; usize::try_from(asked.program.steps).unwrap()],
        scores: Some(StepSums(scores)),
    }
}

/// No count of anybody, for each bin of scores and label.
fn nobody(asked: &Train) -> Vec<i64> {
    vec![0; asked.program.held_out.as_ref().unwrap().counts()]
}

#[test]
fn settings_are_by_the_rule_unless_a_job_names_its_own() {
    let by_rule = asked(JOB).unwrap();
    let (found, flags) = answer(&by_rule, &trained(&by_rule, nobody(&by_rule))).unwrap();
    assert!(found.by_rule);
    assert_eq!(flags, ["judged_by_few"]);
    let own = JOB
        .replace("[train.privacy]", "[train.settings]\nsteps = 20\nrate = 0.5\n\n[train.privacy]");
    let own = asked(&own).unwrap();
    assert_eq!((own.program.steps, own.program.averaged, own.program.rate), (20, 10, 1 << 31));
    assert_eq!(own.program.clip, by_rule.program.clip);
    assert!(!answer(&own, &trained(&own, nobody(&own))).unwrap().0.by_rule);
}

#[test]
fn refuses_what_cannot_be_trained_by_the_field() {
    let refused = |from: &str, to: &str| {
        assert!(JOB.contains(from), "{from}");
        asked(&JOB.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let edges = refused("edges = [25,", "edges = [35, 25,");
    assert!(edges.contains("train.feature.edges"), "{edges}");
    let none = refused("edges = [25, 35, 45, 55, 65]\n", "");
    assert!(none.contains("ascending numbers for members.age: public ones"), "{none}");
    assert!(!none.contains("between"), "{none}");
    let twice = "column = \"members.plan\"\n\n[[train.feature]]\ncolumn = \"members.plan\"";
    let twice = refused("column = \"members.plan\"", twice);
    assert!(twice.contains("train.feature is members.plan; it is there twice"), "{twice}");
    let people = refused("people = ", "people = 0 # ");
    assert!(people.contains("train.people is 0; expected about how many"), "{people}");
    let none = refused("column = \"members.plan\"", "column = \"members.email\"");
    assert!(none.contains("train.feature.column is members.email; expected one of"), "{none}");
    let both = refused("rows_of = \"visits\"", "rows_of = \"visits\"\ncolumn = \"members.plan\"");
    assert!(both.contains("train.feature is column and rows_of; expected either"), "{both}");
    let held = refused("held_out = 0.25", "held_out = 0.75");
    assert!(held.contains("train.held_out is 0.75; expected 0 to 0.5"), "{held}");
    let label = refused("values = [\"stayed\"]", "values = [\"maybe\"]");
    assert!(label.contains("train.label.values"), "{label}");
    let label = refused("values = [\"stayed\"]", "cap = 3");
    assert!(label.contains("expected values beside it"), "{label}");
    let own = "[train.settings]\nrate = 100\nridge = 1\n\n[train.privacy]";
    let ridge = refused("[train.privacy]", own);
    assert!(ridge.contains("train.settings.ridge is 1; expected less than 0.0"), "{ridge}");
}

/// What a job shows is refused before anything is paid.
#[test]
fn refuses_a_feature_that_is_the_label_and_more_bins_than_people() {
    let label = JOB.split_once("[train.label]").unwrap().1.split_once("[train.privacy]").unwrap().0;
    let with = |instead: &str| {
        let job = JOB.replace(label, &format!("\n{instead}\n\n")).replace("held_out = 0.25\n", "");
        asked(&job).map(drop).map_err(|error| error.to_string())
    };
    let own = with("rows_of = \"visits\"\ncap = 10").unwrap_err();
    assert!(own.contains("train.feature is rows of visits; it is the label itself"), "{own}");
    let own = with("column = \"visits.minutes\"\ncap = 300").unwrap_err();
    assert!(own.contains("train.feature is visits.minutes; it is the label itself"), "{own}");
    // Bins of 5, 1 and 3 edges and 3 values, each with two or one more: 7, 4, 4 and 5.
    let people = |count: u32| asked(&JOB.replace("people = 2400", &format!("people = {count}")));
    let few = people(19).unwrap_err().to_string();
    assert!(few.contains("at least as many people as the features have bins (20)"), "{few}");
    assert!(people(20).is_ok());
    // An enclave never sees the text: the question itself is refused, too.
    let mut asked = asked(JOB).unwrap();
    asked.program.label =
        crate::tally::Label { side: asked.program.features[2].side, of: Learnt::Rows, cap: 5 };
    (asked.program.loss, asked.program.held_out) = (Loss::Poisson, None);
    let contract = samples::contract(CONTRACT);
    let name = contract.analyses.keys().next().unwrap().clone();
    let found = policy::price(&contract, &name, &Question::Train(asked)).map(drop);
    assert_eq!(found, Err(Refusal::Malformed));
}

#[test]
fn a_feature_from_the_rows_that_make_the_label_is_told() {
    let label = JOB.split_once("[train.label]").unwrap().1.split_once("[train.privacy]").unwrap().0;
    let asked = asked(&JOB.replace(label, "\nfound_in = \"visits\"\n\n")).unwrap();
    let (_, flags) = answer(&asked, &trained(&asked, nobody(&asked))).unwrap();
    assert_eq!(flags, ["label_shown", "judged_by_few"]);
}

/// No bin tells apart people whose totals are beyond what the contract lets one person's total count as.
#[test]
fn no_bin_and_no_label_is_beyond_the_cap_of_its_column() {
    let minutes = "name = \"minutes\"\nrole = \"measure\"\nscale = 0\n";
    let price = |cap: u32, job: &str| {
        let text = CONTRACT.replacen(minutes, &format!("{minutes}cap = {cap}\n"), 1);
        let contract = samples::contract(&text);
        let (name, question) = question_from_toml(job, &contract).unwrap();
        policy::price(&contract, &name, &question).map(drop)
    };
    let over = |found, most| Err(Refusal::OverLimit { limit: Limit::CapOfColumn, found, most });
    assert_eq!(price(240, JOB), Ok(()));
    assert_eq!(price(239, JOB), over(240, 239));
    let (before, rest) = JOB.split_once("[train.label]").unwrap();
    let (_, after) = rest.split_once("[train.privacy]").unwrap();
    let before = before.split(VISITS).next().unwrap().replace("held_out = 0.25\n", "");
    let label = "[train.label]\ncolumn = \"visits.minutes\"\ncap = 300\n[train.privacy]";
    assert_eq!(price(299, &format!("{before}{label}{after}")), over(300, 299));
}

#[test]
fn each_label_has_its_usual_loss() {
    let with = |label: &str| {
        let (before, rest) = JOB.split_once("[train.label]").unwrap();
        let (_, after) = rest.split_once("[train.privacy]").unwrap();
        let before = before.split(VISITS).next().unwrap().replace("held_out = 0.25\n", "");
        asked(&format!("{before}[train.label]\n{label}\n[train.privacy]{after}")).unwrap().program
    };
    let found = with("found_in = \"visits\"");
    assert_eq!((found.loss, found.label.of), (Loss::Logistic, Learnt::Found));
    let rows = with("rows_of = \"visits\"\ncap = 10");
    assert_eq!((rows.loss, rows.label.cap), (Loss::Poisson, 10));
    let sum = with("column = \"visits.minutes\"\ncap = 300");
    assert_eq!((sum.loss, sum.label.cap), (Loss::Squared, 300));
}

/// Worked by hand: 2 bins are told apart by the edges, others are empty. Without noise AUC is the share of pairs.
#[test]
fn held_out_people_tell_the_auc_and_the_rates() {
    let asked = asked(JOB).unwrap();
    let mut counts = nobody(&asked);
    let bins = counts.len() / 2;
    // 300 and 100 without the label, 100 and 300 with it.
    (counts[3], counts[8], counts[bins + 3], counts[bins + 8]) = (300, 100, 100, 300);
    let (found, flags) = answer(&asked, &trained(&asked, counts.clone())).unwrap();
    // The model says 2 to 4 % of those of whom 25 % have it.
    assert_eq!(flags, ["miscalibrated"]);
    let judged = found.judged.unwrap();
    let auc = judged.auc.unwrap();
    // 300·300 pairs in order, 300·100 and 100·300 equal: (90,000 + 30,000) / 160,000.
    assert!((auc.value - 0.75).abs() < 1e-12, "{auc:?}");
    // Σp(A-.75)²/P² + Σn(B-.75)²/N²: 2·(100·.375² + 300·.125²)/400².
    let sd = (2.0 * (100.0 * 0.375 * 0.375 + 300.0 * 0.125 * 0.125) / 160_000.0_f64).sqrt();
    // Each bin has half of the people, and the order within it may be any: 2·300·100/(2·400²).
    assert!((auc.ties - 0.1875).abs() < 1e-12, "{auc:?}");
    assert!((auc.ci[0] - (0.75 - 0.1875 - 1.959_964 * sd)).abs() < 1e-6, "{auc:?}");
    assert_eq!(judged.largest_bin, Some(0.5));
    let bins: Vec<_> = judged.bins.iter().filter_map(|bin| bin.people.zip(bin.rate)).collect();
    assert_eq!(bins, [(400, 0.25), (400, 0.75)]);
    let says = judged.bins[0].says.unwrap();
    // From -3 to -2.5 above the score of a third.
    assert!((says - 1.0 / (1.0 + libm::exp(2.75 + libm::log(2.0)))).abs() < 1e-9, "{says}");
    // A count below 0 counts as it is.
    (counts[0], *counts.last_mut().unwrap()) = (-20, -20);
    let auc = answer(&asked, &trained(&asked, counts)).unwrap().0.judged.unwrap().auc.unwrap();
    let by_hand =
        ((100.0 * (-20.0 + 150.0)) + 300.0 * (280.0 + 50.0) - 20.0 * 380.0) / (380.0 * 380.0);
    assert!((auc.value - by_hand).abs() < 1e-12, "{auc:?} {by_hand}");
}

#[test]
fn sums_of_another_training_have_no_answer() {
    let asked = asked(JOB).unwrap();
    let honest = trained(&asked, nobody(&asked));
    assert!(answer(&asked, &honest).is_some());
    let changed = |change: fn(&mut Trained)| {
        let mut trained = honest.clone();
        change(&mut trained);
        answer(&asked, &trained)
    };
    assert!(changed(|trained| trained.steps.truncate(3)).is_none());
    assert!(changed(|trained| trained.steps.push(trained.steps[0].clone())).is_none());
    assert!(changed(|trained| trained.steps[1].0.truncate(3)).is_none());
    assert!(changed(|trained| trained.scores = Some(StepSums(vec![0; 35]))).is_none());
}

/// No count of the data is in the rule: `people` is a figure of the job, and nothing else is read.
#[test]
fn a_training_leaves_steps_and_no_head_count() {
    let asked = asked(JOB).unwrap();
    let contract = samples::contract(CONTRACT);
    let name = contract.analyses.keys().next().unwrap().clone();
    let proven = policy::price(&contract, &name, &Question::Train(asked)).unwrap();
    assert!(matches!(proven.proof().leaves, Leaves::Steps(_)));
    assert_eq!(proven.proof().vectors(), None);
}

/// The rule for a person's own file is that of the engine: a number at an edge is above it, what is no value is in the first
/// bin.
#[test]
fn scoring_bins_as_training_does() {
    let asked = asked(JOB).unwrap();
    let (model, _) = answer(&asked, &trained(&asked, nobody(&asked))).unwrap();
    let [age, plan, ..] = model.features.as_slice() else { panic!("two features and more") };
    let bin = |at: usize| Ok(Some(Seen::Bin(at)));
    assert_eq!(age.seen("24"), bin(1));
    assert_eq!(age.seen("25"), bin(2));
    assert_eq!(age.seen(" 1e9 "), bin(age.bins.len() - 1));
    for none in ["x", "NaN", "inf"] {
        assert_eq!(age.seen(none), Err(Unreadable), "{none}");
    }
    assert_eq!(plan.seen("plus"), bin(2));
    assert_eq!(plan.seen("(none or several)"), Err(Unreadable));
    let rows = model.features.iter().find(|feature| feature.reads == Reads::Rows).unwrap();
    // Whoever has no row is not found, and not "below 2".
    for text in ["0", " 00 ", "0.0", ""] {
        assert_eq!(rows.seen(text), Ok(None), "{text}");
    }
    for (text, at) in [("1", 1), ("2", 2), ("40", 3)] {
        assert_eq!(rows.seen(text), bin(at), "{text}");
    }
    for none in ["-1", "1.5", "x"] {
        assert_eq!(rows.seen(none), Err(Unreadable), "{none}");
    }
    assert_eq!([age.seen(" "), plan.seen("")], [Ok(None); 2]);
    assert_eq!([age.missing(), rows.missing()], [Seen::Bin(0); 2]);
    let seen = vec![Seen::Bin(1); model.features.len()];
    let scorer = model.scorer().unwrap();
    let score = scorer.score(&seen).unwrap();
    assert!((model.says(score) - 600.0 / 1_800.0).abs() < 1e-9, "no step moved a weight");
    assert_eq!(scorer.score(&seen[1..]), None);
    // A number is nothing that an additive model sees.
    let number = vec![Seen::Number(1); seen.len()];
    assert_eq!(scorer.score(&number), None);
    let mut lacking = model.clone();
    lacking.features[0].bins[0].weight = None;
    assert!(lacking.scorer().is_none());
}

/// A model that gives most people one score says nothing of their order: the page says so, and the interval allows for any.
#[test]
fn where_most_people_have_one_score_the_auc_allows_for_any_order() {
    let asked = asked(JOB).unwrap();
    let mut counts = nobody(&asked);
    let bins = counts.len() / 2;
    (counts[4], counts[bins + 4], counts[9], counts[bins + 9]) = (800, 60, 100, 40);
    let (found, flags) = answer(&asked, &trained(&asked, counts)).unwrap();
    assert!(flags.contains(&"scores_alike".to_owned()), "{flags:?}");
    let auc = found.judged.as_ref().unwrap().auc.unwrap();
    // If all with the label stood above all others of their bin, 40·(800 + 50) + 60·800 of 100·900 pairs were in order.
    let most = (40.0 * 850.0 + 60.0 * 800.0) / 90_000.0;
    assert!(auc.ci[1] > most && auc.value < 0.65, "{auc:?}");
}

/// Scores of dense models lie anywhere: of each of these the old twelve bins about 0 had half of all people in one.
#[test]
fn the_interval_holds_the_exact_auc_wherever_scores_lie() {
    let normal = |z: f64| statistics::special::normal_sf(-z);
    let mut random = rand_chacha::ChaCha20Rng::from_seed([5; 32]);
    let mut uniform = || (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
    let mut asked = asked(JOB).unwrap();
    let one = 65_536.0;
    // Mean and deviation of the scores of 7,000 people without the label, how much higher those of 900 with it are, and the noise.
    for (mean, sd, more, sigma) in [
        (-4.3, 1.2, 1.15, 2.8),
        (-2.5, 1.0, 1.0, 2.8),
        (-0.5, 3.6, 5.0, 2.8),
        (-2.4, 0.9, 0.8, 11.0),
    ] {
        let rho = 1.0 / (2.0 * sigma * sigma);
        let edges = scores::edges(true, scores::step(31_600, 250, rho));
        asked.program.held_out.as_mut().unwrap().edges = edges.clone();
        let ends: Vec<f64> = edges.iter().map(|edge| f64::from(*edge) / one).collect();
        let share = |mean: f64| {
            let below: Vec<_> =
                ends.iter().map(|end| normal((end - mean) / sd)).chain([1.0]).collect();
            let before = std::iter::once(0.0).chain(below.clone());
            below.iter().zip(before).map(|(to, from)| to - from).collect::<Vec<f64>>()
        };
        let shares = [share(mean), share(mean + more)];
        let exact = normal(more / sd / 2.0_f64.sqrt());
        let (mut held, mut off, mut noise) = (0, 0.0, 0.0);
        for _ in 0..RUNS {
            let mut counts = Vec::new();
            for (size, share) in [7000.0, 900.0].iter().zip(&shares) {
                for share in share {
                    let expected: f64 = size * share;
                    let wide = (expected + sigma * sigma).sqrt();
                    let drawn =
                        expected + wide * statistics::special::normal_upper_quantile(uniform());
                    counts.push(format!("{drawn:.0}").parse().unwrap());
                }
            }
            let held_out = asked.program.held_out.as_ref().unwrap();
            let reading = estimate::Reading { noise: sigma, alpha: 0.05, least: 20 };
            let auc = estimate::judged(held_out, &counts, 0.0, reading).unwrap().0.auc.unwrap();
            held += u32::from((auc.ci[0]..=auc.ci[1]).contains(&exact));
            off += (auc.value - exact) / f64::from(RUNS);
            noise += auc.noise_sd / f64::from(RUNS);
        }
        let found = f64::from(held) / f64::from(RUNS);
        assert!((0.935..0.965).contains(&found), "{mean} {sd}: {found}");
        assert!(off.abs() < noise / 2.0, "{mean} {sd}: off by {off}, noise {noise}");
    }
}

/// A seeded simulation of sampling and noise: 1,500 people without the label and 500 with it, in twelve bins.
#[test]
fn intervals_of_auc_and_rates_hold_as_often_as_they_say() {
    let mut random = rand_chacha::ChaCha20Rng::from_seed([3; 32]);
    let mut uniform = || (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
    let mut asked = asked(JOB).unwrap();
    let edges = [-3.0, -2.25, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.25, 3.0];
    let units = edges.map(|edge| format!("{:.0}", edge * 65_536.0).parse().unwrap());
    asked.program.held_out.as_mut().unwrap().edges = units.to_vec();
    // What the model says at the upper end of each bin: a third at 0.
    let ends = edges.map(|edge| 1.0 / (1.0 + 2.0 * libm::exp(-edge)));
    // How many of 100 are in each bin.
    let shares = [
        [6.0, 10.0, 14.0, 15.0, 14.0, 12.0, 10.0, 7.0, 5.0, 4.0, 2.0, 1.0],
        [1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 14.0, 13.0, 10.0, 6.0],
    ];
    let sizes = [1500.0, 500.0];
    let mut below = 0.0;
    let mut truth = 0.0;
    for (without, with) in shares[0].iter().zip(&shares[1]) {
        truth += with * (below + without / 2.0) / 10_000.0;
        below += without;
    }
    for sigma in [0.0, 4.5, 14.0] {
        let (mut auc, mut rates, mut shown) = (0, 0, 0);
        for _ in 0..RUNS {
            let mut counts = vec![0; 24];
            for (label, (shares, size)) in shares.iter().zip(sizes).enumerate() {
                for (bin, share) in shares.iter().enumerate() {
                    // Independent counts: a sum of many is nearly what sampling gives.
                    let mean: f64 = size * share / 100.0;
                    let sd = (mean + sigma * sigma).sqrt();
                    let drawn = mean + sd * statistics::special::normal_upper_quantile(uniform());
                    counts[12 * label + bin] = format!("{drawn:.0}").parse().unwrap();
                }
            }
            let judged = judged_with(&asked, &counts, sigma);
            let found = judged.auc.unwrap();
            auc += u32::from((found.ci[0]..=found.ci[1]).contains(&truth));
            let mut first = 0;
            for bin in &judged.bins {
                // Bins that are shown are of several in which scores were counted.
                let next = ends.iter().take_while(|end| **end < bin.says_to + 1e-9).count();
                let own = first..if bin.says_to > 0.999 { 12 } else { next };
                first = own.end;
                let Some(ci) = bin.ci else { continue };
                let [without, with] = [0, 1].map(|label: usize| {
                    sizes[label] * shares[label][own.clone()].iter().sum::<f64>()
                });
                shown += 1;
                rates += u32::from((ci[0]..=ci[1]).contains(&(with / (with + without))));
            }
        }
        let share = |held: u32, all: u32| f64::from(held) / f64::from(all);
        // Three deviations of a share of so many runs.
        assert!((share(auc, RUNS) - 0.95).abs() < 0.015, "sigma {sigma}: {}", share(auc, RUNS));
        let found = share(rates, shown);
        assert!(
            (0.94..=0.97).contains(&found) && shown > RUNS,
            "sigma {sigma}: {found} of {shown}"
        );
    }
}

const RUNS: u32 = 2000;

/// What is read of these counts with noise of this width, at 95 %.
fn judged_with(asked: &Train, counts: &[i64], noise: f64) -> Judged {
    let held = asked.program.held_out.as_ref().unwrap();
    let plan = asked.program.plan().additive().unwrap();
    let mut descent = learning::Descent::start(plan.clone(), 600);
    for _ in 0..plan.steps {
        descent.step(&vec![0; plan.bins()]);
    }
    let reading = estimate::Reading { noise, alpha: 0.05, least: 20 };
    estimate::judged(held, counts, descent.model().unwrap().intercept, reading).unwrap().0
}
