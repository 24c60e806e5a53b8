//! Groups of principals, from a file.
