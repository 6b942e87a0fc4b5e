//! A room that is open: an instance under an agreement, what is granted to it and what it is asked.

use crate::{Agreement, RehearsalError, Sealed, Silent, budget, host::OwnHost};
use client::{
    address::Address,
    job::Custodies,
    open::OpenError,
    receipt_check::{self, Checked, ReceiptFiles},
    room::Room,
    trust::Trust,
};
use enclave::{Attested, BootError, Booted, Host, Serving, TcpTransport, serve};
use nsm::{Nsm, Simulated, measure};
use privacy::sampler::{Exact, Noise};
use protocol::{
    contract::Terms, message::Package, receipt::output, result::JobResult, slice::Slice,
};
use std::{fmt, sync::Arc};
use tokio::task::JoinHandle;

/// A simulated room in this process. The room ends when this is dropped.
#[non_exhaustive]
pub struct Stage<'a> {
    /// What it is a room of.
    pub agreement: &'a Agreement,
    /// A connection to the instance.
    pub room: Room,
    /// The root under which the instance is believed.
    pub trust: Trust,
    is_noisy: bool,
    host: Arc<OwnHost>,
    _server: Server,
}

/// What a job left.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answered {
    /// The result.
    pub result: JobResult,
    /// The exact bytes of the result.
    pub result_bytes: Vec<u8>,
    /// The party that asked.
    pub analyst: String,
    /// The receipt. Without noise it passes no check of its result.
    pub receipt: Vec<u8>,
    /// The released figures, from which the result follows.
    pub released: Vec<u8>,
    /// What the receipt says.
    pub checked: Checked,
}

/// The server of the room, which ends with it.
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Stage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contract = &self.agreement.contract.name;
        f.debug_struct("Stage").field("contract", contract).finish_non_exhaustive()
    }
}

impl Agreement {
    /// Makes a room: an instance under the contract, to which nothing is granted yet. Without noise its figures are exact
    /// and protect nobody.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn open(&self, is_noisy: bool) -> Result<Stage<'_>, RehearsalError> {
        self.open_as(is_noisy, |attested, noise| attested.open(noise, MEMORY_BYTES)).await
    }

    /// The same with an instance that `open` makes ready.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_as(
        &self,
        is_noisy: bool,
        open: impl FnOnce(Attested, Box<dyn Noise + Send>) -> Result<Serving, BootError>,
    ) -> Result<Stage<'_>, RehearsalError> {
        let host = Arc::new(OwnHost::new(self.signed.clone()));
        let module = Simulated::throw_away(measure(crate::agreement::BUILD))?;
        let trust = Trust::danger(module.root())?;
        let nsm: Arc<dyn Nsm> = Arc::new(module);
        let link: Arc<dyn Host> = host.clone();
        let attested = Booted::boot(nsm, link)?.contract().await?.attest()?;
        let noise: Box<dyn Noise + Send> = if is_noisy {
            Box::new(Exact::from_seed(*attested.noise_seed()?))
        } else {
            Box::new(Silent::default())
        };
        let serving = open(attested, noise)?;
        let (listener, address) = TcpTransport::bind().await?;
        let server = Server(tokio::spawn(serve(Arc::new(serving), listener)));
        let address: Address = format!("https://{address}").parse()?;
        let room = Room::connect(&address, &self.contract, &trust, &[]).await?;
        Ok(Stage { agreement: self, room, trust, is_noisy, host, _server: server })
    }
}

impl Stage<'_> {
    /// Uploads a sealed table and grants it, with the budget of one period: the instance fetches, verifies and decrypts
    /// it, and puts its rows into order.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn grant(&mut self, sealed: &Sealed) -> Result<(), RehearsalError> {
        let (room, contract) = (&mut self.room, &self.agreement.contract);
        let name = &sealed.dataset.name;
        let (dataset, owner) = self.agreement.owned(name)?;
        self.host.keep(sealed.manifest.manifest().root, sealed.file.clone());
        let now = client::clock::now();
        let slices = dataset.budgets.iter().map(|(purpose, budget)| {
            let slice = Slice {
                contract: contract.digest,
                instance: room.instance().digest(),
                dataset: name.to_owned(),
                purpose: purpose.clone(),
                granted: budget.per_period(),
                period: budget.period.of(now),
                not_after: budget.period.end(now, contract.expires),
                job: None,
            };
            owner.sign(&slice)
        });
        let slices = slices.collect::<Result<_, _>>()?;
        let (manifest, keys) = (&sealed.manifest, &sealed.keys);
        client::grant::grant(room, owner, name, manifest, keys, None, slices).await?;
        Ok(())
    }

    /// Runs a job as the first analyst for the first receiver, and opens the result.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn ask(&mut self, job: &str) -> Result<Answered, RehearsalError> {
        let contract = &self.agreement.contract;
        let (name, _) = protocol::job::question_from_toml(job, contract)?;
        let analysis = contract.analyses.get(&name);
        let first = |names: fn(&Terms) -> &Vec<String>| {
            let name = analysis.and_then(|analysis| names(analysis).first());
            name.cloned().ok_or(RehearsalError::Nobody)
        };
        let (analyst, receiver) =
            (first(|analysis| &analysis.analysts)?, first(|analysis| &analysis.receivers)?);
        self.ask_as(job, &analyst, vec![receiver]).await
    }

    /// Runs a job as the party `asked_by` for `receivers`, and opens the result as the first of them.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn ask_as(
        &mut self,
        job: &str,
        asked_by: &str,
        receivers: Vec<String>,
    ) -> Result<Answered, RehearsalError> {
        let contract = &self.agreement.contract;
        let receiver = receivers.first().cloned().ok_or(RehearsalError::Nobody)?;
        let (analyst, reader) = (self.agreement.party(asked_by)?, self.agreement.party(&receiver)?);
        let receivers = Some(receivers);
        let options = client::job::Options { receivers, ..Default::default() };
        let prepared = client::job::prepare(&mut self.room, analyst, job, &options).await?;
        budget::within(contract, &prepared)?;
        let (room, custodies) = (&mut self.room, &mut Custodies::default());
        client::job::run(room, analyst, &prepared, custodies, &mut |_| {}).await?;
        let id = prepared.name();
        let package = self.host.result(id, &receiver).ok_or(RehearsalError::Nobody)?;
        let analyst = asked_by.to_owned();
        if self.is_noisy {
            let opened = client::open::open(&package, reader, contract, id, &self.trust)?;
            let (result, result_bytes) = (opened.result, opened.result_bytes);
            let (receipt, released) = (opened.receipt, opened.released);
            let checked = opened.checked;
            return Ok(Answered { result, result_bytes, analyst, receipt, released, checked });
        }
        // A result without noise passes none of a partner's checks. Here it may be looked at.
        let Package { result: result_bytes, receipt, released, .. } =
            client::open::unseal(&package, reader, contract, id)?;
        let beside = ReceiptFiles::default();
        let checked = receipt_check::check(contract, &receipt, beside, &self.trust)?;
        let result = JobResult::from_json(&result_bytes)?;
        if checked.body.output != output(&result_bytes) || result.job != id.to_string() {
            return Err(OpenError::OtherQuestion { job: id, found: checked.job.name() }.into());
        }
        Ok(Answered { result, result_bytes, analyst, receipt, released, checked })
    }
}

/// Memory that a rehearsal may take, in bytes.
const MEMORY_BYTES: u64 = 16 << 30;
