//! What came with an identifier and is no part of it: marks that nobody sees, quotes of a
//! spreadsheet, a display name, the scheme of a link, the end of a list.
//!
//! Each of these is taken off because no address and no number can have it there, so nothing is
//! guessed. What remains is held against the rules of its kind.

use super::IdentityError;
use std::borrow::Cow;

/// Whether `c` is drawn as nothing: zero-width spaces and joiners, byte order marks, marks of
/// writing direction, soft hyphens, variation selectors and tags.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}'
    )
}

/// `text` without what came with it.
pub(super) fn unwrapped(text: &str) -> Cow<'_, str> {
    if is_bare(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(unwrapped_slowly(text))
}

/// Whether there is nothing to take off: no character of those that every step below looks for. Nearly all identifiers
/// are like that.
fn is_bare(text: &[u8]) -> bool {
    let (Some(first), Some(last)) = (text.first(), text.last()) else { return true };
    let listed = |byte: &u8| matches!(byte, b' ' | b';' | b',');
    let opens = |byte: &u8| matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'=' | b':');
    text.iter().all(|byte| matches!(byte, b' '..=b'~') && !opens(byte))
        && !listed(first)
        && !listed(last)
        && *last != b'.'
}

fn unwrapped_slowly(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !is_hidden(*c)).collect();
    let mut rest = seen.as_str();
    // Every step makes the text shorter, so this ends.
    loop {
        let before = rest;
        rest = rest.trim_matches(|c: char| c.is_whitespace() || matches!(c, ';' | ','));
        rest = rest.strip_suffix('.').unwrap_or(rest);
        rest = inside(rest, "=\"", "\"").unwrap_or(rest);
        for (open, close) in QUOTES {
            rest = inside(rest, open, close).unwrap_or(rest);
        }
        // A spreadsheet's mark for text stands in front only.
        rest = rest.strip_prefix('\'').unwrap_or(rest);
        rest = without_display_name(rest);
        rest = without_scheme(rest);
        if rest == before {
            return rest.to_owned();
        }
    }
}

/// What stands between `open` and `close`, if the quotes are around the whole of `text`.
fn inside<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let inner = text.strip_prefix(open)?.strip_suffix(close)?;
    (!inner.contains(open) && !inner.contains(close)).then_some(inner)
}

/// The address of `Name <address>`. A name that is itself another address is left, to be refused.
fn without_display_name(text: &str) -> &str {
    let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.split_once('<')) else {
        return text;
    };
    let another = name.contains('@') && !unwrapped(name).eq_ignore_ascii_case(address.trim());
    if address.contains(['<', '>']) || name.contains('>') || another { text } else { address }
}

/// What follows `mailto:` or `tel:`. A link with encoded characters is left, to be refused.
fn without_scheme(text: &str) -> &str {
    for scheme in ["mailto:", "tel:"] {
        let Some((start, rest)) = text.split_at_checked(scheme.len()) else { continue };
        if start.eq_ignore_ascii_case(scheme) {
            let rest = rest.split('?').next().unwrap_or(rest);
            return if rest.contains('%') { text } else { rest };
        }
    }
    text
}

/// Whether `text`, once unwrapped, is empty or a word that people and programs write for "none".
pub(super) fn says_none(unwrapped: &str) -> bool {
    // No such word begins like a number.
    let is_number =
        unwrapped.as_bytes().first().is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'+'));
    if is_number {
        return false;
    }
    unwrapped.chars().all(|c| matches!(c, '-' | '\u{2013}' | '\u{2014}' | '.' | '?' | '/'))
        || NONE_WORDS.iter().any(|word| unwrapped.eq_ignore_ascii_case(word))
}

/// Reads `text` as one identifier. A list is one too if all that it holds is the same; otherwise it
/// cannot be known which is meant.
pub(super) fn single(
    text: &str,
    separators: &[char],
    read: impl Fn(&str) -> Result<String, IdentityError>,
) -> Result<String, IdentityError> {
    let whole = match read(text) {
        Err(flaw) if text.contains(separators) => flaw,
        read => return read,
    };
    let mut found: Option<String> = None;
    for part in text.split(separators).map(unwrapped) {
        if says_none(&part) {
            continue;
        }
        let Ok(identifier) = read(&part) else {
            let many = text.matches('@').count() > 1;
            return Err(if many { IdentityError::Several } else { whole });
        };
        if found.as_ref().is_some_and(|first| *first != identifier) {
            return Err(IdentityError::Several);
        }
        found = Some(identifier);
    }
    found.ok_or(whole)
}

const QUOTES: [(&str, &str); 8] = [
    ("\"", "\""),
    ("'", "'"),
    ("\u{201c}", "\u{201d}"),
    ("\u{201e}", "\u{201c}"),
    ("\u{201e}", "\u{201d}"),
    ("\u{2018}", "\u{2019}"),
    ("\u{ab}", "\u{bb}"),
    ("<", ">"),
];

/// Words for "none", in any case.
const NONE_WORDS: [&str; 26] = [
    "n/a",
    "n.a",
    "na",
    "#n/a",
    "#na",
    "nan",
    "nat",
    "null",
    "(null)",
    "\\n",
    "none",
    "nil",
    "undefined",
    "unknown",
    "missing",
    "empty",
    "not available",
    "not provided",
    "not set",
    "no email",
    "no phone",
    "k.a",
    "keine",
    "keine angabe",
    "unbekannt",
    "inconnu",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_to_unwrap_gives_what_the_long_one_does() {
        // Pieces that each step looks for, in any order, among them the ends of texts.
        let pieces = [
            "",
            " ",
            "\u{a0}",
            "\t",
            ";",
            ",",
            ".",
            "\"",
            "'",
            "=\"",
            "\u{201c}",
            "\u{201d}",
            "<",
            ">",
            "mailto:",
            "TEL:",
            "ann@example.com",
            "Ann",
            "+4917",
            "0",
            "-",
            "?x=1",
            "%40",
            "\u{200b}",
            "N/A",
        ];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let text = format!("{first}{second}{third}");
                    assert_eq!(unwrapped(&text), unwrapped_slowly(&text), "{text:?}");
                }
            }
        }
        assert!(!pieces.iter().all(|piece| is_bare(piece.as_bytes())));
    }

    #[test]
    fn no_word_for_none_begins_like_a_number() {
        assert!(
            NONE_WORDS
                .iter()
                .all(|word| !word.starts_with(|c: char| c.is_ascii_digit() || c == '+'))
        );
    }
}
