//! key_file
