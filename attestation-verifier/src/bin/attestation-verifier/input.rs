//! Reads files and standard input.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::failure::Failure;

/// A document or receipt, out of whichever wrapping it came in. `-` is standard input.
///
/// Text in none of the known encodings is an error: it cannot be told what it was meant to be.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let raw = read_raw(path, LONGEST)?;
    if raw.starts_with(&[0xff, 0xfe]) || raw.starts_with(&[0xfe, 0xff]) {
        return Err(Failure::Utf16 { path: path.to_owned() });
    }
    match text(&raw) {
        Some(text) => unwrapped(text).ok_or(Failure::Encoding { path: path.to_owned() }),
        None => Ok(raw),
    }
}

/// A file as it is. `-` is standard input.
pub(crate) fn read_raw(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let failed = |cause| Failure::Read { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).map_err(failed)?.take(most + 1).read_to_end(&mut bytes)
    };
    read.map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(bytes)
    } else {
        Err(Failure::TooLong { path: path.to_owned(), most })
    }
}

/// The input as text, if it is some. Nothing raw is: its first or second byte begins no character.
fn text(raw: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(raw).ok()?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let is_plain = |letter: char| !letter.is_control() || letter.is_whitespace();
    (!raw.is_empty() && text.chars().all(is_plain)).then_some(text)
}

fn unwrapped(text: &str) -> Option<Vec<u8>> {
    let inside = if text.contains(BEGIN) { armored(text)? } else { text.to_owned() };
    let compact = inside.split_ascii_whitespace().collect::<String>();
    let digits = compact.strip_prefix("0x").or(compact.strip_prefix("0X")).unwrap_or(&compact);
    let bytes = hex::decode(digits.replace(':', "")).ok();
    let bytes = bytes.or_else(|| BASE64.decode(&compact).ok());
    bytes.or_else(|| BASE64_URL.decode(&compact).ok()).filter(|bytes| !bytes.is_empty())
}

/// What is inside the one armor of a text, without headers such as `Version: 1` (RFC 1421, 4.4).
/// Text around it is passed over (RFC 7468, 2).
fn armored(text: &str) -> Option<String> {
    let (_, armor) = text.split_once(BEGIN)?;
    let (label, rest) = armor.split_once("-----")?;
    let (inside, after) = rest.split_once(&format!("-----END {label}-----"))?;
    let lines = inside.lines().filter(|line| !line.contains(": "));
    (!after.contains(BEGIN)).then(|| lines.collect())
}

const BEGIN: &str = "-----BEGIN ";
const BYTE_ORDER_MARK: char = '\u{feff}';
const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED_OR_NOT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED_OR_NOT);
/// Four times the longest receipt: room for any encoding of it.
const LONGEST: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &[u8]) -> Option<Vec<u8>> {
        text(raw).and_then(unwrapped)
    }

    #[test]
    fn reads_one_document_out_of_each_encoding() {
        // fb ef: the base64 has a letter of each alphabet that the other has not.
        for text in [
            "fbefbe",
            "0xFBEF be\n",
            "0Xfb:ef:be",
            "++++",
            "--__",
            "\u{feff}fbefbe",
            "-----BEGIN X-----\nfbefbe\n-----END X-----\n",
            "see\n-----BEGIN X-----\r\nVersion: 1\r\n\r\n++++\r\n-----END X-----\r\nbye",
        ] {
            let expected = if text == "--__" { [0xfb, 0xef, 0xff] } else { [0xfb, 0xef, 0xbe] };
            assert_eq!(read(text.as_bytes()), Some(expected.to_vec()), "{text}");
        }
        for padded in ["hKA=", "hKA"] {
            assert_eq!(read(padded.as_bytes()), Some(vec![0x84, 0xa0]), "{padded}");
        }
    }

    #[test]
    fn refuses_text_that_is_not_one_document() {
        let armor = "-----BEGIN X-----\nhKA=\n-----END X-----\n";
        let twice = armor.repeat(2);
        let torn = "-----BEGIN X-----\nhKA=\n-----END Y-----\n";
        for text in ["neither!", "+-+-", "h=KA", "hK", " \n", &twice, torn, &armor[..20]] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn leaves_alone_what_is_no_text() {
        for raw in [&[0x84, 0xa0][..], &[0x30, 0x82, 0x02], b"84\0", b""] {
            assert_eq!(text(raw), None, "{raw:?}");
        }
    }
}
