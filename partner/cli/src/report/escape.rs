//! Text that cannot become markup.

use protocol::text;
use std::fmt;

/// Displays its text with every character escaped that means something to HTML or SVG.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c if text::is_hidden(c) && !matches!(c, '\n' | '\t') => {
                write!(f, "{}", c.escape_unicode())
            }
            c => fmt::Write::write_char(f, c),
        })
    }
}

/// A name of somebody else's: escaped, and by itself in the order of its letters, so that one that is
/// written from right to left turns no figure beside it around.
pub(super) struct Name<'a>(pub(super) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Letters of ASCII have one direction and take none from their neighbours, which are isolated.
        if self.0.is_ascii() {
            write!(f, "{}", Text(self.0))
        } else {
            write!(f, "<bdi>{}</bdi>", Text(self.0))
        }
    }
}
