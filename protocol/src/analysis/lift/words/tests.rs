//! What is said of estimates that stand beside the difference in means.

use super::*;
use crate::{
    analysis::lift::sample,
    page::number::percent,
    result::{CupedResult, LateResult},
};

/// The sample's result with these estimates of its first outcome.
fn result(cuped: Option<CupedResult>, late: Option<LateResult>) -> LiftResult {
    let mut result = sample::result();
    let outcome = result.answer.outcomes.first_mut().unwrap();
    (outcome.cuped, outcome.late) = (cuped, late);
    result
}

fn answer(result: &LiftResult) -> String {
    statement(result, result.answer.outcomes.first().unwrap()).text.raw()
}

fn cuped(p: f64, used: bool) -> CupedResult {
    CupedResult {
        covariate: "before".to_owned(),
        cap: 200.0,
        floor: 0.0,
        used,
        theta: used.then_some(0.4),
        mean_t: 0.1,
        mean_c: 0.08,
        ate: 0.02,
        se: 0.01,
        se_sampling: 0.008,
        se_mechanism: 0.006,
        df: None,
        t: Some(2.0),
        p: Some(p),
        p_adjusted: None,
        ci_level: 0.95,
        ci: Some([Some(-0.001), Some(0.041)]),
        length: 0.8,
    }
}

#[test]
fn an_adjusted_change_has_the_verdict_of_its_own_p() {
    let clear = result(Some(cuped(0.001, true)), None);
    let said = answer(&clear);
    assert!(said.contains("Adjusted for \u{201c}before\u{201d}, as the job asks, it is"), "{said}");
    assert!(said.ends_with("so the change is statistically clear."), "{said}");
    let unclear = answer(&result(Some(cuped(0.2, true)), None));
    assert!(
        unclear.ends_with("which includes no change at all: this study cannot tell."),
        "{unclear}"
    );
    let unused = answer(&result(Some(cuped(0.2, false)), None));
    assert!(unused.contains("it stands as it is"), "{unused}");
    // Of a design that may be broken nothing is called clear, adjusted or not.
    let mut broken = clear.clone();
    broken.flags.push("match_differs".to_owned());
    assert!(!flags::broken(&broken).is_empty(), "the flag is one of a broken design");
    assert!(
        !answer(&broken).contains("so the change is statistically clear"),
        "{}",
        answer(&broken)
    );
    let asked = cuped::asked(&clear).unwrap().raw();
    assert_eq!(asked, "\u{201c}before\u{201d}: a person\u{2019}s total counts from 0 to 200");
    assert!(cuped::asked(&result(None, None)).is_none());
}

#[test]
fn an_effect_on_the_reached_that_cannot_be_told_says_why() {
    let late = |reached_t: f64, reached_c: f64| LateResult {
        reached_t,
        reached_c,
        first_stage: reached_t - reached_c,
        first_stage_se: 0.302,
        first_stage_se_mechanism: 0.3,
        first_stage_ci: None,
        late: None,
        se: None,
        se_sampling: None,
        se_mechanism: None,
        ci: None,
        ci_delta: None,
    };
    let noisy = answer(&result(None, Some(late(0.604, 0.097))));
    let error = percent(0.302).replace('+', "");
    assert!(noisy.contains(&format!("a standard error of {error}, noise included")), "{noisy}");
    let fewer = answer(&result(None, Some(late(0.1, 0.6))));
    assert!(fewer.contains("not more of the test arm"), "{fewer}");
}
