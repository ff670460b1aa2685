//! The whole server.
