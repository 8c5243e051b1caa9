//! Everything through the front door, in one binary.

mod auth;
mod bad;
mod bad_bodies;
mod bad_requests;
mod bad_tokens;
mod crash;
mod harness;
mod house;
mod ports;
mod protocol;
mod routes;
