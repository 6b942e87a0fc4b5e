use crate::{failure::Failure, say, under::Under, words};
use client::{address::Address, check::Line, room::Room};
use protocol::time::Time;
use std::process::ExitCode;

/// Check, one thing after the other, why the enclave at an address should be believed
///
/// Exits with 0 if it is believed, 1 if it is not, and 2 if nobody answers.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Address of the room
    #[arg(value_name = "URL")]
    room: Address,

    #[command(flatten)]
    under: Under,

    /// Print the checks as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, trust) = (self.under.contract()?, self.under.trust()?);
        let simulated = trust.is_simulated();
        let room = match Room::connect(&self.room, &contract, &trust, &[]).await {
            Ok(room) => room,
            Err(error) => {
                let (checks, why) = (error.checks(), error.to_string());
                let failure = Failure::from(error);
                // Nobody there: that says nothing about an enclave, and neither do the checks.
                let told = matches!(failure, Failure::No(_));
                if self.json {
                    say::json(&serde_json::json!({
                        "believed": told.then_some(false), "simulated": simulated, "why": why,
                        "checks": as_json(&checks),
                    }))?;
                } else if told {
                    print(&checks)?;
                }
                return Err(failure);
            }
        };
        let (instance, believed) = (room.instance(), room.believed());
        let time = Time(believed.timestamp().as_millis());
        if self.json {
            say::json(&serde_json::json!({
                "believed": true,
                "simulated": simulated,
                "instance": instance.digest(),
                "contract": contract.digest,
                "build": room.build(),
                "time": time.to_string(),
                "checks": as_json(room.checks()),
            }))?;
        } else {
            print(room.checks())?;
            if simulated {
                say::result(say::SIMULATED)?;
            }
            say::result(format_args!(
                "believed: instance {} of build \"{}\", {}",
                instance.digest().short(),
                room.build(),
                words::moment(time)
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One line per check.
pub(crate) fn print(checks: &[Line]) -> Result<(), Failure> {
    checks.iter().try_for_each(say::result)
}

/// The checks for a machine.
pub(crate) fn as_json(checks: &[Line]) -> Vec<serde_json::Value> {
    let line = |line: &Line| {
        serde_json::json!({
            "number": line.number.to_string(), "title": line.title, "outcome": line.outcome.to_string(),
            "words": line.words,
        })
    };
    checks.iter().map(line).collect()
}
