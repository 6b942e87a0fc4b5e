//! Custody over a real socket, believing what the test says.

use super::*;
use crate::serve::Memory;
use client::{
    clock,
    http::Http,
    job::OwnCustody,
    keys::{self, random},
    room::RoomError,
};
use hyper::Method;
use protocol::{
    canonical,
    delegation::{Authority, Delegate, KeyFlaw, KeyKind, Withdrawal, WithdrawalHeard, Withdrawn},
    job::{Job, Question},
    limits, sign,
    slice::{CustodyReply, SliceReply, SliceRequest},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

struct Believer {
    says: Mutex<Result<Instance, ()>>,
    asked: AtomicU32,
}

impl Believe for Arc<Believer> {
    async fn believe(&self, _: Digest) -> Result<Witnessed, RoomError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let believed = self.says.lock().unwrap().clone();
        let instance = believed.map_err(|()| RoomError::KeyMismatch)?;
        Ok(Witnessed { instance, accounts: None })
    }
}

struct Custody {
    room: Fixture,
    believer: Arc<Believer>,
    http: Http,
    url: String,
    events: mpsc::Receiver<Event>,
}

impl Custody {
    async fn start() -> Self {
        let room = fixture();
        let retailer = room.retailer.clone();
        Self::start_with(room, retailer).await
    }

    async fn start_with(room: Fixture, retailer: Arc<Identity>) -> Self {
        let ledger = Ledger::open(&retailer).unwrap();
        let says = Mutex::new(Ok(room.instance(1)));
        let believer = Arc::new(Believer { says, asked: AtomicU32::new(0) });
        let (tell, events) = mpsc::channel();
        let service =
            Service::new(room.contract.clone(), retailer, ledger, believer.clone(), move |event| {
                drop(tell.send(event))
            })
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (http, url) = (Http::plain(address.to_string()), format!("http://{address}"));
        tokio::spawn(serve(listener, &Door::Plain, Arc::new(service), std::future::pending()));
        Self { room, believer, http, url, events }
    }

    fn job(&self, number: u8, epsilon: f64) -> Job {
        let later = clock::now().plus_seconds(600);
        self.room.job(&self.room.instance(1), number, epsilon, later)
    }

    async fn ask(&mut self, job: &Job) -> SliceReply {
        let signed = self.room.publisher.sign(job).unwrap();
        let request = self.request(signed);
        let body = self.room.publisher.sign(&request).unwrap();
        self.post(body).await
    }

    /// The job that `key` signed, in a request that it signs too.
    async fn ask_as(&mut self, key: &Identity, job: &Job) -> SliceReply {
        let request = self.request(key.sign(job).unwrap());
        self.post(key.sign(&request).unwrap()).await
    }

    fn request(&self, job: Vec<u8>) -> SliceRequest {
        let manifests = self.room.manifests();
        let manifests = manifests.iter().map(|m| m.as_bytes().to_vec().into()).collect();
        let (owner, time) = ("retailer".to_owned(), clock::now());
        SliceRequest { owner, time, id: random().unwrap(), job, manifests, only_asks: false }
    }

    async fn post(&mut self, body: Vec<u8>) -> SliceReply {
        let request = sign::digest_of(&body);
        let sent = self.http.send(Method::POST, "/v1/slice", body.into(), 1 << 20).await;
        let authority = Authority::at(&self.room.contract, clock::now());
        let answer = sent.unwrap().body;
        let (answer, _) = authority.open_of::<CustodyReply>(&answer, "retailer").unwrap();
        assert_eq!(answer.request, request);
        answer.reply
    }

    async fn refused(&mut self, job: &Job) -> Refusal {
        refusal(self.ask(job).await)
    }
}

fn refusal(reply: SliceReply) -> Refusal {
    match reply {
        SliceReply::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn countersigns_the_price_it_derived_itself_and_the_same_slice_again() {
    let mut custody = Custody::start().await;
    let job = custody.job(1, 1.0);
    let SliceReply::Granted { slices } = custody.ask(&job).await else { panic!() };
    assert_eq!(slices.len(), 1);
    let authority = Authority::at(&custody.room.contract, clock::now());
    let (slice, by) = authority.open_of::<Slice>(&slices[0], "retailer").unwrap();
    assert_eq!(by.name(), "service");
    assert_eq!(slice.granted, loss(1.0));
    assert_eq!((slice.dataset.as_str(), slice.purpose.as_str()), ("sales", "measurement"));
    assert_eq!(slice.instance, job.instance);
    let SliceReply::Granted { slices: again } = custody.ask(&job).await else { panic!() };
    assert_eq!(again, slices);
    assert!(
        matches!(custody.events.recv().unwrap(), Event::Granted { signed, .. } if signed.analyst() == "publisher")
    );
}

/// The machine that answers the network has nothing that signs contracts or opens results.
#[tokio::test]
async fn countersigns_with_the_service_key_alone_on_its_disk() {
    let room = fixture();
    for file in ["root.key", "analyst.key", "analyst.delegation", "recipient.key"] {
        std::fs::remove_file(room.retailer.directory().join(file)).unwrap();
    }
    let service = Arc::new(Identity::load(room.retailer.directory()).unwrap());
    assert!(service.root().is_err() && service.analyst().is_err() && service.recipient().is_err());
    let mut custody = Custody::start_with(room, service).await;
    let job = custody.job(1, 1.0);
    assert!(matches!(custody.ask(&job).await, SliceReply::Granted { .. }));
}

#[tokio::test]
async fn hands_out_nothing_to_an_analyst_key_once_it_was_told_of_its_withdrawal() {
    let mut custody = Custody::start().await;
    let job = custody.job(1, 0.5);
    assert!(matches!(custody.ask(&job).await, SliceReply::Granted { .. }));
    let key = custody.room.publisher.analyst().unwrap().delegation().key;
    let withdrawal = Withdrawal { key, name: "analyst".to_owned() };
    let stranger = fixture();
    let url = custody.url.clone();
    let contract = custody.room.contract.clone();
    let tell = async |root: &Identity| {
        let signed = root.root().unwrap().sign(&withdrawal);
        client::job::tell_custody(&contract, Withdrawn::none(), &url, &signed).await
    };
    let refused = tell(&stranger.publisher).await.unwrap_err();
    assert!(refused.to_string().ends_with("HTTP status 403"), "{refused}");
    assert_eq!(tell(&custody.room.publisher).await.unwrap(), "retailer");
    let job = custody.job(2, 0.5);
    let asked = custody.believer.asked.load(Ordering::SeqCst);
    let Refusal::Key { party, kind, why, .. } = custody.refused(&job).await else { panic!() };
    assert_eq!((party.as_str(), kind, why), ("publisher", KeyKind::Analyst, KeyFlaw::Withdrawn));
    // At the door: it takes no place of its party and asks the room nothing.
    assert_eq!(custody.believer.asked.load(Ordering::SeqCst), asked);
}

/// Whoever stands between answers that the custody was told, and keeps the withdrawal back.
#[tokio::test]
async fn who_answers_a_withdrawal_in_the_place_of_a_custody_is_not_believed() {
    let room = fixture();
    let key = room.publisher.analyst().unwrap().delegation().key;
    let withdrawal = Withdrawal { key, name: "analyst".to_owned() };
    let told = room.publisher.root().unwrap().sign(&withdrawal);
    let heard = |by: &Identity, bytes: &[u8]| {
        by.sign(&WithdrawalHeard { withdrawal: sign::digest_of(bytes) }).unwrap()
    };
    let stranger = fixture();
    for (answer, said) in [
        (Vec::new(), Some("its answer is no custody's")),
        (heard(&stranger.retailer, &told), Some("its answer is no custody's")),
        (heard(&room.retailer, b"another"), Some("its answer is about another withdrawal")),
        (heard(&room.retailer, &told), None),
    ] {
        let url = answers_once(answer).await;
        let found = client::job::tell_custody(&room.contract, Withdrawn::none(), &url, &told).await;
        match said {
            None => assert_eq!(found.unwrap(), "retailer"),
            Some(said) => {
                let error = found.unwrap_err().to_string();
                assert!(error.contains(said), "{error}");
            }
        }
    }
}

/// The address of something that answers one request with 200 and these bytes.
async fn answers_once(answer: Vec<u8>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = vec![0; 1 << 16];
        let _ = stream.read(&mut read).await.unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream.write_all(&[head.as_bytes(), &answer].concat()).await.unwrap();
    });
    url
}

/// However many are sent at once, no more of one party are kept than are read again: its custody goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_party_stops_a_custody_with_withdrawals() {
    let mut custody = Custody::start().await;
    let root = custody.room.publisher.root().unwrap();
    let url = custody.url.clone();
    let sending = (0..u16::try_from(limits::WITHDRAWALS).unwrap() + 8).map(|number| {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&number.to_be_bytes());
        let told = root.sign(&Withdrawal { key: key.into(), name: "x".to_owned() });
        let (contract, url) = (custody.room.contract.clone(), url.clone());
        tokio::spawn(async move {
            client::job::tell_custody(&contract, Withdrawn::none(), &url, &told).await.is_ok()
        })
    });
    let sending: Vec<_> = sending.collect();
    let mut kept = 0;
    for sent in sending {
        kept += usize::from(sent.await.unwrap());
    }
    assert!(kept <= limits::WITHDRAWALS, "{kept}");
    let folder = custody.room.retailer.directory().join("withdrawals");
    assert!(std::fs::read_dir(folder).unwrap().count() <= limits::WITHDRAWALS);
    let job = custody.job(1, 0.5);
    assert!(matches!(custody.ask(&job).await, SliceReply::Granted { .. }));
}

/// The party with another service key in the place of its first.
fn second_service(of: &Identity) -> Arc<Identity> {
    let (directory, kind) = (of.directory(), KeyKind::Service);
    keys::set_aside(directory, kind).unwrap();
    let key = keys::make_key(directory, kind).unwrap();
    let delegation = keys::delegation_from_now(kind, "second", key, 1).unwrap();
    let signed = of.root().unwrap().sign(&delegation);
    std::fs::write(directory.join(keys::delegation_file(kind)), signed).unwrap();
    Arc::new(Identity::load(directory).unwrap())
}

/// A slice of a key that is over or was taken back would be refused by every instance, and would have been paid.
#[tokio::test]
async fn debits_nothing_that_its_own_key_can_no_longer_hand_out() {
    let room = fixture();
    // The manifests are of the first key.
    let second = second_service(&room.retailer);
    let mut custody = Custody::start_with(room, second.clone()).await;
    let key = second.service().unwrap().delegation().key;
    let withdrawal = Withdrawal { key, name: "second".to_owned() };
    let signed = second.root().unwrap().sign(&withdrawal);
    client::withdrawals::keep(second.directory(), &signed).unwrap();
    let job = custody.job(1, 2.0);
    let Refusal::Key { party, kind, why, .. } = custody.refused(&job).await else { panic!() };
    assert_eq!((party.as_str(), kind, why), ("retailer", KeyKind::Service, KeyFlaw::Withdrawn));
    // The whole budget of the day is there still.
    std::fs::remove_dir_all(second.directory().join("withdrawals")).unwrap();
    assert!(matches!(custody.ask(&job).await, SliceReply::Granted { .. }));
}

#[tokio::test]
async fn refuses_past_the_budget_in_the_words_of_the_protocol() {
    let mut custody = Custody::start().await;
    let first = custody.job(1, 1.5);
    assert!(matches!(custody.ask(&first).await, SliceReply::Granted { .. }));
    let second = custody.job(2, 1.5);
    let Refusal::BudgetExhausted { owner, dataset, budget, .. } = custody.refused(&second).await
    else {
        panic!()
    };
    assert_eq!((owner.as_str(), dataset.as_str(), budget), ("retailer", "sales", WhichBudget::Day));
}

#[tokio::test]
async fn refuses_what_the_contract_does_not_permit_before_anything_is_debited() {
    let mut custody = Custody::start().await;
    let job = custody.job(1, 1.0);
    let mut other_column = job.clone();
    let Question::Lift(lift) = &mut other_column.question else { panic!("a lift") };
    lift.outcomes[0].column = "margin".to_owned();
    assert!(matches!(custody.refused(&other_column).await, Refusal::NotPermitted { .. }));
    let mut late = job.clone();
    late.not_after = Time(1);
    assert!(matches!(custody.refused(&late).await, Refusal::JobExpired { .. }));
    let mut elsewhere = job.clone();
    elsewhere.instance = custody.room.instance(2).digest();
    assert_eq!(custody.refused(&elsewhere).await, Refusal::Elsewhere);
    let mut other_version = job.clone();
    other_version.datasets.insert("sales".to_owned(), Digest::of("other", b""));
    assert!(matches!(custody.refused(&other_version).await, Refusal::KeyWithheld { .. }));
    // The contract does not list the retailer as an analyst.
    let retailer = custody.room.retailer.clone();
    let not_analyst = refusal(custody.ask_as(&retailer, &job).await);
    assert!(matches!(not_analyst, Refusal::NotPermitted { .. }));
    assert_eq!(refusal(custody.post(b"nonsense".to_vec()).await), Refusal::Malformed);
    let report = Ledger::open(&custody.room.retailer)
        .unwrap()
        .report(&custody.room.contract, "retailer", clock::now())
        .unwrap();
    assert!(report.instances.is_empty());
}

#[tokio::test]
async fn refuses_a_stranger_and_an_instance_that_it_does_not_believe() {
    let mut custody = Custody::start().await;
    let job = custody.job(1, 1.0);
    let stranger = fixture();
    let forged = custody.ask_as(&stranger.publisher, &job).await;
    assert_eq!(refusal(forged), Refusal::Stranger);
    *custody.believer.says.lock().unwrap() = Err(());
    assert_eq!(custody.refused(&job).await, Refusal::NotBelieved { owner: "retailer".to_owned() },);
}

/// A receipt has the job and its manifests, and whoever listens has the request.
#[tokio::test]
async fn a_job_or_request_that_somebody_else_shows_takes_nothing_of_its_analysts() {
    let mut custody = Custody::start().await;
    let job = custody.job(1, 1.0);
    let signed = custody.room.publisher.sign(&job).unwrap();
    let recorded = custody.room.publisher.sign(&custody.request(signed.clone())).unwrap();
    assert!(matches!(custody.post(recorded.clone()).await, SliceReply::Granted { .. }));
    assert_eq!(custody.believer.asked.load(Ordering::SeqCst), 1);
    let (retailer, stranger) = (custody.room.retailer.clone(), fixture());
    let request = custody.request(signed.clone());
    for (shown, expected) in [
        (canonical::to_vec(&request), Refusal::Malformed),
        (signed, Refusal::Stranger),
        (stranger.publisher.sign(&request).unwrap(), Refusal::Stranger),
        // Another party of the contract.
        (retailer.sign(&request).unwrap(), Refusal::Malformed),
        (recorded, Refusal::Replayed),
    ] {
        assert_eq!(refusal(custody.post(shown).await), expected);
    }
    // Nobody was asked about the instance for them, which may take seconds of an analyst's place each.
    assert_eq!(custody.believer.asked.load(Ordering::SeqCst), 1);
    assert!(matches!(custody.ask(&job).await, SliceReply::Granted { .. }));
}

#[tokio::test]
async fn refuses_a_request_to_another_owner_and_of_another_time() {
    let mut custody = Custody::start().await;
    let publisher = custody.room.publisher.clone();
    let signed = publisher.sign(&custody.job(1, 1.0)).unwrap();
    let request = custody.request(signed);
    let elsewhere = SliceRequest { owner: "agency".to_owned(), ..request.clone() };
    let elsewhere = custody.post(publisher.sign(&elsewhere).unwrap()).await;
    assert_eq!(refusal(elsewhere), Refusal::Elsewhere);
    let now = clock::now().0;
    let most = limits::SLICE_REQUEST_MS + 60_000;
    for sent in [Time(now - most), Time(now + most)] {
        let other = SliceRequest { time: sent, ..request.clone() };
        let refused = refusal(custody.post(publisher.sign(&other).unwrap()).await);
        let Refusal::OtherClock { sent: found, here } = refused else { panic!("{refused}") };
        assert!(found == sent && here.0 >= now);
    }
    assert_eq!(custody.believer.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_made_up_instance_neither_is_forgotten_for_nor_costs_an_attestation_each() {
    let room = fixture();
    let (here, made_up) = (room.instance(1), room.instance(2).digest());
    let pause = Duration::from_millis(200);
    let memory = Memory::new(pause);
    let attested = AtomicU32::new(0);
    let attest = || async {
        attested.fetch_add(1, Ordering::SeqCst);
        Ok(Witnessed { instance: here.clone(), accounts: Some(Vec::new()) })
    };
    memory.recall(here.digest(), attest).await.unwrap();
    let began = Instant::now();
    let strange = || memory.recall(made_up, attest);
    let ours = async {
        let known = memory.recall(here.digest(), attest).await.unwrap();
        assert!(known.accounts.is_none() && began.elapsed() < pause);
    };
    let (a, b, c, ()) = tokio::join!(strange(), strange(), strange(), ours);
    for found in [a, b, c] {
        assert_eq!(found.unwrap().instance, here);
    }
    assert_eq!(attested.load(Ordering::SeqCst), 2);
    assert!(began.elapsed() >= pause);
    let lost = || async { Err(RoomError::Lost) };
    memory.recall(made_up, lost).await.unwrap_err();
    let known = memory.recall(here.digest(), lost).await.unwrap();
    assert_eq!(known.instance, here);
}

/// Who has the ledger beside its keys is its own custody, and obeys the same withdrawals.
#[test]
fn an_owners_own_ledger_pays_for_no_key_that_was_withdrawn() {
    let room = fixture();
    let (contract, instance) = (&room.contract, room.instance(1));
    let mut ledger = Ledger::open(&room.retailer).unwrap();
    let second = second_service(&room.retailer);
    let key = second.service().unwrap();
    let job = room.job(&instance, 1, 0.5, clock::now().plus_seconds(600));
    let manifests = room.manifests();
    let request = SliceRequest {
        owner: "retailer".to_owned(),
        time: clock::now(),
        id: random().unwrap(),
        job: room.publisher.sign(&job).unwrap(),
        manifests: manifests.iter().map(|it| it.as_bytes().to_vec().into()).collect(),
        only_asks: false,
    };
    let taken_back = |by: &Identity, key: &Delegate| {
        let withdrawal = Withdrawal { key: key.delegation().key, name: "x".to_owned() };
        let mut withdrawn = Withdrawn::default();
        withdrawn.take(contract, &by.root().unwrap().sign(&withdrawal)).unwrap();
        withdrawn
    };
    // The analyst's key, that of another owner's manifest, and its own.
    for (by, key_of) in [
        (&room.publisher, room.publisher.analyst().unwrap()),
        (&room.publisher, room.publisher.service().unwrap()),
        (&room.retailer, key),
    ] {
        let withdrawn = taken_back(by, key_of);
        let ledger: &mut dyn OwnCustody = &mut ledger;
        let decided = ledger.decide("retailer", key, contract, &instance, &request, &withdrawn);
        let SliceReply::Refused(Refusal::Key { why, .. }) = decided.unwrap() else { panic!() };
        assert_eq!(why, KeyFlaw::Withdrawn);
    }
    // Nor does it prepay with such a key of its own.
    let withdrawn = &taken_back(&room.retailer, key);
    let owner = Owner { party: "retailer", key, contract, withdrawn };
    let what = ("sales", "measurement");
    let epsilon = Epsilon::new(0.5).unwrap();
    let refused = prepay(&mut ledger, &owner, &instance, what, epsilon, None, clock::now());
    let LedgerError::Refused(refused) = refused.unwrap_err() else { panic!() };
    assert!(matches!(*refused, Refusal::Key { why: KeyFlaw::Withdrawn, .. }), "{refused}");
    let none = Withdrawn::none();
    let ledger: &mut dyn OwnCustody = &mut ledger;
    let decided = ledger.decide("retailer", key, contract, &instance, &request, none).unwrap();
    assert!(matches!(decided, SliceReply::Granted { .. }), "{decided:?}");
}
