//! Chains for another node: the keyring's text sealed to an age recipient (age-encryption.org/v1, X25519), and its way in.
//!
//! *In*: a keyring and a recipient; or sealed bytes and an identity. *Out*: sealed bytes; or a keyring with the chains
//! added. *Promised*: importing never brings back a key that is destroyed here, and never replaces a chain by another.
//! *Not here*: files. A sealed copy can be opened as long as its identity lives: it outlives the deadlines of its keys
//! unless both are deleted, which only its holder can do.

use std::io::{BufRead, Read, Write};

use zeroize::Zeroizing;

use super::chain::Chain;
use super::error::KeyError;
use super::event::KeyEvent;
use super::keyring::{Keyring, Ring};
use super::text::TEXT_BYTES_MAX;

/// Seals a whole keyring to `recipient` (`age1…`). The caller has advanced it: what is dead is not sent.
pub fn seal(keyring: &Keyring, recipient: &str) -> Result<(Vec<u8>, Vec<KeyEvent>), KeyError> {
    const FAILED: KeyError = KeyError::Seal("the chains could not be sealed: nothing was exported");
    let parsed: age::x25519::Recipient = recipient.parse().map_err(|_| {
        KeyError::Seal(
            "the recipient is not an age public key: it looks like `age1…`, as `age-keygen -y` prints it",
        )
    })?;
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&parsed as &dyn age::Recipient));
    let encryptor = encryptor.map_err(|_| FAILED)?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|_| FAILED)?;
    writer.write_all(keyring.to_text().as_bytes()).map_err(|_| FAILED)?;
    writer.finish().map_err(|_| FAILED)?;
    let event = KeyEvent::Exported { recipient: recipient.to_owned(), domains: keyring.rings.len() };
    Ok((sealed, vec![event]))
}

/// Opens sealed chains with the identities of an age key file (`AGE-SECRET-KEY-1…`, one a line).
pub fn open(sealed: &[u8], identities: impl BufRead) -> Result<Keyring, KeyError> {
    const FOREIGN: KeyError = KeyError::Seal(
        "the sealed chains are not for this identity, or damaged: export them to the recipient that `age-keygen -y` prints for it",
    );
    let identities = age::IdentityFile::from_buffer(identities).and_then(|file| {
        file.into_identities().map_err(|_| std::io::Error::other("an identity that cannot be used"))
    });
    let identities = identities.map_err(|_| {
        KeyError::Seal("the identity file is not one of age: it has lines that begin with `AGE-SECRET-KEY-1`")
    })?;
    let decryptor = age::Decryptor::new_buffered(sealed).map_err(|_| FOREIGN)?;
    let identities = identities.iter().map(|identity| &**identity as &dyn age::Identity);
    let mut reader = decryptor.decrypt(identities).map_err(|_| FOREIGN)?.take(TEXT_BYTES_MAX as u64);
    // The sealed form is longer than the text, so that the buffer need not grow; the rest is what `read_to_end` asks for.
    let mut text = Zeroizing::new(Vec::with_capacity(sealed.len() + 64));
    reader.read_to_end(&mut text).map_err(|_| FOREIGN)?;
    Keyring::from_text(&text)
}

impl Keyring {
    /// Takes over the chains of `other`: domains that are new, and renewals of those that are known. Where both have a
    /// chain, the one here stays at its epoch. All or nothing.
    pub fn merge(&mut self, other: Self) -> Result<Vec<KeyEvent>, KeyError> {
        let mut plans = Vec::new();
        for ring in &other.rings {
            plans.push(match self.counterpart(ring) {
                Some(index) => Some(self.rings[index].match_with(ring)?),
                None => None,
            });
        }
        let mut events = Vec::new();
        for (theirs, plan) in other.rings.into_iter().zip(plans) {
            let name = theirs.label();
            let Some(plan) = plan else {
                self.rings.push(theirs);
                events.push(KeyEvent::Imported { domain: name });
                continue;
            };
            let ours = self.rings.iter_mut().find(|ring| ring.label() == name);
            if ours.is_some_and(|ours| ours.take_over(theirs, plan, &mut events)) {
                events.push(KeyEvent::Imported { domain: name });
            }
        }
        Ok(events)
    }
}

/// How two lists of chains lie against each other: `ours[our_skip..]` and `their[their_skip..]` are the same lines.
#[derive(Clone, Copy)]
struct Plan {
    our_skip: usize,
    their_skip: usize,
}

impl Ring {
    /// Finds how the chains of both lists match, or refuses. Either list may lack old chains that have died there, and
    /// one of them may have renewals that the other does not know; the rest must be the same.
    fn match_with(&self, theirs: &Self) -> Result<Plan, KeyError> {
        let same = |ours: &Chain, their: &Chain| ours.is_same_line(&self.label(), their);
        let conflict = || KeyError::Conflict { domain: self.label() };
        let mut plan = None;
        for (their_skip, chain) in theirs.chains.iter().enumerate() {
            if plan.is_none() && same(&self.chains[0], chain)? {
                plan = Some(Plan { our_skip: 0, their_skip });
            }
        }
        for (our_skip, chain) in self.chains.iter().enumerate() {
            if plan.is_none() && same(chain, &theirs.chains[0])? {
                plan = Some(Plan { our_skip, their_skip: 0 });
            }
        }
        let plan = plan.ok_or_else(conflict)?;
        let pairs = self.chains[plan.our_skip..].iter().zip(&theirs.chains[plan.their_skip..]);
        for (ours, their) in pairs {
            let ends_agree = ours.until == their.until || ours.until.is_none() || their.until.is_none();
            if !ends_agree || !same(ours, their)? {
                return Err(conflict());
            }
        }
        Ok(plan)
    }

    /// Adds what only they have: a longer retention, and renewals after our last chain. Says whether that changed us.
    fn take_over(&mut self, theirs: Self, plan: Plan, events: &mut Vec<KeyEvent>) -> bool {
        if theirs.retention_seconds > self.retention_seconds {
            let from = std::mem::replace(&mut self.retention_seconds, theirs.retention_seconds);
            events.push(KeyEvent::Raised { domain: self.label(), from, to: self.retention_seconds });
        }
        let common = self.chains.len() - plan.our_skip;
        let mut rest = theirs.chains.into_iter().skip(plan.their_skip + common - 1);
        // The counterpart of our last chain knows where it ends, if a renewal follows.
        let (Some(last), Some(counterpart)) = (self.chains.last_mut(), rest.next()) else { return false };
        if counterpart.until.is_none() {
            return false;
        }
        last.until = counterpart.until;
        self.chains.extend(rest);
        true
    }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
