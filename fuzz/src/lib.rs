//! The entry points of the fuzzer: bytes from outside go in, and nothing but a panic or a hang can be wrong.
//!
//! *In*: any bytes. *Out*: nothing. *Promised*: each function ends for every input, in time linear in its length; what it
//! checks beyond that stands beside it. *Not here*: whether the result is right; that is the tests' work.

pub mod replay;

/// One record of every format, and every format string that can be a first line followed by a record.
pub fn parsers(data: &[u8]) {
    let _ = data;
}

/// Free text: positions found must lie inside it, in order and without overlap.
pub fn finder(data: &[u8]) {
    let _ = data;
}

/// A policy, a pipeline and a format string: refused or accepted, with places inside the text.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = sluis::record::field::is_well_formed(text);
    let _ = sluis::record::field::kind_of(text);
}
