//! Results as a receiver reads them, from totals that went through the real door.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly")]

mod metamorphic;

use crate::silent::Silent;
use crate::support::room::{self, NOW};
use privacy::sampler::{Exact, Noise};
use privacy::{Ledger, Names, Raw, Totals};
use protocol::analysis::lift::{Cell, ReleasedAs};
use protocol::contract::{Contract, Role};
use protocol::identity::Identifier;
use protocol::job::{Lift, Multiplicity, OutcomeKind};
use protocol::loss::{Loss, Rho};
use protocol::result::{LiftResult, OutcomeResult};
use serde_json::Value;

/// The totals of one cell: people, and a sum and a sum of squares for each outcome.
#[derive(Clone, Default)]
struct OfCell {
    n: i64,
    measures: [(i64, i64); 3],
}

/// The cells of [`protocol::analysis::lift::Cell::ALL`] in those of the tally. The first two outcomes are binary
/// and have no squares.
fn columns(cells: &[OfCell; 7], keeps_refusers: bool) -> Totals {
    let [test, test_un, control, control_un, both, other, refused] = cells;
    let none = &OfCell::default();
    let cells = [[test_un, test], [control_un, control], [both, none], [other, none]];
    // Nobody refuses among the outcomes.
    let cells = cells.into_iter().flat_map(|[out, found]| {
        [Some(out), Some(found), keeps_refusers.then_some(none)].into_iter().flatten()
    });
    let cells: Vec<_> = cells.chain([refused]).collect();
    let sums = (0..3).map(|at| cells.iter().map(|it| it.measures[at].0).collect());
    let squares = cells.iter().map(|it| it.measures[2].1).collect();
    let people = cells.iter().map(|it| it.n).collect();
    Totals {
        cells: Names::Public,
        people,
        sums: sums.collect(),
        products: vec![squares],
        spread: Vec::new(),
    }
}

fn result(lift: Lift, totals: [OfCell; 7], noise: &mut impl Noise) -> LiftResult {
    result_under(&known_by_address(), lift, totals, noise)
}

fn result_under(
    contract: &Contract,
    lift: Lift,
    totals: [OfCell; 7],
    noise: &mut impl Noise,
) -> LiftResult {
    let admitted = room::admitted(contract, lift, 64_000);
    let mut ledger = Ledger::new();
    for dataset in ["exposures", "sales"] {
        let slice = room::slice(contract, dataset, Loss::zcdp(Rho(2 * admitted.cost().rho().0)));
        ledger.accept(&slice, contract, NOW).unwrap();
    }
    let keeps_refusers = admitted.proven().tally().keeps_refusers();
    let raw = Raw::new(admitted.proven().clone(), columns(&totals, keeps_refusers));
    let paid = ledger.pay(admitted, contract, NOW).unwrap();
    let released = raw.release(paid, noise).unwrap();
    released.result(released.paid().admitted(), "analyst", contract, NOW).unwrap().of().unwrap()
}

fn hillstrom() -> Lift {
    room::lift(vec![
        room::outcome("visit", OutcomeKind::Binary, 1, 0),
        room::outcome("conversion", OutcomeKind::Binary, 1, 0),
        room::outcome("spend", OutcomeKind::Value, 49_900, 2),
    ])
}

/// The totals of the reference; whoever did not visit is not in the retailer's file.
fn arms(vectors: &Value) -> [OfCell; 7] {
    let mut totals = [(); 7].map(|()| OfCell::default());
    for (at, arm) in [(0, "mens"), (2, "none")] {
        let arm = &vectors["arms"][arm];
        let number = |name: &str| arm[name].as_i64().unwrap();
        totals[at].n = number("visits");
        totals[at + 1].n = number("n") - number("visits");
        totals[at].measures = [
            (number("visits"), number("visits")),
            (number("conversions"), number("conversions")),
            (number("spend_cents_sum"), number("spend_cents_sum_sq")),
        ];
    }
    totals[5].n = 21_387;
    totals
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../protocol/statistics/tests/vectors/lift.json"))
        .unwrap()
}

fn close(found: impl Into<Option<f64>>, expected: &Value) {
    let (found, expected) = (found.into().unwrap(), expected.as_f64().unwrap());
    let error = (found - expected).abs();
    assert!(error <= 1e-9 * expected.abs(), "found {found}, expected {expected}");
}

#[test]
fn without_noise_it_is_the_textbook_result() {
    let vectors = vectors();
    let found = result(hillstrom(), arms(&vectors), &mut Silent);
    assert!(!found.noise);
    // The retailer's file has visitors only, and more of them were sent mail.
    assert_eq!(found.flags, ["match_differs"]);
    for (outcome, holm) in found.answer.outcomes.iter().zip(vectors["holm"].as_array().unwrap()) {
        agrees(outcome, &vectors["mens_vs_none"][&outcome.name], holm);
        assert_eq!(outcome.flags, [""; 0], "{}", outcome.name);
    }
    // Economics of five cents a message.
    let (expected, spend) =
        (&vectors["economics"], found.answer.outcomes[2].economics.as_ref().unwrap());
    let conversion = found.answer.outcomes[1].economics.as_ref().unwrap();
    close(conversion.cost, &expected["cost"]);
    close(conversion.incremental, &expected["incremental_conversions"]);
    let cost = &expected["cost_per_incremental_conversion"];
    close(conversion.cost_per_incremental, &cost["estimate"]);
    assert_eq!(conversion.iroas, None);
    close(spend.incremental, &expected["incremental_value"]);
    close(spend.iroas, &expected["iroas"]);
    assert_eq!(spend.cost_per_incremental, None);
}

fn agrees(found: &OutcomeResult, expected: &Value, holm: &Value) {
    let (difference, expect) = (found.diff_in_means.as_ref().unwrap(), &expected["diff_in_means"]);
    assert_eq!(Some(difference.n_t), expect["n_t"].as_i64());
    assert_eq!(Some(difference.n_c), expect["n_c"].as_i64());
    close(difference.mean_t, &expect["mean_t"]);
    close(difference.mean_c, &expect["mean_c"]);
    close(difference.ate, &expect["ate"]);
    close(difference.se, &expect["se"]);
    close(difference.se_sampling, &expect["se"]);
    assert!(difference.se_mechanism.abs() < f64::MIN_POSITIVE);
    close(difference.df, &expect["df"]);
    close(difference.t, &expect["t"]);
    close(difference.p, &expect["p"]);
    close(difference.p_adjusted, holm);
    assert_eq!(difference.ci_method, "welch_t");
    // Three outcomes: the interval is Bonferroni's. Unadjusted ones are compared in tests/reference.rs.
    assert!((difference.ci_level - (1.0 - 0.05 / 3.0)).abs() < 1e-12);
    let (relative, expect) = (found.relative_lift.as_ref().unwrap(), &expected["relative_lift"]);
    close(relative.rel_lift, &expect["rel_lift"]);
}

#[test]
fn noise_is_told_in_the_units_of_the_figures() {
    let found = result(hillstrom(), arms(&vectors()), &mut Exact::from_seed([3; 32]));
    assert!(found.noise);
    let spend = &found.answer.outcomes[2];
    let difference = spend.diff_in_means.as_ref().unwrap();
    assert_eq!(difference.ci_method, "normal_with_noise");
    assert_eq!(difference.df, None);
    // Dollars at ε = 1: six of eight parts of nine tenths of ρ, a tenth of that for the pooled total.
    let share = |part: f64| 499.0 / (2.0 * found.privacy.rho * 0.9 * 0.75 * part).sqrt();
    let (contrast, pooled) = (share(0.9), share(0.1));
    let of_arm = contrast.hypot(pooled) / 2.0;
    for arm in [&spend.test, &spend.control] {
        let found = arm.as_ref().unwrap().sum_noise_sd;
        assert!((found / of_arm - 1.0).abs() < 1e-6, "{found}");
    }
    let n = f64::from(u32::try_from(difference.n_t).unwrap());
    assert!((difference.se_mechanism / (contrast / n) - 1.0).abs() < 0.01);
    assert_eq!(spend.released_as, ReleasedAs::Contrast);
    assert_eq!(found.answer.outcomes[0].released_as, ReleasedAs::Arms);
    let total = difference.se_sampling.hypot(difference.se_mechanism);
    assert!((difference.se / total - 1.0).abs() < 1e-12);
}

/// Sums of both arms at even shares and half of the loss made an interval of spend with a standard error of 0.458 (commit
/// `9d7f9dc`); it is to be half as wide at most, and holds the effect that there is without noise as often as it should.
#[test]
fn the_interval_of_spend_is_half_as_wide_as_by_sums_of_arms() {
    let asked = Lift { multiplicity: Multiplicity::None, ..hillstrom() };
    let totals = arms(&vectors());
    let (seeds, mut halves) = (60_u8, 0.0);
    let mut errors = 0.0;
    for seed in 0..seeds {
        let found = result(asked.clone(), totals.clone(), &mut Exact::from_seed([seed; 32]));
        let spend = found.answer.outcomes[2].diff_in_means.as_ref().unwrap();
        let [low, high] = spend.ci.unwrap().map(Option::unwrap);
        halves += (high - low) / 2.0 / f64::from(seeds);
        errors += (spend.ate - 0.769_827).powi(2) / f64::from(seeds);
    }
    assert!(halves <= 0.5 * 1.96 * 0.458, "{halves}");
    // What sampling and noise (a deviation of 0.136) make, and hardly narrower: the root of a noisy variance is a little less on average.
    assert!(halves > 0.95 * 1.96 * 0.145_f64.hypot(0.136), "{halves}");
    assert!((0.10..0.18).contains(&errors.sqrt()), "{errors}");
}

#[test]
fn charges_are_told_with_what_is_left() {
    let found = result(hillstrom(), arms(&vectors()), &mut Silent);
    let charges: Vec<_> = found.privacy.charged.iter().collect();
    assert_eq!([&*charges[0].dataset, &*charges[1].dataset], ["exposures", "sales"]);
    for charge in charges {
        assert!((charge.rho - found.privacy.rho).abs() < 1e-12);
        assert!((charge.rho_left_in_instance.unwrap() - charge.rho).abs() < 1e-12);
    }
}

#[test]
fn a_withheld_arm_leaves_no_estimate_and_says_so() {
    let mut totals = arms(&vectors());
    (totals[2].n, totals[3].n) = (20, 20);
    let found = result(hillstrom(), totals, &mut Silent);
    assert_eq!(found.flags, ["arm_withheld"]);
    assert_eq!(found.answer.match_rates, None);
    assert_eq!(found.answer.sample_ratio.p, None);
    for outcome in &found.answer.outcomes {
        assert_eq!(outcome.flags, ["withheld"]);
        assert!(outcome.control.is_none() && outcome.diff_in_means.is_none());
        // A contrast needs both arms: with one of them withheld, nothing of it leaves.
        let shown = (outcome.released_as == ReleasedAs::Arms).then_some(21_307);
        assert_eq!(outcome.test.as_ref().map(|arm| arm.n), shown);
    }
    assert_eq!(found.answer.cells.iter().filter(|it| it.n.is_some()).count(), 5);
}

#[test]
fn arms_of_the_wrong_size_are_flagged() {
    let mut totals = arms(&vectors());
    totals[3].n += 2_000;
    let found = result(hillstrom(), totals, &mut Silent);
    assert!(found.answer.sample_ratio.failed);
    assert_eq!(found.flags, ["srm_failed", "match_differs"]);
}

#[test]
fn a_capped_amount_says_what_the_cap_means() {
    let found = result(hillstrom(), arms(&vectors()), &mut Silent);
    assert_eq!(found.answer.outcomes[0].bias_note, None);
    let note = found.answer.outcomes[2].bias_note.as_ref().unwrap();
    assert!(note.contains("above 499 counts as 499"), "{note}");
    assert!((found.answer.outcomes[2].cap - 499.0).abs() < 1e-9);
}

/// Effects from none to clear ones: what is said of each follows from the p-value that is shown, and its interval
/// must not say otherwise.
#[test]
fn an_interval_leaves_out_zero_where_its_adjusted_p_says_so_with_noise_on() {
    let (mut clear, mut unclear, mut sharper) = (0, 0, 0);
    let asked = [Multiplicity::None, Multiplicity::Holm, Multiplicity::Bh];
    for (seed, multiplicity) in (0_u8..40).flat_map(|seed| asked.map(|asked| (seed, asked))) {
        let mut totals = arms_of_all();
        let step = i64::from(seed);
        totals[0].measures = totals[2].measures;
        for (measure, more) in totals[0].measures.iter_mut().zip([8, 2, 30_000]) {
            measure.0 += step * more;
        }
        let lift = Lift { multiplicity, ..hillstrom() };
        let confidence = lift.confidence.value();
        let found = result(lift, totals, &mut Exact::from_seed([seed; 32]));
        for outcome in &found.answer.outcomes {
            let Some(difference) = &outcome.diff_in_means else { continue };
            let (Some(p), Some([low, high])) =
                (difference.p_adjusted.or(difference.p), difference.ci)
            else {
                continue;
            };
            let excludes = low.is_some_and(|low| low > 0.0) || high.is_some_and(|high| high < 0.0);
            assert_eq!(p < 1.0 - confidence, excludes, "{multiplicity:?} {seed} {outcome:?}");
            let counted = if excludes { &mut clear } else { &mut unclear };
            *counted += 1;
            // Where Holm's own step found it, which Bonferroni's interval would contradict.
            let bonferroni = 1.0 - (1.0 - confidence) / 3.0;
            sharper += u32::from(
                multiplicity == Multiplicity::Holm && difference.ci_level < bonferroni - 1e-9,
            );
        }
    }
    assert!(clear > 50 && unclear > 50 && sharper > 0, "{clear} {unclear} {sharper}");
}

/// Whatever the totals are, the result is numbers or null and reads back as it was written.
#[test]
fn extreme_totals_give_a_result_that_reads_back() {
    for extreme in [i64::MIN, -1, 0, 1, i64::MAX] {
        for n in [0, 1, 60, i64::MAX] {
            let totals = [(); 7].map(|()| OfCell { n, measures: [(extreme, extreme); 3] });
            for multiplicity in [Multiplicity::None, Multiplicity::Bh] {
                let lift = Lift { multiplicity, ..hillstrom() };
                let found = result(lift, totals.clone(), &mut Exact::from_seed([5; 32]));
                let text = serde_json::to_string(&found).unwrap();
                // Infinity and NaN would be written as null, where a number must be.
                serde_json::from_str::<LiftResult>(&text).unwrap();
            }
        }
    }
}

/// Of a person's consent the retailer alone asks, and so knows it only of customers.
#[test]
fn consent_that_only_the_outcomes_ask_for_is_a_flag() {
    let agreed = "[[dataset.column]]\nname = \"agreed\"\nrole = \"consent\"\n";
    let text = room::text();
    assert_eq!(text.matches(agreed).count(), 2);
    let (arms, outcomes) = text.rsplit_once(agreed).unwrap();
    for (text, flagged) in [
        (text.replacen(agreed, "", 1), true),
        (format!("{arms}{outcomes}"), false),
        (text.clone(), false),
    ] {
        let contract = Contract::parse(text.as_bytes()).unwrap();
        let found = result_under(&contract, hillstrom(), arms_of_all(), &mut Silent);
        let flag = found.flags.iter().any(|flag| flag == "consent_with_outcome");
        assert_eq!(flag, flagged, "{text}");
    }
}

/// A number of refusers would be noise: nobody was asked.
#[test]
fn where_no_consent_is_asked_nothing_is_said_of_people_who_withheld_it() {
    let agreed = "[[dataset.column]]\nname = \"agreed\"\nrole = \"consent\"\n";
    for (text, asked) in [(room::text(), true), (room::text().replace(agreed, ""), false)] {
        let contract = Contract::parse(text.as_bytes()).unwrap();
        let found = result_under(&contract, hillstrom(), arms_of_all(), &mut Silent);
        let refusers = found.answer.cells.iter().any(|it| it.cell == Cell::NoConsent);
        assert_eq!((refusers, found.answer.cells.len()), (asked, 6 + usize::from(asked)));
        assert_eq!(
            found.answer.estimand.contains("withhold consent"),
            asked,
            "{}",
            found.answer.estimand
        );
    }
}

/// The usual contract, in which people are known by their addresses alone.
fn known_by_address() -> Contract {
    let mut contract = room::contract();
    for dataset in contract.datasets.values_mut() {
        dataset.columns.retain(|column| column.role != Role::MatchKey(Identifier::Phone));
    }
    contract
}

/// With address, then number on the one side and number, then address on the other, people whose both
/// sides know both never meet.
#[test]
fn identifiers_that_both_sides_have_and_do_not_use_are_flagged() {
    let flagged = |contract: &Contract| {
        let found = result_under(contract, hillstrom(), arms_of_all(), &mut Silent);
        found.flags.iter().any(|flag| flag == "match_keys_unused")
    };
    assert!(flagged(&room::contract()));
    assert!(!flagged(&known_by_address()));
    let without = |dataset: &str, kind: Identifier| {
        let mut contract = room::contract();
        let columns = &mut contract.datasets.get_mut(dataset).unwrap().columns;
        columns.retain(|column| column.role != Role::MatchKey(kind));
        contract
    };
    // A row with both on the one side is known by its address, and never meets a number.
    assert!(flagged(&without("sales", Identifier::Email)));
    // A number on the one side alone finds nobody, and keeps nobody from being found.
    assert!(!flagged(&without("sales", Identifier::Phone)));
}

/// Whoever is in no arm is flagged only where test and control are all there are.
#[test]
fn arms_of_several_values_and_people_without_an_arm_are_flagged() {
    let mut totals = arms_of_all();
    totals[5].n = 2_000;
    let found = result(hillstrom(), totals.clone(), &mut Silent);
    assert_eq!(found.flags, [""; 0]);
    let test = vec!["mens".to_owned(), "womens".to_owned()];
    let pooled = Lift { test, ..hillstrom() };
    let found = result(pooled.clone(), totals.clone(), &mut Silent);
    assert_eq!(found.flags, ["without_arm", "arms_pooled"]);
    // One in a hundred of the smaller arm and no more.
    totals[5].n = 213;
    assert_eq!(result(pooled, totals, &mut Silent).flags, ["arms_pooled"]);
}

/// Everybody was found.
fn arms_of_all() -> [OfCell; 7] {
    let mut totals = arms(&vectors());
    for arm in [0, 2] {
        totals[arm].n += totals[arm + 1].n;
        totals[arm + 1].n = 0;
    }
    totals[5].n = 0;
    totals
}
