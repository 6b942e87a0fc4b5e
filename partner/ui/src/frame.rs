//! What is around a screen: the menu, whose page it is, and SIMULATED.
//!
//! There is one escaper, that of the crate `page`: askama is told to use it for whatever stands in a template, and the
//! pages that it does not draw itself come from there.

use crate::{
    desk::{Link, Prepared, Priced, Screen, Standing, State},
    form::{Form, Widget},
};
use askama::{Template, filters::Escaper};
use page::html;
use protocol::page::{Banner, Page, Section, Severity, Text, number::capital};
use std::fmt;

/// The escaper of every template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letters;

impl Escaper for Letters {
    fn write_escaped_str<W: fmt::Write>(&self, mut out: W, text: &str) -> fmt::Result {
        write!(out, "{}", html::letters(text))
    }
}

/// A screen with a page on it.
#[derive(Debug, Template)]
#[template(path = "screen.html")]
struct Shown<'a> {
    standing: &'a Standing,
    here: Screen,
    title: String,
    /// Where the page was chosen; empty for the screen itself.
    above: &'static str,
    drawn: String,
}

/// The list of results.
#[derive(Debug, Template)]
#[template(path = "results.html")]
struct Results<'a> {
    standing: &'a Standing,
    folder: &'static str,
    links: &'a [Link],
}

/// What may be asked.
#[derive(Debug, Template)]
#[template(path = "ask.html")]
struct Ask<'a> {
    standing: &'a Standing,
    ways: &'a [Way<'a>],
}

/// One kind of question under one analysis of the contract.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    pub(crate) href: String,
    pub(crate) analysis: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) title: &'static str,
    pub(crate) purpose: &'a str,
    pub(crate) datasets: Vec<&'a str>,
}

impl Way<'_> {
    /// Its title at the head of a screen.
    fn heading(&self) -> String {
        capital(self.title)
    }
}

/// A form.
#[derive(Debug, Template)]
#[template(path = "form.html")]
struct Shape<'a> {
    standing: &'a Standing,
    way: &'a Way<'a>,
    /// What is said of what was filled in; empty before.
    told: String,
    /// Who pays; empty where it was said already.
    payers: String,
    form: &'a Form,
    /// What is wrong with no one field.
    whole: Option<String>,
    may_prepare: bool,
    steps: &'a [String],
    /// The job as a file, drawn.
    job: String,
}

/// What is said of what was filled in.
#[derive(Debug)]
pub(crate) enum Told<'a> {
    /// Nothing was asked about it yet.
    Nothing,
    /// The contract does not permit what is filled in: the marks beside the fields say why, or this text does.
    Unfit(Option<String>),
    /// The job, and what it costs or why it would be refused.
    Priced(&'a str, &'a Result<Priced, Vec<Text>>),
}

/// The contract.
#[derive(Debug, Template)]
#[template(path = "contract.html")]
struct Contract<'a> {
    standing: &'a Standing,
    drawn: String,
    drafts: &'a [Link],
}

/// A contract that is not signed yet.
#[derive(Debug, Template)]
#[template(path = "draft.html")]
struct Draft<'a> {
    standing: &'a Standing,
    drawn: String,
    action: &'a str,
    digest: &'a str,
}

/// What became of a wish.
#[derive(Debug, Template)]
#[template(path = "act.html")]
struct Act<'a> {
    standing: &'a Standing,
    prepared: &'a Prepared,
    state: &'static str,
}

/// A page of a visitor who was not let in yet.
#[derive(Debug, Template)]
#[template(path = "alone.html")]
struct Alone {
    title: &'static str,
    words: &'static str,
    onward: bool,
}

impl Shown<'_> {
    fn here(&self) -> Option<Screen> {
        Some(self.here)
    }
}

impl Results<'_> {
    fn here(&self) -> Option<Screen> {
        Some(Screen::Results)
    }

    fn drawn(text: &Text) -> String {
        html::prose(text).to_string()
    }
}

impl Ask<'_> {
    fn here(&self) -> Option<Screen> {
        Some(Screen::Ask)
    }
}

impl Shape<'_> {
    fn here(&self) -> Option<Screen> {
        Some(Screen::Ask)
    }
}

impl Contract<'_> {
    fn here(&self) -> Option<Screen> {
        Some(Screen::Contract)
    }

    fn words(text: &Text) -> String {
        html::prose(text).to_string()
    }
}

impl Draft<'_> {
    fn here(&self) -> Option<Screen> {
        Some(Screen::Contract)
    }
}

impl Act<'_> {
    fn here(&self) -> Option<Screen> {
        None
    }

    fn drawn(text: &Text) -> String {
        html::prose(text).to_string()
    }
}

/// A page on a screen.
pub(crate) fn screen(
    standing: &Standing,
    here: Screen,
    above: &'static str,
    page: &Page,
) -> Result<String, askama::Error> {
    let drawn = html::body(page)?;
    Shown { standing, here, title: page.about.raw(), above, drawn }.render()
}

/// Why a screen cannot be shown, in its place.
pub(crate) fn stopped(
    standing: &Standing,
    here: Screen,
    above: &'static str,
    why: Text,
) -> Result<String, askama::Error> {
    let headline = "This cannot be shown.".into();
    let banner = Banner { severity: Severity::Stop, headline, reasons: vec![why] };
    let page = Page {
        about: here.name().into(),
        title: here.name().into(),
        banners: vec![banner],
        ..Page::default()
    };
    screen(standing, here, above, &page)
}

/// The list of results.
pub(crate) fn results(standing: &Standing, links: &[Link]) -> Result<String, askama::Error> {
    Results { standing, folder: "results", links }.render()
}

/// What may be asked.
pub(crate) fn ask(standing: &Standing, ways: &[Way<'_>]) -> Result<String, askama::Error> {
    Ask { standing, ways }.render()
}

/// A form, below what is said of what was filled in so far.
pub(crate) fn form(
    standing: &Standing,
    way: &Way<'_>,
    form: &Form,
    (told, payers): (Told<'_>, &Result<Section, Text>),
) -> Result<String, askama::Error> {
    let payers = match (payers, &told) {
        // A price says it, too.
        (_, Told::Priced(_, Ok(_))) => String::new(),
        (Ok(payers), _) => html::part(payers)?,
        (Err(why), _) => format!("<p class=\"note\">{}</p>", html::prose(why)),
    };
    let (mut whole, mut job, mut steps, mut may_prepare) = (None, "", &[][..], false);
    let told = match told {
        Told::Nothing => String::new(),
        Told::Unfit(why) => {
            whole = why;
            String::new()
        }
        Told::Priced(of, Ok(priced)) => {
            (job, steps, may_prepare) = (of, &priced.steps, priced.may_be_asked);
            html::body(&priced.page)?
        }
        Told::Priced(of, Err(reasons)) => {
            job = of;
            let headline = "This would be refused, so it cannot be asked.".into();
            let reasons = reasons.clone();
            let banner = Banner { severity: Severity::Stop, headline, reasons };
            let title = "No question of this contract".into();
            html::body(&Page { title, doubts: vec![banner], ..Page::default() })?
        }
    };
    let job = html::lines(job);
    Shape { standing, way, told, payers, form, whole, may_prepare, steps, job }.render()
}

/// The contract, below those that wait for a signature.
pub(crate) fn contract(
    standing: &Standing,
    page: &Page,
    drafts: &[Link],
) -> Result<String, askama::Error> {
    Contract { standing, drawn: html::body(page)?, drafts }.render()
}

/// A contract that waits for a signature.
pub(crate) fn draft(
    standing: &Standing,
    page: &Page,
    action: &str,
    digest: &str,
) -> Result<String, askama::Error> {
    Draft { standing, drawn: html::body(page)?, action, digest }.render()
}

/// What became of a wish. The page asks again by itself, as long as more may happen.
pub(crate) fn act(standing: &Standing, prepared: &Prepared) -> Result<String, askama::Error> {
    Act { standing, prepared, state: prepared.state.words() }.render()
}

/// What somebody sees who was not let in.
pub(crate) fn turned(words: &'static str) -> Result<String, askama::Error> {
    Alone { title: "Not let in", words, onward: false }.render()
}

/// What somebody sees who was let in just now. The browser goes on from a page of ours, so that it brings its cookie
/// wherever the link was followed from.
pub(crate) fn welcome() -> Result<String, askama::Error> {
    let words = "This browser is let in until `glovebox ui` ends.";
    Alone { title: "Let in", words, onward: true }.render()
}
