//! Is it as the policy says? What a data protection officer asks of a running installation.
//!
//! *In*: a plan, its stores, its journal, its keyring, the time. *Out*: answers for people and for monitors. *Promised*: nothing is
//! changed; nothing of a record is read or shown. *Not here*: mending (`retention`, `keys`).

pub mod audit;
pub mod encrypted;
pub mod evidence;
pub mod policies;
pub mod stored;
pub mod topics;
