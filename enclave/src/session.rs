//! The life of an instance, with one type for each state.

use crate::{
    audit::{Audit, Readers},
    clock::Clock,
    entropy,
    gate::Gate,
    history::History,
    link::{self, Host, HostError},
    progress::Progress,
    ready::Ready,
    records::Records,
    results::Results,
    standing::Standing,
    tls::{Tls, TlsError},
    vault::Vault,
};
use attestation_verifier::{
    Pcr,
    receipt::{Statement, user_data_for},
};
use nsm::{Nsm, NsmError};
use privacy::{Ledger, sampler::Noise};
use protocol::{
    audit::Event,
    contract::{Contract, OpenContractError},
    delegation::Withdrawn,
    digest::Digest,
    hpke::RecipientSecret,
    sign::SigningKey,
};
use rand_chacha::{ChaCha20Rng, rand_core::Rng};
use std::{collections::BTreeMap, fmt, sync::Arc};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// An enclave that knows what it is, and nothing else.
pub struct Booted {
    nsm: Arc<dyn Nsm>,
    host: Arc<dyn Host>,
    pcrs: BTreeMap<u8, Pcr>,
}

impl Booted {
    /// Asks the module about this enclave.
    ///
    /// # Errors
    ///
    /// [`BootError::Nsm`] without a module.
    pub fn boot(nsm: Arc<dyn Nsm>, host: Arc<dyn Host>) -> Result<Self, BootError> {
        let pcrs = nsm::own(nsm.as_ref())?.pcrs;
        Ok(Self { nsm, host, pcrs })
    }

    /// Takes the contract from the host. Which contract does not matter here, since partners check
    /// its digest; but every party must have signed it, and it must list this very build.
    ///
    /// # Errors
    ///
    /// [`BootError`] saying what is wrong with the contract.
    pub async fn contract(self) -> Result<Contracted, BootError> {
        let signed = link::contract(self.host.as_ref()).await?;
        let contract = Contract::open(&signed)?;
        let own = |index: &u8| self.pcrs.get(index);
        let listed = contract
            .builds
            .iter()
            .any(|build| build.pcrs.iter().all(|(index, pcr)| own(index) == Some(pcr)));
        if !listed {
            let found = own(&0).copied();
            return Err(BootError::NotListed { found });
        }
        Ok(Contracted { booted: self, contract, signed })
    }
}

/// An enclave with the one contract of its life.
pub struct Contracted {
    booted: Booted,
    contract: Contract,
    signed: Vec<u8>,
}

impl Contracted {
    /// Makes the keys of this life and the statement that names them.
    ///
    /// # Errors
    ///
    /// [`BootError`] without randomness.
    pub fn attest(self) -> Result<Attested, BootError> {
        let nsm = self.booted.nsm.as_ref();
        let mut generator = entropy::generator(nsm)?;
        let recipient = RecipientSecret::generate(&mut generator);
        let seed = Zeroizing::new(entropy::seed(nsm)?.to_vec());
        let receipt = SigningKey::from_seed(&seed).map_err(|_| BootError::Keys)?;
        let tls = Tls::new()?;
        let statement = Statement {
            contract: *self.contract.digest.as_bytes(),
            hpke: recipient.public().to_vec(),
            receipt: *receipt.public().as_bytes(),
            tls: tls.spki.clone(),
        }
        .encode();
        let instance = Digest::from(user_data_for(&statement));
        let keys = Keys { recipient, receipt };
        Ok(Attested { contracted: self, tls, keys, statement, instance, generator })
    }
}

/// An enclave with keys that an attestation document can bind.
pub struct Attested {
    contracted: Contracted,
    tls: Tls,
    keys: Keys,
    statement: Vec<u8>,
    instance: Digest,
    generator: ChaCha20Rng,
}

impl Attested {
    /// The identity of this instance: the digest of its statement.
    #[must_use]
    pub fn instance(&self) -> Digest {
        self.instance
    }

    /// The contract of this life.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.contracted.contract
    }

    /// A seed for the noise, from the module and the kernel.
    ///
    /// # Errors
    ///
    /// [`BootError::Nsm`] without randomness.
    pub fn noise_seed(&self) -> Result<Zeroizing<[u8; 32]>, BootError> {
        Ok(entropy::seed(self.contracted.booted.nsm.as_ref())?)
    }

    /// Makes the enclave ready for requests. Noise is drawn from `noise`; datasets and jobs take at
    /// most `memory_bytes`.
    ///
    /// # Errors
    ///
    /// [`BootError::Nsm`] if the module tells no time.
    pub fn open(
        self,
        noise: Box<dyn Noise + Send>,
        memory_bytes: u64,
    ) -> Result<Serving, BootError> {
        let Contracted { booted, contract, signed } = self.contracted;
        let clock = Clock::start(booted.nsm.as_ref())?;
        let (mut generator, mut salts) = (self.generator, [0; 32]);
        let (mut seed, mut records) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        generator.fill_bytes(seed.as_mut());
        generator.fill_bytes(&mut salts);
        generator.fill_bytes(records.as_mut());
        let mut audit = Audit::new(contract.parties.len(), salts);
        let now = clock.now(booted.nsm.as_ref())?;
        let opened = Event::Opened { instance: self.instance, contract: contract.digest };
        audit.append(now, Readers::All, opened);
        let open = Open {
            keys: self.keys,
            vault: Vault::new(memory_bytes),
            ledger: Ledger::new(),
            results: Results::new(contract.parties.len(), seed),
            progress: BTreeMap::new(),
            history: History::default(),
            ready: Ready::default(),
            standing: Standing::default(),
            noise,
            audit,
            records: Records::new(&contract, records),
        };
        Ok(Serving {
            nsm: booted.nsm,
            host: booted.host,
            pcrs: booted.pcrs,
            unwrapping: Mutex::default(),
            contract,
            signed_contract: signed,
            statement: self.statement,
            instance: self.instance,
            tls: self.tls,
            clock,
            gate: Gate::new(),
            withdrawn: std::sync::Mutex::default(),
            #[cfg(feature = "other-tally")]
            other_tally: None,
            state: Mutex::new(State::Open(Box::new(open))),
        })
    }
}

/// An enclave that answers requests until it is closed.
pub struct Serving {
    pub(crate) nsm: Arc<dyn Nsm>,
    pub(crate) host: Arc<dyn Host>,
    /// The enclave's own registers.
    pub(crate) pcrs: BTreeMap<u8, Pcr>,
    /// One grant at a time is unwrapped by AWS KMS.
    pub(crate) unwrapping: Mutex<()>,
    pub(crate) contract: Contract,
    pub(crate) signed_contract: Vec<u8>,
    pub(crate) statement: Vec<u8>,
    pub(crate) instance: Digest,
    pub(crate) tls: Tls,
    pub(crate) clock: Clock,
    pub(crate) gate: Gate,
    /// Keys that parties withdrew, as far as this instance was told.
    pub(crate) withdrawn: std::sync::Mutex<Withdrawn>,
    /// What is made of jobs instead of the tally of their question.
    #[cfg(feature = "other-tally")]
    pub(crate) other_tally: Option<crate::OtherTally>,
    /// One request at a time touches keys, data or the ledger, so a closing waits for running work.
    pub(crate) state: Mutex<State>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serving({})", self.instance.short())
    }
}

/// State of an instance: open, or closed for good.
pub(crate) enum State {
    Open(Box<Open>),
    Closed { closing: Vec<u8>, audit: Box<Audit> },
}

/// Everything that ends with a closing.
pub(crate) struct Open {
    pub(crate) keys: Keys,
    pub(crate) vault: Vault,
    pub(crate) ledger: Ledger,
    pub(crate) results: Results,
    pub(crate) progress: BTreeMap<Digest, Progress>,
    pub(crate) history: History,
    pub(crate) ready: Ready,
    pub(crate) standing: Standing,
    pub(crate) noise: Box<dyn Noise + Send>,
    pub(crate) audit: Audit,
    pub(crate) records: Records,
}

/// The secret keys of an instance.
pub(crate) struct Keys {
    pub(crate) recipient: RecipientSecret,
    pub(crate) receipt: SigningKey,
}

/// Why the enclave does not start.
///
/// Remedy: start the host with the contract that every party signed, which lists this build; the module must
/// answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootError {
    /// The module does not answer.
    #[error("{0}")]
    Nsm(#[from] NsmError),
    /// The host does not answer.
    #[error("{0}")]
    Host(#[from] HostError),
    /// The contract does not open.
    #[error("{0}")]
    Contract(#[from] OpenContractError),
    /// The contract lists other builds than this one.
    #[error(
        "the contract lists other builds than this one (PCR0 {}): every party must sign a contract that lists it",
        found.map_or("unknown".to_owned(), |pcr| pcr.to_string())
    )]
    NotListed {
        /// PCR0 of this enclave.
        found: Option<Pcr>,
    },
    /// Keys cannot be made.
    #[error("making the keys of this instance")]
    Keys,
    /// TLS cannot be set up.
    #[error("{0}")]
    Tls(#[from] TlsError),
}

macro_rules! opaque {
    ($($state:ident),*) => {$(
        impl fmt::Debug for $state {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($state), "(..)"))
            }
        }
    )*};
}
opaque!(Booted, Contracted, Attested);
