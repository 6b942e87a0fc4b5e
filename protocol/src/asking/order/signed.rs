//! An order with its analyst's signature, and with the questions of its runs.

use super::{Order, OrderName, OrderedRun, RunName, question_digest};
use crate::{
    canonical,
    delegation::{Authorised, Authority, Delegate},
    job::Question,
    limits::{self, at_most},
    refusal::{OrderFlaw, Refusal, RunFlaw},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An order with the party of the contract that signed it. Only [`SignedOrder::open`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedOrder {
    order: Order,
    signed_by: Authorised,
    name: OrderName,
    bytes: Vec<u8>,
}

impl SignedOrder {
    /// Opens an order that an analyst key of a party signed, for the contract of `authority`.
    ///
    /// # Errors
    ///
    /// What is wrong with the signature or its key, [`Refusal::Elsewhere`] for an order under another contract, and
    /// [`Refusal::BadOrder`].
    pub fn open(authority: &Authority<'_>, bytes: Vec<u8>) -> Result<Self, Refusal> {
        if bytes.len() > limits::ORDER.bytes + limits::ENVELOPE {
            return Err(Refusal::Malformed);
        }
        let (order, signed_by) = authority.open::<Order>(&bytes)?;
        if order.contract != authority.contract().digest {
            return Err(Refusal::Elsewhere);
        }
        order.check(authority.contract()).map_err(|why| Refusal::BadOrder { why })?;
        let name = OrderName::of(signed_by.party(), &order);
        Ok(Self { order, signed_by, name, bytes })
    }

    /// The order.
    #[must_use]
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// What the order says of its run with this number.
    ///
    /// # Errors
    ///
    /// [`RunFlaw::NoSuchRun`].
    pub fn run(&self, number: u32) -> Result<OrderedRun, Refusal> {
        let order = &self.order;
        let runs = u32::try_from(order.runs.len()).unwrap_or(u32::MAX);
        let window = order.window(number).ok_or_else(|| Refusal::Run {
            order: order.name.clone(),
            number,
            why: RunFlaw::NoSuchRun { runs },
        })?;
        Ok(OrderedRun {
            name: RunName { order: self.name, number },
            order_name: order.name.clone(),
            at: window.at,
            until: window.until,
            attempts: order.attempts,
            price: order.price.clone(),
        })
    }

    /// The party that signed it.
    #[must_use]
    pub fn analyst(&self) -> &str {
        self.signed_by.party()
    }

    /// The party that signed the order, with the key that it used.
    #[must_use]
    pub fn signed_by(&self) -> &Authorised {
        &self.signed_by
    }

    /// The name of the order.
    #[must_use]
    pub fn name(&self) -> OrderName {
        self.name
    }

    /// The signed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// An order with its questions, as parties hand it to each other: owners read what they accept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderFile {
    signed: SignedOrder,
    questions: Vec<Question>,
}

/// The bytes of the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    #[serde(with = "serde_bytes")]
    order: Vec<u8>,
    #[serde(deserialize_with = "at_most::<{ limits::RUNS }, _, _>")]
    questions: Vec<Question>,
}

impl OrderFile {
    /// Opens a file: every question of the order must be in it, and no other.
    ///
    /// # Errors
    ///
    /// As [`SignedOrder::open`]; [`Refusal::Malformed`] for bytes that are no such file, and [`OrderFlaw::Questions`].
    pub fn open(authority: &Authority<'_>, bytes: &[u8]) -> Result<Self, Refusal> {
        let Parts { order, questions } = canonical::from_slice_within(bytes, limits::ORDER_FILE)
            .map_err(|_| Refusal::Malformed)?;
        let signed = SignedOrder::open(authority, order)?;
        let found: Vec<_> = questions.iter().map(question_digest).collect();
        let mut wanted = Vec::new();
        let mut seen = BTreeSet::new();
        for window in &signed.order.runs {
            if seen.insert(window.question) {
                wanted.push(window.question);
            }
        }
        if found != wanted {
            return Err(Refusal::BadOrder { why: OrderFlaw::Questions });
        }
        Ok(Self { signed, questions })
    }

    /// Signs `order`, whose questions are all among `questions`, with an analyst key.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]: what nobody would open is not signed.
    pub fn sign(
        authority: &Authority<'_>,
        key: &Delegate,
        order: &Order,
        questions: &[Question],
    ) -> Result<Self, Refusal> {
        let by_digest: BTreeMap<_, _> =
            questions.iter().map(|question| (question_digest(question), question)).collect();
        let mut seen = BTreeSet::new();
        let named = order.runs.iter().map(|window| window.question);
        let questions: Vec<Question> = named
            .filter(|digest| seen.insert(*digest))
            .filter_map(|digest| by_digest.get(&digest).map(|question| (*question).clone()))
            .collect();
        Self::open(authority, &canonical::to_vec(&Parts { order: key.sign(order), questions }))
    }

    /// The signed order.
    #[must_use]
    pub fn signed(&self) -> &SignedOrder {
        &self.signed
    }

    /// The order.
    #[must_use]
    pub fn order(&self) -> &Order {
        &self.signed.order
    }

    /// The different questions of its runs.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// The question of the run with this number.
    #[must_use]
    pub fn question(&self, number: u32) -> Option<&Question> {
        let wanted = self.order().window(number)?.question;
        self.questions.iter().find(|question| question_digest(question) == wanted)
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (order, questions) = (self.signed.bytes.clone(), self.questions.clone());
        canonical::to_vec(&Parts { order, questions })
    }
}
