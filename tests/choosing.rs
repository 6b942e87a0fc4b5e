//! One place leaves instead of figures: the cap for a share of people, the fullest public group.

use client::{
    job::{Custodies, Prepared, PreviewNoise},
    open::Opened,
    room::Room,
};
use custody::Ledger;
use protocol::{
    job::TemplateError,
    proof::By,
    result::{
        ChoiceResult, JobResult, NEAR_DUPLICATE, PERMUTE_AND_FLIP, SAME_FIGURES, TableResult,
    },
};
use rehearsal::Rehearsal;
use std::{collections::BTreeMap, fmt::Write, fs, path::Path};
use tests::{
    HostileHost, Instance, Parties, exposures,
    running::{Process, program},
};

/// Caps for what one person spends, at ε = 0.5.
const CAPS: &str = r#"
[choice]
version = 1
of = "quantile"
quantile = 0.9
measure = "sales.spend"
edges = [100, 200, 350, 365, 400]
[choice.privacy]
epsilon = 0.5
delta = 1e-6
"#;

const FULLEST: &str = r#"
[choice]
of = "fullest"
group_by = "exposures.arm"
[choice.privacy]
epsilon = 0.5
delta = 1e-6
"#;

const REACH: &str = "[[analysis]]\nname = \"reach\"\nkind = \"table\"\npurpose = \"measurement\"\n\
                     population = \"exposures\"\njoined = \"sales\"\ngroup_by = [\"exposures.arm\"]\n\
                     measures = [\"sales.spend\"]\nanalysts = [\"publisher\"]\n\
                     receivers = [\"publisher\", \"retailer\"]\n[[build]]";

/// The contract of the tests, with an analysis of groups beside lift.
fn parties() -> Parties {
    let mut parties = Parties::new();
    parties.rewrite(|text| text.replacen("[[build]]", REACH, 1));
    parties
}

/// 400 people of whom number n spends n.
fn spend() -> String {
    (0..400).fold("email,bought,spend,note\n".to_owned(), |mut csv, n| {
        writeln!(csv, "person{n}@example.com,1,{n}.00,0").unwrap();
        csv
    })
}

async fn rehearsed(people: &str, job: &str) -> ChoiceResult {
    let folder = tempfile::tempdir().unwrap();
    let files = [("exposures", people), ("sales", &spend())].map(|(name, csv)| {
        let path = folder.path().join(format!("{name}.csv"));
        fs::write(&path, csv).unwrap();
        (name.to_owned(), path)
    });
    let (text, files) = (parties().text(), BTreeMap::from(files));
    let mut rehearsal = Rehearsal::new(&text, job, &files);
    rehearsal.noise = false;
    let done = rehearsal.run(&mut |_| {}).await.unwrap();
    assert_eq!(JobResult::from_json(&done.result_bytes).unwrap(), done.result);
    let result: ChoiceResult = done.result.of().unwrap();
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn without_noise_it_is_the_edge_nearest_to_the_quantile() {
    // 350 and 365 people are below these edges, and 0.9 of 400 are 360.
    let result = rehearsed(&exposures(400), CAPS).await;
    assert_eq!((result.answer.chosen.as_str(), result.answer.quantile), ("365.00", Some(0.9)));
    assert_eq!(result.answer.offered, ["100.00", "200.00", "350.00", "365.00", "400.00"]);
    assert_eq!(result.answer.of, "sales.spend of each person");
    assert!(!result.noise);
    assert_eq!(
        (result.answer.people_off.to_bits(), result.privacy.mechanism.as_str()),
        (0, "none")
    );
    // Another 100 bought nothing, and are below every edge: 450 of 500 are below 350.
    let result = rehearsed(&exposures(500), CAPS).await;
    assert_eq!(result.answer.chosen, "350.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_noise_it_is_the_fullest_group_and_never_the_one_of_no_value() {
    let people = (0..400).fold("email,arm,history\n".to_owned(), |mut csv, n| {
        let arm = ["", "", "control", "control", "test"][n % 5];
        let arm = if n < 100 { "control" } else { arm };
        writeln!(csv, "person{n}@example.com,{arm},0.50").unwrap();
        csv
    });
    let result = rehearsed(&people, FULLEST).await;
    assert_eq!((result.answer.chosen.as_str(), result.answer.quantile), ("control", None));
    assert_eq!(result.answer.offered, ["test", "control", "other"]);
    let nobody = people.replace(",control,", ",,").replace(",test,", ",,");
    let result = rehearsed(&nobody.replacen(",,", ",other,", 1), FULLEST).await;
    assert_eq!(result.answer.chosen, "other");
}

/// A room in which both datasets are open; the publisher pays from its own ledger.
struct Stage {
    parties: Parties,
    _instance: Instance,
    room: Room,
    ledger: Ledger,
}

impl Stage {
    async fn set() -> Self {
        let parties = parties();
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let mut room = parties.connect(&instance).await.unwrap();
        let sealed = parties.seal("exposures", &exposures(400), 1);
        host.keep(&sealed);
        let (owner, manifest) = (&parties.publisher, &sealed.manifest);
        let none = Vec::new();
        client::grant::grant(&mut room, owner, "exposures", manifest, &sealed.keys, None, none)
            .await
            .unwrap();
        let sealed = parties.seal("sales", &spend(), 1);
        host.keep(&sealed);
        parties.grant(&mut room, "sales", &sealed).await.unwrap();
        let ledger = Ledger::open(&parties.publisher).unwrap();
        Self { parties, _instance: instance, room, ledger }
    }

    /// Asks, and opens the result with every check of its receipt.
    async fn ask(&mut self, job: &str) -> (Prepared, Opened) {
        let prepared = self.parties.prepare(&mut self.room, job).await;
        let mut custodies = Custodies { addresses: BTreeMap::new(), own: Some(&mut self.ledger) };
        let (room, publisher) = (&mut self.room, &self.parties.publisher);
        let ran = client::job::run(room, publisher, &prepared, &mut custodies, &mut |_| {}).await;
        let ran = ran.unwrap();
        let (sealed, contract) = (ran.sealed.unwrap(), &self.parties.contract);
        let trust = self.parties.trust();
        let opened = client::open::open(&sealed, publisher, contract, ran.job, &trust);
        (prepared, opened.unwrap())
    }

    /// What the instance has spent of each dataset, in ρ.
    async fn spent(&mut self) -> Vec<u64> {
        let status = self.room.status(&self.parties.publisher).await.unwrap();
        status.accounts.iter().map(|account| account.spent.rho().0).collect()
    }

    /// What the publisher's `glovebox budget` says.
    fn budget(&self, more: &str) -> String {
        let folder = self.parties.folder.path();
        fs::write(folder.join("contract.signed"), &self.parties.signed).unwrap();
        let line = format!("budget --dir publisher --contract contract.signed{more}");
        said("glovebox", &line, folder)
    }
}

fn said(name: &str, line: &str, folder: &Path) -> String {
    assert!(program(name).exists());
    let said = Process::start(name, line, folder, &folder.join("said")).end();
    assert_eq!(said.code, Some(0), "{said:?}");
    said.out
}

fn choice(opened: &Opened) -> ChoiceResult {
    opened.result.clone().of().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_costs_its_whole_price_once_and_no_figure_leaves() {
    let mut stage = Stage::set().await;
    // 0 and 400 people are below these edges, so the wrong one wins with probability e^-33 or so.
    let caps = CAPS.replace("[100, 200, 350, 365, 400]", "[0.01, 400]").replace("0.5\n", "1.0\n");
    let (prepared, opened) = stage.ask(&caps).await;
    let result = choice(&opened);
    assert_eq!((result.answer.chosen.as_str(), result.noise), ("400.00", true));
    assert_eq!(result.privacy.mechanism, PERMUTE_AND_FLIP);
    let PreviewNoise::Place { people_off } = prepared.preview().noise else {
        panic!("a place leaves")
    };
    assert_eq!(people_off.ceil().to_bits(), result.answer.people_off.ceil().to_bits());

    // The receipt's proof is for a choice and for nothing else; both owners were charged all of it.
    let (proof, rho) = (&opened.checked.body.proof, opened.checked.body.proof.cost.rho());
    let chosen = proof.choice().unwrap();
    assert_eq!((chosen.by, chosen.range), (By::Quantile(900_000), 1_800_000));
    assert_eq!(proof.vectors(), None);
    assert_eq!(stage.spent().await, [rho.0, rho.0]);
    assert!(opened.checked.body.charged.iter().all(|charge| charge.loss.rho() == rho));

    let (_, again) = stage.ask(&caps).await;
    assert_eq!(again.result_bytes, opened.result_bytes);
    assert_eq!(stage.spent().await, [rho.0, rho.0]);
}

/// A choice and a table of one tally are two releases: neither comes free with the other.
#[tokio::test(flavor = "multi_thread")]
async fn another_quantile_or_a_table_of_the_same_bins_is_paid_for() {
    let mut stage = Stage::set().await;
    let (_, first) = stage.ask(CAPS).await;
    let rho = first.checked.body.proof.cost.rho().0;
    assert_eq!(choice(&first).flags, [""; 0]);
    let (_, median) = stage.ask(&CAPS.replace("0.9\n", "0.5\n")).await;
    assert_eq!(stage.spent().await, [2 * rho; 2]);
    assert!(choice(&median).flags.iter().all(|flag| !flag.starts_with(SAME_FIGURES)));
    let table = "[[table.measure]]\nname = \"value\"\ncolumn = \"sales.spend\"\nstatistic = \"sum\"\n\
                 cap_per_user = 400\nbins = [100, 200, 350, 365, 400]\n\
                 [table.privacy]\nepsilon = 0.5\ndelta = 1e-6\n";
    let (_, table) = stage.ask(table).await;
    assert_eq!(table.checked.body.tally, first.checked.body.tally);
    assert_eq!(stage.spent().await, [3 * rho; 2]);
    let table: TableResult = table.result.of().unwrap();
    assert!(table.flags.iter().all(|flag| !flag.starts_with(SAME_FIGURES)));
    // Edges that were moved slightly are told to the owners.
    let (_, moved) = stage.ask(&CAPS.replace("365", "370")).await;
    let flags = &choice(&moved).flags;
    assert!(flags.iter().any(|flag| flag.starts_with(NEAR_DUPLICATE)), "{flags:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_speaks_of_choices_as_choices() {
    let mut stage = Stage::set().await;
    stage.ask(CAPS).await;
    let words = stage.budget("").split_whitespace().collect::<Vec<_>>().join(" ");
    // ρ = 0.006642 is ε = 0.115 of a choice; 1.8 / 0.115 * ln(5 / 0.05) people.
    for text in [
        "more jobs like publisher's \"reach\"",
        "the odds of each by a factor of at most e^0.115.",
        "With 95 % probability it is at most 72 people off the best one offered.",
    ] {
        assert!(words.contains(text), "no {text} in {words}");
    }
    assert!(!words.contains("head count"), "{words}");
    let json: serde_json::Value = serde_json::from_str(&stage.budget(" --json")).unwrap();
    let budgets = json["result"]["budgets"].as_array().unwrap();
    let look = budgets.iter().find_map(|it| it["looks"].get(0)).unwrap();
    assert_eq!(look["choice_is_off_by"], 72);
    assert!(look["smallest_audience"].is_null());
}

#[test]
fn glovebox_try_says_what_was_chosen() {
    let parties = parties();
    let folder = parties.folder.path();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("contract.toml", &parties.text());
    write("job.toml", CAPS);
    write("exposures.csv", &exposures(400));
    write("sales.csv", &spend());
    let page = |noise: &str| {
        let line = format!(
            "try --contract contract.toml --job job.toml --data exposures=exposures.csv --data \
             sales=sales.csv --noise {noise}"
        );
        said("glovebox", &line, folder).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let exact = page("off");
    let answer = "About 90 % of people are below 365.00 (sales.spend of each person). A cap of 365.00 would \
                  clip about 10 %.";
    assert!(exact.contains(answer) && exact.contains("NOISE OFF"), "{exact}");
    let noisy = page("on");
    assert!(noisy.contains("comes nearer to 90 % by more than 72 people"), "{noisy}");
}

#[test]
fn what_no_table_of_the_contract_names_cannot_be_chosen_from() {
    let parties = parties();
    let refused = |from: &str, to: &str| {
        let job = CAPS.replacen(from, to, 1);
        protocol::job::question_from_toml(&job, &parties.contract).unwrap_err()
    };
    for error in [
        refused("sales.spend", "sales.bought"),
        refused("sales.spend", "sales.note"),
        refused("sales.spend", "exposures.history"),
    ] {
        let TemplateError::Value { expected, .. } = &error else { panic!("{error}") };
        assert_eq!(expected, "the contract's analysis allows sales.spend");
    }
    let none = protocol::job::question_from_toml(CAPS, &Parties::new().contract).unwrap_err();
    let TemplateError::Value { expected, .. } = &none else { panic!("{none}") };
    assert_eq!(expected, "the contract has no analysis of kind \"table\"");
}
