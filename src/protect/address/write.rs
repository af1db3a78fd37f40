//! Writing addresses into a buffer: dotted decimal, and RFC 5952 for IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    let (mut best_start, mut best_length) = (8, 1);
    let (mut start, mut length) = (0, 0);
    for (place, &group) in groups.iter().enumerate() {
        if group == 0 {
            if length == 0 {
                start = place;
            }
            length += 1;
            if length > best_length {
                (best_start, best_length) = (start, length);
            }
        } else {
            length = 0;
        }
    }
    let mut text = [0; 40];
    let mut length = 0;
    let mut place = 0;
    while place < 8 {
        if place == best_start {
            text[length] = b':';
            text[length + 1] = b':';
            length += 2;
            place += best_length;
            continue;
        }
        if place > 0 && place != best_start + best_length {
            text[length] = b':';
            length += 1;
        }
        length += write_group(groups[place], &mut text[length..]);
        place += 1;
    }
    out.extend_from_slice(&text[..length]);
}

/// Writes a group without its leading zeros; returns how many digits it has.
#[inline]
fn write_group(group: u16, text: &mut [u8]) -> usize {
    let digits = (usize::from(group | 1).ilog2() / 4 + 1) as usize;
    // All four at once, moved so that the first that counts comes first; what is too much is overwritten.
    let nibbles = u32::from(group) << (16 - 4 * digits);
    let spread = (nibbles >> 12 & 15)
        | (nibbles & 0x0f00)
        | (nibbles << 12 & 0x000f_0000)
        | (nibbles << 24 & 0x0f00_0000);
    // Ten and more are letters: 39 further on than digits.
    let letters = (spread + 0x0606_0606) >> 4 & 0x0101_0101;
    let ascii = spread + 0x3030_3030 + letters * 39;
    if let Some(room) = text.first_chunk_mut::<4>() {
        *room = ascii.to_le_bytes();
    } else {
        text[..digits].copy_from_slice(&ascii.to_le_bytes()[..digits]);
    }
    digits
}
