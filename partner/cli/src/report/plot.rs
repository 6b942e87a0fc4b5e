//! Interval plots as inline SVG. Colours come from the page's style, so that they follow its theme.

use super::escape::Text;
use std::fmt::{self, Write};

/// One interval. All numbers are in the units that the axis shows.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// What it is about.
    pub(super) name: String,
    /// The estimate as written beside it.
    pub(super) figure: String,
    /// The interval as written for those who do not see the picture.
    pub(super) words: String,
    /// Unit of the axis; may be empty.
    pub(super) unit: &'static str,
    /// Where the point goes.
    pub(super) estimate: f64,
    /// Where the line ends; an end that is not there is infinite.
    pub(super) ends: [Option<f64>; 2],
}

/// A plot in which each row has its own axis.
pub(super) fn own_axes(title: &str, rows: &[Row]) -> Result<String, fmt::Error> {
    let mut svg = String::new();
    let mut top = 6.0;
    for row in rows {
        let axis = Axis::of(std::slice::from_ref(row));
        grid(&mut svg, &axis, top, top + 34.0)?;
        interval(&mut svg, row, &axis, top + 18.0)?;
        top += 74.0;
    }
    wrapped(title, rows, top - 8.0, &svg)
}

/// A plot in which all rows share one axis.
pub(super) fn shared_axis(title: &str, rows: &[Row]) -> Result<String, fmt::Error> {
    let mut svg = String::new();
    let axis = Axis::of(rows);
    let height = rows.iter().fold(8.0, |height, _| height + ROW);
    grid(&mut svg, &axis, 4.0, height)?;
    let mut middle = 28.0;
    for row in rows {
        interval(&mut svg, row, &axis, middle)?;
        middle += ROW;
    }
    wrapped(title, rows, height + 28.0, &svg)
}

fn wrapped(title: &str, rows: &[Row], height: f64, inside: &str) -> Result<String, fmt::Error> {
    let words = rows.iter().map(|row| format!("{}: {} ({})", row.name, row.figure, row.words));
    let words = words.collect::<Vec<_>>().join("; ");
    let id: String = title.chars().filter(char::is_ascii_alphabetic).take(14).collect();
    let mut svg = String::new();
    writeln!(
        svg,
        "<div class=\"wide\"><svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n\
         <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}.</desc>\n{inside}</svg></div>",
        Text(title),
        Text(&words)
    )?;
    Ok(svg)
}

fn grid(svg: &mut String, axis: &Axis, top: f64, bottom: f64) -> fmt::Result {
    for tick in axis.ticks() {
        let x = axis.x(tick);
        let class = if tick.abs() < axis.step / 2.0 { "zero" } else { "grid" };
        writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
        )?;
        let label = axis.label(tick);
        let y = bottom + 16.0;
        writeln!(svg, "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>")?;
    }
    Ok(())
}

fn interval(svg: &mut String, row: &Row, axis: &Axis, y: f64) -> fmt::Result {
    let (name_y, figure_y) = (y - 4.0, y + 18.0);
    let mut name: String = row.name.chars().take(NAME_LENGTH).collect();
    if row.name.chars().count() > NAME_LENGTH {
        name.push('\u{2026}');
    }
    writeln!(svg, "<text class=\"name\" x=\"0\" y=\"{name_y:.1}\">{}</text>", Text(&name))?;
    writeln!(
        svg,
        "<text class=\"figure\" x=\"0\" y=\"{figure_y:.1}\">{}</text>",
        Text(&row.figure)
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

/// A stroke at an end of the line, or an arrow at `edge` where there is none.
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

/// A linear axis with round ticks, which always has zero on it.
struct Axis {
    unit: &'static str,
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    fn of(rows: &[Row]) -> Self {
        let numbers =
            rows.iter().flat_map(|row| row.ends.into_iter().flatten().chain([row.estimate]));
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for number in numbers.filter(|number| number.is_finite()) {
            low = low.min(number);
            high = high.max(number);
        }
        if high - low <= 0.0 {
            (low, high) = (-1.0, 1.0);
        }
        let pad = (high - low) * 0.06;
        let (low, high) = (low - pad, high + pad);
        let unit = rows.first().map_or("", |row| row.unit);
        Self { unit, low, high, step: round_step((high - low) / 5.0) }
    }

    fn x(&self, number: f64) -> f64 {
        let share = (number - self.low) / (self.high - self.low);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (step, high) = (self.step, self.high);
        let first = (self.low / step).ceil();
        let multiples = std::iter::successors(Some(first), |multiple| Some(multiple + 1.0));
        // Multiples rather than sums, so that the tick at zero is zero.
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
        format!("{tick:+.decimals$} {}", self.unit).trim_end().to_owned()
    }
}

/// The smallest of 1, 2, 5, 10, 20, .. that is at least `least`.
fn round_step(least: f64) -> f64 {
    let unit = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|m| m * unit).find(|step| *step >= least).unwrap_or(10.0 * unit)
}

/// Height of a row on a shared axis: two lines of letters, large ones on a telephone.
const ROW: f64 = 52.0;
const WIDTH: f64 = 720.0;
const LEFT: f64 = 150.0;
/// Leaves room for half of a label.
const RIGHT: f64 = 690.0;
const NAME_LENGTH: usize = 18;
