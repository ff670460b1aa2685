//! Text to vector.
