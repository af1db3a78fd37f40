//! The hot loop: from spans and raw bytes to treated values.

pub mod address;
pub mod quarantine;
pub mod text;

/// Proof that a record's every field went through its treatment. Only this room can make one.
pub struct Treated(());
