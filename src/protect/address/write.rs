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
    let mut place = 0;
    while place < 8 {
        if place == best_start {
            out.extend_from_slice(b"::");
            place += best_length;
            continue;
        }
        if place > 0 && place != best_start + best_length {
            out.push(b':');
        }
        let group = groups[place];
        for shift in [12, 8, 4, 0] {
            if shift == 0 || group >> shift != 0 {
                out.push(b"0123456789abcdef"[usize::from(group >> shift & 15)]);
            }
        }
        place += 1;
    }
}
