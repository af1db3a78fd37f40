//! Clients that have lost every broker, and how they find them again.
//!
//! A broker that comes back after it did not move for some seconds (a suspended machine, a long pause of its memory) answers before its
//! controller has let it in again: with topics, and without any broker. librdkafka takes that for the truth. It drops every broker that
//! it knows, and the new start from `bootstrap.servers` that this sets off is called off by the same answer (its issue 5301; 2.12
//! has it and 2.11 had not). From then on the client has nobody to ask, and says nothing: what it was to read or send rests for minutes, or for ever.
//!
//! So each client that lives long hears its own statistics, which list its brokers, and is given the bootstrap servers again when it is
//! connected to none. One that it knows already is not added twice. Whatever the client was doing goes on. What it was given it keeps a
//! note of, for ever: so it is given them at longer and longer intervals, and at least once a minute.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use memchr::memmem;
use rdkafka::ClientConfig;
use rdkafka::client::{Client, ClientContext};

use super::ffi;

/// How often a client looks, in milliseconds.
const LOOK_MS: &str = "5000";

/// Looks in a minute.
const MINUTE: u32 = 12;

/// What the statistics say of a broker that was named by an answer or by the configuration, and that we are connected to. One that was
/// dropped and is still held by something does not connect any more, though it stands among the others.
const CONNECTED: [&[u8]; 2] =
    [b"\"source\":\"learned\", \"state\":\"UP\"", b"\"source\":\"configured\", \"state\":\"UP\""];

/// Has a client look at its brokers. Its context hands what it hears to [`Lost::hear`].
pub fn look(config: &mut ClientConfig) {
    config.set("statistics.interval.ms", LOOK_MS);
}

/// Whether a client has lost every broker.
#[derive(Debug, Default)]
pub struct Lost {
    /// Looks one after the other that found no connection.
    alone: AtomicU32,
    is_due: AtomicBool,
}

impl Lost {
    /// Hears what a client says of itself (librdkafka's STATISTICS.md).
    pub fn hear(&self, statistics: &[u8]) {
        if CONNECTED.iter().any(|connected| memmem::find(statistics, connected).is_some()) {
            self.alone.store(0, Ordering::Relaxed);
            return;
        }
        let alone = self.alone.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if alone.is_power_of_two() || alone.is_multiple_of(MINUTE) {
            self.is_due.store(true, Ordering::Relaxed);
        }
    }

    /// Gives `client` the brokers of its configuration again, if it is connected to none. To be called now and then by whoever polls it.
    pub fn find_again<C: ClientContext>(&self, client: &Client<C>, brokers: &str) {
        if self.is_due.load(Ordering::Relaxed) && self.is_due.swap(false, Ordering::Relaxed) {
            ffi::add_brokers(client, brokers);
        }
    }
}

/// The brokers that a client is configured with.
pub fn brokers(config: &ClientConfig) -> String {
    config.get("bootstrap.servers").unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_alone_when_it_is_connected_to_none_that_it_was_told_of() {
        let own = r#""brokers":{":0/internal":{"name":":0/internal","nodeid":-1, "source":"internal", "state":"UP"},"GroupCoordinator":{"source":"logical", "state":"UP"}"#;
        let dropped = r#","a:9092/1":{"source":"learned", "state":"TRY_CONNECT"}"#;
        for alone in [own.to_owned(), format!("{own}{dropped}")] {
            let lost = Lost::default();
            lost.hear(alone.as_bytes());
            assert!(lost.is_due.load(Ordering::Relaxed));
            for source in ["learned", "configured"] {
                lost.is_due.store(false, Ordering::Relaxed);
                lost.hear(format!(r#"{alone},"a:9092/1":{{"source":"{source}", "state":"UP"}}"#).as_bytes());
                assert!(!lost.is_due.load(Ordering::Relaxed), "{source}");
            }
        }
    }

    #[test]
    fn who_stays_alone_asks_less_and_less_and_at_least_once_a_minute() {
        let lost = Lost::default();
        let asked = (1..=40).filter(|_| {
            lost.hear(b"");
            lost.is_due.swap(false, Ordering::Relaxed)
        });
        assert_eq!(asked.collect::<Vec<u32>>(), [1, 2, 4, 8, 12, 16, 24, 32, 36]);
    }
}
