//! The fields that Sluis knows: their names, what they can tell of a person, and the grammar of their values.
//!
//! Names are those of the OpenTelemetry semantic conventions where these have one. The table is the single place where a
//! field is classified; a field that is not in it must be classified by the user (`Lookup::Unclassified`).

/// The grammar in which a harmless value may leave. Anything else in such a field is treated as free text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grammar {
    /// A registered request method (IANA HTTP method registry), upper case.
    Method,
    /// `HTTP/1.1`, `1.1`, `2`, `h2`.
    Protocol,
    /// Three digits, or `-` and `000` as servers write them.
    Status,
    /// Digits.
    Integer,
    /// Digits with at most one point; lists of them (`0.001, 0.002 : -`) for upstream variables.
    Decimal,
    /// A host name, address literal of our own, port: letters, digits, `.-_:[]` and at most 253 bytes.
    Host,
    /// A short word: letters, digits, `._-/:<>$#`, at most 64 bytes (severity, cipher, module, function).
    Word,
}

/// What a field can tell of a person; this decides which treatments make sense and what `scrub` does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The record's event time.
    Time,
    /// One network address, perhaps with a port; or a host name, `unix:`, or nothing.
    Address,
    /// A list of addresses (`X-Forwarded-For`, RFC 7239, upstream lists).
    Addresses,
    /// A login name.
    User,
    /// A person's name.
    Name,
    /// A meeting's or room's name.
    Room,
    /// An e-mail address.
    Email,
    /// A hardware address.
    Mac,
    /// A Jabber identifier (RFC 7622): an account, or a room and who is in it.
    Jid,
    /// An endpoint of a call, or a meeting: random, and written whole (a UUID) or as its first eight digits. Both are one.
    Endpoint,
    /// A stable identifier that is none of the above (session, cookie).
    Identifier,
    /// The path of a URL.
    Path,
    /// The query of a URL, without its `?`.
    Query,
    /// A whole URL (referrer).
    Url,
    /// A user agent.
    Agent,
    /// Free text.
    Text,
    /// Harmless in this grammar only.
    Harmless(Grammar),
    /// A request header, response header, cookie or variable that only the user can classify.
    Unclassified,
}

/// One row of the table.
pub struct Known {
    /// The field's name.
    pub name: &'static str,
    /// What it can tell.
    pub kind: Kind,
}

const fn row(name: &'static str, kind: Kind) -> Known {
    Known { name, kind }
}

/// The field table, in the order in which NDJSON and columns show them.
pub const KNOWN: &[Known] = &[
    row("time", Kind::Time),
    row("client.address", Kind::Address),
    row("client.port", Kind::Harmless(Grammar::Integer)),
    row("client.mac", Kind::Mac),
    row("network.peer.address", Kind::Address),
    row("network.peer.port", Kind::Harmless(Grammar::Integer)),
    row("http.request.header.x-forwarded-for", Kind::Addresses),
    row("http.request.header.x-real-ip", Kind::Address),
    row("http.request.header.forwarded", Kind::Addresses),
    row("http.request.header.true-client-ip", Kind::Address),
    row("http.request.header.cf-connecting-ip", Kind::Address),
    row("http.request.header.x-client-ip", Kind::Address),
    row("http.request.header.x-cluster-client-ip", Kind::Address),
    row("http.request.header.x-original-forwarded-for", Kind::Addresses),
    row("http.request.header.cookie", Kind::Identifier),
    row("http.request.header.authorization", Kind::Identifier),
    row("client.geo.country_iso_code", Kind::Harmless(Grammar::Word)),
    row("client.geo.locality.name", Kind::Text),
    row("user.name", Kind::User),
    row("user.full_name", Kind::Name),
    row("user.email", Kind::Email),
    row("user.jid", Kind::Jid),
    row("user.id", Kind::Identifier),
    row("client.ident", Kind::User),
    row("http.request.method", Kind::Harmless(Grammar::Method)),
    row("url.full", Kind::Url),
    row("url.scheme", Kind::Harmless(Grammar::Word)),
    row("file.path", Kind::Path),
    row("url.path", Kind::Path),
    row("url.query", Kind::Query),
    row("http.request.line", Kind::Text),
    row("network.protocol.version", Kind::Harmless(Grammar::Protocol)),
    row("http.response.status_code", Kind::Harmless(Grammar::Status)),
    row("http.response.body.size", Kind::Harmless(Grammar::Integer)),
    row("http.response.size", Kind::Harmless(Grammar::Integer)),
    row("http.request.size", Kind::Harmless(Grammar::Integer)),
    row("http.request.body.size", Kind::Harmless(Grammar::Integer)),
    row("http.request.body", Kind::Text),
    row("http.request.completion", Kind::Harmless(Grammar::Word)),
    row("http.request.id", Kind::Harmless(Grammar::Word)),
    row("http.response.compression_ratio", Kind::Harmless(Grammar::Decimal)),
    row("http.transferred.size", Kind::Harmless(Grammar::Integer)),
    row("http.handler", Kind::Harmless(Grammar::Word)),
    row("http.server.request.duration", Kind::Harmless(Grammar::Decimal)),
    row("http.server.first_byte.duration", Kind::Harmless(Grammar::Decimal)),
    row("http.request.header.referer", Kind::Url),
    row("http.request.header.content-type", Kind::Text),
    row("http.request.header.accept", Kind::Text),
    row("http.request.header.accept-encoding", Kind::Text),
    row("http.request.header.accept-language", Kind::Text),
    row("http.request.header.x-forwarded-proto", Kind::Harmless(Grammar::Word)),
    row("http.request.header.x-forwarded-host", Kind::Harmless(Grammar::Host)),
    row("http.response.header.content-type", Kind::Text),
    row("http.response.header.location", Kind::Url),
    row("http.response.header.set-cookie", Kind::Identifier),
    row("user_agent.original", Kind::Agent),
    row("server.address", Kind::Harmless(Grammar::Host)),
    row("server.port", Kind::Harmless(Grammar::Integer)),
    row("service.version", Kind::Harmless(Grammar::Word)),
    row("upstream.address", Kind::Addresses),
    row("upstream.url", Kind::Url),
    row("upstream.name", Kind::Harmless(Grammar::Host)),
    row("upstream.port", Kind::Harmless(Grammar::Integer)),
    row("upstream.response.status_code", Kind::Harmless(Grammar::Decimal)),
    row("upstream.response.duration", Kind::Harmless(Grammar::Decimal)),
    row("upstream.response.size", Kind::Harmless(Grammar::Decimal)),
    row("upstream.connect.duration", Kind::Harmless(Grammar::Decimal)),
    row("upstream.header.duration", Kind::Harmless(Grammar::Decimal)),
    row("upstream.queue.duration", Kind::Harmless(Grammar::Decimal)),
    row("upstream.request.size", Kind::Harmless(Grammar::Decimal)),
    row("upstream.cache.status", Kind::Harmless(Grammar::Word)),
    row("tls.protocol.version", Kind::Harmless(Grammar::Word)),
    row("tls.cipher", Kind::Harmless(Grammar::Word)),
    row("tls.cipher_bits", Kind::Harmless(Grammar::Integer)),
    row("tls.established", Kind::Harmless(Grammar::Word)),
    row("tls.resumed", Kind::Harmless(Grammar::Word)),
    row("tls.early_data", Kind::Harmless(Grammar::Word)),
    row("tls.curve", Kind::Harmless(Grammar::Word)),
    row("tls.next_protocol", Kind::Harmless(Grammar::Word)),
    row("tls.session.id", Kind::Identifier),
    row("tls.client.supported_ciphers", Kind::Identifier),
    row("tls.client.supported_curves", Kind::Identifier),
    row("tls.client.server_name", Kind::Harmless(Grammar::Host)),
    row("tls.client.verify", Kind::Text),
    row("tls.client.subject", Kind::Name),
    row("tls.client.issuer", Kind::Text),
    row("tls.client.serial", Kind::Identifier),
    row("tls.client.fingerprint", Kind::Identifier),
    row("tls.client.certificate", Kind::Identifier),
    row("severity_text", Kind::Harmless(Grammar::Word)),
    row("log.context", Kind::Text),
    row("message", Kind::Text),
    row("error.code", Kind::Harmless(Grammar::Word)),
    row("process.pid", Kind::Harmless(Grammar::Integer)),
    row("thread.id", Kind::Harmless(Grammar::Integer)),
    row("connection.id", Kind::Harmless(Grammar::Integer)),
    row("connection.log_id", Kind::Harmless(Grammar::Word)),
    row("connection.requests", Kind::Harmless(Grammar::Integer)),
    row("connection.duration", Kind::Harmless(Grammar::Decimal)),
    row("connection.pipelined", Kind::Harmless(Grammar::Word)),
    row("connection.state", Kind::Harmless(Grammar::Word)),
    row("network.transport", Kind::Harmless(Grammar::Word)),
    row("limit.requests.status", Kind::Harmless(Grammar::Word)),
    row("limit.connections.status", Kind::Harmless(Grammar::Word)),
    row("code.function.name", Kind::Harmless(Grammar::Word)),
    row("code.file.path", Kind::Harmless(Grammar::Word)),
    row("code.line.number", Kind::Harmless(Grammar::Integer)),
    row("module.name", Kind::Harmless(Grammar::Word)),
    row("conference.name", Kind::Room),
    row("conference.id", Kind::Endpoint),
    row("endpoint.id", Kind::Endpoint),
    row("endpoint.stats_id", Kind::Name),
    row("session.id", Kind::Identifier),
    row("service.name", Kind::Harmless(Grammar::Word)),
    row("container.name", Kind::Harmless(Grammar::Word)),
    row("host.name", Kind::Harmless(Grammar::Host)),
    row("syslog.appname", Kind::Harmless(Grammar::Word)),
    row("syslog.facility", Kind::Harmless(Grammar::Word)),
    row("syslog.msgid", Kind::Harmless(Grammar::Word)),
];

/// The kind of the field called `name`. Headers and cookies outside the table, and every other name, are
/// [`Kind::Unclassified`]: their values are free text once a policy names them.
pub fn kind_of(name: &str) -> Kind {
    KNOWN.iter().find(|known| known.name == name).map_or(Kind::Unclassified, |known| known.kind)
}

/// True for a name that a policy may use: one of the table, or a header, cookie or own field spelled in lower case.
pub fn is_well_formed(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
}
