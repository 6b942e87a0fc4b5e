use crate::{
    common_args::{Common, CommonArgs},
    document,
    failure::Failure,
    files,
    profile::RoomWord,
    say, unchecked,
};
use client::{
    check::{Line, Outcome},
    clock,
    close::Closing,
    room::Room,
    store::Store,
    trust::Trust,
};
use protocol::{contract::Contract, page::number, time::Time};
use std::process::ExitCode;

/// Check, one thing after the other, why the enclave at an address should be believed
///
/// Exits with 0 if it is believed, 1 if it is not, and 2 if nobody answers.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The room: its address, or its name in the party's folder [default: the usual room there]
    room: Option<RoomWord>,

    /// Keep the document for which it is believed in documents/ of the party's folder, for whoever asks later why
    #[arg(long)]
    save: bool,

    #[command(flatten)]
    common: CommonArgs,
}

impl Verify {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let address = common.address()?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let simulated = trust.is_simulated();
        let room = match Room::connect(address, &contract, &trust, &[]).await {
            Ok(room) => room,
            Err(error) => {
                let (checks, why) = (error.checks(), error.to_string());
                let failure = Failure::from(error);
                // Nobody answered: that says nothing about an enclave, and neither do the checks.
                let told = matches!(failure, Failure::No(_));
                document::fields(&serde_json::json!({
                    "believed": told.then_some(false), "simulated": simulated, "why": why,
                    "checks": as_json(&checks),
                }))?;
                if told {
                    print(&checks)?;
                }
                return Err(failure);
            }
        };
        if let Some(why) = is_over(&common, &room, &contract, &trust).await {
            document::fields(&serde_json::json!({
                "believed": false, "simulated": simulated, "why": why,
                "checks": as_json(room.checks()),
            }))?;
            print(room.checks())?;
            return Err(Failure::no(format!(
                "the enclave is what it should be, but {why}; send it nothing before that is mended"
            )));
        }
        let (instance, believed) = (room.instance(), room.believed());
        let time = Time(believed.timestamp().as_millis());
        document::fields(&serde_json::json!({
            "believed": true,
            "simulated": simulated,
            "instance": instance.digest(),
            "contract": contract.digest,
            "build": room.build(),
            "time": time.to_string(),
            "checks": as_json(room.checks()),
        }))?;
        print(room.checks())?;
        unchecked::say(&unchecked::of_a_room(&contract, &trust))?;
        if simulated {
            say::result(say::SIMULATED)?;
        }
        say::result(format_args!(
            "believed: instance {} of build \"{}\", {}",
            instance.digest().short(),
            room.build(),
            number::moment(time)
        ))?;
        if self.save {
            let name = format!("{}-{}.document", instance.digest(), time.0);
            let path = common.dir.join(DOCUMENTS).join(name);
            files::write_private(&path, &room.to_saved())?;
            document::fields(&serde_json::json!({"file": path}))?;
            say::note(format_args!("The document is kept in {}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Says why nobody can ask this enclave anything any more, if that is so.
pub(crate) async fn is_over(
    common: &Common,
    room: &Room,
    contract: &Contract,
    trust: &Trust,
) -> Option<String> {
    let ended = contract.expires;
    if ended <= clock::now() {
        return Some(format!(
            "the contract ended at {ended}: it answers nothing but a closing (glovebox close); agree \
             on a new contract"
        ));
    }
    // The closing at the host is the enclave's own word. A host could hold it back; the enclave
    // then says so itself when it is asked.
    let instance = room.instance().digest();
    let closing = Store::new(common.address().ok()?).closing(instance).await.ok()?;
    Closing::verify(&closing, contract, trust, Some(instance)).is_ok().then(|| {
        "an owner has closed it: its keys are gone and it answers no question; the operator has to \
         start a new one"
            .to_owned()
    })
}

/// Prints one line for each check that was reached, and how many were not.
pub(crate) fn print(checks: &[Line]) -> Result<(), Failure> {
    let (reached, others): (Vec<_>, Vec<_>) =
        checks.iter().partition(|line| line.outcome != Outcome::NotReached);
    reached.into_iter().try_for_each(say::result)?;
    match others.len() {
        0 => Ok(()),
        1 => say::result("One more check was not reached."),
        many => say::result(format_args!("{many} more checks were not reached.")),
    }
}

/// The checks as JSON.
pub(crate) fn as_json(checks: &[Line]) -> Vec<serde_json::Value> {
    let line = |line: &Line| {
        serde_json::json!({
            "number": line.number.to_string(), "title": line.title, "outcome": line.outcome.to_string(),
            "words": line.words,
        })
    };
    checks.iter().map(line).collect()
}

/// The folder of kept attestation documents in a party's folder.
pub(crate) const DOCUMENTS: &str = "documents";
