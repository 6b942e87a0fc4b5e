//! Interval plots: a row of text and SVG for each estimate. Positions are shares of the width, so that
//! letters keep their size on a telephone and nothing scrolls. Colours come from the page's style, so that
//! they follow its theme.

use crate::escape::{Label, Letters};
use protocol::page::{Axis as Kind, Interval, Intervals, number::fixed};
use std::fmt::{self, Write};

/// Draws a picture of intervals.
pub(crate) fn intervals(plot: &Intervals) -> Result<String, fmt::Error> {
    let words = plot
        .rows
        .iter()
        .map(|row| format!("{}: {} ({})", row.name.raw(), row.figure.raw(), row.words.raw()));
    let words = words.collect::<Vec<_>>().join("; ");
    let (title, words) = (plot.title.raw(), Letters(&words));
    let mut html = String::new();
    let label = Letters(&title);
    writeln!(html, "<div class=\"plot\" role=\"img\" aria-label=\"{label}. {words}.\">")?;
    match plot.axis {
        Kind::Own => {
            for row in &plot.rows {
                let axis = Axis::of(std::slice::from_ref(row), plot.reference);
                interval(&mut html, row, &axis)?;
                scale(&mut html, &axis)?;
            }
        }
        Kind::Shared => {
            let axis = Axis::of(&plot.rows, plot.reference);
            reference_name(&mut html, plot, &axis)?;
            plot.rows.iter().try_for_each(|row| interval(&mut html, row, &axis))?;
            scale(&mut html, &axis)?;
        }
    }
    writeln!(html, "</div>")?;
    Ok(html)
}

/// Writes one estimate: its name and figure, then its interval on the axis.
fn interval(html: &mut String, row: &Interval, axis: &Axis<'_>) -> fmt::Result {
    writeln!(
        html,
        "<div class=\"row\"><div class=\"who\"><b>{}</b> <span>{}</span></div><svg class=\"lane\">",
        Label(&row.name),
        Label(&row.figure)
    )?;
    lane(html, row, axis)?;
    writeln!(html, "</svg></div>")
}

/// Draws an interval on its axis, in whatever holds it.
pub(crate) fn lane(svg: &mut String, row: &Interval, axis: &Axis<'_>) -> fmt::Result {
    for tick in axis.ticks() {
        line(svg, "grid", [axis.x(tick); 2], ["0", "100%"])?;
    }
    line(svg, "reference", [axis.x(axis.reference); 2], ["0", "100%"])?;
    let [low, high] = row.ends.map(|end| end.map(|end| axis.x(end)));
    let class = if low.is_none() && high.is_none() { "open" } else { "ci" };
    line(svg, class, [low.unwrap_or(1.0), high.unwrap_or(99.0)], ["50%"; 2])?;
    end(svg, low, "0", "0,0 9,-6 9,6")?;
    end(svg, high, "100%", "0,0 -9,-6 -9,6")?;
    let x = axis.x(row.estimate);
    writeln!(svg, "<circle class=\"point\" cx=\"{x:.2}%\" cy=\"50%\" r=\"5.5\"/>")?;
    let Some(beside) = row.beside.map(|beside| axis.x(beside)) else { return Ok(()) };
    writeln!(
        svg,
        "<svg class=\"end\" x=\"{beside:.2}%\" y=\"50%\"><polygon class=\"beside\" points=\"0,-8 8,0 0,8 -8,0\"/></svg>"
    )
}

/// Draws a stroke at an end of the interval, or an arrow at `edge` where the interval has no end.
fn end(html: &mut String, at: Option<f64>, edge: &str, arrow: &str) -> fmt::Result {
    let (x, inside) = match at {
        Some(x) => (format!("{x:.2}%"), "<line class=\"cap\" y1=\"-6\" y2=\"6\"/>".to_owned()),
        None => (edge.to_owned(), format!("<polygon class=\"arrow\" points=\"{arrow}\"/>")),
    };
    writeln!(html, "<svg class=\"end\" x=\"{x}\" y=\"50%\">{inside}</svg>")
}

/// Writes the numbers of an axis below its rows. Where there is little room for five or more, every second one goes.
fn scale(html: &mut String, axis: &Axis<'_>) -> fmt::Result {
    write!(html, "<div class=\"row\"><div></div><svg class=\"scale\">")?;
    ticks(html, axis)?;
    writeln!(html, "</svg></div>")
}

/// Writes the numbers of an axis, in whatever holds them.
pub(crate) fn ticks(svg: &mut String, axis: &Axis<'_>) -> fmt::Result {
    let has_many = axis.ticks().nth(4).is_some();
    for (at, tick) in axis.ticks().enumerate() {
        let class = if has_many && at % 2 == 1 { "tick second" } else { "tick" };
        let (x, label) = (axis.x(tick), axis.label(tick));
        write!(svg, "<text class=\"{class}\" x=\"{x:.2}%\" y=\"14\">{label}</text>")?;
    }
    Ok(())
}

/// Writes what rows are compared with above its line: its value need not be a round number.
fn reference_name(html: &mut String, plot: &Intervals, axis: &Axis<'_>) -> fmt::Result {
    if plot.line.is_none() {
        return Ok(());
    }
    write!(html, "<div class=\"row\"><div></div><svg class=\"scale\">")?;
    line_name(html, plot, axis)?;
    writeln!(html, "</svg></div>")
}

/// Writes the name of the line that rows are compared with, in whatever holds it; nothing if it has none.
pub(crate) fn line_name(svg: &mut String, plot: &Intervals, axis: &Axis<'_>) -> fmt::Result {
    let Some(name) = &plot.line else { return Ok(()) };
    let x = axis.x(axis.reference);
    let side = match x {
        ..20.0 => " from",
        80.0.. => " upto",
        _ => "",
    };
    let name = name.raw();
    write!(svg, "<text class=\"tick{side}\" x=\"{x:.2}%\" y=\"14\">{}</text>", Letters(&name))
}

/// Draws a line. `x` are shares of the width in percent.
fn line(html: &mut String, class: &str, x: [f64; 2], y: [&str; 2]) -> fmt::Result {
    let ([x1, x2], [y1, y2]) = (x, y);
    writeln!(
        html,
        "<line class=\"{class}\" x1=\"{x1:.2}%\" x2=\"{x2:.2}%\" y1=\"{y1}\" y2=\"{y2}\"/>"
    )
}

/// A linear axis with ticks at round numbers. The reference always lies within the axis, on a tick
/// or between two.
pub(crate) struct Axis<'p> {
    unit: &'p str,
    reference: f64,
    low: f64,
    high: f64,
    step: f64,
    /// Whether numbers on the axis have a sign, as changes have.
    is_signed: bool,
}

impl<'p> Axis<'p> {
    pub(crate) fn of(rows: &'p [Interval], reference: f64) -> Self {
        let numbers = rows.iter().flat_map(|row| {
            row.ends.into_iter().chain([row.beside]).flatten().chain([row.estimate])
        });
        let (mut low, mut high) = (reference, reference);
        for number in numbers.filter(|number| number.is_finite()) {
            low = low.min(number);
            high = high.max(number);
        }
        if high - low <= 0.0 {
            (low, high) = (reference - 1.0, reference + 1.0);
        }
        let pad = (high - low) * 0.06;
        let (low, high) = (low - pad, high + pad);
        let unit = rows.first().map_or("", |row| row.unit.as_str());
        let is_signed = rows.iter().any(|row| row.figure.raw().starts_with(['+', '-']));
        Self { unit, reference, low, high, step: round_step((high - low) / 5.0), is_signed }
    }

    /// Over all of `numbers`, whatever they are compared with.
    pub(crate) fn over(numbers: impl Iterator<Item = f64>) -> Axis<'static> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for number in numbers.filter(|number| number.is_finite()) {
            low = low.min(number);
            high = high.max(number);
        }
        if high - low <= 0.0 {
            (low, high) = (low - 1.0, high + 1.0);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let pad = (high - low) * 0.06;
        let (low, high) = (low - pad, high + pad);
        let step = round_step((high - low) / 4.0);
        Axis { unit: "", reference: low, low, high, step, is_signed: false }
    }

    /// Where a number stands, as a share of the width in percent.
    pub(crate) fn x(&self, number: f64) -> f64 {
        100.0 * ((number - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    pub(crate) fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (step, high) = (self.step, self.high);
        let first = (self.low / step).ceil();
        let multiples = std::iter::successors(Some(first), |multiple| Some(multiple + 1.0));
        // Ticks are multiples of the step, not sums of it, so that 0 is exact and labels are where
        // they say.
        multiples
            .map(move |multiple| multiple * step)
            .take_while(move |tick| *tick <= high)
            .take(12)
    }

    pub(crate) fn label(&self, tick: f64) -> String {
        let mut decimals = 0;
        let mut step = self.step;
        while decimals < 8 && (step - step.round()).abs() > 1e-6 {
            step *= 10.0;
            decimals += 1;
        }
        if tick.abs() < self.step / 2.0 {
            return "0".to_owned();
        }
        let number = fixed(tick, decimals);
        let plus = if self.is_signed && tick > 0.0 { "+" } else { "" };
        format!("{plus}{number} {}", self.unit).trim_end().to_owned()
    }
}

/// The smallest of 1, 2, 5, 10, 20, .. that is at least `least`.
fn round_step(least: f64) -> f64 {
    let unit = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|m| m * unit).find(|step| *step >= least).unwrap_or(10.0 * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::page::Text;

    fn plot(reference: f64) -> Intervals {
        let row = Interval {
            name: "a".into(),
            figure: "1.2".into(),
            words: "1.1 to 1.3".into(),
            unit: String::new(),
            estimate: 1.2,
            ends: [Some(1.1), Some(1.3)],
            beside: None,
        };
        Intervals {
            title: Text::fixed("ratio"),
            rows: vec![row],
            axis: Kind::Shared,
            reference,
            line: None,
        }
    }

    /// A change is written with its sign, and a share is no change.
    #[test]
    fn numbers_of_an_axis_have_a_sign_where_the_figures_have_one() {
        let mut plot = plot(0.0);
        assert!(intervals(&plot).unwrap().contains(">0.5</text>"));
        plot.rows[0].figure = "+1.2".into();
        assert!(intervals(&plot).unwrap().contains(">+0.5</text>"));
    }

    /// What stands under a tick is where it stands, however odd the number that rows are compared with.
    #[test]
    fn ticks_stand_at_the_round_numbers_that_they_say() {
        let mut plot = plot(5.31);
        plot.rows[0].ends = [Some(2.4), Some(9.7)];
        plot.rows[0].unit = "%".to_owned();
        plot.line = Some("all: 5.31 %".into());
        let axis = Axis::of(&plot.rows, plot.reference);
        let ticks: Vec<_> = axis.ticks().map(|tick| (tick, axis.label(tick))).collect();
        let expected = [(2.0, "2 %"), (4.0, "4 %"), (6.0, "6 %"), (8.0, "8 %"), (10.0, "10 %")];
        assert_eq!(ticks, expected.map(|(tick, label)| (tick, label.to_owned())));
        let svg = intervals(&plot).unwrap();
        let x = axis.x(5.31);
        assert!(svg.contains(&format!("class=\"reference\" x1=\"{x:.2}%\"")), "{svg}");
        assert!(svg.contains(&format!("x=\"{x:.2}%\" y=\"14\">all: 5.31 %</text>")), "{svg}");
    }

    /// On a telephone, four numbers have room, and an axis with one number alone says no scale.
    #[test]
    fn only_of_many_numbers_every_second_one_may_go() {
        let mut plot = plot(0.0);
        plot.rows[0].ends = [Some(0.0), Some(3.1)];
        let axis = Axis::of(&plot.rows, 0.0);
        assert_eq!(axis.ticks().count(), 4);
        assert!(!intervals(&plot).unwrap().contains("second"));
        plot.rows[0].ends = [Some(0.0), Some(4.2)];
        assert_eq!(Axis::of(&plot.rows, 0.0).ticks().count(), 5);
        assert_eq!(intervals(&plot).unwrap().matches("tick second").count(), 2);
    }

    #[test]
    fn thousands_are_parted_on_an_axis_as_in_a_table() {
        let mut plot = plot(0.0);
        plot.rows[0].ends = [Some(900.0), Some(12_345.0)];
        assert!(intervals(&plot).unwrap().contains(">10,000</text>"));
    }

    #[test]
    fn the_reference_is_always_in_the_picture() {
        for reference in [0.0, 1.0, 7.0] {
            let svg = intervals(&plot(reference)).unwrap();
            assert_eq!(svg.matches("class=\"reference\"").count(), 1, "{svg}");
        }
    }
}
