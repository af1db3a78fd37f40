//! The certificate of the admin endpoint, read again when its file has changed: it is renewed every few weeks, and a run lasts longer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// A certificate chain and its key, both PEM.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    changed: Option<SystemTime>,
    config: Arc<ServerConfig>,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is not there, or not what it should be.
    #[error("{place}: {problem}; give the PEM file of {what}")]
    File {
        /// The file.
        place: String,
        /// In few words.
        problem: &'static str,
        /// What it should be.
        what: &'static str,
    },
    /// The two do not belong together, or are of a kind that is not supported.
    #[error(
        "{place}: certificate and key cannot be used together; give the key that the certificate was made for"
    )]
    Pair {
        /// The certificate.
        place: String,
    },
}

impl Certificate {
    /// Reads both.
    pub fn read(chain: PathBuf, key: PathBuf) -> Result<Self, CertificateError> {
        let changed = changed(&chain);
        let config = read(&chain, &key)?;
        Ok(Self { chain, key, loaded: Mutex::new(Loaded { changed, config }) })
    }

    /// As it is now; while a new one cannot be used, perhaps because only one of the files is there yet, the one before.
    pub(super) fn now(&self) -> Arc<ServerConfig> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed(&self.chain);
        if changed != loaded.changed
            && let Ok(config) = read(&self.chain, &self.key)
        {
            *loaded = Loaded { changed, config };
        }
        Arc::clone(&loaded.config)
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, CertificateError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fault(certificate, &error, "a certificate and its chain"))?;
    if chain.is_empty() {
        return Err(fault(certificate, &pem::Error::NoItemsFound, "a certificate and its chain"));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| fault(key, &error, "the certificate's private key"))?;
    let pair = |_: rustls::Error| CertificateError::Pair { place: certificate.display().to_string() };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(pair)?;
    Ok(Arc::new(config))
}

/// The library's own words could quote the file.
fn fault(path: &Path, error: &pem::Error, what: &'static str) -> CertificateError {
    let problem = match error {
        pem::Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => "not there",
        pem::Error::Io(_) => "cannot be read",
        pem::Error::NoItemsFound => "holds none",
        _ => "is no PEM",
    };
    CertificateError::File { place: path.display().to_string(), problem, what }
}
