//! What can be wrong with a policy, one slip or contradiction each, applied to the fixture of the parent module.

/// One slip in each section: `(old, new, the problem)`.
pub(super) const SLIPS: &[(&str, &str, &str)] = &[
    (
        "[output.statistics]",
        "[ouput.statistics]",
        "29:2: unknown key 'ouput' in the file; did you mean 'output'?",
    ),
    ("contact =", "contacts =", "5:1: unknown key 'contacts' in [policy]; did you mean 'contact'?"),
    ("epoch =", "epoche =", "9:1: unknown key 'epoche' in [domain.meeting]; did you mean 'epoch'?"),
    (
        "domain = \"meeting\"",
        "domian = \"meeting\"",
        "13:1: unknown key 'domian' in [class.web]; did you mean 'domain'?",
    ),
    (
        "\"time\" = \"keep\"",
        "\"tiem\" = \"keep\"",
        "25:1: unknown field 'tiem'; did you mean 'time'? (a field of your own needs a name less alike)",
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.path\" = \"scrup\"",
        "27:14: unknown treatment 'scrup'; did you mean 'scrub'?",
    ),
    (
        "truncate =",
        "truncat =",
        "26:46: unknown key 'truncat' in the treatment of 'client.address'; did you mean 'truncate'?",
    ),
    ("v6 = 40", "v8 = 40", "26:68: unknown key 'v8' in truncate of 'client.address'; did you mean 'v4'?"),
    ("= \"token\"", "= \"tokn\"", "26:37: unknown form of a pseudonym 'tokn'; did you mean 'token'?"),
    (
        "fields = [\"time\"",
        "field = [\"time\"",
        "30:1: unknown key 'field' in [output.statistics]; did you mean 'fields'?",
    ),
    ("= \"meeting\"", "= \"meetng\"", "13:10: unknown domain 'meetng'; did you mean 'meeting'?"),
];

/// One contradiction or shortcoming each: `(old, new, every problem)`.
pub(super) const FAULTS: &[(&str, &str, &[&str])] = &[
    (
        "retention = \"14d\"\n",
        "",
        &["11:8: missing 'retention' in [class.web]; say how long a record may live, such as \"14d\""],
    ),
    (
        "\"14d\"",
        "14",
        &["12:13: 'retention' must be a duration in quotes, such as \"24h\"; this is a whole number"],
    ),
    (
        "\"14d\"",
        "\"14 days\"",
        &["12:13: 'retention' has the unknown unit 'days'; write s, m (minutes), h, d, w or y"],
    ),
    ("\"14d\"", "\"0s\"", &["12:13: retention of nothing; write a length, or no class at all"]),
    (
        "purposes = [\"security\", \"fault analysis\"]",
        "purposes = []",
        &["14:12: 'purposes' is empty; state at least one"],
    ),
    (
        "purposes = [\"security\", \"fault analysis\"]\n",
        "",
        &["11:8: missing 'purposes' in [class.web]; say what its records are for"],
    ),
    (
        "[\"security\", \"fault analysis\"]",
        "[\"security\", 7]",
        &["14:25: 'purposes' must be a list of texts in quotes; this is a whole number"],
    ),
    (
        "epoch = \"1d\"",
        "epoch = \"30d\"",
        &[
            "9:9: epoch of domain 'meeting' is 30d, longer than every retention in it (14d); write epoch = \"14d\" or less in [domain.meeting]",
        ],
    ),
    (
        "\"24h\"",
        "\"1h\"",
        &[
            "19:13: epoch of domain 'registration' is 1d (the default), longer than every retention in it (1h); write epoch = \"1h\" or less in [domain.registration]",
        ],
    ),
    ("epoch = \"1d\"", "epoch = \"1s\"", &["9:9: epoch of less than a minute; write at least \"60s\""]),
    (
        "purposes = [\"security\"]",
        "domain = \"web\"\npurposes = [\"security\"]",
        &["20:10: unknown domain 'web'; declare it: [domain.web]"],
    ),
    (
        "domain = \"meeting\"",
        "domain = \"registration\"",
        &[
            "13:10: domain 'registration' is class 'registration's own; write domain = \"registration\" in [class.registration] too, if records of both may be linked",
        ],
    ),
    (
        "[class.web]",
        "[class.Web]",
        &["11:8: 'Web' cannot name a class; use lower-case letters, digits, '-' and '_'"],
    ),
    ("name = \"test\"", "name = \"\"", &["2:8: 'name' is empty; write it out"]),
    (
        "locations = [\"NL\", \"EU\"]",
        "locations = \"NL\"",
        &["6:13: 'locations' must be a list, such as [\"…\"]; this is a text"],
    ),
    (
        "locations",
        "own_networks = [\"10.0.0.0\", \"10.0.0.1/8\", \"x\", \"::/0\"]\nlocations",
        &[
            "6:29: network '10.0.0.1/8' has bits beyond its prefix; did you mean '10.0.0.0/8'?",
            "6:43: 'x' is no network; write address/bits, such as \"10.0.0.0/8\"",
            "6:48: network '::/0' is nobody's own; write at least /16",
        ],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.path\" = \"keep\"",
        &["27:14: 'keep' does not suit 'url.path', a path; scrub, template or drop it"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"user.name\" = \"keep\"",
        &["27:15: 'keep' does not suit 'user.name', a user name; pseudonymise or drop it"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"network.peer.address\" = \"keep\"",
        &[
            "27:26: 'keep' does not suit 'network.peer.address', an address; pseudonymise, truncate or drop it",
        ],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"user.name\" = { pseudonymise = \"address\" }",
        &[
            "27:32: 'pseudonymise = \"address\"' does not suit 'user.name', a user name; pseudonymise or drop it",
        ],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"message\" = \"truncate\"",
        &["27:13: 'truncate' does not suit 'message', free text; scrub or drop it"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"message\" = { template = [\"/a\"] }",
        &["27:13: 'template' does not suit 'message', free text; scrub or drop it"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.path\" = { keep_parameters = [\"a\"] }",
        &["27:14: 'keep_parameters' does not suit 'url.path', a path; scrub, template or drop it"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"http.request.header.x-foo\" = \"keep\"",
        &[
            "27:31: 'keep' does not suit 'http.request.header.x-foo', which can hold anything; scrub, pseudonymise or drop it",
        ],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"*\" = \"keep\"",
        &["27:1: '*' is a wildcard, and there is none; name each field"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"sluis.class\" = \"drop\"",
        &["27:1: 'sluis.class' is a name that Sluis gives itself; choose another"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"URL.path\" = \"scrub\"",
        &["27:1: 'URL.path' is no field name; did you mean 'url.path'?"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "url.path = \"scrub\"",
        &["27:1: field name without quotes in [fields]; write \"url.path\" in quotes"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.path\" = 7",
        &[
            "27:14: 'url.path' must be a treatment: a word such as \"drop\", or a table { … }; this is a whole number",
        ],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.path\" = {}",
        &["27:14: no treatment of 'url.path'; write one, or \"drop\""],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.path\" = { template = [\"{a}\", \"/a{b}\"], else = \"keep\" }",
        &[
            "27:28: a template begins with '/'; write \"/{conference.name}\"",
            "27:35: a segment of a template is a word or one {field}; split it at '/'",
            "27:52: unknown word for 'else' 'keep'; known are: drop, scrub",
        ],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.path\" = { keep_prefixes = [\"/\"] }",
        &["27:33: a prefix begins with '/' and names something; for all paths write else = \"scrub\""],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.path\" = { else = \"scrub\" }",
        &["27:23: 'else' without 'template' or 'keep_prefixes'; write one of these too"],
    ),
    (
        "\"url.path\" = \"scrub\"",
        "\"url.query\" = { keep_parameters = [\"*\", \"a\"], name_parameters = { a = \"user.name\" } }",
        &[
            "27:36: a parameter has a name, and there is no wildcard; name each parameter",
            "27:67: parameter 'a' is kept and named; leave it out of keep_parameters",
        ],
    ),
    (
        ", as = \"client.network\"",
        "",
        &[
            "26:57: two outputs of 'client.address' under one name; name the network: truncate = { …, as = \"client.network\" }",
        ],
    ),
    (
        "as = \"client.network\"",
        "as = \"user.name\"",
        &["26:82: 'as' names the field 'user.name'; choose a name of its own"],
    ),
    ("v4 = 24", "v4 = 32", &["26:64: 'v4' leaves nothing to cut off; write less than 32"]),
    (
        "\"url.path\" = \"scrub\"",
        "\"network.peer.address\" = { truncate = { as = \"client.network\" } }",
        &[
            "27:1: 'network.peer.address' and 'client.address' both leave class 'web' as 'client.network'; give one another name",
            "27:1: 'network.peer.address' and 'client.address' both leave class 'registration' as 'client.network'; give one another name",
        ],
    ),
    (
        "[fields]",
        "[variables]\n\"$a-b\" = \"client.address\"\n\"%{X}\" = \"client.adress\"\n\n[fields]",
        &[
            "25:1: '$a-b' is no variable; a variable of nginx is written \"$name\"",
            "26:1: '%{X}' is no variable; a directive of Apache is written \"%{Name}i\"",
            "26:10: unknown field 'client.adress'; did you mean 'client.address'? (a field of your own needs a name less alike)",
        ],
    ),
    (
        "purposes = [\"fault analysis\"]\n",
        "",
        &["29:9: missing 'purposes' in [output.statistics]; say what it is for"],
    ),
];

/// What a later version brings: `(old, new, the problem)`.
pub(super) const LATER: &[(&str, &str, &str)] = &[
    ("\"url.path\" = \"scrub\"", "\"network.peer.address\" = \"prefix\"", "27:26: treatment 'prefix'"),
    ("\"url.path\" = \"scrub\"", "\"network.peer.address\" = { prefix = true }", "27:28: 'prefix'"),
    ("\"url.path\" = \"scrub\"", "\"network.peer.address\" = \"country\"", "27:26: treatment 'country'"),
    (
        "\"url.path\" = \"scrub\"",
        "\"network.peer.address\" = \"generalise\"",
        "27:26: 'generalise' of 'network.peer.address' (an address to its country)",
    ),
    ("retention = \"14d\"", "retention = \"14d\"\nopt_out = [\"dnt\"]", "13:1: 'opt_out'"),
];
