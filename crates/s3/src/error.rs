//! What went wrong, in S3's words.
