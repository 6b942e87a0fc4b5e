//! How much room letters take in a picture, since SVG breaks no line: as wide as the widest fonts that machines show it with
//! (DejaVu Sans, Verdana), so that nothing is cut with a narrower one.

/// The letters of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lettering {
    /// Height of a line.
    pub(crate) height: f64,
    /// Size of its letters, as the style has it.
    size: usize,
    is_bold: bool,
    /// How much room a line has.
    room: usize,
}

impl Lettering {
    const fn of(height: f64, size: usize, is_bold: bool, room: usize) -> Self {
        Self { height, size, is_bold, room }
    }

    /// `text` in lines that have room. A word that is longer than a line has several. A number and its unit stay together.
    pub(crate) fn broken(self, text: &str) -> Vec<String> {
        let room = 100 * self.room / self.size;
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut length = 0_usize;
        for word in words(text) {
            let whole = word.chars().map(|letter| self.width(letter)).sum::<usize>();
            let space = self.width(' ');
            if length > 0 && length + space + whole > room {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += space;
            }
            for letter in word.chars() {
                let width = self.width(letter);
                if length > 0 && length + width > room {
                    lines.push(std::mem::take(&mut line));
                    length = 0;
                }
                line.push(letter);
                length += width;
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// How wide a letter is, in hundredths of the size.
    fn width(self, letter: char) -> usize {
        let plain = match letter {
            'i' | 'j' | 'l' | '\'' => 28,
            ' ' | '.' | ',' => 32,
            'I' | 'J' | ':' | ';' | '/' | '-' | '|' => 36,
            'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '!' => 42,
            'c' | 's' | 'z' | '"' | '*' | '?' | '\u{201c}' | '\u{201d}' | '\u{2013}' => 55,
            'm' | 'W' | '%' | '@' => 100,
            'w' | 'M' | '+' | '<' | '=' | '>' | '#' | '~' | '\u{b1}' | '\u{d7}' => 87,
            'a'..='z' | '0'..='9' => 64,
            _ if letter.is_ascii() => 79,
            // Of other scripts, up to a full square.
            '\u{c0}'..='\u{24f}' => 79,
            _ => 103,
        };
        if self.is_bold { plain * 7 / 6 } else { plain }
    }
}

/// The words of a text; what begins with a sign of percent belongs to the number before it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in text.split_whitespace() {
        match words.last_mut() {
            Some(number)
                if part.starts_with('%') && number.ends_with(|c: char| c.is_ascii_digit()) =>
            {
                number.push(' ');
                number.push_str(part);
            }
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// Room of a whole line, and of what stands beside a lane.
const WHOLE: usize = 896;
const BESIDE: usize = 228;

pub(crate) const TITLE: Lettering = Lettering::of(30.0, 24, true, WHOLE);
pub(crate) const BODY: Lettering = Lettering::of(21.0, 15, false, WHOLE);
/// What is written bold: warnings and headings.
pub(crate) const BOLD: Lettering = Lettering::of(21.0, 15, true, WHOLE);
/// The name of a lane, and its figure.
pub(crate) const NAME: Lettering = Lettering::of(18.0, 13, true, BESIDE);
pub(crate) const FIGURE: Lettering = Lettering::of(18.0, 13, false, BESIDE);
pub(crate) const NAME_OF_LINE: Lettering = Lettering::of(18.0, 13, false, WHOLE);
pub(crate) const FOOT: Lettering = Lettering::of(15.0, 11, false, WHOLE);

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Lettering = Lettering::of(1.0, 100, false, 640);

    #[test]
    fn a_line_is_broken_between_words_and_a_long_word_where_it_must() {
        // Ten digits have room.
        assert_eq!(SMALL.broken("1234 5678 90123"), ["1234 5678", "90123"]);
        assert_eq!(SMALL.broken("12345678901234 56"), ["1234567890", "1234 56"]);
        // Capitals are wider, and what is bold is wider still.
        assert_eq!(SMALL.broken("ABCDEFGHKLM"), ["ABCDEFGH", "KLM"]);
        let bold = Lettering { is_bold: true, ..SMALL };
        assert_eq!(bold.broken("1234567890"), ["12345678", "90"]);
        assert!(SMALL.broken(" ").is_empty());
    }

    #[test]
    fn a_number_is_not_parted_from_its_percent() {
        assert_eq!(SMALL.broken("12345678 9 %; x"), ["12345678", "9 %; x"]);
    }

    /// A square is as wide as a letter gets.
    #[test]
    fn letters_of_other_scripts_have_room() {
        let lines = BODY.broken(&"\u{6f22}".repeat(200));
        assert!(lines.iter().all(|line| line.chars().count() * 15 <= WHOLE), "{lines:?}");
    }
}
