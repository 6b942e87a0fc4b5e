//! Text on a page of HTML: escaped, so that whatever a name, a flag or a note holds stays text.

use protocol::{
    page::{Piece, Text},
    text,
};
use std::fmt::{self, Write};

/// Displays letters with everything escaped that means something to HTML or SVG, and with hidden
/// characters spelt out.
pub(crate) struct Letters<'a>(pub(crate) &'a str);

impl fmt::Display for Letters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            letter if text::is_hidden(letter) => write!(f, "{}", letter.escape_unicode()),
            letter => f.write_char(letter),
        })
    }
}

/// A name that another party chose: escaped, and isolated in its own direction, so that a name
/// written from right to left does not turn the figures beside it around.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<bdi>{}</bdi>", Letters(self.0))
    }
}

/// Text in a sentence. No line ends inside a number, or between a number and its unit or sign.
pub(crate) struct Prose<'a>(pub(crate) &'a Text);

impl fmt::Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.pieces().iter().try_for_each(|piece| match piece {
            Piece::Quoted(name) => write!(f, "{}", Name(name)),
            Piece::Fixed(words) => {
                let kept = kept_together(words);
                kept.split(' ').enumerate().try_for_each(|(at, word)| {
                    f.write_str(if at == 0 { "" } else { " " })?;
                    // A line may end at a hyphen, so a number with a power of ten gets one that
                    // does not break.
                    if has_power_of_ten(word) {
                        write!(f, "<span class=\"whole\">{}</span>", Letters(word))
                    } else {
                        write!(f, "{}", Letters(word))
                    }
                })
            }
        })
    }
}

/// Text in a cell, a heading or a picture.
pub(crate) struct Label<'a>(pub(crate) &'a Text);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.pieces().iter().try_for_each(|piece| match piece {
            Piece::Quoted(name) => write!(f, "{}", Name(name)),
            Piece::Fixed(words) => write!(f, "{}", Letters(words)),
        })
    }
}

/// Lines for a shell. Only our own lines end; text of others is on one line.
pub(crate) struct Lines<'a>(pub(crate) &'a Text);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.pieces().iter().try_for_each(|piece| match piece {
            Piece::Quoted(name) => write!(f, "{}", Name(name)),
            Piece::Fixed(words) => words.split('\n').enumerate().try_for_each(|(at, line)| {
                f.write_str(if at == 0 { "" } else { "\n" })?;
                write!(f, "{}", Letters(line))
            }),
        })
    }
}

/// `words` with spaces that do not break between a number and its unit or sign.
pub(crate) fn kept_together(words: &str) -> String {
    let kept = [" %", " pp", " = ", " < "].into_iter();
    kept.fold(words.to_owned(), |text, part| text.replace(part, &part.replace(' ', "\u{a0}")))
}

/// Whether a number such as 1e-6 is in `word`.
fn has_power_of_ten(word: &str) -> bool {
    let digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let mut parts = word.match_indices("e-");
    parts.any(|(at, sign)| {
        let (before, after) = (word.get(..at), word.get(at + sign.len()..));
        digit(before.and_then(|text| text.chars().next_back()))
            && digit(after.and_then(|text| text.chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_whole_and_a_word_with_a_hyphen_does_not() {
        let prose = |text: &str| Prose(&Text::fixed(text)).to_string();
        assert_eq!(prose("at 1e-6 so"), "at <span class=\"whole\">1e-6</span> so");
        assert_eq!(prose("p < 0.1, 5 %"), "p\u{a0}&lt;\u{a0}0.1, 5\u{a0}%");
        assert_eq!(prose("one-sided file2e-mail"), "one-sided file2e-mail");
    }

    #[test]
    fn lines_end_where_ours_do_and_nowhere_else() {
        let lines = Text::fixed("a \\\n  b ").quote("c\n--danger");
        assert_eq!(Lines(&lines).to_string(), "a \\\n  b <bdi>c\\u{a}--danger</bdi>");
        assert_eq!(Label(&Text::quoted("\u{5e9}<")).to_string(), "<bdi>\u{5e9}&lt;</bdi>");
    }
}
