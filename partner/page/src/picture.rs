//! The pictures of a page as one file of SVG, for a slide: with its title, its answer, its warnings and its receipt, so that
//! none of them is lost where the picture goes.

use crate::{
    escape::Letters,
    plot::{self, Axis},
};
use protocol::page::{self, Bar, Block, Intervals, Page, Row, Severity, Table, Text};
use std::fmt::{self, Write};

/// Draws the pictures of `page`, with `foot` below; `None` if the page has no picture.
///
/// The file stands alone: it loads nothing, runs nothing, and is light whatever the theme, as slides are. Its letters are those of the
/// machine that shows it.
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn svg(page: &Page, foot: &str) -> Result<Option<String>, fmt::Error> {
    let mut sheet = Sheet::default();
    sheet.head(page)?;
    let mut pictures = 0_usize;
    for section in &page.sections {
        // Of several tables in a section, the heading above each says of what it is.
        let mut heading = None;
        for block in &section.blocks {
            match block {
                Block::Heading(text) => {
                    heading = Some(text.raw());
                    continue;
                }
                Block::Intervals(found) => sheet.intervals(found)?,
                Block::Table(found) if found.bars.is_some() => {
                    sheet.bars(found, heading.as_deref())?;
                }
                _ => continue,
            }
            pictures += 1;
        }
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
}

impl Sheet {
    fn head(&mut self, page: &Page) -> fmt::Result {
        self.room(MARGIN);
        for banner in page.banners.iter().chain(&page.doubts) {
            let reasons = Text::list(banner.reasons.iter().cloned(), " ");
            let said = format!("{} {}", banner.headline.raw(), reasons.raw());
            let class = if banner.severity == Severity::Notice { "notice" } else { "warning" };
            self.text(class, said.trim_end(), BODY)?;
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
        self.text("heading", &plot.title.raw(), BODY)?;
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

    fn bars(&mut self, table: &Table, heading: Option<&str>) -> fmt::Result {
        self.room(14.0);
        if let Some(heading) = heading {
            self.text("heading", heading, BODY)?;
        }
        let headings = table.names.iter().map(Text::raw).collect::<Vec<_>>().join(", ");
        let shown = table.figures.iter().map(Text::raw).collect::<Vec<_>>().join("; ");
        self.text("heading", &format!("{headings}: {shown}"), BODY)?;
        let widest = table.bars.as_ref().map_or(0.0, |bars| bars.widest);
        for Row { names, figures, bar, .. } in &table.rows {
            let Some(bar) = bar else { continue };
            let name = names.iter().map(Text::raw).collect::<Vec<_>>().join(", ");
            let figures = figures.iter().map(Text::raw).collect::<Vec<_>>().join("; ");
            self.lane(&name, &figures, |svg| draw_bar(svg, *bar, widest))?;
        }
        match &table.bars {
            Some(bars) => self.text("foot", &bars.note.raw(), FOOT),
            None => Ok(()),
        }
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
        self.lines("figure", figure, NAME)?;
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
        for words in broken(text, line.letters) {
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

/// Draws a bar, with its range across its end. The value `widest` fills the width.
fn draw_bar(svg: &mut String, bar: Bar, widest: f64) -> fmt::Result {
    let Bar { value, range } = bar;
    let share = |number: f64| {
        if widest > 0.0 { 100.0 * (number / widest).clamp(0.0, 1.0) } else { 0.0 }
    };
    let (end, [low, high]) = (share(value), range.map(share));
    // The bar goes on beyond the picture, and a gap shows that.
    let gap = if value > widest {
        "<svg class=\"end\" x=\"92%\"><path class=\"gap\" d=\"M0 0h6l-6 46h-6z\"/></svg>"
    } else {
        ""
    };
    write!(
        svg,
        "<rect class=\"bar\" x=\"0\" y=\"20%\" width=\"{end:.2}%\" height=\"60%\"/>\
         <line class=\"range\" x1=\"{low:.2}%\" x2=\"{high:.2}%\" y1=\"50%\" y2=\"50%\"/>{gap}"
    )
}

/// `text` in lines of at most about so many letters. A longer word has a line of its own, or several.
fn broken(text: &str, letters: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0_usize;
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let fits = length == 0 || length + 1 + rest.len() <= letters;
            if !fits {
                lines.push(std::mem::take(&mut line));
                length = 0;
                continue;
            }
            let taken: Vec<char> = rest.drain(..rest.len().min(letters)).collect();
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            length += taken.len();
            line.extend(taken);
        }
    }
    if length > 0 {
        lines.push(line);
    }
    lines
}

/// Height of a line, and about how many letters one has room for.
#[derive(Clone, Copy)]
struct Lettering {
    height: f64,
    letters: usize,
}

const TITLE: Lettering = Lettering { height: 30.0, letters: 70 };
const BODY: Lettering = Lettering { height: 21.0, letters: 118 };
const NAME: Lettering = Lettering { height: 18.0, letters: 32 };
const FOOT: Lettering = Lettering { height: 15.0, letters: 150 };

/// Width of the drawing, and where lanes begin in it.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 32.0;
const PLOT: f64 = 270.0;
const PLOT_WIDTH: f64 = 640.0;
const LANE: f64 = 46.0;

/// Colours are written out, since few programs that take SVG know variables.
const STYLE: &str = include_str!("picture.css");

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::page::{Bars, Section, Topic};

    fn page(value: f64) -> Page {
        let bar = Some(Bar { value, range: [1.0, 3.0] });
        let row = Row { bar, ..Row::new(Text::quoted("<b>"), vec!["2".into()]) };
        let table = Table {
            names: vec!["Bin".into()],
            figures: vec!["Odds".into()],
            rows: vec![row],
            bars: Some(Bars { widest: 4.0, note: "note".into() }),
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

    #[test]
    fn a_line_is_broken_between_words_and_a_long_word_where_it_must() {
        assert_eq!(broken("one two three", 7), ["one two", "three"]);
        assert_eq!(broken("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert!(broken(" ", 3).is_empty());
    }
}
