//! Who is let in. A port on loopback is open to every program of the machine, and through a browser to every page of the
//! world: a name that others own may lead to 127.0.0.1 (DNS rebinding), and a form elsewhere may post here.
//!
//! So a request must name this very address as its `Host`. A browser gets in by a link that holds once and that the
//! terminal printed; it then has a cookie that no script and no other site can use. What changes anything must come from a
//! page of ours, by `Origin` and by `Sec-Fetch-Site`.

use hyper::{
    HeaderMap, Method, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    http::request::Parts,
};
use std::{
    fmt,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};
use subtle::ConstantTimeEq;

/// Thirty-two bytes that nobody can guess.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret of these bytes, which a generator of the operating system made.
    #[must_use]
    pub fn of(bytes: &[u8; 32]) -> Self {
        Self(hex::encode(bytes))
    }

    pub(crate) fn is(&self, given: &str) -> bool {
        bool::from(self.0.as_bytes().ct_eq(given.as_bytes()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The door of one page.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    cookie: Secret,
    /// Of the links that were printed, the one that still lets somebody in.
    link: Mutex<Option<Secret>>,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turned {
    /// It names another host than this one.
    Host,
    /// It comes from a page that is not ours.
    Site,
    /// It has no cookie, or another one.
    Cookie,
    /// A link that never was, or that has let somebody in already.
    Link,
}

impl Door {
    pub(crate) fn new(address: SocketAddr, cookie: Secret) -> Self {
        Self { address, cookie, link: Mutex::new(None) }
    }

    /// What every address of the page begins with.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets in who has `link`, once. An earlier link lets nobody in any more.
    pub(crate) fn print(&self, link: Secret) -> String {
        let text = format!("{}{LINK}{}", self.origin(), link.expose());
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
        text
    }

    /// Whether the request is one for this page: before anything else is looked at.
    pub(crate) fn check_host(&self, asked: &Parts) -> Result<(), Turned> {
        let named = only(&asked.headers, &HOST).ok_or(Turned::Host)?;
        // A request to a proxy names a host in its target, too.
        let absolute = asked.uri.authority().is_some();
        if absolute || named != self.address.to_string() { Err(Turned::Host) } else { Ok(()) }
    }

    /// Uses up the link: what the browser is given to keep.
    pub(crate) fn open(&self, link: &str) -> Result<HeaderValue, Turned> {
        let mut printed = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if !printed.as_ref().is_some_and(|printed| printed.is(link)) {
            return Err(Turned::Link);
        }
        *printed = None;
        let (name, value) = (self.cookie_name(), self.cookie.expose());
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict");
        HeaderValue::from_str(&cookie).map_err(|_| Turned::Link)
    }

    /// Whether somebody may look, or with a POST ask for something to be prepared.
    pub(crate) fn check(&self, asked: &Parts) -> Result<(), Turned> {
        let site = only(&asked.headers, &SITE);
        let changes = asked.method != Method::GET;
        let is_ours = match (site, changes) {
            (Some("same-origin"), _) => true,
            // Typed, or a bookmark: it may look.
            (Some("none"), false) => true,
            // No browser of today, and it has the cookie all the same: it may look.
            (None, false) => !asked.headers.contains_key(&SITE),
            _ => false,
        };
        let from = only(&asked.headers, &ORIGIN);
        let from_here = from.is_some_and(|from| from == self.origin());
        if !is_ours || (changes && !from_here) {
            return Err(Turned::Site);
        }
        let name = self.cookie_name();
        let cookies =
            asked.headers.get_all(COOKIE).into_iter().filter_map(|cookie| cookie.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
        let ours = |pair: &str| {
            let pair = pair.trim().split_once('=');
            pair.is_some_and(|(named, value)| named == name && self.cookie.is(value))
        };
        if pairs.any(ours) { Ok(()) } else { Err(Turned::Cookie) }
    }

    /// Cookies do not know ports: pages at several of them would overwrite each other's.
    fn cookie_name(&self) -> String {
        format!("glovebox-{}", self.address.port())
    }
}

impl Turned {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Site => StatusCode::FORBIDDEN,
            Self::Cookie | Self::Link => StatusCode::UNAUTHORIZED,
        }
    }

    /// What is the matter, and what to do.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Host => {
                "This page has one address, and the request named another host: open the link that the terminal printed."
            }
            Self::Site => {
                "The request did not come from this page, and nothing was done. Go there by the link that the terminal printed."
            }
            Self::Cookie => {
                "This browser was not let in. Press Enter in the terminal that runs `glovebox ui`, and open the link that it \
                 prints."
            }
            Self::Link => {
                "This link has let somebody in already, or was never printed. If it was not you, end `glovebox ui` with \
                 Ctrl-C. Otherwise press Enter in its terminal, and open the new link."
            }
        }
    }
}

/// The value of a header that may stand once; `None` if it is missing, stands twice or is no text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).into_iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok()
}

/// Tells the browser what a page of ours may do: be shown, with our style and forms that come back here. Nothing of it is
/// kept, framed, or handed to others.
pub(crate) fn guard<B>(mut response: Response<B>) -> Response<B> {
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` a browser would send no origin with our own forms.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Where a printed link leads, before its secret.
pub(crate) const LINK: &str = "/open?link=";
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// No scripts at all, of nobody.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";
