//! Finding identifiers in free text.
