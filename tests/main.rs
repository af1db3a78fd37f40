//! One integration binary: links once, shares support.

mod corpus;
mod filter;
mod invariants;
mod leak;
mod support;
mod tidy;
