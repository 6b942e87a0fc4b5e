//! A standing order as it is signed and handed on, and one of its runs.

use super::{Folder, room};
use crate::{
    delegation::Authority,
    job::{JobId, SignedJob},
    order::{Acceptance, Cancellation, Order, OrderFile, Run, Schedule, Window, question_digest},
    policy, sign,
};

#[test]
fn an_order_has_the_bytes_it_had() {
    let mut folder = Folder::open("order-v1");
    let mut job_folder = Folder::open("job-v1");
    let (contract, key) = (room::contract(), room::analyst());
    let authority = Authority::at(&contract, room::NOW);
    let asked =
        ["lift", "table"].map(|name| room::job(&job_folder.by_hand(&format!("{name}.toml")), 1));
    let [job, _] = &asked;
    let window = |number: u64, job: &crate::job::Job| {
        let at = room::NOW.plus_seconds(7 * 86_400 * number);
        Window { at, until: at.plus_seconds(21_600), question: question_digest(&job.question) }
    };
    let price = policy::price(&contract, &job.analysis, &job.question).unwrap();
    let order = Order {
        contract: contract.digest,
        id: JobId([9; 16]),
        name: "weekly-lift".to_owned(),
        analysis: job.analysis.clone(),
        purpose: "measurement".to_owned(),
        receivers: job.receivers.clone(),
        attempts: 2,
        price: price.proof().cost.clone(),
        runs: [0, 1, 2].map(|number| window(number, job)).into(),
        decision: None,
    };
    let file =
        OrderFile::sign(&authority, &key, &order, std::slice::from_ref(&job.question)).unwrap();
    let bytes = folder.file("weekly-lift.order", &file.to_bytes());
    let read = OrderFile::open(&authority, &bytes).unwrap();
    assert_eq!((read.to_bytes(), read.order()), (bytes.clone(), &order));
    let run = Run {
        order: file.signed().as_bytes().to_vec(),
        number: 2,
        question: job.question.clone(),
        instance: room::instance(),
        datasets: job.datasets.clone(),
    };
    let run = folder.file("weekly-lift-2.run", &run.to_bytes());
    let opened = SignedJob::open_either(&authority, run).unwrap();
    let order_runs = order.runs.clone();
    let (contract_digest, order) = (contract.digest, file.signed().name());
    let acceptance = Acceptance { contract: contract_digest, order };
    let accepted = folder.file("retailer.acceptance", &room::retailer().sign(&acceptance));
    assert_eq!(sign::open(&accepted, &room::retailer().public()), Ok(acceptance));
    let cancellation = Cancellation { contract: contract_digest, order };
    let cancelled = folder.file("weekly-lift.cancellation", &key.sign(&cancellation));
    assert_eq!(authority.open::<Cancellation>(&cancelled).unwrap().0, cancellation);
    let runs = order_runs.iter().map(|window| [window.at, window.until]).collect();
    let schedule = Schedule { contract: contract_digest, order, runs, time: room::NOW };
    let scheduled = folder.file("weekly-lift.schedule", &key.sign(&schedule));
    assert_eq!(authority.open::<Schedule>(&scheduled).unwrap().0, schedule);
    folder.digests(&[
        ("weekly-lift.order", sign::digest_of(file.signed().as_bytes()).to_string()),
        ("weekly-lift.name", file.signed().name().to_string()),
        ("question", question_digest(&job.question).to_string()),
        ("weekly-lift-2.name", opened.name().to_string()),
    ]);
    folder.finish();
}
