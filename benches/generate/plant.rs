//! Identifiers that no visitor has, put into visits one place after the other, and the list of them.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::random::Random;
use crate::render::Format;
use crate::visit::Visit;

/// How many places there are to plant in.
pub const PLACES: u64 = 14;

/// The planted identifiers that are not yet written to the side file.
#[derive(Default)]
pub struct Planted {
    waiting: String,
    count: u64,
}

impl Planted {
    fn add(&mut self, canary: &str) {
        self.waiting.push_str(canary);
        self.waiting.push('\n');
        self.count += 1;
    }

    pub fn drain_into(&mut self, file: &mut impl Write) -> io::Result<()> {
        file.write_all(self.waiting.as_bytes())?;
        self.waiting.clear();
        Ok(())
    }

    pub fn count(&self) -> u64 {
        self.count
    }
}

/// Puts a new identifier into `visit`, in the place whose turn it is. Numbers begin at 1: an address that ends in 0 would
/// equal its own truncation.
pub fn plant(visit: &mut Visit, random: &mut Random, format: Format, planted: &mut Planted) {
    if visit.garbage.take().is_some() {
        visit.status = 200;
    }
    let n = planted.count + 1;
    let identifier = match if format.has_request() { n % PLACES } else { n % 5 } {
        1 => set(&mut visit.client, v4(n)),
        2 => {
            let _ = write!(visit.said, "peer {} gave up", v6(n));
            set(&mut visit.client, v6(n))
        }
        3 => set(&mut visit.user, person(n)),
        4 => {
            let _ = write!(visit.said, "no mailbox {} here", mail(n));
            parameter(&mut visit.query, "mail", mail(n))
        }
        5 => parameter(&mut visit.query, "mail", mail(n).replace('@', "%40")),
        6 => parameter(&mut visit.query, "ip", v4(n).replace("203.0.113", "198.51.100")),
        7 => {
            set(&mut visit.referrer, format!("https://[{}]:8443/room", v6(n)));
            v6(n)
        }
        8 => {
            let dashed = v4(n).replace('.', "-");
            set(&mut visit.referrer, format!("http://host-{dashed}.dyn.example.net/"));
            dashed
        }
        9 => {
            set(&mut visit.path, format!("/whois/{}", v4(n)));
            v4(n)
        }
        10 => {
            set(&mut visit.path, format!("/members/{}/profile", person(n)));
            set(&mut visit.user, person(n))
        }
        11 => {
            parameter(&mut visit.query, "mac", format!("02:00:5e:10:{:02x}:{:02x}", n >> 8 & 0xff, n & 0xff))
        }
        12 => {
            let signature = format!("{:016x}{:016x}", random.next(), random.next());
            parameter(
                &mut visit.query,
                "jwt",
                format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwZXRyYSJ9.{signature}"),
            );
            signature
        }
        13 => {
            planted.add(&v4(n).replace("203.0.113", "192.0.2"));
            set(&mut visit.agent, format!("Fetcher/1.0 (+mailto:{}; 192.0.2.{})", mail(n), n % 250 + 1));
            mail(n)
        }
        _ => {
            let full = format!("2001:0DB8:CAFE:{:04X}:0000:0000:0000:{:04X}", n & 0xffff, n % 250 + 1);
            let _ = write!(visit.said, "peer {full} is unknown");
            parameter(&mut visit.query, "peer", full)
        }
    };
    planted.add(&identifier);
}

fn v4(n: u64) -> String {
    format!("203.0.113.{}", n % 250 + 1)
}

fn v6(n: u64) -> String {
    format!("2001:db8:cafe:{:x}::{:x}", n & 0xffff, n % 0xfff0 + 1)
}

fn person(n: u64) -> String {
    format!("planted-petra-{n}")
}

fn mail(n: u64) -> String {
    format!("petra.{n}@planted.example")
}

/// Replaces `place` and gives back what was put there.
fn set(place: &mut String, value: String) -> String {
    place.clone_from(&value);
    value
}

/// Adds a parameter to `query` and gives back its value.
fn parameter(query: &mut String, name: &str, value: String) -> String {
    let joint = if query.is_empty() { "" } else { "&" };
    let _ = write!(query, "{joint}{name}={value}");
    value
}
