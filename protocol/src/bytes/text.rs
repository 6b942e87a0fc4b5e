//! Text of others: what may stand in a name or a value, and how any text is shown without harm.
//!
//! A character that nobody sees, or that moves those beside it, lets one name pass for another and
//! turns a figure around. Names and values with such a character are refused wherever they come in;
//! text that could not be refused there is shown with them spelt out.

use std::fmt;

/// True of a character that cannot be seen, or that changes how others are shown.
///
/// Control characters, Unicode's format characters (Cf: bidirectional controls, zero-width marks,
/// tags), line and paragraph separators (Zl, Zp), what fonts leave out by default, private use, and
/// what is no character at all.
#[must_use]
pub fn is_hidden(letter: char) -> bool {
    // Most text is ASCII, where a glance tells.
    if letter.is_ascii() {
        return letter.is_ascii_control();
    }
    letter.is_control()
        || HIDDEN.iter().any(|&(first, last)| (first..=last).contains(&letter))
        || u32::from(letter) & 0xFFFE == 0xFFFE
}

/// The first character of `text` that [`is_hidden`].
#[must_use]
pub fn hidden(text: &str) -> Option<Hidden> {
    text.chars().find(|letter| is_hidden(*letter)).map(Hidden)
}

/// `text` with every hidden character spelt out, such as `\u{202e}`, so that it moves nothing.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_hidden(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// `text` in quotes, with quotes inside it and hidden characters spelt out: where it begins and ends
/// is its reader's to see and not its writer's to say.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", visible(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// `word` as one word of a command for a shell: between single quotes, unless it has nothing that a shell reads. Whoever copies a
/// command that was printed runs nothing that others wrote. A hidden character is spelt out, so that a word with one names nothing.
#[must_use]
pub fn in_shell(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", visible(word).replace('\'', r"'\''"))
}

/// Each of `values` in quotes, with commas between.
pub fn quoted_list<'v>(values: impl IntoIterator<Item = &'v String>) -> String {
    values.into_iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ")
}

/// What two texts have in common that look the same: without hidden characters, and with every blank, of
/// whatever kind and however many, as one space.
#[must_use]
pub fn drawn(text: &str) -> String {
    let seen: String = text.chars().filter(|letter| !is_hidden(*letter)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` with hidden characters and all blanks but the space spelt out: of two that look the same, what
/// makes them differ.
#[must_use]
pub fn told_apart(text: &str) -> String {
    let spelt = |letter: char| letter.is_whitespace() && letter != ' ' || is_hidden(letter);
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if spelt(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// The beginning of `text`, which a refusal may repeat however long the text is.
#[must_use]
pub fn beginning(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What TOML's reader says of a value, in words of people who do not know its types. `value` begins where the reader
/// found it, if that is known: a date without quotes is told from a table only there.
#[must_use]
pub fn plain_toml(message: &str, value: &str) -> String {
    if message == "duplicate key" {
        return "this name stands here for the second time: where there may be several, each begins with a head in two \
                brackets, [[..]]"
            .to_owned();
    }
    let Some((found, expected)) = message.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "f64" | "f32" => "a number such as 0.5",
        "i64" => "a whole number",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "u64" => "a whole number, not below 0",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "u8" => "a whole number from 0 to 255",
        "a string" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" if found == "invalid type: map" => {
            "a list, each of whose parts begins with a head in two brackets, [[..]]"
        }
        "a sequence" => "a list in square brackets",
        "a map" => "a table of its own",
        other => other,
    };
    let found = ["invalid type: ", "invalid value: ", "unknown variant "]
        .iter()
        .find_map(|head| found.strip_prefix(head));
    match found {
        Some("map") if value.starts_with(|first: char| first.is_ascii_digit()) => {
            let of_date =
                |c: &char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | '+' | 'T' | 'Z');
            let date: String = value.chars().take_while(of_date).collect();
            format!("found a date without quotes, write \"{}\"", beginning(&date))
        }
        Some("map") => format!("found a table, expected {expected}"),
        Some("sequence") => format!("found a list, expected {expected}"),
        Some(found) => format!("found {found}, expected {expected}"),
        None => message.to_owned(),
    }
}

/// A hidden character, by the number that Unicode gives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hidden(char);

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))
    }
}

/// Characters of a text that a refusal repeats.
const SHOWN: usize = 120;

/// First and last of each range. Unicode 16: `General_Category` Cf, Zl, Zp and Co, `Default_Ignorable`,
/// noncharacters, and the blank of Braille.
const HIDDEN: [(char, char); 31] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{e000}', '\u{f8ff}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{f0000}', '\u{ffffd}'),
    ('\u{100000}', '\u{10fffd}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What a shell makes of it is what was meant, and nothing in it runs.
    #[test]
    fn a_word_of_a_command_is_one_word_to_a_shell() {
        for word in
            ["plain=word", "", "a b", "$(touch X)", "`id`", "it's", "a\"b", "-n", "\u{e9};rm", "\\"]
        {
            let printed = std::process::Command::new("sh")
                .args(["-c", &format!("printf '%s|' {} end", in_shell(word))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), format!("{word}|end|"));
        }
        assert_eq!(in_shell("plain=word"), "plain=word");
        assert_eq!(in_shell("a\nb"), r"'a\u{a}b'");
    }

    #[test]
    fn what_moves_or_hides_text_is_hidden_and_what_people_write_is_not() {
        let moving = "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        let marks = "\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{61c}\u{2060}\u{feff}\u{ad}\u{180e}";
        let breaks = "\u{2028}\u{2029}\n\r\t\u{0}\u{1b}\u{7f}\u{85}\u{9b}";
        let unseen = "\u{e0001}\u{e0041}\u{e0100}\u{fe0f}\u{3164}\u{115f}\u{2800}\u{34f}";
        let nothing = "\u{e000}\u{f0000}\u{10ffff}\u{fffe}\u{fdd0}\u{fff9}";
        for letter in [moving, marks, breaks, unseen, nothing].concat().chars() {
            assert!(is_hidden(letter), "{}", letter.escape_unicode());
        }
        for text in
            ["Zürich 5 % (a+b)", "日本語 한국어", "שלום", "العربية", "हिन्दी", "naïve – “x”", "🎉"]
        {
            assert_eq!(hidden(text), None, "{text}");
        }
        assert_eq!(hidden("a\u{202e}b").map(|found| found.to_string()).as_deref(), Some("U+202E"));
    }

    #[test]
    fn types_of_the_reader_are_said_in_words() {
        for (message, plain) in [
            (
                "invalid type: string \"a\", expected f64",
                "found string \"a\", expected a number such as 0.5",
            ),
            (
                "invalid value: integer `-1`, expected u32",
                "found integer `-1`, expected a whole number from 0 to 4294967295",
            ),
            ("invalid type: sequence, expected a map", "found a list, expected a table of its own"),
            ("invalid type: map, expected a string", "found a table, expected text in quotes"),
            ("unknown field `x`, expected `a` or `b`", "unknown field `x`, expected `a` or `b`"),
            ("missing field `x`", "missing field `x`"),
            (
                "invalid type: map, expected a sequence",
                "found a table, expected a list, each of whose parts begins with a head in two brackets, [[..]]",
            ),
            (
                "unknown variant `mean`, expected one of `sum`, `count`, `rows`",
                "found `mean`, expected one of `sum`, `count`, `rows`",
            ),
        ] {
            assert_eq!(plain_toml(message, "{ a = 1 }"), plain);
        }
        let date = plain_toml("invalid type: map, expected a string", "2026-05-01, last = 1");
        assert_eq!(date, "found a date without quotes, write \"2026-05-01\"");
        assert!(plain_toml("duplicate key", "").contains("two brackets"));
    }

    #[test]
    fn shown_text_says_where_it_ends_and_moves_nothing() {
        assert_eq!(visible("a\u{202e}b\u{1b}[2J"), "a\\u{202e}b\\u{1b}[2J");
        assert_eq!(quoted("none; its key"), "\"none; its key\"");
        assert_eq!(quoted("a\", \"b\\"), "\"a\\\", \\\"b\\\\\"");
        assert_eq!(quoted_list(&["a".to_owned(), "b, c".to_owned()]), "\"a\", \"b, c\"");
    }
}
