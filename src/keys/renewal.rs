//! Renewal: fresh random chains from a coming epoch on.
//!
//! The answer to a leak, and the way to another epoch length. The old chain keeps serving until the renewal begins and
//! lives until its last epoch dies, so that no record of the past loses its tokens before its time.

use super::chain::{Chain, EPOCH_SECONDS_MAX, EPOCH_SECONDS_MIN, seconds_of};
use super::error::KeyError;
use super::event::KeyEvent;
use super::keyring::{Keyring, Ring};
use super::secret::Secret;
use crate::record::timestamp::Timestamp;

/// From when on a renewal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewFrom {
    /// The first epoch boundary after now.
    Next,
    /// This epoch, by the number of the domain's present epoch length.
    Epoch(u64),
    /// The first epoch boundary at or after this instant.
    Instant(Timestamp),
}

impl Keyring {
    /// Gives the domain of this name, or the storage of this label, a fresh chain. `epoch_seconds` is its new epoch length; `None` leaves it as it is. A
    /// renewal that was to begin at the same time or later, and so was never used, is replaced.
    pub fn renew(
        &mut self,
        name: &str,
        from: RenewFrom,
        epoch_seconds: Option<u64>,
        now: Timestamp,
    ) -> Result<Vec<KeyEvent>, KeyError> {
        let unknown = || KeyError::UnknownDomain { domain: name.to_owned() };
        let ring = self.rings.iter_mut().find(|ring| ring.label() == name).ok_or_else(unknown)?;
        ring.renew(from, epoch_seconds, seconds_of(now))
    }
}

impl Ring {
    fn renew(
        &mut self,
        from: RenewFrom,
        epoch_seconds: Option<u64>,
        now: u64,
    ) -> Result<Vec<KeyEvent>, KeyError> {
        let (first, present) = (&self.chains[0], self.chains[self.serving(now)].epoch_seconds);
        if first.start_of(first.epoch) > now {
            // A clock that went back: every chain would look unused, and be destroyed.
            return Err(KeyError::Clock { domain: self.label(), epochs: first.epoch - first.epoch_at(now) });
        }
        let wanted = epoch_seconds.unwrap_or(present);
        let is_domain = self.storage().is_none();
        if !is_domain && wanted != present {
            let problem = format!("its epochs follow from the retention and last {present} s");
            return Err(KeyError::Domain { domain: self.label(), problem });
        }
        let outside =
            !(EPOCH_SECONDS_MIN..=EPOCH_SECONDS_MAX).contains(&wanted) || wanted > self.retention_seconds;
        if is_domain && outside {
            let problem = format!(
                "an epoch lasts from {EPOCH_SECONDS_MIN} s to the domain's longest retention, {} s",
                self.retention_seconds
            );
            return Err(KeyError::Domain { domain: self.name.clone(), problem });
        }
        let boundary = self.boundary(from, present, wanted, now)?;
        // Made before anything changes: without random bytes nothing is renewed.
        let key = Secret::random()?;
        let mut events = Vec::new();
        let (name, line) = (&self.label(), self.line());
        self.chains.retain(|chain| {
            let never_used = chain.start_of(chain.epoch) >= boundary;
            if never_used {
                events.push(KeyEvent::Destroyed { domain: name.clone(), epoch: chain.epoch });
            }
            !never_used
        });
        if let Some(last) = self.chains.last_mut() {
            last.until = Some(last.epoch_at(boundary));
        }
        let epoch = boundary / wanted;
        self.chains.push(Chain { key, line, epoch_seconds: wanted, epoch, until: None });
        events.push(KeyEvent::Renewed { domain: self.label(), epoch, epoch_seconds: wanted });
        Ok(events)
    }

    /// When the renewal begins, in seconds since 1970: a boundary of the old and of the new epochs, in the future.
    fn boundary(&self, from: RenewFrom, present: u64, wanted: u64, now: u64) -> Result<u64, KeyError> {
        let refuse = |problem: String| KeyError::Renewal { domain: self.label(), problem };
        let earliest = match from {
            RenewFrom::Next => now + 1,
            RenewFrom::Epoch(epoch) => epoch.saturating_mul(present),
            RenewFrom::Instant(instant) => seconds_of(instant),
        };
        if earliest <= now {
            let next = now / present + 1;
            return Err(refuse(format!("only a coming epoch can be renewed: the next is {next}")));
        }
        let mut boundary = earliest;
        // Another renewal with another length may stand before this one, or between `earliest` and the first boundary
        // that fits. Each turn moves to a later chain or ends.
        loop {
            let before = self.chains[self.serving(boundary - 1)].epoch_seconds;
            let aligned = lcm(before, wanted)
                .and_then(|step| boundary.div_ceil(step).checked_mul(step))
                .filter(|&aligned| i64::try_from(aligned).is_ok())
                .ok_or_else(|| refuse("that is beyond the end of time".into()))?;
            if aligned == boundary {
                break;
            }
            boundary = aligned;
        }
        match from {
            RenewFrom::Epoch(epoch) if boundary != earliest => Err(refuse(format!(
                "epoch {epoch} does not begin with an epoch of {wanted} s: the next that does is {}",
                boundary / present
            ))),
            _ => Ok(boundary),
        }
    }
}

/// The least common multiple.
fn lcm(left: u64, right: u64) -> Option<u64> {
    let (mut a, mut b) = (left, right);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (left / a).checked_mul(right)
}
