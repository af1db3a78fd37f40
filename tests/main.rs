//! One integration binary: links once, shares support.

mod cases;
mod config;
mod corpus;
mod filter;
mod finder;
mod formats;
mod invariants;
mod keys;
mod leak;
mod logformat;
mod shells;
mod support;
mod tidy;
