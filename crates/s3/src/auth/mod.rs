//! Who signs: access keys and their secrets, cached.
