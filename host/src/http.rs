//! The store's HTTP face: uploads in, results out. `protocol/spec/storage-v1.md`, section 4.

use crate::{
    clock::now,
    config::Limits,
    metrics::{Looked, Metrics},
    owners::{OwnerError, Owners},
    results::Counts,
    schedule::{self, Schedules},
    store::Store,
    uploads::{UploadError, Uploads},
    watched::Watched,
};
use ::front::{Handler, Patience, Place, connection};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
};
use protocol::{
    canonical, limits,
    merkle::Root,
    storage::{MAX_OBJECT, ObjectName, Problem, ProblemCode},
    time::Time,
};
use serde::Serialize;
use std::{io, sync::Arc, time::Duration};
use tokio::{net::TcpStream, sync::watch, time::timeout};

/// Everything that an answer needs.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) simulated: bool,
    /// When the contract ends, if the contract can be read.
    pub(crate) ends: Option<Time>,
    pub(crate) store: Arc<Store>,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) owners: Arc<Owners>,
    /// The runs for which enclaves are started, if enclaves run for these alone.
    pub(crate) schedules: Option<Arc<Schedules>>,
    pub(crate) watched: Watched,
    pub(crate) limits: watch::Receiver<Limits>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Http {
    /// Serves one connection until it ends.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, place: Place) {
        let (_stopping, stop) = watch::channel(false);
        connection(stream, place, PATIENCE, self, stop).await;
    }
}

impl Handler for Http {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        place: Arc<Place>,
    ) -> Response<Full<Bytes>> {
        // The answer has a task of its own: a client that goes away must not cancel a write
        // half-way.
        let answer = tokio::spawn(answer(self, request, place));
        answer.await.unwrap_or_else(|_| {
            let (status, problem) = io_problem();
            json(status, &problem)
        })
    }
}

async fn answer(
    http: Arc<Http>,
    request: Request<Incoming>,
    place: Arc<Place>,
) -> Response<Full<Bytes>> {
    // Each of the few uploads has one writer at a time, and a time-out for its bytes.
    if request.method() == Method::PATCH {
        place.busy();
    }
    let (head, mut body) = request.into_parts();
    let segments: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    let answered = match (&head.method, segments.as_slice()) {
        (&Method::GET, ["v1", "health"]) => Ok(http.health().await),
        (&Method::PUT, ["v1", "schedules"]) => http.schedule(&mut body).await,
        (method, ["v1", "uploads", root]) => http.upload(method, root, &head.uri, &mut body).await,
        (&Method::PUT, ["v1", "owners", root]) => http.claim(root, &mut body).await,
        (&Method::DELETE, ["v1", "datasets", root]) => http.delete(root, &mut body).await,
        (&Method::GET, ["v1", "results", job, name]) => {
            http.object(ObjectName::result(job, name).ok()).await
        }
        (&Method::GET, ["v1", "closings", instance]) => {
            http.object(ObjectName::closing(instance).ok()).await
        }
        (&Method::GET, ["v1", "logs"]) => Ok(json(StatusCode::OK, &http.store.logs())),
        (&Method::GET, ["v1", "logs", instance, "opening"]) => {
            http.object(ObjectName::log_opening(instance).ok()).await
        }
        (&Method::GET, ["v1", "logs", instance]) => http.log(instance, &head.uri).await,
        _ => Err(Declined::NoSuchPath),
    };
    answered.unwrap_or_else(|declined| {
        // Without this, a client that is still sending would be reset before it reads the answer.
        tokio::spawn(drain(body));
        let (status, problem) = declined.problem();
        http.metrics.declined(problem.code);
        json(status, &problem)
    })
}

impl Http {
    async fn upload(
        &self,
        method: &Method,
        root: &str,
        uri: &Uri,
        body: &mut Incoming,
    ) -> Result<Response<Full<Bytes>>, Declined> {
        let root: Root = root.parse().map_err(|_| Declined::BadRequest { expected: ROOT })?;
        let status = match *method {
            Method::POST => {
                let size = number(uri, "size=").filter(|size| *size > 0);
                let size = size.ok_or(Declined::BadRequest { expected: "?size=BYTES" })?;
                self.uploads.begin(root, size).await?
            }
            Method::PATCH => {
                let offset = number(uri, "offset=");
                let offset = offset.ok_or(Declined::BadRequest { expected: "?offset=BYTES" })?;
                self.uploads.append(root, offset, body).await?
            }
            Method::GET => self.uploads.status(root).await?,
            Method::DELETE => {
                self.uploads.forget(root).await?;
                return Ok(response(StatusCode::NO_CONTENT, JSON, Bytes::new()));
            }
            _ => return Err(Declined::NoSuchPath),
        };
        Ok(json(StatusCode::OK, &status))
    }

    /// Writes down whose a stored file is.
    async fn claim(
        &self,
        root: &str,
        body: &mut Incoming,
    ) -> Result<Response<Full<Bytes>>, Declined> {
        let root: Root = root.parse().map_err(|_| Declined::BadRequest { expected: ROOT })?;
        let manifest = small(body, limits::MANIFEST.bytes + limits::ENVELOPE).await?;
        self.owners.claim(root, &manifest).await?;
        Ok(response(StatusCode::NO_CONTENT, JSON, Bytes::new()))
    }

    /// Deletes a stored file for its owner.
    async fn delete(
        &self,
        root: &str,
        body: &mut Incoming,
    ) -> Result<Response<Full<Bytes>>, Declined> {
        let root: Root = root.parse().map_err(|_| Declined::BadRequest { expected: ROOT })?;
        let deletion = small(body, limits::DELETION.bytes + limits::ENVELOPE).await?;
        self.owners.delete(root, &deletion).await.inspect_err(|why| {
            tracing::warn!(%root, "a dataset was not deleted: {why}");
        })?;
        Ok(response(StatusCode::NO_CONTENT, JSON, Bytes::new()))
    }

    /// Keeps when the runs of an order are, as an analyst of the contract signed it.
    async fn schedule(&self, body: &mut Incoming) -> Result<Response<Full<Bytes>>, Declined> {
        let schedules = self.schedules.clone().ok_or(Declined::NoSuchPath)?;
        let bytes = small(body, limits::SCHEDULE.bytes + limits::ENVELOPE).await?;
        let put = tokio::task::spawn_blocking(move || schedules.put(&bytes)).await;
        match put.map_err(|cause| UploadError::from(io::Error::other(cause)))? {
            Ok(()) => Ok(response(StatusCode::NO_CONTENT, JSON, Bytes::new())),
            Err(schedule::Declined::Io(cause)) => Err(UploadError::from(cause).into()),
            Err(schedule::Declined::Refused(why)) => {
                tracing::warn!(%why, "a schedule is declined");
                Err(Declined::BadRequest { expected: SCHEDULE })
            }
            Err(schedule::Declined::Older) => Err(Declined::BadRequest {
                expected: "a schedule that is later than the one that is kept",
            }),
            Err(schedule::Declined::Full) => {
                tracing::warn!("a schedule is declined: there are as many as are kept");
                Err(Declined::BadRequest { expected: "no more orders with runs to come" })
            }
        }
    }

    async fn object(&self, name: Option<ObjectName>) -> Result<Response<Full<Bytes>>, Declined> {
        let name = name.ok_or(Declined::BadRequest { expected: OBJECT })?;
        let most = u64::try_from(MAX_OBJECT).unwrap_or(u64::MAX);
        let object = self.store.read(name.as_str(), 0, most).await;
        let object =
            object.inspect_err(|cause| tracing::error!(%cause, %name, "reading an object"));
        let object = object.map_err(UploadError::from)?;
        let bytes = object.ok_or(Declined::NoSuchPath)?;
        // A host cannot know more about whether the receiver has the result. Fetched results make
        // room first.
        if let Err(cause) = self.store.fetched(&name).await {
            tracing::warn!(%cause, %name, "noting that a result was fetched");
        }
        Ok(response(StatusCode::OK, "application/octet-stream", bytes))
    }

    /// Records of the audit log of an instance, which may be long gone.
    async fn log(&self, instance: &str, uri: &Uri) -> Result<Response<Full<Bytes>>, Declined> {
        ObjectName::log_opening(instance).map_err(|_| Declined::BadRequest { expected: OBJECT })?;
        let from = number(uri, "from=").ok_or(Declined::BadRequest { expected: "?from=NUMBER" })?;
        let page = self.store.log_page(instance, from).await;
        let page =
            page.inspect_err(|cause| tracing::error!(%cause, %instance, "reading an audit log"));
        let page = canonical::to_vec(&page.map_err(UploadError::from)?);
        Ok(response(StatusCode::OK, "application/cbor", page.into()))
    }

    /// Answers with 200 if a party that asks now is answered, and otherwise with 503 and the
    /// reason. The caller may look at the status alone.
    async fn health(&self) -> Response<Full<Bytes>> {
        let enclave = self.state().await;
        let status = match enclave {
            "serving" | "waiting" => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let (simulated, enclave_starts) = (self.simulated, self.watched.starts());
        let Counts { declined, unread } = self.store.counts();
        let (results_declined, results_lost) = (declined, unread);
        let health = Health { simulated, enclave, enclave_starts, results_declined, results_lost };
        json(status, &health)
    }

    /// One of [`crate::metrics::STATES`].
    async fn state(&self) -> &'static str {
        if self.watched.is_closed() {
            "closed"
        } else if self.ends.is_some_and(|ends| ends <= now()) {
            "contract_ended"
        } else if self.watched.accepts().await {
            "serving"
        } else if self.watched.pid().is_some() {
            "starting"
        } else if self.schedules.is_some() {
            "waiting"
        } else {
            "stopped"
        }
    }

    /// What monitoring reads.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) async fn metrics_text(&self) -> io::Result<String> {
        let (room, limits) = (self.uploads.room().await?, self.limits.borrow().clone());
        let looked = Looked {
            state: self.state().await,
            enclave_starts: self.watched.starts(),
            contract_ends: self.ends.map_or(0, |ends| ends.0 / 1000),
            blob_bytes: room.blob_bytes,
            promised_bytes: room.promised_bytes,
            quota_bytes: limits.quota_bytes,
            free_bytes: room.free_bytes,
            unfinished: u64::try_from(room.unfinished).unwrap_or(u64::MAX),
            results_limit_bytes: limits.results_bytes,
            results_lost: self.store.counts().unread,
            logs_limit_bytes: limits.logs_bytes,
            logs_removed: self.store.logs_removed(),
        };
        self.metrics.text(&looked).map_err(io::Error::other)
    }
}

#[derive(Serialize)]
struct Health {
    simulated: bool,
    enclave: &'static str,
    enclave_starts: u64,
    /// Results that there was no room for, since this program started.
    results_declined: u64,
    /// Results that were deleted to make room before anybody had fetched them, since this program
    /// started.
    results_lost: u64,
}

/// Why a request is declined.
#[derive(Debug)]
enum Declined {
    BadRequest { expected: &'static str },
    NoSuchPath,
    Upload(UploadError),
    Owner(OwnerError),
}

impl From<OwnerError> for Declined {
    fn from(cause: OwnerError) -> Self {
        Self::Owner(cause)
    }
}

impl From<UploadError> for Declined {
    fn from(cause: UploadError) -> Self {
        Self::Upload(cause)
    }
}

impl Declined {
    fn problem(self) -> (StatusCode, Problem) {
        use UploadError as U;
        let (status, code) = match &self {
            Self::BadRequest { .. } | Self::Upload(U::Interrupted) => {
                (StatusCode::BAD_REQUEST, ProblemCode::BadRequest)
            }
            Self::NoSuchPath | Self::Upload(U::NotFound) => {
                (StatusCode::NOT_FOUND, ProblemCode::NotFound)
            }
            Self::Upload(U::WrongOffset { .. }) => (StatusCode::CONFLICT, ProblemCode::WrongOffset),
            Self::Upload(U::WrongSize { .. }) => (StatusCode::CONFLICT, ProblemCode::WrongSize),
            Self::Upload(U::TooLarge { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, ProblemCode::TooLarge)
            }
            Self::Upload(U::WrongRoot) => {
                (StatusCode::UNPROCESSABLE_ENTITY, ProblemCode::WrongRoot)
            }
            Self::Upload(U::TooMany { .. }) => {
                (StatusCode::TOO_MANY_REQUESTS, ProblemCode::TooManyUploads)
            }
            Self::Upload(U::Busy) => (StatusCode::SERVICE_UNAVAILABLE, ProblemCode::Busy),
            Self::Upload(U::Quota { .. }) => {
                (StatusCode::INSUFFICIENT_STORAGE, ProblemCode::QuotaExceeded)
            }
            Self::Upload(U::DiskFull) => (StatusCode::INSUFFICIENT_STORAGE, ProblemCode::DiskFull),
            Self::Upload(U::Io(_)) | Self::Owner(OwnerError::Io(_)) => return io_problem(),
            Self::Owner(OwnerError::NotFound) => (StatusCode::NOT_FOUND, ProblemCode::NotFound),
            Self::Owner(_) => (StatusCode::FORBIDDEN, ProblemCode::Forbidden),
        };
        let (message, offset, size) = match self {
            Self::BadRequest { expected } => (format!("expected {expected}"), None, None),
            Self::NoSuchPath => ("nothing is here".to_owned(), None, None),
            Self::Upload(cause @ U::WrongOffset { offset }) => {
                (cause.to_string(), Some(offset), None)
            }
            Self::Upload(cause @ U::WrongSize { size }) => (cause.to_string(), None, Some(size)),
            Self::Upload(cause) => (cause.to_string(), None, None),
            Self::Owner(cause) => (cause.to_string(), None, None),
        };
        (status, Problem { code, message, offset, size })
    }
}

fn io_problem() -> (StatusCode, Problem) {
    let message = "the host could not read or write its store".to_owned();
    let problem = Problem { code: ProblemCode::Io, message, offset: None, size: None };
    (StatusCode::INTERNAL_SERVER_ERROR, problem)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(body).expect("invariant: plain structs become JSON");
    response(status, JSON, body.into())
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A body of at most `most` bytes.
async fn small(body: &mut Incoming, most: usize) -> Result<Bytes, Declined> {
    let whole = timeout(SMALL_TIME, Limited::new(body, most).collect()).await;
    let expected = "a signed message and nothing else";
    let whole = whole.ok().and_then(Result::ok).ok_or(Declined::BadRequest { expected })?;
    Ok(whole.to_bytes())
}

/// The whole query must be `name` and a decimal number.
fn number(uri: &Uri, name: &str) -> Option<u64> {
    let digits = uri.query()?.strip_prefix(name)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Reads and drops what is left of a request, within reason.
async fn drain(mut body: Incoming) {
    let mut left = DRAIN_BYTES;
    let drained = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // After this time the connection ends.
    let _ = timeout(DRAIN_TIME, drained).await;
}

const ROOT: &str = "/v1/uploads/ROOT with a root of 96 lowercase hex digits";
const OBJECT: &str = "names of 1 to 96 of a-z, 0-9 and -";
const SCHEDULE: &str = "the times of an order's runs, which an analyst of the contract signed, as `glovebox order schedule` sends them";
const JSON: &str = "application/json";
const PATIENCE: Patience = Patience {
    header: Duration::from_secs(30),
    stalled: Duration::from_secs(30),
    oldest: Duration::from_secs(24 * 3600),
};
/// How long a small body may take.
const SMALL_TIME: Duration = Duration::from_secs(10);
const DRAIN_BYTES: usize = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(10);
