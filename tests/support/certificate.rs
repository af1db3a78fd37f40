//! A certificate of 127.0.0.1 that is its own authority.

use std::fs;
use std::path::Path;
use std::process::Command;

const CONFIG: &str = "\
[req]
distinguished_name = n
x509_extensions = x
prompt = no
[n]
CN = sluis
[x]
subjectAltName = IP:127.0.0.1
";

/// Makes `cert.pem` and `key.pem` in `folder`.
pub fn make(folder: &Path) {
    fs::write(folder.join("openssl.cnf"), CONFIG).expect("a file");
    let curve = "ec_paramgen_curve:P-256";
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", curve, "-nodes", "-days", "2"])
        .args(["-config", "openssl.cnf", "-keyout", "key.pem", "-out", "cert.pem"])
        .output()
        .expect("openssl is there: ./deploy/needs openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
