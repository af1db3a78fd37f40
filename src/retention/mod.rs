//! The retention room.
