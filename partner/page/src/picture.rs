//! The pictures of a page as one file of SVG, for a slide: with its title, its answer, its warnings and its receipt, so that
//! none of them is lost where the picture goes.

use crate::{
    bars::{self, Drawn},
    escape::Letters,
    lettering::{BODY, BOLD, FIGURE, FOOT, Lettering, NAME, NAME_OF_LINE, TITLE},
    plot::{self, Axis},
    series,
};
use protocol::page::{self, Bar, Bars, Block, Intervals, Page, Row, Series, Severity, Table, Text};
use std::fmt::{self, Write};

/// Draws the pictures of `page`, with `foot` below; `None` if the page has no picture.
///
/// The file stands alone: it loads nothing, runs nothing, and is light whatever the theme, as slides are. Its letters are those of the
/// machine that shows it. Where a page has more pictures than a slide holds, the first ones are drawn, and how many are not is said.
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn svg(page: &Page, foot: &str) -> Result<Option<String>, fmt::Error> {
    let mut sheet = Sheet::default();
    sheet.head(page)?;
    let (mut pictures, mut left) = (0_usize, 0_usize);
    for section in &page.sections {
        // Of several tables in a section, the heading above each says of what it is.
        let mut heading = section.heading.raw();
        for block in &section.blocks {
            match block {
                Block::Heading(text) => {
                    heading = text.raw();
                    continue;
                }
                Block::Intervals(_) | Block::Series(_) => {}
                Block::Table(found) if found.bars.is_some() => {}
                _ => continue,
            }
            if pictures > 0 && sheet.y > FULL {
                left += 1;
                continue;
            }
            match block {
                Block::Intervals(found) => sheet.intervals(found)?,
                Block::Series(found) => sheet.series(found)?,
                Block::Table(found) => sheet.bars(found, &heading)?,
                _ => continue,
            }
            pictures += 1;
        }
    }
    if left > 0 {
        sheet.room(14.0);
        let more = format!(
            "There is room for no more on a slide: the page has {left} more of these pictures."
        );
        sheet.text("notice", &more, BODY)?;
    }
    if pictures == 0 {
        return Ok(None);
    }
    sheet.room(16.0);
    sheet.text("foot", foot, FOOT)?;
    let (title, height) = (page.about.raw(), sheet.y + MARGIN);
    Ok(Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
         height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\n{}</svg>\n",
        Letters(&title),
        sheet.drawn
    )))
}

/// A drawing that grows downwards.
#[derive(Default)]
struct Sheet {
    drawn: String,
    /// How far down it is drawn.
    y: f64,
    /// What was said last of how bars are read: tables in a row say the same.
    noted: String,
}

impl Sheet {
    fn head(&mut self, page: &Page) -> fmt::Result {
        self.room(MARGIN);
        for banner in page.banners.iter().chain(&page.doubts) {
            let reasons = Text::list(banner.reasons.iter().cloned(), " ");
            let said = format!("{} {}", banner.headline.raw(), reasons.raw());
            let class = if banner.severity == Severity::Notice { "notice" } else { "warning" };
            self.text(class, said.trim_end(), BOLD)?;
        }
        self.room(6.0);
        self.text("title", &page.title.raw(), TITLE)?;
        for page::Statement { name, text } in &page.answer {
            let name = name.as_ref().map(|name| format!("{} ", name.raw())).unwrap_or_default();
            self.text("body", &format!("{name}{}", text.raw()), BODY)?;
        }
        Ok(())
    }

    fn intervals(&mut self, plot: &Intervals) -> fmt::Result {
        self.room(14.0);
        self.text("heading", &plot.title.raw(), BOLD)?;
        match plot.axis {
            page::Axis::Own => {
                for row in &plot.rows {
                    let axis = Axis::of(std::slice::from_ref(row), plot.reference);
                    self.interval(row, &axis)?;
                    self.strip(|svg| plot::ticks(svg, &axis))?;
                }
            }
            page::Axis::Shared => {
                let axis = Axis::of(&plot.rows, plot.reference);
                if plot.line.is_some() {
                    self.strip(|svg| plot::line_name(svg, plot, &axis))?;
                }
                plot.rows.iter().try_for_each(|row| self.interval(row, &axis))?;
                self.strip(|svg| plot::ticks(svg, &axis))?;
            }
        }
        Ok(())
    }

    fn interval(&mut self, row: &page::Interval, axis: &Axis<'_>) -> fmt::Result {
        let figure = format!("{} ({})", row.figure.raw(), row.words.raw());
        self.lane(&row.name.raw(), &figure, |svg| plot::lane(svg, row, axis))
    }

    /// Lines over time, over the whole width.
    fn series(&mut self, found: &Series) -> fmt::Result {
        self.room(14.0);
        self.text("heading", &found.title.raw(), BOLD)?;
        for (class, line) in series::named(found) {
            self.text(class, &format!("{} ({})", line.name.raw(), line.words.raw()), NAME_OF_LINE)?;
        }
        let (y, width) = (self.y, WIDTH - 2.0 * MARGIN);
        write!(
            self.drawn,
            "<svg class=\"lane\" x=\"{MARGIN}\" y=\"{y:.1}\" width=\"{width}\" height=\"{FIELD}\">"
        )?;
        series::field(&mut self.drawn, found)?;
        writeln!(self.drawn, "</svg>")?;
        self.room(FIELD);
        let y = self.y;
        write!(
            self.drawn,
            "<svg class=\"scale\" x=\"{MARGIN}\" y=\"{y:.1}\" width=\"{width}\" height=\"20\">"
        )?;
        series::names(&mut self.drawn, found)?;
        writeln!(self.drawn, "</svg>")?;
        self.room(22.0);
        Ok(())
    }

    fn bars(&mut self, table: &Table, heading: &str) -> fmt::Result {
        self.room(14.0);
        self.text("heading", heading, BOLD)?;
        let headings = table.names.iter().map(Text::raw).collect::<Vec<_>>().join(", ");
        let shown = table.figures.iter().map(Text::raw).collect::<Vec<_>>().join("; ");
        self.text("notice", &format!("{headings}: {shown}"), BODY)?;
        let Some(bars) = &table.bars else { return Ok(()) };
        for Row { names, figures, bar, .. } in &table.rows {
            let Some(bar) = bar else { continue };
            let name = names.iter().map(Text::raw).collect::<Vec<_>>().join(", ");
            let figures = figures.iter().map(Text::raw).collect::<Vec<_>>().join("; ");
            self.lane(&name, &figures, |svg| draw_bar(svg, *bar, bars))?;
        }
        let note = bars.note.raw();
        if note == self.noted {
            return Ok(());
        }
        self.text("foot", &note, FOOT)?;
        self.noted = note;
        Ok(())
    }

    /// A name and a figure, and beside them what `draw` draws.
    fn lane(
        &mut self,
        name: &str,
        figure: &str,
        draw: impl FnOnce(&mut String) -> fmt::Result,
    ) -> fmt::Result {
        let top = self.y;
        self.room(4.0);
        self.lines("name", name, NAME)?;
        self.lines("figure", figure, FIGURE)?;
        let height = (self.y - top + 4.0).max(LANE);
        write!(
            self.drawn,
            "<svg class=\"lane\" x=\"{PLOT}\" y=\"{top:.1}\" width=\"{PLOT_WIDTH}\" height=\"{height:.1}\">"
        )?;
        draw(&mut self.drawn)?;
        writeln!(self.drawn, "</svg>")?;
        self.y = top + height;
        Ok(())
    }

    /// A strip below or above lanes, for the words of their axis.
    fn strip(&mut self, draw: impl FnOnce(&mut String) -> fmt::Result) -> fmt::Result {
        let y = self.y;
        write!(
            self.drawn,
            "<svg class=\"scale\" x=\"{PLOT}\" y=\"{y:.1}\" width=\"{PLOT_WIDTH}\" height=\"20\">"
        )?;
        draw(&mut self.drawn)?;
        writeln!(self.drawn, "</svg>")?;
        self.room(22.0);
        Ok(())
    }

    fn text(&mut self, class: &str, text: &str, line: Lettering) -> fmt::Result {
        self.lines(class, text, line)?;
        self.room(line.height * 0.3);
        Ok(())
    }

    /// Text in as many lines as it takes, since SVG breaks none.
    fn lines(&mut self, class: &str, text: &str, line: Lettering) -> fmt::Result {
        for words in line.broken(text) {
            self.room(line.height);
            let (y, words) = (self.y, Letters(&words).to_string());
            writeln!(
                self.drawn,
                "<text class=\"{class}\" x=\"{MARGIN}\" y=\"{y:.1}\">{words}</text>"
            )?;
        }
        Ok(())
    }

    fn room(&mut self, height: f64) {
        self.y += height;
    }
}

/// Draws a bar, with its range across its end.
fn draw_bar(svg: &mut String, bar: Bar, bars: &Bars) -> fmt::Result {
    let Drawn { ends: [start, end], range, goes_on, middle } = bars::drawn(bar, bars);
    let (x, width) = (100.0 * start, 100.0 * (end - start));
    write!(
        svg,
        "<rect class=\"bar\" x=\"{x:.2}%\" y=\"20%\" width=\"{width:.2}%\" height=\"60%\"/>"
    )?;
    if let Some([low, high]) = range.map(|range| range.map(|share| 100.0 * share)) {
        write!(
            svg,
            "<line class=\"range\" x1=\"{low:.2}%\" x2=\"{high:.2}%\" y1=\"50%\" y2=\"50%\"/>"
        )?;
    }
    if let Some(middle) = middle.map(|share| 100.0 * share) {
        write!(
            svg,
            "<line class=\"reference\" x1=\"{middle:.2}%\" x2=\"{middle:.2}%\" y1=\"0\" y2=\"100%\"/>"
        )?;
    }
    // The bar goes on beyond the picture, and a gap shows that.
    let gap = if goes_on {
        "<svg class=\"end\" x=\"92%\"><path class=\"gap\" d=\"M0 0h6l-6 46h-6z\"/></svg>"
    } else {
        ""
    };
    write!(svg, "{gap}")
}

/// Width of the drawing, and where lanes begin in it: `lettering.rs` has the room that is left for letters.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 32.0;
const PLOT: f64 = 270.0;
const PLOT_WIDTH: f64 = 640.0;
const LANE: f64 = 46.0;
/// Height of lines over time.
const FIELD: f64 = 260.0;
/// Where a slide is full.
const FULL: f64 = 1100.0;
/// Colours are written out, since few programs that take SVG know variables.
const STYLE: &str = include_str!("picture.css");

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::page::{Bars, Line, Section, Topic};

    fn page(value: f64) -> Page {
        let bar = Some(Bar { value, range: [1.0, 3.0] });
        let row = Row { bar, ..Row::new(Text::quoted("<b>"), vec!["2".into()]) };
        let table = Table {
            names: vec!["Bin".into()],
            figures: vec!["Odds".into()],
            rows: vec![row],
            bars: Some(Bars { widest: 4.0, from: None, note: "note".into() }),
        };
        let section = Section::new(Topic::Figures, "Figures".into());
        let section = section.with(Block::Heading("age".into())).with(Block::Table(table));
        Page { sections: vec![section], ..Page::default() }
    }

    #[test]
    fn a_table_keeps_its_heading_and_what_others_chose_stays_text() {
        let drawn = svg(&page(2.0), "foot").unwrap().unwrap();
        assert!(drawn.contains(">age</text>") && drawn.contains("&lt;b&gt;"), "{drawn}");
        assert!(drawn.contains("width=\"50.00%\"") && !drawn.contains("class=\"gap\""), "{drawn}");
        assert!(svg(&page(5.0), "foot").unwrap().unwrap().contains("class=\"gap\""));
        assert_eq!(svg(&Page::default(), "foot"), Ok(None));
    }

    /// Of tables without a heading of their own, the section says of what they are.
    #[test]
    fn a_table_without_a_heading_has_that_of_its_section_and_a_slide_has_an_end() {
        let mut page = page(2.0);
        page.sections[0].blocks.remove(0);
        let drawn = svg(&page, "foot").unwrap().unwrap();
        assert!(drawn.contains(">Figures</text>"), "{drawn}");
        page.sections = vec![page.sections[0].clone(); 40];
        let drawn = svg(&page, "foot").unwrap().unwrap();
        let height: f64 =
            drawn.split("height=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        assert!(height < 1400.0, "{height}");
        let shown = drawn.matches(">Figures</text>").count();
        assert!(drawn.contains(&format!("the page has {} more of these", 40 - shown)), "{drawn}");
    }

    /// Lines over time are pictures, too.
    #[test]
    fn lines_over_time_are_on_the_slide() {
        let line = |name: &'static str| Line {
            name: name.into(),
            words: "12 in all".into(),
            values: vec![1.0, 2.0, 3.0],
        };
        let series = Series {
            title: "By week".into(),
            periods: ["2026-01-05", "2026-01-12", "2026-01-19"].map(Text::from).into(),
            seen: line("seen"),
            other: line("without it"),
            band: Vec::new(),
            marked: 2,
            mark: "the test".into(),
        };
        let section = Section::new(Topic::Figures, "Figures".into());
        let section = section.with(Block::Series(series));
        let page = Page { sections: vec![section], ..Page::default() };
        let drawn = svg(&page, "foot").unwrap().unwrap();
        assert!(drawn.contains(">By week</text>") && drawn.contains("class=\"seen\""), "{drawn}");
    }

    #[test]
    fn what_tables_in_a_row_have_in_common_is_said_once() {
        let mut page = page(2.0);
        page.sections.push(page.sections[0].clone());
        let drawn = svg(&page, "foot").unwrap().unwrap();
        assert_eq!(drawn.matches(">age</text>").count(), 2, "{drawn}");
        assert_eq!(drawn.matches(">note</text>").count(), 1, "{drawn}");
    }
}
