//! A real Apache Kafka for tests: one for the whole test process, or clusters that a test may break.
//!
//! *In*: `deploy/kafka-broker`, which starts and stops nodes; or the addresses of a running cluster in `SLUIS_KAFKA_BROKERS`.
//! *Out*: a [`Broker`], and in `client.rs` what tests do with topics. *Promised*: what is started is gone with the test process, also
//! when that panics or is killed, for the script watches it; a missing broker fails a test, it is never skipped. *Not here*: any verdict.

mod client;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use rdkafka::config::ClientConfig;
use rustix::process::{Pid, Signal, kill_process};

pub use client::{Message, Record, eventually, produce_in, unique};

/// How many pairs of ports are tried: two processes may choose the same in the same moment.
const TRIES: u16 = 4;

/// A running cluster.
pub struct Broker {
    brokers: String,
    /// Where its nodes are, if it is ours.
    dir: Option<PathBuf>,
    secure: Option<Secure>,
}

/// The listener with TLS and SCRAM-SHA-512.
#[derive(Clone)]
pub struct Secure {
    /// Its addresses.
    pub brokers: String,
    /// The certificate to trust, PEM.
    pub ca: PathBuf,
    /// Name and password of who may do everything.
    pub admin: (String, String),
    /// Name and password of who may do nothing until an access control list says so.
    pub user: (String, String),
}

impl Broker {
    /// The broker that all tests of this process share: one node, or what `SLUIS_KAFKA_BROKERS` names.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("SLUIS_KAFKA_BROKERS") {
            Ok(brokers) if !brokers.is_empty() => Self { brokers, dir: None, secure: None },
            _ => Self::start(1, &[]),
        })
    }

    /// A cluster of its own, which a test may break. With three nodes a topic has three replicas, two of which must be in sync.
    pub fn cluster(nodes: u16) -> Self {
        Self::start(nodes, &[])
    }

    /// A cluster of its own, with further options of `deploy/kafka-broker start`.
    pub fn start(nodes: u16, options: &[&str]) -> Self {
        let watched = std::process::id().to_string();
        Self::start_watching(&watched, nodes, options)
    }

    /// The same, ended with another process than this one.
    pub fn start_watching(process: &str, nodes: u16, options: &[&str]) -> Self {
        let nodes_text = nodes.to_string();
        let mut said = String::new();
        for _ in 0..TRIES {
            let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let dir = tempfile::Builder::new().prefix("kafka-").tempdir_in(root).expect("a directory").keep();
            let port = free_ports(nodes).to_string();
            let start = ["start", text(&dir), &port, "--nodes", &nodes_text, "--watch", process];
            let run = script(&[&start, options].concat());
            if run.status.success() {
                return Self::parse(&String::from_utf8_lossy(&run.stdout), dir);
            }
            let _ = fs::remove_dir_all(&dir);
            said = String::from_utf8_lossy(&run.stderr).into_owned();
            // Somebody else took the ports meanwhile; anything else would only happen again.
            if !said.contains("is taken") && !said.contains("in use") {
                break;
            }
        }
        panic!("no Kafka broker (`deploy/kafka-broker fetch` fetches it):\n{said}");
    }

    fn parse(said: &str, dir: PathBuf) -> Self {
        let mut lines = said.lines();
        let brokers = lines.next().expect("the addresses").to_owned();
        let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let pair = |name: &str| {
            let value = value(name).expect("a user");
            let (user, password) = value.split_once(':').expect("user:password");
            (user.to_owned(), password.to_owned())
        };
        let secure = value("secure=").map(|brokers| Secure {
            brokers,
            ca: value("ca=").expect("a certificate").into(),
            admin: pair("admin="),
            user: pair("user="),
        });
        Self { brokers, dir: Some(dir), secure }
    }

    /// `host:port`, separated by commas.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The secured listener of a cluster that was started with `--secure`.
    pub fn secure(&self) -> &Secure {
        self.secure.as_ref().expect("started with --secure")
    }

    /// The start of every client's configuration: where the cluster is, and not to wait long for it when it comes back.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("reconnect.backoff.max.ms", "500");
        config
    }

    /// A node crashes.
    pub fn kill(&self, node: u16) {
        self.tell("kill", node);
    }

    /// A node is started again on what it had, and is ready when this returns. One that runs is stopped before, in order.
    pub fn restart(&self, node: u16) {
        self.tell("restart", node);
    }

    /// A node stops in the middle of whatever it does.
    pub fn freeze(&self, node: u16) {
        self.signal(node, Signal::STOP);
    }

    /// A frozen node goes on.
    pub fn thaw(&self, node: u16) {
        self.signal(node, Signal::CONT);
    }

    fn signal(&self, node: u16, signal: Signal) {
        let pid = fs::read_to_string(self.dir().join(node.to_string()).join("pid")).expect("the node runs");
        let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("not 0");
        kill_process(pid, signal).expect("a signal of ours is delivered");
    }

    fn tell(&self, what: &str, node: u16) {
        let run = script(&[what, text(self.dir()), &node.to_string()]);
        assert!(run.status.success(), "{what} {node}: {}", String::from_utf8_lossy(&run.stderr));
    }

    /// The directory of a cluster of ours.
    pub fn dir(&self) -> &Path {
        self.dir.as_deref().expect("a cluster of our own, which SLUIS_KAFKA_BROKERS does not give")
    }
}

impl Drop for Broker {
    /// The shared one is never dropped; the script's watch ends it.
    fn drop(&mut self) {
        if let Some(dir) = &self.dir {
            // Nobody will read it again: a crash is as good as an orderly end, and quicker.
            script(&["stop", text(dir), "0"]);
            let _ = fs::remove_dir_all(dir);
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the target directory is text")
}

fn script(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("deploy/kafka-broker"));
    command.args(arguments).current_dir(root).output().expect("bash is there")
}

/// The first of ports that are free now, below the range that systems take client ports from, and not those that this process was given
/// before.
fn free_ports(nodes: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = (std::process::id() % 997) as u16;
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (own.wrapping_mul(11).wrapping_add(turn.wrapping_mul(10))) % 10_000;
        let listeners = [0, 100, 200].into_iter().flat_map(|kind| (0..nodes).map(move |n| port + kind + n));
        if listeners.map(|port| TcpListener::bind(("127.0.0.1", port))).all(|bound| bound.is_ok()) {
            return port;
        }
    }
}
