//! Lines over time. Lines and areas are drawn in shares of a stretched field, letters beside them in their own size, so that
//! nothing scrolls on a telephone. Colours come from the page's style.

use crate::{
    escape::{Label, Letters},
    plot::Axis,
};
use protocol::page::{Line, Series};
use std::fmt::{self, Write};

/// Draws lines over time, with their names.
pub(crate) fn figure(series: &Series) -> Result<String, fmt::Error> {
    let title = series.title.raw();
    let words = named(series).map(|(_, line)| format!("{}: {}", line.name.raw(), line.words.raw()));
    let (label, words) = (Letters(&title), words.join("; "));
    let mut html = String::new();
    writeln!(
        html,
        "<div class=\"plot\" role=\"img\" aria-label=\"{label}. {}.\">",
        Letters(&words)
    )?;
    for (class, line) in named(series) {
        let class = class.trim_start_matches("name-");
        writeln!(
            html,
            "<p class=\"key\"><svg class=\"swatch\"><line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"50%\" \
             y2=\"50%\"/></svg>{} <span>{}</span></p>",
            Label(&line.name),
            Label(&line.words)
        )?;
    }
    write!(html, "<svg class=\"field\">")?;
    field(&mut html, series)?;
    write!(html, "</svg><svg class=\"scale\">")?;
    names(&mut html, series)?;
    writeln!(html, "</svg></div>")?;
    Ok(html)
}

/// The lines, each with the class of its name.
pub(crate) fn named(series: &Series) -> [(&'static str, &Line); 2] {
    [("name-seen", &series.seen), ("name-other", &series.other)]
}

/// Draws lines, band and mark, in whatever holds them.
pub(crate) fn field(svg: &mut String, series: &Series) -> fmt::Result {
    let lines = named(series);
    let values = lines.iter().flat_map(|(_, line)| line.values.iter().copied());
    let axis = Axis::over(values.chain(series.band.iter().flatten().copied()));
    let y = |number: f64| 100.0 - axis.x(number);
    let start = x(series, series.marked);
    if series.marked < series.periods.len() {
        let width = 100.0 - start;
        writeln!(
            svg,
            "<rect class=\"marked\" x=\"{start:.2}%\" width=\"{width:.2}%\" y=\"0\" height=\"100%\"/>"
        )?;
    }
    for tick in axis.ticks() {
        let y = y(tick);
        writeln!(svg, "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.2}%\" y2=\"{y:.2}%\"/>")?;
    }
    writeln!(
        svg,
        "<svg x=\"0\" y=\"0\" width=\"100%\" height=\"100%\" viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\">"
    )?;
    band(svg, series, &y)?;
    for (class, line) in lines {
        let points = line.values.iter().enumerate();
        let points = points.map(|(at, value)| format!("{:.2},{:.2}", x(series, at), y(*value)));
        let points = points.collect::<Vec<_>>().join(" ");
        let class = class.trim_start_matches("name-");
        writeln!(svg, "<polyline class=\"{class}\" points=\"{points}\"/>")?;
    }
    writeln!(svg, "</svg>")?;
    for tick in axis.ticks() {
        let (y, label) = (y(tick), axis.label(tick));
        write!(svg, "<text class=\"tick from\" x=\"2\" y=\"{y:.2}%\" dy=\"-3\">{label}</text>")?;
    }
    Ok(())
}

/// The area around the other line.
fn band(svg: &mut String, series: &Series, y: &dyn Fn(f64) -> f64) -> fmt::Result {
    let first = series.other.values.len().saturating_sub(series.band.len());
    let ends = (first..).zip(&series.band);
    let low = ends.clone().map(|(at, [low, _])| (at, *low));
    let high = ends.map(|(at, [_, high])| (at, *high));
    let around: Vec<_> = low.chain(high.collect::<Vec<_>>().into_iter().rev()).collect();
    if around.is_empty() {
        return Ok(());
    }
    let points = around.iter().map(|(at, end)| format!("{:.2},{:.2}", x(series, *at), y(*end)));
    let points = points.collect::<Vec<_>>().join(" ");
    writeln!(svg, "<polygon class=\"band\" points=\"{points}\"/>")
}

/// Writes the names of the first, the first marked and the last period below the field.
pub(crate) fn names(svg: &mut String, series: &Series) -> fmt::Result {
    let last = series.periods.len().saturating_sub(1);
    let mut name = |at: usize, side: &str, words: &str| -> fmt::Result {
        let Some(period) = series.periods.get(at) else { return Ok(()) };
        let (x, period) = (x(series, at), period.raw());
        let words = format!("{words}{period}");
        write!(svg, "<text class=\"tick{side}\" x=\"{x:.2}%\" y=\"14\">{}</text>", Letters(&words))
    };
    name(0, " from", "")?;
    if series.marked > 0 && series.marked < last {
        name(series.marked, "", &format!("{} ", series.mark.raw()))?;
    }
    if last > 0 { name(last, " upto second", "") } else { Ok(()) }
}

/// Where a period stands, as a share of the width in percent.
fn x(series: &Series, at: usize) -> f64 {
    let last = series.periods.len().saturating_sub(1).max(1);
    let [at, last] = [at, last].map(|place| u32::try_from(place).map_or(f64::MAX, f64::from));
    100.0 * (at / last).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::page::Text;

    #[test]
    fn the_test_is_marked_and_what_others_chose_stays_text() {
        let line = |name: &str, values: &[f64]| Line {
            name: Text::quoted(name),
            values: values.to_vec(),
            words: "1 before".into(),
        };
        let series = Series {
            title: "Sales".into(),
            periods: ["a", "b", "c", "d", "e"].map(Text::quoted).to_vec(),
            seen: line("<b>", &[1.0, 2.0, 3.0, 4.0, 5.0]),
            other: line("control", &[1.0, 2.0, 3.0, 3.0, 3.0]),
            band: vec![[2.0, 4.0], [2.0, 4.0]],
            marked: 3,
            mark: "test from".into(),
        };
        let drawn = figure(&series).unwrap();
        assert!(drawn.contains("&lt;b&gt;") && !drawn.contains("<b>"), "{drawn}");
        assert!(drawn.contains("<rect class=\"marked\" x=\"75.00%\" width=\"25.00%\""), "{drawn}");
        assert!(drawn.contains(">test from d</text>"), "{drawn}");
        let band = drawn.split("class=\"band\" points=\"").nth(1).unwrap();
        assert_eq!(band.split('"').next().unwrap().split(' ').count(), 4, "{drawn}");
        let empty = Series { periods: Vec::new(), band: Vec::new(), ..series };
        assert!(!figure(&empty).unwrap().contains("NaN"));
    }
}
