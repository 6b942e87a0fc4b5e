//! A contract of two parties, their keys and data manifests, for the tests of this crate.

use attestation_verifier::receipt::Statement;
use client::{close::Closing, keys::Identity, room::Instance};
use protocol::{
    contract::{Contract, draft},
    delegation::Authority,
    digest::Digest,
    hpke::RecipientSecret,
    job::{Job, JobId, question_from_toml},
    manifest::{Manifest, SignedManifest},
    merkle::Root,
    policy::{self, Admitted},
    receipt::{Account, ClosingBody},
    salt::BucketSalt,
    sealed::{self, Declared},
    time::Time,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::{collections::BTreeMap, sync::Arc};
use tempfile::TempDir;

pub(crate) struct Fixture {
    pub(crate) contract: Contract,
    text: String,
    pub(crate) publisher: Arc<Identity>,
    pub(crate) retailer: Arc<Identity>,
    /// The folder of the keys, kept until the test is over.
    _dir: TempDir,
}

impl Fixture {
    /// A contract whose retailer has two datasets of the same people. Each day allows ε 2, and life
    /// ε 5.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let party = |name: &str| {
            let (folder, ever) = (dir.path().join(name), [Time(0), Time(u64::MAX)]);
            let identity = Identity::create_between(&folder, name, None, ever).unwrap();
            (identity.party_toml(name, None).unwrap(), Arc::new(identity))
        };
        let (publisher_toml, publisher) = party("publisher");
        let (retailer_toml, retailer) = party("retailer");
        let head = draft::Head {
            name: "spring",
            expires: "2100-01-01T00:00:00Z",
            purposes: &["measurement", "research"],
            bucket_salt: salt().digest(),
        };
        let text = [&head.to_string(), &publisher_toml, &retailer_toml, DATA].concat();
        let mut contract = Contract::parse(text.as_bytes()).unwrap();
        // A contract may not say so, but the ledger must hold all the same, as it does across
        // contracts.
        contract.datasets.get_mut("visits").unwrap().lineage = "customers".to_owned();
        Self { contract, text, publisher, retailer, _dir: dir }
    }

    /// Another contract of the same parties, whose retailer has other people in `sales`.
    pub(crate) fn other_contract(&self) -> Contract {
        self.edited("\"customers\"", "\"members\"")
    }

    /// Another contract of the same parties, with one text replaced by another.
    pub(crate) fn edited(&self, from: &str, to: &str) -> Contract {
        let text = self.text.replace(from, to);
        assert_ne!(text, self.text);
        let mut contract = Contract::parse(text.as_bytes()).unwrap();
        let lineage = contract.datasets["sales"].lineage.clone();
        contract.datasets.get_mut("visits").unwrap().lineage = lineage;
        contract
    }

    pub(crate) fn instance(&self, number: u8) -> Instance {
        self.instance_of(&self.contract, number)
    }

    pub(crate) fn instance_of(&self, contract: &Contract, number: u8) -> Instance {
        let secret = RecipientSecret::generate(&mut ChaCha20Rng::from_seed([number; 32]));
        let statement = Statement {
            contract: *contract.digest.as_bytes(),
            hpke: secret.public().to_vec(),
            receipt: [number; 32],
            tls: vec![number; 44],
        };
        Instance::parse(&statement.encode()).unwrap()
    }

    pub(crate) fn manifest(&self, dataset: &str) -> SignedManifest {
        let found = &self.contract.datasets[dataset];
        let owner = if found.owner == "retailer" { &self.retailer } else { &self.publisher };
        let columns = sealed::layout(found);
        let width: u64 = columns.iter().map(|column| column.physical.width()).sum();
        let manifest = Manifest {
            lineage: found.lineage.clone(),
            version: 1,
            root: Root([7; 48]),
            size: width * 1024 + 4096,
            declared: Declared::of(1024),
            columns,
            aad_prefix: vec![1; 32],
            opt_outs: None,
        };
        let bytes = owner.sign(&manifest).unwrap();
        SignedManifest::open(bytes, &Authority::at_any_time(&self.contract), &found.owner).unwrap()
    }

    pub(crate) fn manifests(&self) -> Vec<SignedManifest> {
        vec![self.manifest("exposures"), self.manifest("sales")]
    }

    /// The publisher's job on `sales`.
    pub(crate) fn job(
        &self,
        instance: &Instance,
        number: u8,
        epsilon: f64,
        not_after: Time,
    ) -> Job {
        let template = TEMPLATE.replace("EPSILON", &format!("{epsilon:?}"));
        let (analysis, question) = question_from_toml(&template, &self.contract).unwrap();
        let named = ["exposures", "sales"].into_iter().zip(self.manifests());
        Job {
            contract: self.contract.digest,
            instance: instance.digest(),
            id: JobId([number; 16]),
            not_after,
            analysis,
            question,
            datasets: named
                .map(|(name, m)| (name.to_owned(), m.digest()))
                .collect::<BTreeMap<_, _>>(),
            receivers: vec!["publisher".to_owned()],
            decision: None,
            checks: None,
        }
    }

    /// The policy's decision on a job.
    pub(crate) fn admitted(&self) -> Admitted {
        let job = self.job(&self.instance(1), 1, 0.5, Time(1000));
        let named = ["exposures", "sales"].map(str::to_owned).into_iter().zip(self.manifests());
        policy::admit(&self.contract, &job, "publisher", &named.collect(), Time(0)).unwrap()
    }

    pub(crate) fn closing(&self, instance: &Instance, accounts: Vec<Account>) -> Closing {
        let digest = Digest::of("nothing", b"");
        let body = ClosingBody {
            contract: self.contract.digest,
            output: digest,
            instance: instance.digest(),
            accounts,
            deliveries: Vec::new(),
            time: Time(0),
            audit_size: 0,
            audit_root: Root([0; 48]),
        };
        Closing::simulated(body, instance.clone())
    }
}

/// The bucket salt of every contract of a test.
pub(crate) fn salt() -> BucketSalt {
    BucketSalt::take(&mut [0x5a; BucketSalt::LEN])
}

const DATA: &str = r#"
[[dataset]]
name = "exposures"
owner = "publisher"
column = [
  { name = "email", role = "match_key", kind = "email" },
  { name = "arm", role = "group", domain = ["test", "control"] },
  { name = "history", role = "feature", scale = 2 },
]
budget = [{ purpose = "measurement", legal_basis = "consent", period = "day", epsilon = 2.0, delta = 1e-6, lifetime_epsilon = 5.0 }]

[[dataset]]
name = "sales"
owner = "retailer"
lineage = "customers"
column = [
  { name = "email", role = "match_key", kind = "email" },
  { name = "spend", role = "measure", scale = 2 },
  { name = "margin", role = "measure", scale = 2 },
  { name = "notes", role = "never" },
]
budget = [
  { purpose = "measurement", legal_basis = "consent", period = "day", epsilon = 2.0, delta = 1e-6, lifetime_epsilon = 5.0 },
  { purpose = "research", legal_basis = "consent", period = "contract", epsilon = 1.0, delta = 1e-6, lifetime_epsilon = 1.0 },
]

[[dataset]]
name = "visits"
owner = "retailer"
column = [
  { name = "email", role = "match_key", kind = "email" },
  { name = "visited", role = "measure" },
]
budget = [{ purpose = "measurement", legal_basis = "consent", period = "day", epsilon = 2.0, delta = 1e-6, lifetime_epsilon = 5.0 }]

[[analysis]]
name = "lift"
kind = "lift"
purpose = "measurement"
assignment = "exposures"
arm = "arm"
outcome = "sales"
measures = ["spend"]
analysts = ["publisher"]
receivers = ["publisher"]

[[build]]
name = "v1"
pcr0 = "010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101"
pcr1 = "020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202"
pcr2 = "030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303"
"#;

const TEMPLATE: &str = r#"
[lift]
[lift.assignment]
test = ["test"]
control = ["control"]
[[lift.outcome]]
name = "spend"
column = "spend"
type = "value"
cap_per_user = 100.0
[lift.privacy]
epsilon = EPSILON
delta = 1e-6
"#;
