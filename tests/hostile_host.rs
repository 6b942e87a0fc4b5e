//! The host is trusted by nobody. One test for each verb of its power: alter, truncate, swap,
//! replay, roll back, withhold, reorder, relay, fork.

use client::receipt_check::ReceiptFiles;
use client::{
    close::{CloseError, Closing},
    grant::GrantError,
    open::OpenError,
    room::{Room, RoomError},
    trust::Trust,
};
use protocol::{
    canonical,
    contract::Contract,
    message::{Body, Reply},
    refusal::{GrantFlaw, Refusal},
    storage::{Answer, Ask, Failure},
};
use serde_bytes::ByteBuf;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tests::{HostileHost, Instance, JOB, Parties, Terms, exposures, relay, sales};
use tokio::time::timeout;

struct Opened {
    parties: Parties,
    host: Arc<HostileHost>,
    instance: Instance,
    room: Room,
}

/// A room in which both datasets are open and paid for.
async fn opened() -> Opened {
    let (parties, host) = empty_room();
    let instance = parties.boot(&host).await;
    let mut room = parties.connect(&instance).await.unwrap();
    for (dataset, csv) in [("exposures", exposures(400)), ("sales", sales(400))] {
        let sealed = parties.seal(dataset, &csv, 1);
        host.keep(&sealed);
        parties.grant(&mut room, dataset, &sealed).await.unwrap();
    }
    Opened { parties, host, instance, room }
}

/// Two parties, and a host that keeps nothing yet.
fn empty_room() -> (Parties, Arc<HostileHost>) {
    let parties = Parties::new();
    let host = HostileHost::new(&parties);
    (parties, host)
}

/// What a grant of `exposures` comes to when the host does `mischief` to each range it serves.
async fn grant_under(
    mischief: impl FnMut(&Ask, Answer) -> Answer + Send + 'static,
) -> Result<client::grant::Granted, GrantError> {
    let (parties, host) = empty_room();
    let instance = parties.boot(&host).await;
    let mut room = parties.connect(&instance).await.unwrap();
    let sealed = parties.seal("exposures", &exposures(400), 1);
    host.keep(&sealed);
    host.misbehave(mischief);
    let granted = parties.grant(&mut room, "exposures", &sealed).await;
    // Whatever the host did, a retry with an honest host loses nothing.
    host.behave();
    parties.grant(&mut room, "exposures", &sealed).await.unwrap();
    granted
}

fn flaw(refused: Result<client::grant::Granted, GrantError>) -> GrantFlaw {
    match refused {
        Err(GrantError::Refused(refusal)) => match *refusal {
            Refusal::BadGrant { why, .. } => why,
            other => panic!("refused for another reason: {other}"),
        },
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_dataset_with_an_altered_block() {
    let altered = grant_under(|_, answer| match answer {
        Answer::Range { mut bytes } => {
            let middle = bytes.0.len() / 2;
            bytes.0[middle] ^= 1;
            Answer::Range { bytes }
        }
        other => other,
    });
    assert_eq!(flaw(altered.await), GrantFlaw::Altered);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_truncated_dataset() {
    let truncated = grant_under(|_, answer| match answer {
        Answer::Range { mut bytes } => {
            bytes.0.truncate(bytes.0.len() - 1);
            Answer::Range { bytes }
        }
        other => other,
    });
    assert_eq!(flaw(truncated.await), GrantFlaw::Altered);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_blocks_in_another_order() {
    let reordered = grant_under(|_, answer| match answer {
        Answer::Range { mut bytes } => {
            let half = bytes.0.len() / 2;
            bytes.0.rotate_left(half);
            Answer::Range { bytes }
        }
        other => other,
    });
    assert_eq!(flaw(reordered.await), GrantFlaw::Altered);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_two_datasets_that_were_swapped() {
    let (parties, host) = empty_room();
    let instance = parties.boot(&host).await;
    let mut room = parties.connect(&instance).await.unwrap();
    let first = parties.seal("exposures", &exposures(400), 1);
    let second = parties.seal("exposures", &exposures(401), 2);
    host.keep(&first);
    let other = second.file.to_vec();
    host.misbehave(move |ask, answer| match (ask, answer) {
        (Ask::Read { offset, length, .. }, Answer::Range { .. }) => {
            let start = usize::try_from(*offset).unwrap();
            let end = start + usize::try_from(*length).unwrap();
            Answer::Range { bytes: other[start..end].to_vec().into() }
        }
        (_, answer) => answer,
    });
    let refused = parties.grant(&mut room, "exposures", &first).await;
    assert_eq!(flaw(refused), GrantFlaw::Altered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withheld_dataset_is_missing_and_a_retry_brings_it_back() {
    let withheld = grant_under(|ask, answer| match ask {
        Ask::Read { .. } => Answer::Failed { why: Failure::NotFound },
        _ => answer,
    });
    assert_eq!(flaw(withheld.await), GrantFlaw::Missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_to_roll_a_dataset_back_to_an_older_version() {
    let mut it = opened().await;
    let newer = it.parties.seal("exposures", &exposures(410), 2);
    it.host.keep(&newer);
    it.parties.grant(&mut it.room, "exposures", &newer).await.unwrap();
    let older = it.parties.seal("exposures", &exposures(400), 1);
    it.host.keep(&older);
    let refused = it.parties.grant(&mut it.room, "exposures", &older).await;
    assert_eq!(flaw(refused), GrantFlaw::Older);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_grant_meant_for_another_instance() {
    let (parties, host) = empty_room();
    let (first, fork) = (parties.boot(&host).await, parties.boot(&host).await);
    let room = parties.connect(&first).await.unwrap();
    let mut forked = parties.connect(&fork).await.unwrap();
    let sealed = parties.seal("exposures", &exposures(400), 1);
    host.keep(&sealed);
    let to = parties.to(&room, "exposures");
    let not_after = client::clock::now().plus_seconds(3600);
    let mut generator = client::keys::generator().unwrap();
    let grant =
        to.seal("exposures", &sealed.manifest, &sealed.keys, not_after, &mut generator).unwrap();
    let body = Body::Grant { grant, slices: Vec::new() };
    let reply = forked.request(&parties.publisher, body).await.unwrap();
    let dataset = "exposures".to_owned();
    assert_eq!(reply, Reply::Refused(Refusal::BadGrant { dataset, why: GrantFlaw::Keys }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forked_instance_has_neither_keys_nor_budget() {
    let mut it = opened().await;
    let fork = it.parties.boot(&it.host).await;
    let mut forked = it.parties.connect(&fork).await.unwrap();
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    let body = Body::Job { job: prepared.as_bytes().to_vec(), slices: Vec::new() };
    let reply = forked.request(&it.parties.publisher, body).await.unwrap();
    assert_eq!(reply, Reply::Refused(Refusal::Elsewhere));
    let status = forked.status(&it.parties.publisher).await.unwrap();
    assert!(status.datasets.is_empty() && status.accounts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_slice_adds_nothing() {
    let mut it = opened().await;
    let slice = it.parties.slice(&it.room, "sales");
    let signed = ByteBuf::from(it.parties.retailer.sign(&slice).unwrap());
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    let slices = vec![signed.clone(), signed.clone(), signed];
    let body = Body::Job { job: prepared.as_bytes().to_vec(), slices };
    let reply = it.room.request(&it.parties.publisher, body).await.unwrap();
    assert!(matches!(reply, Reply::Result { .. }), "{reply:?}");
    let status = it.room.status(&it.parties.publisher).await.unwrap();
    let account = status.accounts.iter().find(|account| account.dataset == "sales").unwrap();
    assert_eq!(account.granted, slice.granted);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_slice_of_another_instance() {
    let mut it = opened().await;
    let mut slice = it.parties.slice(&it.room, "sales");
    slice.instance = protocol::digest::Digest::of("test", b"another instance");
    let signed = ByteBuf::from(it.parties.retailer.sign(&slice).unwrap());
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    let body = Body::Job { job: prepared.as_bytes().to_vec(), slices: vec![signed] };
    let reply = it.room.request(&it.parties.publisher, body).await.unwrap();
    assert_eq!(reply, Reply::Refused(Refusal::BadSlice));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_slice_that_the_owner_did_not_sign() {
    let mut it = opened().await;
    let slice = it.parties.slice(&it.room, "sales");
    let signed = ByteBuf::from(it.parties.publisher.sign(&slice).unwrap());
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    let body = Body::Job { job: prepared.as_bytes().to_vec(), slices: vec![signed] };
    let reply = it.room.request(&it.parties.publisher, body).await.unwrap();
    assert_eq!(reply, Reply::Refused(Refusal::BadSlice));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_sent_twice_is_paid_once() {
    let mut it = opened().await;
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    let first = it.parties.run(&mut it.room, &prepared).await.unwrap();
    let spent = it.room.status(&it.parties.publisher).await.unwrap().accounts;
    let second = it.parties.run(&mut it.room, &prepared).await.unwrap();
    let again = it.room.status(&it.parties.publisher).await.unwrap().accounts;
    assert_eq!((first, spent), (second, again));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_during_a_job_loses_nothing() {
    for patience in [1, 3, 10, 30, 100] {
        let mut it = opened().await;
        let prepared = it.parties.prepare(&mut it.room, JOB).await;
        let cut = Duration::from_millis(patience);
        let _cut_or_done = timeout(cut, it.parties.run(&mut it.room, &prepared)).await;
        let mut room = it.parties.connect(&it.instance).await.unwrap();
        let sealed = it.parties.run(&mut room, &prepared).await.unwrap().sealed;
        assert_eq!(sealed, it.host.result(prepared.name(), "publisher"));
        let status = room.status(&it.parties.publisher).await.unwrap();
        let price = prepared.admitted().cost();
        assert!(status.accounts.iter().all(|account| account.spent == *price), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_again_is_the_same_answer_for_nothing() {
    let mut it = opened().await;
    let first = it.parties.prepare(&mut it.room, JOB).await;
    let second = it.parties.prepare(&mut it.room, JOB).await;
    assert_ne!(first.name(), second.name());
    let answer = it.parties.run(&mut it.room, &first).await.unwrap().sealed.unwrap();
    let spent = it.room.status(&it.parties.publisher).await.unwrap().accounts;
    let repeat = it.parties.run(&mut it.room, &second).await.unwrap().sealed.unwrap();
    let again = it.room.status(&it.parties.publisher).await.unwrap().accounts;
    assert_eq!(spent, again);
    let (contract, trust) = (&it.parties.contract, it.parties.trust());
    let open = |sealed: &[u8], job| {
        client::open::open(sealed, &it.parties.publisher, contract, job, &trust)
    };
    let answer = open(&answer, first.name()).unwrap();
    let repeat_opened = open(&repeat, second.name()).unwrap();
    assert_eq!(answer.result_bytes, repeat_opened.result_bytes);
    assert_eq!((answer.is_repeated(), repeat_opened.is_repeated()), (false, true));
    assert_eq!(repeat_opened.asked.name(), second.name());
    assert_eq!(repeat_opened.checked.job.name(), first.name());
    // A package opens for the job whose name it is looked for by, and for no other.
    assert!(matches!(open(&repeat, first.name()), Err(OpenError::Sealed { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withheld_result_comes_back_with_a_retry_of_the_job_and_costs_nothing_more() {
    let mut it = opened().await;
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    it.host.misbehave(|ask, answer| match ask {
        Ask::Put { of: Some(_), .. } => Answer::Failed { why: Failure::Io },
        _ => answer,
    });
    let first = it.parties.run(&mut it.room, &prepared).await.unwrap();
    // Whoever asked has the answer that it paid for, and hears who has not.
    assert!(first.not_stored.contains(&"publisher".to_owned()));
    let spent = it.room.status(&it.parties.publisher).await.unwrap().accounts;
    it.host.behave();
    let ran = it.parties.run(&mut it.room, &prepared).await.unwrap();
    let again = it.room.status(&it.parties.publisher).await.unwrap().accounts;
    assert_eq!(spent, again);
    assert_eq!(ran.not_stored, Vec::<String>::new());
    assert_eq!(ran.sealed, it.host.result(prepared.name(), "publisher"));
    assert_eq!(ran.sealed, first.sealed);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_altered_result_and_the_result_of_another_job() {
    let mut it = opened().await;
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    let sealed = it.parties.run(&mut it.room, &prepared).await.unwrap().sealed.unwrap();
    let (contract, trust) = (&it.parties.contract, it.parties.trust());
    let open =
        |bytes: &[u8], job| client::open::open(bytes, &it.parties.publisher, contract, job, &trust);
    open(&sealed, prepared.name()).unwrap();
    let other = protocol::job::JobName::from([9; 32]);
    let refused = open(&sealed, other).unwrap_err();
    assert!(matches!(refused, OpenError::Sealed { .. }));
    let refused = refused.to_string();
    assert!(refused.contains(&contract.digest.to_string()), "{refused}");
    assert!(refused.contains("name with --contract the contract that the job was asked under"));
    let mut another = contract.clone();
    another.digest = protocol::digest::Digest::of("test", b"another contract");
    let publisher = &it.parties.publisher;
    let refused = client::open::open(&sealed, publisher, &another, prepared.name(), &trust);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains(&another.digest.to_string()), "{refused}");
    for at in [40, sealed.len() / 2, sealed.len() - 1] {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        open(&altered, prepared.name()).unwrap_err();
    }
    // What is sealed to one receiver opens for no other.
    let for_retailer = it.host.result(prepared.name(), "retailer").unwrap();
    open(&for_retailer, prepared.name()).unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_receipt_of_another_result() {
    let mut it = opened().await;
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    let sealed = it.parties.run(&mut it.room, &prepared).await.unwrap().sealed.unwrap();
    let (contract, trust) = (&it.parties.contract, it.parties.trust());
    let id = prepared.name();
    let opened = client::open::open(&sealed, &it.parties.publisher, contract, id, &trust).unwrap();
    let check = |result: &[u8]| {
        client::receipt_check::check(contract, &opened.receipt, with(result), &trust)
    };
    check(&opened.result_bytes).unwrap();
    let better = String::from_utf8(opened.result_bytes.clone()).unwrap().replacen('1', "2", 1);
    check(better.as_bytes()).unwrap_err();
    says_what_was_expected_of_a_receipt(contract, &opened.receipt, &opened.result_bytes, &trust);
    let withdrawing = it.parties.trust().withdrawing([contract.builds[0].pcrs.clone()]);
    let refused = client::receipt_check::check(
        contract,
        &opened.receipt,
        ReceiptFiles::default(),
        &withdrawing,
    );
    let refused = refused.unwrap_err();
    assert_eq!(*refused.flaw(), client::receipt_check::ReceiptFlaw::Withdrawn);
    let not_asked =
        refused.checks().iter().filter(|line| line.outcome == client::check::Outcome::NotAsked);
    assert_eq!(not_asked.map(|line| line.number.to_string()).collect::<Vec<_>>(), ["17", "18"]);
    let refused = client::open::open(&sealed, &it.parties.publisher, contract, id, &withdrawing);
    assert!(matches!(refused, Err(OpenError::Receipt(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_derived_again_from_what_was_released_and_from_nothing_else() {
    let mut it = opened().await;
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    let sealed = it.parties.run(&mut it.room, &prepared).await.unwrap().sealed.unwrap();
    let (contract, trust) = (&it.parties.contract, it.parties.trust());
    let publisher = &it.parties.publisher;
    let opened = client::open::open(&sealed, publisher, contract, prepared.name(), &trust).unwrap();
    let check = |released: &[u8]| {
        let beside = ReceiptFiles { result: Some(&opened.result_bytes), released: Some(released) };
        client::receipt_check::check(contract, &opened.receipt, beside, &trust)
    };
    let checked = check(&opened.released).unwrap();
    let derived = checked.checks.last().unwrap();
    assert_eq!(derived.number.to_string(), "P10");
    assert_eq!(derived.outcome, client::check::Outcome::Passed);
    let mut altered = opened.released.clone();
    *altered.last_mut().unwrap() ^= 1;
    let refused = check(&altered).unwrap_err();
    assert_eq!(*refused.flaw(), client::receipt_check::ReceiptFlaw::OtherReleased);
    // Another view of the same figures costs nothing, and says that it is one.
    let wide = client::view::at_confidence(contract, &checked, 0.99).unwrap();
    assert_eq!(wide.flags.last().unwrap(), "derived:confidence=0.99");
    let ends = |result: &protocol::result::JobResult| {
        let lift: protocol::result::LiftResult = result.clone().of().unwrap();
        let interval = lift.answer.outcomes[0].diff_in_means.as_ref().unwrap().ci.unwrap();
        interval.map(Option::unwrap)
    };
    let ([low, high], [lower, higher]) = (ends(&opened.result), ends(&wide));
    assert!(lower < low && high < higher, "{lower} {low} {high} {higher}");
    assert_eq!(wide.privacy, opened.result.privacy);
}

/// A refusal names what was expected, and what to do.
fn says_what_was_expected_of_a_receipt(
    contract: &Contract,
    receipt: &[u8],
    result: &[u8],
    trust: &Trust,
) {
    let said = |contract: &Contract, receipt: &[u8], trust: &Trust| {
        let refused = client::receipt_check::check(contract, receipt, with(result), trust);
        refused.unwrap_err().to_string()
    };
    let (mut of_another, mut rebuilt) = (contract.clone(), contract.clone());
    of_another.digest = protocol::digest::Digest::of("test", b"another contract");
    for build in &mut rebuilt.builds {
        build.pcrs.values_mut().for_each(|pcr| *pcr = "cd".repeat(48).parse().unwrap());
    }
    for (found, expected) in [
        (said(contract, receipt, &Trust::aws()), "name the root of its machine with --danger-root"),
        (
            said(&rebuilt, receipt, trust),
            "Expected the registers of a build that the contract names",
        ),
        (said(&of_another, receipt, trust), "name with --contract the one under which the job"),
        (said(contract, result, trust), "name the receipt first (receipt.cbor)"),
        (said(contract, &receipt[1..], trust), "as `glovebox result open` writes it"),
    ] {
        assert!(found.contains(expected), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_altered_closing_and_the_closing_of_another_instance() {
    let mut it = opened().await;
    let key = &it.parties.publisher;
    let Reply::Closed { closing } = it.room.request(key, Body::Close {}).await.unwrap() else {
        panic!("no closing");
    };
    let (contract, trust) = (&it.parties.contract, it.parties.trust());
    let instance = it.room.instance().digest();
    let verify = |bytes: &[u8], instance| Closing::verify(bytes, contract, &trust, Some(instance));
    verify(&closing, instance).unwrap();
    let withdrawing = trust.clone().withdrawing([contract.builds[0].pcrs.clone()]);
    let refused = Closing::verify(&closing, contract, &withdrawing, Some(instance));
    assert!(matches!(refused, Err(CloseError::Withdrawn)));
    for at in (0..closing.len()).step_by(23) {
        let mut altered = closing.clone();
        altered[at] ^= 0x10;
        verify(&altered, instance).unwrap_err();
    }
    let other = protocol::digest::Digest::of("test", b"another instance");
    assert!(matches!(verify(&closing, other), Err(CloseError::OtherInstance { .. })));
    // Closed is closed: the same closing again, and nothing else.
    let again = it.room.request(key, Body::Close {}).await.unwrap();
    assert_eq!(again, Reply::Closed { closing });
    let status = it.room.request(key, Body::Status {}).await.unwrap();
    assert_eq!(status, Reply::Refused(Refusal::Closed));
    drop(it.instance);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_attestation_relayed_from_another_instance() {
    let parties = Parties::new();
    let instance = parties.boot(&HostileHost::new(&parties)).await;
    let middle = relay(&instance.address).await;
    let refused = Room::connect(&middle, &parties.contract, &parties.trust(), &[]).await;
    assert!(matches!(refused, Err(RoomError::KeyMismatch)));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_room_that_runs_another_contract() {
    let parties = Parties::new();
    let instance = parties.boot(&HostileHost::new(&parties)).await;
    let others = Parties::with_terms(Terms { epsilon: 5.0, ..Terms::default() });
    let mut contract = others.contract.clone();
    // The same build is accepted there: only the contract differs.
    contract.builds = parties.contract.builds.clone();
    let refused = Room::connect(&instance.address, &contract, &parties.trust(), &[]).await;
    assert!(matches!(refused, Err(RoomError::OtherContract { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_simulated_room_whose_root_nobody_named() {
    let parties = Parties::new();
    let instance = parties.boot(&HostileHost::new(&parties)).await;
    let other = Parties::new();
    for trust in [Trust::aws(), other.trust()] {
        let refused = Room::connect(&instance.address, &parties.contract, &trust, &[]).await;
        assert!(matches!(refused, Err(RoomError::Attestation(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_build_that_was_withdrawn() {
    let parties = Parties::new();
    let instance = parties.boot(&HostileHost::new(&parties)).await;
    let withdrawn = vec![parties.contract.builds[0].pcrs.clone()];
    let trust = parties.trust();
    let refused = Room::connect(&instance.address, &parties.contract, &trust, &withdrawn).await;
    assert!(matches!(refused, Err(RoomError::Withdrawn)));
    // One register is enough, whoever is asked.
    let first = withdrawn[0].iter().take(1).map(|(index, pcr)| (*index, *pcr)).collect();
    let trust = trust.withdrawing([first]);
    let refused = Room::connect(&instance.address, &parties.contract, &trust, &[]).await;
    assert!(matches!(refused, Err(RoomError::Withdrawn)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_answers_nonsense_stops_nothing_but_its_own_requests() {
    let (parties, host) = empty_room();
    let instance = parties.boot(&host).await;
    let mut room = parties.connect(&instance).await.unwrap();
    let sealed = parties.seal("exposures", &exposures(400), 1);
    host.keep(&sealed);
    let turn = AtomicU32::new(0);
    host.misbehave(move |_, _| match turn.fetch_add(1, Ordering::Relaxed) % 4 {
        0 => Answer::Stored {},
        1 => Answer::Range { bytes: vec![0; 3 << 20].into() },
        2 => Answer::Size { bytes: u64::MAX },
        _ => Answer::Failed { why: Failure::Io },
    });
    for _ in 0..4 {
        parties.grant(&mut room, "exposures", &sealed).await.unwrap_err();
    }
    host.behave();
    parties.grant(&mut room, "exposures", &sealed).await.unwrap();
}

/// A grant of a quarter of an hour is renewed again and again: neither host nor memory bears the file each time.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_open_is_granted_again_without_reading_it_again() {
    let parties = Parties::new();
    let host = HostileHost::new(&parties);
    let instance = parties.boot(&host).await;
    let mut room = parties.connect(&instance).await.unwrap();
    let first = parties.seal("exposures", &exposures(400), 1);
    host.keep(&first);
    parties.grant(&mut room, "exposures", &first).await.unwrap();
    let before = host.trace_beside_logs();
    parties.grant(&mut room, "exposures", &first).await.unwrap();
    assert_eq!(host.trace_beside_logs(), before);
    // A newer version is read, and so is this one once its owner has taken it back.
    let newer = parties.seal("exposures", &exposures(400), 2);
    host.keep(&newer);
    parties.grant(&mut room, "exposures", &newer).await.unwrap();
    let read = host.trace_beside_logs().len();
    assert!(read > before.len());
    client::grant::revoke(&mut room, &parties.publisher, "exposures").await.unwrap();
    parties.grant(&mut room, "exposures", &newer).await.unwrap();
    assert!(host.trace_beside_logs().len() > read);
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbouring_datasets_leave_the_same_trace() {
    let mut traces = Vec::new();
    for people in [400, 401] {
        let parties = Parties::new();
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let mut room = parties.connect(&instance).await.unwrap();
        for (dataset, csv) in [("exposures", exposures(people)), ("sales", sales(people))] {
            let sealed = parties.seal(dataset, &csv, 1);
            host.keep(&sealed);
            parties.grant(&mut room, dataset, &sealed).await.unwrap();
        }
        let prepared = parties.prepare(&mut room, JOB).await;
        let ran = parties.run(&mut room, &prepared).await.unwrap();
        traces.push((host.trace(), ran.sealed.map(|sealed| sealed.len())));
    }
    assert!(traces[0].0.len() >= 5, "{traces:?}");
    // What is granted, priced and answered is recorded in as many bytes.
    let mut logs: Vec<_> = traces[0].0.iter().filter(|line| line.starts_with("log ")).collect();
    assert!(logs.len() >= 5, "{logs:?}");
    logs.remove(0); // the opening
    assert!(logs.iter().all(|line| *line == logs[0]), "{logs:?}");
    assert_eq!(traces[0], traces[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_keeps_is_canonical_ciphertext() {
    let mut it = opened().await;
    let prepared = it.parties.prepare(&mut it.room, JOB).await;
    it.parties.run(&mut it.room, &prepared).await.unwrap();
    let objects = it.host.objects();
    assert_eq!(objects.len(), 2, "{:?}", objects.keys());
    for bytes in objects.values() {
        canonical::from_slice::<protocol::hpke::Sealed>(bytes).unwrap();
    }
}

fn with(result: &[u8]) -> ReceiptFiles<'_> {
    ReceiptFiles { result: Some(result), released: None }
}
