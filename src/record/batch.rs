//! The two batches: raw bytes on their way in, clean bytes on their way out.
