//! Writes the logs of one evening on a Jitsi server: nginx, Prosody, Jicofo and the bridge, telling one story.
//!
//! *In*: a few numbers on the command line. *Out*: in a directory, `access.log`, `error.log`, `prosody.log`, `jicofo.log` and
//! `jvb.log`; `secrets.tsv`, kind and value of all that must not be in a cleaned log; `fault.tsv`, the same of one participant
//! whose connection to the bridge fails. *Promised*: the same bytes for the same arguments; the shapes are those that the programs
//! print (nginx 1.26, Prosody 13 with Jitsi's plugins, Jicofo 1.1 and JVB 2.3), whatever a parser may think of them; every value
//! listed is in a log. *Not here*: hostile records.
//!
//! ```text
//! evening --rooms 30 --participants 600 --start 2026-11-21T18:00:00Z --out target/demo/meet
//! ```

mod cast;
mod jicofo;
mod jvb;
mod log;
mod names;
mod nginx;
mod prosody;
#[path = "../generate/random.rs"]
#[allow(clippy::cast_precision_loss, reason = "chances need no 64 bits")]
#[allow(clippy::cast_sign_loss, reason = "logarithms of positive numbers, days of a month")]
#[allow(dead_code, reason = "the other generator writes more formats")]
mod random;
mod secrets;
mod story;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cast::{Fate, Person, Room};
use log::Logs;
use random::Random;

const USAGE: &str = "usage: evening --start RFC3339 --out DIRECTORY [--rooms N] [--participants N] [--span SECONDS] [--seed N]";

/// What the command line asked for.
struct Wish {
    rooms: u64,
    participants: u64,
    seed: u64,
    /// The first instant, in seconds since 1970, and how many follow.
    start: Option<i64>,
    span: i64,
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match wish(std::env::args().skip(1)).and_then(|wish| evening(&wish)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("evening: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn wish(mut arguments: impl Iterator<Item = String>) -> Result<Wish, Box<dyn Error>> {
    let mut wish = Wish { rooms: 30, participants: 600, seed: 1, start: None, span: 3 * 3600, out: None };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--rooms" => wish.rooms = value.parse::<u64>()?.max(1),
            "--participants" => wish.participants = value.parse()?,
            "--seed" => wish.seed = value.parse()?,
            "--span" => wish.span = value.parse::<u32>()?.max(600).into(),
            "--start" => wish.start = Some(value.parse::<jiff::Timestamp>()?.as_second()),
            "--out" => wish.out = Some(value.into()),
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    Ok(wish)
}

fn evening(wish: &Wish) -> Result<(), Box<dyn Error>> {
    let out = wish.out.as_deref().ok_or("--out is missing")?;
    let start = wish.start.ok_or("--start is missing")? * 1000;
    let mut random = Random::new(wish.seed);
    let (mut rooms, mut secrets) =
        cast::cast(wish.rooms, wish.participants, start, wish.span * 1000, &mut random);
    let fault = choose_fault(&mut rooms).ok_or("too few participants for a meeting")?;
    let mut logs = Logs::new(random.next());
    prosody::starts(&mut logs, start - 60_000);
    jicofo::starts(&mut logs, start - 50_000);
    jvb::starts(&mut logs, start - 50_000);
    for room in &rooms {
        story::tell(room, &mut logs, &mut secrets);
    }
    fs::create_dir_all(out)?;
    let mut lines = Vec::new();
    for (name, log) in [
        ("access.log", &mut logs.access),
        ("error.log", &mut logs.error),
        ("prosody.log", &mut logs.prosody),
        ("jicofo.log", &mut logs.jicofo),
        ("jvb.log", &mut logs.jvb),
    ] {
        lines.push(format!("{} {name}", log.write(&out.join(name))?));
    }
    secrets.write(&out.join("secrets.tsv"))?;
    write_fault(&out.join("fault.tsv"), &rooms[0], &rooms[0].people[fault])?;
    println!(
        "{} rooms, {} participants, {} things to hide; lines: {}",
        rooms.len(),
        wish.participants,
        secrets.count(),
        lines.join(", ")
    );
    Ok(())
}

/// The first room's second guest, whose candidates will fail. Both bridges would do; this one shows addresses.
fn choose_fault(rooms: &mut [Room]) -> Option<usize> {
    let people = &mut rooms.first_mut()?.people;
    let mut guests = (0..people.len()).filter(|n| people[*n].account.is_none());
    let chosen = guests.nth(1)?;
    people[chosen].fate = Fate::IceFails;
    Some(chosen)
}

fn write_fault(path: &Path, room: &Room, person: &Person) -> std::io::Result<()> {
    let Person { name, address, endpoint, bare_jid, .. } = person;
    let (shown, safe, jid) = (&room.shown, &room.safe, &room.jid);
    fs::write(
        path,
        format!(
            "room\t{shown}\nroom-safe\t{safe}\nroom-jid\t{jid}\nname\t{name}\naddress\t{address}\nendpoint\t{endpoint}\n\
             jid\t{bare_jid}\n"
        ),
    )
}
