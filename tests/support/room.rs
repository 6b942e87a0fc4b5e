//! A room for tests: a publisher knows who was shown what, a retailer who bought what.
//!
//! Crates whose own tests need a contract or a paid job include this file by its path.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use protocol::contract::{Contract, Dataset, draft};
use protocol::delegation::{Authority, Delegate, Delegation, KeyKind};
use protocol::digest::Digest;
use protocol::hpke::RecipientSecret;
use protocol::job::{
    Alternative, Cost, Job, JobId, Lift, Multiplicity, Outcome, OutcomeKind, Question,
};
use protocol::loss::{Delta, Epsilon, Loss};
use protocol::manifest::{Manifest, SignedManifest};
use protocol::merkle::Root;
use protocol::policy::{Admitted, admit};
use protocol::proof::Split;
use protocol::salt::BucketSalt;
use protocol::sealed::{self, Declared};
use protocol::sign::SigningKey;
use protocol::slice::Slice;
use protocol::tally::Clamp;
use protocol::time::Time;
use protocol::units::{Millionths, Scale};
use zeroize::Zeroizing;

/// 2026-11-23, noon.
pub const NOW: Time = Time(1_795_435_200_000);

/// The signing key of the party whose seed is `seed`: 1 publisher, 2 retailer.
fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
}

/// The service key of the party whose root key has the seed `seed`.
fn service(seed: u8) -> Delegate {
    let key = signing_key(seed + 100);
    let (kind, name) = (KeyKind::Service, "service".to_owned());
    let (from, until) = (Time(0), Time(u64::MAX));
    let delegation = Delegation { kind, name, key: key.public(), from, until };
    Delegate::by(&signing_key(seed), key, &delegation).unwrap()
}

/// What a contract says of the party whose keys have the seed `seed`.
#[must_use]
pub fn party(name: &str, seed: u8) -> String {
    let root = signing_key(seed).public();
    let recipient = RecipientSecret::from_bytes(&[seed; 32]).unwrap().public();
    draft::Party { name, root_key: &root, recipient_key: &recipient, custody: None }.to_string()
}

/// What a contract says of a column: its role, and what may follow it.
#[must_use]
pub fn column(name: &str, role: &str) -> String {
    format!("[[dataset.column]]\nname = \"{name}\"\nrole = {role}\n")
}

/// The bucket salt of every contract of a test.
#[must_use]
pub fn salt() -> BucketSalt {
    BucketSalt::take(&mut [0x5a; BucketSalt::LEN])
}

/// The instance that every job here is for.
#[must_use]
pub fn instance() -> Digest {
    Digest::of("test", b"instance")
}

/// What the owner of `dataset` hands to [`instance`], prepaid.
#[must_use]
pub fn slice(contract: &Contract, dataset: &str, granted: Loss) -> Slice {
    Slice {
        contract: contract.digest,
        instance: instance(),
        dataset: dataset.to_owned(),
        purpose: "measurement".to_owned(),
        granted,
        period: "2026-11".to_owned(),
        not_after: Time(u64::MAX),
        job: None,
    }
}

/// What the owners signed of files of `rows` rows, whoever is in them.
#[must_use]
pub fn manifests(contract: &Contract, rows: u64) -> BTreeMap<String, SignedManifest> {
    let manifest = |(name, dataset): (&String, &Dataset)| {
        let manifest = Manifest {
            lineage: dataset.lineage.clone(),
            version: 1,
            root: Root([0; 48]),
            size: 0,
            declared: Declared::of(rows),
            columns: sealed::layout(dataset),
            aad_prefix: Vec::new(),
            opt_outs: None,
        };
        let owner = service(if dataset.owner == "publisher" { 1 } else { 2 });
        let authority = Authority::at_any_time(contract);
        let signed =
            SignedManifest::open(owner.sign(&manifest), &authority, &dataset.owner).unwrap();
        (name.clone(), signed)
    };
    contract.datasets.iter().map(manifest).collect()
}

/// The contract of the room.
#[must_use]
pub fn contract() -> Contract {
    static CONTRACT: LazyLock<Contract> =
        LazyLock::new(|| Contract::parse(text().as_bytes()).unwrap());
    CONTRACT.clone()
}

/// The contract as it is written.
#[must_use]
pub fn text() -> String {
    let budget = draft::Budget {
        purpose: "measurement",
        legal_basis: "consent",
        period: "month",
        epsilon: 4.0,
        lifetime_epsilon: 20.0,
    };
    let budget = budget.to_string();
    let head = draft::Head {
        name: "autumn-lift",
        expires: "2027-12-31T00:00:00Z",
        purposes: &["measurement"],
        bucket_salt: salt().digest(),
    };
    let email = column("email", "\"match_key\"\nkind = \"email\"");
    let phone = column("phone", "\"match_key\"\nkind = \"phone\"");
    let agreed = column("agreed", "\"consent\"");
    let pcr = "ab".repeat(48);
    let text = [
        format!("{head}min_cell = 50\n"),
        party("publisher", 1),
        party("retailer", 2),
        "[[dataset]]\nname = \"exposures\"\nowner = \"publisher\"\n".to_owned(),
        email.clone(),
        phone.clone(),
        column("arm", "\"group\"\ndomain = [\"mens\", \"womens\", \"none\"]"),
        agreed.clone(),
        budget.clone(),
        "[[dataset]]\nname = \"sales\"\nowner = \"retailer\"\n".to_owned(),
        phone,
        email,
        column("visit", "\"measure\""),
        column("conversion", "\"measure\""),
        column("spend", "\"measure\"\nscale = 2"),
        column("bought", "\"date\""),
        agreed,
        budget,
        "[[analysis]]\nname = \"lift\"\nkind = \"lift\"\npurpose = \"measurement\"\n".to_owned(),
        "assignment = \"exposures\"\narm = \"arm\"\noutcome = \"sales\"\n".to_owned(),
        "measures = [\"visit\", \"conversion\", \"spend\"]\ndate = \"bought\"\n".to_owned(),
        "analysts = [\"publisher\"]\nreceivers = [\"publisher\", \"retailer\"]\n".to_owned(),
        draft::Build("b", [&pcr; 3]).to_string(),
    ];
    text.concat()
}

/// The lift of men's mail over none at ε = 1, without outcomes.
#[must_use]
pub fn lift(outcomes: Vec<Outcome>) -> Lift {
    Lift {
        test: vec!["mens".to_owned()],
        control: vec!["none".to_owned()],
        expected_test_share: Millionths(500_000),
        breakdown: None,
        exposed: None,
        covariate: None,
        srm_flag_p: Millionths(1_000),
        window: None,
        outcomes,
        confidence: Millionths(950_000),
        alternative: Alternative::TwoSided,
        multiplicity: Multiplicity::Holm,
        cost: Some(Cost { millionths: 1_065_350_000, currency: "USD".to_owned() }),
        epsilon: Epsilon::new(1.0).unwrap(),
        delta: Delta::new(1e-6).unwrap(),
        split: Split { n: 50, sum: 900, products: 50 },
        min_cell: 50,
        registered_at: None,
    }
}

/// An outcome named like its column.
#[must_use]
pub fn outcome(column: &str, kind: OutcomeKind, clamp: u32, scale: u8) -> Outcome {
    let clamp = Clamp::up_to(clamp).unwrap();
    let scale = Scale::new(scale).unwrap();
    let [name, column] = [column, column].map(str::to_owned);
    Outcome { name, column, kind, clamp, scale, weight: kind.weight(), margin: None }
}

/// The job that asks for `lift`, admitted; datasets have `rows` rows.
#[must_use]
pub fn admitted(contract: &Contract, lift: Lift, rows: u64) -> Admitted {
    asked(contract, "lift", Question::Lift(lift), rows)
}

/// The job that asks `question` of an analysis over both datasets, admitted.
#[must_use]
pub fn asked(contract: &Contract, analysis: &str, question: Question, rows: u64) -> Admitted {
    asked_of(contract, analysis, question, rows, &["exposures", "sales"])
}

/// The same over some of the datasets.
#[must_use]
pub fn asked_of(
    contract: &Contract,
    analysis: &str,
    question: Question,
    rows: u64,
    datasets: &[&str],
) -> Admitted {
    let manifests = manifests(contract, rows);
    let job = Job {
        contract: contract.digest,
        instance: instance(),
        id: JobId([7; 16]),
        not_after: NOW.plus_seconds(60),
        analysis: analysis.to_owned(),
        question,
        datasets: manifests
            .iter()
            .filter(|(name, _)| datasets.contains(&name.as_str()))
            .map(|(name, it)| (name.clone(), it.digest()))
            .collect(),
        receivers: vec!["publisher".to_owned()],
        decision: None,
        checks: None,
    };
    admit(contract, &job, "publisher", &manifests, NOW).unwrap()
}
