//! The HTTP server: connections, limits, and the checks that need no storage.
