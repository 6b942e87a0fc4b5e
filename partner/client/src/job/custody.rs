//! Asks another party's custody, over TLS under the key that the contract pins. Its answer is signed with a service key,
//! so it is that party's word.

use super::{JobError, RETRIES};
use crate::{
    clock,
    http::{Http, HttpError},
    keys::{self, IdentityError},
    room::RoomError,
};
use bytes::Bytes;
use hyper::Method;
use protocol::{
    contract::{CUSTODY_ADDRESS, Contract, CustodyAddress},
    delegation::{Authority, Delegate, WithdrawalHeard, Withdrawn},
    digest::Digest,
    job::JobName,
    limits,
    refusal::Refusal,
    sign,
    slice::{CustodyReply, SliceReply, SliceRequest},
    text,
};
use serde_bytes::ByteBuf;
use std::{fmt, time::Duration};

/// A custody that is asked about one job.
pub(super) struct Custody<'a> {
    pub(super) contract: &'a Contract,
    pub(super) owner: &'a str,
    pub(super) url: &'a str,
    pub(super) analyst: Option<&'a str>,
    pub(super) job: JobName,
    pub(super) withdrawn: &'a Withdrawn,
}

impl Custody<'_> {
    /// The slices that the custody hands out; none if it was only asked whether it would.
    pub(super) async fn ask(
        &self,
        key: &Delegate,
        request: SliceRequest,
    ) -> Result<Vec<ByteBuf>, JobError> {
        let only_asks = request.only_asks;
        match self.post(key, request).await? {
            SliceReply::Granted { slices } if !only_asks => Ok(slices),
            SliceReply::WouldGrant {} if only_asks => Ok(Vec::new()),
            SliceReply::Refused(refusal) => Err(self.declined(refusal)),
            _ => Err(RoomError::Protocol { what: "an answer of a custody" }.into()),
        }
    }

    fn declined(&self, refusal: Refusal) -> JobError {
        let owner = self.owner.to_owned();
        if is_custodys(&refusal, self.owner, self.analyst) {
            JobError::Declined { owner, refusal: Box::new(refusal) }
        } else {
            JobError::NoRefusal { owner }
        }
    }

    async fn post(
        &self,
        key: &Delegate,
        mut request: SliceRequest,
    ) -> Result<SliceReply, JobError> {
        let expected = |_| self.unreachable(format!("expected {CUSTODY_ADDRESS}"));
        let address: CustodyAddress = self.url.parse().map_err(expected)?;
        let mut http = Http::to(&address);
        let mut attempts = 0;
        let mut asked;
        let answer = loop {
            attempts += 1;
            // Each attempt is a request of its own: a custody answers none twice.
            (request.id, request.time) = (keys::random()?, clock::now());
            let body = Bytes::from(key.sign(&request));
            asked = sign::digest_of(&body);
            match http.send(Method::POST, "/v1/slice", body, limits::SLICE_REPLY.bytes).await {
                Ok(answer) => break answer,
                Err(HttpError::Broken) if attempts < RETRIES => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error @ HttpError::OtherKey { .. }) => {
                    return Err(self.not_ours(error.to_string()));
                }
                Err(error) => return Err(self.unreachable(error.to_string())),
            }
        };
        if !answer.status.is_success() {
            return Err(self.unreachable(format!("HTTP status {}", answer.status.as_u16())));
        }
        self.believed(&answer.body, asked)
    }

    /// The answer to this request, if the owner's custody gave it.
    fn believed(&self, answer: &[u8], asked: Digest) -> Result<SliceReply, JobError> {
        let authority = Authority::at(self.contract, clock::now()).without(self.withdrawn);
        let opened = authority.open_of::<CustodyReply>(answer, self.owner);
        let (answer, _) = opened.map_err(|error| self.not_ours(error.to_string()))?;
        if answer.request != asked {
            return Err(self.not_ours("it answers another request".to_owned()));
        }
        Ok(answer.reply)
    }

    fn not_ours(&self, cause: String) -> JobError {
        let (owner, url) = (self.owner.to_owned(), self.url.to_owned());
        JobError::NotTheCustody { owner, url, cause }
    }

    fn unreachable(&self, cause: String) -> JobError {
        let (owner, url) = (self.owner.to_owned(), self.url.to_owned());
        JobError::CustodyUnreachable { owner, url, cause, name: self.job }
    }
}

/// Tells the custody at `url` of a withdrawn key. Returns the party whose custody was told,
/// according to the service key that signed the answer.
///
/// # Errors
///
/// [`JobError::NotTold`], also where something else answers than a custody of a party of `contract`.
pub async fn tell_custody(
    contract: &Contract,
    known: &Withdrawn,
    url: &str,
    withdrawal: &[u8],
) -> Result<String, JobError> {
    let not_told = |cause: String| JobError::NotTold { url: url.to_owned(), cause };
    let expected = |_| not_told(format!("expected {CUSTODY_ADDRESS}"));
    let address: CustodyAddress = url.parse().map_err(expected)?;
    let mut http = Http::to(&address);
    let body = Bytes::copy_from_slice(withdrawal);
    let sent = http.send(Method::POST, "/v1/withdraw", body, limits::SLICE_REPLY.bytes).await;
    let answer = sent.map_err(|error| not_told(error.to_string()))?;
    if !answer.status.is_success() {
        return Err(not_told(format!("HTTP status {}", answer.status.as_u16())));
    }
    let authority = Authority::at(contract, clock::now()).without(known);
    let opened = authority.open::<WithdrawalHeard>(&answer.body);
    let (heard, by) =
        opened.map_err(|why| not_told(format!("its answer is no custody's: {why}")))?;
    if heard.withdrawal == sign::digest_of(withdrawal) {
        Ok(by.party().to_owned())
    } else {
        Err(not_told("its answer is about another withdrawal".to_owned()))
    }
}

/// A request about `job` that no custody was asked yet.
///
/// # Errors
///
/// [`IdentityError`] without randomness.
pub(super) fn request(
    owner: &str,
    job: &[u8],
    manifests: &[Vec<u8>],
    only_asks: bool,
) -> Result<SliceRequest, IdentityError> {
    Ok(SliceRequest {
        owner: owner.to_owned(),
        time: clock::now(),
        id: keys::random()?,
        job: job.to_vec(),
        manifests: manifests.iter().cloned().map(Into::into).collect(),
        only_asks,
    })
}

/// Whether the custody of `owner` could give this refusal to `analyst`. A custody knows nothing of
/// what only an instance says, nor of parties other than its owner and the analyst.
fn is_custodys(refusal: &Refusal, owner: &str, analyst: Option<&str>) -> bool {
    match refusal {
        Refusal::Stranger
        | Refusal::Elsewhere
        | Refusal::Key { .. }
        | Refusal::Replayed
        | Refusal::OtherClock { .. }
        | Refusal::Malformed
        | Refusal::ContractExpired { .. }
        | Refusal::JobExpired { .. }
        | Refusal::Closed
        | Refusal::NotPermitted { .. }
        | Refusal::OverLimit { .. }
        | Refusal::Undrawable { .. }
        | Refusal::KeyWithheld { .. }
        | Refusal::OtherVersion { .. }
        | Refusal::OldOptOuts { .. }
        | Refusal::LogNotStored
        | Refusal::Internal => true,
        Refusal::Busy { party } | Refusal::TooManyJobs { analyst: party, .. } => {
            analyst == Some(party)
        }
        Refusal::BudgetExhausted { owner: whose, .. }
        | Refusal::CountersignedBefore { owner: whose, .. }
        | Refusal::OlderOptOuts { owner: whose, .. }
        | Refusal::NotBelieved { owner: whose } => whose == owner,
        _ => false,
    }
}

/// A refusal in another party's words, shortened for people and with hidden characters spelt out:
/// the names in it are that party's text.
pub(super) struct Quoted<'a>(pub(super) &'a Refusal);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = text::visible(&self.0.to_string());
        match words.char_indices().nth(MOST_LETTERS) {
            None => f.write_str(&words),
            Some((end, _)) => {
                write!(f, "{} (and so on: cut here)", words.get(..end).unwrap_or_default())
            }
        }
    }
}

/// Longest quoted refusal, in letters. A budget's refusal with everything that the budget was spent
/// on has a few hundred.
const MOST_LETTERS: usize = 1000;
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::Fixture, keys::Identity};
    use protocol::refusal::{Asked, Share};

    #[test]
    fn notices_what_answers_in_the_place_of_the_owners_custody() {
        let room = Fixture::new();
        let custody = Custody {
            contract: &room.contract,
            owner: "retailer",
            url: "http://127.0.0.1:1",
            analyst: Some("publisher"),
            job: JobName::from([1; 32]),
            withdrawn: Withdrawn::none(),
        };
        let asked = sign::digest_of(b"request");
        let reply = || SliceReply::WouldGrant {};
        let answer = |by: &Identity, request| {
            let signed = by.sign(&CustodyReply { request, reply: reply() }).unwrap();
            custody.believed(&signed, asked).map_err(|error| error.to_string())
        };
        assert_eq!(answer(&room.retailer, asked), Ok(reply()));
        let other = answer(&room.publisher, asked).unwrap_err();
        assert!(other.contains("may not sign this: a key of retailer is needed"), "{other}");
        let recorded = answer(&room.retailer, sign::digest_of(b"another")).unwrap_err();
        assert!(recorded.contains("is not retailer's custody: it answers another"), "{recorded}");
        let stranger = Fixture::new();
        assert!(answer(&stranger.retailer, asked).unwrap_err().contains("not signed by a key"));
        assert!(custody.believed(b"HTTP", asked).is_err());
    }

    fn said(refusal: Refusal) -> String {
        let room = Fixture::new();
        let custody = Custody {
            contract: &room.contract,
            owner: "retailer",
            url: "http://127.0.0.1:1",
            analyst: Some("publisher"),
            job: JobName::from([1; 32]),
            withdrawn: Withdrawn::none(),
        };
        custody.declined(refusal).to_string()
    }

    fn permits_no(name: &str) -> Refusal {
        Refusal::NotPermitted { what: Asked::Arm, name: name.to_owned(), owner: None }
    }

    #[test]
    fn what_a_custody_refuses_is_said_to_be_its_word() {
        assert_eq!(
            said(permits_no("x")),
            "retailer's custody says: the contract permits no arm \"x\""
        );
        let owner = "retailer".to_owned();
        let believes = said(Refusal::NotBelieved { owner });
        assert_eq!(
            believes,
            "retailer's custody says: the custody of retailer does not believe this instance: \
             ask retailer which check failed"
        );
    }

    #[test]
    fn what_a_custody_says_is_cut_and_hides_nothing() {
        let long = said(permits_no(&"a\u{202e}\u{1b}[2J".repeat(10_000)));
        assert!(long.chars().count() < 1100 && !long.chars().any(text::is_hidden), "{long}");
        assert!(long.contains("\\u{202e}") && long.ends_with("(and so on: cut here)"), "{long}");
    }

    #[test]
    fn refuses_a_refusal_that_no_custody_gives() {
        let other = || "agency".to_owned();
        for refusal in [
            Refusal::RateLimited,
            Refusal::BadSlice,
            Refusal::Opening { dataset: "sales".to_owned() },
            Refusal::ShareUsed { party: "publisher".to_owned(), share: Share::Answers },
            Refusal::NotBelieved { owner: other() },
            Refusal::Busy { party: other() },
        ] {
            assert_eq!(
                said(refusal),
                "retailer's custody answered with a refusal that no custody gives: ask retailer what \
                 answers at its address"
            );
        }
    }
}
