//! Files that Python packages carry.
