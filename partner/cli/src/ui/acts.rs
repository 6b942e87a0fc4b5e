//! What was prepared on the page: the terminal asks about one thing at a time.

use ::ui::{Prepared, State, Wish};
use protocol::page::Text;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Everything that was prepared since the page began.
#[derive(Debug)]
pub(super) struct Acts {
    known: Mutex<Vec<Prepared>>,
    terminal: mpsc::Sender<(usize, Wish)>,
}

impl Acts {
    /// The wishes come out at the other end.
    pub(super) fn new() -> (Self, mpsc::Receiver<(usize, Wish)>) {
        let (terminal, wishes) = mpsc::channel(1);
        (Self { known: Mutex::default(), terminal }, wishes)
    }

    /// Hands a wish to the terminal, unless that is at another one.
    pub(super) fn prepare(&self, about: Text, wish: Wish) -> Result<u64, Text> {
        let mut known = self.known();
        let busy = known.iter().any(|earlier| earlier.state.is_open());
        let number = known.len();
        if busy || self.terminal.try_send((number, wish)).is_err() {
            return Err("The terminal asks about something else already: answer that first.".into());
        }
        known.push(Prepared { about, said: Vec::new(), state: State::Waiting });
        u64::try_from(number).map_err(|_| "Too many were prepared.".into())
    }

    pub(super) fn prepared(&self, number: u64) -> Option<Prepared> {
        self.known().get(usize::try_from(number).ok()?).cloned()
    }

    /// Something happened.
    pub(super) fn say(&self, number: usize, words: Text) {
        if let Some(prepared) = self.known().get_mut(number) {
            prepared.said.push(words);
        }
    }

    pub(super) fn become_of(&self, number: usize, state: State) {
        if let Some(prepared) = self.known().get_mut(number) {
            prepared.state = state;
        }
    }

    /// A poisoned lock means that our own code panicked between two whole states.
    fn known(&self) -> MutexGuard<'_, Vec<Prepared>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_is_asked_about_one_thing_at_a_time() {
        let (acts, mut wishes) = Acts::new();
        let wish = || Wish::Ask { job: "[lift]".to_owned(), receivers: Vec::new() };
        let first = acts.prepare("one".into(), wish()).unwrap();
        acts.prepare("two".into(), wish()).unwrap_err();
        assert_eq!(wishes.try_recv().unwrap(), (0, wish()));
        // It was heard, and is not answered yet.
        acts.prepare("two".into(), wish()).unwrap_err();
        acts.become_of(0, State::Ended);
        assert_eq!(acts.prepared(first).unwrap().state, State::Ended);
        assert_eq!(acts.prepare("two".into(), wish()), Ok(1));
        assert!(acts.prepared(2).is_none());
    }
}
