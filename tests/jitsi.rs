//! The services of Jitsi through the whole filter: for every bad record the reason is counted, and the next record is right.

use crate::support::filter;

const GOOD: &str = "JVB 2026-11-21 10:15:32.123 INFO: [1] [epId=660d9565] A.b#1: from 203.0.113.7\n";
