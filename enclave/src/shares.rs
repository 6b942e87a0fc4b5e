//! Each party's share of what an instance keeps for all of them.

use protocol::{
    limits,
    refusal::{Refusal, Share},
};
use std::collections::BTreeMap;

/// The shares of all parties. They do not grow again while the instance lives, since answers are
/// kept for retries.
pub(crate) struct Shares {
    parties: usize,
    had: BTreeMap<String, Had>,
}

#[derive(Default)]
struct Had {
    answers: usize,
    bytes: usize,
}

impl Shares {
    /// Even shares for this many parties.
    pub(crate) fn of(parties: usize) -> Self {
        Self { parties: parties.max(1), had: BTreeMap::new() }
    }

    /// Refuses a job of a party that has used up its share, before any work is done for it.
    pub(crate) fn check(&self, party: &str) -> Result<(), Refusal> {
        let Some(had) = self.had.get(party) else { return Ok(()) };
        let used = |share| Err(Refusal::ShareUsed { party: party.to_owned(), share });
        if had.answers >= limits::ANSWERS / self.parties {
            return used(Share::Answers);
        }
        if had.bytes >= limits::ANSWER_BYTES / self.parties {
            return used(Share::AnswerBytes);
        }
        Ok(())
    }

    /// Records an answer to `party`, for which `bytes` are newly kept.
    pub(crate) fn note(&mut self, party: &str, bytes: usize) {
        let had = self.had.entry(party.to_owned()).or_default();
        had.answers = had.answers.saturating_add(1);
        had.bytes = had.bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_that_has_had_its_share_leaves_the_others_theirs() {
        for (bytes, share) in [(0, Share::Answers), (1 << 20, Share::AnswerBytes)] {
            let mut shares = Shares::of(2);
            let mut answered = 0;
            while shares.check("retailer").is_ok() {
                shares.note("retailer", bytes);
                answered += 1;
            }
            assert!((64..=limits::ANSWERS / 2).contains(&answered));
            let party = "retailer".to_owned();
            assert_eq!(shares.check("retailer"), Err(Refusal::ShareUsed { party, share }));
            assert_eq!(shares.check("publisher"), Ok(()));
        }
    }
}
