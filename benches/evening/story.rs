//! The evening itself: who does what when, told to each of the four programs.

use super::cast::{Fate, Person, Room};
use super::log::Logs;
use super::secrets::Secrets;
use super::{jicofo, jvb, nginx, prosody};

/// From the start of the programs until an endpoint's candidates have been checked in vain, in milliseconds.
const CHECKED_IN_VAIN: i64 = 17_000;

/// Tells one room's evening.
pub fn tell(room: &Room, logs: &mut Logs, secrets: &mut Secrets) {
    let mut inside: Vec<&Person> = room.people.iter().filter(|person| person.fate != Fate::Refused).collect();
    inside.sort_by_key(|person| person.join);
    for person in room.people.iter().filter(|person| person.fate == Fate::Refused) {
        nginx::opens(logs, room, person);
        prosody::connects(logs, person);
        prosody::refuses(logs, room, person);
    }
    // The bridge is asked when there are two: then for the first as well.
    let second = inside.get(1).map(|person| person.join);
    let last = inside.iter().map(|person| person.leave).max();
    for (n, person) in inside.iter().enumerate() {
        let first = n == 0;
        arrives(room, person, first, logs, secrets);
        if let Some(second) = second {
            if first {
                jvb::creates_conference(logs, room, second + 1950);
            }
            talks(room, person, first, person.join.max(second) + 2000, logs, secrets);
            jvb::expires(logs, room, person, Some(person.leave) == last);
        }
        prosody::leaves(logs, room, person);
        jicofo::left(logs, room, person, Some(person.leave) == last);
    }
    if let Some(host) = inside.first() {
        if room.lobby {
            prosody::opens_lobby(logs, room, host);
            jicofo::serves_requests(logs, secrets, room, host);
        }
        prosody::ends(logs, room);
    }
}

fn arrives(room: &Room, person: &Person, first: bool, logs: &mut Logs, secrets: &mut Secrets) {
    nginx::opens(logs, room, person);
    nginx::signals(logs, room, person);
    if logs.random.once_in(2) {
        nginx::asks_for_conference(logs, room, person);
    }
    prosody::connects(logs, person);
    prosody::authenticates(logs, person);
    jicofo::is_asked(logs, room, person, first);
    prosody::enters(logs, room, person);
    jicofo::joined(logs, room, person, first);
    secrets.add("stats", &person.stats_id);
    match logs.random.below(25) {
        0 => nginx::misses_file(logs, person),
        1 => prosody::stumbles(logs, room, person),
        2 => prosody::breaks(logs, room, person),
        _ => {}
    }
}

fn talks(room: &Room, person: &Person, first: bool, at: i64, logs: &mut Logs, secrets: &mut Secrets) {
    jicofo::invites(logs, room, person, at);
    jvb::is_asked(logs, room, person, first, at + 10);
    jvb::checks(logs, room, person, at + 420);
    for (kind, value) in
        [("address", &person.lan), ("password", &person.password), ("fingerprint", &person.fingerprint)]
    {
        secrets.add(kind, value);
    }
    if person.fate == Fate::IceFails {
        jvb::fails(logs, room, person, at + CHECKED_IN_VAIN);
        jicofo::hears_of_ice_failure(logs, room, person, at + CHECKED_IN_VAIN + 300);
        nginx::bridge_channel_times_out(logs, room, person, at + CHECKED_IN_VAIN + 900);
        return;
    }
    jvb::connects(logs, room, person, at + 700);
    nginx::bridge_channel_closes(logs, room, person);
    match logs.random.below(20) {
        0 => jvb::describes_transport(logs, room, person, at + 460),
        1 => jvb::misreads_message(logs, room, person, at + 30_000),
        2 => jvb::throws(logs, room, person, at + 6000),
        3 => jicofo::loses_bridge(logs, room, person, at + 15_000),
        _ => {}
    }
}
