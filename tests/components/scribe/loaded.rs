//! The scribe as a library.

mod desk;
