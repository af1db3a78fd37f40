//! `ClickHouse`, end to end: the program makes tables, inserts, drops partitions and looks whether they are gone, over HTTP, in a real engine.
//!
//! *In*: lines of logs, faults on demand. *Out*: what is in the table. *Promised*: what two kinds of store get of the same lines is the same; each
//! record is there once, whatever is cut, slow, refused or killed. *Not here*: what never ran. The engine is chDB, `ClickHouse` as a
//! library; the HTTP interface in front of it is `server.py`, written after `ClickHouse`'s documentation and source. So a real server's own HTTP
//! handler, its users and rights, replication and a network between are untested.

mod faults;
mod ground;
mod life;
