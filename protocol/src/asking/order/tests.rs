use super::*;
use crate::{
    contract::tests::table::with_table,
    delegation::{Authority, tests::delegate},
    job::{SignedJob, question_from_toml},
    policy::admit_order,
    refusal::{Refusal, RunFlaw},
};

const FIRST: Time = Time(1_796_000_000_000);
const HOUR: u64 = 3600;
const WEEK: u64 = 7 * 86_400;

fn contract() -> Contract {
    Contract::parse(with_table().as_bytes()).unwrap()
}

fn question(number: u32) -> Question {
    let first = 1 + 7 * (number - 1);
    let text = format!(
        "[job]\nanalysis = \"reach\"\n[table]\ngroup_by = [\"exposures.arm\"]\n[[table.where]]\ncolumn = \"sales.bought\"\n\
         first = \"2026-10-{first:02}\"\nlast = \"2026-10-{:02}\"\n[table.privacy]\nepsilon = 0.5\ndelta = 1e-6\n",
        first + 6
    );
    question_from_toml(&text, &contract()).unwrap().1
}

fn order(runs: u32) -> Order {
    let window = |number: u32| {
        let at = FIRST.plus_seconds(WEEK * u64::from(number - 1));
        let question = question_digest(&question(number));
        Window { at, until: at.plus_seconds(6 * HOUR), question }
    };
    Order {
        contract: contract().digest,
        id: JobId([7; 16]),
        name: "weekly".to_owned(),
        analysis: "reach".to_owned(),
        purpose: "measurement".to_owned(),
        receivers: vec!["retailer".to_owned()],
        attempts: 2,
        price: crate::policy::price(&contract(), "reach", &question(1))
            .unwrap()
            .proof()
            .cost
            .clone(),
        runs: (1..=runs).map(window).collect(),
        decision: None,
    }
}

fn signed(order: &Order, seed: u8) -> Result<OrderFile, Refusal> {
    let contract = contract();
    let questions: Vec<Question> = (1..=4).map(question).collect();
    let key = delegate(seed, KeyKind::Analyst);
    OrderFile::sign(&Authority::at(&contract, FIRST), &key, order, &questions)
}

/// A run of an order for an instance, on versions that `seed` stands for.
fn run(file: &OrderFile, number: u32, seed: u8) -> Run {
    let digest = |name: &str| Digest::of(name, &[seed]);
    let names = ["exposures", "sales"];
    Run {
        order: file.signed().as_bytes().to_vec(),
        number,
        question: file.question(number).cloned().unwrap_or_else(|| question(4)),
        instance: digest("instance"),
        datasets: names.map(|name| (name.to_owned(), digest(name))).into(),
    }
}

fn open(run: &Run) -> Result<SignedJob, Refusal> {
    SignedJob::open_either(&Authority::at(&contract(), FIRST), run.to_bytes())
}

#[test]
fn a_run_is_one_job_whoever_brings_it_and_another_in_another_instance() {
    let file = signed(&order(3), 1).unwrap();
    let job = open(&run(&file, 2, 0)).unwrap();
    assert_eq!(
        (job.analyst(), job.job().receivers.as_slice()),
        ("publisher", &["retailer".to_owned()][..])
    );
    assert_eq!(&job.job().question, file.question(2).unwrap());
    let ordered = job.run().unwrap();
    assert_eq!((ordered.name.number, ordered.name.order), (2, file.signed().name()));
    assert_eq!(job.name(), open(&run(&file, 2, 0)).unwrap().name());
    let names: std::collections::BTreeSet<_> = [(1, 0), (2, 0), (3, 0), (2, 1)]
        .map(|(number, seed)| open(&run(&file, number, seed)).unwrap().name())
        .into();
    assert_eq!(names.len(), 4, "order, number, instance and versions are in the name");
    // Signed anew the order is the same one; another id makes it another.
    let other = signed(&Order { id: JobId([8; 16]), ..order(3) }, 1).unwrap();
    assert_ne!(other.signed().name(), file.signed().name());
    assert_ne!(open(&run(&other, 2, 0)).unwrap().name(), job.name());
}

#[test]
fn a_run_that_the_order_does_not_have_is_refused_by_name() {
    let file = signed(&order(3), 1).unwrap();
    let refused = |run: &Run| match open(run).unwrap_err() {
        Refusal::Run { order, why, .. } if order == "weekly" => why,
        other => panic!("{other}"),
    };
    for number in [0, 4, u32::MAX] {
        assert_eq!(refused(&run(&file, number, 0)), RunFlaw::NoSuchRun { runs: 3 });
    }
    let other = Run { question: question(1), ..run(&file, 2, 0) };
    assert_eq!(refused(&other), RunFlaw::OtherQuestion);
    let ordered = open(&run(&file, 2, 0)).unwrap().run().unwrap().clone();
    let (at, until) = (FIRST.plus_seconds(WEEK), FIRST.plus_seconds(WEEK + 6 * HOUR));
    assert_eq!(ordered.check_time(Time(at.0 - 1)), Err(ordered.refused(RunFlaw::Early { at })));
    assert_eq!(ordered.check_time(at), Ok(()));
    assert_eq!(ordered.check_time(Time(until.0 - 1)), Ok(()));
    assert_eq!(ordered.check_time(until), Err(ordered.refused(RunFlaw::Late { until })));
}

#[test]
fn a_run_is_not_taken_for_a_job_nor_a_job_for_a_run() {
    let contract = contract();
    let authority = Authority::at(&contract, FIRST);
    let file = signed(&order(1), 1).unwrap();
    let bytes = run(&file, 1, 0).to_bytes();
    assert_eq!(SignedJob::open(&authority, bytes.clone()), Err(Refusal::Malformed));
    let job = SignedJob::open_either(&authority, bytes.clone()).unwrap();
    let key = delegate(1, KeyKind::Analyst);
    let alone = SignedJob::sign(&authority, &key, job.job()).unwrap();
    assert!(alone.run().is_none());
    assert_eq!(SignedJob::open_either(&authority, alone.as_bytes().to_vec()), Ok(alone));
    // Cut anywhere, it is nothing.
    for length in 0..bytes.len() {
        assert!(SignedJob::open_either(&authority, bytes[..length].to_vec()).is_err(), "{length}");
    }
}

#[test]
fn an_order_that_nobody_should_accept_is_not_even_signed() {
    let flaw = |order: &Order| match signed(order, 1) {
        Err(Refusal::BadOrder { why }) => why,
        other => panic!("{other:?}"),
    };
    let change = |change: &dyn Fn(&mut Order)| {
        let mut order = order(3);
        change(&mut order);
        flaw(&order)
    };
    assert_eq!(change(&|order| order.name = "A b".to_owned()), OrderFlaw::Name);
    for found in [0, 4, 255] {
        assert_eq!(change(&|order| order.attempts = found), OrderFlaw::Attempts { found });
    }
    assert_eq!(change(&|order| order.runs.clear()), OrderFlaw::Runs { found: 0 });
    assert_eq!(change(&|order| order.purpose = "other".to_owned()), OrderFlaw::Purpose);
    for number in [2, 3] {
        let index = usize::try_from(number).unwrap() - 1;
        let window = OrderFlaw::Window { number };
        assert_eq!(change(&|order| order.runs[index].until = order.runs[index].at), window);
        assert_eq!(change(&|order| order.runs[index].at = order.runs[index - 1].at), window);
        let late =
            |order: &mut Order| order.runs[index].until = order.runs[index].at.plus_seconds(86_401);
        assert_eq!(change(&late), window);
    }
    let expires = contract().expires;
    let after = |order: &mut Order| {
        order.runs[2] = Window { at: expires, until: expires.plus_seconds(1), ..order.runs[2] };
    };
    assert_eq!(change(&after), OrderFlaw::AfterContract { number: 3, expires });
    let missing = |order: &mut Order| order.runs[1].question = Digest::of("other", b"");
    assert_eq!(change(&missing), OrderFlaw::Questions);
    assert_eq!(
        signed(&Order { contract: Digest::of("other", b""), ..order(3) }, 1),
        Err(Refusal::Elsewhere),
        "an order is for one contract"
    );
}

#[test]
fn what_an_order_may_ask_is_decided_as_its_jobs_are() {
    let contract = contract();
    let file = signed(&order(3), 1).unwrap();
    let proven = admit_order(&contract, &file).unwrap();
    assert_eq!(proven.len(), 3);
    let six = (0..6).fold(Loss::zero(), |sum, _| sum.plus(&order(3).price));
    assert_eq!(order(3).price_in_all(), six, "three runs, two attempts each");
    // The retailer may not ask this, nobody else may read it, and it costs what it costs.
    let asked =
        |order: &Order, seed| admit_order(&contract, &signed(order, seed).unwrap()).unwrap_err();
    assert!(matches!(asked(&order(3), 2), Refusal::NotPermitted { .. }));
    let mut other = order(3);
    other.receivers.push("publisher".to_owned());
    assert!(matches!(asked(&other, 1), Refusal::NotPermitted { .. }));
    let cheap = Order { price: Loss::zero(), ..order(3) };
    assert_eq!(asked(&cheap, 1), Refusal::BadOrder { why: OrderFlaw::OverPrice { number: 1 } });
}

#[test]
fn a_file_is_read_as_it_was_written_and_holds_each_question_once() {
    let contract = contract();
    let authority = Authority::at(&contract, FIRST);
    let mut same = order(3);
    same.runs[2].question = same.runs[0].question;
    let file = signed(&same, 1).unwrap();
    assert_eq!(file.questions().len(), 2);
    assert_eq!(file.question(3), file.question(1));
    let bytes = file.to_bytes();
    assert_eq!(OrderFile::open(&authority, &bytes), Ok(file));
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(OrderFile::open(&authority, &changed).is_err(), "byte {at}");
    }
}
