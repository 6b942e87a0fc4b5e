//! A line from the terminal that called the program, which does not show it.

use client::keys::Passphrase;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
};
use zeroize::{Zeroize, Zeroizing};

/// Asks on the terminal, whatever standard input and output are. What is typed is not shown.
///
/// # Errors
///
/// What the system says, above all where there is no terminal; [`io::ErrorKind::Interrupted`] if it was ended with Ctrl-C or
/// Ctrl-D.
pub(super) fn ask(words: &str) -> io::Result<Zeroizing<String>> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let quiet = Quiet::begin(terminal.try_clone()?)?;
    terminal.write_all(words.as_bytes())?;
    let line = read_line(&mut terminal);
    terminal.write_all(b"\n")?;
    drop(quiet);
    line
}

/// A terminal that shows nothing, until this is dropped. Keys come one by one, Ctrl-C too: so the terminal is given back
/// as it was, however it ends.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn begin(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut now = before.clone();
        now.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        now.special_codes[SpecialCodeIndex::VMIN] = 1;
        now.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before the question is no answer to it.
        tcsetattr(&terminal, OptionalActions::Flush, &now)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        tcsetattr(&self.terminal, OptionalActions::Flush, &self.before).unwrap_or_default();
    }
}

/// A line as a terminal's keys write it.
fn read_line(keys: &mut impl Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(Passphrase::MOST + 1));
    let mut key = [0];
    loop {
        if keys.read(&mut key)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match key {
            [b'\r' | b'\n'] => break,
            [INTERRUPT | END] => return Err(io::Error::new(io::ErrorKind::Interrupted, "ended")),
            [BACKSPACE | DELETE] => {
                // A character may have several bytes; those after the first begin with the bits 10.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            [KILL] => line.zeroize(),
            // Longer than any passphrase, and refused as such; nothing is moved to where it is not wiped.
            _ if line.len() > Passphrase::MOST => {}
            [byte] => line.push(byte),
        }
    }
    key.zeroize();
    let text = std::str::from_utf8(&line);
    let text = text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not text in UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const KILL: u8 = 0x15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_the_keys_leave_of_it() {
        let typed = |keys: &str| read_line(&mut keys.as_bytes()).map(|line| line.to_string());
        assert_eq!(typed("three mice\r").unwrap(), "three mice");
        assert_eq!(typed("wrong\u{15}thrée\u{7f}\u{7f}ee\n").unwrap(), "three");
        assert_eq!(typed("\u{8}a\n").unwrap(), "a");
        assert_eq!(typed("a\u{3}b\n").unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert_eq!(typed("a").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(typed(&format!("{}\n", "x".repeat(5000))).unwrap().len(), Passphrase::MOST + 1);
    }
}
