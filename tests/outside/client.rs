//! A client for the admin endpoint: one request per connection, plain or over TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// What came back; status 0 when that was no HTTP.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Where to ask, and how.
#[derive(Clone)]
pub struct Endpoint {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

impl Endpoint {
    pub fn new(address: &str) -> Self {
        Self { address: address.parse().expect("an address"), tls: None }
    }

    /// The same port on 127.0.0.1.
    pub fn on_loopback(&self) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], self.address.port()));
        Self { address, ..self.clone() }
    }

    /// Over TLS, with one certificate that is trusted.
    pub fn trusting(self, certificate: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).expect("PEM")).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { tls: Some(Arc::new(config)), ..self }
    }

    pub fn is_closed(&self) -> bool {
        TcpStream::connect(self.address).is_err()
    }

    pub fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: sluis\r\n{token}\r\n");
        let socket = TcpStream::connect(self.address).expect("the endpoint takes connections");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        let text = match &self.tls {
            None => exchange(socket, &request),
            Some(config) => {
                let name = ServerName::from(self.address.ip());
                let session = ClientConnection::new(Arc::clone(config), name).expect("a session");
                exchange(StreamOwned::new(session, socket), &request)
            }
        };
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, body: body.to_owned() }
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> String {
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    // A TLS stream that ends without a farewell is an error after all was read.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The first line of a stream, with its newline.
pub fn first_line(stream: &mut impl Read) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\n") && stream.read(&mut byte).expect("a pipe reads") > 0 {
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).into_owned()
}
