//! What can be wrong with `[kafka]`, one slip or contradiction each, applied to the fixture of `kafka`.

/// `(old, new, every problem)`.
pub(super) const FAULTS: &[(&str, &str, &[&str])] = &[
    (
        "[kafka]\nbrokers = [\"kafka1:9092\"]\ngroup = \"sluis\"\n",
        "",
        &["7:8: 'nginx' is on Kafka, and there is no [kafka]; write it, with the 'brokers' of the cluster"],
    ),
    ("brokers =", "broker =", &["6:1: unknown key 'broker' in [kafka]; did you mean 'brokers'?"]),
    (
        "brokers = [\"kafka1:9092\"]\n",
        "",
        &["5:2: missing 'brokers' in [kafka]; write some of the cluster, such as [\"kafka1:9092\"]"],
    ),
    (
        "[\"kafka1:9092\"]",
        "[]",
        &["6:11: 'brokers' is empty; write some of the cluster, such as [\"kafka1:9092\"]"],
    ),
    (
        "[\"kafka1:9092\"]",
        "[\"kafka1\", \"SSL://kafka1:9092\", \"a:1,b:2\", \"kafka1:0\", \"[::1]:9092\"]",
        &[
            "6:12: 'kafka1' is no broker; write \"host:port\", such as \"kafka1:9092\"",
            "6:22: 'SSL://kafka1:9092' is no broker; write \"host:port\", such as \"kafka1:9092\"",
            "6:43: 'a:1,b:2' is no broker; write \"host:port\", such as \"kafka1:9092\"",
            "6:54: 'kafka1:0' is no broker; write \"host:port\", such as \"kafka1:9092\"",
        ],
    ),
    (
        "group = \"sluis\"\n",
        "",
        &[
            "5:2: missing 'group' in [kafka]; name the consumer group, which shares the work among all processes",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"a b\"\ninstance = \"\"",
        &[
            "7:9: 'a b' cannot be the group; use letters, digits, '.', '_' and '-', at most 128",
            "8:12: '' cannot be the instance; use letters, digits, '.', '_' and '-', at most 128",
        ],
    ),
    ("group = \"sluis\"", "group = \"sluis\"\nlanes = 65", &["8:9: 'lanes' is out of bounds; write 1 to 64"]),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ndelivery = \"at_most_once\"",
        &["8:12: unknown value of 'delivery' 'at_most_once'; did you mean 'at_least_once'?"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ncommit_ms = 5",
        &["8:13: 'commit_ms' is out of bounds; write 10 to 5000"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\nlanes = 9\nin_flight_bytes = \"64 MiB\"",
        &[
            "9:19: 'in_flight_bytes' is out of bounds for 9 lane(s), which need 8 MiB each; write 72 MiB to 64 GiB",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ndrain_secs = 0",
        &["8:14: 'drain_secs' is out of bounds; write 1 to 600"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ntls = \"yes\"",
        &["8:7: 'tls' must be true, or a table { ca = \"…\", … }; this is a text"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ntls = { certificate = \"us.pem\" }",
        &["8:23: a certificate without its key; write key = \"….pem\" too"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ntls = { key = \"us.key\" }",
        &["8:15: a key without its certificate; write certificate = \"….pem\" too"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ntls = { key_password = { env = \"P\" } }",
        &["8:9: a password without a key; write key = \"….pem\" too, or leave it out"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\nsasl = { mechanism = \"GSSAPI\" }",
        &[
            "8:22: mechanism of sasl 'GSSAPI' is not in this version; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\nsasl = { mechanism = \"SCRAM-SHA-1\", user = \"u\", password = { env = \"P\" } }",
        &[
            "8:22: unknown mechanism of sasl 'SCRAM-SHA-1'; known are: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\nsasl = { mechanism = \"SCRAM-SHA-256\" }",
        &[
            "8:1: missing 'user' in sasl; SCRAM-SHA-256 needs it",
            "8:1: missing 'password' in sasl; SCRAM-SHA-256 needs it",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\nsasl = { mechanism = \"PLAIN\", user = \"u\", password = { env = \"P\" } }",
        &[
            "8:22: PLAIN sends the password as it is, and there is no TLS; write tls = true, or use SCRAM-SHA-512",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ntls = false\nsasl = { mechanism = \"PLAIN\", user = \"u\", password = { env = \"P\" } }",
        &[
            "9:22: PLAIN sends the password as it is, and there is no TLS; write tls = true, or use SCRAM-SHA-512",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\ntls = true\nsasl = { mechanism = \"PLAIN\", user = \"\", password = { env = \"P\", file = \"p\" }, scope = \"s\" }",
        &[
            "9:38: 'user' is empty; write one",
            "9:42: 'password' has one place; write password = { file = \"…\" } or { env = \"…\" }",
            "9:80: 'scope' means nothing to PLAIN; leave it out",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\nsasl = { mechanism = \"OAUTHBEARER\", token_url = \"http://id.example.org\", client_id = \"c\", client_secret = { env = \"P\" } }",
        &["8:49: 'token_url' is not https, so the client's secret could be read on its way; write https://…"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\nsasl = { mechanism = \"OAUTHBEARER\", user = \"u\" }",
        &[
            "8:1: missing 'token_url' in sasl; OAUTHBEARER needs it",
            "8:1: missing 'client_id' in sasl; OAUTHBEARER needs it",
            "8:1: missing 'client_secret' in sasl; OAUTHBEARER needs it",
            "8:37: 'user' means nothing to OAUTHBEARER; leave it out",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\noptions = { \"acks\" = 1 }",
        &["8:13: option 'acks' is not passed through; records could be lost, doubled or out of order"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\noptions = { \"linger.m\" = 1 }",
        &[
            "8:13: option 'linger.m' is none of those that are known to undo no promise; did you mean 'linger.ms'?",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\noptions = { \"linger.ms\" = 60000 }",
        &["8:13: option 'linger.ms' is out of bounds; write 0 to 1000"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\noptions = { linger.ms = 5 }",
        &["8:13: option 'linger' without quotes; write \"linger.…\" in quotes"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\noptions = { \"client.rack\" = [] }",
        &["8:29: 'client.rack' must be a text, a whole number, true or false; this is a list"],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\noptions = { \"max.poll.interval.ms\" = 20000, \"session.timeout.ms\" = 30000 }",
        &[
            "8:13: 'max.poll.interval.ms' (20000) does not hold 'session.timeout.ms' (30000); raise it, or lower the other",
        ],
    ),
    (
        "group = \"sluis\"",
        "group = \"sluis\"\noptions = { \"session.timeout.ms\" = 1000 }",
        &[
            "8:13: 'session.timeout.ms' (1000) does not hold 'heartbeat.interval.ms' (1000); raise it, or lower the other",
        ],
    ),
];
