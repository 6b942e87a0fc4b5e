use crate::{
    common_args::Common,
    contract::every,
    document,
    failure::Failure,
    outline::Outline,
    profile::{self, RoomProfile},
    say,
    service::{rules::Rules, stops},
    words::counted,
};
use ::page::terminal::wrap;
use client::{clock, keys::Identity, withdrawn};
use protocol::{
    contract::{Contract, Dataset, Period},
    page::{Text, number},
};
use std::{
    fmt::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Say in words what this party's folder agrees to: its rooms, its datasets, whom it believes, what runs unattended
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The party's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Show {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let identity = Identity::load(&self.dir)?;
        let withdrawn = withdrawn::read(&self.dir)?.unwrap_or_default().len();
        let names = profile::names(&self.dir)?;
        // Which room is meant may be open: then commands ask.
        let usual = profile::usual(&self.dir).ok().flatten().map(|room| room.name);
        let (rules, stopped) = (Rules::read(&self.dir)?, stops::read(&self.dir)?);
        let mut page = String::new();
        let unclear = |cause: fmt::Error| Failure::unclear(cause);
        writeln!(page, "The party with the root key {}", identity.root_key()).map_err(unclear)?;
        if names.is_empty() {
            let text = "It has no room here: `glovebox party join` adds one.";
            wrap(&mut page, "  ", text).map_err(unclear)?;
        }
        document::fields(&serde_json::json!({
            "root_key": identity.root_key().to_string(), "rooms": [], "withdrawn_builds": withdrawn,
        }))?;
        for name in &names {
            let room = profile::named(&self.dir, name)?;
            let is_usual = usual.as_ref() == Some(name);
            let contract = Common::of_room(&self.dir, room.clone()).contract()?;
            let party = identity.party_in(&contract)?;
            let usual = if is_usual { ", which commands mean that name no room" } else { "" };
            writeln!(page, "\nRoom \"{}\" at {}{usual}", room.name, room.address)
                .map_err(unclear)?;
            page.push_str(&self::room(&room, &contract, party).printed().map_err(unclear)?);
            document::item(
                "rooms",
                serde_json::json!({
                    "name": name, "usual": is_usual, "address": room.address.to_string(), "party": party,
                    "contract": contract.digest, "ends": contract.expires.to_string(),
                    "simulated": room.danger_root.is_some(),
                }),
            );
            let ruled = rules
                .as_ref()
                .and_then(|rules| rules.rooms.iter().find(|ruled| ruled.name == *name));
            let stopped = stopped.get(&contract.digest.to_string());
            let stopped = stopped.map_or(&[][..], Vec::as_slice);
            let words = match ruled {
                Some(ruled) => ruled.words(&contract, stopped),
                None => vec!["Nothing is done unattended in this room.".to_owned()],
            };
            for sentence in words {
                wrap(&mut page, "  ", &sentence).map_err(unclear)?;
            }
        }
        let ruled = rules.iter().flat_map(|rules| &rules.rooms);
        for lost in ruled.filter(|ruled| !names.contains(&ruled.name)) {
            let text = format!(
                "\nTHE RULES NAME A ROOM \"{}\" THAT IS NOT HERE: the service does not start.",
                lost.name
            );
            wrap(&mut page, "", &text).map_err(unclear)?;
        }
        let listed = match withdrawn {
            0 => "none".to_owned(),
            some => counted(some, "build", "builds"),
        };
        let text = format!(
            "It believes no build that is on its list of withdrawn builds, which has {listed}, whatever a contract says."
        );
        page.push('\n');
        wrap(&mut page, "", &text).map_err(unclear)?;
        say::result(page.trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Says what the party agrees to in one room.
pub(crate) fn room(room: &RoomProfile, contract: &Contract, party: &str) -> Outline {
    let mut page = Outline::default();
    let over = if contract.expires <= clock::now() { " (IT IS OVER)" } else { "" };
    let text = Text::quoted(party).and(" takes part under the contract \"").quote(&contract.name);
    page.sentence(
        1,
        text.and(format!(
            "\" ({}), until {}{over}.",
            contract.digest.short(),
            number::moment(contract.expires)
        )),
    );
    let root = match &room.danger_root {
        None => "AWS's root".to_owned(),
        Some(path) => format!("the root in {}: SIMULATED, it is not AWS's", path.display()),
    };
    let builds = contract.builds.iter().map(|build| Text::fixed("\"").quote(&build.name).and("\""));
    let which = if contract.builds.len() == 1 { "the build " } else { "one of the builds " };
    let text = Text::fixed("It believes an enclave there in ").and(which);
    page.sentence(1, text.with(Text::list(builds, ", ")).and(format!(", under {root}.")));
    for (name, dataset) in contract.datasets.iter().filter(|(_, dataset)| dataset.owner == party) {
        self::dataset(&mut page, contract, name, dataset);
    }
    let asks = |names: &[String]| names.iter().any(|name| name == party);
    for (name, terms) in &contract.analyses {
        let roles = match (asks(&terms.analysts), asks(&terms.receivers)) {
            (true, true) => "\" it may ask and may receive answers, for ",
            (true, false) => "\" it may ask, for ",
            (false, true) => "\" it may receive answers, for ",
            (false, false) => continue,
        };
        let text = Text::fixed("Of \"").quote(name).and(roles).quote(&terms.purpose);
        page.sentence(1, text.and("."));
    }
    if let Some(address) = contract.parties.get(party).and_then(|listed| listed.custody.as_ref()) {
        let text = Text::fixed("Others ask its custody to countersign at ").quote(address);
        page.sentence(1, text.and("."));
    }
    page
}

/// Says for what and how far a dataset of the party may be used.
fn dataset(page: &mut Outline, contract: &Contract, name: &str, dataset: &Dataset) {
    for (purpose, budget) in &dataset.budgets {
        let uses = contract.analyses.iter().filter(|(_, terms)| {
            terms.purpose == *purpose && terms.datasets().any(|used| used == name)
        });
        let uses = uses.map(|(analysis, _)| Text::fixed("\"").quote(analysis).and("\""));
        let for_each = match budget.period {
            Period::Contract => String::new(),
            period => format!("epsilon {} {}, and ", budget.epsilon, every(period)),
        };
        let text =
            Text::fixed("Its dataset \"").quote(name).and("\" may be used for ").quote(purpose);
        let text = text.and(" (").with(Text::list(uses, ", "));
        page.sentence(
            1,
            text.and(format!("): {for_each}epsilon {} for life.", budget.lifetime_epsilon)),
        );
    }
    if dataset.budgets.is_empty() {
        let text = Text::fixed("Its dataset \"").quote(name);
        page.sentence(1, text.and("\" has no budget: nothing may be asked of it."));
    }
}
