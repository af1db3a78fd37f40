//! Synthetic records with a canary in one field at a time, for every format.
//!
//! *In*: a [`Shape`]. *Out*: its lines: every canary in every field, texts in many surroundings; at the end lines that fit
//! no format, canaries and all. *Not here*: what must become of them.

use super::canary::{CANARIES, Canary, Where};

/// A format and a template of its records: `{name|default|context}` is a field.
pub struct Shape {
    /// For messages.
    pub name: &'static str,
    /// Arguments that choose the format.
    pub format: &'static [&'static str],
    /// One record; may have several lines.
    template: &'static str,
}

const COMBINED: &str = concat!(
    r#"{client|192.0.2.1|one} {ident|-|one} {user|-|one} [21/Nov/2026:10:00:00 +0000] "{word|GET|one} {text|/a|url}?{text|q=1|url} {word|HTTP/1.1|one}" "#,
    r#"{word|200|one} {word|17|one} "{text|https://example.org/r|any}" "{text|Mozilla/5.0 Firefox/120.0|any}""#
);

/// The formats under test.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "common",
        format: &["--format", "common"],
        template: r#"{client|192.0.2.1|one} {ident|-|one} {user|-|one} [21/Nov/2026:10:00:00 +0000] "GET {text|/a|url} HTTP/1.1" 200 {word|17|one}"#,
    },
    Shape { name: "combined", format: &["--format", "combined"], template: COMBINED },
    Shape {
        name: "vhost_combined",
        format: &["--format", "vhost_combined"],
        template: r#"{host|www.example.org|one}:443 {client|192.0.2.1|one} - {user|-|one} [21/Nov/2026:10:00:00 +0000] "GET {text|/a|url} HTTP/1.1" 200 17 "{text|-|any}" "{text|-|any}""#,
    },
    Shape {
        name: "nginx",
        format: &[
            "--format",
            "nginx",
            "--log-format",
            r#"$remote_addr - $remote_user [$time_local] "$request" $status $request_time "$http_referer" "$http_x_forwarded_for" $upstream_addr $host"#,
        ],
        template: r#"{client|192.0.2.1|one} - {user|-|one} [21/Nov/2026:10:00:00 +0000] "{text|GET / HTTP/1.1|any}" 200 {word|0.001|one} "{text|-|any}" "{client|-|list}" {client|-|one} {host|www.example.org|one}"#,
    },
    Shape {
        name: "nginx escape=json",
        format: &[
            "--format",
            "nginx",
            "--log-format",
            r#"escape=json {"t":"$time_iso8601","a":"$remote_addr","u":"$remote_user","r":"$request_uri","g":"$http_user_agent"}"#,
        ],
        template: r#"{"t":"2026-11-21T10:00:00+00:00","a":"{client|192.0.2.1|one}","u":"{user||one}","r":"{text|/a|url}","g":"{text||any}"}"#,
    },
    Shape {
        name: "apache",
        format: &[
            "--format",
            "apache",
            "--log-format",
            r#"%a %u %{%F %T}t "%r" %>s %D "%{User-Agent}i" %v"#,
            "--time-zone",
            "UTC",
        ],
        template: r#"{client|192.0.2.1|one} {user|-|one} 2026-11-21 10:00:00 "{text|GET / HTTP/1.1|any}" {word|200|one} {word|12|one} "{text|-|any}" {host|www.example.org|one}"#,
    },
    Shape {
        name: "nginx-error",
        format: &["--format", "nginx-error", "--time-zone", "UTC"],
        template: concat!(
            r#"2026/11/21 10:00:00 [error] 7#7: *9 open() "{text|/srv/x|any}" failed (2: {text|No such file|any}), "#,
            r#"client: {client|192.0.2.1|one}, server: {host|example.org|one}, request: "GET {text|/a|url} HTTP/1.1", "#,
            r#"upstream: "http://{text|example.org|one}/u", host: "{host|example.org|one}", referrer: "{text|https://example.org/|any}""#
        ),
    },
    Shape {
        name: "apache-error",
        format: &["--format", "apache-error", "--time-zone", "UTC"],
        template: r"[Sat Nov 21 10:00:00.123456 2026] [core:error] [pid 7:tid 9] [client {client|192.0.2.1:4000|one}] AH00126: Invalid URI in request {text|GET /|any}, referer: {text|https://example.org/|any}",
    },
    Shape {
        name: "json",
        format: &["--format", "json"],
        template: concat!(
            r#"{"time_iso8601":"2026-11-21T10:00:00Z","remote_addr":"{client|192.0.2.1|one}","remote_user":"{user|-|one}","#,
            r#""request_uri":"{text|/a|url}","http_user_agent":"{text|-|any}","status":"{word|200|one}","message":"{text|-|any}","#,
            r#""http_x_forwarded_for":"{client|-|list}","user":{"full_name":"{user|-|one}"},"{text|key|one}":1,"#,
            r#""list":["{text|a|any}",{"deep":"{text|b|any}"}],"remote_addr":"{client|192.0.2.1|one}"}"#
        ),
    },
    Shape {
        name: "jvb",
        format: &["--format", "jvb", "--time-zone", "UTC"],
        template: concat!(
            "JVB 2026-11-21 10:00:00.123 INFO: [44] [confId=1 stats_id={user|-|one} componentId=1] Component.b#369: ",
            "seen {text|nothing|any} again\n\tat {text|org.jitsi.A|any}"
        ),
    },
    Shape {
        name: "jicofo",
        format: &["--format", "jicofo", "--time-zone", "UTC"],
        template: concat!(
            "Jicofo 2026-11-21 10:00:00.123 INFO: [33] [room=a@conference.example.org stats_id={user|-|one}] A.b#1: ",
            "<presence><nick>{user|x|one}</nick></presence> {text|nothing|any}\n<x/>{text|nothing|any}"
        ),
    },
    Shape {
        name: "jigasi",
        format: &["--format", "jigasi", "--time-zone", "UTC"],
        template: concat!(
            "Jigasi 2026-11-21 10:00:00.123 INFO: [52] [room=a@conference.example.org stats_id={user|-|one}] A.b#1: ",
            "Got invite from {text|nothing|any}\n\tat {text|org.jitsi.A|any}"
        ),
    },
    Shape {
        name: "jibri",
        format: &["--format", "jibri", "--time-zone", "UTC"],
        template: concat!(
            "2026-11-21 10:00:00.123 INFO: [75] org.jitsi.jibri.api.xmpp.XmppApi.log() urlParams=[userInfo.displayName=\"{name|x|one}\"] ",
            "{text|nothing|any}\nMultiException stack 1 of 2: {text|nothing|any}"
        ),
    },
    Shape {
        name: "prosody",
        format: &["--format", "prosody", "--time-zone", "UTC"],
        template: "Nov 21 10:00:00 c2s55a9fb622a20\tdebug\t<nick>{name|x|one}</nick> {text|nothing|any}\n\t{text|nothing|any}",
    },
    Shape {
        name: "coturn",
        format: &["--format", "coturn", "--time-zone", "UTC"],
        template: concat!(
            "2026-11-21T10:00:00.118+0000 INFO session 001000000000000007: closed (2nd stage), user <1795252532:{user|bob|one}> ",
            "realm <{text|example.org|one}> origin <{text||one}>, local 192.0.2.1:3478, remote {client|192.0.2.2:5|one}, reason: {text|x|any}"
        ),
    },
    Shape {
        name: "text",
        format: &["--format", "text"],
        template: "10:00:00 worker said {text|nothing|any} and went on",
    },
];

/// Surroundings of an identifier in a text; `#` is the identifier.
const SURROUNDINGS: &[&str] = &[
    "#",
    "from # to",
    "(#)",
    "<#>",
    "'#'",
    "a=#&b=1",
    "ip:#,",
    "//#/x",
    "at #.",
    "[#]",
    "x%3D#%26y",
    "%22#%22",
    "#;#",
    "|#|",
    "user # (#)",
    "/p/#",
    "#: gone",
];

/// Every record of a shape, one canary in one field at a time, and at the end the misfits.
pub fn records(shape: &Shape) -> Vec<u8> {
    let mut out = Vec::new();
    let fields = fields(shape.template);
    for canary in CANARIES {
        for (chosen, field) in fields.iter().enumerate() {
            for planted in plantings(canary, field) {
                write(&mut out, shape, &fields, |i| (i == chosen).then(|| planted.clone()));
            }
        }
        if canary.place == Where::Named {
            write_namesakes(&mut out, shape, &fields, canary);
        }
    }
    out
}

/// Lines that fit no structured format, full of canaries: cut, garbled, binary, deep. For a shape that takes any line, as a
/// text or the continuation of a record, those that only a record's structure could name are left out.
pub fn misfits(shape: &Shape) -> Vec<u8> {
    let mut out = Vec::new();
    let takes_any = matches!(
        shape.name,
        "text"
            | "nginx-error"
            | "apache-error"
            | "jvb"
            | "jicofo"
            | "jigasi"
            | "jibri"
            | "prosody"
            | "coturn"
    );
    for canary in CANARIES.iter().filter(|canary| !takes_any || canary.place == Where::Anywhere) {
        let planted = canary.planted;
        for line in [
            planted.to_owned(),
            format!("{planted} - - [21/Nov/2026:10:00"),
            format!("{planted} - - [99/Foo/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\""),
            format!("{{\"remote_addr\":\"{planted}\",\"x\":"),
            format!("{{\"x\":{}\"{planted}\"", "[".repeat(2000)),
            format!("\u{1}\u{2}\"{planted}\\"),
        ] {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\xff\xfe\n");
        }
    }
    out
}

/// A field of a template.
struct Field<'a> {
    role: &'a str,
    default: &'a str,
    context: &'a str,
    start: usize,
    end: usize,
}

fn fields(template: &str) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    for (start, _) in template.match_indices('{') {
        let Some(length) = template[start..].find('}') else { continue };
        let parts: Vec<&str> = template[start + 1..start + length].split('|').collect();
        if let [role, default, context] = parts[..]
            && role.bytes().all(|b| b.is_ascii_lowercase())
        {
            found.push(Field { role, default, context, start, end: start + length + 1 });
        }
    }
    found
}

/// The values that put `canary` into `field`.
fn plantings(canary: &Canary, field: &Field<'_>) -> Vec<String> {
    let planted = canary.planted;
    let spaced = planted.contains(' ');
    let fits = match field.role {
        // What an element calls a name is one there, and a name of the record's own only in a field.
        "user" | "name" => true,
        // An ident is one word, and so are methods and numbers: what has a space there is a record of another shape.
        "ident" => !spaced,
        "word" => !spaced && canary.place == Where::Anywhere,
        _ => canary.place == Where::Anywhere,
    };
    if !fits {
        return Vec::new();
    }
    match field.context {
        "one" => vec![planted.to_owned()],
        "list" => vec![
            format!("{planted}, 192.0.2.2"),
            format!("unknown, {planted}"),
            format!("for={planted};proto=https"),
        ],
        "url" => SURROUNDINGS
            .iter()
            .map(|s| s.replace('#', planted).replace(' ', "%20"))
            .map(|value| if field.default.starts_with('/') { format!("/{value}") } else { value })
            .collect(),
        _ => SURROUNDINGS.iter().map(|s| s.replace('#', planted)).collect(),
    }
}

/// A record that names a person in its user field and again in every text.
fn write_namesakes(out: &mut Vec<u8>, shape: &Shape, fields: &[Field<'_>], canary: &Canary) {
    if fields.iter().any(|f| f.role == "user") {
        write(out, shape, fields, |i| match fields[i].role {
            "user" => Some(canary.planted.to_owned()),
            "text" if fields[i].context == "any" => Some(format!("user {} again", canary.planted)),
            _ => None,
        });
    }
}

fn write(out: &mut Vec<u8>, shape: &Shape, fields: &[Field<'_>], value: impl Fn(usize) -> Option<String>) {
    let mut at = 0;
    for (i, field) in fields.iter().enumerate() {
        out.extend_from_slice(&shape.template.as_bytes()[at..field.start]);
        out.extend_from_slice(value(i).as_deref().unwrap_or(field.default).as_bytes());
        at = field.end;
    }
    out.extend_from_slice(&shape.template.as_bytes()[at..]);
    out.push(b'\n');
}
