//! A self-contained page of HTML: no script, nothing from outside.

use crate::{
    bars::{self, Drawn},
    course,
    escape::{Label, Letters, Lines, Prose},
    plot, series,
};
use protocol::page::{
    Banner, Bar, Bars, Block, Page, Row, Section, Severity, Statement, Table, Text, Topic, UNKNOWN,
};
use std::fmt::{self, Write};

/// Draws the whole page as HTML.
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn page(page: &Page) -> Result<String, fmt::Error> {
    let mut html = String::new();
    write!(
        html,
        "{HEAD}<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
        Letters(&page.about.raw()),
        with_plain_names(&body(page)?)
    )?;
    Ok(html)
}

/// The same body, in which names of plain ASCII letters are not set apart: they have one direction, and a report marks nobody's
/// names. What others chose is escaped, so nothing but our own marks is taken for one.
fn with_plain_names(body: &str) -> String {
    let mut parts = body.split("<bdi>");
    let mut html = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("</bdi>") {
            Some((name, rest)) if name.is_ascii() && !name.contains("\\u{") => {
                html.push_str(name);
                html.push_str(rest);
            }
            _ => {
                html.push_str("<bdi>");
                html.push_str(part);
            }
        }
    }
    html
}

/// What stands on the page, without what a file of HTML has around it: for a page within another, whose style is [`STYLE`].
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn body(page: &Page) -> Result<String, fmt::Error> {
    let mut html = String::new();
    page.banners.iter().try_for_each(|told| banner(&mut html, told))?;
    writeln!(html, "<h1>{}</h1>", Prose(&page.title))?;
    if page.subtitle != Text::default() {
        writeln!(html, "<p class=\"sub\">{}</p>", Prose(&page.subtitle))?;
    }
    page.doubts.iter().try_for_each(|doubt| banner(&mut html, doubt))?;
    answer(&mut html, &page.answer)?;
    for part in &page.sections {
        section(&mut html, part)?;
    }
    Ok(html)
}

/// Draws one section, for a page within another.
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn part(part: &Section) -> Result<String, fmt::Error> {
    let mut html = String::new();
    section(&mut html, part)?;
    Ok(html)
}

/// A word or a sentence of anybody's, escaped, for whoever draws more than a page.
#[must_use]
pub fn letters(text: &str) -> impl fmt::Display {
    Letters(text)
}

/// Lines of text, escaped, that are our own, or somebody's own who typed them: they end where they end.
#[must_use]
pub fn lines(text: &str) -> String {
    text.split('\n').map(|line| Letters(line).to_string()).collect::<Vec<_>>().join("\n")
}

/// A sentence, escaped, with what others chose set apart in it.
#[must_use]
pub fn prose(text: &Text) -> impl fmt::Display {
    Prose(text)
}

fn banner(html: &mut String, banner: &Banner) -> fmt::Result {
    let class = match banner.severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Stop => "stop",
    };
    write!(html, "<div class=\"banner {class}\"><strong>{}</strong>", Prose(&banner.headline))?;
    match banner.reasons.as_slice() {
        [] => {}
        [reason] => write!(html, " {}", Prose(reason))?,
        reasons => {
            writeln!(html)?;
            list(html, reasons)?;
        }
    }
    writeln!(html, "</div>")
}

fn answer(html: &mut String, answer: &[Statement]) -> fmt::Result {
    match answer {
        [] => Ok(()),
        [Statement { name: None, text }] => {
            writeln!(html, "<p class=\"answer\"><strong>{}</strong></p>", Prose(text))
        }
        statements => {
            writeln!(html, "<ul class=\"answer\">")?;
            for Statement { name, text } in statements {
                write!(html, "<li>")?;
                if let Some(name) = name {
                    write!(html, "<strong>{}</strong> ", Label(name))?;
                }
                writeln!(html, "{}</li>", Prose(text))?;
            }
            writeln!(html, "</ul>")
        }
    }
}

fn section(html: &mut String, section: &Section) -> fmt::Result {
    writeln!(html, "<h2>{}</h2>", Label(&section.heading))?;
    for block in &section.blocks {
        match block {
            Block::Heading(text) => writeln!(html, "<h3>{}</h3>", Label(text))?,
            Block::Paragraph(text) => writeln!(html, "<p>{}</p>", Prose(text))?,
            Block::Note(text) => writeln!(html, "<p class=\"note\">{}</p>", Prose(text))?,
            Block::List(points) => list(html, points)?,
            Block::Table(found) => table(html, found)?,
            Block::Intervals(found) => html.push_str(&plot::intervals(found)?),
            Block::Series(found) => html.push_str(&series::figure(found)?),
            Block::Course(found) => html.push_str(&course::course(found)?),
            Block::Terms(terms) => {
                let class = if section.topic == Topic::Receipt { " class=\"digests\"" } else { "" };
                writeln!(html, "<dl{class}>")?;
                for term in terms {
                    let (name, text) = (Label(&term.name), Prose(&term.text));
                    writeln!(html, "<dt>{name}</dt><dd>{text}</dd>")?;
                }
                writeln!(html, "</dl>")?;
            }
            Block::Command(lines) => writeln!(html, "<pre>{}</pre>", Lines(lines))?,
        }
    }
    Ok(())
}

fn list(html: &mut String, points: &[Text]) -> fmt::Result {
    writeln!(html, "<ul>")?;
    points.iter().try_for_each(|point| writeln!(html, "<li>{}</li>", Prose(point)))?;
    writeln!(html, "</ul>")
}

fn table(html: &mut String, table: &Table) -> fmt::Result {
    let is_broad = is_broad(table);
    let class = if is_broad { " class=\"broad\"" } else { "" };
    write!(html, "<div class=\"wide\"><table{class}>\n<thead><tr>")?;
    for heading in &table.names {
        write!(html, "<th scope=\"col\" class=\"by\">{}</th>", Prose(heading))?;
    }
    for heading in &table.figures {
        write!(html, "<th scope=\"col\">{}</th>", Prose(heading))?;
    }
    let bars = table.bars.as_ref().filter(|_| table.rows.iter().any(|row| row.bar.is_some()));
    write!(html, "{}", if bars.is_some() { "<td></td>" } else { "" })?;
    writeln!(html, "</tr></thead>\n<tbody>")?;
    for row in &table.rows {
        write!(html, "<tr>")?;
        names(html, table, row)?;
        figures(html, table, row, is_broad)?;
        if let Some(bars) = bars {
            bar(html, row.bar, bars)?;
        }
        writeln!(html, "</tr>")?;
    }
    writeln!(html, "</tbody></table></div>")?;
    match bars {
        Some(bars) => writeln!(html, "<p class=\"note\">{}</p>", Prose(&bars.note)),
        None => Ok(()),
    }
}

/// Whether a table is broader than a telephone: there, its rows stand one below the other, and each figure beside its heading.
fn is_broad(table: &Table) -> bool {
    let letters = |text: &Text| text.raw().chars().count();
    let rows = || table.rows.iter().filter(|row| !row.figures.is_empty());
    // A heading is broken between its words, a name also where it is long, and a figure is not.
    let word = |text: &Text| text.raw().split(' ').map(|word| word.chars().count()).max();
    let figures = table.figures.iter().enumerate().map(|(at, heading)| {
        let cells = rows().filter_map(|row| row.figures.get(at)).map(letters).max();
        cells.max(word(heading)).unwrap_or(0) + BESIDE
    });
    let names = table.names.iter().enumerate().map(|(at, heading)| {
        let cells = rows().filter_map(|row| row.names.get(at)).map(letters).max();
        cells.max(word(heading)).unwrap_or(0).min(NAME) + BESIDE
    });
    figures.chain(names).sum::<usize>() > TELEPHONE
}

fn names(html: &mut String, table: &Table, row: &Row) -> fmt::Result {
    let span = if row.names.len() < table.names.len() { table.names.len() } else { 1 };
    let span = if span > 1 { format!(" colspan=\"{span}\"") } else { String::new() };
    for (at, name) in row.names.iter().enumerate() {
        write!(html, "<th scope=\"row\" class=\"by\"{span}>{}", Label(name))?;
        let remark = row.remark.as_ref().filter(|_| at == 0 && !row.figures.is_empty());
        if let Some(remark) = remark {
            write!(html, "<span class=\"remark\">{}</span>", Prose(remark))?;
        }
        write!(html, "</th>")?;
    }
    Ok(())
}

fn figures(html: &mut String, table: &Table, row: &Row, is_broad: bool) -> fmt::Result {
    let columns = table.figures.len();
    if let Some(remark) = row.remark.as_ref().filter(|_| row.figures.is_empty()) {
        let remark = Prose(remark);
        return write!(html, "<td class=\"remark\" colspan=\"{columns}\">{remark}</td>");
    }
    let unknown = Text::from(UNKNOWN);
    let figures = row.figures.iter().chain(std::iter::repeat(&unknown)).take(columns);
    for (figure, heading) in figures.zip(&table.figures) {
        let heading = heading.raw();
        match is_broad {
            true => write!(html, "<td data-of=\"{}\">{}</td>", Letters(&heading), Label(figure))?,
            false => write!(html, "<td>{}</td>", Label(figure))?,
        }
    }
    Ok(())
}

/// Draws a bar, with its range across its end.
fn bar(html: &mut String, bar: Option<Bar>, bars: &Bars) -> fmt::Result {
    let Some(bar) = bar else { return write!(html, "<td></td>") };
    let Drawn { ends: [start, end], range, goes_on, middle } = bars::drawn(bar, bars);
    let (x, width) = (BAR * start, BAR * (end - start));
    // The bar goes on beyond the picture, and a gap shows that.
    let gap = if goes_on { "<path class=\"gap\" d=\"M144 0h6l-6 14h-6z\"/>" } else { "" };
    write!(
        html,
        "<td><svg class=\"bar\" viewBox=\"0 0 {BAR} 14\" aria-hidden=\"true\">\
         <rect x=\"{x:.1}\" y=\"2\" width=\"{width:.1}\" height=\"10\"/>"
    )?;
    if let Some([low, high]) = range.map(|range| range.map(|share| BAR * share)) {
        write!(html, "<line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"7\" y2=\"7\"/>")?;
    }
    if let Some(middle) = middle.map(|share| BAR * share) {
        write!(html, "<line x1=\"{middle:.1}\" x2=\"{middle:.1}\" y1=\"0\" y2=\"14\"/>")?;
    }
    write!(html, "{gap}</svg></td>")
}

/// The letters that a row has on a telephone, those of a long name, and those between columns.
const TELEPHONE: usize = 48;
const NAME: usize = 20;
const BESIDE: usize = 2;
/// Width of the picture of a bar.
const BAR: f64 = 160.0;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
/// The style of a page.
pub const STYLE: &str = include_str!("style.css");
