//! What can be wrong with a pipeline, one slip or contradiction each, applied to the fixture of the parent module.

/// One slip, contradiction or shortcoming each: `(old, new, every problem)`.
pub(super) const FAULTS: &[(&str, &str, &[&str])] = &[
    (
        "state =",
        "stat =",
        &[
            "3:1: unknown key 'stat' in the file; did you mean 'state'?",
            "12:7: sink 'analytics' stores records, but the pipeline has no place for its journal; write state = \"/var/lib/sluis/NAME\"",
            "21:7: sink 'registration' stores records, but the pipeline has no place for its journal; write state = \"/var/lib/sluis/NAME\"",
        ],
    ),
    (
        "max_lateness",
        "max_latenes",
        &["10:1: unknown key 'max_latenes' in [source.nginx]; did you mean 'max_lateness'?"],
    ),
    ("output =", "outputs =", &["16:1: unknown key 'outputs' in [sink.analytics]; did you mean 'output'?"]),
    ("when =", "wen =", &["9:12: unknown key 'wen' in a rule of 'class'; did you mean 'when'?"]),
    (
        "policy/test.toml",
        "test.toml",
        &["1:10: policy file 'etc/test.toml' does not exist; a relative path starts at the pipeline file"],
    ),
    (
        "policy = \"policy/test.toml\"\n",
        "",
        &["1:1: missing 'policy' in the file; name the policy file, such as policy = \"policy/web.toml\""],
    ),
    (
        "keys = \"/var/lib/sluis/keys\"\n",
        "",
        &[
            "1:10: missing 'keys'; class 'web' pseudonymises 'client.address': make a keyring with 'sluis keys init' and name its directory",
        ],
    ),
    ("state =", "threads = 0\nstate =", &["3:11: 'threads' is out of bounds; write 1 to 512"]),
    (
        "state =",
        "batch_bytes = \"1 TiB\"\nstate =",
        &["3:15: 'batch_bytes' has an unknown unit; write B, KiB, MiB or GiB"],
    ),
    (
        "path = \"/var/log/nginx/access.log\"\n",
        "",
        &["5:9: missing 'path' in [source.nginx]; a file has one"],
    ),
    (
        "path = \"/var/log/nginx/access.log\"",
        "path = \"/var/log/***.log\"",
        &[
            "7:8: 'path' is no pattern: wildcards are either regular `*` or recursive `**`; write '[*]' for a star itself",
        ],
    ),
    (
        "kind = \"file\"\npath = \"/var/log",
        "kind = \"stdin\"\npath = \"/var/log",
        &["7:8: [source.nginx] reads standard input; leave 'path' out, or write kind = \"file\""],
    ),
    (
        "\"combined\"",
        "\"auto\"",
        &[
            "8:10: format 'auto' is decided by the input, and a pipeline says what leaves before it has read any; 'sluis filter --format auto FILE' tells the format: write it here, one of common, combined, vhost_combined, nginx, apache, nginx-error, apache-error, json, jvb, jicofo, jigasi, jibri, prosody, coturn, text",
        ],
    ),
    ("\"combined\"", "\"combind\"", &["8:10: unknown format 'combind'; did you mean 'combined'?"]),
    (
        "\"combined\"",
        "\"nginx\"",
        &[
            "8:10: format 'nginx' needs the string of the server's log_format; write { nginx = '$remote_addr …' }",
        ],
    ),
    ("\"combined\"", "{ ngnix = '$a' }", &["8:12: unknown key 'ngnix' in 'format'; did you mean 'nginx'?"]),
    (
        "\"combined\"",
        "{ nginx = '$a', apache = '%h' }",
        &["8:1: a format is one; write format = { nginx = '…' } with one key"],
    ),
    (
        "\"combined\"",
        "{ json = { \"req.ip\" = \"client.adress\" } }",
        &[
            "8:32: unknown field 'client.adress'; did you mean 'client.address'? (a field of your own needs a name less alike)",
        ],
    ),
    (
        "\"combined\"",
        "{ json = { req.ip = \"client.address\" } }",
        &["8:21: key 'req' without quotes; write \"req.…\" in quotes"],
    ),
    (
        "\"combined\"",
        "\"nginx-error\"",
        &[
            "8:10: time zone missing for zoneless logs ('nginx-error'); write time_zone = \"Europe/Amsterdam\" or the server's own",
        ],
    ),
    (
        "max_lateness",
        "time_zone = \"Europe/Amsterdm\"\nmax_lateness",
        &[
            "10:13: unknown time zone 'Europe/Amsterdm'; write an IANA name such as \"Europe/Amsterdam\" or \"UTC\"",
        ],
    ),
    ("is = \"web\"", "is = \"wed\"", &["9:79: unknown class 'wed'; did you mean 'web'?"]),
    (
        "{ \"url.path\" = \"/register\" }",
        "{ url.path = \"/register\" }",
        &["9:21: field name without quotes in 'when'; write \"url.path\" in quotes"],
    ),
    (
        "{ \"url.path\" = \"/register\" }",
        "{}",
        &["9:19: an empty 'when' matches everything; name a field, or leave 'when' out"],
    ),
    (
        "{ \"url.path\" = \"/register\" }",
        "{ \"url.paht\" = 1 }",
        &[
            "9:21: unknown field 'url.paht'; did you mean 'url.path'? (a field of your own needs a name less alike)",
        ],
    ),
    (
        "max_lateness = \"3h\"",
        "max_lateness = \"24h\"",
        &[
            "10:16: a record can be 1d 1h 2s old when sink 'registration' has it, and class 'registration' lives 1d; lower 'max_lateness'",
        ],
    ),
    (
        "recipient = \"support\"",
        "recipient = \"support\"\npart_secs_max = 86400",
        &[
            "28:17: a record can be 1d 3h 2s old when sink 'registration' has it, and class 'registration' lives 1d; lower 'part_secs_max'",
        ],
    ),
    ("classes = [\"web\"]", "classes = []", &["15:11: 'classes' is empty; name the classes it takes"]),
    (
        "classes = [\"web\"]",
        "classes = [\"web\", \"web\"]",
        &["15:19: class 'web' stands twice in 'classes'; remove one"],
    ),
    (
        "output = \"statistics\"",
        "output = \"statistic\"",
        &["16:10: unknown output 'statistic'; did you mean 'statistics'?"],
    ),
    (
        "purpose = \"fault analysis\"",
        "purpose = \"marketing\"",
        &[
            "17:11: purpose 'marketing' is none of class 'web'; allowed are: security, fault analysis",
            "17:11: purpose 'marketing' is none of output 'statistics'; allowed are: fault analysis",
        ],
    ),
    (
        "purpose = \"fault analysis\"",
        "purpose = \"security\"",
        &["17:11: purpose 'security' is none of output 'statistics'; allowed are: fault analysis"],
    ),
    (
        "location = \"NL\"\nrecipient = \"operations",
        "location = \"US\"\nrecipient = \"operations",
        &["18:12: location 'US' is not in the policy; allowed are: NL, EU"],
    ),
    (
        "location = \"NL\"\nrecipient = \"operations",
        "recipient = \"operations",
        &["12:7: missing 'location' in [sink.analytics]; write one of the policy's locations"],
    ),
    (
        "/var/lib/sluis/registration",
        "/var/lib/./sluis/analytics/",
        &[
            "23:8: the path of sink 'registration' and that of sink 'analytics' lie in one another; give it a directory of its own",
        ],
    ),
    (
        "/var/lib/sluis/registration",
        "/var/lib/sluis/keys/out",
        &[
            "23:8: the path of sink 'registration' and that of the keys lie in one another; give it a directory of its own",
        ],
    ),
    (
        "/var/lib/sluis/registration",
        "/var/log/nginx/access.log",
        &["23:8: sink 'registration' writes where a source reads; give it a directory of its own"],
    ),
    (
        "recipient = \"support\"",
        "recipient = \"support\"\nemit = \"json\"",
        &["28:8: unknown value of 'emit' 'json'; known are: ndjson, same"],
    ),
];
