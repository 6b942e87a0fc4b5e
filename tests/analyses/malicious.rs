//! A kind that is wrong, or worse: what its tally reads beyond the contract's section is refused, whatever the kind
//! says.
//!
//! What reaches an enclave is a signed question, and no TOML that a kind has checked. So each field of a sample's
//! question is changed after that, signed and sent to a running enclave. No kind that there is can be made to ask for
//! everything; so a kind that asks for anything is put in its place by the doors that tests have (`policy::danger`, and
//! `other-tally` of a running enclave), in front of the same decision.

use super::{
    counted::{Counted, NOW, job, manifests, runtime},
    readings::beyond,
    sample::{Sample, contract},
    wrong_uses::{ROLES, add_column},
};
use protocol::{
    contract::Contract,
    digest::Digest,
    identity::Identifier,
    job::{Job, JobId, Question, question_from_toml},
    message::{Body, Reply},
    policy::{admit, danger::admit_tally, price},
    refusal::{Asked, Refusal},
    tally::{
        Binned, Clamp, Condition, Dimension, Ends, Feature, Label, Learnt, Measure, Population,
        Product, Quantity, Side, Table, Tally,
    },
};
use rehearsal::{Agreement, Stage};
use sealing::Options;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

#[test]
fn a_running_enclave_refuses_a_signed_question_about_what_is_not_listed() {
    let runtime = runtime();
    for sample in Sample::all() {
        runtime.block_on(sent(&sample));
    }
}

async fn sent(sample: &Sample) {
    let name = sample.name();
    let table = with_hidden_columns(sample);
    let text = toml::to_string(&table).unwrap();
    let agreement = Agreement::new(&text).unwrap();
    let Agreement { contract, parties, .. } = &agreement;
    let mut stage = agreement.open(true).await.unwrap();
    let (analysis, question) = question_from_toml(&sample.job, contract).unwrap();
    let mut refused = Vec::new();
    for (what, changed) in others(contract, &analysis, &question) {
        match price(contract, &analysis, &changed) {
            // A name that is only shown, or fewer of something.
            Ok(proven) => {
                let terms = &contract.analyses[&analysis];
                assert_eq!(beyond(terms, proven.tally()), None, "{name}: {what}");
            }
            // Before anybody has granted anything, only what the question itself is decides.
            Err(_) => {
                let job = asked(&stage, &analysis, &changed);
                let analyst = &contract.analyses[&analysis].analysts[0];
                let nothing = BTreeMap::new();
                let now = client::clock::now();
                match admit(contract, &job, analyst, &nothing, now) {
                    Err(Refusal::KeyWithheld { .. }) => {}
                    Err(refusal) => refused.push((what, job, refusal)),
                    Ok(_) => panic!("{name}: {what} is admitted"),
                }
            }
        }
    }
    assert!(refused.len() > 3, "{name}: of a signed question hardly anything is refused");
    let analyst = &contract.analyses[&analysis].analysts[0];
    let key = &parties[analyst];
    for (what, job, expected) in every_so_often(&refused, 40) {
        let body = Body::Job { job: key.sign(job).unwrap(), slices: Vec::new() };
        match stage.room.request(key, body).await.unwrap() {
            Reply::Refused(found) => assert_eq!(&found, expected, "{name}: {what}"),
            other => panic!("{name}: {what}: {other:?}"),
        }
    }
}

/// Whatever the kind's own code says, the decision is on the tally.
#[test]
fn a_malicious_kind_reads_nothing_beyond_the_section_of_the_contract() {
    for sample in Sample::all() {
        let name = sample.name();
        let contract = contract(with_hidden_columns(&sample)).unwrap();
        let counted = Counted::new(&sample);
        let (analysis, question) = question_from_toml(&sample.job, &contract).unwrap();
        let manifests = manifests(&contract, &counted.tables);
        let job = job(&contract, &analysis, question, &manifests);
        let analyst = &contract.analyses[&analysis].analysts[0];
        let honest = counted.proven().tally().clone();
        let admitted =
            |tally: Tally| admit_tally(&contract, &job, analyst, &manifests, NOW, &tally).map(drop);
        assert_eq!(admitted(honest.clone()), Ok(()), "{name}: what the contract lists");
        for (what, tally) in malicious(&contract, &analysis, &honest) {
            assert!(beyond_or_broken(&contract, &analysis, &tally), "{name}: {what} is no harm");
            let refusal = admitted(tally).expect_err(&format!("{name}: {what}"));
            assert_ne!(refusal, Refusal::Internal, "{name}: {what}");
        }
    }
}

/// Whether a tally reads something that is not listed, or is about other datasets or people than it must be.
fn beyond_or_broken(contract: &Contract, analysis: &str, tally: &Tally) -> bool {
    let terms = &contract.analyses[analysis];
    let datasets = tally.datasets().eq(terms.datasets());
    beyond(terms, tally).is_some()
        || !datasets
        || tally.cells_per_person == 0
        || tally.ids_per_person != contract.ids_per_person
}

/// The same in a room that has the data: it refuses each tally by name and charges nobody, and then answers what the
/// contract permits.
#[test]
fn a_running_enclave_refuses_a_malicious_kind_and_charges_nothing() {
    let runtime = runtime();
    for sample in Sample::all() {
        runtime.block_on(malicious_room(&sample));
    }
}

async fn malicious_room(sample: &Sample) {
    let name = sample.name();
    let folder = tempfile::tempdir().unwrap();
    let text = toml::to_string(&with_hidden_columns(sample)).unwrap();
    let data: BTreeMap<_, _> = sample
        .paper()
        .datasets
        .keys()
        .map(|dataset| (dataset.clone(), with_hidden_values(sample, dataset, folder.path())))
        .collect();
    // What the kind makes of the next job, whatever the job's question is.
    let next: Arc<Mutex<Option<Tally>>> = Arc::default();
    let kind = Arc::clone(&next);
    let agreement = Agreement::new(&text).unwrap();
    let Agreement { contract, parties, .. } = &agreement;
    let stage = agreement.open_as(true, |attested, noise| {
        attested.open_with(noise, 4 << 30, Box::new(move |_| kind.lock().unwrap().clone()))
    });
    let mut stage = stage.await.unwrap();
    for (dataset, file) in &data {
        let mut options = Options::default();
        options.reading.several_files = true;
        let sealed = agreement.seal(dataset, file, &options).unwrap();
        stage.grant(&sealed).await.unwrap();
    }
    let (analysis, question) = question_from_toml(&sample.job, contract).unwrap();
    let honest = price(contract, &analysis, &question).unwrap().tally().clone();
    let analyst = contract.analyses[&analysis].analysts[0].clone();
    let before = stage.room.status(&parties[&analyst]).await.unwrap();
    assert!(!before.accounts.is_empty(), "{name}: nothing is granted");
    let (mut columns, nothing) = (0, BTreeMap::new());
    for (what, tally) in malicious(contract, &analysis, &honest) {
        let job = asked(&stage, &analysis, &question);
        let now = client::clock::now();
        let expected = admit_tally(contract, &job, &analyst, &nothing, now, &tally);
        *next.lock().unwrap() = Some(tally);
        let body = Body::Job { job: parties[&analyst].sign(&job).unwrap(), slices: vec![] };
        match stage.room.request(&parties[&analyst], body).await.unwrap() {
            Reply::Refused(found) => {
                assert_eq!(Err(&found), expected.as_ref().map(drop), "{name}: {what}");
                if let Refusal::NotPermitted { what: Asked::Column, name, .. } = &found {
                    assert!(name.contains("hidden-"), "{name}: {what}");
                    columns += 1;
                }
            }
            other => panic!("{name}: {what}: {other:?}"),
        }
    }
    assert!(columns > 10, "{name}: only {columns} columns are refused by name");
    let after = stage.room.status(&parties[&analyst]).await.unwrap();
    assert_eq!((after.accounts, after.jobs), (before.accounts, before.jobs), "{name}");
    *next.lock().unwrap() = None;
    stage.ask(&sample.job).await.unwrap_or_else(|why| panic!("{name}: {why}"));
}

/// The rows of a dataset with a value in each column that no analysis lists.
fn with_hidden_values(sample: &Sample, dataset: &str, folder: &Path) -> PathBuf {
    let rows = fs::read_to_string(sample.rows(dataset)).unwrap();
    let (head, rows) = rows.split_once('\n').unwrap();
    let roles = ROLES.iter().filter(|(role, _)| *role != "match_key").map(|(role, _)| *role);
    let names: String = roles.clone().map(|role| format!(",{}", hidden(role))).collect();
    let values: String = roles
        .map(|role| match role {
            "group" => ",a",
            "date" => ",2026-10-01",
            "consent" => ",yes",
            _ => ",1",
        })
        .collect();
    let rows: String = rows.lines().map(|row| format!("{row}{values}\n")).collect();
    let path = folder.join(format!("{dataset}.csv"));
    fs::write(&path, format!("{head}{names}\n{rows}")).unwrap();
    path
}

/// The tally with something more in it, each time another thing.
fn malicious(contract: &Contract, analysis: &str, honest: &Tally) -> Vec<(String, Tally)> {
    let mut all = Vec::new();
    let mut changed = |what: String, change: &dyn Fn(&mut Tally)| {
        let mut tally = honest.clone();
        change(&mut tally);
        all.push((what, tally));
    };
    let column = |role: &str| hidden(role);
    for (side, table) in honest.sides() {
        let of = |what: &str| format!("{what} of {}", table.dataset);
        let between = |role: &str| Condition::Between { column: column(role), least: 0, most: 1 };
        let one_of = Condition::OneOf { column: column("group"), codes: vec![0] };
        for (what, condition) in [
            (of("a condition on an amount"), between("measure")),
            (of("a condition on a day"), between("date")),
            (of("a condition on a group"), one_of),
        ] {
            changed(what.clone(), &|tally| {
                tally.tables[side.place()].rows.push(condition.clone());
            });
            let measure = Measure {
                side,
                of: Quantity::Rows,
                rows: vec![condition.clone()],
                clamp: Clamp::ONE,
            };
            changed(format!("{what}, in a measure"), &|tally| tally.measures.push(measure.clone()));
        }
        for (what, dimension) in [
            (of("cells by a group"), Dimension::Group { side, column: column("group"), values: 2 }),
            (of("cells by a label"), Dimension::Label { side, column: column("label") }),
            (
                of("the only value of a group"),
                Dimension::Only { side, column: column("group"), values: Some(2) },
            ),
            (
                of("the only value of a label"),
                Dimension::Only { side, column: column("label"), values: None },
            ),
            (
                of("the earliest day"),
                Dimension::Earliest { side, column: column("date"), edges: vec![1] },
            ),
            (
                of("cells by a day"),
                Dimension::Days { side, column: column("date"), edges: vec![1] },
            ),
        ] {
            changed(what, &|tally| tally.dimensions.push(dimension.clone()));
        }
        for (what, quantity) in [
            (of("a sum"), Quantity::Sum { column: column("measure") }),
            (of("different labels"), Quantity::Distinct { column: column("label") }),
            (of("different groups"), Quantity::Distinct { column: column("group") }),
            (of("the sum of a feature"), Quantity::Sum { column: column("feature") }),
            (of("the sum of what never leaves"), Quantity::Sum { column: column("never") }),
        ] {
            let measure = |clamp| Measure { side, of: quantity.clone(), rows: Vec::new(), clamp };
            changed(what.clone(), &|tally| tally.measures.push(measure(Clamp::ONE)));
            let wide = Clamp::up_to(1 << 31).unwrap();
            changed(format!("{what}, as large as can be, and its squares"), &|tally| {
                tally.products.push(Product::square(u32::try_from(tally.measures.len()).unwrap()));
                tally.measures.push(measure(wide));
            });
            changed(format!("bins by {what}"), &|tally| {
                let measure_at = u32::try_from(tally.measures.len()).unwrap();
                tally.measures.push(measure(Clamp::ONE));
                tally.dimensions.push(Dimension::Bins { measure: measure_at, edges: vec![1] });
            });
        }
        for other in contract.datasets.keys().map(String::as_str).chain(["payroll"]) {
            if other != table.dataset {
                let what = format!("{other} in place of {}", table.dataset);
                changed(what, &|tally| other.clone_into(&mut tally.tables[side.place()].dataset));
            }
        }
    }
    changed("another dataset beside them".to_owned(), &|tally| {
        tally.tables.push(Table { dataset: "payroll".to_owned(), rows: Vec::new() });
    });
    changed("one dataset fewer, whose refusers nobody would know".to_owned(), &|tally| {
        tally.tables.pop();
    });
    changed("a start that is not listed".to_owned(), &|tally| {
        let last = tally.tables.len() - 1;
        tally.tables[last].rows.push(Condition::SinceStart {
            column: column("date"),
            side: Side::POPULATION,
            start: column("date"),
            first: 0,
            last: 1,
        });
    });
    malicious_trainings(honest, &mut all);
    let mut changed = |what: String, change: &dyn Fn(&mut Tally)| {
        let mut tally = honest.clone();
        change(&mut tally);
        all.push((what, tally));
    };
    let most = contract.analyses[analysis].cells_per_person;
    changed("a cell more".to_owned(), &|tally| tally.cells_per_person = most + 1);
    changed("no cell".to_owned(), &|tally| tally.cells_per_person = 0);
    changed("more ids of a person".to_owned(), &|tally| tally.ids_per_person += 1);
    changed("fewer ids of a person".to_owned(), &|tally| tally.ids_per_person -= 1);
    if honest.population == Population::First {
        changed("the people of all datasets".to_owned(), &|tally| {
            tally.population = Population::Union { by: Identifier::Email };
        });
    }
    all
}

/// A training that learns from, or learns, what is not listed.
fn malicious_trainings(honest: &Tally, all: &mut Vec<(String, Tally)>) {
    let Some(program) = &honest.program else { return };
    for (side, table) in honest.sides() {
        for role in ["measure", "feature", "never", "label", "date"] {
            let ends = Ends { lower: 0, upper: 1 };
            let of = Binned::TotalBetween { column: hidden(role), ends };
            let mut learns = program.clone();
            learns.features.push(Feature { side, of });
            let what = format!("the hidden {role} of {} as a number", table.dataset);
            all.push((what, Tally { spread: Vec::new(), program: Some(learns), ..honest.clone() }));
            let of = Binned::Total { column: hidden(role), edges: vec![1] };
            let mut learns = program.clone();
            learns.features.push(Feature { side, of });
            let what = format!("the hidden {role} of {} as a feature", table.dataset);
            all.push((what, Tally { spread: Vec::new(), program: Some(learns), ..honest.clone() }));
            let of = Learnt::Sum { column: hidden(role) };
            let mut learnt = program.clone();
            learnt.label = Label { side, of, cap: 1 };
            let what = format!("the hidden {role} of {} as the label", table.dataset);
            all.push((what, Tally { spread: Vec::new(), program: Some(learnt), ..honest.clone() }));
        }
        let of = Binned::Value { column: hidden("group"), values: 2 };
        let mut learns = program.clone();
        learns.features.push(Feature { side, of });
        let what = format!("the hidden group of {} as a feature", table.dataset);
        all.push((what, Tally { spread: Vec::new(), program: Some(learns), ..honest.clone() }));
        let of = Learnt::OneOf { column: hidden("group"), codes: vec![0] };
        let mut learnt = program.clone();
        learnt.label = Label { side, of, cap: 1 };
        let what = format!("the hidden group of {} as the label", table.dataset);
        all.push((what, Tally { spread: Vec::new(), program: Some(learnt), ..honest.clone() }));
    }
}

/// The question with one of its words or numbers changed.
fn others(contract: &Contract, analysis: &str, question: &Question) -> Vec<(String, Question)> {
    let whole = serde_json::to_value(question).unwrap();
    let mut leaves = Vec::new();
    walk(&whole, "", &mut leaves);
    let datasets: Vec<_> = contract.analyses[analysis].datasets().map(str::to_owned).collect();
    let mut all = Vec::new();
    for path in leaves {
        let instead: Vec<Value> = match whole.pointer(&path).unwrap() {
            Value::String(text) => words(contract, &datasets, text).map(Value::from).collect(),
            Value::Number(number) => {
                let more = number.as_i64().map_or(0, |it| it.saturating_add(1));
                [more, 17, 1 << 40, -1].map(Value::from).into()
            }
            _ => Vec::new(),
        };
        for value in instead {
            let mut changed = whole.clone();
            let what = format!("{value} for {path}");
            *changed.pointer_mut(&path).unwrap() = value;
            // What is no question never gets so far.
            if let Ok(question) = serde_json::from_value(changed) {
                all.push((what, question));
            }
        }
    }
    all
}

/// What may be written instead of a column or a dataset; nothing instead of other words.
fn words<'w>(
    contract: &'w Contract,
    datasets: &'w [String],
    text: &str,
) -> impl Iterator<Item = String> + 'w {
    let columns = datasets.iter().flat_map(|it| &contract.datasets[it].columns);
    let (dataset, column) = match text.split_once('.') {
        Some((dataset, column)) => (Some(dataset.to_owned()), column.to_owned()),
        None => (None, text.to_owned()),
    };
    let is_column = columns.into_iter().any(|it| it.name == column);
    let is_dataset = dataset.is_none() && datasets.contains(&column);
    let hidden = ROLES.iter().filter(move |_| is_column).flat_map(move |(role, _)| {
        let of_each = || datasets.iter().map(|it| format!("{it}.{}", hidden(role))).collect();
        if dataset.is_some() { of_each() } else { vec![hidden(role)] }
    });
    let payroll = is_dataset.then(|| "payroll".to_owned());
    hidden.chain(payroll)
}

/// Where there are words and numbers in `value`.
fn walk(value: &Value, path: &str, leaves: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, it)| walk(it, &format!("{path}/{name}"), leaves));
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(at, it)| walk(it, &format!("{path}/{at}"), leaves));
        }
        _ => leaves.push(path.to_owned()),
    }
}

/// The job that asks `question`, of data that nobody has granted.
fn asked(stage: &Stage<'_>, analysis: &str, question: &Question) -> Job {
    let terms = &stage.agreement.contract.analyses[analysis];
    let nobody = |name: &str| (name.to_owned(), Digest::of("test", name.as_bytes()));
    Job {
        contract: stage.agreement.contract.digest,
        instance: stage.room.instance().digest(),
        id: JobId([7; 16]),
        not_after: client::clock::now().plus_seconds(60),
        analysis: analysis.to_owned(),
        question: question.clone(),
        datasets: terms.datasets().map(nobody).collect(),
        receivers: vec![terms.receivers[0].clone()],
        decision: None,
        checks: None,
    }
}

/// The sample's contract with a column of each role in each dataset that no analysis lists.
fn with_hidden_columns(sample: &Sample) -> toml::Table {
    let mut table = sample.table();
    for dataset in sample.paper().datasets.keys() {
        for (role, more) in ROLES {
            // Another match key would be one that people are known by.
            if role != "match_key" {
                add_column(&mut table, dataset, &hidden(role), role, more);
            }
        }
    }
    table
}

fn hidden(role: &str) -> String {
    format!("hidden-{}", role.replace('_', "-"))
}

/// At most so many, from first to last.
fn every_so_often<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len() / most + 1)
}
