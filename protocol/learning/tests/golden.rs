//! The golden numbers of the reference in Python (`vectors/README.md`): whole step sums exactly, weights to the last bits.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test compares with the platform's functions, and reads what it is given"
)]

use learning::{Adding, Descent, Feature, Link, Loss, Model, People, Plan, label_quanta, rule};
use serde_json::Value;
use std::env;

fn golden(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("vectors/golden.json")).unwrap();
    all[name].clone()
}

fn plan(golden: &Value) -> Plan {
    let settings = &golden["settings"];
    let number = |field: &str| settings[field].as_f64().unwrap();
    let sizes = golden["size"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap());
    let ordered = golden["ordered"]
        .as_array()
        .unwrap()
        .iter()
        .map(|is_ordered| is_ordered.as_bool().unwrap());
    let features = sizes
        .zip(ordered)
        .map(|(bins, is_ordered)| Feature { bins: u32::try_from(bins).unwrap(), is_ordered });
    let steps = u32::try_from(settings["T"].as_u64().unwrap()).unwrap();
    Plan {
        features: features.collect(),
        loss: Loss::Logistic,
        cap: 1,
        people: golden["n_public"].as_u64().unwrap(),
        steps,
        clip: u32::try_from(golden["clip_q"].as_u64().unwrap()).unwrap(),
        rate: number("lr"),
        momentum: number("momentum"),
        ridge: number("l2"),
        averaged: steps.div_ceil(2),
    }
}

/// Trains on everybody, in so many parts of people, and keeps the sums of each step.
fn train(plan: &Plan, people: &People, label_sum: i64, parts: usize) -> (Model, Vec<Vec<i64>>) {
    assert!(plan.is_sound());
    let link = Link::new(plan.loss, plan.cap);
    let mut descent = Descent::start(plan.clone(), label_sum);
    let mut all = Vec::new();
    for _ in 0..plan.steps {
        let (plan, grid) = (descent.plan().clone(), descent.grid());
        let adding = Adding::new(&plan, &link, &grid);
        let part = people.len().div_ceil(parts);
        let mut sums = vec![0; plan.bins()];
        for start in (0..people.len()).step_by(part) {
            let own = adding.sums(people, start..people.len().min(start + part));
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        }
        descent.step(&sums);
        all.push(sums);
    }
    (descent.model().unwrap(), all)
}

fn agrees(golden: &Value, rows: &[(Vec<u8>, u32)]) {
    let plan = plan(golden);
    let mut people = People::with_room(&plan.features, rows.len());
    for (bins, label) in rows {
        people.add(bins, label_quanta(*label, 1));
    }
    let label_sum: i64 = rows.iter().map(|(_, label)| i64::from(*label)).sum();
    assert_eq!(golden["label_sum"], label_sum);
    let (model, sums) = train(&plan, &people, label_sum, 1);
    for (step, expected) in golden["first_step_sums"].as_array().unwrap().iter().enumerate() {
        assert_eq!(expected, &Value::from(sums[step].clone()), "step {step}");
    }
    assert!((model.intercept - golden["intercept"].as_f64().unwrap()).abs() < 1e-15);
    let weights = golden["weights"].as_array().unwrap();
    assert_eq!(weights.len(), model.weights.len());
    for (expected, found) in weights.iter().zip(&model.weights) {
        assert!((expected.as_f64().unwrap() - found).abs() < 1e-13, "{expected} {found}");
    }
    for parts in [2, 3, 8] {
        assert_eq!(train(&plan, &people, label_sum, parts), (model.clone(), sums.clone()));
    }
    let mut turned = People::with_room(&plan.features, 0);
    for (bins, label) in rows.iter().rev() {
        let mut one = People::with_room(&plan.features, 1);
        one.add(bins, label_quanta(*label, 1));
        turned.append(one);
    }
    assert_eq!(train(&plan, &turned, label_sum, 1), (model, sums));
}

/// The reference's made-up people, by whole numbers.
fn made_up() -> Vec<(Vec<u8>, u32)> {
    let row = |i: i64| {
        let mix = |a: i64| ((i * a + 7 * 7919) * (i * 31 + a) % 10007) % 101;
        let bins = [mix(17) % 6, mix(29) % 4, mix(43) % 9, mix(59) % 3];
        let label = i64::from(bins[0] >= 3) * 40 + (bins[2] % 2) * 25 + mix(71) % 60 > 70;
        (bins.map(|bin| u8::try_from(bin).unwrap()).to_vec(), u32::from(label))
    };
    (0..500).map(row).collect()
}

#[test]
fn made_up_people_give_the_reference_s_sums_on_any_number_of_parts_and_in_any_order() {
    agrees(&golden("small"), &made_up());
}

/// The census of 1994 is not part of this repository: `GLOVEBOX_ADULT` names the bins of its 32,561 people, one line
/// for each: 12 bins and the label, as the reference numbers them.
#[test]
fn the_census_gives_the_reference_s_sums_where_it_is_at_hand() {
    let Ok(file) = env::var("GLOVEBOX_ADULT") else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let row = |line: &str| {
        let mut numbers: Vec<u8> = line.split(',').map(|number| number.parse().unwrap()).collect();
        let label = numbers.pop().unwrap();
        (numbers, u32::from(label))
    };
    agrees(&golden("adult"), &text.lines().map(row).collect::<Vec<_>>());
}

/// ρ of the older conversion at ε = 1 and δ = 10⁻⁶, by which the reference's numbers were made.
#[test]
fn the_rule_is_the_reference_s() {
    let root = |x: f64| x.sqrt();
    let ln = 1e6_f64.ln();
    let rho = (root(1.0 + ln) - root(ln)).powi(2);
    let adult = &golden("adult")["settings"];
    let found = rule(32_561, 12, rho);
    assert_eq!(found.clip, 2651);
    assert!((found.rate - adult["lr"].as_f64().unwrap()).abs() < 1e-12, "{found:?}");
    // With more people than the rate can follow, both ends hold.
    let many = rule(10_000_000, 50, rho);
    assert_eq!((many.steps, many.clip), (300, 3686));
    assert!((many.rate - 12.0 / 50.0).abs() < 1e-12);
    let few = rule(10, 50, rho);
    assert_eq!((few.steps, few.clip, few.averaged), (100, 1228, 50));
}

/// One person moves no bin but its own, and each by at most the clamp, whatever weights there are.
#[test]
fn one_person_moves_one_bin_of_each_feature_by_at_most_the_clamp() {
    let plan = plan(&golden("small"));
    let rows = made_up();
    let link = Link::new(plan.loss, plan.cap);
    let mut descent = Descent::start(plan.clone(), -4_000_000);
    for step in 0..20_i64 {
        let (plan, grid) = (descent.plan().clone(), descent.grid());
        let adding = Adding::new(&plan, &link, &grid);
        for (bins, label) in &rows[..50] {
            let mut one = People::with_room(&plan.features, 1);
            one.add(bins, label_quanta(*label, 1));
            let sums = adding.sums(&one, 0..1);
            let moved: Vec<_> = sums.iter().filter(|sum| **sum != 0).collect();
            assert!(moved.len() <= plan.features.len());
            assert!(moved.iter().all(|sum| sum.unsigned_abs() <= u64::from(plan.clip)));
        }
        // Whatever noise there was.
        let wild: Vec<i64> =
            (0..22).map(|at| (step * 37 + at * 91) % 13 * 100_000_000_000).collect();
        descent.step(&wild);
    }
}

#[test]
fn other_losses_find_what_is_there() {
    for (loss, cap) in [(Loss::Squared, 100), (Loss::Poisson, 20)] {
        let features = vec![Feature { bins: 3, is_ordered: false }];
        let plan = Plan {
            features,
            loss,
            cap,
            people: 2000,
            steps: 300,
            clip: 4096,
            rate: 0.5,
            momentum: 0.9,
            ridge: 0.0,
            averaged: 100,
        };
        let mut people = People::with_room(&plan.features, 2000);
        let labels = [(1_u8, 4_u32), (2, 12)];
        for (code, label) in labels.iter().cycle().take(2000) {
            people.add(&[*code], label_quanta(*label, cap));
        }
        let (model, _) = train(&plan, &people, 16_000, 1);
        for (code, label) in labels {
            let score = model.intercept + model.weights[usize::from(code)];
            let said = match loss {
                Loss::Squared => score * f64::from(cap),
                _ => score.exp(),
            };
            assert!((said - f64::from(label)).abs() < 0.2, "{loss:?}: {said} for {label}");
        }
    }
}
