//! Which format fits which file of the corpus.
//!
//! *In*: nothing. *Out*: [`ENTRIES`]: for every file under `corpus/web` the parts it consists of, each a format of the
//! program and a regular expression for the lines that belong to it. *Promised*: a file that no entry names fails the run,
//! and so does a line that is neither in a part nor among the file's known foreign lines. *Not here*: running (`mod`).
//!
//! The expressions are the judge's own reading of a line, looser than a parser: they tell apart what a mixed file mixes, and
//! their groups say what the record's structure names: `client`, `ident`, `user` (to be treated), `infra…` (our own side)
//! and `maybe…` (a name inside a message): these may be treated or not. A foreign line is in no part; of the parts, the
//! first that matches has the line.

/// A format as the command line names it.
pub enum Format {
    /// A preset or built-in format.
    Named(&'static str),
    /// nginx `log_format`, with the user's classification of variables that the field table lacks.
    Nginx(&'static str, &'static [&'static str]),
    /// Apache `LogFormat`, likewise.
    Apache(&'static str, &'static [&'static str]),
}

/// Lines of a file that share a format.
pub struct Part {
    /// The format.
    pub format: Format,
    /// The lines: a regular expression, bytes, `(?-u)`. `.` takes every line.
    pub lines: &'static str,
}

/// Files and what they consist of.
pub struct Entry {
    /// Paths below `corpus/web`; `*` stands for anything.
    pub files: &'static [&'static str],
    /// The parts, first match first.
    pub parts: &'static [Part],
    /// Lines that belong to nothing: comments of the collection, blanks, samples of other programs.
    pub foreign: &'static str,
}

const fn named(format: &'static str, lines: &'static str) -> Part {
    Part { format: Format::Named(format), lines }
}

const fn nginx(format: &'static str, maps: &'static [&'static str], lines: &'static str) -> Part {
    Part { format: Format::Nginx(format, maps), lines }
}

const fn apache(format: &'static str, maps: &'static [&'static str], lines: &'static str) -> Part {
    Part { format: Format::Apache(format, maps), lines }
}

const fn text(lines: &'static str) -> Part {
    Part { format: Format::Named("text"), lines }
}

/// A quoted value with escapes, and the common beginning of access lines.
macro_rules! q {
    () => {
        r#""(?:[^"\\]|\\.)*""#
    };
}
macro_rules! head {
    () => {
        r"(?P<client>\S+) (?P<ident>\S+) (?P<user>.+?) \[[^\]]+\]"
    };
}
macro_rules! common {
    () => {
        concat!(head!(), " ", q!(), r" (?:\d{3}|-) (?:\d+|-)")
    };
}

const COMMON: &str = concat!("^", common!(), "$");
const COMBINED: &str = concat!("^", common!(), " ", q!(), " ", q!(), "$");
const COMBINED_X: &str = concat!("^", common!(), " ", q!(), " ", q!(), " ", q!(), "$");
const VHOST_PORT: &str = concat!(r"^(?P<infra>[^\s:]+):\d+ ", common!(), " ", q!(), " ", q!(), "$");
const VHOST_PORT_TIMED: &str =
    concat!(r"^(?P<infra>[^\s:]+):\d+ ", common!(), " ", q!(), " ", q!(), r" \d+$");
const VHOST: &str = concat!(r"^(?P<infra>[A-Za-z][^\s:]+) ", common!(), " ", q!(), " ", q!(), "$");
const VHOST_COMMON: &str = concat!(r"^(?P<infra>[A-Za-z][^\s:]+) ", common!(), "$");
const COMBINED_TIMED: &str = concat!("^", common!(), " ", q!(), " ", q!(), r" \d+$");
const GANDI: &str =
    concat!(r"^(?P<infra>[A-Za-z]\S+) ", head!(), r" \(\d+ s\) ", q!(), r" \d{3} \d+ ", q!(), " ", q!(), "$");
const OVH: &str = concat!(
    r"^(?P<client>\S+) (?P<infra>\S+) (?P<user>\S+) \[[^\]]+\] ",
    q!(),
    r" \d{3} \d+ ",
    q!(),
    " ",
    q!(),
    "$"
);
const INGRESS: &str = concat!(
    "^",
    common!(),
    " ",
    q!(),
    " ",
    q!(),
    r" \d+ [\d.]+ \[(?P<infra1>[^\]]*)\] \[(?P<infra2>[^\]]*)\] (?P<infra3>\S+) \S+ \S+ \S+ [0-9a-f]{32}$"
);
const TRAEFIK: &str = concat!("^", common!(), " ", q!(), " ", q!(), r" \d+ ", q!(), " ", q!(), r" \d+ms\r?$");
const GOOGLEBOT: &str = concat!(
    r"^(?P<client>\S+) - (?P<ident>\S+) (?P<user>\S+) \[[^\]]+ \] (?P<infra>\S+) ",
    q!(),
    r" \d{3} \d+ ",
    q!(),
    " ",
    q!(),
    r" [-+X] \d+ \d+ \d+$"
);
const CSV: &str = concat!(
    r"^(?P<infra>[^,]+),\d+,(?P<client>[^,]+),(?P<ident>[^,]+),(?P<user>[^,]+),\[[^\]]+\],",
    r"\d+,\d+,\d+,(?:\d+|-),\d+,\d+,(?:\d+|-),(?:\d{3}|-),",
    q!(),
    ",",
    q!(),
    ",",
    q!(),
    ",",
    q!(),
    ",",
    q!(),
    ",",
    q!(),
    ",",
    q!(),
    r",\S+$"
);
const NETNEA: &str = concat!(
    "^",
    r"(?P<client>\S+) \S+ (?P<user>\S+) \[[^\]]+\] ",
    q!(),
    r" (?:\d{3}|-) (?:\d+|-) ",
    q!(),
    " ",
    q!(),
    r" (?P<infra1>\S+) (?P<infra2>\S+) \d+ \S+ \S+ [-+X] ",
    q!(),
    r" \S+ \S+ \S+ \d+ \d+ \S+% \d+ \S+ \S+ \S+ \S+ \S+$"
);
const APACHE_ERROR: &str = r#"^\[\w{3} \w{3} [^\]]*\d{4}\] \[[\w:]+\] (?:\[pid|\[client|[A-Z(])(?:.*?\buser [`"']?(?P<maybe>[^'":\s]+))?"#;
const NGINX_ERROR: &str = concat!(
    r#"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+: (?:.*?user ["'](?P<maybe>[^"']*)["'])?"#,
    r"(?:.*?, client: (?P<client>[^,]+), server: (?P<infra1>[^,]*)",
    r#"(?:.*?, upstream: (?P<infra2>"[^"]*"))?(?:.*?, host: (?P<infra3>"[^"]*"))?)?"#
);
const JSON: &str = r"^\s*\{.*\}\s*$";
const COMMENTS: &str = r"^(?:#|\s*$)";

const LF_COMBINED_X: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#;
const LF_INGRESS: &str = concat!(
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
    " $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr",
    " $upstream_response_length $upstream_response_time $upstream_status $req_id"
);
const MAP_INGRESS: &[&str] =
    &["$proxy_upstream_name=module.name", "$proxy_alternative_upstream_name=module.name", "$req_id=message"];
const LF_TRAEFIK: &str = concat!(
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
    r#" $connection_requests "$frontend_name" "$backend_url" ${request_time}ms"#
);
const MAP_TRAEFIK: &[&str] =
    &["$connection_requests=message", "$frontend_name=message", "$backend_url=message"];
const LF_NETNEA: &str = concat!(
    r#"%h %{GEOIP_COUNTRY_CODE}e %u [%{%Y-%m-%d %H:%M:%S}t.%{usec_frac}t] "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#" %v %A %p %R %{BALANCER_WORKER_ROUTE}e %X "%{cookie}n" %{UNIQUE_ID}e %{SSL_PROTOCOL}x %{SSL_CIPHER}x %I %O"#,
    r" %{ratio}n%% %D %{ModSecTimeIn}e %{ApplicationTime}e %{ModSecTimeOut}e %{ModSecAnomalyScoreIn}e",
    r" %{ModSecAnomalyScoreOut}e"
);
const MAP_NETNEA: &[&str] = &[
    "%{GEOIP_COUNTRY_CODE}e=message",
    "%A=message",
    "%R=message",
    "%X=message",
    "%{BALANCER_WORKER_ROUTE}e=message",
    "%{cookie}n=message",
    "%{UNIQUE_ID}e=message",
    "%{ratio}n=message",
    "%{ModSecTimeIn}e=message",
    "%{ApplicationTime}e=message",
    "%{ModSecTimeOut}e=message",
    "%{ModSecAnomalyScoreIn}e=message",
    "%{ModSecAnomalyScoreOut}e=message",
];
const LF_CSV: &str = concat!(
    r#"%v,%p,%h,%l,%u,%t,%I,%O,%S,%B,%{ms}T,%D,%^FB,%>s,"%H","%m","%U","%q","%{Referer}i","%{User-Agent}i","#,
    r#""%{farmwork.app}C",%L"#
);
const MAP_CSV: &[&str] = &["%S=message", "%^FB=message", "%L=message", "%{farmwork.app}C=message"];
const LF_VHOST: &str = r#"%v %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;

const ERROR_OR_SYSLOG: &[Part] =
    &[named("apache-error", APACHE_ERROR), text(r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ")];
const NGINX_MIXED: &[Part] =
    &[named("nginx-error", NGINX_ERROR), nginx(LF_COMBINED_X, &[], COMBINED_X), text(r"^host nginx\[")];

/// The table.
pub const ENTRIES: &[Entry] = &[
    Entry {
        files: &["netnea-tutorials/tutorial-5/*access.log", "netnea-tutorials/tutorial-8/*access.log"],
        parts: &[apache(LF_NETNEA, MAP_NETNEA, NETNEA)],
        foreign: "$^",
    },
    // A site's own ErrorLogFormat, which no built-in format claims to read.
    Entry { files: &["netnea-tutorials/tutorial-8/*error*"], parts: &[text(".")], foreign: "$^" },
    Entry {
        files: &["willthefarmer-apache/apache_combined/*", "matomo-log-analytics/ncsa_extended.log"],
        parts: &[named("combined", COMBINED)],
        foreign: "$^",
    },
    // One line lost its final quote.
    Entry {
        files: &["elastic-examples/*"],
        parts: &[named("combined", COMBINED)],
        foreign: r#"^46\.118\.127\.106 [^"]*"[^"]*" 200 235 "-" "[^"]*bot\.html$"#,
    },
    Entry {
        files: &["matomo-log-analytics/logs_to_tests.log"],
        parts: &[named("combined", COMBINED)],
        foreign: COMMENTS,
    },
    Entry {
        files: &["matomo-log-analytics/common_complete.log", "matomo-log-analytics/common_encoding_big5.log"],
        parts: &[apache(LF_VHOST, &[], VHOST)],
        foreign: "$^",
    },
    Entry {
        files: &["matomo-log-analytics/static_ignores.log"],
        parts: &[apache(LF_VHOST, &[], VHOST)],
        foreign: COMMENTS,
    },
    Entry { files: &["matomo-log-analytics/common.log"], parts: &[named("common", COMMON)], foreign: "$^" },
    Entry {
        files: &["matomo-log-analytics/common_vhost.log"],
        parts: &[apache(r#"%v %h %l %u %t "%r" %>s %b"#, &[], VHOST_COMMON)],
        foreign: "$^",
    },
    Entry {
        files: &["matomo-log-analytics/custom_regex_custom_date.log"],
        parts: &[apache(r#"%h %l %u [%{%B - %d, %Y:%H:%M:%S}t] "%r" %>s %b"#, &[], COMMON)],
        foreign: "$^",
    },
    Entry {
        files: &["matomo-log-analytics/gandi.log"],
        parts: &[apache(r#"%v %h %l %u %t (%T s) "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#, &[], GANDI)],
        foreign: "$^",
    },
    Entry {
        files: &["matomo-log-analytics/icecast2.log"],
        parts: &[apache(r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %T"#, &[], COMBINED_TIMED)],
        foreign: "$^",
    },
    Entry {
        files: &["matomo-log-analytics/ovh.log"],
        parts: &[apache(r#"%h %v %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#, &[], OVH)],
        foreign: "$^",
    },
    Entry {
        files: &[
            "matomo-log-analytics/*_json.log",
            "nginx-json-docs/*",
            "lnav/logfile_caddy_log.1",
            "lnav/logfile_cloudflare.*",
            "lnav/logfile_nextcloud.0",
        ],
        parts: &[named("json", JSON)],
        foreign: COMMENTS,
    },
    // Load balancers, IIS, W3C extended and streaming servers: no format of this version, so free text.
    Entry { files: &["matomo-log-analytics/*"], parts: &[text(".")], foreign: "^$" },
    Entry { files: &["vrl/*.json", "vrl/parse_aws_alb_log.txt"], parts: &[text(".")], foreign: "^$" },
    Entry {
        files: &["vrl/parse_apache_log.txt", "vrl/parse_common_log.txt"],
        // The last part: error lines of one's own ErrorLogFormat, with times that Apache's default never writes.
        parts: &[
            named("combined", COMBINED),
            named("common", COMMON),
            text(r"^\[[^\]]+\] \[\w+:\w+\] \[pid"),
        ],
        foreign: r"^(?:- - - \[|\[2021/06/03 09:30:50\] - - - -|not a common log line|.* 84170 - -$)",
    },
    Entry {
        files: &["vrl/parse_nginx_log.txt"],
        parts: &[
            named("nginx-error", NGINX_ERROR),
            nginx(LF_INGRESS, MAP_INGRESS, INGRESS),
            nginx(LF_COMBINED_X, &[], COMBINED_X),
            named("combined", COMBINED),
        ],
        foreign: "$^",
    },
    Entry {
        files: &[
            "fail2ban/apache-auth",
            "fail2ban/apache-botsearch",
            "fail2ban/apache-modsecurity",
            "fail2ban/apache-nohome",
            "fail2ban/apache-noscript",
            "fail2ban/apache-overflows",
            "fail2ban/apache-shellshock",
            "fail2ban/zoneminder",
        ],
        parts: ERROR_OR_SYSLOG,
        foreign: COMMENTS,
    },
    Entry {
        files: &["fail2ban/apache-badbots", "fail2ban/php-url-fopen"],
        parts: &[apache(LF_VHOST, &[], VHOST), named("combined", COMBINED)],
        foreign: COMMENTS,
    },
    Entry {
        files: &["fail2ban/apache-fakegooglebot"],
        parts: &[
            apache(
                r#"%h - %l %u [%{%d/%b/%Y:%H:%M:%S }t] %v "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %X %I %O %D"#,
                &["%X=message"],
                GOOGLEBOT,
            ),
            apache(LF_VHOST, &[], VHOST),
        ],
        foreign: COMMENTS,
    },
    Entry {
        files: &["fail2ban/apache-pass"],
        parts: &[apache(
            r#"%h %l %u [%{%d/%b/%Y:%H:%M:%S}t] "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
            &[],
            COMBINED,
        )],
        foreign: COMMENTS,
    },
    Entry { files: &["fail2ban/nginx-*"], parts: NGINX_MIXED, foreign: COMMENTS },
    Entry {
        files: &["fail2ban/traefik-auth"],
        parts: &[nginx(LF_TRAEFIK, MAP_TRAEFIK, TRAEFIK)],
        foreign: COMMENTS,
    },
    // Applications behind a web server, and a server with a date in French words: free text.
    Entry { files: &["fail2ban/*"], parts: &[text(r"^[^#\s]")], foreign: r"^(?:#|\s*$|\s)" },
    Entry {
        files: &["lnav/logfile_access_log.*", "lnav/playground_access_log"],
        parts: &[named("combined", COMBINED)],
        foreign: "$^",
    },
    Entry {
        files: &["lnav/logfile_bad_access_log.0"],
        parts: &[named("combined", COMBINED)],
        foreign: r"^192\.168\.202\.254 \[20/Jul",
    },
    Entry {
        files: &["lnav/logfile_shop_access_log.0"],
        parts: &[nginx(LF_COMBINED_X, &[], COMBINED_X)],
        foreign: "$^",
    },
    Entry {
        files: &["lnav/logfile_regexp_access_log.0"],
        parts: &[apache(
            r#"%v:%p %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D"#,
            &[],
            VHOST_PORT_TIMED,
        )],
        foreign: "$^",
    },
    Entry { files: &["lnav/*", "elastic-beats/*"], parts: &[text(".")], foreign: "^$" },
    Entry {
        files: &["willthefarmer-apache/apache_csv/*"],
        parts: &[apache(LF_CSV, MAP_CSV, CSV)],
        foreign: "$^",
    },
    Entry {
        files: &["willthefarmer-apache/apache_common/*error*", "willthefarmer-apache/apache_error/*"],
        parts: &[named("apache-error", APACHE_ERROR)],
        foreign: "$^",
    },
    Entry {
        files: &["willthefarmer-apache/apache_common/*"],
        parts: &[named("common", COMMON)],
        foreign: "$^",
    },
    Entry {
        files: &["willthefarmer-apache/apache_vhost/*"],
        parts: &[named("vhost_combined", VHOST_PORT)],
        foreign: "$^",
    },
];

impl Format {
    /// The arguments that choose this format.
    pub fn arguments(&self) -> Vec<&'static str> {
        let (kind, log_format, maps) = match self {
            Self::Named(name) => return vec!["--format", name],
            Self::Nginx(log_format, maps) => ("nginx", *log_format, *maps),
            Self::Apache(log_format, maps) => ("apache", *log_format, *maps),
        };
        let mut arguments = vec!["--format", kind, "--log-format", log_format];
        for map in maps {
            arguments.extend(["--map", map]);
        }
        arguments
    }

    /// The name in tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Named(name) => name,
            Self::Nginx(..) => "nginx",
            Self::Apache(..) => "apache",
        }
    }
}

/// The first entry that names `path`.
pub fn entry(path: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.files.iter().any(|pattern| fits(pattern, path)))
}

/// Shell-like match of `*`.
pub fn fits(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, tail)) => path
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).any(|i| rest.is_char_boundary(i) && fits(tail, &rest[i..]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars() {
        assert!(fits("a/*b", "a/xb") && fits("a*", "a") && fits("*x*", "yxz"));
        assert!(!fits("a/*b", "a/xc") && !fits("a", "ab"));
    }
}
