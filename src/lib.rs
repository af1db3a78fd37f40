//! # Sluis
//!
//! (guided tour: written when the rooms stand)

pub mod record;
pub mod format;
pub mod policy;
pub mod keys;
pub mod protect;
pub mod retention;
pub mod encode;
pub mod config;
pub mod source;
pub mod sink;
pub mod pipeline;
pub mod governance;
pub mod telemetry;
pub mod cli;
