//! A self-contained page of HTML: no script, nothing from outside.

use crate::{
    escape::{Label, Letters, Lines, Prose},
    plot,
};
use protocol::page::{
    Banner, Bar, Block, Page, Row, Section, Severity, Statement, Table, Text, Topic, UNKNOWN,
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
        "{HEAD}<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        Letters(&page.about.raw())
    )?;
    page.banners.iter().try_for_each(|told| banner(&mut html, told))?;
    writeln!(html, "<h1>{}</h1>", Prose(&page.title))?;
    writeln!(html, "<p class=\"sub\">{}</p>", Prose(&page.subtitle))?;
    page.doubts.iter().try_for_each(|doubt| banner(&mut html, doubt))?;
    answer(&mut html, &page.answer)?;
    for part in &page.sections {
        section(&mut html, part)?;
    }
    html.push_str("</main>\n</body>\n</html>\n");
    Ok(html)
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
    write!(html, "<div class=\"wide\"><table>\n<thead><tr>")?;
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
        figures(html, table, row)?;
        if let Some(bars) = bars {
            bar(html, row.bar, bars.widest)?;
        }
        writeln!(html, "</tr>")?;
    }
    writeln!(html, "</tbody></table></div>")?;
    match bars {
        Some(bars) => writeln!(html, "<p class=\"note\">{}</p>", Prose(&bars.note)),
        None => Ok(()),
    }
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

fn figures(html: &mut String, table: &Table, row: &Row) -> fmt::Result {
    let columns = table.figures.len();
    if let Some(remark) = row.remark.as_ref().filter(|_| row.figures.is_empty()) {
        let remark = Prose(remark);
        return write!(html, "<td class=\"remark\" colspan=\"{columns}\">{remark}</td>");
    }
    let unknown = Text::from(UNKNOWN);
    let figures = row.figures.iter().chain(std::iter::repeat(&unknown)).take(columns);
    for figure in figures {
        write!(html, "<td>{}</td>", Label(figure))?;
    }
    Ok(())
}

/// Draws a bar, with its range across its end. The value `widest` fills the width.
fn bar(html: &mut String, bar: Option<Bar>, widest: f64) -> fmt::Result {
    let Some(Bar { value, range }) = bar else { return write!(html, "<td></td>") };
    let x = |number: f64| if widest > 0.0 { BAR * (number / widest).clamp(0.0, 1.0) } else { 0.0 };
    let [low, high] = range.map(x);
    let end = x(value);
    // The bar goes on beyond the picture, and a gap shows that.
    let gap = if value > widest { "<path class=\"gap\" d=\"M144 0h6l-6 14h-6z\"/>" } else { "" };
    write!(
        html,
        "<td><svg class=\"bar\" viewBox=\"0 0 {BAR} 14\" aria-hidden=\"true\">\
         <rect x=\"0\" y=\"2\" width=\"{end:.1}\" height=\"10\"/>\
         <line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"7\" y2=\"7\"/>{gap}</svg></td>"
    )
}

/// Width of the picture of a bar.
const BAR: f64 = 160.0;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
pub(crate) const STYLE: &str = include_str!("style.css");
