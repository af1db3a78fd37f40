//! Options of librdkafka that a pipeline may pass through: a list of those that can undo no promise, each with values that cannot.
//!
//! Chosen over a list of those that could: a list of bad ones fails open with the next version of the library. The reasons below are for
//! people who look for an option and do not find it.

use super::suggest;

/// Which client an option is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Every client.
    Both,
    /// The one that reads.
    Consumer,
    /// The one that writes.
    Producer,
}

/// What an option may be.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// A whole number, least and most.
    Whole(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A name.
    Name,
    /// Cipher suites that hide and prove what they carry, with colons between.
    Ciphers,
}

/// An option that may be passed through.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Its name.
    pub name: &'static str,
    /// Whose it is.
    pub client: Client,
    /// What it may be.
    pub values: Values,
}

const fn both(name: &'static str, values: Values) -> Allowed {
    Allowed { name, client: Client::Both, values }
}

const fn consumer(name: &'static str, values: Values) -> Allowed {
    Allowed { name, client: Client::Consumer, values }
}

const fn producer(name: &'static str, values: Values) -> Allowed {
    Allowed { name, client: Client::Producer, values }
}

/// Every option that may be passed through.
pub const ALLOWED: &[Allowed] = &[
    // Connections. A request that waits longer than a transaction lives would hold one open for nothing.
    both("socket.timeout.ms", Values::Whole(1_000, 10_000)),
    both("socket.connection.setup.timeout.ms", Values::Whole(1_000, 60_000)),
    both("socket.keepalive.enable", Values::Flag),
    both("socket.nagle.disable", Values::Flag),
    both("socket.send.buffer.bytes", Values::Whole(0, 16 << 20)),
    both("socket.receive.buffer.bytes", Values::Whole(0, 16 << 20)),
    both("socket.max.fails", Values::Whole(0, 1_000)),
    both("connections.max.idle.ms", Values::Whole(0, 86_400_000)),
    both("reconnect.backoff.ms", Values::Whole(0, 1_000)),
    both("broker.address.family", Values::Words(&["any", "v4", "v6"])),
    both("broker.address.ttl", Values::Whole(0, 3_600_000)),
    both(
        "client.dns.lookup",
        Values::Words(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
    ),
    both("client.rack", Values::Name),
    both("ssl.cipher.suites", Values::Ciphers),
    // What is known of the cluster. Without refreshing (-1), new partitions would never be seen.
    both("topic.metadata.refresh.interval.ms", Values::Whole(1_000, 900_000)),
    both("topic.metadata.refresh.fast.interval.ms", Values::Whole(10, 10_000)),
    both("topic.metadata.refresh.sparse", Values::Flag),
    both("topic.metadata.propagation.max.ms", Values::Whole(0, 300_000)),
    both("metadata.max.age.ms", Values::Whole(1_000, 3_600_000)),
    both("metadata.recovery.strategy", Values::Words(&["none", "rebootstrap"])),
    // The group. A member that is gone for good blocks its partitions until the session ends.
    consumer("session.timeout.ms", Values::Whole(1_000, 300_000)),
    consumer("heartbeat.interval.ms", Values::Whole(100, 60_000)),
    consumer("max.poll.interval.ms", Values::Whole(10_000, 3_600_000)),
    // Fetches.
    consumer("fetch.wait.max.ms", Values::Whole(0, 5_000)),
    consumer("fetch.min.bytes", Values::Whole(1, 1 << 20)),
    consumer("fetch.error.backoff.ms", Values::Whole(0, 10_000)),
    // Batches. Waiting counts in the age of a record, so it is short; a smaller bound than the default would refuse packed messages.
    producer("linger.ms", Values::Whole(0, 1_000)),
    producer("batch.size", Values::Whole(1_024, 4 << 20)),
    producer("batch.num.messages", Values::Whole(1, 1_000_000)),
    producer("sticky.partitioning.linger.ms", Values::Whole(0, 1_000)),
    producer("compression.level", Values::Whole(0, 12)),
    producer("message.max.bytes", Values::Whole(1_000_000, 8 << 20)),
];

/// Options that are refused, and why. A `*` at the end stands for any rest.
const REFUSED: &[(&[&str], &str)] = &[
    (&["bootstrap.servers", "metadata.broker.list"], "write 'brokers' in [kafka]"),
    (&["security.protocol"], "it follows from 'tls' and 'sasl' in [kafka]"),
    (
        &["sasl.*", "enable.sasl.*", "oauthbearer*", "https.ca.*"],
        "write 'sasl' in [kafka], which names where a secret is and never the secret",
    ),
    (
        &["ssl.*", "enable.ssl.*", "ssl_*"],
        "write 'tls' in [kafka]; certificates and names of brokers are always verified",
    ),
    (&["group.id"], "write 'group' in [kafka]"),
    (
        &["group.instance.id", "transactional.id", "client.id", "client.software.*"],
        "Sluis names its clients after 'instance' in [kafka], so that a lost one cannot write any more",
    ),
    (
        &["group.protocol*", "group.remote.assignor", "partition.assignment.strategy", "rebalance_cb"],
        "Sluis hands partitions over between batches; with another protocol, half a batch could be committed",
    ),
    (
        &[
            "enable.auto.commit",
            "auto.commit.*",
            "enable.auto.offset.store",
            "offset.store.*",
            "offset_commit_cb",
        ],
        "positions are committed with what was made of them; earlier ones would lose records",
    ),
    (
        &["auto.offset.reset"],
        "a group without a position starts at the earliest, and a gap is counted, never skipped",
    ),
    (&["isolation.level"], "what a transaction took back would be read"),
    (
        &[
            "acks",
            "request.required.acks",
            "enable.idempotence",
            "retries",
            "message.send.max.retries",
            "max.in.flight*",
        ],
        "records could be lost, doubled or out of order",
    ),
    (
        &["enable.gapless.guarantee", "queuing.strategy", "msg_order_cmp", "produce.offset.report"],
        "records could be lost, doubled or out of order",
    ),
    (
        &["transaction.timeout.ms", "message.timeout.ms", "delivery.timeout.ms", "request.timeout.ms"],
        "how long a record may wait is part of its worst age, which 'sluis check' prints",
    ),
    (&["queue.buffering.max.ms"], "write 'linger.ms', its other name"),
    (
        &[
            "queue.buffering.*",
            "queued.*",
            "fetch.queue.backoff.ms",
            "fetch.max.bytes",
            "receive.message.max.bytes",
        ],
        "it follows from 'in_flight_bytes' in [kafka]",
    ),
    (
        &["message.copy.max.bytes", "fetch.message.max.bytes", "max.partition.fetch.bytes"],
        "it follows from 'in_flight_bytes' in [kafka]",
    ),
    (
        &[
            "debug",
            "log*",
            "error_cb",
            "throttle_cb",
            "stats_cb",
            "statistics.interval.ms",
            "enable.metrics.push",
        ],
        "the library's own reports can hold what records hold; Sluis logs and counts itself",
    ),
    (
        &["plugin.library.paths", "interceptors", "*_cb", "opaque", "default_topic_conf"],
        "code of others would see raw records",
    ),
    (
        &["allow.auto.create.topics"],
        "a topic made by itself has no limits; make it with 'sluis topics apply'",
    ),
    (&["topic.blacklist"], "write in 'topics' of the source what is read"),
    (&["compression.codec", "compression.type"], "write 'compression' in the sink"),
    (&["partitioner*"], "it follows from 'key' of the sink, and keeps records in order"),
    (
        &[
            "check.crcs",
            "delivery.report.only.error",
            "dr_*",
            "enable.partition.eof",
            "consume.callback.*",
            "reconnect.backoff.max.ms",
            "retry.backoff.*",
        ],
        "Sluis relies on its own value",
    ),
    (&["api.version.*", "broker.version.fallback"], "brokers so old have no transactions"),
];

/// The option called `name`, if it may be passed through.
pub fn allowed(name: &str) -> Option<&'static Allowed> {
    ALLOWED.iter().find(|allowed| allowed.name == name)
}

impl Allowed {
    /// True when `client` takes it; one of the other would only make the library complain, or change what it reads.
    pub fn is_for(&self, client: Client) -> bool {
        self.client == Client::Both || self.client == client
    }
}

/// Why `name` may not be passed through as `value`; `None` when it may. Never shows the value.
pub(super) fn objection(name: &str, value: &str) -> Option<String> {
    let Some(allowed) = allowed(name) else {
        let reason = REFUSED.iter().find(|(patterns, _)| patterns.iter().any(|pattern| fits(pattern, name)));
        return Some(if let Some((_, reason)) = reason {
            format!("option '{name}' is not passed through; {reason}")
        } else {
            let known = ALLOWED.iter().map(|allowed| allowed.name);
            let otherwise = format!("known are: {}", known.clone().collect::<Vec<_>>().join(", "));
            let remedy = suggest::remedy(name, known, &otherwise);
            format!("option '{name}' is none of those that are known to undo no promise{remedy}")
        });
    };
    let remedy = match allowed.values {
        Values::Whole(min, max) => {
            let fits = value.parse::<u64>().is_ok_and(|number| (min..=max).contains(&number));
            (!fits).then(|| format!("write {min} to {max}"))
        }
        Values::Flag => (!["true", "false"].contains(&value)).then(|| "write true or false".to_owned()),
        Values::Words(words) => {
            (!words.contains(&value)).then(|| format!("write one of {}", words.join(", ")))
        }
        Values::Name => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            let fits = !value.is_empty() && value.bytes().all(plain);
            (!fits).then(|| "use letters, digits, '.', '_' and '-'".to_owned())
        }
        Values::Ciphers => (!value.split(':').all(is_sound_cipher)).then(|| {
            "write suites with ECDHE and GCM or CHACHA20, such as \"ECDHE-RSA-AES256-GCM-SHA384\"".to_owned()
        }),
    };
    remedy.map(|remedy| format!("option '{name}' is out of bounds; {remedy}"))
}

fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        _ => pattern == name,
    }
}

/// A suite by its whole name: no keyword such as `ALL` or `@SECLEVEL=0`, which would let in those that hide nothing.
fn is_sound_cipher(suite: &str) -> bool {
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let sealed = suite.contains("-GCM-") || suite.contains("-CHACHA20-");
    suite.bytes().all(plain) && suite.starts_with("ECDHE-") && sealed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_is_allowed_and_refused_but_as_a_rest() {
        for (patterns, reason) in REFUSED {
            assert!(!reason.is_empty());
            for pattern in patterns.iter().filter(|pattern| !pattern.contains('*')) {
                assert!(allowed(pattern).is_none(), "{pattern}");
            }
        }
        let mut names: Vec<&str> = ALLOWED.iter().map(|allowed| allowed.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALLOWED.len());
    }

    #[test]
    fn values_that_would_undo_a_promise_are_out_of_bounds() {
        for (name, value) in [
            ("linger.ms", "900000"),
            ("socket.timeout.ms", "60000"),
            ("topic.metadata.refresh.interval.ms", "-1"),
            ("message.max.bytes", "1000"),
            ("ssl.cipher.suites", "ALL"),
            ("ssl.cipher.suites", "ECDHE-RSA-AES256-GCM-SHA384:eNULL"),
            ("ssl.cipher.suites", "ECDHE-RSA-NULL-SHA"),
            ("socket.keepalive.enable", "yes"),
            ("client.rack", "a b"),
        ] {
            assert!(objection(name, value).is_some(), "{name}");
        }
        assert_eq!(objection("ssl.cipher.suites", "ECDHE-RSA-AES256-GCM-SHA384"), None);
        assert_eq!(objection("linger.ms", "20"), None);
    }
}
