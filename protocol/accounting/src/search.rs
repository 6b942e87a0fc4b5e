//! Minima and roots of functions of one variable.

/// Where `f` is smallest between `low` and `high`, by golden sections; `f` should fall, then rise.
///
/// Callers evaluate a bound that holds at *every* point, so a poor point costs accuracy only.
pub(super) fn minimum(f: impl Fn(f64) -> f64, low: f64, high: f64, sections: u32) -> f64 {
    let (mut low, mut high) = (low, high);
    let mut left = high - GOLDEN * (high - low);
    let mut right = low + GOLDEN * (high - low);
    let (mut at_left, mut at_right) = (f(left), f(right));
    for _ in 0..sections {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = f(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = f(right);
        }
    }
    if at_left <= at_right { left } else { right }
}

/// The two neighbouring numbers, or nearly, between which `holds` turns from false to true.
///
/// Takes for granted that it is false at `low` and true at `high`; `high` side is returned.
pub(super) fn first_true(holds: impl Fn(f64) -> bool, low: f64, high: f64) -> f64 {
    let (mut low, mut high) = (low, high);
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

const GOLDEN: f64 = 0.618_033_988_749_894_9;
