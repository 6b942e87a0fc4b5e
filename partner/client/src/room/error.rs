//! Why a room is not believed, or does not answer.

use super::TITLES;
use crate::{
    check::{self, Line, Number},
    keys::IdentityError,
    withdrawn::WithdrawnError,
};
use attestation_verifier::{
    ParseError, Region, VerifyError, check as verifier, receipt::ParseAttestedError,
};
use protocol::{digest::Digest, refusal::Refusal};

/// Why a room is not believed, or does not answer.
///
/// Remedy: send nothing to what is not believed; ask the operator for the room's address, or try again if nobody
/// answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// Nobody answers at the address.
    #[error("nobody listens at {address}: {cause} (is the host running?)")]
    NotListening {
        /// The address.
        address: String,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// TLS 1.3 could not be agreed on.
    #[error("no TLS 1.3 with an enclave: {cause} (the host may still be starting it: try again)")]
    Tls {
        /// The cause.
        cause: std::io::Error,
    },
    /// No answer came in time.
    #[error("no answer within {seconds} s")]
    TimedOut {
        /// How many seconds were waited.
        seconds: u64,
    },
    /// The connection broke.
    #[error("the connection was lost before the answer arrived: ask again, asking twice is safe")]
    Lost,
    /// The answer is not one of this protocol.
    #[error("the answer is not {what}: the room speaks another version")]
    Protocol {
        /// What was expected.
        what: &'static str,
    },
    /// The answer is an HTTP error without a reply in it.
    #[error("the room answered with HTTP status {status}")]
    Http {
        /// The status.
        status: u16,
    },
    /// The attestation document cannot be read.
    #[error("not believed: {0}")]
    MalformedDocument(#[source] ParseError),
    /// The attestation document is not believed.
    #[error("not believed: {0}")]
    Attestation(#[source] VerifyError),
    /// The enclave runs where the contract does not permit it.
    #[error(
        "not believed: the enclave runs in {found}, by the names in its certificates, and the contract permits {permitted}"
    )]
    Region {
        /// The region that the certificates name.
        found: Region,
        /// The regions that the contract permits.
        permitted: String,
    },
    /// The statement cannot be read.
    #[error("not believed: {0}")]
    Statement(#[source] ParseAttestedError),
    /// The enclave serves another contract.
    #[error("not believed: the instance serves the contract {}, expected {}", found.short(), expected.short())]
    OtherContract {
        /// The contract it serves.
        found: Digest,
        /// The contract that was expected.
        expected: Digest,
    },
    /// The TLS connection ends at somebody in between.
    #[error(
        "not believed: the TLS key is not the one in the statement; somebody relays to another \
             instance"
    )]
    KeyMismatch,
    /// The build was withdrawn by this party.
    #[error("not believed: the build was withdrawn")]
    Withdrawn,
    /// The list of withdrawn builds cannot be read, so nothing is believed.
    #[error(transparent)]
    ListOfWithdrawn(#[from] WithdrawnError),
    /// Another instance answers than before.
    #[error("the instance {} is gone, {} answers now: grant to the new one first", expected.short(), found.short())]
    OtherInstance {
        /// The instance that answers.
        found: Digest,
        /// The instance that answered before.
        expected: Digest,
    },
    /// The request was refused.
    #[error("declined: {0}")]
    Refused(#[source] Box<Refusal>),
    /// The operating system gives no randomness.
    #[error("the operating system gave no random numbers")]
    Randomness,
    /// This party's keys cannot be used.
    #[error(transparent)]
    Keys(Box<IdentityError>),
}

/// A refusal of a server that is not believed yet. A name in it would be a stranger's text, so only
/// refusals without names are passed on.
pub(super) fn of_nobody_yet(refusal: Refusal) -> RoomError {
    match refusal {
        Refusal::RateLimited | Refusal::Malformed | Refusal::Internal => {
            RoomError::Refused(Box::new(refusal))
        }
        _ => RoomError::Protocol { what: "an attestation document" },
    }
}

impl RoomError {
    /// The checks up to the one that failed; empty if the failure was not a check's.
    #[must_use]
    pub fn checks(&self) -> Vec<Line> {
        let words = self.to_string();
        let mut room = (1..).map(Number::Room).zip(TITLES);
        let document = (1..).map(Number::Spec).zip(verifier::TITLES);
        // The region is in the list only where it was asked for, and that is known where it is wrong.
        let region = (Number::Spec(verifier::REGION), verifier::REGION_TITLE);
        let region = (self.failed() == Some(region.0)).then_some(region);
        let titles: Vec<_> = room.by_ref().take(1).chain(document).chain(region).collect();
        let titles: Vec<_> = titles.into_iter().chain(room).collect();
        let failed = self.failed();
        failed.map_or_else(Vec::new, |failed| check::failed_at(&titles, failed, &words))
    }

    /// The check that failed, if one did.
    fn failed(&self) -> Option<Number> {
        Some(match self {
            Self::NotListening { .. } | Self::Tls { .. } => Number::Room(1),
            Self::MalformedDocument(error) => Number::Spec(error.check()),
            Self::Attestation(error) => Number::Spec(error.check()),
            Self::Region { .. } => Number::Spec(verifier::REGION),
            Self::Statement(_) => Number::Room(2),
            Self::OtherContract { .. } => Number::Room(3),
            Self::KeyMismatch => Number::Room(4),
            Self::Withdrawn => Number::Room(5),
            _ => return None,
        })
    }

    /// Whether asking again on a new connection may help.
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
    fn a_room_elsewhere_fails_at_the_region_after_all_that_the_document_says() {
        let (found, permitted) = ("eu-west-1".parse().unwrap(), "eu-central-1".to_owned());
        let error = RoomError::Region { found, permitted };
        let said = error.to_string();
        assert!(said.contains("runs in eu-west-1, by") && said.ends_with("permits eu-central-1"));
        let list = error.checks();
        let failed = list.iter().position(|line| line.outcome == Outcome::Failed).unwrap();
        assert_eq!((list.len(), list[failed].number.to_string().as_str()), (28, "36"));
        assert!(list[..failed].iter().all(|line| line.outcome == Outcome::Passed), "{list:?}");
        assert_eq!(list[failed + 1].outcome, Outcome::NotReached);
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
