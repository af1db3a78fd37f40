//! How values are written: by servers in their logs, and as tokens, addresses and times on the way out.
//!
//! *In*: decoded values. *Out*: their spellings. *Promised*: standard library, `jiff` and `base64` only.

use std::net::Ipv6Addr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::tz::{Offset, TimeZone};

use super::generate::Hand;

/// The first 120 bits of a token as an address of RFC 4193.
pub fn unique_local(token: [u8; 16]) -> String {
    let mut bytes = [0xfd; 16];
    bytes[1..].copy_from_slice(&token[..15]);
    Ipv6Addr::from(bytes).to_string()
}

/// RFC 4648, section 5, without padding.
pub fn base64(token: [u8; 16]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(token)
}

/// A value as its server writes it (`ngx_http_log_escape`, `ap_escape_logitem`).
pub fn spelled(hand: Hand, value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match (hand, byte) {
            (Hand::Nginx, b'"' | b'\\' | ..32 | 127..) => out.push_str(&format!("\\x{byte:02X}")),
            (Hand::Apache, b'"' | b'\\') => out.extend(['\\', char::from(byte)]),
            (Hand::Apache, b'\n') => out.push_str("\\n"),
            (Hand::Apache, b'\t') => out.push_str("\\t"),
            (Hand::Apache, ..32 | 127..) => out.push_str(&format!("\\x{byte:02x}")),
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// `2026-11-21T10:15:32Z`.
pub fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

/// `21/Nov/2026:10:15:32 +0100`.
pub fn common_log(seconds: i64, east: i32) -> String {
    let zone = TimeZone::fixed(Offset::from_seconds(east).unwrap());
    let time = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(zone);
    time.strftime("%d/%b/%Y:%H:%M:%S %z").to_string()
}
