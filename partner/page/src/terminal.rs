//! Draws a page for a terminal, 80 columns wide. Hidden characters in text of others are spelt out,
//! and such text never begins a line of its own.

mod columns;
mod table;

use crate::escape::kept_together;
use protocol::{
    page::{Banner, Block, Interval, Page, Piece, Section, Text, Topic},
    text::visible,
};
use std::fmt::{self, Write};

pub use columns::columns;

/// The parts of the page that fit on a screen. It leaves out pictures, whose figures stand in
/// tables too, the question, the limits, and how to check the receipt.
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn summary(page: &Page) -> Result<String, fmt::Error> {
    draw(page, |topic| {
        !matches!(topic, Topic::Picture | Topic::Asked | Topic::Limits | Topic::Receipt)
    })
}

/// The whole page.
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn whole(page: &Page) -> Result<String, fmt::Error> {
    draw(page, |_| true)
}

fn draw(page: &Page, shown: impl Fn(Topic) -> bool) -> Result<String, fmt::Error> {
    let mut out = String::new();
    page.banners.iter().try_for_each(|told| banner(&mut out, told))?;
    wrap(&mut out, "", &prose(&page.title))?;
    wrap(&mut out, "", &prose(&page.subtitle))?;
    if !page.doubts.is_empty() {
        writeln!(out)?;
    }
    page.doubts.iter().try_for_each(|doubt| banner(&mut out, doubt))?;
    if !page.answer.is_empty() {
        writeln!(out)?;
    }
    for statement in &page.answer {
        match &statement.name {
            Some(name) => {
                let text = name.clone().and(" ").with(statement.text.clone());
                wrap(&mut out, "  - ", &prose(&text))?;
            }
            None => wrap(&mut out, "", &prose(&statement.text))?,
        }
    }
    for part in page.sections.iter().filter(|part| shown(part.topic)) {
        section(&mut out, part)?;
    }
    Ok(out)
}

fn banner(out: &mut String, banner: &Banner) -> fmt::Result {
    match banner.reasons.as_slice() {
        [] => wrap(out, "", &prose(&banner.headline)),
        [reason] => wrap(out, "", &prose(&banner.headline.clone().and(" ").with(reason.clone()))),
        reasons => {
            wrap(out, "", &prose(&banner.headline))?;
            reasons.iter().try_for_each(|reason| wrap(out, "  - ", &prose(reason)))
        }
    }
}

fn section(out: &mut String, section: &Section) -> fmt::Result {
    writeln!(out)?;
    wrap(out, "", &prose(&section.heading))?;
    let mut after_table = false;
    for block in &section.blocks {
        let is_table = matches!(block, Block::Table(_));
        if after_table && (is_table || matches!(block, Block::Paragraph(_) | Block::Heading(_))) {
            writeln!(out)?;
        }
        after_table = is_table || (after_table && matches!(block, Block::Note(_)));
        match block {
            Block::Heading(text) => wrap(out, "", &prose(text))?,
            Block::Paragraph(text) | Block::Note(text) => wrap(out, "  ", &prose(text))?,
            Block::List(points) => {
                points.iter().try_for_each(|point| wrap(out, "  - ", &prose(point)))?;
            }
            Block::Table(found) => table::table(out, found)?,
            Block::Intervals(found) => {
                wrap(out, "  ", &prose(&found.title))?;
                found.rows.iter().try_for_each(|row| interval(out, row))?;
            }
            Block::Series(found) => {
                wrap(out, "  ", &prose(&found.title))?;
                for line in [&found.seen, &found.other] {
                    let text = line.name.clone().and(": ").with(line.words.clone());
                    wrap(out, "  - ", &prose(&text))?;
                }
            }
            // Its table stands beside it.
            Block::Course(found) => wrap(out, "  ", &prose(&found.words))?,
            Block::Terms(terms) => {
                for term in terms {
                    let text = term.name.clone().and(": ").with(term.text.clone());
                    wrap(out, "  ", &prose(&text))?;
                }
            }
            Block::Command(lines) => command(out, lines)?,
        }
    }
    Ok(())
}

fn interval(out: &mut String, row: &Interval) -> fmt::Result {
    let text = row.name.clone().and(": ").with(row.figure.clone());
    wrap(out, "  - ", &prose(&text.and(" (").with(row.words.clone()).and(")")))
}

/// Writes lines for a shell as they are, however long: a broken line would be another command.
fn command(out: &mut String, lines: &Text) -> fmt::Result {
    let mut text = String::new();
    for piece in lines.pieces() {
        match piece {
            Piece::Quoted(name) => text.push_str(&visible(name)),
            Piece::Fixed(words) => {
                let words: Vec<_> = words.split('\n').map(visible).collect();
                text.push_str(&words.join("\n"));
            }
        }
    }
    text.split('\n').try_for_each(|line| writeln!(out, "    {line}"))
}

/// Text on one line, with hidden characters spelt out.
fn line(text: &Text) -> String {
    visible(&text.raw())
}

/// Text on one line for [`wrap`]: no line ends between a number and its unit or sign.
fn prose(text: &Text) -> String {
    let pieces = text.pieces().iter().map(|piece| match piece {
        Piece::Fixed(words) => kept_together(words),
        Piece::Quoted(name) => visible(name),
    });
    pieces.collect()
}

/// Writes `text` behind `head`, broken between words, with later lines below the first word.
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn wrap(page: &mut String, head: &str, text: &str) -> fmt::Result {
    let indent = head.chars().count();
    let mut line = head.to_owned();
    let mut empty = true;
    let words = text.split(|letter: char| letter.is_whitespace() && letter != KEPT);
    for word in words.filter(|word| !word.is_empty()) {
        let word = visible(&word.replace(KEPT, " "));
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(page, "{}", line.trim_end())?;
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        // A word that is longer than a line goes on in the next line.
        for letter in word.chars() {
            if line.chars().count() >= WIDTH {
                writeln!(page, "{line}")?;
                line = " ".repeat(indent);
            }
            line.push(letter);
        }
        empty = false;
    }
    writeln!(page, "{}", line.trim_end())
}

/// A space at which no line ends.
const KEPT: char = '\u{a0}';
/// Columns of a terminal.
const WIDTH: usize = 80;
