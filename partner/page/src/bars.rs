//! Where a bar begins and ends, as shares of the width.

use protocol::page::{Bar, Bars};

/// A bar in a picture: all numbers are shares of the width, from 0 to 1.
pub(crate) struct Drawn {
    /// Where it begins and ends, the smaller first.
    pub(crate) ends: [f64; 2],
    /// Where its value may lie; `None` of factors, of which that is not known.
    pub(crate) range: Option<[f64; 2]>,
    /// Whether it goes on beyond the picture.
    pub(crate) goes_on: bool,
    /// Where all bars begin, if not at the left end.
    pub(crate) middle: Option<f64>,
}

/// How `bar` is drawn among `bars`.
pub(crate) fn drawn(bar: Bar, bars: &Bars) -> Drawn {
    let Bars { widest, from, .. } = *bars;
    let share = |number: f64| match from {
        Some(from) => {
            let widest = (widest / from).ln();
            if widest > 0.0 {
                (0.5 + (number / from).ln() / widest / 2.0).clamp(0.0, 1.0)
            } else {
                0.5
            }
        }
        None if widest > 0.0 => (number / widest).clamp(0.0, 1.0),
        None => 0.0,
    };
    let (start, end) = (from.map_or(0.0, share), share(bar.value));
    Drawn {
        ends: [start.min(end), start.max(end)],
        range: from.is_none().then(|| bar.range.map(share)),
        goes_on: bar.value > widest,
        middle: from.map(share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::page::Text;

    /// x 2 and x 0.5 are as far from x 1, and x 1 is no bar.
    #[test]
    fn factors_go_to_both_sides_of_the_one_that_changes_nothing() {
        let bars = Bars { widest: 4.0, from: Some(1.0), note: Text::fixed("") };
        let ends = |value| drawn(Bar { value, range: [value; 2] }, &bars).ends;
        assert_eq!(
            [2.0, 1.0, 0.5, 0.25].map(ends),
            [[0.5, 0.75], [0.5, 0.5], [0.25, 0.5], [0.0, 0.5]]
        );
        assert!(drawn(Bar { value: 5.0, range: [5.0; 2] }, &bars).goes_on);
        let bars = Bars { from: None, ..bars };
        let found = drawn(Bar { value: 2.0, range: [1.0, 3.0] }, &bars);
        assert_eq!((found.ends, found.range), ([0.0, 0.5], Some([0.25, 0.75])));
    }
}
