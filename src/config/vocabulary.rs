//! Every word that a policy or pipeline file may use, in one place: the readers refuse all others, and a test compares
//! `config/REFERENCE.md` with this list.
//!
//! `later` are words that a coming version brings. They are refused by name, so that nobody believes them in force.

/// The keys of one kind of section.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary {
    /// What the reference calls it: `[class.*]`.
    pub section: &'static str,
    /// Keys of this version.
    pub keys: &'static [&'static str],
    /// Keys of a later one.
    pub later: &'static [&'static str],
}

/// The sections of a policy file.
pub const POLICY_FILE: Vocabulary = Vocabulary {
    section: "policy file",
    keys: &["policy", "domain", "class", "fields", "variables", "output"],
    later: &["opt_out", "report"],
};

/// `[policy]`: whose policy it is.
pub const POLICY: Vocabulary = Vocabulary {
    section: "[policy]",
    keys: &["name", "version", "controller", "contact", "locations", "own_networks", "learned_names"],
    later: &[],
};

/// `[domain.*]`: a pseudonymisation domain.
pub const DOMAIN: Vocabulary = Vocabulary { section: "[domain.*]", keys: &["epoch"], later: &[] };

/// `[class.*]`: a retention class.
pub const CLASS: Vocabulary = Vocabulary {
    section: "[class.*]",
    keys: &["retention", "stages", "domain", "purposes", "legal_basis", "subjects", "fields"],
    later: &["opt_out", "encrypt"],
};

/// A stage of `[class.*]`.
pub const STAGE: Vocabulary =
    Vocabulary { section: "stage", keys: &["after", "drop"], later: &["truncate", "generalise"] };

/// A treatment written as a table.
pub const TREATMENT: Vocabulary = Vocabulary {
    section: "treatment",
    keys: &[
        "pseudonymise",
        "truncate",
        "template",
        "keep_prefixes",
        "else",
        "keep_parameters",
        "name_parameters",
    ],
    later: &["prefix", "country", "generalise"],
};

/// The table that `truncate` can be.
pub const TRUNCATE: Vocabulary =
    Vocabulary { section: "truncate", keys: &["v4", "v6", "as"], later: &["country"] };

/// Treatments written as one word.
pub const TREATMENT_WORDS: Vocabulary = Vocabulary {
    section: "treatment word",
    keys: &["keep", "drop", "truncate", "pseudonymise", "generalise", "scrub"],
    later: &["prefix", "country"],
};

/// How a pseudonym is written.
pub const FORMS: Vocabulary =
    Vocabulary { section: "pseudonymise", keys: &["token", "address"], later: &["prefix"] };

/// What `else` can be.
pub const ELSE: Vocabulary = Vocabulary { section: "else", keys: &["drop", "scrub"], later: &[] };

/// `[output.*]`: a view that narrows.
pub const OUTPUT: Vocabulary =
    Vocabulary { section: "[output.*]", keys: &["fields", "purposes"], later: &["opt_out", "country"] };

/// The keys and sections of a pipeline file.
pub const PIPELINE_FILE: Vocabulary = Vocabulary {
    section: "pipeline file",
    keys: &[
        "policy",
        "keys",
        "state",
        "threads",
        "batch_bytes",
        "kafka",
        "source",
        "quarantine",
        "sink",
        "admin",
    ],
    later: &["opt_out"],
};

/// `[source.*]`: where records come from.
pub const SOURCE: Vocabulary = Vocabulary {
    section: "[source.*]",
    keys: &[
        "kind",
        "path",
        "rotated",
        "raw_retention",
        "format",
        "time_zone",
        "class",
        "max_lateness",
        "record_bytes_max",
        "topics",
        "payload",
        "late_topic",
        "late_lateness",
        "raw_limit",
        "erase_raw",
        "erase_raw_for_all",
        "rate",
        "key",
        "headers",
    ],
    later: &["listen"],
};

/// Keys of `[source.*]` that only files have.
pub const SOURCE_OF_FILES: &[&str] = &["path", "rotated", "raw_retention"];

/// Keys of `[source.*]` that only Kafka has.
pub const SOURCE_OF_KAFKA: &[&str] = &[
    "topics",
    "payload",
    "late_topic",
    "late_lateness",
    "raw_limit",
    "erase_raw",
    "erase_raw_for_all",
    "rate",
    "key",
    "headers",
];

/// Kinds of source.
pub const SOURCE_KINDS: Vocabulary =
    Vocabulary { section: "source kind", keys: &["stdin", "file", "kafka"], later: &["syslog", "http"] };

/// One rule that chooses a class.
pub const CLASS_RULE: Vocabulary =
    Vocabulary { section: "class rule", keys: &["when", "is"], later: &["contains", "matches"] };

/// `[quarantine]`: what becomes of records that could not be parsed.
pub const QUARANTINE: Vocabulary =
    Vocabulary { section: "[quarantine]", keys: &["recipients", "retention", "path", "topic"], later: &[] };

/// `[sink.*]`: where records go.
pub const SINK: Vocabulary = Vocabulary {
    section: "[sink.*]",
    keys: &[
        "kind",
        "path",
        "classes",
        "output",
        "purpose",
        "location",
        "recipient",
        "emit",
        "part_secs_max",
        "compress",
        "encrypt",
        "topic",
        "key",
        "pack",
        "compression",
        "replication",
        "partitions",
        "url",
        "database",
        "table",
        "user",
        "password",
        "tls",
        "insert_secs_max",
        "patience",
    ],
    later: &["opt_out"],
};

/// Keys of `[sink.*]` that only files have.
pub const SINK_OF_FILES: &[&str] = &["path", "part_secs_max", "compress", "encrypt"];

/// Keys of `[sink.*]` that only Kafka has.
pub const SINK_OF_KAFKA: &[&str] = &["topic", "key", "pack", "compression", "replication", "partitions"];

/// Keys of `[sink.*]` that only ClickHouse has.
pub const SINK_OF_CLICKHOUSE: &[&str] =
    &["url", "database", "table", "user", "password", "tls", "insert_secs_max", "patience"];

/// `tls` of a sink on ClickHouse.
pub const TLS_OF_CLICKHOUSE: Vocabulary =
    Vocabulary { section: "tls of [sink.*]", keys: &["ca"], later: &["certificate", "key"] };

/// Kinds of sink.
pub const SINK_KINDS: Vocabulary = Vocabulary {
    section: "sink kind",
    keys: &["stdout", "file", "kafka", "parquet", "clickhouse"],
    later: &["http", "syslog"],
};

/// What a sink writes.
pub const EMITS: Vocabulary =
    Vocabulary { section: "emit", keys: &["ndjson", "same"], later: &["columns", "arrow"] };

/// How a file sink compresses.
pub const COMPRESS: Vocabulary =
    Vocabulary { section: "compress", keys: &["none", "zstd"], later: &["gzip", "lz4"] };

/// `[kafka]`: the cluster that is read from and written to.
pub const KAFKA: Vocabulary = Vocabulary {
    section: "[kafka]",
    keys: &[
        "brokers",
        "group",
        "instance",
        "lanes",
        "delivery",
        "commit_ms",
        "in_flight_bytes",
        "drain_secs",
        "tls",
        "sasl",
        "options",
    ],
    later: &[],
};

/// What a crash may do.
pub const DELIVERY: Vocabulary =
    Vocabulary { section: "delivery", keys: &["exactly_once", "at_least_once"], later: &[] };

/// TLS to the brokers.
pub const TLS: Vocabulary =
    Vocabulary { section: "tls", keys: &["ca", "certificate", "key", "key_password"], later: &[] };

/// Who we are to the brokers.
pub const SASL: Vocabulary = Vocabulary {
    section: "sasl",
    keys: &["mechanism", "user", "password", "token_url", "token_ca", "client_id", "client_secret", "scope"],
    later: &[],
};

/// How we say who we are.
pub const SASL_MECHANISMS: Vocabulary = Vocabulary {
    section: "sasl mechanism",
    keys: &["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"],
    later: &["GSSAPI"],
};

/// Where a secret is found.
pub const SECRET: Vocabulary = Vocabulary { section: "secret", keys: &["file", "env"], later: &[] };

/// What a message of an input topic holds.
pub const PAYLOADS: Vocabulary =
    Vocabulary { section: "payload", keys: &["lines", "event"], later: &["protobuf", "avro"] };

/// The most that a source takes in a second.
pub const RATE: Vocabulary = Vocabulary { section: "rate", keys: &["records", "bytes"], later: &[] };

/// How a Kafka sink compresses.
pub const COMPRESSION: Vocabulary =
    Vocabulary { section: "compression", keys: &["lz4", "zstd", "gzip", "snappy", "none"], later: &[] };

/// Formats that are one word. `auto` is none of them: a pipeline says what leaves before it has read a line.
pub const FORMATS: Vocabulary = Vocabulary {
    section: "format",
    keys: &[
        "common",
        "combined",
        "vhost_combined",
        "nginx",
        "apache",
        "nginx-error",
        "apache-error",
        "json",
        "jvb",
        "jicofo",
        "jigasi",
        "jibri",
        "prosody",
        "coturn",
        "text",
    ],
    later: &["syslog"],
};

/// Formats that bring a string or map of their own.
pub const FORMAT_TABLE: Vocabulary =
    Vocabulary { section: "format table", keys: &["nginx", "apache", "json"], later: &["syslog"] };

/// `[admin]`: the admin endpoint.
pub const ADMIN: Vocabulary =
    Vocabulary { section: "[admin]", keys: &["listen", "token", "tls", "behind_proxy"], later: &[] };

/// A certificate and its key.
pub const TLS_FILES: Vocabulary =
    Vocabulary { section: "tls of [admin]", keys: &["certificate", "key"], later: &["client_ca"] };

/// All of the above, for the reference and its test.
pub const ALL: [Vocabulary; 34] = [
    POLICY_FILE,
    POLICY,
    DOMAIN,
    CLASS,
    STAGE,
    TREATMENT_WORDS,
    TREATMENT,
    TRUNCATE,
    FORMS,
    ELSE,
    OUTPUT,
    PIPELINE_FILE,
    KAFKA,
    DELIVERY,
    TLS,
    SASL,
    SASL_MECHANISMS,
    SECRET,
    PAYLOADS,
    RATE,
    COMPRESSION,
    SOURCE,
    SOURCE_KINDS,
    FORMATS,
    FORMAT_TABLE,
    CLASS_RULE,
    QUARANTINE,
    SINK,
    TLS_OF_CLICKHOUSE,
    SINK_KINDS,
    EMITS,
    COMPRESS,
    ADMIN,
    TLS_FILES,
];
