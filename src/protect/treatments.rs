//! How many identifiers were treated, by kind: what a run says of itself.

use crate::record::field::Kind;

/// Identifiers treated, by what they were. Counts only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Treatments {
    /// Network addresses.
    pub addresses: u64,
    /// E-mail addresses.
    pub emails: u64,
    /// Login names.
    pub users: u64,
    /// Names of persons.
    pub names: u64,
    /// Rooms.
    pub rooms: u64,
    /// Hardware addresses.
    pub macs: u64,
    /// Tokens and credentials.
    pub secrets: u64,
    /// Other identifiers and whole texts.
    pub others: u64,
}

impl Treatments {
    /// Counts one identifier of a kind.
    #[inline]
    pub fn count(&mut self, kind: Kind) {
        match kind {
            Kind::Address | Kind::Addresses => self.addresses += 1,
            Kind::Email => self.emails += 1,
            Kind::User => self.users += 1,
            Kind::Name => self.names += 1,
            Kind::Room => self.rooms += 1,
            Kind::Mac => self.macs += 1,
            _ => self.others += 1,
        }
    }

    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.addresses += other.addresses;
        self.emails += other.emails;
        self.users += other.users;
        self.names += other.names;
        self.rooms += other.rooms;
        self.macs += other.macs;
        self.secrets += other.secrets;
        self.others += other.others;
    }

    /// The counts with their names, in the order of a report.
    pub const fn rows(&self) -> [(&'static str, u64); 8] {
        [
            ("addresses", self.addresses),
            ("e-mail addresses", self.emails),
            ("users", self.users),
            ("names", self.names),
            ("rooms", self.rooms),
            ("hardware addresses", self.macs),
            ("secrets", self.secrets),
            ("other identifiers", self.others),
        ]
    }
}
