//! Policies, by tables.
