//! The noise on a total of the test and of the control arm, or of any group twice.

use super::ceiling;
use protocol::{page::number::size, proof::ErrorBar};

/// The noise in words: of both arms, where they are not alike.
pub(super) fn words(sums: &[ErrorBar; 2], unit: f64) -> String {
    let [test, control] = sums
        .map(|sum| format!("s.d. {}, within {}", size(sum.sd * unit), size(sum.half_width * unit)));
    if test == control {
        return test;
    }
    format!("in the test arm {test}; in the control arm {control}")
}

/// The noise on the total of the less exact arm.
pub(super) fn less_exact([test, control]: &[ErrorBar; 2]) -> &ErrorBar {
    if test.sd < control.sd { control } else { test }
}

/// The people of the smaller arm, or of a group, from which on noise is less than a hundredth of the cap on the mean.
pub(super) fn smallest_audience([test, control]: &[ErrorBar; 2], clamp: f64) -> i64 {
    ceiling(test.half_width.min(control.half_width) * 100.0 / clamp)
}
