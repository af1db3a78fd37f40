//! Clients that have lost every broker, and how they find them again.
//!
//! A broker that comes back after it did not move for some seconds (a suspended machine, a long pause of its memory) answers before its
//! controller has let it in again: with topics, and without any broker. librdkafka takes that for the truth. It drops every broker that
//! it knows, and the new start from `bootstrap.servers` that this sets off is called off by the same answer (its issue 5301; 2.12
//! has it and 2.11 had not). From then on the client has nobody to ask, and says nothing: what it was to read or send rests for minutes, or for ever.
//!
//! So each client that lives long hears its own statistics, which list its brokers, and is given the bootstrap servers again when there
//! are none. Whatever it was doing goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;
use rdkafka::ClientConfig;
use rdkafka::client::{Client, ClientContext};

use super::ffi;

/// How often a client looks, in milliseconds.
const LOOK_MS: &str = "5000";

/// What the statistics say of a broker that can be asked: an answer named it, or the configuration did.
const SOURCES: [&[u8]; 2] = [b"\"source\":\"learned\"", b"\"source\":\"configured\""];

/// Has a client look at its brokers. Its context hands what it hears to [`Lost::hear`].
pub fn look(config: &mut ClientConfig) {
    config.set("statistics.interval.ms", LOOK_MS);
}

/// Whether a client has lost every broker.
#[derive(Debug, Default)]
pub struct Lost(AtomicBool);

impl Lost {
    /// Hears what a client says of itself (librdkafka's STATISTICS.md).
    pub fn hear(&self, statistics: &[u8]) {
        let has_one = SOURCES.iter().any(|source| memmem::find(statistics, source).is_some());
        self.0.store(!has_one, Ordering::Relaxed);
    }

    /// Gives `client` the brokers of its configuration again, if it has none left. To be called now and then by whoever polls it.
    pub fn find_again<C: ClientContext>(&self, client: &Client<C>, brokers: &str) {
        if self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed) {
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
    fn a_client_has_lost_all_when_what_is_left_is_its_own() {
        let own = br#""brokers":{":0/internal":{"name":":0/internal","nodeid":-1,"source":"internal","state":"INIT"},"GroupCoordinator":{"source":"logical"}"#;
        let lost = Lost::default();
        lost.hear(own);
        assert!(lost.0.load(Ordering::Relaxed));
        for source in ["learned", "configured"] {
            let one = [&own[..], format!(",\"a:9092/1\":{{\"source\":\"{source}\"}}").as_bytes()].concat();
            lost.hear(&one);
            assert!(!lost.0.load(Ordering::Relaxed), "{source}");
        }
    }
}
