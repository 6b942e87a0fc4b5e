//! A custody that listens, by hand or inside of a party's service.

use crate::failure::Failure;
use client::{address::Address, keys::Identity, trust::Trust};
use custody::{Door, Event, Ledger, RoomBeliever, Service, serve};
use protocol::contract::Contract;
use std::{future::Future, net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// Whose custody it is, and which room's jobs it countersigns.
pub(crate) struct Custodian {
    pub(crate) identity: Arc<Identity>,
    pub(crate) contract: Contract,
    /// It knows whose people all datasets have ([`crate::people::PeopleArgs::acknowledge`]).
    pub(crate) ledger: Ledger,
    pub(crate) room: Address,
    pub(crate) trust: Trust,
}

/// A custody that listens.
pub(crate) struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    door: Door,
    service: Arc<Service<RoomBeliever>>,
}

impl Listening {
    /// Listens at `listen`; everything that happens is told to `tell`.
    pub(crate) async fn at(
        listen: &str,
        of: Custodian,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let Custodian { identity, contract, ledger, room, trust } = of;
        let listening = |cause| Failure::unclear(format!("listening at {listen}: {cause}"));
        let listener = TcpListener::bind(listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let door =
            Door::of(&contract, identity.party_in(&contract)?, identity.directory(), address);
        let door = door.map_err(Failure::no)?;
        let believer = RoomBeliever::new(room, contract.clone(), trust, Arc::clone(&identity));
        let service = Arc::new(Service::new(contract, identity, ledger, believer, tell)?);
        Ok(Self { listener, address, door, service })
    }

    /// The address under which others reach it.
    pub(crate) fn address(&self) -> String {
        self.door.at(self.address)
    }

    /// Answers until `stop` completes.
    pub(crate) async fn serve(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Failure> {
        let served = serve(self.listener, &self.door, self.service, stop).await;
        served.map_err(|cause| Failure::unclear(format!("custody ended: {cause}")))
    }
}

/// What a custody did, in a word, and to what.
pub(crate) fn told(event: &Event) -> (&'static str, String) {
    match event {
        Event::Granted { signed, purpose, resembles } => {
            let (job, analyst) = (signed.name(), signed.analyst());
            let (decision, checks) = (signed.job().decision.as_ref(), signed.job().checks);
            let decision =
                decision.map_or_else(String::new, |words| format!(", to decide \"{words}\""));
            let careful = match (checks, resembles) {
                (Some(checked), _) => format!(
                    ". It checks the answer to job {checked}: the same question on the same data with noise of its own, \
                     paid once more"
                ),
                (None, Some(earlier)) => format!(
                    ". CAREFUL: it asks the same as job {earlier}, or nearly the same: together they say more than each alone"
                ),
                (None, None) => String::new(),
            };
            ("countersigned", format!("job {job} of {analyst} for {purpose}{decision}{careful}"))
        }
        Event::Withdrawn { party, key } => {
            ("believes no more", format!("the key {key}, which {party} withdrew"))
        }
        Event::Refused(refusal) => ("declined", refusal.to_string()),
        Event::NotBelieved(why) => ("declined", why.to_string()),
        Event::Fault(fault) => ("failed", format!("nothing was handed out: {fault}")),
        other => ("noticed", format!("{other:?}")),
    }
}
