//! Why a room is not believed, or does not answer.

use super::TITLES;
use crate::{
    check::{self, Line, Number},
    keys::IdentityError,
    withdrawn::WithdrawnError,
};
use attestation_verifier::{ParseError, VerifyError, receipt::ParseAttestedError};
use protocol::{digest::Digest, refusal::Refusal};

/// Why a room is not believed, or does not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// Nobody there.
    #[error("nobody listens at {address}: {cause} (is the host running?)")]
    NotListening {
        /// Where.
        address: String,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// No TLS 1.3.
    #[error("no TLS 1.3 with an enclave: {cause} (the host may still be starting it: try again)")]
    Tls {
        /// What went wrong.
        cause: std::io::Error,
    },
    /// Too slow.
    #[error("no answer within {seconds} s")]
    TimedOut {
        /// How long we waited.
        seconds: u64,
    },
    /// The connection broke.
    #[error("the connection was lost before the answer arrived: ask again, asking twice is safe")]
    Lost,
    /// No answer of this protocol.
    #[error("the answer is not {what}: the room speaks another version")]
    Protocol {
        /// What was expected.
        what: &'static str,
    },
    /// An HTTP error without an answer in it.
    #[error("the room answered with HTTP status {status}")]
    Http {
        /// The status.
        status: u16,
    },
    /// No attestation document.
    #[error("not believed: {0}")]
    MalformedDocument(#[source] ParseError),
    /// A document that is not believed.
    #[error("not believed: {0}")]
    Attestation(#[source] VerifyError),
    /// No statement.
    #[error("not believed: {0}")]
    Statement(#[source] ParseAttestedError),
    /// An enclave, but under another contract.
    #[error("not believed: the instance serves the contract {}, expected {}", found.short(), expected.short())]
    OtherContract {
        /// The contract it serves.
        found: Digest,
        /// Ours.
        expected: Digest,
    },
    /// Somebody in between.
    #[error(
        "not believed: the TLS key is not the one in the statement; somebody relays to another \
             instance"
    )]
    KeyMismatch,
    /// A build that we no longer accept.
    #[error("not believed: the build was withdrawn")]
    Withdrawn,
    /// It is not known which builds we accept.
    #[error(transparent)]
    ListOfWithdrawn(#[from] WithdrawnError),
    /// Another instance than before.
    #[error("the instance {} is gone, {} answers now: grant to the new one first", expected.short(), found.short())]
    OtherInstance {
        /// Who answers.
        found: Digest,
        /// Who answered before.
        expected: Digest,
    },
    /// Declined.
    #[error("declined: {0}")]
    Refused(#[source] Box<Refusal>),
    /// No randomness.
    #[error("the operating system gave no random numbers")]
    Randomness,
    /// Our keys.
    #[error(transparent)]
    Keys(Box<IdentityError>),
}

/// A refusal of whoever is not believed yet. Its words are of this protocol, but names in them would be
/// text of a stranger's: only those without any are passed on.
pub(super) fn of_nobody_yet(refusal: Refusal) -> RoomError {
    match refusal {
        Refusal::RateLimited | Refusal::Malformed | Refusal::Internal => {
            RoomError::Refused(Box::new(refusal))
        }
        _ => RoomError::Protocol { what: "an attestation document" },
    }
}

impl RoomError {
    /// The list of checks up to the one that failed. Empty if it was no check that failed.
    #[must_use]
    pub fn checks(&self) -> Vec<Line> {
        let words = self.to_string();
        let document = attestation_verifier::check::TITLES;
        let mut room = (1..).map(Number::Room).zip(TITLES);
        let document = (1..).map(Number::Spec).zip(document);
        let titles: Vec<_> = room.by_ref().take(1).chain(document).collect();
        let titles: Vec<_> = titles.into_iter().chain(room).collect();
        let failed = match self {
            Self::NotListening { .. } | Self::Tls { .. } => Number::Room(1),
            Self::MalformedDocument(error) => Number::Spec(error.check()),
            Self::Attestation(error) => Number::Spec(error.check()),
            Self::Statement(_) => Number::Room(2),
            Self::OtherContract { .. } => Number::Room(3),
            Self::KeyMismatch => Number::Room(4),
            Self::Withdrawn => Number::Room(5),
            _ => return Vec::new(),
        };
        check::failed_at(&titles, failed, &words)
    }

    /// True if asking again on a new connection may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Lost | Self::TimedOut { .. } | Self::NotListening { .. } | Self::Tls { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    #[test]
    fn the_list_says_which_check_failed_and_what_was_not_reached() {
        let list = RoomError::KeyMismatch.checks();
        assert_eq!(list.len(), 27);
        let failed = list.iter().position(|line| line.outcome == Outcome::Failed).unwrap();
        assert_eq!(list[failed].title, TITLES[3]);
        assert!(list[..failed].iter().all(|line| line.outcome == Outcome::Passed));
        assert_eq!(list[failed + 1].outcome, Outcome::NotReached);
        let numbers: Vec<_> = list.iter().map(|line| line.number.to_string()).collect();
        assert_eq!(numbers[..2], ["R1", "1"]);
        // The verifier's 22, then the room's own.
        assert_eq!(numbers[22..], ["22", "R2", "R3", "R4", "R5"]);
    }

    #[test]
    fn a_document_that_is_not_believed_fails_at_its_own_check() {
        let mut too_long = vec![0; 64 * 1024];
        let error = attestation_verifier::Document::parse(&too_long).unwrap_err();
        let first = RoomError::MalformedDocument(error).checks();
        assert_eq!(first[1].outcome, Outcome::Failed, "{first:?}");
        too_long.truncate(10);
        let error = attestation_verifier::Document::parse(&too_long).unwrap_err();
        let second = RoomError::MalformedDocument(error).checks();
        assert_eq!(second[2].outcome, Outcome::Failed, "{second:?}");
    }

    #[test]
    fn what_is_no_check_has_no_list() {
        assert!(RoomError::TimedOut { seconds: 1 }.checks().is_empty());
    }

    #[test]
    fn what_is_not_believed_yet_says_nothing_in_its_own_words() {
        let dataset = "x\": run this again with --danger-root evil.der".to_owned();
        for refusal in [
            Refusal::Opening { dataset: dataset.clone() },
            Refusal::KeyWithheld { dataset, owner: "you".to_owned() },
        ] {
            let said = of_nobody_yet(refusal).to_string();
            assert_eq!(
                said,
                "the answer is not an attestation document: the room speaks another version"
            );
        }
        assert!(matches!(of_nobody_yet(Refusal::RateLimited), RoomError::Refused(_)));
    }
}
