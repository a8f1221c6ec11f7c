//! Tests of the broker over real sockets, with kafka-protocol's own encoder and decoder.
#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod admin;
mod behaviour;
mod client;
mod consumer_group;
mod every_api;
mod fetch;
mod group;
mod hardship;
mod kept;
