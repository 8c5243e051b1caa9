//! Everything through the front door, in one binary.

mod auth;
mod crash;
mod harness;
mod house;
mod ports;
mod protocol;
mod routes;
