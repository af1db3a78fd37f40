//! # Sluis
//!
//! (guided tour: written when the rooms stand)

pub mod cli;
pub mod config;
pub mod encode;
pub mod format;
pub mod governance;
pub mod keys;
pub mod pipeline;
pub mod policy;
pub mod protect;
pub mod record;
pub mod retention;
pub mod sink;
pub mod source;
pub mod telemetry;
