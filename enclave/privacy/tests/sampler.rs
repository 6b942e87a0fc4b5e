//! The sampler against published probabilities and against another implementation.
//!
//! Seeds are fixed; a fresh seed would fail with probability below 10⁻⁹ for each comparison.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use privacy::sampler::{Exact, Noise, Scale, Variance};
use serde_json::Value;

fn sample(mechanism: &str, width: f64, noise: &mut Exact) -> i64 {
    match mechanism {
        "discrete_gaussian" => noise.gaussian(Variance::rounded_up(width).unwrap()),
        "discrete_laplace" => noise.laplace(Scale::rounded_up(width).unwrap()),
        other => unreachable!("{other}"),
    }
}

fn number(case: &Value, name: &str) -> Option<f64> {
    let value = case.get(name)?;
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[expect(clippy::as_conversions, reason = "rounding to nearest is meant")]
fn real(draw: i64) -> f64 {
    draw as f64
}

/// Variance within 2 % over a million draws, or six standard errors of such a sample where that is
/// more: the narrowest noise is nearly always 0.
#[test]
fn draws_have_the_published_variance_and_probabilities() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/sampler.json")).unwrap();
    let mut noise = Exact::from_seed([21; 32]);
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 8);
    for case in cases {
        let kind = case["kind"].as_str().unwrap();
        let width = number(case, "sigma2").or_else(|| number(case, "scale_t")).unwrap();
        let (mut square, mut fourth) = (0.0, 0.0);
        let mut hits = [0.0; 3];
        for _ in 0..MILLION {
            let x = sample(kind, width, &mut noise);
            square += real(x).powi(2);
            fourth += real(x).powi(4);
            let seen = [x == 0, x == 1, x >= 10];
            hits.iter_mut().zip(seen).for_each(|(hits, seen)| *hits += f64::from(u8::from(seen)));
        }
        let n = f64::from(MILLION);
        let (variance, fourth) = (square / n, fourth / n);
        let published = number(case, "variance").unwrap();
        let six_errors = 6.0 * ((fourth - variance * variance) / n).sqrt() / published;
        let off = (variance / published - 1.0).abs();
        assert!(off < six_errors.max(0.02), "{kind} {width}: variance {variance}, {published}");
        for (hits, name) in hits.into_iter().zip(["p0", "p1", "tail_ge_10"]) {
            let Some(p) = number(case, name) else { continue };
            // Bernstein: beyond the normal part, rare events have a Poisson tail.
            let slack = 6.5 * (n * p * (1.0 - p)).sqrt() + 15.0;
            assert!((hits - n * p).abs() < slack, "{kind} {width}: {name} {hits}, {}", n * p);
        }
    }
}

/// Pearson's χ² of two samples; see the sampler's own tests for the threshold (10⁻⁹).
#[test]
fn draws_are_distributed_as_those_of_opendp() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/opendp.json")).unwrap();
    let draws = vectors["draws"].as_u64().unwrap();
    let mut noise = Exact::from_seed([22; 32]);
    for case in vectors["cases"].as_array().unwrap() {
        let mechanism = case["mechanism"].as_str().unwrap();
        let scale = case["scale"].as_f64().unwrap();
        let width = if mechanism == "discrete_gaussian" { scale * scale } else { scale };
        let theirs = case["counts"].as_object().unwrap().iter();
        let theirs = theirs.map(|(x, n)| (x.parse::<i64>().unwrap(), n.as_f64().unwrap()));
        let mut both: BTreeMap<i64, (f64, f64)> = theirs.map(|(x, n)| (x, (n, 0.0))).collect();
        for _ in 0..draws {
            both.entry(sample(mechanism, width, &mut noise)).or_default().1 += 1.0;
        }
        let (mut statistic, mut cells, mut rare) = (0.0, 0.0, (0.0, 0.0));
        for (theirs, ours) in both.into_values() {
            if theirs + ours < 50.0 {
                rare = (rare.0 + theirs, rare.1 + ours);
            } else {
                statistic += f64::powi(theirs - ours, 2) / (theirs + ours);
                cells += 1.0;
            }
        }
        statistic += f64::powi(rare.0 - rare.1, 2) / f64::max(rare.0 + rare.1, 50.0);
        let threshold = cells + 2.0 * (cells * 20.8_f64).sqrt() + 2.0 * 20.8;
        assert!(statistic < threshold, "{mechanism} {scale}: χ² {statistic}, {cells} cells");
    }
}

const MILLION: u32 = 1_000_000;
