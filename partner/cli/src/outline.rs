//! Sentences under headings: a terminal prints them, and the party's page shows them.

use ::page::terminal::wrap;
use protocol::{
    page::{Block, Section, Term, Text, Topic},
    text::visible,
};
use std::fmt::{self, Write};

/// Sentences, each as deep below its heading as it explains another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline(Vec<Line>);

#[derive(Clone, Debug)]
enum Line {
    Heading(Text),
    Sentence {
        depth: usize,
        text: Text,
    },
    /// Text that a terminal does not break, such as a digest that is compared.
    Whole {
        depth: usize,
        text: Text,
    },
    Term {
        name: Text,
        text: Text,
    },
    /// An empty line of a terminal.
    Gap,
}

impl Outline {
    /// What follows is about this.
    pub(crate) fn heading(&mut self, text: Text) {
        self.0.push(Line::Heading(text));
    }

    pub(crate) fn sentence(&mut self, depth: usize, text: Text) {
        self.0.push(Line::Sentence { depth, text });
    }

    pub(crate) fn whole(&mut self, depth: usize, text: Text) {
        self.0.push(Line::Whole { depth, text });
    }

    /// A name and what it stands for.
    pub(crate) fn term(&mut self, name: Text, text: Text) {
        self.0.push(Line::Term { name, text });
    }

    /// What follows stands apart.
    pub(crate) fn gap(&mut self) {
        self.0.push(Line::Gap);
    }

    /// For a terminal, with a line between headings.
    pub(crate) fn printed(&self) -> Result<String, fmt::Error> {
        let shown = |text: &Text| visible(&text.raw());
        let mut out = String::new();
        for line in &self.0 {
            match line {
                Line::Heading(text) => writeln!(out, "\n{}", shown(text))?,
                Line::Gap => writeln!(out)?,
                Line::Sentence { depth, text } => {
                    wrap(&mut out, &"  ".repeat(*depth), &shown(text))?;
                }
                Line::Whole { depth, text } => {
                    writeln!(out, "{}{}", "  ".repeat(*depth), shown(text))?;
                }
                Line::Term { name, text } => {
                    wrap(&mut out, &format!("  {:<12} ", shown(name)), &shown(text))?;
                }
            }
        }
        Ok(out)
    }

    /// For a page: a section for each heading. What stands before the first one has an empty heading.
    pub(crate) fn sections(self) -> Vec<Section> {
        let mut sections = vec![Section::new(Topic::Notes, Text::default())];
        for line in self.0 {
            match line {
                Line::Heading(text) => sections.push(Section::new(Topic::Notes, text)),
                line => {
                    if let Some(section) = sections.last_mut() {
                        add(&mut section.blocks, line);
                    }
                }
            }
        }
        sections.retain(|section| !section.blocks.is_empty());
        sections
    }

    /// For a page: what stands under one heading.
    pub(crate) fn blocks(self) -> Vec<Block> {
        self.sections().into_iter().flat_map(|section| section.blocks).collect()
    }
}

fn add(blocks: &mut Vec<Block>, line: Line) {
    match line {
        Line::Heading(_) | Line::Gap => {}
        Line::Sentence { depth: 0 | 1, text } | Line::Whole { depth: 0 | 1, text } => {
            blocks.push(Block::Paragraph(text));
        }
        Line::Sentence { text, .. } | Line::Whole { text, .. } => blocks.push(Block::Note(text)),
        Line::Term { name, text } => {
            let term = Term { name, text };
            match blocks.last_mut() {
                Some(Block::Terms(terms)) => terms.push(term),
                _ => blocks.push(Block::Terms(vec![term])),
            }
        }
    }
}
