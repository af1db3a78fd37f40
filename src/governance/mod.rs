//! The governance room.
