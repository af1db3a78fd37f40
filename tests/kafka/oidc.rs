//! A token of an OpenID Connect provider instead of a password: fetched over TLS by every client of a run, and taken by the broker.
//!
//! The provider is ours, since none can be had here: it gives any client that knows its secret a token, as RFC 6749 section 4.4 says. The
//! broker takes tokens that nobody signed; what it does with a signed one is its own matter.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::ground::{Ground, QUICK, Shape, wait_for};
use crate::support::broker::{Broker, Record};
use crate::support::certificate;
use crate::support::numbered::{line, within};

/// A provider that runs as long as the test process.
struct Provider {
    port: u16,
    /// Tokens it gave, and clients that it refused.
    given: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

const CLIENT: &str = "sluis:client-secret";

impl Provider {
    fn start(folder: &Path) -> Self {
        certificate::make(folder);
        let chain = vec![CertificateDer::from_pem_file(folder.join("cert.pem")).expect("PEM")];
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("PEM");
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate");
        let tls = Arc::new(tls);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (given, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (Arc::clone(&given), Arc::clone(&refused));
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let session = ServerConnection::new(Arc::clone(&tls)).expect("a session");
                let mut stream = StreamOwned::new(session, socket);
                let (status, body) = answer(&request(&mut stream));
                let count = if status == 200 { &counts.0 } else { &counts.1 };
                count.fetch_add(1, Ordering::Relaxed);
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all((head + &body).as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        Self { port, given, refused }
    }
}

/// Head and body of a request, as far as they come.
fn request(stream: &mut impl std::io::Read) -> String {
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        text += &String::from_utf8_lossy(&bytes[..count]);
        if text.contains("\r\n\r\n") && text.contains("grant_type=client_credentials") {
            break;
        }
    }
    text
}

fn answer(request: &str) -> (u16, String) {
    let basic = format!("Basic {}", STANDARD.encode(CLIENT));
    if !request.starts_with("POST /token ") || !request.contains(&basic) {
        return (401, r#"{"error":"invalid_client"}"#.to_owned());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    // The user whom the broker lets do everything.
    let claims = format!(r#"{{"sub":"admin","iat":{now},"exp":{},"scope":"kafka"}}"#, now + 3600);
    let token = format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims));
    (200, format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#))
}

fn kafka(broker: &Broker, provider: &Provider) -> String {
    let (ca, port) = (broker.secure().ca.display(), provider.port);
    format!(
        "tls = {{ ca = \"{ca}\" }}\nsasl = {{ mechanism = \"OAUTHBEARER\", token_url = \"https://127.0.0.1:{port}/token\", \
         token_ca = \"cert.pem\", client_id = \"sluis\", client_secret = {{ file = \"secret\" }}, scope = \"kafka\" }}\n{QUICK}"
    )
}

#[test]
fn a_token_of_a_provider_is_fetched_and_taken() {
    let broker = Broker::start(1, &["--secure"]);
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start(folder.path());
    let kafka = kafka(&broker, &provider);
    let ground = Ground::new(&broker, &Shape { partitions: 1, kafka: &kafka, ..Shape::default() });
    fs::copy(folder.path().join("cert.pem"), ground.path("cert.pem")).unwrap();

    // A wrong secret is told as what it is, and not shown.
    fs::write(ground.path("secret"), "not-the-secret\n").unwrap();
    let instance = ground.start_at("wrong", &broker.secure().brokers);
    let refused =
        within(60, || provider.refused.load(Ordering::Relaxed) > 0 && instance.said().contains("[kafka]"));
    let said = instance.said();
    assert!(refused && !said.contains("not-the-secret"), "{said}");
    assert_eq!(provider.given.load(Ordering::Relaxed), 0);
    drop(instance);

    fs::write(ground.path("secret"), "client-secret\n").unwrap();
    broker.produce(&ground.raw, &[Record::to(0, line(1).trim_end())]);
    let instance = ground.start_at("one", &broker.secure().brokers);
    assert_eq!(wait_for(&ground, 1, &instance).len(), 1);
    let run = instance.stop();
    run.expect_code(0);
    // The check at the start, a consumer and a producer.
    assert!(provider.given.load(Ordering::Relaxed) >= 3, "{}", run.err_text());
    assert!(!run.err_text().contains("client-secret"), "{}", run.err_text());
}
