//! A whole column: one address in any spelling that servers and proxies write, or what stands there instead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::canonical;
use crate::record::positions::{BLOCK, Lane, mask};

/// What a column that should hold an address holds. Positions are bytes `start..end` of the column, without brackets, port,
/// zone and prefix length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// An address, in its canonical form.
    Address {
        /// The address.
        address: IpAddr,
        /// First byte of its text.
        start: usize,
        /// One past the last byte of its text; what follows is a zone, a bracket, a port or a prefix length.
        end: usize,
    },
    /// A network or a masked address (`192.0.2.0/24`, `192.0.2.xxx`): already coarser than an address.
    Masked {
        /// The address with its masked part as zero.
        address: IpAddr,
        /// First byte of its text.
        start: usize,
        /// One past the last byte of its text.
        end: usize,
    },
    /// A unix domain socket (`unix:`, `unix:/run/x.sock`): no address of anyone.
    Unix,
    /// A host name (letters, digits, dots, dashes, underscores; at least one letter). It may hold an address: scrub it.
    Host,
    /// `unknown` or an obfuscated name (RFC 7239 section 6).
    Obscure,
}

/// Reads a column. `None` when it is none of these, also when empty or `-`.
pub fn parse_field(column: &[u8]) -> Option<Column> {
    // Nearly every column is a plain IPv4 address: nothing else is tried first.
    if let Some(v4) = parse_v4(column) {
        return Some(Column::Address { address: IpAddr::V4(v4), start: 0, end: column.len() });
    }
    match column.first()? {
        b'[' => {
            let close = memchr::memchr(b']', column)?;
            let rest = &column[close + 1..];
            (rest.is_empty() || is_port(rest)).then_some(())?;
            let (address, length) = parse_v6_zone(&column[1..close])?;
            Some(Column::Address { address, start: 1, end: 1 + length })
        }
        b'_' if column.len() > 1 && column[1..].iter().all(|&byte| is_name(byte)) => Some(Column::Obscure),
        _ if column.eq_ignore_ascii_case(b"unknown") => Some(Column::Obscure),
        _ if column.starts_with(b"unix:") => Some(Column::Unix),
        _ => bare(column),
    }
}

/// A column without brackets, or a part of one.
fn bare(column: &[u8]) -> Option<Column> {
    if let Some(v4) = parse_v4(column) {
        return Some(Column::Address { address: IpAddr::V4(v4), start: 0, end: column.len() });
    }
    if let Some(slash) = memchr::memchr(b'/', column) {
        let bits = &column[slash + 1..];
        if memchr::memchr(b'/', bits).is_some() {
            return None;
        }
        let number = !bits.is_empty() && bits.len() <= 3 && bits.iter().all(u8::is_ascii_digit);
        return match bare(&column[..slash]) {
            Some(Column::Address { address, start, end }) if number => {
                Some(Column::Masked { address, start, end })
            }
            // Java writes `host/203.0.113.7:443` and `/203.0.113.7`.
            _ if slash == 0 || column[..slash].iter().all(|&byte| is_name(byte)) => match bare(bits) {
                Some(Column::Address { address, start, end }) => {
                    Some(Column::Address { address, start: start + slash + 1, end: end + slash + 1 })
                }
                _ => None,
            },
            _ => None,
        };
    }
    let colons = memchr::memchr_iter(b':', column).take(2).count();
    if colons == 1 {
        let colon = memchr::memchr(b':', column)?;
        if !is_port(&column[colon..]) {
            return None;
        }
        return match parse_v4(&column[..colon]) {
            Some(v4) => Some(Column::Address { address: IpAddr::V4(v4), start: 0, end: colon }),
            None => is_host(&column[..colon]).then_some(Column::Host),
        };
    }
    if colons > 1 {
        if let Some((address, end)) = parse_v6_zone(column) {
            return Some(Column::Address { address, start: 0, end });
        }
        // Apache's error log writes IPv6 and port without brackets; only what cannot be a group is a port.
        let colon = memchr::memrchr(b':', column)?;
        let (address, end) = parse_v6_zone(&column[..colon])?;
        return is_port(&column[colon..]).then_some(Column::Address { address, start: 0, end });
    }
    if let Some(masked) = masked_v4(column) {
        return Some(Column::Masked { address: IpAddr::V4(masked), start: 0, end: column.len() });
    }
    is_host(column).then_some(Column::Host)
}

/// Four groups of one to three digits, none above 255; leading zeros are decimal, as log writers pad. The whole of `text`.
#[inline]
pub fn parse_v4(text: &[u8]) -> Option<Ipv4Addr> {
    if text.len() < 7 || text.len() > 15 {
        return None;
    }
    let mut bits = 0_u32;
    let mut value = 0_u32;
    let mut digits = 0;
    let mut dots = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            // More than three digits are refused below, whatever their value became.
            value = value.wrapping_mul(10).wrapping_add(u32::from(digit));
            digits += 1;
        } else if byte == b'.' && digits != 0 && digits <= 3 && value <= 255 && dots < 3 {
            bits = bits << 8 | value;
            value = 0;
            digits = 0;
            dots += 1;
        } else {
            return None;
        }
    }
    (dots == 3 && digits != 0 && digits <= 3 && value <= 255).then(|| Ipv4Addr::from_bits(bits << 8 | value))
}

/// An IPv6 address, perhaps with a zone, in its canonical form, and the length of its text without the zone.
fn parse_v6_zone(text: &[u8]) -> Option<(IpAddr, usize)> {
    let end = memchr::memchr(b'%', text).unwrap_or(text.len());
    let zone = &text[end..];
    if !zone.is_empty() && (zone.len() == 1 || !zone[1..].iter().all(|&byte| is_name(byte))) {
        return None;
    }
    if end > 45 {
        return None;
    }
    let v6 = match groups(&text[..end]) {
        Some(groups) => Ipv6Addr::from(groups),
        // Dotted decimal at the end, or none at all.
        None => std::str::from_utf8(&text[..end]).ok()?.parse().ok()?,
    };
    Some((canonical(IpAddr::V6(v6)), end))
}

/// The groups of an IPv6 address without dotted decimal (RFC 4291 section 2.2), faster than the standard library's reading of
/// any address.
///
/// The colons are found together; what stands between two of them is at most four digits, which are read together.
fn groups(text: &[u8]) -> Option<[u16; 8]> {
    let mut block = [0; BLOCK];
    // Four bytes in front, so that a group can be read with what stands before it.
    block.get_mut(4..4 + text.len())?.copy_from_slice(text);
    let end = 4 + text.len();
    let mut colons = mask(&block, |lane| lane.simd_eq(Lane::splat(b':'))) | 1 << end;
    let mut groups = [0_u16; 8];
    let (mut count, mut gap, mut start) = (0, None, 4);
    while colons != 0 {
        let colon = colons.trailing_zeros() as usize;
        colons &= colons - 1;
        if colon > start {
            *groups.get_mut(count)? = group(&block, start, colon)?;
            count += 1;
        } else if colon == end {
            // One colon at the end belongs to nothing; two are the gap.
            if gap != Some(count) || count == 8 {
                return None;
            }
        } else if start == 4 {
            // A colon at the beginning is the first of two.
            if block[5] != b':' {
                return None;
            }
        } else if gap.replace(count).is_some() {
            return None;
        }
        start = colon + 1;
    }
    match gap {
        None => (count == 8).then_some(groups),
        Some(gap) if count < 8 => {
            groups[gap..].rotate_right(8 - count);
            Some(groups)
        }
        Some(_) => None,
    }
}

/// The hexadecimal number in bytes `start..end` of `block`, of one to four digits.
#[inline]
fn group(block: &[u8; BLOCK], start: usize, end: usize) -> Option<u16> {
    let digits = end - start;
    let last = u32::from_be_bytes(*block.get(end - 4..end)?.first_chunk()?);
    if digits > 4 || !block[start..end].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    // A letter has bit 6, and its low four bits are nine less than its value.
    let last = last & (u32::MAX >> (32 - 8 * digits));
    let values = (last & 0x0f0f_0f0f) + (last >> 6 & 0x0101_0101) * 9;
    let pairs = (values | values >> 4) & 0x00ff_00ff;
    Some((pairs >> 8 | pairs) as u16)
}

/// `192.0.2.xxx`, `192.0.2.*`, `203.0.x.x`: what masking tools leave.
fn masked_v4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut groups = text.split(|&byte| byte == b'.');
    let mut masked = false;
    for octet in &mut octets {
        let group = groups.next()?;
        if matches!(group, b"x" | b"xx" | b"xxx" | b"X" | b"XX" | b"XXX" | b"*") {
            masked = true;
        } else {
            if masked || group.is_empty() || group.len() > 3 || !group.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let value = group.iter().fold(0_u16, |value, &byte| value * 10 + u16::from(byte - b'0'));
            *octet = u8::try_from(value).ok()?;
        }
    }
    (masked && groups.next().is_none()).then(|| Ipv4Addr::from(octets))
}

/// `:443`, or RFC 7239's obfuscated `:_port`.
fn is_port(text: &[u8]) -> bool {
    let Some((b':', port)) = text.split_first() else { return false };
    (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
        || port.len() > 1 && port[0] == b'_' && port.iter().all(|&byte| is_name(byte))
}

/// Bytes of host names, zones and obfuscated names.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || byte >= 0x80
}

/// A host name has a letter, and begins and ends with a letter or digit (a final dot is the root).
fn is_host(text: &[u8]) -> bool {
    text.len() <= 253
        && text.iter().all(|&byte| is_name(byte))
        && text.iter().any(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80)
        && text.first().is_some_and(|&byte| !matches!(byte, b'.' | b'-'))
        && text.last().is_some_and(|&byte| byte != b'-')
}
