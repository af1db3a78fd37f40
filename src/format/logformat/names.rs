//! Variables and directives: which field each is, and how its values look.
//!
//! Table and order are those of `field-names.md`; what is not here must be classified by the user. A row says nothing of what
//! may leave: that is the policy's, by field.

use super::Options;
use super::ending::NumberForm;
use crate::record::field::{Grammar, Kind, kind_of};

/// How the values of a variable look in the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// A number, and what multiplies it to reach the field's unit.
    Number(NumberForm, f64),
    /// One word that the server makes or checks: no space, no quote.
    Word,
    /// A client column: an address, a host name, `unix:`; or several with `, ` between.
    Host,
    /// A list of upstream addresses.
    List,
    /// A user name.
    Name,
    /// The word of an ident daemon.
    Ident,
    /// A path.
    Path,
    /// A query, perhaps with its `?`.
    Query,
    /// nginx `$is_args`: `?` or nothing.
    QueryMark,
    /// Path and query together.
    Target,
    /// A whole request line.
    Request,
    /// A time in a form that is recognised record by record.
    AnyTime,
    /// Anything.
    Free,
}

/// What a variable is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Meaning {
    pub(super) field: String,
    pub(super) shape: Shape,
}

impl Meaning {
    pub(super) fn new(field: impl Into<String>, shape: Shape) -> Self {
        Self { field: field.into(), shape }
    }

    /// The likely shape of a field that the user named.
    pub(super) fn of_field(field: String) -> Self {
        let shape = match kind_of(&field) {
            Kind::Time => Shape::AnyTime,
            Kind::Address => Shape::Host,
            Kind::User => Shape::Name,
            Kind::Path => Shape::Path,
            Kind::Query => Shape::Query,
            Kind::Harmless(Grammar::Status) => Shape::Number(NumberForm::Status, 1.0),
            Kind::Harmless(Grammar::Integer) => Shape::Number(NumberForm::Integer, 1.0),
            Kind::Harmless(Grammar::Decimal) => Shape::Number(NumberForm::Decimals, 1.0),
            _ => Shape::Free,
        };
        Self { field, shape }
    }
}

/// The meaning of something whose field's name follows from its own (header, cookie, note): known, or classified by the user.
/// `spelling` is the variable as written, `bare` without its sigil.
pub(super) fn derived(spelling: &str, bare: &str, field: String, options: &Options<'_>) -> Option<Meaning> {
    if let Some(known) = known_header(&field) {
        return Some(known);
    }
    by_user(spelling, bare, options)
        .or_else(|| (options.classify)(&field).map(Meaning::of_field))
        .or_else(|| (kind_of(&field) != Kind::Unclassified).then(|| Meaning::new(field, Shape::Free)))
}

/// What the user said of a variable.
pub(super) fn by_user(spelling: &str, bare: &str, options: &Options<'_>) -> Option<Meaning> {
    (options.classify)(spelling).or_else(|| (options.classify)(bare)).map(Meaning::of_field)
}

/// Headers that have a field of their own.
fn known_header(field: &str) -> Option<Meaning> {
    let own = match field.strip_prefix("http.request.header.")? {
        "user-agent" => "user_agent.original",
        "referer" | "referrer" => "http.request.header.referer",
        "host" => "server.address",
        "content-length" => return Some(Meaning::new("http.request.body.size", INTEGER)),
        _ => return None,
    };
    Some(Meaning::new(own, Shape::Free))
}

/// A whole number in the field's own unit.
pub(super) const INTEGER: Shape = Shape::Number(NumberForm::Integer, 1.0);
const DECIMAL: Shape = Shape::Number(NumberForm::Decimal, 1.0);
const DECIMALS: Shape = Shape::Number(NumberForm::Decimals, 1.0);

/// The nginx variables with a row of their own. `None`: the user must classify it.
pub(super) fn nginx_variable(name: &str) -> Option<Meaning> {
    NGINX.iter().find(|row| row.0 == name).map(|row| Meaning::new(row.1, row.2))
}

const NGINX: &[(&str, &str, Shape)] = &[
    ("remote_addr", "client.address", Shape::Host),
    ("remote_port", "client.port", INTEGER),
    ("proxy_protocol_addr", "client.address", Shape::Host),
    ("proxy_protocol_port", "client.port", INTEGER),
    ("proxy_protocol_server_addr", "server.address", Shape::Word),
    ("proxy_protocol_server_port", "server.port", INTEGER),
    ("realip_remote_addr", "network.peer.address", Shape::Host),
    ("realip_remote_port", "network.peer.port", INTEGER),
    ("proxy_add_x_forwarded_for", "http.request.header.x-forwarded-for", Shape::Free),
    ("remote_user", "user.name", Shape::Name),
    ("request", "http.request.line", Shape::Request),
    ("request_method", "http.request.method", Shape::Word),
    ("request_uri", "url.path", Shape::Target),
    ("uri", "url.path", Shape::Path),
    ("document_uri", "url.path", Shape::Path),
    ("args", "url.query", Shape::Query),
    ("query_string", "url.query", Shape::Query),
    ("is_args", "url.query", Shape::QueryMark),
    ("server_protocol", "network.protocol.version", Shape::Word),
    ("http2", "network.protocol.version", Shape::Word),
    ("http3", "network.protocol.version", Shape::Word),
    ("scheme", "url.scheme", Shape::Word),
    ("https", "tls.established", Shape::Word),
    ("status", "http.response.status_code", Shape::Number(NumberForm::Status, 1.0)),
    ("body_bytes_sent", "http.response.body.size", INTEGER),
    ("bytes_sent", "http.response.size", INTEGER),
    ("request_length", "http.request.size", INTEGER),
    ("bytes_received", "http.request.size", INTEGER),
    ("content_length", "http.request.body.size", INTEGER),
    ("content_type", "http.request.header.content-type", Shape::Free),
    ("request_time", "http.server.request.duration", DECIMAL),
    ("session_time", "http.server.request.duration", DECIMAL),
    ("request_body", "http.request.body", Shape::Free),
    ("request_completion", "http.request.completion", Shape::Word),
    ("request_filename", "file.path", Shape::Path),
    ("document_root", "file.path", Shape::Path),
    ("realpath_root", "file.path", Shape::Path),
    ("request_id", "http.request.id", Shape::Word),
    ("host", "server.address", Shape::Word),
    ("server_name", "server.address", Shape::Word),
    ("server_addr", "server.address", Shape::Word),
    ("server_port", "server.port", INTEGER),
    ("hostname", "host.name", Shape::Word),
    ("nginx_version", "service.version", Shape::Word),
    ("pid", "process.pid", INTEGER),
    ("connection", "connection.id", INTEGER),
    ("connection_requests", "connection.requests", INTEGER),
    ("connection_time", "connection.duration", DECIMAL),
    ("pipe", "connection.pipelined", Shape::Word),
    ("protocol", "network.transport", Shape::Word),
    ("gzip_ratio", "http.response.compression_ratio", DECIMAL),
    ("limit_req_status", "limit.requests.status", Shape::Word),
    ("limit_conn_status", "limit.connections.status", Shape::Word),
    ("upstream_addr", "upstream.address", Shape::List),
    ("upstream_status", "upstream.response.status_code", DECIMALS),
    ("upstream_response_time", "upstream.response.duration", DECIMALS),
    ("upstream_session_time", "upstream.response.duration", DECIMALS),
    ("upstream_connect_time", "upstream.connect.duration", DECIMALS),
    ("upstream_header_time", "upstream.header.duration", DECIMALS),
    ("upstream_first_byte_time", "upstream.header.duration", DECIMALS),
    ("upstream_queue_time", "upstream.queue.duration", DECIMALS),
    ("upstream_response_length", "upstream.response.size", DECIMALS),
    ("upstream_bytes_received", "upstream.response.size", DECIMALS),
    ("upstream_bytes_sent", "upstream.request.size", DECIMALS),
    ("upstream_cache_status", "upstream.cache.status", Shape::Word),
    ("proxy_host", "upstream.name", Shape::Word),
    ("proxy_port", "upstream.port", INTEGER),
    ("ssl_protocol", "tls.protocol.version", Shape::Word),
    ("ssl_cipher", "tls.cipher", Shape::Word),
    ("ssl_ciphers", "tls.client.supported_ciphers", Shape::Word),
    ("ssl_curve", "tls.curve", Shape::Word),
    ("ssl_curves", "tls.client.supported_curves", Shape::Word),
    ("ssl_alpn_protocol", "tls.next_protocol", Shape::Word),
    ("ssl_early_data", "tls.early_data", Shape::Word),
    ("ssl_session_id", "tls.session.id", Shape::Word),
    ("ssl_session_reused", "tls.resumed", Shape::Word),
    ("ssl_server_name", "tls.client.server_name", Shape::Word),
    ("ssl_client_verify", "tls.client.verify", Shape::Free),
    ("ssl_client_s_dn", "tls.client.subject", Shape::Free),
    ("ssl_client_s_dn_legacy", "tls.client.subject", Shape::Free),
    ("ssl_client_i_dn", "tls.client.issuer", Shape::Free),
    ("ssl_client_i_dn_legacy", "tls.client.issuer", Shape::Free),
    ("ssl_client_serial", "tls.client.serial", Shape::Word),
    ("ssl_client_fingerprint", "tls.client.fingerprint", Shape::Word),
    ("ssl_client_cert", "tls.client.certificate", Shape::Free),
    ("ssl_client_raw_cert", "tls.client.certificate", Shape::Free),
    ("ssl_client_escaped_cert", "tls.client.certificate", Shape::Free),
    ("geoip_country_code", "client.geo.country_iso_code", Shape::Word),
    ("geoip_city_country_code", "client.geo.country_iso_code", Shape::Word),
    ("geoip_city", "client.geo.locality.name", Shape::Free),
];

/// The Apache directives of one letter without an argument of their own.
pub(super) fn apache_directive(letter: u8) -> Option<Meaning> {
    let (field, shape) = match letter {
        b'h' | b'a' => ("client.address", Shape::Host),
        b'A' | b'v' | b'V' => ("server.address", Shape::Word),
        b'l' => ("client.ident", Shape::Ident),
        b'u' => ("user.name", Shape::Name),
        b'r' => ("http.request.line", Shape::Request),
        b's' => ("http.response.status_code", Shape::Number(NumberForm::Status, 1.0)),
        b'b' | b'B' => ("http.response.body.size", INTEGER),
        b'O' => ("http.response.size", INTEGER),
        b'I' => ("http.request.size", INTEGER),
        b'S' => ("http.transferred.size", INTEGER),
        b'D' => ("http.server.request.duration", Shape::Number(NumberForm::Integer, 1e-6)),
        b'T' => ("http.server.request.duration", INTEGER),
        b'U' => ("url.path", Shape::Path),
        b'q' => ("url.query", Shape::Query),
        b'm' => ("http.request.method", Shape::Word),
        b'H' => ("network.protocol.version", Shape::Word),
        b'p' => ("server.port", INTEGER),
        b'P' => ("process.pid", INTEGER),
        b'k' => ("connection.requests", INTEGER),
        b'X' => ("connection.state", Shape::Word),
        b'f' => ("file.path", Shape::Path),
        b'R' => ("http.handler", Shape::Word),
        b'L' => ("http.request.id", Shape::Word),
        _ => return None,
    };
    Some(Meaning::new(field, shape))
}

/// Variables of Apache's modules: `%{…}x`, `%{…}e`, `%{…}n`, `%{…}c`.
pub(super) fn apache_variable(name: &str) -> Option<Meaning> {
    let (field, shape) = match name {
        "SSL_PROTOCOL" | "version" => ("tls.protocol.version", Shape::Word),
        "SSL_CIPHER" | "cipher" => ("tls.cipher", Shape::Word),
        "SSL_CIPHER_USEKEYSIZE" | "SSL_CIPHER_ALGKEYSIZE" => ("tls.cipher_bits", INTEGER),
        "SSL_SESSION_ID" => ("tls.session.id", Shape::Word),
        "SSL_SESSION_RESUMED" => ("tls.resumed", Shape::Word),
        "SSL_TLS_SNI" => ("tls.client.server_name", Shape::Word),
        "SSL_CLIENT_VERIFY" | "clientverify" => ("tls.client.verify", Shape::Free),
        "SSL_CLIENT_M_SERIAL" => ("tls.client.serial", Shape::Word),
        "SSL_CLIENT_CERT" => ("tls.client.certificate", Shape::Free),
        "UNIQUE_ID" => ("http.request.id", Shape::Word),
        "HTTPS" => ("tls.established", Shape::Word),
        "GEOIP_COUNTRY_CODE" => ("client.geo.country_iso_code", Shape::Word),
        "subjectdn" | "subjectcn" => ("tls.client.subject", Shape::Free),
        "issuerdn" | "issuercn" => ("tls.client.issuer", Shape::Free),
        _ if name.starts_with("SSL_CLIENT_S_DN") || name.starts_with("SSL_CLIENT_SAN") => {
            ("tls.client.subject", Shape::Free)
        }
        _ if name.starts_with("SSL_CLIENT_I_DN") => ("tls.client.issuer", Shape::Free),
        _ => return None,
    };
    Some(Meaning::new(field, shape))
}
