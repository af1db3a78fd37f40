//! The encode room.

pub mod same_json;
