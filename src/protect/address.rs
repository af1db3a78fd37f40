//! Addresses: reading every spelling, one canonical form, truncation.
