//! One exchange with a server: a statement, perhaps with a body, and what is said to it.
//!
//! ClickHouse states an error by the status and the header `X-ClickHouse-Exception-Code`; but a status is sent before a query has ended, unless it
//! is asked to wait (`wait_end_of_query`), and a proxy may lose the header. So a statement was done when the status is 200, no header says
//! otherwise, and the body is what was asked for: empty for a statement that gives nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::error::ClickHouseError;

/// Seconds that a server has for an answer; it gives a statement up itself after as many.
pub const ANSWER_SECONDS: u64 = 60;
/// The same for a connection.
const CONNECT_SECONDS: u64 = 10;
/// Bytes of an answer: a listing of all partitions of a table is a hundredth of it.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Bytes of an error that are looked at for its number.
const ERROR_BYTES_MAX: u64 = 64 << 10;

/// Where certificates that the system trusts are, on the systems that we know.
const SYSTEM_CERTIFICATES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A server, and who we are to it. No `Debug`: it has the password.
#[derive(Clone)]
pub struct Server {
    /// `https://clickhouse.example.org:8443`, without a path.
    pub url: String,
    /// The user; `None`: the server's default one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Zeroizing<String>>,
    /// Certificates that are trusted, PEM; `None`: the system's.
    pub ca: Option<PathBuf>,
}

/// Speaks to a server.
pub struct Client {
    agent: Agent,
    server: Server,
}

impl Client {
    /// Makes ready; nothing is asked yet.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub fn open(server: Server) -> Result<Self, ClickHouseError> {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let mut config = Agent::config_builder()
            // What leaves goes where the pipeline says, whatever stands in the environment or in an answer.
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent("sluis")
            .timeout_connect(seconds(CONNECT_SECONDS))
            .timeout_global(seconds(ANSWER_SECONDS));
        if server.url.starts_with("https://") {
            let roots = match &server.ca {
                Some(path) => certificates(path)?,
                None => system_certificates(&server.url)?,
            };
            let tls = TlsConfig::builder()
                .provider(TlsProvider::Rustls)
                .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
                .root_certs(RootCerts::Specific(Arc::new(roots)))
                .build();
            config = config.tls_config(tls);
        }
        Ok(Self { agent: config.build().new_agent(), server })
    }

    /// What it is called in errors.
    pub fn place(&self) -> &str {
        &self.server.url
    }

    /// Runs a statement that gives nothing.
    ///
    /// # Errors
    /// [`ClickHouseError`]; after one that says [`may_pass`](ClickHouseError::may_pass) it may have been done all the same.
    pub fn run(&self, statement: &str) -> Result<(), ClickHouseError> {
        let answer = self.exchange(&[], None, statement.as_bytes(), self.place())?;
        nothing(&answer, self.place())
    }

    /// Runs a statement that gives rows: one object each.
    ///
    /// # Errors
    /// [`ClickHouseError`].
    pub fn rows(&self, statement: &str) -> Result<Vec<Value>, ClickHouseError> {
        let statement = format!("{statement} FORMAT JSONEachRow");
        let answer = self.exchange(&[], None, statement.as_bytes(), self.place())?;
        let foreign = || ClickHouseError::Foreign { place: self.place().to_owned() };
        let mut rows = Vec::new();
        for line in answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Value = serde_json::from_slice(line)
                .map_err(|_| code_in(&answer).map_or_else(foreign, |code| refused(self.place(), code)))?;
            if let Some(exception) = row["exception"].as_str() {
                return Err(
                    code_in(exception.as_bytes()).map_or_else(foreign, |code| refused(self.place(), code))
                );
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// Runs an `INSERT` of the rows in `body`, with `settings`; `table` is for errors.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn insert(
        &self,
        table: &str,
        statement: &str,
        settings: &[(&str, &str)],
        body: &[u8],
    ) -> Result<(), ClickHouseError> {
        let place = format!("{}, table {table}", self.place());
        let answer = self.exchange(settings, Some(statement), body, &place)?;
        nothing(&answer, &place)
    }

    fn exchange(
        &self,
        settings: &[(&str, &str)],
        statement: Option<&str>,
        body: &[u8],
        place: &str,
    ) -> Result<Vec<u8>, ClickHouseError> {
        let mut request = self
            .agent
            .post(format!("{}/", self.server.url))
            .query("wait_end_of_query", "1")
            .query("max_execution_time", ANSWER_SECONDS.to_string())
            .content_type("application/octet-stream");
        if let Some(statement) = statement {
            request = request.query("query", statement);
        }
        for (name, value) in settings {
            request = request.query(*name, *value);
        }
        if let Some(user) = &self.server.user {
            request = request.header("X-ClickHouse-User", user);
        }
        if let Some(password) = &self.server.password {
            request = request.header("X-ClickHouse-Key", password.as_str());
        }
        let mut response = request.send(body).map_err(|error| self.no_answer(place, &error))?;
        let (status, code) = (response.status().as_u16(), code_of(&response));
        let limit = if status == 200 { ANSWER_BYTES_MAX } else { ERROR_BYTES_MAX };
        let answer = response.body_mut().with_config().limit(limit).read_to_vec();
        if let Some(code) = code {
            return Err(refused(place, code));
        }
        if status != 200 {
            let code = answer.ok().as_deref().and_then(code_in);
            let other = || ClickHouseError::Status { place: place.to_owned(), status };
            return Err(code.map_or_else(other, |code| refused(place, code)));
        }
        answer.map_err(|error| self.no_answer(place, &error))
    }

    fn no_answer(&self, place: &str, error: &ureq::Error) -> ClickHouseError {
        let problem = match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                "no connection within its time"
            }
            ureq::Error::Timeout(_) => "no answer within its time",
            ureq::Error::HostNotFound => "its host is not known",
            ureq::Error::ConnectionFailed => "no connection can be made",
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                "the connection is refused"
            }
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
                return ClickHouseError::Setup { place: place.to_owned(), problem: self.tls_problem() };
            }
            ureq::Error::Io(error) if is_tls(error) => {
                return ClickHouseError::Setup { place: place.to_owned(), problem: self.tls_problem() };
            }
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                return ClickHouseError::Setup {
                    place: place.to_owned(),
                    problem: "it cannot be asked like this; see 'url', 'user' and 'password' of the sink"
                        .to_owned(),
                };
            }
            _ => "the connection was cut",
        };
        ClickHouseError::NoAnswer { place: place.to_owned(), problem }
    }

    fn tls_problem(&self) -> String {
        let trusted = match &self.server.ca {
            Some(path) => format!("those in {}", path.display()),
            None => "those that this system trusts".to_owned(),
        };
        format!(
            "TLS cannot be agreed on: its certificate must be of its name and signed by one of {trusted}; see 'url' and 'tls' of the sink"
        )
    }
}

/// An answer that must say nothing.
fn nothing(answer: &[u8], place: &str) -> Result<(), ClickHouseError> {
    if answer.trim_ascii().is_empty() {
        return Ok(());
    }
    let foreign = || ClickHouseError::Foreign { place: place.to_owned() };
    Err(code_in(answer).map_or_else(foreign, |code| refused(place, code)))
}

fn refused(place: &str, code: u32) -> ClickHouseError {
    ClickHouseError::Refused { place: place.to_owned(), code }
}

/// A handshake that fails comes as an error of reading or writing.
fn is_tls(error: &std::io::Error) -> bool {
    use tokio_rustls::rustls::Error;
    error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).is_some()
}

/// The number in the header.
fn code_of(response: &Response<Body>) -> Option<u32> {
    response.headers().get("X-ClickHouse-Exception-Code")?.to_str().ok()?.trim().parse().ok()
}

/// The number in an error's text, which may stand behind an answer that had begun: `Code: 60. DB::Exception: …`.
fn code_in(text: &[u8]) -> Option<u32> {
    let exception = memchr::memmem::find(text, b"DB::Exception")?;
    let code = memchr::memmem::rfind(&text[..exception], b"Code: ")? + 6;
    let digits: Vec<u8> = text[code..].iter().copied().take_while(u8::is_ascii_digit).take(9).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, ClickHouseError> {
    let fault = |problem: &str| ClickHouseError::Setup {
        place: path.display().to_string(),
        problem: format!("{problem}; give a PEM file of the certificates that the server's is signed by"),
    };
    let text = fs::read(path).map_err(|error| fault(&format!("it cannot be read ({})", error.kind())))?;
    let items = parse_pem(&text).filter_map(Result::ok);
    let all: Vec<_> = items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if all.is_empty() { Err(fault("no certificate is in it")) } else { Ok(all) }
}

fn system_certificates(url: &str) -> Result<Vec<Certificate<'static>>, ClickHouseError> {
    let found = SYSTEM_CERTIFICATES.iter().map(Path::new).find(|path| path.exists());
    found.map_or_else(
        || {
            Err(ClickHouseError::Setup {
                place: url.to_owned(),
                problem: "this system has no file of trusted certificates where they usually are; write tls = { ca = \"….pem\" }".to_owned(),
            })
        },
        certificates,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_error_is_found_wherever_it_stands() {
        for (text, code) in [
            ("Code: 60. DB::Exception: Table a.b does not exist. (UNKNOWN_TABLE)", Some(60)),
            ("{\"a\":1}\nCode: 241. DB::Exception: Memory limit", Some(241)),
            ("__exception__\r\nCode: 159. DB::Exception: Timeout", Some(159)),
            ("Code: 60 and nothing", None),
            ("DB::Exception", None),
            ("", None),
        ] {
            assert_eq!(code_in(text.as_bytes()), code, "{text}");
        }
    }
}
