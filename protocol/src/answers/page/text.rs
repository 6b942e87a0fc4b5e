//! Text of a page, which tells our own words from text that others chose.

use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// Text for people, unescaped. Code that draws it escapes all of it, and sets [`Piece::Quoted`]
/// apart from what stands beside it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Text(Vec<Piece>);

/// A part of a [`Text`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever draws it must see a new kind")]
pub enum Piece {
    /// Words and figures of ours.
    Fixed(String),
    /// Text that others chose: names of parties, columns, groups and outcomes. It may hold any
    /// character.
    Quoted(String),
}

impl Text {
    /// Words and figures of ours.
    pub fn fixed(text: impl Display) -> Self {
        Self::default().and(text)
    }

    /// Text that others chose.
    pub fn quoted(text: impl Display) -> Self {
        Self::default().quote(text)
    }

    /// `texts` with `between` between them.
    #[must_use]
    pub fn list(texts: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let mut texts = texts.into_iter();
        let first = texts.next().unwrap_or_default();
        texts.fold(first, |list, text| list.and(between).with(text))
    }

    /// Names that others chose, with `between` between them.
    #[must_use]
    pub fn names<'n>(names: impl IntoIterator<Item = &'n String>, between: &'static str) -> Self {
        Self::list(names.into_iter().map(Self::quoted), between)
    }

    /// The text with words or figures of ours after it.
    #[must_use]
    pub fn and(mut self, text: impl Display) -> Self {
        let text = text.to_string();
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Fixed(last)) => last.push_str(&text),
            _ => self.0.push(Piece::Fixed(text)),
        }
        self
    }

    /// The text with text that others chose after it.
    #[must_use]
    pub fn quote(mut self, text: impl Display) -> Self {
        self.0.push(Piece::Quoted(text.to_string()));
        self
    }

    /// The text with `text` after it.
    #[must_use]
    pub fn with(self, text: Self) -> Self {
        text.0.into_iter().fold(self, |all, piece| match piece {
            Piece::Fixed(text) => all.and(text),
            Piece::Quoted(text) => all.quote(text),
        })
    }

    /// The text with a capital first letter, as sentences have it. A name at the beginning stays as
    /// it is.
    #[must_use]
    pub fn capital(mut self) -> Self {
        if let Some(Piece::Fixed(first)) = self.0.first_mut() {
            let mut letters = first.chars();
            if let Some(letter) = letters.next() {
                *first = letter.to_uppercase().chain(letters).collect();
            }
        }
        self
    }

    /// The parts of the text, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The whole text in one string: neither escaped nor safe to show.
    #[must_use]
    pub fn raw(&self) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Fixed(text) | Piece::Quoted(text) => text.as_str(),
        });
        pieces.collect()
    }
}

/// Words in the program are ours.
impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::fixed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_chose_stays_apart_whatever_is_put_together() {
        let text = Text::fixed("of ").and(3).quote("a\"b").with(Text::quoted("c").and("."));
        let fixed = |text: &str| Piece::Fixed(text.to_owned());
        let quoted = |text: &str| Piece::Quoted(text.to_owned());
        let parts = [fixed("of 3"), quoted("a\"b"), quoted("c"), fixed(".")];
        assert_eq!(text.pieces(), parts);
        assert_eq!(text.raw(), "of 3a\"bc.");
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text);
    }

    #[test]
    fn a_name_that_comes_first_gets_no_capital() {
        assert_eq!(Text::fixed("a group").capital(), Text::fixed("A group"));
        assert_eq!(Text::quoted("visit").and(": x").capital(), Text::quoted("visit").and(": x"));
        assert!(Text::default().capital().is_empty());
    }
}
