//! How long sealing takes, and what memory: `rows_per_second TABLE STEM`.
//!
//! TABLE is CSV with the columns email, phone, tier (gold, basic), spend, recency, day and agreed. Nothing that is sealed
//! here can be used.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may fail by panicking"
)]

use protocol::{
    contract::{Contract, draft},
    delegation::{Delegate, Delegation, KeyKind},
    hpke::RecipientSecret,
    salt::BucketSalt,
    sign::SigningKey,
    time::Time,
};
use sealing::{Options, Version};
use std::{env, fs, path::PathBuf, time::Instant};
use zeroize::Zeroizing;

fn main() {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (table, stem) = (arguments.next().unwrap(), arguments.next().unwrap());
    let (contract, owner) = room();
    let salt = BucketSalt::take(&mut [0x5a; BucketSalt::LEN]);
    let version =
        Version { contract: &contract, dataset: "sales", owner: &owner, salt: &salt, number: 1 };
    let mut options = Options::default();
    options.rows_per_person = Some(1 << 10);
    let began = Instant::now();
    let sealed = sealing::seal(&table, &version, &stem, &options, &mut |_, _| {}).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    println!("{} rows, padded to {}: {seconds:.1} s", sealed.count.rows, sealed.padded);
    println!("{:.1} s of CPU, {}", cpu(), peak());
}

/// Seconds of CPU of this process.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned()
}

fn room() -> (Contract, Delegate) {
    let seed = Zeroizing::new(vec![1; 32]);
    let root = SigningKey::from_seed(&seed).unwrap();
    let recipient = RecipientSecret::from_bytes(&seed).unwrap().public();
    let salt = BucketSalt::take(&mut [0x5a; BucketSalt::LEN]);
    let head = draft::Head {
        name: "c",
        expires: "2027-12-31T00:00:00Z",
        purposes: &["p"],
        bucket_salt: salt.digest(),
    };
    let party = draft::Party {
        name: "a",
        root_key: &root.public(),
        recipient_key: &recipient,
        custody: None,
    };
    let budget = draft::Budget {
        purpose: "p",
        legal_basis: "consent",
        period: "month",
        epsilon: 1.0,
        lifetime_epsilon: 2.0,
    };
    let pcr = "ab".repeat(48);
    let build = draft::Build("b", [&pcr; 3]);
    let column =
        |name: &str, role: &str| format!("[[dataset.column]]\nname = \"{name}\"\nrole = {role}\n");
    let sales: String = [
        ("email", "\"match_key\"\nkind = \"email\""),
        ("phone", "\"match_key\"\nkind = \"phone\""),
        ("tier", "\"group\"\ndomain = [\"gold\", \"basic\"]"),
        ("spend", "\"measure\"\nscale = 2"),
        ("recency", "\"measure\""),
        ("day", "\"date\""),
        ("agreed", "\"consent\""),
    ]
    .map(|(name, role)| column(name, role))
    .concat();
    let arms = column("email", "\"match_key\"\nkind = \"email\"")
        + &column("arm", "\"group\"\ndomain = [\"x\", \"y\"]");
    let text = format!(
        "{head}{party}[[dataset]]\nname = \"d\"\nowner = \"a\"\nlineage = \"l\"\n{arms}{budget}\
         [[dataset]]\nname = \"sales\"\nowner = \"a\"\nlineage = \"m\"\n{sales}{budget}\
         [[analysis]]\nname = \"lift\"\nkind = \"lift\"\npurpose = \"p\"\nassignment = \"d\"\narm = \"arm\"\n\
         outcome = \"sales\"\nmeasures = [\"spend\"]\nanalysts = [\"a\"]\nreceivers = [\"a\"]\n{build}"
    );
    let contract = Contract::parse(text.as_bytes()).unwrap();
    let key = SigningKey::from_seed(&Zeroizing::new(vec![2; 32])).unwrap();
    let (kind, name) = (KeyKind::Service, "service".to_owned());
    let delegation =
        Delegation { kind, name, key: key.public(), from: Time(0), until: Time(u64::MAX) };
    (contract, Delegate::by(&root, key, &delegation).unwrap())
}
