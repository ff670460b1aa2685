//! Measures product search against labelled queries.
