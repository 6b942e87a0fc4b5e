//! The port of the operator's monitoring: `GET /metrics`, and nothing else.

use crate::http::Http;
use ::front::{Handler, Patience, Place, Places, Rules, empty};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
};
use prometheus_client::encoding::prometheus_text;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// Answers whoever asks at the port.
#[derive(Debug)]
pub(crate) struct Scrape {
    pub(crate) http: Arc<Http>,
}

impl Scrape {
    /// Serves until it is dropped.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let never = std::future::pending();
        let served = front::serve(listener, Places::new(RULES), PATIENCE, Arc::new(self), never);
        if let Err(cause) = served.await {
            tracing::error!(%cause, "metrics are served no more");
        }
    }
}

impl Handler for Scrape {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        place: Arc<Place>,
    ) -> Response<Full<Bytes>> {
        if request.uri().path() != "/metrics" {
            return empty(StatusCode::NOT_FOUND);
        }
        if request.method() != Method::GET {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        place.busy();
        match self.http.metrics_text().await {
            Ok(text) => {
                let mut response = Response::new(Full::new(text.into()));
                let kind = HeaderValue::from_static(prometheus_text::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(cause) => {
                tracing::error!(%cause, "reading what metrics tell");
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

const RULES: Rules = Rules { places: 16, spare: 2, grace: Duration::from_millis(500), share: 16 };
const PATIENCE: Patience = Patience {
    header: Duration::from_secs(10),
    stalled: Duration::from_secs(10),
    oldest: Duration::from_secs(3600),
};
