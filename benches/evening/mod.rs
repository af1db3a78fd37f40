//! Writes the logs of one evening on a Jitsi server: nginx, Prosody, Jicofo and the bridge, telling one story.
//!
//! *In*: a [`Wish`]. *Out*: in a directory, `access.log`, `error.log`, `prosody.log`, `jicofo.log` and `jvb.log`; `secrets.tsv`, kind and value of all that must not be in a cleaned log; `fault.tsv`, the same of one participant
//! whose connection to the bridge fails. *Promised*: the same bytes for the same arguments; the shapes are those that the programs
//! print (nginx 1.26, Prosody 13 with Jitsi's plugins, Jicofo 1.1 and JVB 2.3), whatever a parser may think of them; every value
//! listed is in a log. *Not here*: hostile records.

#![allow(dead_code, reason = "the program and the tests each use a part")]

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
mod random;
mod secrets;
mod story;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use cast::{Fate, Person, Room};
use log::Logs;
use random::Random;

/// How large an evening is wanted.
pub struct Wish {
    pub rooms: u64,
    pub participants: u64,
    pub seed: u64,
    /// The first instant, in seconds since 1970, and how many follow.
    pub start: i64,
    pub span: i64,
    pub out: PathBuf,
}

/// Writes the evening and says how much it is.
pub fn evening(wish: &Wish) -> Result<String, Box<dyn Error>> {
    let (out, start) = (wish.out.as_path(), wish.start * 1000);
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
    Ok(format!(
        "{} rooms, {} participants, {} values to hide; lines: {}",
        rooms.len(),
        wish.participants,
        secrets.count(),
        lines.join(", ")
    ))
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
