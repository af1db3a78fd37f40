//! The key and headers of a message that its source carries over: taken from what came, given to what leaves.

use std::ffi::{CStr, CString};

use crate::config::kafka::{Carried, HEADERS_MAX};
use crate::config::plan::{Plan, SourcePlan as Planned};
use crate::kafka::ffi::Incoming;
use crate::pipeline::worker::SourcePlan;
use crate::pipeline::worker::carried::{Beside, CarriedPlan};

/// A header: its name and value.
pub(super) type Header<'a> = (&'a CStr, &'a [u8]);

/// What a source carries over.
pub(super) struct Carry {
    key: bool,
    names: Vec<CString>,
    /// How it is treated.
    pub plan: CarriedPlan,
}

impl Carry {
    /// `None` where everything beside the payload is dropped.
    pub(super) fn new(
        plan: &Plan,
        planned: &Planned,
        compiled: &SourcePlan,
        carried: &Carried,
    ) -> Result<Option<Self>, String> {
        if carried.is_empty() {
            return Ok(None);
        }
        let name = |(name, _): &(String, String)| {
            CString::new(name.as_str()).map_err(|_| "a header's name with a zero byte".to_owned())
        };
        Ok(Some(Self {
            key: carried.key.is_some(),
            names: carried.headers.iter().map(name).collect::<Result<_, _>>()?,
            plan: CarriedPlan::new(plan, planned, compiled, carried),
        }))
    }

    /// Takes what is named out of a message, of several headers of one name the last, as Kafka's clients do. Returns how many values are
    /// no text, and so cannot be treated.
    pub(super) fn take(&self, message: Incoming<'_>, beside: &mut Beside) -> u64 {
        beside.clear();
        let mut untreated = 0;
        let key = message.key().filter(|_| self.key).map(|key| (0, key));
        let headers = (1_u16..).zip(&self.names);
        let headers = headers.filter_map(|(slot, name)| Some((slot, message.last_header(name)?)));
        for (slot, value) in key.into_iter().chain(headers) {
            untreated += u64::from(!beside.add(slot, value));
        }
        untreated
    }

    /// Calls `send` with the key and all headers of a message: our own, then those that are carried over.
    pub(super) fn with<'a, T>(
        &'a self,
        own: Header<'a>,
        values: impl Iterator<Item = (u16, &'a [u8])>,
        send: impl FnOnce(Option<&'a [u8]>, &[Header<'a>]) -> T,
    ) -> T {
        let mut headers: [Header<'a>; 1 + HEADERS_MAX] = [own; 1 + HEADERS_MAX];
        let (mut key, mut count) = (None, 1);
        for (slot, value) in values {
            match usize::from(slot).checked_sub(1) {
                None => key = Some(value),
                Some(at) if count < headers.len() => {
                    headers[count] = (&self.names[at], value);
                    count += 1;
                }
                Some(_) => {}
            }
        }
        send(key, &headers[..count])
    }
}
