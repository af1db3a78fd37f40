//! One integration binary: links once, shares support.

mod corpus;
mod support;
mod tidy;
