//! Requests and answers.

use crate::{
    desk::{Desk, Screen, Standing, Wish},
    door::{Door, LINK, Secret, Turned, guard},
    form::{EPSILON, Filled, Form, RECEIVER},
    frame::{self, Told, Way},
};
use bytes::Bytes;
use front::{Handler, Patience, Place, Places, Rules, body, empty};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue, LOCATION, SET_COOKIE},
    http::request::Parts,
};
use page::html;
use protocol::{
    analysis::{KINDS, manual},
    contract::Contract,
};
use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, task::spawn_blocking};

/// The page of one desk, at a port of loopback.
pub struct Ui {
    listener: TcpListener,
    door: Arc<Door>,
    desk: Arc<dyn Desk>,
}

impl fmt::Debug for Ui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ui").field("door", &self.door).finish_non_exhaustive()
    }
}

impl Ui {
    /// Takes `port` of loopback, and any free one for 0. `cookie` is what browsers are given that were let in.
    ///
    /// # Errors
    ///
    /// What the operating system says about the port.
    pub async fn bind(port: u16, cookie: Secret, desk: Arc<dyn Desk>) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let door = Arc::new(Door::new(listener.local_addr()?, cookie));
        Ok(Self { listener, door, desk })
    }

    /// What prints links to the page.
    #[must_use]
    pub fn links(&self) -> Links {
        Links(Arc::clone(&self.door))
    }

    /// Serves the page until `stop` completes.
    ///
    /// # Errors
    ///
    /// What the operating system says about the listener.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let Self { listener, door, desk } = self;
        let handler = Arc::new(Server { door, desk });
        front::serve(listener, Places::new(RULES), PATIENCE, handler, stop).await
    }
}

/// Prints links to the page, each of which lets in one browser.
#[derive(Clone, Debug)]
pub struct Links(Arc<Door>);

impl Links {
    /// The address that lets in whoever opens it first. The link before it lets nobody in any more.
    #[must_use]
    pub fn print(&self, link: Secret) -> String {
        self.0.print(link)
    }
}

struct Server {
    door: Arc<Door>,
    desk: Arc<dyn Desk>,
}

impl Handler for Server {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        place: Arc<Place>,
    ) -> Response<Full<Bytes>> {
        let (asked, incoming) = request.into_parts();
        // Nothing is read of who may not ask.
        if let Err(turned) = self.admit(&asked) {
            return guard(turn(turned));
        }
        let body = match body(incoming, MOST_BODY, BODY).await {
            Ok(body) => body,
            Err(status) => return guard(empty(status)),
        };
        place.busy();
        // Readings of a folder may take long, and work of others goes on meanwhile.
        let answered = spawn_blocking(move || self.respond(&asked, &body)).await;
        guard(answered.unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR)))
    }
}

impl Server {
    fn admit(&self, asked: &Parts) -> Result<(), Turned> {
        self.door.check_host(asked)?;
        match (&asked.method, asked.uri.path()) {
            // The style tells nothing, and pages of those who are not let in have it too.
            (&Method::GET, STYLE | "/open") => Ok(()),
            _ => self.door.check(asked),
        }
    }

    fn respond(&self, asked: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
        let path = asked.uri.path();
        match (&asked.method, path) {
            (&Method::GET, STYLE) => typed("text/css; charset=utf-8", style().into()),
            (&Method::GET, "/open") => self.open(asked),
            (&Method::GET, ASK) if asked.uri.query().is_some() => self.form(asked),
            (&Method::GET, ASK) => self.ask(),
            (&Method::POST, ASK) => self.filled(asked, body),
            (&Method::GET, path) if path.starts_with(DRAFT) => self.draft(path),
            (&Method::POST, path) if path.starts_with(DRAFT) => self.sign(path, body),
            (&Method::GET, _) => self.show(path),
            _ => empty(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn open(&self, asked: &Parts) -> Response<Full<Bytes>> {
        let given = asked.uri.path_and_query().map(|path| path.as_str()).unwrap_or_default();
        match self.door.open(given.strip_prefix(LINK).unwrap_or_default()) {
            Err(turned) => turn(turned),
            Ok(cookie) => {
                let mut response = drawn(StatusCode::OK, frame::welcome());
                response.headers_mut().insert(SET_COOKIE, cookie);
                response
            }
        }
    }

    fn show(&self, path: &str) -> Response<Full<Bytes>> {
        if path == "/" {
            return to(Screen::Budget.path());
        }
        let standing = self.desk.standing();
        if let Some(number) = path.strip_prefix(ACT) {
            let prepared = number.parse().ok().and_then(|number| self.desk.prepared(number));
            return match prepared {
                Some(prepared) => drawn(StatusCode::OK, frame::act(&standing, &prepared)),
                None => empty(StatusCode::NOT_FOUND),
            };
        }
        if path == Screen::Contract.path() {
            return self.contract(&standing);
        }
        let results = Screen::Results.path();
        if path == results {
            return match self.desk.results() {
                Ok(links) => drawn(StatusCode::OK, frame::results(&standing, &links)),
                Err(why) => {
                    drawn(StatusCode::OK, frame::stopped(&standing, Screen::Results, "", why))
                }
            };
        }
        let (here, above, page) =
            match path.strip_prefix(results).and_then(|rest| rest.strip_prefix('/')) {
                Some(name) => (Screen::Results, results, self.desk.result(name)),
                None => match Screen::ALL.into_iter().find(|screen| screen.path() == path) {
                    Some(screen) => (screen, "", self.desk.screen(screen)),
                    None => return empty(StatusCode::NOT_FOUND),
                },
            };
        drawn(
            StatusCode::OK,
            match page {
                Ok(page) => frame::screen(&standing, here, above, &page),
                Err(why) => frame::stopped(&standing, here, above, why),
            },
        )
    }
}

/// The questions that may be asked, and their forms.
impl Server {
    fn ask(&self) -> Response<Full<Bytes>> {
        let standing = self.desk.standing();
        let ways = ways(self.desk.contract(), &standing.party);
        drawn(StatusCode::OK, frame::ask(&standing, &ways))
    }

    fn form(&self, asked: &Parts) -> Response<Full<Bytes>> {
        let (contract, standing) = (self.desk.contract(), self.desk.standing());
        let Some(way) = way(contract, &standing.party, asked) else {
            return empty(StatusCode::NOT_FOUND);
        };
        self.shown(&way, &Filled::default(), Told::Nothing)
    }

    /// The form as it was filled in, with what is said of it.
    fn shown(&self, way: &Way<'_>, filled: &Filled, told: Told<'_>) -> Response<Full<Bytes>> {
        match Form::of(self.desk.contract(), way.analysis, way.kind, filled) {
            Some(form) => self.drawn(way, &form, told),
            None => empty(StatusCode::NOT_FOUND),
        }
    }

    fn drawn(&self, way: &Way<'_>, form: &Form, told: Told<'_>) -> Response<Full<Bytes>> {
        let payers = self.desk.payers(way.analysis);
        drawn(StatusCode::OK, frame::form(&self.desk.standing(), way, form, (told, &payers)))
    }

    fn filled(&self, asked: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
        let (contract, standing) = (self.desk.contract(), self.desk.standing());
        let Some(way) = way(contract, &standing.party, asked) else {
            return empty(StatusCode::NOT_FOUND);
        };
        let mut filled = Filled::parse(body);
        let more = filled.value(MORE).to_owned();
        if !more.is_empty() {
            filled.add_to(&more);
            return self.shown(&way, &filled, Told::Nothing);
        }
        // A button with another epsilon prices the same question at it.
        let step = filled.value(STEP).to_owned();
        if !step.is_empty() {
            filled.set(format!("{}.{EPSILON}", way.kind), step);
        }
        let Some(mut form) = Form::of(contract, way.analysis, way.kind, &filled) else {
            return empty(StatusCode::NOT_FOUND);
        };
        let job = match form.job(contract, &way, &filled) {
            Ok(job) => job,
            Err(why) => return self.drawn(&way, &form, Told::Unfit(why)),
        };
        let priced = self.desk.price(&job);
        let is_wished =
            filled.value(DO) == "prepare" && matches!(&priced, Ok(it) if it.may_be_asked);
        if !is_wished {
            return self.drawn(&way, &form, Told::Priced(&job, &priced));
        }
        let receivers = filled.values(RECEIVER).to_vec();
        match self.desk.prepare(Wish::Ask { job: job.clone(), receivers }) {
            Ok(number) => to(&format!("{ACT}{number}")),
            Err(why) => self.drawn(&way, &form, Told::Priced(&job, &Err(vec![why]))),
        }
    }
}

/// The contract, and those that wait for this party's signature.
impl Server {
    fn contract(&self, standing: &Standing) -> Response<Full<Bytes>> {
        let page = match (self.desk.screen(Screen::Contract), self.desk.drafts()) {
            (Ok(page), Ok(drafts)) => frame::contract(standing, &page, &drafts),
            (Err(why), _) | (_, Err(why)) => frame::stopped(standing, Screen::Contract, "", why),
        };
        drawn(StatusCode::OK, page)
    }

    fn draft(&self, path: &str) -> Response<Full<Bytes>> {
        let standing = self.desk.standing();
        let page = match self.desk.draft(path.strip_prefix(DRAFT).unwrap_or_default()) {
            Ok((page, digest)) => frame::draft(&standing, &page, path, &digest),
            Err(why) => frame::stopped(&standing, Screen::Contract, Screen::Contract.path(), why),
        };
        drawn(StatusCode::OK, page)
    }

    fn sign(&self, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let draft = path.strip_prefix(DRAFT).unwrap_or_default().to_owned();
        let digest = Filled::parse(body).value("digest").to_owned();
        match self.desk.prepare(Wish::Sign { draft, digest }) {
            Ok(number) => to(&format!("{ACT}{number}")),
            Err(why) => {
                let (here, standing) = (Screen::Contract, self.desk.standing());
                drawn(StatusCode::OK, frame::stopped(&standing, here, here.path(), why))
            }
        }
    }
}

/// Every kind of question that `party` may ask under each analysis.
fn ways<'c>(contract: &'c Contract, party: &str) -> Vec<Way<'c>> {
    let mine = contract
        .analyses
        .iter()
        .filter(|(_, terms)| terms.analysts.iter().any(|analyst| analyst == party));
    let ways = mine.flat_map(|(name, terms)| {
        let kinds = KINDS.iter().filter(|kind| kind.section.kind == terms.section().kind);
        kinds.map(move |kind| {
            let mut query =
                form_urlencoded::Serializer::for_suffix(format!("{ASK}?"), ASK.len() + 1);
            query.append_pair("analysis", name).append_pair("kind", kind.kind);
            Way {
                href: query.finish(),
                analysis: name,
                kind: kind.kind,
                title: about(kind.kind),
                purpose: &terms.purpose,
                datasets: terms.datasets().collect(),
            }
        })
    });
    ways.collect()
}

/// The way that a request goes by, if the party may go it.
fn way<'c>(contract: &'c Contract, party: &str, asked: &Parts) -> Option<Way<'c>> {
    let href = asked.uri.path_and_query().map(|path| path.as_str()).unwrap_or_default();
    ways(contract, party).into_iter().find(|way| way.href == href)
}

/// What a kind's page says that it is: the words of its title.
fn about(kind: &'static str) -> &'static str {
    let title = manual(kind).and_then(|page| page.lines().next());
    title.and_then(|title| title.split_once(": ")).map_or(kind, |(_, words)| words)
}

fn turn(turned: Turned) -> Response<Full<Bytes>> {
    drawn(turned.status(), frame::turned(turned.words()))
}

/// A page, or that it could not be drawn.
fn drawn(status: StatusCode, page: Result<String, askama::Error>) -> Response<Full<Bytes>> {
    match page {
        Ok(page) => {
            let mut response = typed("text/html; charset=utf-8", page.into());
            *response.status_mut() = status;
            response
        }
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn to(path: &str) -> Response<Full<Bytes>> {
    let Ok(path) = HeaderValue::from_str(path) else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = empty(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, path);
    response
}

fn typed(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The style of reports, and what a screen has beside.
fn style() -> String {
    format!("{}{}", html::STYLE, include_str!("screen.css"))
}

const STYLE: &str = "/style.css";
const ASK: &str = "/ask";
/// Where a contract that is not signed yet is, before its name.
const DRAFT: &str = "/contract/";
/// Where the page of a wish is, before its number.
const ACT: &str = "/act/";
/// What the buttons of a form are called.
const DO: &str = "@do";
const MORE: &str = "@more";
const STEP: &str = "@epsilon";
/// A form with everything that a kind has is some kilobytes.
const MOST_BODY: usize = 1 << 18;
const BODY: Duration = Duration::from_secs(10);
/// Whoever is at this machine has a handful of browser windows.
const RULES: Rules = Rules { places: 64, spare: 8, grace: Duration::from_millis(500), share: 64 };
const PATIENCE: Patience = Patience {
    header: Duration::from_secs(60),
    stalled: Duration::from_secs(10),
    oldest: Duration::from_secs(600),
};
