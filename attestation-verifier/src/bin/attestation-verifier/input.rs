//! Reads files and standard input.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::failure::Failure;

/// A document or receipt, out of whichever wrapping it came in. `-` is standard input.
///
/// Text that is none of the known encodings is passed on as it is, to be refused as a document.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let raw = read_raw(path, LONGEST)?;
    if let Some(bytes) = unwrapped(&raw) {
        return Ok(bytes);
    }
    if !raw.is_empty() && std::str::from_utf8(&raw).is_ok() {
        let path = path.display();
        writeln!(io::stderr(), "{path} is text, but neither base64, hexadecimal nor armored")?;
    }
    Ok(raw)
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

fn unwrapped(raw: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(raw).ok()?.trim();
    let inside = text
        .starts_with("-----BEGIN ")
        .then(|| text.lines().filter(|line| !line.starts_with("-----")).collect::<String>());
    let text = inside.as_deref().unwrap_or(text);
    let compact = text.split_ascii_whitespace().collect::<String>();
    let hex = compact.strip_prefix("0x").unwrap_or(&compact);
    hex::decode(hex).or_else(|_| STANDARD.decode(&compact)).ok().filter(|bytes| !bytes.is_empty())
}

/// Four times the longest receipt: room for any encoding of it.
const LONGEST: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hex_base64_and_armor_and_leaves_raw_alone() {
        for text in ["84a0", "0x84 A0\n", "hKA=", "-----BEGIN X-----\nhKA=\n-----END X-----\n"] {
            assert_eq!(unwrapped(text.as_bytes()), Some(vec![0x84, 0xa0]), "{text}");
        }
        assert_eq!(unwrapped(&[0x84, 0xa0]), None);
        assert_eq!(unwrapped(b"neither!"), None);
    }
}
