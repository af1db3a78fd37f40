//! One integration binary: links once, shares support.

mod cases;
mod config;
mod formats;
mod keys;
mod shells;
