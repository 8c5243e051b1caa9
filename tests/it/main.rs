//! Everything through the front door, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is not as it should be"
)]

mod access;
mod auth;
mod bad;
mod bad_bodies;
mod bad_files;
mod bad_machine;
mod bad_requests;
mod bad_tokens;
mod crash;
mod diagnostics;
mod harness;
mod holes;
mod house;
mod ports;
mod protocol;
mod reload;
mod reload_model;
mod reload_program;
mod routes;
mod users;
