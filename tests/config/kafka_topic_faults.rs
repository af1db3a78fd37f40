//! What can be wrong with sources and sinks on Kafka, one slip or contradiction each, applied to the fixture of `kafka`.

/// `(old, new, every problem)`.
pub(super) const FAULTS: &[(&str, &str, &[&str])] = &[
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
        "topics = [\"raw.nginx\"]\nheaders = {}",
        &["12:1: 'headers' names none; leave it out"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nkey = \"time\"\nheaders = { \"Sluis.Policy\" = \"client.address\", \"a b\" = \"client.address\", \"x\" = \"client.adress\" }",
        &[
            "12:7: the key cannot be 'time': the time of a record is in the record; name another field",
            "13:13: 'Sluis.Policy' cannot be a header that is carried over; such names are of Sluis itself, and never taken over from an input; choose another",
            "13:48: 'a b' cannot be a header that is carried over; use 1 to 128 printable characters of ASCII, without spaces",
            "13:80: unknown field 'client.adress'; did you mean 'client.address'? (a field of your own needs a name less alike)",
        ],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nheaders = { x.y = \"client.address\" }",
        &["12:13: header 'x' without quotes; write \"x.…\" in quotes"],
    ),
    (
        "topics = [\"raw.nginx\"]",
        "topics = [\"raw.nginx\"]\nheaders = { \"x-mac\" = \"client.mac\" }",
        &[
            "12:23: header 'x-mac' of source 'nginx' is 'client.mac', which no class and output of its sinks lets leave; let the policy say what is done to it, or leave it out",
        ],
    ),
    (
        "class = [{ when = { \"url.path\" = \"/register\" }, is = \"registration\" }, { is = \"web\" }]\n\n[sink.analytics]\nkind = \"kafka\"",
        "class = [{ when = { \"url.path\" = \"/register\" }, is = \"registration\" }, { is = \"web\" }]\nheaders = { \"x\" = \"client.address\" }\n\n[sink.analytics]\nkind = \"kafka\"\npack = \"64KiB\"",
        &[
            "14:19: sink 'analytics' packs records of several messages into one, and each has a key and headers of its own; leave 'pack' of the sink out, or 'key' and 'headers' of source 'nginx'",
        ],
    ),
    (
        "class = [{ when = { \"url.path\" = \"/register\" }, is = \"registration\" }, { is = \"web\" }]\n\n[sink.analytics]\nkind = \"kafka\"",
        "class = [{ when = { \"url.path\" = \"/register\" }, is = \"registration\" }, { is = \"web\" }]\nkey = \"client.address\"\n\n[sink.analytics]\nkind = \"kafka\"\nkey = \"client.address\"",
        &[
            "14:7: a message has one key: sink 'analytics' takes it from the column 'client.address', source 'nginx' from its input; leave one of them out",
        ],
    ),
    (
        "topic = \"log.{class}\"",
        "topic = \"log.{class}\"\nkey = \"client.address\"\npack = \"64KiB\"\nemit = \"same\"",
        &[
            "18:7: a key is a column, and emit = \"same\" has none; write emit = \"ndjson\", or leave 'key' out",
            "19:8: records that share a message would share its key; leave 'pack' or 'key' out",
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
        "batch_bytes = \"1 MiB\"\nstate =",
        &[
            "3:15: a pipeline that reads from Kafka takes what the client has fetched; write 'in_flight_bytes' in [kafka]",
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
        "recipient = \"operations team\"",
        "recipient = \"operations team\"\n\n[sink.files]\nkind = \"file\"\npath = \"/var/lib/sluis/out\"\nclasses = [\"web\"]\npurpose = \"security\"\nlocation = \"NL\"\nrecipient = \"support\"",
        &[
            "24:8: sink 'files' beside sink 'analytics', which is on Kafka: sinks of a pipeline are all topics or none is, since each has its own way to be sure; give 'files' a pipeline of its own",
        ],
    ),
    (
        "kind = \"kafka\"\ntopics = [\"raw.nginx\"]",
        "kind = \"file\"\npath = \"/var/log/a\"",
        &["7:9: 'group' is for reading from Kafka, and no source does; leave it out"],
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
        "topics = [\"log_web\"]",
        &["17:9: Kafka keeps no 'log.web' beside 'log_web': '.' and '_' are one in its metrics; rename one"],
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
        &["25:8: between topics the quarantine is one, too; write 'topic' instead of 'path'"],
    ),
    (
        "recipient = \"operations team\"",
        "recipient = \"operations team\"\n\n[quarantine]\nrecipients = []\ntopic = \"q.{class}\"",
        &["25:9: 'q.{class}' is no name of a topic; use letters, digits, '.', '_' and '-'"],
    ),
];
