//! What can be wrong with a pipeline on Kafka, one slip or contradiction each, applied to the fixture of `kafka`.

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
        "group = \"sluis\"\noptions = { \"max.poll.interval.ms\" = 20000 }",
        &[
            "8:13: 'max.poll.interval.ms' is less than 'session.timeout.ms' (45000 unless it is written); raise it",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\npath = \"/var/log/a\"\nraw_retention = \"1d\"",
        &[
            "12:1: 'path' in [source.nginx] belongs to kind \"file\"; leave it out, or write kind = \"file\"",
            "13:1: 'raw_retention' in [source.nginx] belongs to kind \"file\"; leave it out, or write kind = \"file\"",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]\n",
        "",
        &["9:9: missing 'topics' in [source.nginx]; write the topics that it reads, such as [\"raw.nginx\"]"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = []",
        &["11:10: 'topics' is empty; write the topics that it reads, such as [\"raw.nginx\"]"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw nginx\", \"..\", \"^(raw\", \"^.*\", \"raw.nginx\"]",
        &[
            "11:11: 'raw nginx' is no name of a topic; use letters, digits, '.', '_' and '-'",
            "11:24: '..' is no name of a topic; use letters, digits, '.', '_' and '-'",
            "11:30: '^(raw' is no pattern of topics; see that brackets and repetitions are closed",
            "11:39: '^.*' is no pattern of topics; it takes in Kafka's own topics; write more of the names",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\", \"raw.nginx\"]",
        &["11:24: 'raw.nginx' stands twice in 'topics'; remove one"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\npayload = \"json\"",
        &["12:11: unknown value of 'payload' 'json'; known are: lines, event"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nlate_lateness = \"10h\"",
        &["12:17: 'late_lateness' without 'late_topic'; write where late records go"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nlate_topic = \"late\"",
        &[
            "12:14: classes web, registration would share one topic, and its limits; write {class} in its name",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nlate_topic = \"late.{klass}\"",
        &["12:14: a placeholder in 'late.{klass}' that is none; there is {class}"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nlate_topic = \"late.{class}\"\nlate_lateness = \"6h\"",
        &[
            "13:17: nothing ever goes to 'late_topic' of source 'nginx': it takes what is later than 6h, up to 6h; raise 'late_lateness'",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nlate_topic = \"late.{class}\"\nlate_lateness = \"24h\"",
        &[
            "13:17: a record can be 1d 12s old in 'late_topic', and class 'registration' lives 1d; lower 'late_lateness'",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nmax_lateness = \"24h\"",
        &[
            "12:16: a record can be 1d 12s old when sink 'analytics' has it, and class 'registration' lives 1d; lower 'max_lateness'",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nraw_limit = \"0s\"",
        &["12:13: a 'raw_limit' of nothing; write how long the topics may keep raw records"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nerase_raw = \"yes\"",
        &["12:13: 'erase_raw' must be true or false, without quotes; this is a text"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nerase_raw_for_all = true",
        &["12:21: 'erase_raw_for_all' without 'erase_raw' erases nothing; write erase_raw = true too"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nrate = {}",
        &["12:1: 'rate' limits nothing; write records = … or bytes = …"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nrate = { records = 0, bytes = \"1 B\" }",
        &[
            "12:20: 'records' is out of bounds; write 1 to 1000000000",
            "12:31: 'bytes' is out of bounds; write 1024 to 1099511627776",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nheaders = { \"sluis-class\" = \"client.address\", \"x\" = \"client.adress\" }",
        &[
            "12:13: 'sluis-class' is a header that Sluis gives itself, or none; leave it out",
            "12:53: unknown field 'client.adress'; did you mean 'client.address'? (a field of your own needs a name less alike)",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nkey = \"client.adress\"",
        &[
            "12:7: unknown field 'client.adress'; did you mean 'client.address'? (a field of your own needs a name less alike)",
        ],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log.{class}\"\npath = \"/tmp/x\"\ncompress = \"zstd\"",
        &[
            "18:1: 'path' in [sink.analytics] belongs to kind \"file\"; leave it out, or write kind = \"file\"",
            "19:1: 'compress' in [sink.analytics] belongs to kind \"file\"; leave it out, or write kind = \"file\"",
        ],
    ),
    (
        "topic = \"log.{class}\"\n",
        "",
        &["15:7: missing 'topic' in [sink.analytics]; write where it writes, such as \"log.{class}\""],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log\"",
        &["17:9: classes web, registration would share one topic, and its limits; write {class} in its name"],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log.{class}.{day}\"",
        &["17:9: a placeholder in 'log.{class}.{day}' that is none; there is {class}"],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log/{class}\"",
        &["17:9: 'log/web' is no name of a topic; use letters, digits, '.', '_' and '-'"],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log.{class}\"\nkey = \"client.network\"",
        &[
            "18:7: 'key' of sink 'analytics' is 'client.network', which class 'web' does not pseudonymise; write one of client.address",
            "18:7: 'key' of sink 'analytics' is 'client.network', which class 'registration' does not pseudonymise; write one of client.address",
        ],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log.{class}\"\nkey = \"client.address\"\noutput = \"statistics\"",
        &[
            "18:7: 'key' is 'client.address', which output 'statistics' does not let leave; write one of its fields, or leave it out",
            "21:11: purpose 'security' is none of output 'statistics'; allowed are: fault analysis",
        ],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log.{class}\"\npack = \"1 MiB\"",
        &["18:8: 'pack' is out of bounds; write 1024 to 921600"],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log.{class}\"\ncompression = \"lzma\"",
        &["18:15: unknown value of 'compression' 'lzma'; known are: lz4, zstd, gzip, snappy, none"],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log.{class}\"\nreplication = 0\npartitions = 0",
        &[
            "18:15: 'replication' is out of bounds; write 1 to 9",
            "19:14: 'partitions' is out of bounds; write 1 to 10000",
        ],
    ),
    (
        "state = \"/var/lib/sluis/test\"\n",
        "",
        &[
            "14:7: sink 'analytics' stores records, but the pipeline has no place for its journal; write state = \"/var/lib/sluis/NAME\"",
        ],
    ),
    (
        "state =",
        "threads = 4\nstate =",
        &["3:11: a pipeline that reads from Kafka has lanes; write 'lanes' in [kafka]"],
    ),
    (
        "[source.nginx]",
        "[source.file]\nkind = \"file\"\npath = \"/var/log/a\"\nformat = \"common\"\nclass = \"web\"\n\n[source.nginx]",
        &[
            "10:8: a pipeline that reads from Kafka reads from nothing else; give source 'file' a pipeline of its own",
        ],
    ),
    (
        "kind = \"kafka\"\ntopic = \"log.{class}\"",
        "kind = \"file\"\npath = \"/var/lib/sluis/out\"",
        &["16:8: sink 'analytics' beside sources on Kafka is not in this version; write kind = \"kafka\""],
    ),
    (
        "kind = \"kafka\"\ntopics = [\"raw.nginx\"]",
        "kind = \"file\"\npath = \"/var/log/a\"",
        &[
            "16:8: sink 'analytics' on Kafka without a source on Kafka is not in this version; write kind = \"file\"",
        ],
    ),
    (
        "[source.nginx]",
        "[source.two]\nkind = \"kafka\"\ntopics = [\"raw.nginx\"]\nformat = \"common\"\nclass = \"web\"\n\n[source.nginx]",
        &[
            "17:11: sources 'two' and 'nginx' both read 'raw.nginx'; a topic has one source, which says what its records are",
        ],
    ),
    (
        "[source.nginx]",
        "[source.two]\nkind = \"kafka\"\ntopics = ['^raw']\nformat = \"common\"\nclass = \"web\"\n\n[source.nginx]",
        &[
            "17:11: sources 'two' and 'nginx' both read 'raw.nginx'; a topic has one source, which says what its records are",
        ],
    ),
    (
        "recipient = \"operations team\"",
        "recipient = \"operations team\"\n\n[sink.two]\nkind = \"kafka\"\ntopic = \"log.web\"\nclasses = [\"web\"]\npurpose = \"security\"\nlocation = \"NL\"\nrecipient = \"support\"",
        &["25:9: sink 'analytics' and sink 'two' both write to 'log.web'; give each a topic of its own"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\", \"log.web\"]",
        &[
            "17:9: sink 'analytics' writes to 'log.web', which source 'nginx' reads ('log.web'); give it another name",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = ['^(raw|log)']",
        &[
            "17:9: sink 'analytics' writes to 'log.web', which source 'nginx' reads ('^(raw|log)'); give it another name",
            "17:9: sink 'analytics' writes to 'log.registration', which source 'nginx' reads ('^(raw|log)'); give it another name",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nlate_topic = \"log.{class}\"",
        &[
            "12:14: sink 'analytics' and source 'nginx' (late records) both write to 'log.web'; give each a topic of its own",
            "12:14: sink 'analytics' and source 'nginx' (late records) both write to 'log.registration'; give each a topic of its own",
        ],
    ),
    (
        "recipient = \"operations team\"",
        "recipient = \"operations team\"\n\n[quarantine]\nrecipients = []\ntopic = \"log.web\"",
        &["25:9: sink 'analytics' and the quarantine both write to 'log.web'; give each a topic of its own"],
    ),
    (
        "recipient = \"operations team\"",
        "recipient = \"operations team\"\n\n[quarantine]\nrecipients = []\npath = \"q\"",
        &[
            "25:8: a directory as quarantine of sources on Kafka is not in this version; write 'topic' instead of 'path'",
        ],
    ),
    (
        "recipient = \"operations team\"",
        "recipient = \"operations team\"\n\n[quarantine]\nrecipients = []\ntopic = \"q.{class}\"",
        &["25:9: 'q.{class}' is no name of a topic; use letters, digits, '.', '_' and '-'"],
    ),
];
