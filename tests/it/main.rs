//! Everything through the front door, in one binary.

mod house;
