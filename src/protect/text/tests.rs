//! The rules, each with a line; `[…]` marks what must be found and what it must be called.

use super::*;

fn kind(what: What) -> String {
    match what {
        What::Address(address) => address.to_string(),
        What::Email => "email".into(),
        What::Mac(mac) => mac.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
        What::Secret => "secret".into(),
        What::Said(sense) | What::Learned(sense) => format!("{sense:?}"),
        What::Name(index) => format!("name{index}"),
    }
}

pub fn shown(text: &str, context: Context) -> Vec<(String, String)> {
    let mut out = Vec::new();
    find(text.as_bytes(), context, &mut out);
    out.iter()
        .map(|found| {
            (String::from_utf8_lossy(&text.as_bytes()[found.start..found.end]).into_owned(), kind(found.what))
        })
        .collect()
}

#[track_caller]
fn finds(context: Context, cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for &(text, want, what) in cases {
        let found = shown(text, context);
        if found != [(want.to_string(), what.to_string())] {
            wrong.push(format!("{text:?}: want {want:?} {what}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[track_caller]
fn leaves(context: Context, texts: &[&str]) {
    let mut wrong = Vec::new();
    for text in texts {
        let found = shown(text, context);
        if !found.is_empty() {
            wrong.push(format!("{text:?}: found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dotted_quads() {
    let a = "203.0.113.7";
    finds(
        Context::Text,
        &[
            (a, a, a),
            ("client 203.0.113.7:443 gone", a, a),
            ("[203.0.113.7]:443", a, a),
            ("http://203.0.113.7/x", a, a),
            ("net 203.0.113.7/24", a, a),
            ("connect to /203.0.113.7:5000", a, a),
            ("host.example.org/203.0.113.7:443", a, a),
            ("ip=203.0.113.7", a, a),
            ("ip-203.0.113.7", a, a),
            ("\"203.0.113.7\"", a, a),
            ("client:203.0.113.7,", a, a),
            ("from 203.0.113.7.", a, a),
            ("peer203.0.113.7 x", a, a),
            ("203.0.113.7.dyn.example.net", a, a),
            ("dsl.203.0.113.7.example.net", a, a),
            ("7.113.0.203.in-addr.arpa", "7.113.0.203", a),
            ("PTR 1.7.113.0.203.in-addr.arpa.", "7.113.0.203", a),
            ("192.168.001.001", "192.168.001.001", "192.168.1.1"),
            ("client 203.0.113.7#4567", a, a),
            ("IP 203.0.113.7.443 > gw: ok", a, a),
            ("x%22203.0.113.7%22", a, a),
            ("q%3D203.0.113.7", a, a),
            ("%2520203.0.113.7", a, a),
            ("0.0.0.0:80", "0.0.0.0", "0.0.0.0"),
            ("203.0.113.7T12:00", a, a),
            ("{203.0.113.7}", a, a),
            ("203.0.113.7.dev.example.net", a, a),
            ("203%2E0%2E113%2E7", "203%2E0%2E113%2E7", a),
            ("203%252E0%252E113%252E7", "203%252E0%252E113%252E7", a),
            ("%32%30%33%2E%30%2E%31%31%33%2E%37", "%32%30%33%2E%30%2E%31%31%33%2E%37", a),
        ],
    );
    leaves(
        Context::Text,
        &[
            "Chrome/120.0.0.0 Safari/537.36",
            "rv:1.9.0.19",
            "v1.2.3.4",
            "V1.2.3.4",
            "version 1.2.3.4",
            "version: 1.2.3.4",
            "appVersion=1.2.3.4",
            "?ver=5.4.0.1",
            "v=\"120.0.0.0\"",
            "1.2.3.4-rc1",
            "1.2.3.4.Final",
            "1.3.6.1.4.1.311.21.20",
            "1.2.3.4.5",
            "256.100.100.100",
            "1000.2.3.4",
            "999.2.3.4",
            "2024.01.02.03",
            "123.123.123",
            "xx.xx.xx.xx",
            "2.x.x.159:19724",
            "217.308.93.525:41428",
            "Chrome%2F120.0.0.0",
        ],
    );
}

#[test]
fn versions_in_agents() {
    leaves(
        Context::Agent,
        &[
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9.0.19) Gecko/2010 Firefox/3.0.19",
            "Tool/1.2.3.4 (x)",
            "Firefox/3.6.13.1",
            "com.example.app/12.0.0.7",
            "UCWEB7.0.3.45",
            "HTC/HD2/1.44.162.6",
            "APT (0.7.20.2ubuntu6)",
            "x ios@8.1.3.72",
            "115Browser/35.2.0.3",
        ],
    );
    let a = "203.0.113.7";
    finds(
        Context::Agent,
        &[
            ("Mozilla/5.0 (compatible; bot; +http://203.0.113.7/)", a, a),
            ("203.0.113.7", a, a),
            ("scanner (203.0.113.7)", a, a),
            ("host.example.org/203.0.113.7:443", a, a),
            ("+http://example.org/203.0.113.7", a, a),
            ("example.org/x/203.0.113.7", a, a),
        ],
    );
}

#[test]
fn ipv6() {
    let a = "2001:db8::1";
    finds(
        Context::Text,
        &[
            (a, a, a),
            ("2001:DB8::1", "2001:DB8::1", a),
            ("[2001:db8::1]:443", a, a),
            ("from 2001:db8::1: gone", a, a),
            ("from 2001:db8::1.", a, a),
            ("from 2001:db8::1, gone", a, a),
            ("2001:db8::1/64", a, a),
            ("peer:2001:db8::1", a, a),
            ("node:2001:db8::1", a, a),
            ("node:fe80::a x", "fe80::a", "fe80::a"),
            ("%3D2001:db8::1", a, a),
            ("%5B2001:db8::1%5D", a, a),
            ("2001:db8::9:50312", "2001:db8::9", "2001:db8::9"),
            ("connected to: 2001:db8:33::9:50312", "2001:db8:33::9", "2001:db8:33::9"),
            ("2001:db8:1:2:3:4:5:6:8080", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
            ("2001:db8:1:2:3:4:5:6:50312", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:0db8:0000:0000:0000:0000:0000:0001", a),
            ("::ffff:203.0.113.7", "::ffff:203.0.113.7", "203.0.113.7"),
            ("::FFFF:203.0.113.7:443", "::FFFF:203.0.113.7", "203.0.113.7"),
            ("::ffff:cb00:7107", "::ffff:cb00:7107", "203.0.113.7"),
            ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
            ("0:0:0:0:0:ffff:203.0.113.7", "0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7"),
            ("fe80::1%eth0", "fe80::1%eth0", "fe80::1"),
            ("fe80::1%2 x", "fe80::1%2", "fe80::1"),
            ("::1", "::1", "::1"),
            ("[client ::1:54321]", "::1", "::1"),
            ("client::1", "::1", "::1"),
            ("peer:::1", "::1", "::1"),
            ("dead::beef", "dead::beef", "dead::beef"),
            ("IP6 2001:db8::1.443 > x", a, a),
            ("[::]:80", "::", "::"),
            ("2001%3Adb8%3A%3A1", "2001%3Adb8%3A%3A1", a),
            ("x=%5B2001%3adb8%3a%3a1%5D&", "2001%3adb8%3a%3a1", a),
            ("2001%253Adb8%253A%253A1", "2001%253Adb8%253A%253A1", a),
            ("2001:db8::1-x", a, a),
            ("x_2001:db8::1", a, a),
            ("[IPv6:2001:db8::1]", a, a),
            ("eth0:2001:db8::1", a, a),
            ("x_fe80::1:2", "fe80::1:2", "fe80::1:2"),
            ("“fe80::1:a”", "fe80::1:a", "fe80::1:a"),
            ("2001:db8::abcd_x", "2001:db8::abcd", "2001:db8::abcd"),
            (
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2",
                a,
            ),
        ],
    );
}

#[test]
fn zones_in_urls_and_scopes_of_languages() {
    finds(
        Context::Url,
        &[("http://[fe80::1%25eth0]/", "fe80::1%25eth0", "fe80::1"), ("/fe80::1%20x", "fe80::1", "fe80::1")],
    );
    leaves(
        Context::Text,
        &[
            "std::string",
            "a::b",
            "Foo::Bar",
            "Bad::Add",
            "::",
            "Digest::SHA256::add",
            "MD5::new",
            "Win32::API",
            "std::__1::basic_string",
            "utf8::decode",
            "v1::auth",
            "ec2::instance",
            "a::before",
            "2xxx::xxx",
            "12:34:56",
            "[20/Nov/2026:12:34:56 +0000]",
            "ratio 1:2:3:4",
            "Nov 21 12:34:56",
            ":::22",
            "std::f32",
            "b.d.0.1.0.0.2.ip6.arpa",
            "clientIF::225::Storage",
            "DEBUG::2011-12-05",
            "192.0.2.300::443",
            "JiCoFo 1.0.1.0-508",
            "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99",
            "550e8400-e29b-41d4-a716-446655440000",
            "sha256:0123456789abcdef0123456789abcdef",
        ],
    );
}

#[test]
fn hardware_addresses() {
    let mac = "00:1a:2b:3c:4d:5e";
    finds(
        Context::Text,
        &[
            ("00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E", mac),
            ("mac 00-1A-2B-3C-4D-5E.", "00-1A-2B-3C-4D-5E", mac),
            ("001a.2b3c.4d5e", "001a.2b3c.4d5e", mac),
            ("node:00:1a:2b:3c:4d:5e", mac, mac),
            ("01:00:1a:2b:3c:4d:5e", mac, mac),
            ("00%3A1a%3A2b%3A3c%3A4d%3A5e", "00%3A1a%3A2b%3A3c%3A4d%3A5e", mac),
        ],
    );
    assert_eq!(shown("MAC=ff:ff:ff:ff:ff:ff:00:1a:2b:3c:4d:5e:08:00", Context::Text).len(), 2);
    leaves(
        Context::Text,
        &["00:11:22", "00:1A:2B:3C:4D", "10:2F:33-AC-29-C3", "2024.0115.1230", "dead.beef"],
    );
}

#[test]
fn host_names() {
    let a = "203.0.113.7";
    finds(
        Context::Text,
        &[
            ("dsl-203-0-113-7.example.net", "203-0-113-7", a),
            ("ec2-203-0-113-7.compute.example.com", "203-0-113-7", a),
            ("host203-0-113-7.range.example", "203-0-113-7", a),
            ("p5-203-0-113-7.example", "203-0-113-7", a),
            ("203_0_113_7.example", "203_0_113_7", a),
            ("dslb-084-056-012-034.pools.example.net", "084-056-012-034", "84.56.12.34"),
            ("ip-10-0-0-1-443", "10-0-0-1", "10.0.0.1"),
            ("2001-db8--1.example", "2001-db8--1", "2001:db8::1"),
            ("ip6-2001-db8--1.example", "2001-db8--1", "2001:db8::1"),
            ("%3D2001-db8--1.example", "2001-db8--1", "2001:db8::1"),
            ("%20203-0-113-7.example", "203-0-113-7", a),
            ("%3D00-1a-2b-3c-4d-5e", "00-1a-2b-3c-4d-5e", "00:1a:2b:3c:4d:5e"),
            (
                "2001-0db8-0000-0000-0000-0000-0000-0001.v6.example",
                "2001-0db8-0000-0000-0000-0000-0000-0001",
                "2001:db8::1",
            ),
        ],
    );
    leaves(
        Context::Text,
        &[
            "2024-01-15-10-30-22",
            "24-01-15-10",
            "foo--bar",
            "page--2",
            "2024-01-15--10-30",
            "1-2-3",
            "-----",
            "3.0.1-2-11-111",
            "a-b-c-d-e-f",
        ],
    );
}

#[test]
fn mail() {
    let m = "user@example.org";
    finds(
        Context::Text,
        &[
            (m, m, "email"),
            ("mailto:user@example.org", m, "email"),
            ("<user@example.org>", m, "email"),
            ("from=user@example.org,", m, "email"),
            ("'user@example.org'", m, "email"),
            ("to user@example.org.", m, "email"),
            ("first.last+tag@mail.example.org", "first.last+tag@mail.example.org", "email"),
            ("o'brien@example.org", "o'brien@example.org", "email"),
            ("\"john doe\"@example.org", "\"john doe\"@example.org", "email"),
            ("jörg@münchen.example", "jörg@münchen.example", "email"),
            ("“user@example.org”", m, "email"),
            ("user%40example.org", "user%40example.org", "email"),
            ("%3Cuser%40example%2Eorg%3E", "user%40example%2Eorg", "email"),
            ("%253Cuser%2540example.org%253E", "user%2540example.org", "email"),
            ("user@localhost", "user@localhost", "email"),
            ("user@xn--80ak6aa92e.com", "user@xn--80ak6aa92e.com", "email"),
            (
                "bounces+alice=example.net@lists.example.org",
                "bounces+alice=example.net@lists.example.org",
                "email",
            ),
            ("user@163.com", "user@163.com", "email"),
            ("room@conference.example.org/nick", "room@conference.example.org", "email"),
            ("user@203-0-113-7.example.net", "user@203-0-113-7.example.net", "email"),
            ("john.1.2.3.4@example.org", "john.1.2.3.4@example.org", "email"),
            ("https://user:pass@example.org/", "user:pass", "secret"),
        ],
    );
    finds(Context::Url, &[("https://user:p%40ss@example.org/", "user:p%40ss", "secret")]);
    finds(Context::Path, &[("/avatars/user@example.org.png", "user@example.org.png", "email")]);
    assert_eq!(
        shown("root@203.0.113.7:22", Context::Text),
        [("root".to_string(), "email".to_string()), ("203.0.113.7".into(), "203.0.113.7".into())]
    );
    assert_eq!(shown("SSH to user@2001:db8::1", Context::Text).len(), 2);
    assert_eq!(shown("user@[IPv6:2001:db8::1]", Context::Text).len(), 2);
    leaves(
        Context::Text,
        &[
            "logo@2x.png",
            "/npm/bootstrap@5.3.0/dist",
            "vue@3.4.0-beta.2",
            "org.example.Bridge@5f2050f6",
            "getty@tty1.service",
            "user@1000.service",
            "Ve8@dcCoAwcAAA0KMroAAAAD",
            "@media",
            "a @ b",
            "@",
            "@@@@",
            "action@v4",
            "hello @user",
        ],
    );
    leaves(Context::Path, &["/img/logo@large.png", "/npm/vue@latest/dist.js", "/@vite/client"]);
}

#[test]
fn secrets() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
    finds(
        Context::Text,
        &[
            (jwt, jwt, "secret"),
            ("token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln&x=1", jwt, "secret"),
            ("?jwt%3DeyJhbGciOi", "eyJhbGciOi", "secret"),
            ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "secret"),
            ("authorization=Basic%20dXNlcjpwYXNz", "dXNlcjpwYXNz", "secret"),
            ("Bearer abcdef0123456789", "abcdef0123456789", "secret"),
            ("\"Authorization\":\"Token 0123456789abcdef\"", "0123456789abcdef", "secret"),
        ],
    );
    leaves(
        Context::Text,
        &[
            "Basic authentication",
            "bearer token",
            "authorization failed for user",
            "Basic Auth required",
            "HeyJude",
            "eyJ",
        ],
    );
}

fn names(text: &str, wanted: &[&str]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    find(text.as_bytes(), Context::Text, &mut out);
    let wanted: Vec<&[u8]> = wanted.iter().map(|name| name.as_bytes()).collect();
    find_names(text.as_bytes(), &wanted, &mut out);
    out.iter().map(|found| (text[found.start..found.end].to_string(), kind(found.what))).collect()
}

#[test]
fn known_names() {
    let one = |text: &str| (text.to_string(), "name0".to_string());
    assert_eq!(names("/~alice/x", &["alice"]), [one("alice")]);
    assert_eq!(names("/home/ALICE/alice_2.jpg malice alices", &["alice"]), [one("ALICE"), one("alice")]);
    assert_eq!(names("q=John+Doe and john%20doe", &["John Doe"]), [one("John+Doe"), one("john%20doe")]);
    assert_eq!(names("%20alice%20", &["alice"]), [one("alice")]);
    assert_eq!(names("J%C3%B6rg und JÖRG, xjörg", &["jörg"]), [one("J%C3%B6rg"), one("JÖRG")]);
    assert_eq!(names("alice@example.org", &["alice"]), [("alice@example.org".into(), "email".into())]);
    assert_eq!(names("aaa", &["a", ""]), []);
}

#[test]
fn canonical_spelling_of_mail() {
    let mut out = Vec::new();
    for raw in ["User%40Example.ORG", "user%2540example.org", "USER@example.org", "<user@example.org>"] {
        canonical_email(raw.as_bytes(), &mut out);
        assert_eq!(out, b"user@example.org", "{raw}");
    }
}

proptest::proptest! {
    /// The sieve never hides anything: looking at every byte finds no more.
    #[test]
    fn the_sieve_loses_nothing(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "1", "25", "203", "0", ".", "..", "-", "--", "_", ":", "::", "a", "b", "beef", "f00d", "z", " ", "=", "/", "@", "%",
                "%3A", "%2E", "%40", "eyJ", "hbGciOi", "Basic ", "Bearer ", "authorization: ", "abc123def", "2001", "db8", ".ip6.arpa",
                ".in-addr.arpa", ".example.org", "fe80", "00:1a", ":2b:3c", "00-1a", "-2b-3c", "0012.3456.789a", "é", "host", "x",
                "room", "nick", "user", "name", "token", "\"", "'", "\\", "<", ">", "</nick>", "</", "{", "}", ",", "{1,2,3,4", "conference.",
                "49517bef", "\n", "o=", "&quot;", "[", "]",
            ]),
            0..40,
        ),
    ) {
        let text: String = pieces.concat();
        for context in [Context::Text, Context::Message, Context::Meeting, Context::Agent, Context::Query] {
            let (mut sieved, mut all) = (Vec::new(), Vec::new());
            find(text.as_bytes(), context, &mut sieved);
            let mut search =
                Search { text: text.as_bytes(), context, out: &mut all, done: Done::default(), window: None };
            for place in 0..text.len() {
                search.visit(place);
            }
            if context.is_message() {
                elements::cut_element(&mut search);
            }
            let shown = |found: &Finding| (found.start, found.end, kind(found.what));
            proptest::prop_assert_eq!(
                sieved.iter().map(shown).collect::<Vec<_>>(),
                all.iter().map(shown).collect::<Vec<_>>(),
                "{:?}", text
            );
        }
    }
}
