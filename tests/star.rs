//! Three parties, three datasets, one room: each question reads some of them, charges these and says whom.

use client::{
    job::{Custodies, Options},
    keys::Identity,
    open::Opened,
    room::Room,
};
use protocol::{
    analysis::{overlap::OverlapAnswer, table::TableAnswer},
    contract::{Contract, TAG, draft},
    result::JobResult,
    sign::Jointly,
};
use sealing::{InMemory, Version};
use std::fs;
use tests::{HostileHost, Instance, Parties, exposures, sales, salt};

const ANALYSIS: &str = "[[analysis]]\nname = \"overlap\"\nkind = \"overlap\"\npurpose = \"measurement\"\n\
                        datasets = [\"exposures\", \"sales\", \"members\"]\nanalysts = [\"publisher\"]\n\
                        receivers = [\"publisher\", \"retailer\", \"brand\"]\n\
                        [[analysis]]\nname = \"groups\"\nkind = \"table\"\npurpose = \"measurement\"\n\
                        population = \"exposures\"\njoined = \"sales\"\ngroup_by = [\"exposures.arm\"]\n\
                        measures = [\"sales.spend\"]\nanalysts = [\"publisher\"]\nreceivers = [\"publisher\"]\n";

/// The usual parties and a brand, which has a list of members.
fn parties() -> (Parties, Identity) {
    let parties = Parties::new();
    let brand = custody::create(&parties.folder.path().join("brand"), "brand", None, None).unwrap();
    let budget = draft::Budget {
        purpose: "measurement",
        legal_basis: "consent",
        period: "contract",
        epsilon: 4.0,
        lifetime_epsilon: 4.0,
    };
    let members = format!(
        "[[dataset]]\nname = \"members\"\nowner = \"brand\"\n\
         [[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n{budget}"
    );
    let party = brand.party_toml("brand", None).unwrap();
    let text = parties.text().replacen("[[dataset]]", &format!("{party}[[dataset]]"), 1);
    let text = text.replacen("[[analysis]]", &format!("{members}{ANALYSIS}[[analysis]]"), 1);
    let contract = Contract::parse(text.as_bytes()).unwrap();
    let mut joint = Jointly::unsigned(TAG, text.as_bytes());
    for identity in [&parties.publisher, &parties.retailer, &brand] {
        joint.add(&identity.root().unwrap());
        client::salts::keep(identity.directory(), &contract, &salt()).unwrap();
    }
    (Parties { contract, signed: joint.to_vec(), ..parties }, brand)
}

/// Members 0, 3, 6 and so on of so many people.
fn members(people: u32) -> String {
    let of = |person: u32| format!("person{person}@example.com\n");
    (0..people).step_by(3).fold("email\n".to_owned(), |csv, person| csv + &of(person))
}

/// A room in which all three datasets are open.
struct Stage {
    parties: Parties,
    _instance: Instance,
    room: Room,
}

impl Stage {
    async fn set() -> Self {
        let (parties, brand) = parties();
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let mut room = parties.connect(&instance).await.unwrap();
        for (dataset, csv) in [("exposures", exposures(600)), ("sales", sales(300))] {
            let sealed = parties.seal(dataset, &csv, 1);
            host.keep(&sealed);
            parties.grant(&mut room, dataset, &sealed).await.unwrap();
        }
        let sealed = sealed_by(&brand, &parties, &members(900));
        host.keep(&sealed);
        let slices = vec![brand.sign(&parties.slice(&room, "members")).unwrap()];
        let (manifest, keys) = (&sealed.manifest, &sealed.keys);
        client::grant::grant(&mut room, &brand, "members", manifest, keys, None, slices)
            .await
            .unwrap();
        Self { parties, _instance: instance, room }
    }

    async fn overlap(&mut self, datasets: &str) -> (Opened, JobResult<OverlapAnswer>) {
        let opened = self
            .ask(&format!(
                "[overlap]\nby = \"email\"\n{datasets}[overlap.privacy]\nepsilon = 1.0\ndelta = 1e-6\n"
            ))
            .await;
        let result = opened.result.clone().of().unwrap();
        (opened, result)
    }

    async fn ask(&mut self, job: &str) -> Opened {
        let publisher = &self.parties.publisher;
        let options = Options::default();
        let prepared = client::job::prepare(&mut self.room, publisher, job, &options).await;
        let prepared = prepared.unwrap();
        let mut nobody = Custodies::default();
        let ran =
            client::job::run(&mut self.room, publisher, &prepared, &mut nobody, &mut |_| {}).await;
        let ran = ran.unwrap();
        let (sealed, trust) = (ran.sealed.unwrap(), self.parties.trust());
        client::open::open(&sealed, publisher, &self.parties.contract, ran.job, &trust).unwrap()
    }

    /// What each account of the instance has spent, in ρ, by dataset.
    async fn spent(&mut self) -> Vec<(String, u64)> {
        let status = self.room.status(&self.parties.publisher).await.unwrap();
        let accounts = status.accounts.iter();
        accounts.map(|account| (account.dataset.clone(), account.spent.rho().0)).collect()
    }
}

fn sealed_by(owner: &Identity, parties: &Parties, csv: &str) -> InMemory {
    let path = parties.folder.path().join("members.csv");
    fs::write(&path, csv).unwrap();
    let (contract, salt) = (&parties.contract, salt());
    let (dataset, owner) = ("members", owner.service().unwrap());
    let version = Version { contract, dataset, owner, salt: &salt, number: 1 };
    sealing::in_memory(&path, &version, &sealing::Options::default(), &mut |_, _| {}).unwrap()
}

/// `sales` is joined in the contract, and who asks of the exposed alone neither reads nor pays for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_joined_dataset_of_which_a_question_reads_nothing_is_not_charged() {
    let mut stage = Stage::set().await;
    let ask = |by: &str| {
        format!(
            "[job]\nanalysis = \"groups\"\n[table]\ngroup_by = [\"{by}\"]\n[table.privacy]\nepsilon = 1.0\n\
             delta = 1e-6\n"
        )
    };
    for (by, datasets) in
        [("exposures.arm", &["exposures"][..]), ("matched", &["exposures", "sales"])]
    {
        let opened = stage.ask(&ask(by)).await;
        let body = &opened.checked.body;
        assert_eq!(body.charged.iter().map(|charge| &charge.dataset).collect::<Vec<_>>(), datasets);
        let result: JobResult<TableAnswer> = opened.result.clone().of().unwrap();
        let said = result.privacy.charged.iter().map(|charge| charge.dataset.as_str());
        assert_eq!(said.collect::<Vec<_>>(), datasets);
        let spent = stage.spent().await.into_iter().filter(|(_, spent)| *spent > 0);
        assert_eq!(spent.map(|(dataset, _)| dataset).collect::<Vec<_>>(), datasets);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_three_parties_charges_those_whose_data_it_reads_and_says_whom() {
    let mut stage = Stage::set().await;
    let (opened, result) = stage.overlap("datasets = [\"exposures\", \"members\"]\n").await;
    let rho = opened.checked.body.proof.cost.rho();
    let charged = |result: &JobResult<OverlapAnswer>| -> Vec<_> {
        let charged = result.privacy.charged.iter();
        charged.map(|charge| format!("{} of {}", charge.dataset, charge.owner)).collect()
    };
    assert_eq!(charged(&result), ["exposures of publisher", "members of brand"]);
    let of = |dataset: &str| {
        opened.checked.body.charged.iter().filter(|charge| charge.dataset == dataset).count()
    };
    assert_eq!((of("exposures"), of("members"), of("sales")), (1, 1, 0));
    let spent: Vec<_> = stage.spent().await.into_iter().filter(|(_, spent)| *spent > 0).collect();
    let expected = [("exposures".to_owned(), rho.0), ("members".to_owned(), rho.0)];
    assert_eq!(spent, expected);
    // 600 were exposed, and every third of 900 is a member.
    let [pair] = result.answer.pairs.as_slice() else { panic!("two datasets") };
    assert!((170..230).contains(&pair.both.value.unwrap()), "{pair:?}");

    let (opened, result) = stage.overlap("").await;
    let all = ["exposures of publisher", "members of brand", "sales of retailer"];
    let mut found = charged(&result);
    found.sort();
    assert_eq!(found, all);
    let rho = opened.checked.body.proof.cost.rho();
    let spent = stage.spent().await;
    let of = |dataset: &str| spent.iter().find(|(name, _)| name == dataset).unwrap().1;
    assert_eq!(of("sales"), rho.0);
    assert!(of("members") > rho.0 && of("exposures") == of("members"));
    // 100 people are in all three, and 700 in any.
    let answer = &result.answer;
    assert_eq!((answer.datasets.len(), answer.pairs.len()), (3, 3));
    assert!((60..140).contains(&answer.all.value.unwrap()), "{:?}", answer.all);
    assert!((650..750).contains(&answer.any.value.unwrap()), "{:?}", answer.any);
}
