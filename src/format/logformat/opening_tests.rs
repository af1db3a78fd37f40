//! The short way through an opening against the steps.

use proptest::prelude::*;

use super::*;
use crate::format::Parser;
use crate::format::RowParser;
use crate::format::logformat::{Program, apache, nginx};
use crate::record::lines::Lines;
use crate::record::span::Refusal;
use crate::record::timestamp::Timestamp;

type Outcome = Result<(Vec<(u16, u32, u32)>, Option<Timestamp>), Refusal>;

fn outcome(program: &Program, record: &[u8]) -> Outcome {
    let mut parsed = Parsed::default();
    program.parse(record, &mut Memo::new(Timestamp(0)), &mut parsed)?;
    Ok(shown(&parsed))
}

fn shown(parsed: &Parsed) -> (Vec<(u16, u32, u32)>, Option<Timestamp>) {
    let parts = parsed.parts.iter().map(|part| (part.slot, part.start, part.end)).collect();
    (parts, parsed.time)
}

/// The same as a row, of a record that does not come first in its batch, with more or less behind it.
fn row_outcome(program: &Program, record: &[u8], behind: &[u8]) -> Outcome {
    let batch = [b"\"first\"\n", record, b"\n", behind].concat();
    let (mut lines, mut texts, mut row) = (Lines::default(), Texts::default(), Row::default());
    lines.scan(&batch);
    let Some(line) = lines.records(&batch).nth(1) else { return outcome(program, record) };
    assert_eq!(line.text, record);
    // Twice: the second time its agent is known.
    let outcomes = [(); 2].map(|()| {
        let mut memo = Memo::new(Timestamp(0));
        let into = Reading { memo: &mut memo, texts: &mut texts, row: &mut row };
        let Some(time) = program.read_row(line, into) else { return outcome(program, record) };
        let mut parts = Vec::new();
        for place in places(row.present()) {
            let range = row.range(place);
            let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
            assert!(!range.is_empty() && record[range.clone()].iter().all(plain));
            parts.push((program.places()[place].slot, range.start as u32, range.end as u32));
        }
        Ok((parts, Some(time)))
    });
    assert!(outcomes[0] == outcomes[1], "a known agent makes a difference");
    outcomes[0].clone()
}

/// Each program twice: with its opening, and without.
fn programs() -> Vec<(Program, Program)> {
    let build: [fn() -> Program; 4] = [
        crate::format::presets::common,
        crate::format::presets::combined,
        crate::format::presets::vhost_combined,
        || {
            let main = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_x_forwarded_for""#;
            nginx(main, None, &|_| None).unwrap()
        },
    ];
    build.iter().map(|build| (build(), Program { opening: None, ..build() })).collect()
}

fn agree(record: &[u8]) -> bool {
    programs().iter().all(|(fast, slow)| {
        assert!(fast.opening.is_some());
        // The same record with a site before it, for the format that has one.
        let sited = fast.opening.as_ref().is_some_and(|opening| opening.sited);
        let record = &[if sited { &b"www.example.org:443 "[..] } else { b"" }, record].concat()[..];
        let expected = outcome(slow, record);
        // What follows looks like the rest of the record, so that a reader that goes on into it is found out.
        let long = [&b" \"-\" \"agent\"\n"[..]; 100].concat();
        // A newline would make two records of one.
        outcome(fast, record) == expected
            && (record.contains(&b'\n')
                || [&b""[..], b"x", &long].iter().all(|behind| row_outcome(fast, record, behind) == expected))
    })
}

#[test]
fn only_the_usual_opening_is_taken() {
    for text in [
        "%h %u %t \"%r\" %>s %b",
        "%h %l %u %t %>s %b",
        "%h %l %u %t \"%r\" %>s %O%%",
        "%h %l %u [%{sec}t] \"%r\" %>s %b",
    ] {
        assert!(apache(text, None, &|_| None).unwrap().opening.is_none(), "{text}");
    }
}

#[test]
fn both_ways_agree_on_the_unusual() {
    let client = [
        "192.0.2.1",
        "2001:db8::1",
        "::",
        "::1",
        "192.0.2.256",
        "1192.0.2.1",
        "192.0.2",
        "192.0.2.1:80",
        "2001:DB8::1",
        "a",
        "-",
        "",
        "192.0.2.1,",
        "2001:db8::1::2",
        "::ffff:192.0.2.1",
    ];
    let user = ["-", "alice", "a b", "\"\"", "-a", "@", "192.0.2.1", "2001", "x [y"];
    let request = [
        "GET / HTTP/1.1",
        "-",
        "",
        "\\\"",
        "GET  /?? HTTP/1.0",
        "GET /a?b",
        "hello",
        " / HTTP/1.1",
        "./a HTTP/1.1",
        "(/ HTTP/1.1",
        "PUT /a HTTP/1.1",
        "get /a HTTP/1.1",
    ];
    let end = ["200 5", "- -", "2 5", "200 5x", "200 5.1", "200", "200 ", "200 -5", "000 0"];
    for client in client {
        for user in user {
            for request in request {
                for end in end {
                    let record = format!(
                        "{client} - {user} [21/Nov/2026:10:15:32 +0100] \"{request}\" {end} \"-\" \"-\""
                    );
                    assert!(agree(record.as_bytes()), "{record}");
                }
            }
        }
    }
}

#[test]
fn both_ways_agree_on_sites() {
    let (fast, slow) =
        programs().into_iter().find(|(fast, _)| fast.opening.as_ref().is_some_and(|o| o.sited)).unwrap();
    let rest = "192.0.2.1 - - [21/Nov/2026:10:15:32 +0100] \"GET /a?b HTTP/1.1\" 200 512 \"-\" \"agent\"";
    let long = "a".repeat(70);
    let mut rows = 0;
    for site in [
        "www.example.org:443",
        "a:1",
        "-:80",
        "a:-",
        "a:",
        ":80",
        "",
        "a",
        "[::1]:80",
        "a:80:80",
        "a_b-c.d:8080",
        "a b:80",
        &long,
        &(long.clone() + ":80"),
        "a:80 192.0.2.2",
    ] {
        let record = format!("{site} {rest}");
        let expected = outcome(&slow, record.as_bytes());
        rows += usize::from(expected.is_ok());
        assert!(outcome(&fast, record.as_bytes()) == expected, "{record}");
        assert!(row_outcome(&fast, record.as_bytes(), &[b'x'; 2000]) == expected, "{record}");
    }
    assert!(rows > 4);
}

proptest! {
    #[test]
    fn both_ways_agree_on_long_records(path in 0_usize..700, referrer in 0_usize..200, agent in 0_usize..400) {
        let [path, referrer, agent] = [path, referrer, agent].map(|len| "a".repeat(len));
        let record = format!(
            "192.0.2.1 - - [21/Nov/2026:10:15:32 +0100] \"GET /{path}?b HTTP/1.1\" 200 512 \"{referrer}\" \"{agent}\""
        );
        prop_assert!(agree(record.as_bytes()));
    }

    #[test]
    fn both_ways_agree_on_damaged_records(at in 0_usize..130, byte in any::<u8>(), cut in 0_usize..130, v6 in any::<bool>()) {
        let client = if v6 { "2001:db8::8a2e:1" } else { "198.51.100.23" };
        let record = format!("{client} - alice [21/Nov/2026:10:15:32 +0100] \"GET /a?b HTTP/1.1\" 200 512 \"https://example.org/\" \"agent\"");
        let mut damaged = record.clone().into_bytes();
        let at = at % damaged.len();
        damaged[at] = byte;
        prop_assert!(agree(&damaged));
        damaged.truncate(cut);
        prop_assert!(agree(&damaged));
        damaged.extend_from_slice(record.as_bytes());
        prop_assert!(agree(&damaged));
        damaged.drain(..at);
        prop_assert!(agree(&damaged));
    }
}
