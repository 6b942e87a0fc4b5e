//! How much of what others send is read, kept and worked on: every limit, in one place, with what must
//! hold between them.
//!
//! Bytes are cheap on the wire and dear in memory: a list of empty texts has one byte for each, and
//! becomes a hundred. So each kind of message has a limit on its bytes, one on the values in it
//! ([`Size::items`]), and its lists have limits of their own ([`at_most`]), all of which stand in front of
//! the work.

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use std::{fmt, marker::PhantomData};

/// What one kind of message may have at most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "two limits, and a caller may name its own")]
pub struct Size {
    /// Bytes of its encoding.
    pub bytes: usize,
    /// Values in it: numbers, texts, byte strings, lists and maps, with everything inside.
    pub items: usize,
}

impl Size {
    const fn new(bytes: usize, items: usize) -> Self {
        Self { bytes, items }
    }
}

// What a stranger may send.

/// A request for an attestation document.
pub const ATTEST: Size = Size::new(64, 8);
/// A signed request of a party to an instance, signature included.
pub const REQUEST: Size = Size::new(768 * KIB, 16_384);
/// A signed request of an analyst to a custody, with a job and its manifests, signature included.
pub const SLICE_REQUEST: Size = Size::new(256 * KIB, 64);
/// Milliseconds that such a request's time may lie before or after the custody's.
pub const SLICE_REQUEST_MS: u64 = 5 * 60 * 1000;
/// An upload's or a reader's request to a host's store, but for the bytes of a blob.
pub const STORE_REQUEST: usize = KIB;

// What is signed.

/// Anything signed that is named nowhere else.
pub const SIGNED: Size = Size::new(64 * KIB, 4096);
/// A job.
pub const JOB: Size = Size::new(64 * KIB, 16_384);
/// A standing order: its runs, but not their questions.
pub const ORDER: Size = Size::new(64 * KIB, 8192);
/// A run of an order: the signed order, and what this run asks.
pub const RUN: Size = Size::new(ORDER.bytes + JOB.bytes + ENVELOPE, 16_384);
/// An order with all of its questions.
pub const ORDER_FILE: Size = Size::new(MIB, 262_144);
/// The times of an order's runs, for a host.
pub const SCHEDULE: Size = Size::new(16 * KIB, 2048);
/// A manifest.
pub const MANIFEST: Size = Size::new(64 * KIB, 8192);
/// A list of opt-outs.
pub const OPT_OUTS: Size = Size::new(OPT_OUT_PLACES * 32 + KIB, 16);
/// A grant that AWS KMS hands over: a manifest, and what is said of its columns.
pub const KMS_GRANT: Size = Size::new(128 * KIB, 8192);
/// The same, sealed with its keys and a list of opt-outs.
pub const KMS_SEALED: Size = Size::new(768 * KIB, 32);
/// Builds that one such grant names.
pub const KMS_BUILDS: usize = 64;
/// An answer of AWS KMS to an enclave: it decrypts at most 4,096 bytes.
pub const KMS_ENVELOPE: usize = 8 * KIB;
/// A slice.
pub const SLICE: Size = Size::new(2 * KIB, 128);
/// A delegation of a key, or its withdrawal.
pub const DELEGATION: Size = Size::new(KIB / 4, 16);
/// An owner's word to a host to delete a sealed file.
pub const DELETION: Size = Size::new(KIB / 4, 8);
/// Milliseconds that its time may lie before or after the host's.
pub const DELETION_MS: u64 = 5 * 60 * 1000;
/// The bytes around a payload that one party signed, with the delegation of the key.
pub const ENVELOPE: usize = 512;
/// Match keys on one list of opt-outs.
pub const OPT_OUT_PLACES: usize = 16_384;
/// Withdrawals that are kept of one party.
pub const WITHDRAWALS: usize = 256;
/// Parties whose signatures one contract can have.
pub const SIGNERS: usize = 64;

// What somebody says who may not be believed yet.

/// A reply to a request for a document: the contract, the document (16 KiB) and the statement; or a refusal.
pub const ATTEST_REPLY: Size = Size::new(CONTRACT + 64 * KIB, 16_384);
/// A reply to a grant, a question for the status, or a closing.
pub const STATUS_REPLY: Size = Size::new(MIB, 131_072);
/// A reply with entries of the audit log: their texts, and as many leaves.
pub const AUDIT_REPLY: Size = Size::new(AUDIT_TEXTS + AUDIT_PAGE * 64 + KIB, 4 * AUDIT_PAGE + 16);
/// Entries of the audit log in one reply.
pub const AUDIT_PAGE: usize = 4096;
/// Bytes of texts of entries in one reply.
pub const AUDIT_TEXTS: usize = 512 * KIB;
/// The text of an entry of the audit log.
pub const AUDIT_ENTRY: Size = Size::new(128 * KIB, 16_384);
/// A reply to a job: a sealed package, or a refusal.
pub const RESULT_REPLY: Size = Size::new(OBJECT + 4 * KIB, 16_384);
/// A reply of a custody.
pub const SLICE_REPLY: Size = Size::new(256 * KIB, 32_768);
/// A sealed package, as the host keeps it.
pub const SEALED: Size = Size::new(OBJECT, 16);
/// What is in a sealed package.
pub const PACKAGE: Size = Size::new(OBJECT, 16);
/// What was released for one job.
pub const RELEASED: Size = Size::new(24 * MIB, 4_194_304);
/// A receipt: the verifier reads no longer one.
pub const RECEIPT: Size = Size::new(MIB, 262_144);
/// A closing, as the host keeps it.
pub const CLOSING: Size = Size::new(MIB, 131_072);
/// The host's words in JSON: how far an upload is, its health, a problem.
pub const STORE_REPLY: usize = 16 * KIB;
/// A message between host and enclave, whatever bytes it carries.
pub const FRAME_ITEMS: usize = 32;
/// Any other message.
pub const MESSAGE: Size = Size::new(OBJECT, 262_144);
/// The bucket salt of one contract, sealed to each party.
pub const SALTS: Size = Size::new(SIGNERS * 2 * KIB, SIGNERS * 8);
/// A file with an audit log: its heads and entries.
pub const AUDIT_FILE: Size = Size::new(OBJECT, 4_194_304);
/// The text of an entry in a record of it; a longer one is not recorded.
pub const LOG_TEXT: usize = 16 * KIB;
/// The record of one entry of an audit log, as the host keeps it, but for its signature.
pub const LOG_RECORD: Size = Size::new(LOG_TEXT + SIGNERS * 512 + KIB, 4 * SIGNERS + 16);
/// What a record that is signed has at most.
pub const SIGNED_LOG_RECORD: usize = LOG_RECORD.bytes + ENVELOPE;
/// The opening of an audit log at the host, its attestation document included.
pub const LOG_OPENING: Size = Size::new(256 * KIB, 8 * SIGNERS + 64);
/// Records in one answer of the host.
pub const LOG_PAGE_RECORDS: usize = 256;
/// Bytes of all records in one answer of the host.
pub const LOG_PAGE_BYTES: usize = 2 * MIB;
/// One answer of the host with records.
pub const LOG_PAGE: Size =
    Size::new(LOG_PAGE_BYTES + LOG_PAGE_RECORDS * 8 + KIB, 2 * LOG_PAGE_RECORDS);
/// Instances whose logs a host lists, the newest first.
pub const LOGS: usize = 64;
/// A contract file.
pub const CONTRACT: usize = MIB;
/// An object at the host.
pub const OBJECT: usize = 64 * MIB;
/// How deep values may lie in each other.
pub const DEPTH: usize = 32;

// Lists in a question, as the policy permits them; the number of measures it names, others it calls malformed.

/// What cells are made of.
pub const GROUP_BY: usize = 8;
/// Conditions of one question, and of one tally.
pub const CONDITIONS: usize = 512;
/// Values of one condition, values of an arm, edges of bins or of a choice.
pub const VALUES: usize = 1000;
/// Head counts and totals of all cells of one answer: as JSON less than 40 MB, well below what a host keeps.
pub const FIGURES: usize = 1 << 16;
/// Cells of a geo experiment.
pub const GEO_CELLS: usize = 8;
/// Things to add up.
pub const MEASURES: usize = 16;

// Lists in what is decoded: at least what is permitted, so that a refusal can say what was too many.

/// Datasets that one question reads.
pub const TABLES: usize = 8;
/// Edges of the bins in which people are counted by in how many cells they would be.
pub const SPREAD_EDGES: usize = 5;
/// Things to add up in a job.
pub const DECODED_MEASURES: usize = 4 * MEASURES;
/// What cells are made of.
pub const DECODED_GROUP_BY: usize = 4 * GROUP_BY;
/// Features of a training.
pub const DECODED_FEATURES: usize = 4 * learning::FEATURES;
/// The sums of one step of a training: bins of all features, or weights of a dense model.
pub const STEP_SUMS: usize = learning::dense::WEIGHTS;
/// Hidden layers of a dense model.
pub const LAYERS: usize = learning::dense::LAYERS;
/// Steps of a training.
pub const STEPS: usize = 1000;
/// Products of two measures, or of one with itself.
pub const PRODUCTS: usize = DECODED_MEASURES * (DECODED_MEASURES + 1) / 2;
/// Pooled totals beside contrasts.
pub const DECODED_POOLED: usize = DECODED_MEASURES + PRODUCTS;
/// Parties of a list.
pub const PARTIES: usize = SIGNERS;
/// Slices that come with one request.
pub const SLICES: usize = 64;
/// Manifests that come with one request or receipt.
pub const MANIFESTS: usize = 8;
/// Instances that may get the slices of one run of a standing order.
pub const ATTEMPTS: u8 = 3;
/// Runs of a standing order.
pub const RUNS: usize = 400;
/// Columns of one dataset.
pub const COLUMNS: usize = 1024;
/// Open datasets of an instance.
pub const DATASETS: usize = 256;
/// Counts of answers: for who asked and who reads.
pub const DELIVERIES: usize = PARTIES * PARTIES;
/// Accounts of an instance.
pub const ACCOUNTS: usize = 4096;
/// Lines that a refusal has on where a budget went.
pub const DEBITS: usize = 256;

// What an instance keeps of all parties together; each has an even share.

/// Answers.
pub const ANSWERS: usize = 4096;
/// Bytes of results and receipts, each once.
pub const ANSWER_BYTES: usize = 192 * MIB;
/// Bytes of the audit log's entries on requests that were declined.
pub const REFUSED_BYTES: usize = 16 * MIB;
/// Entries of the audit log on requests that were declined. Each job asks its price once before it is paid.
pub const REFUSED_ENTRIES: usize = 2 * ANSWERS;
/// Grants that are taken. Each is an entry of the audit log, and its end another.
pub const GRANTS: usize = 32_768;

// Connections, and the bytes that wait in them.

/// Places at an instance. A virtio-vsock driver stops reading once as many replies wait to be sent as its
/// ring has places (128 in QEMU), so half a ring of connections keeps either end reading.
pub const INSTANCE_PLACES: usize = 64;
/// Places at a custody, below the 1,024 descriptors that a process usually has.
pub const CUSTODY_PLACES: usize = 256;
/// Bytes of requests that a server holds at one time, whoever sends them.
pub const BODIES: usize = 64 * MIB;
/// Bytes of one connection that are read before they are asked for.
pub const AHEAD: usize = 64 * KIB;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

const _: () = {
    assert!(JOB.bytes + SLICES * (SLICE.bytes + ENVELOPE) + ENVELOPE + KIB <= REQUEST.bytes);
    assert!(JOB.bytes + 2 * MANIFEST.bytes + 4 * ENVELOPE + KIB <= SLICE_REQUEST.bytes);
    assert!(OPT_OUTS.bytes + MANIFEST.bytes + 3 * ENVELOPE + 128 * KIB <= REQUEST.bytes);
    assert!(OPT_OUTS.bytes + KMS_GRANT.bytes + 2 * ENVELOPE + 64 * KIB <= KMS_SEALED.bytes);
    assert!(KMS_SEALED.bytes <= OBJECT);
    assert!(INSTANCE_PLACES * (REQUEST.bytes + AHEAD) <= BODIES);
    assert!(CUSTODY_PLACES * SLICE_REQUEST.bytes <= BODIES);
    assert!(CUSTODY_PLACES < 1024 / 2);
    assert!(MEASURES <= DECODED_MEASURES && GROUP_BY <= DECODED_GROUP_BY);
    assert!(CONTRACT < ATTEST_REPLY.bytes && ATTEST_REPLY.bytes < MIB + MIB / 8);
    assert!(JOB.bytes * 4 < RECEIPT.bytes);
    assert!(RECEIPT.bytes == attestation_verifier::receipt::Attested::MAX_LEN);
    assert!(DELEGATION.bytes + 2 * 128 <= ENVELOPE);
    assert!(SIGNERS <= PARTIES);
    assert!(TABLES <= MANIFESTS);
    assert!(AUDIT_ENTRY.bytes <= AUDIT_TEXTS);
    assert!(SIGNED_LOG_RECORD <= LOG_PAGE_BYTES);
    assert!(LOGS * 160 < STORE_REPLY);
    assert!(LOG_OPENING.bytes < RECEIPT.bytes);
    assert!(learning::FEATURES * 256 <= STEP_SUMS);
};

/// Deserialises a list of at most `MOST` things, and stops at the first one too many:
/// `#[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]`.
///
/// # Errors
///
/// Whatever is wrong with one of them, or that there are too many.
pub fn at_most<'de, const MOST: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct List<const MOST: usize, T>(PhantomData<T>);

    impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for List<MOST, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            if let Some(found) = list.size_hint().filter(|found| *found > MOST) {
                return Err(A::Error::invalid_length(found, &self));
            }
            let mut things = Vec::new();
            while let Some(thing) = list.next_element()? {
                if things.len() >= MOST {
                    return Err(A::Error::invalid_length(MOST + 1, &self));
                }
                things.push(thing);
            }
            Ok(things)
        }
    }

    deserializer.deserialize_seq(List::<MOST, T>(PhantomData))
}
