//! The formats that have names.
//!
//! *In*: nothing. *Out*: programs. *Promised*: a line of nginx and one of Apache are decoded alike, since Apache's rules
//! understand nginx's `\xHH` as well. *Not here*: formats that a site has given a name of its own.

use super::logformat::{Program, apache};

/// The common log format (NCSA, Apache `common`).
pub const COMMON: &str = r#"%h %l %u %t "%r" %>s %b"#;
/// The combined log format, nginx's default.
pub const COMBINED: &str = r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;
/// Debian's `vhost_combined`.
pub const VHOST_COMBINED: &str = r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#;

/// [`COMMON`], compiled.
pub fn common() -> Program {
    preset(COMMON)
}

/// [`COMBINED`], compiled.
pub fn combined() -> Program {
    preset(COMBINED)
}

/// [`VHOST_COMBINED`], compiled.
pub fn vhost_combined() -> Program {
    preset(VHOST_COMBINED)
}

fn preset(text: &str) -> Program {
    match apache(text, None, &|_| None) {
        Ok(program) => program,
        // Three constants, each compiled by a test.
        Err(error) => unreachable!("a preset does not compile: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Parser;

    #[test]
    fn every_preset_compiles() {
        assert_eq!(common().layout().slots.len(), 12);
        assert_eq!(combined().layout().slots.len(), 14);
        assert_eq!(vhost_combined().layout().slots.len(), 16);
    }
}
