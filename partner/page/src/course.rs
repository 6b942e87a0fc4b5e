//! An amount over time, as steps. Positions are shares of width and height, so that lines keep their width on a telephone.

use crate::escape::{Label, Letters};
use protocol::{
    page::{Course, number::moment},
    time::Time,
};
use std::fmt::{self, Write};

/// Draws a course. Each change is one step, and nothing is drawn that is no change.
pub(crate) fn course(course: &Course) -> Result<String, fmt::Error> {
    let mut html = String::new();
    let (title, words) = (course.title.raw(), course.words.raw());
    let label = format!("{title}. {words}");
    writeln!(html, "<p><b>{}</b></p>", Label(&course.title))?;
    writeln!(html, "<svg class=\"course\" role=\"img\" aria-label=\"{}\">", Letters(&label))?;
    let changed = course.changes.iter().map(|change| change.amount);
    let top = changed.fold(course.most, f64::max) * HEADROOM;
    let y =
        |amount: f64| 100.0 * (1.0 - if top > 0.0 { (amount / top).clamp(0.0, 1.0) } else { 0.0 });
    let x = |time: Time| 100.0 * share(course.span, time);
    let ends = course.changes.iter().skip(1).map(|change| change.time).chain([course.span[1]]);
    let mut before = y(0.0);
    for (change, end) in course.changes.iter().zip(ends) {
        let (from, to, height) = (x(change.time), x(end), y(change.amount));
        let (width, depth) = ((to - from).max(0.0), 100.0 - height);
        writeln!(
            html,
            "<rect class=\"area\" x=\"{from:.2}%\" y=\"{height:.2}%\" width=\"{width:.2}%\" height=\"{depth:.2}%\"/>\
             <line class=\"path\" x1=\"{from:.2}%\" x2=\"{from:.2}%\" y1=\"{before:.2}%\" y2=\"{height:.2}%\"/>\
             <line class=\"path\" x1=\"{from:.2}%\" x2=\"{to:.2}%\" y1=\"{height:.2}%\" y2=\"{height:.2}%\"/>"
        )?;
        before = height;
    }
    let line = y(course.most);
    writeln!(
        html,
        "<line class=\"reference\" x1=\"0%\" x2=\"100%\" y1=\"100%\" y2=\"100%\"/>\
         <line class=\"most\" x1=\"0%\" x2=\"100%\" y1=\"{line:.2}%\" y2=\"{line:.2}%\"/>\
         <text class=\"tick from\" x=\"0\" y=\"{line:.2}%\" dy=\"-5\">{}</text></svg>",
        Label(&course.line)
    )?;
    let [first, last] = course.span.map(moment);
    writeln!(html, "<p class=\"days\"><span>{first}</span><span>{last}</span></p>")?;
    Ok(html)
}

/// Where a time lies between two others.
fn share([first, last]: [Time; 2], time: Time) -> f64 {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "drawn for people")]
    let span = |from: Time, to: Time| to.0.saturating_sub(from.0) as f64;
    let whole = span(first, last);
    if whole > 0.0 { (span(first, time) / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// Room above the highest amount, for the words at its line.
const HEADROOM: f64 = 1.2;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::page::{Change, Text};

    #[test]
    fn every_change_is_a_step_at_its_time_and_height() {
        let change = |time, amount| Change { time: Time(time), amount };
        let drawn = course(&Course {
            title: Text::quoted("<b>"),
            words: "two".into(),
            changes: vec![change(25, 30.0), change(50, 60.0)],
            span: [Time(0), Time(100)],
            most: 100.0,
            line: "all".into(),
        });
        let drawn = drawn.unwrap();
        assert_eq!(drawn.matches("class=\"area\"").count(), 2);
        // 30 of 120 is a quarter of the height, and 25 of 100 of the width.
        assert!(
            drawn.contains("x=\"25.00%\" y=\"75.00%\" width=\"25.00%\" height=\"25.00%\""),
            "{drawn}"
        );
        assert!(
            drawn.contains("x=\"50.00%\" y=\"50.00%\" width=\"50.00%\" height=\"50.00%\""),
            "{drawn}"
        );
        assert!(
            !drawn.contains("<b><b>") && drawn.contains("aria-label=\"&lt;b&gt;. two\""),
            "{drawn}"
        );
    }
}
