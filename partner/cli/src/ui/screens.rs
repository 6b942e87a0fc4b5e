//! What stands on each screen, and what each of its forms prepares.

use super::{
    ask, budget, data,
    desk::{PartyDesk, said},
    drafts, journal, payers, results, room,
};
use crate::{
    contract::{compared, outline},
    failure::Failure,
    files::Paper,
    say,
};
use ::ui::{Desk, Link, Prepared, Priced, Screen, Standing, Wish};
use client::clock;
use protocol::{
    contract::Contract,
    page::{Page, Section, Statement, Text},
};

impl Desk for PartyDesk {
    fn standing(&self) -> Standing {
        Standing {
            party: self.party.clone(),
            room: self.common.room_name().to_owned(),
            simulated: self.trust.is_simulated().then_some(say::SIMULATED),
        }
    }

    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn drafts(&self) -> Result<Vec<Link>, Text> {
        drafts::links(self).map_err(|why| said(&why))
    }

    fn draft(&self, name: &str) -> Result<(Page, String), Text> {
        drafts::page(self, name).map_err(|why| said(&why))
    }

    fn price(&self, job: &str) -> Result<Priced, Vec<Text>> {
        ask::priced(self, job)
    }

    fn payers(&self, analysis: &str) -> Result<Section, Text> {
        payers::section(self, analysis).map_err(|why| said(&why))
    }

    fn prepare(&self, wish: Wish) -> Result<u64, Text> {
        let about = match &wish {
            Wish::Ask { .. } => "A question that was filled in on this page.".into(),
            Wish::Sign { draft, digest } => {
                Text::fixed("To sign the contract in ").quote(draft).and(", digest ").quote(digest)
            }
        };
        self.acts.prepare(about, wish)
    }

    fn prepared(&self, number: u64) -> Option<Prepared> {
        self.acts.prepared(number)
    }

    fn screen(&self, screen: Screen) -> Result<Page, Text> {
        let page = match screen {
            Screen::Room => room::page(self),
            Screen::Budget => budget::page(self),
            Screen::Contract => in_sentences(self),
            Screen::Data => data::page(self),
            Screen::Journal => journal::page(self),
            Screen::Results | Screen::Ask => {
                Err(Failure::unclear("this screen is a list: choose from it"))
            }
        };
        page.map_err(|why| said(&why))
    }

    fn result(&self, name: &str) -> Result<Page, Text> {
        results::page(self, name)
    }

    fn results(&self) -> Result<Vec<Link>, Text> {
        results::links(self).map_err(|why| said(&why))
    }
}

/// The contract of the room in sentences.
fn in_sentences(desk: &PartyDesk) -> Result<Page, Failure> {
    let paper = Paper::read(&desk.common.contract)?;
    let mut sections = outline(&paper, clock::now()).sections();
    // Its heading is the page's title.
    if let Some(first) = sections.first_mut() {
        first.heading = "In short".into();
    }
    if let Some(before) = drafts::predecessor(desk, &paper.contract)? {
        let changed = compared(&before, &paper.contract);
        sections.insert(0, drafts::changed(&before, changed));
    }
    let missing = paper.contract.parties.values();
    let missing = missing.filter(|party| !paper.signers.contains(&party.root_key)).count();
    let signed = match missing {
        0 => Text::from("Every party has signed it. Nothing outside of it is ever answered."),
        _ => Text::fixed(format!("NOT SIGNED by {missing} of its parties.")),
    };
    Ok(Page {
        about: "Contract".into(),
        title: Text::fixed("Contract “").quote(&paper.contract.name).and("”"),
        answer: vec![Statement::whole(signed)],
        sections,
        ..Page::default()
    })
}
