//! Messages, what is signed, frames and sealed files.

use super::{room, writer};
use protocol::{
    audit::Entry,
    canonical,
    contract::{Contract, TAG},
    delegation::{
        Authority, Delegated, Delegation, KeyError, Withdrawal, WithdrawalHeard, Withdrawn,
    },
    deletion::Deletion,
    grant::Grant,
    hpke::{RecipientSecret, Sealed},
    job::{Job, JobId, Question},
    key::DataKey,
    manifest::{Manifest, SignedManifest},
    merkle::{self, Root},
    message::{AttestReply, AttestRequest, Package, Reply, Request},
    opt_outs::OptOuts,
    policy, proof,
    receipt::{ClosingBody, ReceiptBody},
    sealed::{self, Declared, FOOTER, SealedColumn},
    sign::{Envelope, Jointly, PublicKey},
    slice::{CustodyReply, Slice, SliceReply, SliceRequest},
    storage::{
        Answer, Ask, MAX_BODY, Message, ObjectName, Problem, UploadStatus, decode_frame,
        encode_frame,
    },
    stored_log::{LogOpening, LogPage, LogRecord},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt::Debug, sync::LazyLock};

/// What does not change from one input to the next.
struct Room {
    contract: Contract,
    manifests: BTreeMap<String, SignedManifest>,
    job: Job,
    parties: [PublicKey; 2],
    recipient: RecipientSecret,
}

static ROOM: LazyLock<Room> = LazyLock::new(|| Room {
    contract: room::contract(),
    manifests: room::manifests(),
    job: room::job(include_str!("../../vectors/job-v1/lift.toml"), 1),
    parties: [room::publisher().public(), room::retailer().public()],
    recipient: room::recipient(2),
});

/// Every message has one encoding; a job is admitted or refused, a proof holds or does not.
pub(super) fn message(bytes: &[u8]) {
    read::<AttestRequest>(bytes);
    if let Ok(entry) = Entry::from_bytes(bytes) {
        assert_eq!(entry.to_bytes(), bytes);
    }
    read::<AttestReply>(bytes);
    read::<Request>(bytes);
    read::<SliceRequest>(bytes);
    read::<Grant>(bytes);
    read::<Package>(bytes);
    read::<Manifest>(bytes);
    read::<Slice>(bytes);
    read::<CustodyReply>(bytes);
    read::<WithdrawalHeard>(bytes);
    read::<Deletion>(bytes);
    read::<ClosingBody>(bytes);
    read::<LogOpening>(bytes);
    read::<LogPage>(bytes);
    if let Some(record) = read::<LogRecord>(bytes) {
        let key = DataKey::take(&mut [0; DataKey::LEN]);
        assert!(record.read("publisher", &key).is_err(), "nothing was sealed so");
    }
    if let Some(SliceReply::Refused(refusal)) = read::<SliceReply>(bytes) {
        let _words = refusal.to_string();
    }
    if let Some(Reply::Refused(refusal)) = read::<Reply>(bytes) {
        let _words = refusal.to_string();
    }
    if let Some(sealed) = read::<Sealed>(bytes) {
        let opened = ROOM.recipient.open(b"", &[b""], &sealed);
        assert!(opened.is_err(), "nothing was sealed so");
    }
    if let Some(receipt) = read::<ReceiptBody>(bytes) {
        let _held = proof::check(receipt.tally, receipt.proof, 1);
    }
    if let Some(job) = read::<Job>(bytes) {
        admit(&job);
    }
    // Past what names this room: what a party can sign.
    if let Some(question) = read::<Question>(bytes) {
        for analysis in ROOM.contract.analyses.keys() {
            admit(&Job {
                question: question.clone(),
                analysis: analysis.clone(),
                ..ROOM.job.clone()
            });
        }
    }
}

fn read<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let value: T = canonical::from_slice(bytes).ok()?;
    assert_eq!(canonical::to_vec(&value), bytes);
    Some(value)
}

/// What is admitted has a proof that holds.
fn admit(job: &Job) {
    match policy::admit(&ROOM.contract, job, "publisher", &ROOM.manifests, room::NOW) {
        Ok(admitted) => {
            let (tally, proof) = (admitted.proven().tally(), admitted.proven().proof());
            let min_cell = ROOM.contract.min_cell;
            // A choice shows no count, and so asks for no smallest one.
            let least = if proof.choice().is_some() { 0 } else { min_cell };
            let held = proof::check(tally.clone(), proof.clone(), least);
            assert_eq!(held.as_ref(), Ok(admitted.proven()));
        }
        Err(refusal) => drop(refusal.to_string()),
    }
}

/// Nothing is verified that was not signed before, and what is, is encoded to the same.
pub(super) fn envelope(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::parse(bytes) {
        for party in &ROOM.parties {
            let _delegation = envelope.verify::<Delegation>(party);
            let _withdrawal = envelope.verify::<Withdrawal>(party);
            let lineage = &ROOM.contract.datasets["exposures"].lineage;
            if let Ok(list) = OptOuts::open(bytes, party, lineage) {
                assert!(list.named().is_on_grid());
                assert!(
                    u64::try_from(list.keys().len()).is_ok_and(|keys| keys <= list.named().places)
                );
            }
        }
        let _told = Withdrawn::default().take(&ROOM.contract, bytes);
    }
    let authority = Authority::at(&ROOM.contract, room::NOW);
    if Delegated::parse(bytes).is_err() {
        assert!(matches!(authority.open::<Slice>(bytes), Err(KeyError::Malformed)));
    }
    let _request = authority.open::<Request>(bytes);
    let _job = authority.open::<Job>(bytes);
    let _slice = authority.open::<Slice>(bytes);
    let _reply = authority.open::<CustodyReply>(bytes);
    let _heard = authority.open::<WithdrawalHeard>(bytes);
    let _deletion = authority.open::<Deletion>(bytes);
    for party in ROOM.contract.parties.keys() {
        let manifest = authority.open_of::<Manifest>(bytes, party);
        let signed = SignedManifest::open(bytes.to_vec(), &authority, party);
        assert_eq!(manifest.is_ok(), signed.is_ok());
    }
    if let Ok(joint) = Jointly::parse(TAG, bytes) {
        assert_eq!(joint.to_vec(), bytes);
        let _signers = joint.signers();
    }
}

/// A frame is read to a message that has this frame, or is not read.
pub(super) fn frame(bytes: &[u8]) {
    framed::<Ask>(bytes);
    framed::<Answer>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(name) = text.parse::<ObjectName>() {
            assert!(!text.contains("..") && name.as_str() == text);
        }
        if let Ok(root) = text.parse::<Root>() {
            assert_eq!(root.to_string(), text);
        }
        let _status = serde_json::from_str::<UploadStatus>(text);
        let _problem = serde_json::from_str::<Problem>(text);
    }
}

fn framed<T: Message + Debug + PartialEq>(bytes: &[u8]) {
    if let Ok(Some((message, length))) = decode_frame::<T>(bytes, MAX_BODY) {
        assert_eq!(encode_frame(&message).expect("what was read"), bytes[..length]);
    }
}

/// A file, or the inside of one kind of its modules, which only the owner of the keys can write; the
/// first byte says which.
pub(super) fn sealed(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let file = match KINDS.get(usize::from(*kind)) {
        Some(kind) => {
            let mut writer = writer::Writer::new(&SHEET.keys, &SHEET.prefix);
            writer.instead = Some((*kind, rest));
            writer.file(&SHEET.layout, &SHEET.values)
        }
        None => rest.to_vec(),
    };
    let manifest = Manifest {
        lineage: "sales".to_owned(),
        version: 1,
        root: merkle::root_of(&file),
        size: u64::try_from(file.len()).expect("a length"),
        declared: Declared::of(writer::ROWS),
        columns: SHEET.layout.clone(),
        aad_prefix: SHEET.prefix.clone(),
        opt_outs: None,
    };
    let dataset = &ROOM.contract.datasets["sales"];
    if let Ok(opened) = sealed::open(&file, &manifest, dataset, &SHEET.keys) {
        assert_eq!(opened.len(), SHEET.layout.len());
    }
    let _rows = sealed::claimed_rows(&file, &SHEET.keys);
}

/// Kinds of module, by the first byte of an input.
const KINDS: [u8; 4] =
    [writer::FOOTER_MODULE, writer::COLUMN_METADATA, writer::PAGE_HEADER, writer::PAGE];

/// Keys and values of a file.
struct Sheet {
    keys: BTreeMap<String, DataKey>,
    prefix: Vec<u8>,
    layout: Vec<SealedColumn>,
    values: BTreeMap<String, Vec<u8>>,
}

static SHEET: LazyLock<Sheet> = LazyLock::new(|| {
    let layout = sealed::layout(&ROOM.contract.datasets["sales"]);
    let rows = usize::try_from(writer::ROWS).expect("a thousand");
    let names = layout.iter().map(|column| column.name.as_str()).chain([FOOTER]).zip(1..);
    Sheet {
        keys: names.map(|(name, byte)| (name.to_owned(), DataKey::take(&mut [byte; 32]))).collect(),
        prefix: vec![5; 32],
        layout,
        values: [
            ("email", [7; 16].repeat(rows)),
            ("phone", [0; 16].repeat(rows)),
            ("visit", [1, 0, 0, 0, 0, 0, 0, 0].repeat(rows)),
            ("spend", [30, 0, 0, 0, 0, 0, 0, 0].repeat(rows)),
            ("bought", [9, 0, 0, 0].repeat(rows)),
            ("shop", [0x61; 32].repeat(rows)),
        ]
        .map(|(name, values)| (name.to_owned(), values))
        .into(),
    }
});

/// What is inside of seeds, for targets that look there.
pub(super) fn derived(target: &str, seeds: &[Vec<u8>]) -> Vec<Vec<u8>> {
    match target {
        "message" => {
            let questions = [
                include_str!("../../vectors/job-v1/lift.toml"),
                include_str!("../../vectors/job-v1/table.toml"),
                include_str!("../../vectors/job-v1/quantile.toml"),
                include_str!("../../vectors/job-v1/fullest.toml"),
            ];
            let jobs = questions.map(|text| room::job(text, 1));
            let jobs = jobs.iter().flat_map(|job| {
                let named = Job { id: JobId([1; 16]), ..job.clone() };
                [canonical::to_vec(&job.question), canonical::to_vec(&named)]
            });
            let payloads = seeds.iter().filter_map(|seed| payload(seed));
            jobs.chain(payloads).collect()
        }
        "sealed" => {
            let mut writer = writer::Writer::new(&SHEET.keys, &SHEET.prefix);
            let file = writer.file(&SHEET.layout, &SHEET.values);
            let whole = seeds.iter().chain([&file]).map(|file| [&[0xff][..], file].concat());
            let inside = writer.inside.iter().filter_map(|(kind, plain)| {
                let at = KINDS.iter().position(|it| it == kind)?;
                Some([&[u8::try_from(at).ok()?][..], plain].concat())
            });
            whole.chain(inside).collect()
        }
        _ => Vec::new(),
    }
}

/// What a `COSE_Sign1` of ours is about, with or without the delegation of its key.
fn payload(signed: &[u8]) -> Option<Vec<u8>> {
    use coset::{CborSerializable as _, CoseSign1};
    if let Ok(parts) = Delegated::parse(signed) {
        return Some(parts.payload().to_vec());
    }
    CoseSign1::from_slice(signed).ok()?.payload
}
