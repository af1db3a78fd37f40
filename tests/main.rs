//! One integration binary: links once, shares support.

mod finder;
