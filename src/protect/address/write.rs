//! Writing addresses into a buffer: dotted decimal, and RFC 5952 for IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::record::append::append;

/// Appends an address.
pub fn write_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => write_v4(v4, out),
        IpAddr::V6(v6) => write_v6(v6, out),
    }
}

/// Appends `203.0.113.7`.
#[inline]
pub fn write_v4(address: Ipv4Addr, out: &mut Vec<u8>) {
    let mut text = [0; 16];
    let mut length = 0;
    for octet in address.octets() {
        if octet >= 100 {
            text[length] = b'0' + octet / 100;
            length += 1;
        }
        if octet >= 10 {
            text[length] = b'0' + octet / 10 % 10;
            length += 1;
        }
        text[length] = b'0' + octet % 10;
        text[length + 1] = b'.';
        length += 2;
    }
    out.extend_from_slice(&text[..length - 1]);
}

/// Appends an IPv6 address as RFC 5952 section 4 recommends: lower case, no leading zeros, the longest run of two or more zero
/// groups (the first of equals) as `::`. Mapped addresses end in dotted decimal (section 5).
pub fn write_v6(address: Ipv6Addr, out: &mut Vec<u8>) {
    if let Some(v4) = address.to_ipv4_mapped() {
        out.extend_from_slice(b"::ffff:");
        write_v4(v4, out);
        return;
    }
    let groups = address.segments();
    match longest_gap(&groups) {
        None => write_groups(groups, out),
        Some((gap, gap_len)) => {
            write_groups(groups[..gap].iter().copied(), out);
            out.extend_from_slice(b"::");
            write_groups(groups[gap + gap_len..].iter().copied(), out);
        }
    }
}

/// The longest run of two or more zero groups, the first of equals: where it begins, and how long it is.
#[inline]
fn longest_gap(groups: &[u16; 8]) -> Option<(usize, usize)> {
    // Without a branch for each: two zero groups side by side, as bits.
    let zeros = groups.iter().fold(0_u32, |zeros, &group| zeros << 1 | u32::from(group == 0));
    if zeros & zeros >> 1 == 0 {
        return None;
    }
    let mut best = (0, 0);
    let mut length = 0;
    for (place, &group) in groups.iter().enumerate() {
        length = if group == 0 { length + 1 } else { 0 };
        if length > best.1 {
            best = (place + 1 - length, length);
        }
    }
    Some(best)
}

/// Appends groups with colons between them.
#[inline]
fn write_groups(groups: impl IntoIterator<Item = u16>, out: &mut Vec<u8>) {
    let mut text = [0; 48];
    let mut length = 0;
    for group in groups {
        // Eight bytes are written for at most five that count; the next group begins where those end.
        let Some(room) = text[length..].first_chunk_mut::<8>() else { break };
        let (digits, ascii) = spell(group);
        *room = (ascii | u64::from(b':') << (8 * digits)).to_le_bytes();
        length += digits + 1;
    }
    append(&text, length.saturating_sub(1), out);
}

/// A group without its leading zeros: how many digits it has, and the digits, the first in the lowest byte.
#[inline]
fn spell(group: u16) -> (usize, u64) {
    /// The two digits of every byte, the first in the lower half.
    const DIGITS: [u16; 256] = {
        let hex = b"0123456789abcdef";
        let mut digits = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            digits[byte] = u16::from_le_bytes([hex[byte >> 4], hex[byte & 15]]);
            byte += 1;
        }
        digits
    };
    let digits = ((group | 1).ilog2() / 4 + 1) as usize;
    let [high, low] = group.to_be_bytes().map(|byte| u32::from(DIGITS[usize::from(byte)]));
    // Leading zeros are in the lowest bytes.
    (digits, u64::from((high | low << 16) >> (32 - 8 * digits)))
}
