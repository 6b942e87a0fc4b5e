//! A page, or any value, as JSON.

use protocol::{page::Page, text};
use std::fmt::Write;

/// The page as JSON, for a program. Only JSON's own escapes are applied, and each text says whether
/// another party chose it.
///
/// # Errors
///
/// [`serde_json::Error`]; no page is known that makes one.
pub fn page(page: &Page) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(page).map(|json| visible(&json))
}

/// The same JSON value with hidden characters escaped. They can stand only inside its strings.
#[must_use]
pub fn visible(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter != '\n' && text::is_hidden(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_value_and_shows_what_is_hidden() {
        let value = serde_json::json!({ "a\u{202e}": "\u{1b}b\u{e0041}\n" });
        let text = visible(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.chars().all(|c| c == '\n' || !text::is_hidden(c)), "{text}");
        assert!(text.contains("a\\u202e") && text.contains("\\udb40\\udc41"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
