use super::rebuilt;
use crate::{
    document,
    failure::Failure,
    files,
    passphrase::PassphraseArgs,
    people::{self, PeopleArgs},
    salt, say,
};
use client::{
    keys::{Identity, IdentityError},
    salts,
};
use custody::Ledger;
use protocol::{
    contract::{Contract, TAG},
    digest::Digest,
    sign::Jointly,
};
use std::{path::PathBuf, process::ExitCode};

/// Sign a contract, beside the signatures that it already has
///
/// Makes FILE.signed, or adds a signature to it. Read it with `glovebox contract show` first.
#[derive(Debug, clap::Args)]
pub(crate) struct Sign {
    /// The contract: its TOML, or the .signed file of the others
    file: PathBuf,

    /// Sign the contract with this digest and no other: the one that `contract show` has shown
    #[arg(long, value_name = "HEX")]
    digest: Option<Digest>,

    /// Directory with the party's keys and ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// The bucket salts that came with the contract [default: FILE.salts]
    #[arg(long, value_name = "FILE")]
    salts: Option<PathBuf>,

    /// Sign although the contract has another bucket salt than the one it replaces: files that were
    /// sealed by buckets must then be sealed again
    #[arg(long)]
    other_bucket_salt: bool,

    /// The build manifest of each build that names one: its build-manifest.json, or the .cose file of everybody who must
    /// have rebuilt it
    #[arg(long = "build-manifest", value_name = "FILE")]
    build_manifests: Vec<PathBuf>,

    #[command(flatten)]
    people: PeopleArgs,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Sign {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let bytes = files::read_contract(&self.file)?;
        let (mut joint, output) = match Jointly::parse(TAG, &bytes) {
            Ok(joint) => (joint, self.file.clone()),
            Err(_) => self.beside(&files::text(&self.file, bytes)?)?,
        };
        let named = |why| files::named(&self.file, why);
        let contract =
            Contract::parse(joint.payload()).map_err(|why| files::named(&self.file, why))?;
        joint.signers().map_err(named)?;
        self.check_digest(&contract)?;
        rebuilt::check(&contract, &self.build_manifests)?;
        if contract.expires <= client::clock::now() {
            return Err(Failure::no(format!(
                "{}: the contract ended at {}, and nothing is done under it any more: write one that ends later",
                self.file.display(),
                contract.expires
            )));
        }
        let identity = Identity::load(&self.dir).map_err(Failure::unclear)?;
        let party = identity.party_in(&contract).map_err(Failure::no)?.to_owned();
        // Before anything is kept of what was said of people.
        let root = identity.checked(self.passphrase.root(&self.dir)?)?;
        self.lost_so_far(&identity, &contract, &party)?;
        self.salt(&identity, &contract, &party)?;
        joint.add(&root);
        files::write(&output, &joint.to_vec())?;
        say::result(format_args!("{}  {}", contract.digest, output.display()))?;
        let signers = joint.signers().map_err(Failure::no)?;
        let missing = contract
            .parties
            .iter()
            .filter(|(_, other)| !signers.contains(&other.root_key))
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>();
        document::fields(&serde_json::json!({
            "contract": contract.digest, "file": output, "party": party, "still_to_sign": missing,
        }))?;
        match missing.as_slice() {
            [] => say::note(format_args!("Signed by {party}; every party has signed.")),
            missing => say::note(format_args!(
                "Signed by {party}; still to sign: {}. Send them {} and {}.",
                missing.join(", "),
                output.display(),
                self.to_send()
            )),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Signs `file` with the digest that was shown, for the party in `dir`.
    pub(crate) fn shown(file: PathBuf, digest: Digest, dir: PathBuf) -> Self {
        Self {
            file,
            digest: Some(digest),
            dir,
            salts: None,
            other_bucket_salt: false,
            build_manifests: Vec::new(),
            people: PeopleArgs::default(),
            passphrase: PassphraseArgs::default(),
        }
    }

    fn check_digest(&self, contract: &Contract) -> Result<(), Failure> {
        match self.digest.filter(|shown| *shown != contract.digest) {
            None => Ok(()),
            Some(shown) => Err(Failure::no(format!(
                "{}: the contract has the digest {}, expected {shown}: its text is another one than the one that was shown, and \
                 nothing was signed",
                self.file.display(),
                contract.digest
            ))),
        }
    }

    /// The file with the bucket salt that came with the contract.
    fn salts(&self) -> PathBuf {
        self.salts.clone().unwrap_or_else(|| salt::beside(&self.file))
    }

    /// Names the file of the bucket salt for the others. Only a file that is there, and was looked into, is named.
    fn to_send(&self) -> String {
        let path = self.salts();
        if path.exists() {
            format!("{}, which has the bucket salt", path.display())
        } else {
            format!(
                "the .salts file that was written beside the contract, without which no owner can sign (there is no {})",
                path.display()
            )
        }
    }

    /// Keeps the bucket salt of the contract, without which an owner could grant nothing.
    fn salt(&self, identity: &Identity, contract: &Contract, party: &str) -> Result<(), Failure> {
        let dir = identity.directory();
        let before = contract.supersedes.map(|digest| salts::of(dir, &digest)).transpose();
        let before = before.map_err(Failure::no)?.flatten();
        if before.is_some_and(|salt| salt.digest() != contract.bucket_salt)
            && !self.other_bucket_salt
        {
            return Err(Failure::no(
                "the contract has another bucket salt than the one it replaces: write it with `glovebox contract \
                 new --supersedes`, which keeps the salt, or say --other-bucket-salt if that is meant",
            ));
        }
        let known = salts::find(dir, &contract.bucket_salt).map_err(Failure::no)?;
        let path = self.salts();
        if self.salts.is_none() && !path.exists() {
            if let Some(salt) = known {
                return salts::keep(dir, contract, &salt).map_err(Failure::no);
            }
            if contract.datasets.values().any(|dataset| dataset.owner == party) {
                return Err(Failure::unclear(format!(
                    "there is no {}: the bucket salt of a contract comes with it, sealed to each party; ask whoever \
                     wrote it, or name the file with --salts",
                    path.display()
                )));
            }
            return Ok(());
        }
        // A file that is there is looked into, known salt or not: it is sent on to the others.
        if let (Err(IdentityError::Missing { .. }), Some(salt)) = (identity.recipient(), known) {
            return salts::keep(dir, contract, &salt).map_err(Failure::no);
        }
        let salt = salt::opened(identity, contract, &path)?;
        salts::keep(dir, contract, &salt).map_err(Failure::no)
    }

    /// Says what the people of the party's datasets have lost so far. Where the ledger does not
    /// know whose people they are, it asks before anything is signed.
    fn lost_so_far(
        &self,
        identity: &Identity,
        contract: &Contract,
        party: &str,
    ) -> Result<(), Failure> {
        if !contract.datasets.values().any(|dataset| dataset.owner == party) {
            return Ok(());
        }
        let mut ledger = Ledger::open(identity)?;
        self.people.acknowledge(&mut ledger, contract, party)?;
        for line in ledger.people(contract, party)? {
            say::note(people::words(&line));
        }
        Ok(())
    }

    /// The signed file beside the TOML, if it signs these very bytes; otherwise a new one.
    fn beside(&self, text: &[u8]) -> Result<(Jointly, PathBuf), Failure> {
        let mut name = self.file.clone().into_os_string();
        name.push(".signed");
        let path = PathBuf::from(name);
        if !path.exists() {
            return Ok((Jointly::unsigned(TAG, text), path));
        }
        let joint = Jointly::parse(TAG, &files::read_contract(&path)?)
            .map_err(|why| files::named(&path, why))?;
        if joint.payload() == text {
            Ok((joint, path))
        } else {
            Err(Failure::no(format!(
                "{signed} holds signatures of another text than {}: compare the two with `glovebox contract \
                 diff`, and remove {signed} to gather signatures anew",
                self.file.display(),
                signed = path.display(),
            )))
        }
    }
}
