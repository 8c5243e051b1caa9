//! The command line.

mod render;
