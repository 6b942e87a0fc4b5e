//! Keys that come by AWS KMS: an owner grants once, and every instance of the build gets its keys without anybody, whatever the host
//! and KMS's answers do.

mod fake;

use client::keys::Identity;
use fake::{FakeKms, Mischief};
use protocol::{
    contract::Contract,
    digest::Digest,
    key::DataKey,
    kms_grant::{KmsGrant, SealedFor, SealedGrant, Secrets, context},
    salt::BucketSalt,
    time::Time,
};
use serde_json::Value;
use std::fs;
use tests::{processes::Site, running::until};

/// A site whose host asks a KMS, with both files uploaded and the publisher's granted.
struct Room {
    site: Site,
    kms: FakeKms,
}

impl Room {
    fn new() -> Self {
        let mut site = Site::new();
        let policy = site.ok("kms example --contract contract.toml.signed");
        let kms = FakeKms::start(site.path("host/simulated-ca/root.der"), &policy);
        fs::create_dir_all(site.path("grants")).unwrap();
        site.start_host_with(&format!("--kms {} --kms-grants grants", kms.address));
        site.upload();
        site.ok(&Site::grant_of("publisher"));
        Self { site, kms }
    }

    /// The retailer writes a grant, beside its folder.
    fn write(&self, name: &str, more: &str) -> Vec<u8> {
        let line = Site::grant_of("retailer").replace("ROOM ", "");
        self.site.ok(&format!(
            "{line} --kms alias/sales --kms-proxy {} -o {name} {more}",
            self.kms.address
        ));
        fs::read(self.site.path(name)).unwrap()
    }

    /// The operator puts a grant where the host looks.
    fn put(&self, bytes: &[u8]) {
        let (part, file) =
            (self.site.path("grants/part"), self.site.path("grants/sales.kms-grant"));
        fs::write(&part, bytes).unwrap();
        fs::rename(part, file).unwrap();
    }

    /// Puts `bytes` there, which must open nothing, for a reason that is said to the operator.
    fn refused(&self, bytes: &[u8], why: &str) {
        let said = || self.site.host_said().matches(why).count();
        let before = said();
        self.put(bytes);
        until(why, || said() > before);
        assert!(!self.is_open(), "{why}");
    }

    fn is_open(&self) -> bool {
        let text = self.site.ok("job status --room ROOM UNDER --dir publisher --json");
        let status: Value = serde_json::from_str(&text).unwrap();
        let datasets = status["result"]["datasets"].as_array().unwrap();
        datasets.iter().any(|dataset| dataset["dataset"] == "sales")
    }

    fn contract(&self) -> Contract {
        Contract::open(&fs::read(self.site.path("contract.toml.signed")).unwrap()).unwrap()
    }

    /// A grant of `sales` that `party` signs, as `change` makes it other than it should be. The data key is wrapped as it should be.
    fn signed_by(&self, party: &str, change: impl FnOnce(&mut KmsGrant)) -> Vec<u8> {
        let contract = self.contract();
        let pcrs = &contract.builds[0].pcrs;
        let keys = ["email", "__footer"].map(|name| (name.to_owned(), DataKey::take(&mut [1; 32])));
        let secrets = Secrets { keys: keys.into(), salt: BucketSalt::take(&mut [2; 32]) };
        let mut grant = KmsGrant {
            contract: contract.digest,
            dataset: "sales".to_owned(),
            builds: vec![[0, 1, 2].map(|index: u8| Digest::from(*pcrs[&index].as_bytes()))],
            manifest: fs::read(self.site.path("retailer/sales.manifest")).unwrap(),
            columns: secrets.keys.keys().cloned().collect(),
            secrets: secrets.digest(),
            until: contract.expires,
        };
        change(&mut grant);
        let identity = Identity::load(&self.site.path(party)).unwrap();
        let signed = identity.service().unwrap().sign(&grant);
        let wrapped = self.kms.wrap(&[3; 32], context(contract.digest, "sales"));
        let of = SealedFor { contract: contract.digest, dataset: "sales" };
        of.seal(&DataKey::take(&mut [3; 32]), ("alias/sales", wrapped), &signed, &secrets, None)
            .to_vec()
    }
}

#[test]
fn every_instance_gets_its_keys_without_anybody_until_the_owner_takes_them_back() {
    let mut room = Room::new();
    let grant = room.write("sales.kms-grant", "");
    assert!(!room.is_open());
    room.put(&grant);
    until("the keys came", || room.is_open());
    room.site.start_custody();
    let job = room.site.submit_of(1);
    room.site.ok(&job);
    // Another instance has other keys, and asks for itself.
    room.site.kill_enclave();
    until("they came again", || room.is_open());
    assert_eq!(room.kms.unwrapped(), 2);
    // A grant that was taken is offered again and again, and KMS is not asked for it.
    room.put(&grant);
    let seen = room.site.host_said().matches("its keys came by AWS KMS").count();
    assert_eq!(seen, 2, "{}", room.site.host_said());
    room.site.ok("grant ROOM UNDER --dataset sales --revoke --dir retailer");
    assert!(!room.is_open());
    room.put(&grant);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert!(!room.is_open());
    assert_eq!(room.kms.unwrapped(), 2);
    // The owner itself may grant again, and from then on KMS may hand over newer versions.
    room.site.ok(&Site::grant_of("retailer"));
    assert!(room.is_open());
}

#[test]
fn a_forged_swapped_or_broken_answer_opens_nothing() {
    let room = Room::new();
    let grant = room.write("sales.kms-grant", "");
    for (mischief, why) in [
        (Mischief::Forges(vec![7; 32]), "what KMS unwrapped does not open the grant"),
        (Mischief::Forges(vec![7; 31]), "KMS unwrapped 31 bytes, expected a data key of 32"),
        (Mischief::Forges(Vec::new()), "KMS unwrapped 0 bytes, expected a data key of 32"),
        (Mischief::Repeats, "the envelope is sealed to the key of another request"),
        (Mischief::Alters, "names this request's key and does not open"),
        (Mischief::Cuts, "these bytes are not an envelope of AWS KMS"),
        (Mischief::Bares, "the answer has no CiphertextForRecipient"),
    ] {
        room.kms.does(mischief);
        room.refused(&grant, why);
    }
    room.kms.does(Mischief::None);
    room.put(&grant);
    until("an honest answer opens it", || room.is_open());
}

#[test]
fn a_grant_of_anybody_or_for_anything_else_opens_nothing() {
    let room = Room::new();
    let other = Digest::from([9; Digest::LEN]);
    let contract = room.contract();
    let refused = |bytes: &[u8], why| room.refused(bytes, why);
    // Whoever may call Encrypt wraps a key of its own, and signs what it likes.
    refused(&room.signed_by("publisher", |_| {}), "is not signed by the dataset's owner");
    // The owner's own words, for something else than this.
    let ours = |change: &dyn Fn(&mut KmsGrant)| room.signed_by("retailer", |grant| change(grant));
    refused(&ours(&|grant| grant.contract = other), "which is not this instance's");
    refused(
        &ours(&|grant| grant.dataset = "exposures".to_owned()),
        "is for another dataset than its file says",
    );
    refused(&ours(&|grant| grant.builds = vec![[other; 3]]), "names other builds than this one");
    refused(&ours(&|grant| grant.builds.clear()), "names other builds than this one");
    refused(&ours(&|grant| grant.until = Time(1)), "the grant was over at 1970");
    refused(&ours(&|grant| grant.manifest = b"other".to_vec()), "no keys were taken by AWS KMS");
    refused(
        &ours(&|grant| grant.columns = vec!["__footer".to_owned()]),
        "no keys were taken by AWS KMS",
    );
    // The operator moves a good grant elsewhere.
    let good = SealedGrant::parse(&room.write("sales.kms-grant", "")).unwrap();
    let moved = SealedGrant { dataset: "exposures".to_owned(), ..good.clone() };
    refused(&moved.to_vec(), "status 400 InvalidCiphertextException");
    refused(
        &SealedGrant { contract: other, ..good.clone() }.to_vec(),
        "which is not this instance's",
    );
    let wrapped = room.kms.wrap(&[4; 32], context(contract.digest, "sales"));
    refused(
        &SealedGrant { wrapped, ..good.clone() }.to_vec(),
        "what KMS unwrapped does not open the grant",
    );
    refused(b"no grant", "no keys were taken by AWS KMS");
    // A policy for another build, or another dataset.
    let policy = room.site.ok("kms example --contract contract.toml.signed");
    let pcr0 = contract.builds[0].pcrs[&0].to_string();
    for other in
        [policy.replace(&pcr0, &"ab".repeat(48)), policy.replace("\"sales\"", "\"stores\"")]
    {
        room.kms.obeys(&other);
        refused(&good.to_vec(), "status 400 AccessDeniedException");
    }
    room.kms.obeys(&policy);
    room.put(&good.to_vec());
    until("it opens where it belongs", || room.is_open());
}

#[test]
fn an_older_version_is_not_handed_over_where_a_newer_one_was_open() {
    let room = Room::new();
    let older = room.write("older.kms-grant", "");
    room.site.ok("seal retailer.csv --contract contract.toml.signed --dataset sales --dir retailer -o retailer/newer");
    room.site.ok("upload ROOM retailer/newer.sealed");
    let newer = Site::grant_of("retailer").replace("retailer/sales.", "retailer/newer.");
    room.site.ok(&newer);
    room.site.ok("grant ROOM UNDER --dataset sales --revoke --dir retailer");
    room.site.ok(&newer);
    let before = room.site.host_said().matches("no keys were taken by AWS KMS").count();
    room.put(&older);
    until("it is refused", || {
        room.site.host_said().matches("no keys were taken by AWS KMS").count() > before
    });
    let text = room.site.ok("job status --room ROOM UNDER --dir publisher --json");
    let status: Value = serde_json::from_str(&text).unwrap();
    assert!(status["result"]["datasets"].to_string().contains("sales"), "{text}");
}

#[test]
fn a_list_of_opt_outs_comes_with_the_grant_and_its_people_are_out() {
    let mut room = Room::new();
    let people: String = (0..1000).map(|person| format!("person{person}@example.com\n")).collect();
    fs::write(room.site.path("out.txt"), people).unwrap();
    room.site.ok("optout add --from out.txt --contract contract.toml.signed --dir publisher");
    let line = Site::grant_of("publisher").replace("ROOM ", "");
    let (kms, name) = (room.kms.address, "exposures.kms-grant");
    room.site.ok(&format!("{line} --kms alias/exposures --kms-proxy {kms} -o {name}"));
    room.site.ok(&Site::grant_of("retailer"));
    room.put(&fs::read(room.site.path(name)).unwrap());
    until("the keys came", || room.site.host_said().contains("its keys came by AWS KMS"));
    room.site.start_custody();
    let job = room.site.submit_of(1);
    room.site.ok(&job);
    let result: Value = serde_json::from_slice(&room.site.open_result(1, "publisher")).unwrap();
    let cells = result["answer"]["lift"]["cells"].as_array().unwrap();
    let counted: i64 = cells.iter().filter_map(|cell| cell["n"].as_i64()).sum();
    // The noise on all cells together has a standard deviation of about 110.
    assert!((500..=1500).contains(&counted), "{counted}: 1,000 of 2,000 people; {result}");
}

#[test]
fn no_other_list_of_opt_outs_comes_with_a_grant_nor_an_older_one() {
    let room = Room::new();
    let contract = room.contract();
    let parsed = |name| SealedGrant::parse(&room.write(name, "")).unwrap();
    let out = |person| {
        let of = "--contract contract.toml.signed --dir retailer";
        room.site.ok(&format!("optout add person{person}@example.com {of}"));
    };
    let of = SealedFor { contract: contract.digest, dataset: "sales" };
    let data_key = |bytes: Vec<u8>| DataKey::take(&mut bytes.try_into().unwrap());
    let without = parsed("without.kms-grant");
    assert_eq!(without.opt_outs, None);
    out(1);
    let first = parsed("first.kms-grant");
    let key = data_key(room.kms.wrapped_last());
    let first_list = first.open_opt_outs(&key, of).unwrap().unwrap();
    out(2);
    let second = parsed("second.kms-grant");
    let key = data_key(room.kms.wrapped_last());
    let with = |list: &[u8]| {
        let secrets = Secrets { keys: [].into(), salt: BucketSalt::take(&mut [2; 32]) };
        let other = of.seal(&key, ("", Vec::new()), b"", &secrets, Some(list));
        SealedGrant { opt_outs: other.opt_outs, ..second.clone() }.to_vec()
    };
    let unnamed = "its list of opt-outs is not the one that its manifest names";
    // Without its list, with the owner's earlier one, and with what is none.
    room.refused(&SealedGrant { opt_outs: None, ..second.clone() }.to_vec(), unnamed);
    room.refused(&with(&first_list), unnamed);
    room.refused(&with(b"no list"), unnamed);
    // The operator moves a list to another grant, or another part into its place.
    let other_key = "what KMS unwrapped does not open the grant";
    let moved = SealedGrant { opt_outs: first.opt_outs.clone(), ..second.clone() };
    room.refused(&moved.to_vec(), other_key);
    let listed = SealedGrant { opt_outs: Some(without.secrets.clone().into()), ..without.clone() };
    room.refused(&listed.to_vec(), other_key);
    room.put(&second.to_vec());
    until("it opens with its own", || room.is_open());
    for (older, nth) in [(&first, 1), (&without, 2)] {
        room.put(&older.to_vec());
        let why = "its list of opt-outs is older than the one granted before";
        until(why, || room.site.host_said().matches(why).count() == nth);
        assert!(room.is_open());
    }
}

#[test]
fn only_a_program_on_the_same_machine_is_asked_to_sign() {
    let site = Site::new();
    let line = Site::grant_of("retailer")
        .replace("ROOM ", "")
        .replace("UNDER", "--contract contract.toml.signed");
    let said = site.run(&format!("{line} --kms alias/sales --kms-proxy 192.0.2.1:80"));
    assert!(
        said.code == Some(2) && said.err.contains("expected a loopback address"),
        "{}",
        said.err
    );
    let said = site.run(&format!("{line} --kms alias/sales --kms-proxy 127.0.0.1:1"));
    assert!(
        said.code == Some(2) && said.err.contains("the program that signs requests to KMS"),
        "{}",
        said.err
    );
    assert!(!site.path("retailer/sales.kms-grant").exists());
}
