//! Tail functions against 60-digit arithmetic; see `vectors/special.py`.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly")]

use serde_json::Value;
use statistics::special::{
    chi_square_sf, normal_sf, normal_upper_quantile, student_sf, student_upper_quantile,
};

#[test]
fn tails_agree_with_sixty_digit_arithmetic() {
    each("normal_sf", |row| close(normal_sf(row[0]), row[1]));
    each("student_sf", |row| close(student_sf(row[0], row[1]), row[2]));
    each("chi_square_sf", |row| {
        let df = (1..=1_000).find(|&df| f64::from(df) >= row[1]).unwrap();
        close(chi_square_sf(row[0], df), row[2]);
    });
}

#[test]
fn quantiles_agree_with_sixty_digit_arithmetic() {
    each("normal_upper_quantile", |row| close(normal_upper_quantile(row[0]), row[1]));
    each("student_upper_quantile", |row| close(student_upper_quantile(row[0], row[1]), row[2]));
}

#[test]
fn certainty_has_no_finite_quantile() {
    assert!(normal_upper_quantile(0.0) > f64::MAX);
    assert!(normal_upper_quantile(1.0) < f64::MIN);
    assert!(student_upper_quantile(0.0, 3.0) > f64::MAX);
    assert!(normal_upper_quantile(0.5).abs() < 1e-16);
    assert!(student_upper_quantile(0.5, 3.0).abs() < 1e-16);
    for outside in [-0.1, 1.1, f64::NAN] {
        assert!(normal_upper_quantile(outside).is_nan());
        assert!(student_upper_quantile(outside, 3.0).is_nan());
    }
}

fn close(found: f64, expected: f64) {
    let error = ((found - expected) / expected).abs();
    assert!(error <= 1e-12, "found {found:e}, expected {expected:e}, relative error {error:e}");
}

fn each(table: &str, check: impl Fn(&[f64])) {
    let vectors: Value = serde_json::from_str(include_str!("vectors/special.json")).unwrap();
    let rows = vectors[table].as_array().unwrap();
    assert!(rows.len() > 10);
    for row in rows {
        let row: Vec<f64> = row.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
        check(&row);
    }
}
