//! Interval plots as inline SVG. Colours come from the page's style, so that they follow its theme.

use crate::escape::Letters;
use protocol::page::{Axis as Kind, Interval, Intervals, number::fixed};
use std::fmt::{self, Write};

/// Draws a picture of intervals, the `number`th of its page.
pub(crate) fn intervals(plot: &Intervals, number: usize) -> Result<String, fmt::Error> {
    let (svg, height) = match plot.axis {
        Kind::Own => own_axes(plot)?,
        Kind::Shared => shared_axis(plot)?,
    };
    wrapped(plot, number, height, &svg)
}

/// Draws each row on its own axis.
fn own_axes(plot: &Intervals) -> Result<(String, f64), fmt::Error> {
    let mut svg = String::new();
    let mut top = 6.0;
    for row in &plot.rows {
        let axis = Axis::of(std::slice::from_ref(row), plot.reference);
        grid(&mut svg, &axis, top, top + 34.0)?;
        reference(&mut svg, plot, &axis, top, top + 34.0)?;
        interval(&mut svg, row, &axis, top + 18.0)?;
        top += 74.0;
    }
    Ok((svg, top - 8.0))
}

/// Draws all rows on one axis.
fn shared_axis(plot: &Intervals) -> Result<(String, f64), fmt::Error> {
    let mut svg = String::new();
    let axis = Axis::of(&plot.rows, plot.reference);
    let top = if plot.line.is_some() { 20.0 } else { 4.0 };
    let height = plot.rows.iter().fold(top + 4.0, |height, _| height + ROW);
    grid(&mut svg, &axis, top, height)?;
    reference(&mut svg, plot, &axis, top, height)?;
    let mut middle = top + 24.0;
    for row in &plot.rows {
        interval(&mut svg, row, &axis, middle)?;
        middle += ROW;
    }
    Ok((svg, height + 28.0))
}

fn wrapped(
    plot: &Intervals,
    number: usize,
    height: f64,
    inside: &str,
) -> Result<String, fmt::Error> {
    let words = plot
        .rows
        .iter()
        .map(|row| format!("{}: {} ({})", row.name.raw(), row.figure.raw(), row.words.raw()));
    let words = words.collect::<Vec<_>>().join("; ");
    let id = format!("picture-{number}");
    let mut svg = String::new();
    writeln!(
        svg,
        "<div class=\"wide\"><svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-labelledby=\"{id}-t {id}-d\">\n<title id=\"{id}-t\">{}</title>\n\
         <desc id=\"{id}-d\">{}.</desc>\n{inside}</svg></div>",
        Letters(&plot.title.raw()),
        Letters(&words)
    )?;
    Ok(svg)
}

fn grid(svg: &mut String, axis: &Axis<'_>, top: f64, bottom: f64) -> fmt::Result {
    for tick in axis.ticks() {
        let x = axis.x(tick);
        writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
        )?;
        let label = axis.label(tick);
        let y = bottom + 16.0;
        writeln!(svg, "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>")?;
    }
    Ok(())
}

/// Draws the line that rows are compared with, and its value above it: the value need not be a
/// round number.
fn reference(
    svg: &mut String,
    plot: &Intervals,
    axis: &Axis<'_>,
    top: f64,
    bottom: f64,
) -> fmt::Result {
    let x = axis.x(axis.reference);
    writeln!(
        svg,
        "<line class=\"reference\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
    )?;
    let Some(line) = &plot.line else { return Ok(()) };
    let (x, y) = (x.clamp(LEFT + 40.0, RIGHT - 40.0), top - 5.0);
    let line = line.raw();
    writeln!(svg, "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", Letters(&line))
}

fn interval(svg: &mut String, row: &Interval, axis: &Axis<'_>, y: f64) -> fmt::Result {
    let (name_y, figure_y) = (y - 4.0, y + 18.0);
    let whole = row.name.raw();
    let mut name: String = whole.chars().take(NAME_LENGTH).collect();
    if whole.chars().count() > NAME_LENGTH {
        name.push('\u{2026}');
    }
    writeln!(svg, "<text class=\"name\" x=\"0\" y=\"{name_y:.1}\">{}</text>", Letters(&name))?;
    writeln!(
        svg,
        "<text class=\"figure\" x=\"0\" y=\"{figure_y:.1}\">{}</text>",
        Letters(&row.figure.raw())
    )?;
    let [low, high] = row.ends.map(|end| end.map(|end| axis.x(end)));
    let (left, right) = (low.unwrap_or(LEFT + 4.0), high.unwrap_or(RIGHT - 4.0));
    let class = if low.is_none() && high.is_none() { "open" } else { "ci" };
    writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
    )?;
    end(svg, low, LEFT, 9.0, y)?;
    end(svg, high, RIGHT, -9.0, y)?;
    let x = axis.x(row.estimate);
    writeln!(svg, "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.5\"/>")
}

/// Draws a stroke at an end of the interval, or an arrow at `edge` where the interval has no end.
fn end(svg: &mut String, at: Option<f64>, edge: f64, back: f64, y: f64) -> fmt::Result {
    let (top, bottom) = (y - 6.0, y + 6.0);
    if let Some(x) = at {
        return writeln!(
            svg,
            "<line class=\"cap\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
        );
    }
    let base = edge + back;
    writeln!(
        svg,
        "<polygon class=\"arrow\" points=\"{edge:.1},{y:.1} {base:.1},{top:.1} {base:.1},{bottom:.1}\"/>"
    )
}

/// A linear axis with ticks at round numbers. The reference always lies within the axis, on a tick
/// or between two.
struct Axis<'p> {
    unit: &'p str,
    reference: f64,
    low: f64,
    high: f64,
    step: f64,
    /// Whether numbers on the axis have a sign, as changes have.
    is_signed: bool,
}

impl<'p> Axis<'p> {
    fn of(rows: &'p [Interval], reference: f64) -> Self {
        let numbers =
            rows.iter().flat_map(|row| row.ends.into_iter().flatten().chain([row.estimate]));
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

    fn x(&self, number: f64) -> f64 {
        let share = (number - self.low) / (self.high - self.low);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
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

    fn label(&self, tick: f64) -> String {
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

/// Height of a row on a shared axis: two lines of letters, which are large on a telephone.
const ROW: f64 = 52.0;
const WIDTH: f64 = 720.0;
const LEFT: f64 = 150.0;
/// Right end of the axis, which leaves room for half of a label.
const RIGHT: f64 = 690.0;
const NAME_LENGTH: usize = 18;

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
        assert!(intervals(&plot, 1).unwrap().contains(">0.5</text>"));
        plot.rows[0].figure = "+1.2".into();
        assert!(intervals(&plot, 1).unwrap().contains(">+0.5</text>"));
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
        let svg = intervals(&plot, 1).unwrap();
        let x = axis.x(5.31);
        assert!(svg.contains(&format!("class=\"reference\" x1=\"{x:.1}\"")), "{svg}");
        assert!(svg.contains(&format!("x=\"{x:.1}\" y=\"15.0\">all: 5.31 %</text>")), "{svg}");
    }

    #[test]
    fn thousands_are_parted_on_an_axis_as_in_a_table() {
        let mut plot = plot(0.0);
        plot.rows[0].ends = [Some(900.0), Some(12_345.0)];
        assert!(intervals(&plot, 1).unwrap().contains(">10,000</text>"));
    }

    #[test]
    fn the_reference_is_always_in_the_picture() {
        for reference in [0.0, 1.0, 7.0] {
            let svg = intervals(&plot(reference), 1).unwrap();
            assert_eq!(svg.matches("class=\"reference\"").count(), 1, "{svg}");
        }
    }
}
