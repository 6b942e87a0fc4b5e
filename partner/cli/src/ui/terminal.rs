//! The terminal that runs the page: it shows what was prepared there, and asks. Whoever has the page's cookie cannot answer.

use super::{
    desk::{PartyDesk, reasons, said},
    drafts,
    results::RESULTS,
    typed::Typed,
};
use crate::{
    contract::{Sign, outline},
    failure::Failure,
    job::{self, Asked, Opening, price},
    say,
};
use ::ui::{Links, Secret, State, Wish};
use client::{
    clock,
    job::{Step, Wanted},
    keys,
};
use protocol::page::Text;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::mpsc;

pub(super) struct Terminal {
    pub(super) desk: Arc<PartyDesk>,
    pub(super) links: Links,
    pub(super) typed: Typed,
    /// What was prepared.
    pub(super) wishes: mpsc::Receiver<(usize, Wish)>,
}

impl Terminal {
    /// Prints another link for each line, and asks about what is prepared. Ends only if it cannot print.
    pub(super) async fn attend(&mut self) -> Result<(), Failure> {
        loop {
            // Where nobody types any more, the page is still looked at.
            let has_ended = self.typed.has_ended();
            tokio::select! {
                line = self.typed.next(), if !has_ended => {
                    if line.is_some() {
                        say::result(self.links.print(secret()?))?;
                    }
                }
                Some((number, wish)) = self.wishes.recv() => self.act(number, &wish).await?,
            }
        }
    }

    /// Asks about one wish and does it. What becomes of it is said on the page, too.
    async fn act(&mut self, number: usize, wish: &Wish) -> Result<(), Failure> {
        match wish {
            Wish::Ask { job, receivers } => self.ask(number, job, receivers).await,
            Wish::Sign { draft, digest } => self.sign(number, draft, digest).await,
        }
    }

    /// Shows a contract with what it changes, and signs the very text that was shown, on the page and here.
    async fn sign(&mut self, number: usize, draft: &str, shown: &str) -> Result<(), Failure> {
        let found = match drafts::all(&self.desk) {
            Ok(mut all) => all.remove(draft).ok_or_else(|| "it waits no longer".into()),
            Err(why) => Err(said(&why)),
        };
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                self.end(number, why);
                return Ok(());
            }
        };
        let contract = &found.paper.contract;
        if contract.digest.to_string() != shown {
            let why = "The file has another text than the one that the page has shown: look at it again. Nothing was signed.";
            say::note(why);
            self.end(number, why.into());
            return Ok(());
        }
        let path = found.path.display();
        say::result(format_args!(
            "\nThe page asks to sign the contract \"{}\" in {path}.\n",
            say::name(&contract.name)
        ))?;
        say::result(format_args!("digest    {}\n", contract.digest))?;
        match (&found.before, found.changes()) {
            (Some(before), Some(changes)) => {
                say::result(format_args!(
                    "What it changes in \"{}\" ({}):",
                    say::name(&before.name),
                    before.digest.short()
                ))?;
                changes
                    .iter()
                    .try_for_each(|change| say::result(format_args!("  {}", say::name(change))))?;
            }
            _ => say::result(
                outline(&found.paper, clock::now()).printed().map_err(Failure::unclear)?,
            )?,
        }
        if !self.agrees(&format!("\nSign it with the root key of {}?", self.desk.party)).await? {
            say::note("Not signed.");
            self.end(number, "The terminal did not say yes. Nothing was signed.".into());
            return Ok(());
        }
        let sign = Sign::shown(found.path.clone(), contract.digest, self.desk.common.dir.clone());
        self.desk.acts.become_of(number, State::Working);
        // It may ask for a passphrase, and reads the file once more: a text that has changed since is not signed.
        match self.typed.aside(|| sign.run()) {
            Ok(_) => {
                self.desk.acts.say(number, "Signed.".into());
                self.desk.acts.become_of(number, State::Done("/contract".to_owned()));
            }
            Err(why) => {
                self.failed(number, &why);
            }
        }
        Ok(())
    }

    async fn ask(&mut self, number: usize, job: &str, receivers: &[String]) -> Result<(), Failure> {
        match self.agrees_to_ask(job, receivers).await {
            Ok(true) => {}
            Ok(false) => {
                say::note("Not asked: nothing was signed.");
                self.end(number, "The terminal did not say yes. Nothing was signed.".into());
                return Ok(());
            }
            // The contract may have ended since the page was made: the page goes on.
            Err(why) => {
                self.failed(number, &why);
                return Ok(());
            }
        }
        let acts = &self.desk.acts;
        acts.become_of(number, State::Working);
        let reads = receivers.is_empty() || receivers.contains(&self.desk.party);
        let folder = self.desk.common.dir.join(RESULTS);
        let asked = Asked {
            wanted: Wanted::Template(job.to_owned()),
            file: None,
            addresses: BTreeMap::new(),
            again: None,
            receivers: receivers.to_vec(),
            open: if reads { Opening::Within(folder) } else { Opening::Nowhere },
        };
        let mut heard = |step: &Step<'_>| acts.say(number, in_words(step));
        match job::ask(&self.desk.common, &asked, &mut heard).await {
            Ok(ran) => {
                acts.say(number, Text::fixed(format!("Job {} was answered.", ran.job)));
                let result = format!("/{RESULTS}/{}", ran.job);
                acts.become_of(number, State::Done(if reads { result } else { String::new() }));
            }
            Err(why) => {
                self.failed(number, &why);
            }
        }
        Ok(())
    }

    /// Shows the very job that would be signed, with its price, and asks.
    async fn agrees_to_ask(&mut self, job: &str, receivers: &[String]) -> Result<bool, Failure> {
        let priced = price::Priced::of(self.desk.contract.clone(), job, None, None)?;
        let price = priced.words(&[]).printed().map_err(Failure::unclear)?;
        say::result("\nThe page has prepared this job:\n")?;
        job.lines().try_for_each(|line| say::result(format_args!("    {line}")))?;
        say::result(format_args!("\n{}\n", price.trim()))?;
        let readers =
            if receivers.is_empty() { "whoever asks".to_owned() } else { receivers.join(", ") };
        say::result(format_args!("read by   {}", say::name(readers)))?;
        self.agrees("Sign it with the analyst key, and submit it?").await
    }

    /// Whether the next line is a yes. What was typed before the question is no answer to it.
    async fn agrees(&mut self, question: &str) -> Result<bool, Failure> {
        self.typed.forget();
        say::result(format_args!("{question} Type yes, or anything else for no:"))?;
        Ok(self.typed.next().await.is_some_and(|line| line.trim() == "yes"))
    }

    /// Says here and on the page why an act came to nothing.
    fn failed(&self, number: usize, why: &Failure) {
        say::error(why);
        for words in reasons(why) {
            self.desk.acts.say(number, words);
        }
        self.desk.acts.become_of(number, State::Ended);
    }

    fn end(&self, number: usize, why: Text) {
        self.desk.acts.say(number, why);
        self.desk.acts.become_of(number, State::Ended);
    }
}

fn in_words(step: &Step<'_>) -> Text {
    match step {
        Step::Asking { owner, .. } => {
            Text::fixed("Asking the custody of ").quote(owner).and(" to countersign.")
        }
        Step::Countersigned { owner } => Text::quoted(owner).and(" has countersigned."),
        Step::Reconnecting => "The connection was lost; trying again.".into(),
        _ => "At work.".into(),
    }
}

/// What nobody can guess.
pub(super) fn secret() -> Result<Secret, Failure> {
    Ok(Secret::of(&keys::random::<32>()?))
}
