//! What parties, instance and custody say to each other, and what the instance leaves behind.

use super::{Folder, covers, job, kinds, opt_outs, refusals, room};
use crate::{
    audit::{AuditPage, Entry, Event, Listed, Log},
    canonical,
    delegation::{Authority, ByDelegate, Delegate, Delegation, Withdrawal, WithdrawalHeard},
    deletion::Deletion,
    digest::Digest,
    hpke::{self, Sealed},
    job::{Job, JobName},
    manifest::Manifest,
    merkle::{MerkleLog, leaf_hash, root_of},
    message::{
        Answered, AnsweredJob, AttestReply, AttestRequest, Body, OpenDataset, Package, Reply,
        Request, RunState, Status, result_binding,
    },
    receipt::{Account, Charge, ClosingBody, Delivery, ReceiptBody, output},
    refusal::Refusal,
    released::Released,
    sign,
    slice::{CustodyReply, Slice, SliceReply, SliceRequest},
};
use attestation_verifier::receipt::{self, Attested, BodyKind};
use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use std::fmt::Debug;

kinds!(BODIES, body: Body {
    Body::Grant { .. } => "grant",
    Body::Job { .. } => "job",
    Body::Run { .. } => "run",
    Body::Revoke { .. } => "revoke",
    Body::Withdraw { .. } => "withdraw",
    Body::Status {} => "status",
    Body::Audit { .. } => "audit",
    Body::Close {} => "close",
});

kinds!(REPLIES, reply: Reply {
    Reply::Attested(_) => "attested",
    Reply::Granted { .. } => "granted",
    Reply::Revoked {} => "revoked",
    Reply::Withdrawn {} => "withdrawn",
    Reply::Result { .. } => "result",
    Reply::Run(_) => "run",
    Reply::Status(_) => "status",
    Reply::Audit(_) => "audit",
    Reply::Closed { .. } => "closed",
    Reply::Refused(_) => "refused",
});

kinds!(EVENTS, event: Event {
    Event::Opened { .. } => "opened",
    Event::Granted { .. } => "granted",
    Event::Dropped { .. } => "dropped",
    Event::Withdrawn { .. } => "withdrawn",
    Event::Answered { .. } => "answered",
    Event::Refused { .. } => "refused",
    Event::Unlisted { .. } => "unlisted",
    Event::Closed {} => "closed",
});

kinds!(SLICE_REPLIES, slice_reply: SliceReply {
    SliceReply::Granted { .. } => "granted",
    SliceReply::WouldGrant {} => "would_grant",
    SliceReply::Refused(_) => "refused",
});

impl Folder {
    /// A value in its canonical encoding.
    #[track_caller]
    pub(super) fn value<T: Serialize + DeserializeOwned + PartialEq + Debug>(
        &mut self,
        file: &str,
        made: &T,
    ) {
        let bytes = self.file(file, &canonical::to_vec(made));
        let read: T = canonical::from_slice(&bytes).unwrap();
        assert_eq!((&read, canonical::to_vec(&read)), (made, bytes), "{file}");
    }

    /// A value that `key` signed.
    #[track_caller]
    pub(super) fn signed<T: ByDelegate + PartialEq + Debug>(
        &mut self,
        file: &str,
        made: &T,
        key: &Delegate,
    ) -> Vec<u8> {
        let bytes = self.file(file, &key.sign(made));
        let (read, by) = Authority::at(&room::contract(), room::NOW).open::<T>(&bytes).unwrap();
        assert_eq!(by.key(), &key.delegation().key);
        assert_eq!((&read, key.sign(&read)), (made, bytes.clone()), "{file}");
        // Whoever else delegates the key has nothing of what it signed.
        let (_, signed) = sign::pair::read(&bytes).unwrap();
        for other in [room::publisher(), room::retailer()] {
            let claimed = sign::pair::write(&other.sign(key.delegation()), signed);
            let opened = Authority::at(&room::contract(), room::NOW).open::<T>(&claimed);
            assert_eq!(opened.is_ok(), other.public() == key.root(), "{file}");
        }
        bytes
    }
}

/// A document that the module signed, if not of this instance: such a signature differs every time.
const DOCUMENT: &[u8] =
    include_bytes!("../../../tests/vectors/attestation-v1/accept/ok-definite.bin");
/// Stands for what was released; its format is in `released-v1`.
const RELEASED: &[u8] = b"released";
/// Stands for a result; their formats are in `result-v2`.
const RESULT: &[u8] = b"{\"format\": \"golden\"}\n";

#[test]
fn messages_have_the_bytes_they_had() {
    let mut folder = Folder::open("messages-v1");
    let mut digests =
        vec![("statement", room::instance()), ("result", output(RESULT)), ("nothing", output(b""))];
    for name in ["exposures", "sales"] {
        let (manifest, owner) = room::manifest(name);
        let bytes = folder.signed::<Manifest>(&format!("{name}.manifest"), &manifest, &owner);
        assert_eq!(crate::manifest::digest_of(&bytes), Some(manifest.digest()));
        digests.push((name, manifest.digest()));
    }
    let statement = folder.file("statement.cbor", &room::statement());
    assert_eq!(receipt::Statement::parse(&statement).unwrap().encode(), statement);

    grant(&mut folder);
    opt_outs::write(&mut folder);
    let jobs = jobs();
    let paid = folder.signed::<Slice>(
        "slice.cose",
        &room::slice(Some(&jobs[0])),
        &room::service("retailer"),
    );
    let prepaid = folder.signed::<Slice>(
        "slice-prepaid.cose",
        &room::slice(None),
        &room::service("retailer"),
    );
    requests(&mut folder, &jobs[0], [paid.clone(), prepaid]);
    custody(&mut folder, &jobs[0], paid);
    let receipt = receipts(&mut folder, &jobs);
    replies(&mut folder, &jobs[0], statement);
    package(&mut folder, &jobs[0], receipt);
    refusals::write(&mut folder);
    folder.digests(&digests);
    folder.finish();
}

fn jobs() -> Vec<Job> {
    let mut folder = Folder::open("job-v1");
    let numbered = job::FILES.iter().zip(1..);
    numbered.map(|(name, id)| room::job(&folder.by_hand(&format!("{name}.toml")), id)).collect()
}

fn grant(folder: &mut Folder) {
    let grant = room::grant();
    folder.value("grant.cbor", &grant);
    let (owner, manifest) = (room::publisher().public(), room::signed_manifest("exposures"));
    let binding = room::binding(&owner, &manifest);
    let opened =
        binding.open(&room::instance_secret(), &grant.columns, false, &grant.keys).unwrap();
    assert_eq!((opened.keys, opened.salt), (room::column_keys(), room::salt()));
}

fn requests(folder: &mut Folder, job: &Job, [paid, prepaid]: [Vec<u8>; 2]) {
    folder.value("attest.cbor", &AttestRequest { nonce: vec![6; 32] });
    let signed = room::analyst().sign(job);
    let bodies = [
        Body::Grant { grant: room::grant(), slices: vec![ByteBuf::from(prepaid)] },
        Body::Job { job: signed, slices: vec![ByteBuf::from(paid)] },
        Body::Status {},
        Body::Close {},
        Body::Revoke { dataset: "sales".to_owned() },
        Body::Withdraw { withdrawal: keys(folder) },
        Body::Run { run: b"weekly-lift-2.run".to_vec(), slices: Vec::new() },
        Body::Audit { from: 3 },
    ];
    covers(BODIES, bodies.iter().map(body));
    for (asked, id) in bodies.into_iter().zip(1..) {
        let file = format!("request-{}.cose", body(&asked));
        let request = Request { instance: room::instance(), id: [id; 16], body: asked };
        folder.signed(&file, &request, &room::service("publisher"));
    }
}

/// What a root key signs of the keys of its party; gives the withdrawal.
fn keys(folder: &mut Folder) -> Vec<u8> {
    let root = room::publisher();
    let mut delegation = |file: &str, key: Delegate| {
        let made = key.delegation();
        let bytes = folder.file(file, &root.sign(made));
        assert_eq!(&sign::open::<Delegation>(&bytes, &root.public()).unwrap(), made);
    };
    delegation("service.delegation", room::service("publisher"));
    delegation("analyst.delegation", room::analyst());
    let bytes = folder.file("analyst.withdrawal", &withdrawal());
    let Withdrawal { key, name } = sign::open(&bytes, &root.public()).unwrap();
    let withdrawn = room::analyst();
    assert_eq!((key, &name), (withdrawn.delegation().key, &withdrawn.delegation().name));
    bytes
}

/// The publisher takes its analyst key back.
fn withdrawal() -> Vec<u8> {
    let Delegation { key, name, .. } = room::analyst().delegation().clone();
    room::publisher().sign(&Withdrawal { key, name })
}

fn custody(folder: &mut Folder, job: &Job, slice: Vec<u8>) {
    let manifests = room::manifests();
    let manifests: Vec<_> =
        manifests.values().map(|it| ByteBuf::from(it.as_bytes().to_vec())).collect();
    let request = |only_asks| SliceRequest {
        owner: "retailer".to_owned(),
        time: room::NOW,
        id: [8; 16],
        job: room::analyst().sign(job),
        manifests: manifests.clone(),
        only_asks,
    };
    folder.signed("slice-request.cose", &request(false), &room::analyst());
    folder.signed("slice-request-only-asks.cose", &request(true), &room::analyst());
    let replies = [
        SliceReply::Granted { slices: vec![ByteBuf::from(slice)] },
        SliceReply::WouldGrant {},
        SliceReply::Refused(Refusal::Closed),
    ];
    covers(SLICE_REPLIES, replies.iter().map(slice_reply));
    for reply in &replies {
        folder.value(&format!("slice-reply-{}.cbor", slice_reply(reply)), reply);
    }
    let asked = room::analyst().sign(&request(false));
    let [reply, ..] = replies;
    let answer = CustodyReply { request: sign::digest_of(&asked), reply };
    folder.signed("custody-reply.cose", &answer, &room::service("retailer"));
    let heard = WithdrawalHeard { withdrawal: sign::digest_of(&withdrawal()) };
    folder.signed("withdrawal-heard.cose", &heard, &room::service("retailer"));
    let deletion = Deletion {
        contract: room::contract().digest,
        root: room::manifest("sales").0.root,
        time: room::NOW,
    };
    folder.signed("deletion.cose", &deletion, &room::service("retailer"));
}

fn accounts() -> Vec<Account> {
    ["exposures", "sales"]
        .map(|dataset| Account {
            dataset: dataset.to_owned(),
            purpose: "measurement".to_owned(),
            period: "2026-11-23".to_owned(),
            granted: room::loss(),
            spent: room::loss(),
        })
        .into()
}

fn deliveries() -> Vec<Delivery> {
    let delivery = |asked_by: &str, charged, free| Delivery {
        asked_by: asked_by.to_owned(),
        receiver: "retailer".to_owned(),
        charged,
        free,
    };
    vec![delivery("publisher", 3, 300), delivery("retailer", 0, 1)]
}

fn name(job: &Job) -> JobName {
    JobName::of("publisher", job)
}

fn replies(folder: &mut Folder, job: &Job, statement: Vec<u8>) {
    let closing = b"closing.cose".to_vec();
    let dataset = OpenDataset {
        dataset: "exposures".to_owned(),
        manifest: room::signed_manifest("exposures").as_bytes().to_vec(),
        not_after: room::NOW.plus_seconds(86_400),
    };
    let status = Status {
        datasets: vec![dataset],
        accounts: accounts(),
        jobs: vec![
            AnsweredJob { job: name(job), asked_by: "publisher".to_owned() },
            AnsweredJob { job: JobName::from([0xfe; 32]), asked_by: "retailer".to_owned() },
        ],
        deliveries: deliveries(),
        time: room::NOW,
        audit_size: 4,
        audit_root: root_of(b"audit"),
    };
    let attested = AttestReply {
        statement,
        document: DOCUMENT.to_vec(),
        contract: b"contract.signed".to_vec(),
    };
    let replies = [
        Reply::Attested(attested),
        Reply::Granted {
            columns: room::column_keys().into_keys().collect(),
            not_after: room::NOW.plus_seconds(86_400),
        },
        Reply::Result {
            job: name(job),
            sealed: Some(ByteBuf::from(b"package.sealed".to_vec())),
            not_stored: Vec::new(),
        },
        Reply::Status(status),
        Reply::Closed { closing },
        Reply::Refused(Refusal::Closed),
        Reply::Revoked {},
        Reply::Withdrawn {},
        Reply::Run(RunState {
            job: name(job),
            away: vec!["retailer".to_owned()],
            answered: false,
            not_stored: Vec::new(),
        }),
        Reply::Audit(audit(folder, job)),
    ];
    covers(REPLIES, replies.iter().map(reply));
    for answer in &replies {
        folder.value(&format!("reply-{}.cbor", reply(answer)), answer);
    }
    let none =
        Reply::Result { job: name(job), sealed: None, not_stored: vec!["retailer".to_owned()] };
    folder.value("reply-result-none.cbor", &none);
}

/// An entry of each kind; gives them as a party gets them that may not read the answer.
fn audit(folder: &mut Folder, job: &Job) -> AuditPage {
    let body = receipt_body(job);
    let events = [
        Event::Opened { instance: room::instance(), contract: job.contract },
        Event::Granted {
            dataset: "exposures".to_owned(),
            manifest: room::signed_manifest("exposures").digest(),
            not_after: room::NOW.plus_seconds(86_400),
        },
        Event::Answered {
            job: name(job),
            asked_by: "publisher".to_owned(),
            receivers: job.receivers.clone(),
            analysis: job.analysis.clone(),
            purpose: "measurement".to_owned(),
            datasets: job.datasets.clone(),
            charged: body.charged,
            output: body.output,
            decision: None,
            checks: None,
        },
        Event::Refused {
            party: "retailer".to_owned(),
            request: sign::digest_of(b"request"),
            analysis: Some(job.analysis.clone()),
            refusal: Refusal::Closed,
        },
        Event::Withdrawn {
            party: "retailer".to_owned(),
            key: room::service("retailer").delegation().key,
        },
        Event::Dropped { dataset: "exposures".to_owned() },
        Event::Unlisted { party: "retailer".to_owned(), requests: 4 },
        Event::Closed {},
    ];
    covers(EVENTS, events.iter().map(event));
    let mut log = MerkleLog::new();
    let mut entries = Vec::new();
    for (number, happened) in (0..).zip(events) {
        let file = format!("audit-{}.cbor", event(&happened));
        let entry = Entry { number, salt: [9; 16], time: room::NOW, event: happened };
        let bytes = folder.file(&file, &entry.to_bytes());
        assert_eq!(Entry::from_bytes(&bytes), Ok(entry));
        let listed = match number {
            2 => Listed::Others(leaf_hash(&bytes)),
            3 => Listed::NotKept(leaf_hash(&bytes)),
            _ => Listed::Text(bytes),
        };
        log.append(listed.leaf());
        entries.push(listed);
    }
    let head = log.head();
    assert_eq!(Log::new(entries.clone()).unwrap().check(&[head]), Ok(()));
    AuditPage { entries, head, time: room::NOW }
}

/// Gives the first receipt.
fn receipts(folder: &mut Folder, jobs: &[Job]) -> Vec<u8> {
    let container = |folder: &mut Folder, file: String, kind, body: Vec<u8>| {
        let payload = receipt::payload(kind, &body, DOCUMENT, &room::statement());
        let signature = room::receipts().sign_raw(&receipt::signing_input(&payload));
        let made = receipt::encode(&payload, signature.as_slice().try_into().unwrap());
        let bytes = folder.file(&file, &made);
        Attested::parse(&bytes).unwrap();
        bytes
    };
    let mut first = None;
    for (name, job) in job::FILES.iter().zip(jobs) {
        let made = receipt_body(job);
        folder.value(&format!("receipt-{name}.cbor"), &made);
        if ["lift", "table", "quantile"].contains(name) {
            let encoded = canonical::to_vec(&made);
            let file = format!("receipt-{name}.cose");
            let bytes = container(folder, file, BodyKind::Receipt, encoded);
            first.get_or_insert(bytes);
        }
    }
    let closing = ClosingBody {
        contract: room::contract().digest,
        output: output(b""),
        instance: room::instance(),
        accounts: accounts(),
        deliveries: deliveries(),
        time: room::NOW,
        audit_size: 5,
        audit_root: root_of(b"audit at the end"),
    };
    folder.value("closing.cbor", &closing);
    container(folder, "closing.cose".to_owned(), BodyKind::Closing, canonical::to_vec(&closing));
    first.unwrap()
}

fn receipt_body(job: &Job) -> ReceiptBody {
    let admitted = room::admitted(job);
    let charge = |dataset: &String| Charge {
        dataset: dataset.clone(),
        owner: room::contract().datasets[dataset].owner.clone(),
        purpose: "measurement".to_owned(),
        loss: admitted.cost().clone(),
    };
    let manifests = room::manifests();
    ReceiptBody {
        contract: job.contract,
        output: output(RESULT),
        job: room::analyst().sign(job),
        manifests: manifests.values().map(|it| ByteBuf::from(it.as_bytes().to_vec())).collect(),
        tally: admitted.proven().tally().clone(),
        proof: admitted.proven().proof().clone(),
        charged: admitted.datasets().iter().map(charge).collect(),
        released: Released::digest(RELEASED),
        time: room::NOW,
        audit_size: 4,
        audit_root: root_of(b"audit"),
    }
}

fn package(folder: &mut Folder, job: &Job, receipt: Vec<u8>) {
    let package = Package::padded(
        Answered { result: RESULT.to_vec(), receipt, released: RELEASED.to_vec() },
        room::analyst().sign(job),
    );
    let plain = canonical::to_vec(&package);
    let contract: Digest = room::contract().digest;
    let binding = result_binding(contract, name(job), "retailer");
    let parts: [(&[u8], &[u8]); 1] = [(&binding, &plain)];
    let secret = room::recipient(2);
    let sealed = hpke::seal(&secret.public(), &binding, &parts, &mut room::rng(8)).unwrap();
    let bytes = folder.file("package.sealed", &canonical::to_vec(&sealed));
    let read: Sealed = canonical::from_slice(&bytes).unwrap();
    assert_eq!(canonical::to_vec(&read), bytes);
    let opened = secret.open(&binding, &[&binding], &read).unwrap();
    assert_eq!(canonical::from_slice::<Package>(&opened[0]).unwrap(), package);
}
