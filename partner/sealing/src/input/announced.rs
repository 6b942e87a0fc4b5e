//! Lengths that an Arrow file announces, held to a limit before the reader sets memory aside for them.
//!
//! Source: "Encapsulated message format" and "IPC file format",
//! <https://arrow.apache.org/docs/format/Columnar.html>.

use arrow_ipc::{root_as_footer, root_as_message};
use std::io::{self, Cursor, Read, Seek, SeekFrom};

/// Passes an Arrow stream on, message by message.
pub(super) struct Messages<R> {
    inner: R,
    head: Cursor<Vec<u8>>,
    body: u64,
}

impl<R: Read> Messages<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, head: Cursor::default(), body: 0 }
    }

    /// Reads the head of the next message; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        let mut head = Vec::new();
        self.more(&mut head, 4)?;
        if head == CONTINUED {
            self.more(&mut head, 4)?;
        }
        let length = head.last_chunk().map_or(0, |length| i32::from_le_bytes(*length));
        let before = head.len();
        self.more(&mut head, bounded(i64::from(length), MAX_METADATA)?)?;
        let metadata = head.get(before..).unwrap_or_default();
        // What is no message is the reader's to refuse.
        let body = root_as_message(metadata).map_or(0, |message| message.bodyLength());
        self.body = bounded(body, MAX_BODY)?;
        let some = !head.is_empty();
        self.head = Cursor::new(head);
        Ok(some)
    }

    fn more(&mut self, into: &mut Vec<u8>, bytes: u64) -> io::Result<()> {
        Read::by_ref(&mut self.inner).take(bytes).read_to_end(into).map(drop)
    }
}

impl<R: Read> Read for Messages<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.head.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            if self.body > 0 {
                let read = Read::by_ref(&mut self.inner).take(self.body).read(into)?;
                self.body = self.body.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
                return Ok(read);
            }
            if !self.advance()? {
                return Ok(0);
            }
        }
    }
}

/// Holds the blocks that the footer of an Arrow file names to the limit.
pub(super) fn check_blocks<R: Read + Seek>(mut file: R) -> io::Result<R> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut tail = [0; TAIL];
    let footer_end = end.saturating_sub(10);
    file.seek(SeekFrom::Start(footer_end))?;
    // A shorter file is the reader's to refuse.
    if file.read_exact(&mut tail).is_ok() {
        let length = tail.first_chunk().map_or(0, |length| i32::from_le_bytes(*length));
        let length = bounded(i64::from(length), MAX_METADATA)?;
        file.seek(SeekFrom::Start(footer_end.saturating_sub(length)))?;
        let mut footer = Vec::new();
        Read::by_ref(&mut file).take(length).read_to_end(&mut footer)?;
        if let Ok(footer) = root_as_footer(&footer) {
            let batches = footer.recordBatches().into_iter().flatten();
            for block in batches.chain(footer.dictionaries().into_iter().flatten()) {
                bounded(i64::from(block.metaDataLength()), MAX_METADATA)?;
                bounded(block.bodyLength(), MAX_BODY)?;
                bounded(block.offset(), end)?;
            }
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn bounded(length: i64, most: u64) -> io::Result<u64> {
    u64::try_from(length).ok().filter(|length| *length <= most).ok_or_else(|| {
        io::Error::other(format!("a part of {length} bytes is announced, expected at most {most}"))
    })
}

const CONTINUED: [u8; 4] = [0xff; 4];
/// The length of the footer, and the six letters at the end.
const TAIL: usize = 10;
const MAX_METADATA: u64 = 16 << 20;
/// Of one batch; memory that is set aside and never written costs nothing.
const MAX_BODY: u64 = 2 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SealError,
        input::{
            batches::Batches,
            source::{Source, Whole},
        },
    };
    use std::path::Path;

    fn seed(name: &str) -> Vec<u8> {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::read(seeds.join("../../tests/fuzz/seeds/intake").join(name)).unwrap()
    }

    /// Every byte set to 0x7f, one after another: each is read or refused, and no length that is announced
    /// ends the program.
    #[test]
    fn a_damaged_arrow_file_is_read_or_refused() {
        let whole = |name, bytes: Vec<u8>| {
            let source = match name {
                "file.arrow" => Source::ArrowFile(Whole::Memory(bytes.into())),
                _ => Source::ArrowStream(Box::new(Cursor::new(bytes))),
            };
            let path = Path::new(name);
            let batches = Batches::open(path, source)?;
            let mut rows = 0;
            batches.chunks(
                path,
                &[],
                &mut |chunk| {
                    rows += chunk.rows().count();
                    Ok(None)
                },
                &mut |_, _| {},
            )?;
            Ok::<_, SealError>(rows)
        };
        for name in ["stream.arrows", "file.arrow"] {
            let bytes = seed(name);
            assert_eq!(whole(name, bytes.clone()).unwrap(), 3);
            let mut refused = 0;
            for at in 0..bytes.len() {
                let mut bytes = bytes.clone();
                bytes[at] = 0x7f;
                refused += usize::from(whole(name, bytes).is_err());
            }
            assert!(refused > 100, "{name}: {refused}");
        }
    }
}
