//! The Rust clients of S3, driven against the real binary by the tests beside this file.
//!
//! A crate of its own, so that nothing else waits for their build.
