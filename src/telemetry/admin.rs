//! The admin endpoint: what it answers, and to whom. How it is reached is in `serve`.
//!
//! | path | says | token |
//! |---|---|---|
//! | `/healthz` | `ok` while the process is alive | none |
//! | `/readyz` | `ready`, or one word why not, with status 503 | none |
//! | `/metrics` | everything that is counted, in the text format of OpenMetrics | if one is set |
//! | `/status` | the same for people and scripts, as JSON | if one is set |
//!
//! It only tells: nothing can be changed here, so that what guards it need not be more than what guards a log.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::meters::Meters;
use super::status;
use super::tls::Certificate;
use crate::record::timestamp::Timestamp;

pub use super::serve::{Admin, AdminError};

/// The shortest token: 16 characters of base64 are 96 bits.
pub const TOKEN_BYTES_MIN: usize = 16;

/// Where the endpoint is, and who may ask.
pub struct Settings {
    /// Address and port; port 0 is one that is free.
    pub listen: SocketAddr,
    /// Who asks for more than a word must have it.
    pub token: Option<Token>,
    /// TLS.
    pub tls: Option<Certificate>,
}

/// A bearer token. Not printable.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token in `text`, whose blanks around it are no part of it. `None`: too short to be one, or not what a header can hold.
    pub fn new(text: &str) -> Option<Self> {
        let token = text.trim();
        let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
        (token.len() >= TOKEN_BYTES_MIN && visible).then(|| Self(Zeroizing::new(token.to_owned())))
    }

    /// Compared by digest and in constant time: neither a common beginning nor the length can be told from how long it takes.
    fn is(&self, given: &str) -> bool {
        Sha256::digest(self.0.as_bytes()).ct_eq(&Sha256::digest(given.as_bytes())).into()
    }
}

/// Tells the time, as in `source`.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What is told.
pub struct Told {
    /// What was counted.
    pub meters: Arc<Meters>,
    /// The time.
    pub now: Clock,
    /// True while the clock is not to be trusted.
    pub clock_paused: Box<dyn Fn() -> bool + Send + Sync>,
}

struct Desk {
    told: Told,
    token: Option<Token>,
}

/// The routes.
pub(super) fn routes(told: Told, token: Option<Token>) -> Router {
    Router::new()
        .route("/healthz", get(async || plain(StatusCode::OK, "ok")))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .fallback(async || plain(StatusCode::NOT_FOUND, "not here: /healthz /readyz /metrics /status"))
        .with_state(Arc::new(Desk { told, token }))
}

async fn readyz(State(desk): State<Arc<Desk>>) -> Response {
    let word = desk.told.meters.ready((desk.told.now)(), (desk.told.clock_paused)());
    plain(if word == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, word)
}

async fn metrics(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    if let Err(refused) = desk.admit(&headers) {
        return refused;
    }
    let text = desk.told.meters.exposition((desk.told.now)(), (desk.told.clock_paused)());
    answer(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
}

async fn status(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    if let Err(refused) = desk.admit(&headers) {
        return refused;
    }
    let page = status::page(&desk.told.meters, (desk.told.now)(), (desk.told.clock_paused)());
    answer(StatusCode::OK, "application/json", format!("{page:#}\n"))
}

impl Desk {
    #[allow(clippy::result_large_err, reason = "a response is made once per request")]
    fn admit(&self, headers: &HeaderMap) -> Result<(), Response> {
        let Some(token) = &self.token else { return Ok(()) };
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if given.is_some_and(|(_, given)| token.is(given.trim())) {
            return Ok(());
        }
        let mut refused = plain(StatusCode::UNAUTHORIZED, "the token of this endpoint is needed");
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        Err(refused)
    }
}

fn plain(status: StatusCode, word: &'static str) -> Response {
    answer(status, "text/plain; charset=utf-8", format!("{word}\n"))
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, text).into_response()
}

#[cfg(test)]
#[path = "admin_tests.rs"]
mod tests;
