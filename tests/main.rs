//! One integration binary: links once, shares support.

#![allow(
    clippy::type_complexity,
    clippy::unnecessary_wraps,
    clippy::match_same_arms,
    clippy::cast_precision_loss,
    reason = "helpers of tests read better so"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cases;
mod clickhouse;
mod clock;
mod config;
mod corpus;
mod encrypted;
mod evening;
mod evidence;
mod filter;
mod finder;
mod follow;
mod forged;
mod formats;
mod invariants;
mod jitsi;
mod kafka;
mod keys;
mod kill;
mod leak;
mod learned;
mod logformat;
mod meetings;
mod month;
mod outside;
mod parquet;
mod parts;
mod rotation;
mod shells;
mod start;
mod stored;
mod support;
mod tidy;
mod treatment;
