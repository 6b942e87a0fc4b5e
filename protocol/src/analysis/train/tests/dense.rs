//! Dense models: how they are asked for, what they cost, and how people are scored by them.

use super::*;
use crate::{
    learning::dense::{self, CERTAIN},
    loss::Loss,
    tally::{Ends, Plan},
};

/// The sample's job as a dense model, with all but one number in bins.
fn job() -> String {
    let between = "column = \"members.age\"\nbetween = [18, 90]";
    let found = "rows_of = \"visits\"\nbetween = [0, 12]";
    JOB.replace("[train]\n", "[train]\nmodel = \"dense\"\n")
        .replace("column = \"members.age\"\nedges = [25, 35, 45, 55, 65]", between)
        .replace("rows_of = \"visits\"\nedges = [2, 4]", found)
}

fn proven(asked: &Train) -> Result<Proven, Refusal> {
    let contract = samples::contract(CONTRACT);
    let name = contract.analyses.keys().next().unwrap().clone();
    policy::price(&contract, &name, &Question::Train(asked.clone()))
}

fn plan(asked: &Train) -> dense::Plan {
    asked.program.plan().dense().unwrap()
}

/// Steps of these sums, and held-out people by score.
fn steps(asked: &Train, sum: i64) -> Trained {
    let step = StepSums(vec![sum; plan(asked).weights()]);
    Trained {
        noise: false,
        label: None,
        steps: vec![step; usize::try_from(asked.program.steps).unwrap()],
        scores: Some(StepSums(vec![100; nobody(asked).len()])),
    }
}

#[test]
fn a_job_asks_for_a_dense_model_with_settings_by_the_rule() {
    let asked = asked(&job()).unwrap();
    // Age and rows are a number each, plans three and minutes four.
    assert_eq!((plan(&asked).inputs, plan(&asked).weights()), (9, 10));
    let of: Vec<_> = asked.program.features.iter().map(|feature| feature.of.ends()).collect();
    let ends = |lower, upper| Some(Ends { lower, upper });
    assert_eq!(of, [ends(18, 90), None, ends(0, 12), None]);
    let dense = asked.program.dense.clone().unwrap();
    assert_eq!((dense.hidden.len(), dense.sampled), (0, CERTAIN / 25));
    // A thousandth of the job's.
    assert_eq!(u64::from(dense.delta), u64::from(asked.delta) / 1000);
    let (found, flags) = answer(&asked, &steps(&asked, 0)).unwrap();
    // As many with the label as without it, at every score.
    assert!(found.by_rule && flags == ["miscalibrated"], "{flags:?}");
    // Two numbers and two features in bins: a squared norm of 2 + 2/3 + 1/16, which is what gradients are clipped to.
    let squared: f64 = 2.0 + 2.0 / 3.0 + 1.0 / 16.0;
    assert!((found.settings.clip - squared.sqrt()).abs() < 1e-3, "{:?}", found.settings);
    // 1,800 people are few: 1800·√(2·0.0882)/1340 = 0.564, of at most 4.
    assert!((found.settings.rate - 0.564 / squared).abs() < 1e-3, "{:?}", found.settings);
    assert_eq!((found.settings.batch, found.settings.seed), (Some(dense.chance()), Some(1)));
    assert!(found.label_sum.is_none());
    let own = "[train.settings]\nbatch = 0.5\nsteps = 10\nclip = 2\nseed = 9\n\n[train.privacy]";
    let own =
        job().replace("[train]\n", "[train]\nhidden = [4, 3]\n").replace("[train.privacy]", own);
    let own = self::asked(&own).unwrap();
    let plan = plan(&own);
    assert_eq!((plan.sampled, plan.steps, plan.averaged, plan.seed), (CERTAIN / 2, 10, 3, 9));
    assert_eq!((plan.clip, plan.weights()), (2.0, 10 * 4 + 5 * 3 + 4));
    assert!(!answer(&own, &steps(&own, 0)).unwrap().0.by_rule);
}

/// Nothing that leaves tells that a label is always the same, if nobody is held out.
#[test]
fn a_label_that_nothing_tells_of_is_not_checked() {
    let mut asked = asked(&job()).unwrap();
    let trained = Trained { scores: None, ..steps(&asked, 0) };
    asked.program.held_out = None;
    let (found, flags) = answer(&asked, &trained).unwrap();
    assert_eq!(flags, ["label_unchecked"]);
    assert!(found.judged.is_none());
}

#[test]
fn refuses_what_no_dense_model_is_by_the_field() {
    let refused = |job: &str| asked(job).unwrap_err().to_string();
    let told = |from: &str, to: &str, expected: &str| {
        assert!(job().contains(from), "{from}");
        let found = refused(&job().replacen(from, to, 1));
        assert!(found.contains(expected), "{found}");
    };
    told("\"dense\"", "\"deep\"", "train.model is deep; expected \"additive\" or \"dense\"");
    told(
        "between = [18, 90]",
        "between = [90, 18]",
        "train.feature.between is [90, 18]; expected two",
    );
    told("between = [18, 90]", "between = [1, 2]\nedges = [1]", "either edges or between");
    told(
        "between = [18, 90]\n",
        "",
        "numbers for members.age: public ones, not chosen by looking; or, since the model is dense, between",
    );
    told(
        "[train]\n",
        "[train]\nhidden = [1, 2, 3]\n",
        "train.hidden is [1, 2, 3]; expected at most 2",
    );
    told("[train]\n", "[train]\nhidden = [0]\n", "train.hidden is [0]");
    told("[train]\n", "[train]\nhidden = [257]\n", "1 to 256");
    told("[train]\n", "[train]\nhidden = [256, 256]\n", "expected at most 65536 weights; this has");
    let settings = |own: &str| format!("[train.settings]\n{own}\n\n[train.privacy]");
    let privacy = "[train.privacy]";
    told(privacy, &settings("batch = 0"), "train.settings.batch is 0; expected how likely");
    told(privacy, &settings("batch = 1.1"), "train.settings.batch is 1.1");
    told(privacy, &settings("clip = 0.001"), "train.settings.clip is 0.001; expected the norm");
    told("delta = 1e-6", "delta = 1e-6\nsampling_delta = 1", "train.privacy.sampling_delta is 1");
    // And of an additive model what only a dense one has.
    let additive = |from: &str, to: &str, expected: &str| {
        let found = refused(&JOB.replacen(from, to, 1));
        assert!(found.contains(expected), "{found}");
    };
    additive("edges = [25, 35, 45, 55, 65]", "between = [18, 90]", "model = \"dense\" has numbers");
    additive("[train]\n", "[train]\nhidden = [4]\n", "train.hidden is [4]; expected it left out");
    additive(
        privacy,
        &settings("batch = 0.5"),
        "train.settings.batch is 0.5; expected it left out",
    );
    additive(privacy, &settings("seed = 3"), "train.settings.seed is 3; expected it left out");
    additive("delta = 1e-6", "delta = 1e-6\nsampling_delta = 1e-9", "only a dense model has it");
}

/// The noise is the least that pays: at every order the steps lose no more than the job's ρ, but for the cap's δ.
#[test]
fn a_dense_model_costs_what_its_steps_lose_and_the_delta_of_their_cap() {
    for hidden in ["", "hidden = [8]\n"] {
        let asked = asked(&job().replace("[train]\n", &format!("[train]\n{hidden}"))).unwrap();
        let proven = proven(&asked).unwrap();
        let (proof, steps) = (proven.proof(), proven.proof().steps().unwrap());
        let drawn = steps.drawn().unwrap();
        let rho = crate::loss::Rho::from_epsilon(asked.epsilon, asked.delta);
        let paid = Loss::zcdp(rho).with_delta(1_000_000);
        assert_eq!(proof.cost, paid);
        assert!(drawn.loss(125).unwrap().fits(&paid));
        let louder =
            crate::proof::Drawn { sigma: crate::proof::Sigma(drawn.sigma.0 - drawn.l2), ..drawn };
        assert!(!louder.loss(125).unwrap().fits(&paid), "noise is wasted");
        assert_eq!((drawn.l2, drawn.chance), (1 << 22, CERTAIN / 25));
        assert_eq!(steps.releases(), 126, "no label sum, and one release of scores");
    }
}

#[test]
fn a_model_follows_from_the_released_sums_and_from_nothing_else() {
    for hidden in ["", "hidden = [8]\n", "hidden = [3, 5]\n"] {
        let asked = asked(&job().replace("[train]\n", &format!("[train]\n{hidden}"))).unwrap();
        let honest = steps(&asked, 40_000_000);
        let (model, _) = answer(&asked, &honest).unwrap();
        let mut descent = dense::Descent::start(plan(&asked));
        honest.steps.iter().for_each(|step| descent.step(&step.0));
        let network = model.network.clone().unwrap();
        assert_eq!(network.weights, descent.model().unwrap().weights);
        let changed = |change: fn(&mut Trained)| {
            let mut trained = honest.clone();
            change(&mut trained);
            answer(&asked, &trained)
        };
        assert!(changed(|trained| trained.label = Some(1)).is_none());
        assert!(changed(|trained| drop(trained.steps.pop())).is_none());
        assert!(changed(|trained| trained.steps[3].0.push(1)).is_none());
        assert!(changed(|trained| trained.scores = Some(StepSums(vec![0; 23]))).is_none());
    }
}

/// Values of a file become the very numbers that training saw, and the score is the network's.
#[test]
fn scoring_sees_numbers_as_training_does() {
    let text = job().replace("[train]\n", "[train]\nhidden = [8]\n");
    let asked = asked(&text).unwrap();
    let (model, _) = answer(&asked, &steps(&asked, 40_000_000)).unwrap();
    let scorer = model.scorer().unwrap();
    let [age, plan, rows, minutes] = model.features.as_slice() else { panic!("four features") };
    let number = |found: i16| Ok(Some(Seen::Number(found)));
    assert_eq!([age.seen("18"), age.seen("54"), age.seen("90")], [-2048, 0, 2048].map(number));
    assert_eq!([age.seen("-5"), age.seen("1e30")], [-2048, 2048].map(number));
    assert_eq!((age.seen(""), age.missing()), (Ok(None), Seen::Number(0)));
    // Nobody's rows are no rows.
    assert_eq!((rows.seen("0"), rows.missing()), (Ok(None), Seen::Number(-2048)));
    assert_eq!(rows.seen("3"), number(-1024));
    let seen = [age.seen("30"), plan.seen("plus"), rows.seen("3"), minutes.seen("90")];
    let seen = seen.map(|seen| seen.unwrap().unwrap());
    let Plan::Dense(shape) = asked.program.plan() else { panic!("a dense model") };
    let network = dense::Network::new(&shape, &model.network.as_ref().unwrap().weights);
    // 30 is a sixth of the way from 18 to 90; "plus" is the second value, 90 minutes are in the second bin.
    let meant = [-1365, 0, 2048, 0, -1024, 0, 2048, 0, 0];
    assert_eq!(scorer.score(&seen), Some(f64::from(network.score(&meant))));
    assert_eq!(scorer.score(&seen[1..]), None);
    let nothing: Vec<_> = model.features.iter().map(|feature| feature.missing()).collect();
    assert!(scorer.score(&nothing).is_some());
    // Two files are compared by eight parts of a number, and people without one.
    assert_eq!((age.parts().len(), plan.parts().len()), (9, 4));
    let part = |text: &str| age.part(age.seen(text).unwrap());
    assert_eq!(["", "18", "26", "27", "89", "90"].map(part), [0, 1, 1, 2, 8, 8]);
    let mut lacking = model.clone();
    lacking.network.as_mut().unwrap().weights.pop();
    assert!(lacking.scorer().is_none());
}

/// Whatever a job's text was: an enclave sees the question alone.
#[test]
fn refuses_programs_that_no_job_could_have_asked() {
    let refused = |change: &dyn Fn(&mut crate::tally::Program)| {
        let mut asked = asked(&job()).unwrap();
        change(&mut asked.program);
        proven(&asked).map(drop)
    };
    let malformed = Err(Refusal::Malformed);
    assert_eq!(refused(&|_| ()), Ok(()));
    assert_eq!(
        refused(&|program| program.dense = None),
        malformed,
        "numbers without a dense model"
    );
    let dense = |change: &dyn Fn(&mut crate::tally::Dense)| {
        refused(&|program| change(program.dense.as_mut().unwrap()))
    };
    assert_eq!(dense(&|dense| dense.sampled = 0), malformed);
    assert_eq!(dense(&|dense| dense.sampled = CERTAIN + 1), malformed);
    assert_eq!(dense(&|dense| dense.hidden = vec![u32::MAX; 2]), malformed);
    assert_eq!(dense(&|dense| dense.hidden = vec![1; 3]), malformed);
    assert_eq!(refused(&|program| program.clip = 0), malformed);
    let ends = Ends { lower: 4, upper: 4 };
    assert_eq!(
        refused(&|program| program.features[2].of = Binned::RowsBetween { ends }),
        malformed
    );
}
