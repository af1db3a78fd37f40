//! One integration binary: links once, shares support.

mod cases;
mod config;
mod corpus;
mod filter;
mod formats;
mod invariants;
mod keys;
mod leak;
mod shells;
mod support;
mod tidy;
