//! The list of all that must not be in a cleaned log.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Pairs of kind and value, each once. A value is listed when it is written into a log, so that all that is listed can be found
/// there.
#[derive(Default)]
pub struct Secrets(BTreeSet<(&'static str, String)>);

impl Secrets {
    pub fn add(&mut self, kind: &'static str, value: &str) {
        self.0.insert((kind, value.to_owned()));
    }

    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = String::new();
        for (kind, value) in &self.0 {
            text.push_str(&format!("{kind}\t{value}\n"));
        }
        fs::write(path, text)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}
