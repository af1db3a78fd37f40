//! Addresses: reading every spelling, one canonical form, truncation, writing.
//!
//! *In*: the bytes of a column, or of one item of a list. *Out*: an address and where in the column it stands, or what stands
//! there instead. *Promised*: one address has one canonical form, whatever its spelling; nothing is allocated.
//! *Not here*: addresses in the middle of text (`text`), tokens (`keys`).
//!
//! The column parser is strict where `text` is generous: here the whole value must be an address, and what is not is named for
//! what it is, so that the caller can drop it, scrub it or keep it.

mod field;
mod list;
mod write;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use field::{Column, parse_field, parse_v4};
pub use list::{Item, Items, items};
pub use write::{write_address, write_v4, write_v6};

use crate::policy::treatment::Prefix;

/// The one form in which an address is compared and hashed: IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2) is IPv4. Other
/// embeddings (6to4, NAT64) stay what they are, since they name a path as well as a host.
#[inline]
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The network of an address: the first `prefix` bits stay, the others become zero. Canonical first, so that a mapped address
/// loses the bits of an IPv4 address. Prefixes beyond the length of an address keep it whole.
#[inline]
pub fn truncate(address: IpAddr, prefix: Prefix) -> IpAddr {
    match canonical(address) {
        IpAddr::V4(v4) => {
            let lost = 32 - u32::from(prefix.v4.min(32));
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(lost).unwrap_or(0)))
        }
        IpAddr::V6(v6) => {
            let lost = 128 - u32::from(prefix.v6.min(128));
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(lost).unwrap_or(0)))
        }
    }
}

#[cfg(test)]
mod tests;
