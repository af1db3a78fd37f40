//! Bad days of all six programs: what is broken is refused for its reason, alone, and the next record is right.
//!
//! *In*: per program a good record, a line that goes on with one, and broken records. *Promised*: every refusal is counted under its
//! name; whatever goes on with a broken record is refused with it. *Not here*: what else a broken record could leak (`leak`).

use sluis::record::span::Refusal;

use crate::support::{Run, sluis};

/// A program on a bad day.
struct Day {
    format: &'static str,
    /// A record that leaves as it came.
    good: String,
    /// The rest of a record, which means nothing without its head.
    rest: &'static str,
    bad: Vec<(String, Refusal)>,
}

/// Records of other programs, in lines of their own.
const JVB: &str = "JVB 2026-11-21 10:15:32.123 INFO: [1] [conf_name=a@conference.example.org] A.b#1: x";
const JICOFO: &str = "Jicofo 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x";
const PROSODY: &str = "Nov 21 10:15:32 c2s55a9fb622a20\tinfo\tAuthenticated as a@example.org";
const TURN: &str =
    "5: session 001000000000000007: realm <r> user <bobby>: incoming packet BINDING processed, success";
const CHECK: &str = "5: : ERROR: check_stun_auth: user bobby credentials are incorrect";

/// What each program makes of a second record that begins in the middle of a line.
fn joined(good: &str, own: &str) -> Vec<(String, Refusal)> {
    let cut = &good[..good.len() - 3];
    [own, JVB, JICOFO, PROSODY, TURN, CHECK]
        .map(|other| (format!("{cut}{other}"), Refusal::Truncated))
        .to_vec()
}

fn of(bad: &[(&str, Refusal)]) -> Vec<(String, Refusal)> {
    bad.iter().map(|(record, refusal)| ((*record).to_owned(), *refusal)).collect()
}

/// A service of Jitsi: all of them have one formatter.
fn jitsi(format: &'static str, program: &'static str) -> Day {
    let head = format!("{program} 2026-11-21 10:15:32.123");
    let good = format!("{head} INFO: [1] A.b#1: Stopped in round 7");
    let mut bad = joined(&good, &good);
    let broken = [
        // Cut, in time, thread, context.
        (format!("{program} 2026-11-21 10:15"), Refusal::Truncated),
        (format!("{head} INFO: [1"), Refusal::Truncated),
        (format!("{head} INFO: [1] [room=a@conference.example.org epI"), Refusal::OpenContext),
        // Brackets that never close.
        (format!("{head} INFO: [1] [room=[a[b@conference.example.org A.b#1: x"), Refusal::OpenContext),
        // In a message, within the identifier of a guest.
        (format!("{head} INFO: [1] A.b#1: from 4c7a9a1f-89d4-4e65-b6"), Refusal::Truncated),
        (format!("{head} PANIC: [1] A.b#1: x"), Refusal::UnknownLevel),
        (format!("{program} 2026-02-30 10:15:32.123 INFO: [1] A.b#1: x"), Refusal::BadTime),
        // A changed pattern.
        (format!("{head} A.b#1: x"), Refusal::Mismatch),
    ];
    bad.extend(broken);
    bad.extend(of(&[
        ("2026-11-21T10:15:32.123Z INFO A.b x", Refusal::Mismatch),
        ("Nov 21, 2026 10:15:32 PM org.jitsi.A log\nx", Refusal::Mismatch),
        (PROSODY, Refusal::Mismatch),
        ("prosody-1  | general info x", Refusal::OtherProgram),
        ("SIP 2026-11-21 10:15:32.123 INFO: [1] A.b#1: x", Refusal::OtherProgram),
        (TURN, Refusal::OtherProgram),
        (CHECK, Refusal::OtherProgram),
    ]));
    for other in ["JVB", "Jicofo", "Jigasi", "Jibri"].into_iter().filter(|other| *other != program) {
        bad.push((good.replacen(program, other, 1), Refusal::OtherProgram));
    }
    Day { format, good, rest: "\tat org.jitsi.A.b(A.java:1)\n\t... 7 more", bad }
}

fn prosody() -> Day {
    let good = "Nov 21 10:15:32 mod_bosh\tinfo\tStopped in round 7".to_owned();
    let mut bad = joined(&good, &good);
    bad.extend(of(&[
        ("Nov 21 10:15:32 bosh550e8400", Refusal::Truncated),
        ("Nov 21 10:15:32 general\tin", Refusal::Truncated),
        ("Nov 21 10:15:32 general\tdebug\t<presence from='4c7a9a1f-89d4-4e65-b6", Refusal::Truncated),
        ("Nov 21 10:15:32 general\tpanic\tx", Refusal::UnknownLevel),
        ("Nov 31 10:15:32 general\tinfo\tx", Refusal::BadTime),
        (JVB, Refusal::OtherProgram),
        (JICOFO, Refusal::OtherProgram),
        (TURN, Refusal::OtherProgram),
        (CHECK, Refusal::OtherProgram),
        ("Nov 21 10:15:32 meet sshd[7]: Accepted", Refusal::OtherProgram),
        ("jvb-1  | \tat org.jitsi.A", Refusal::OtherProgram),
        // A changed pattern.
        ("2026/11/21 10:15:32 [info] general: x", Refusal::Mismatch),
        ("2026-11-21 10:15:32.123 INFO: [1] A.b#1: x", Refusal::Mismatch),
    ]));
    Day { format: "prosody", good, rest: "stack traceback:\n\t[C]: in function 'xpcall'", bad }
}

fn coturn() -> Day {
    let good = "5: (47): INFO: Stopped in round 7".to_owned();
    let mut bad = of(&[
        // Cut inside a value.
        ("5: session 001000000000000007: realm <r> user <bob", Refusal::Truncated),
        ("5: session 001000000000000007: peer 192.0.2.1", Refusal::Truncated),
        ("5: : ERROR: check_stun_auth: user bobby creden", Refusal::Truncated),
        ("2026-11-21T10:15:32.118+0000 INF", Refusal::Truncated),
        ("5: (47): PANIC: x", Refusal::UnknownLevel),
        ("2026-11-21T10:15:32.118+0000 PANIC x", Refusal::UnknownLevel),
        ("2026-13-21T10:15:32.118+0000 INFO x", Refusal::BadTime),
        (JVB, Refusal::OtherProgram),
        (JICOFO, Refusal::OtherProgram),
        ("Nov 21 10:15:32 relay sshd[7]: 5: x", Refusal::OtherProgram),
        (PROSODY, Refusal::Mismatch),
        // A changed pattern.
        ("5: (47): x", Refusal::Mismatch),
        ("2026-11-21T10:15:32.118+0000 x", Refusal::Mismatch),
    ]);
    // A check that is joined in one line is the name's, as far as anybody can tell: it is covered, not refused.
    bad.extend(joined(&good, "2026-11-21T10:15:32.118+0000 INFO x").into_iter().take(5));
    Day { format: "coturn", good, rest: "==== Show him the instruments ====", bad }
}

fn days() -> Vec<Day> {
    let mut days: Vec<Day> = [("jvb", "JVB"), ("jicofo", "Jicofo"), ("jigasi", "Jigasi"), ("jibri", "Jibri")]
        .map(|(format, program)| jitsi(format, program))
        .into();
    days.extend([prosody(), coturn()]);
    days
}

fn filter(day: &Day, input: &str) -> Run {
    sluis(&["filter", "--format", day.format, "--time-zone", "UTC", "--stats=json"], input.as_bytes())
}

/// A bad record between two good ones is refused for `reason`, and both of its neighbours are there, whole and alone.
#[track_caller]
fn refused_alone(day: &Day, bad: &str, reason: Refusal) {
    let good = &day.good;
    let run = filter(day, &format!("{good}\n{bad}\n{good}\n"));
    run.expect_code(0);
    let (stats, shown) = (run.stats(), &bad[..bad.len().min(200)]);
    assert_eq!((stats.taken, stats.out, stats.quarantined), (3, 2, 1), "{}: {shown}: {stats:?}", day.format);
    assert_eq!(stats.reasons.get(reason.name()), Some(&1), "{}: {shown}: {stats:?}", day.format);
    assert!(
        run.lines() == [good.as_bytes(); 2],
        "{}: {shown}: {}",
        day.format,
        String::from_utf8_lossy(&run.out)
    );
}

#[test]
fn bad_records_of_all_programs_are_refused_alone() {
    for day in days() {
        for (bad, reason) in &day.bad {
            refused_alone(&day, bad, *reason);
            refused_alone(&day, &format!("{bad}\n{}", day.rest), *reason);
        }
    }
}

/// At the beginning of an input nothing stands before it that it could belong to.
#[test]
fn the_rest_of_a_record_without_its_head_is_refused() {
    for day in days() {
        let run = filter(&day, &format!("{}\n{}\n", day.rest, day.good));
        let stats = run.stats();
        assert_eq!((stats.taken, stats.out), (2, 1), "{}: {stats:?}", day.format);
        assert_eq!(stats.reasons.get(Refusal::Headless.name()), Some(&1), "{}: {stats:?}", day.format);
        assert_eq!(run.lines(), [day.good.as_bytes()], "{}", day.format);
    }
}

#[test]
fn stanzas_of_ten_mebibytes_are_refused_alone() {
    for day in days() {
        let stanza = format!("{} {}", day.good, "<candidate ip='203.0.113.7'/>\n".repeat(10 << 20 >> 5));
        refused_alone(&day, stanza.trim_end(), Refusal::TooLong);
        refused_alone(&day, &stanza.replace('\n', ""), Refusal::TooLong);
    }
}
