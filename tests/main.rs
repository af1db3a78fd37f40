//! One integration binary: links once, shares support.

mod cases;
mod config;
mod keys;
mod shells;
mod logformat;
