//! The sockets of the admin endpoint: one thread, and a bound on everything that whoever connects can ask for.
//!
//! A connection has one request: the next scrape opens another, and none can be held open. It has ten seconds for all of it, TLS and
//! answer included. Requests beyond the bounds are refused by hyper; connections beyond theirs wait in the kernel's queue.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::time;
use tokio_rustls::TlsAcceptor;

use super::admin::{Settings, Told, routes};
use super::tls::Certificate;

/// Connections at one time: a Prometheus pair, the probes, and a person or two.
const CONNECTIONS_MAX: usize = 16;
/// From its acceptance to its end.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// For the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// Bytes of the head of a request, its line and its headers.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// After a connection could not be accepted, as when the process has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address cannot be had.
    #[error("admin endpoint on {listen}: {problem}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What is wrong, with the remedy.
        problem: String,
    },
}

/// An endpoint that answers until it is dropped.
pub struct Admin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Opens the endpoint; it answers from now on.
    pub fn begin(settings: Settings, told: Told) -> Result<Self, AdminError> {
        let listen = settings.listen;
        let fault = |error: io::Error| AdminError::Listen { listen, problem: in_words(&error) };
        let listener = TcpListener::bind(listen).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let runtime =
            runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(fault)?;
        let (stop, stopped) = oneshot::channel();
        let routes = routes(told, settings.token);
        let thread = thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || {
                // What is open ends with the runtime.
                runtime.block_on(async {
                    tokio::spawn(accept(listener, routes, settings.tls));
                    let _ = stopped.await;
                });
            })
            .map_err(fault)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Takes connections for ever.
async fn accept(listener: TcpListener, routes: Router, tls: Option<Certificate>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((socket, _)) = listener.accept().await else {
            time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (routes, tls) = (routes.clone(), tls.as_ref().map(Certificate::now));
        tokio::spawn(async move {
            let _place = place;
            // A client that is too slow, or speaks something else, is no concern of ours.
            let _ = time::timeout(CONNECTION_TIME, async {
                match tls {
                    None => serve(socket, routes).await,
                    Some(config) => {
                        if let Ok(socket) = TlsAcceptor::from(config).accept(socket).await {
                            serve(socket, routes).await;
                        }
                    }
                }
            })
            .await;
        });
    }
}

async fn serve(socket: impl AsyncRead + AsyncWrite + Unpin + 'static, routes: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEAD_TIME)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(routes));
    let _ = connection.await;
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken; choose another, or stop what has it".to_owned(),
        io::ErrorKind::AddrNotAvailable => "no address of this machine; write one that is".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 are for root; choose another".to_owned(),
        kind => kind.to_string(),
    }
}
