//! Who may: the one place that asks `access` to decide.
