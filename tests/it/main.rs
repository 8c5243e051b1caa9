//! Everything through the front door, in one binary.

mod crash;
mod house;
