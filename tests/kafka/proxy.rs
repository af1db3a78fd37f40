//! A way to a node that can be cut, as a network is: nothing is closed, nothing comes through.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::broker::Broker;

/// A TCP proxy before one node, and a listener of the node that names it to clients.
pub struct Proxy {
    address: String,
    is_cut: Arc<AtomicBool>,
}

impl Proxy {
    /// Gives a node another listener, which clients reach through this proxy only. The node is restarted.
    pub fn before(broker: &Broker, node: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        // The port is free a moment before the node takes it.
        let own =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").to_string();
        let file = broker.dir().join(node.to_string()).join("server.properties");
        let text = fs::read_to_string(&file).expect("properties");
        let more = |line: &str| match line.split_once('=') {
            Some(("listeners", value)) => format!("listeners={value},CUT://{own}"),
            Some(("advertised.listeners", value)) => format!("advertised.listeners={value},CUT://{address}"),
            Some(("listener.security.protocol.map", value)) => {
                format!("listener.security.protocol.map={value},CUT:PLAINTEXT")
            }
            _ => line.to_owned(),
        };
        fs::write(&file, text.lines().map(more).collect::<Vec<_>>().join("\n")).expect("properties");
        broker.restart(node);
        let is_cut = Arc::new(AtomicBool::new(false));
        let cut = Arc::clone(&is_cut);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&own) else { continue };
                let (Ok(back), Ok(forth)) = (server.try_clone(), client.try_clone()) else { continue };
                for (from, to) in [(client, server), (back, forth)] {
                    let cut = Arc::clone(&cut);
                    thread::spawn(move || carry(from, to, &cut));
                }
            }
        });
        Self { address, is_cut }
    }

    /// `host:port` for clients.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Cuts the way, or mends it: what was sent meanwhile comes then, as TCP sends it again.
    pub fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Relaxed);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        while cut.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
