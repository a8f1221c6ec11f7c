//! Whole-program tests, one file for each subject.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

// Its `#[test]` registers a test that can be ignored while it runs, with the reason.
#[macro_use(test)]
extern crate testkit;

mod broker;
mod browser;
mod chat;
mod clients;
mod cluster;
mod counting;
mod damage;
mod embedded;
mod errors;
mod explain;
mod figure;
mod foreign;
mod groups;
mod hardships;
mod harness;
mod history;
mod hostile_web;
mod keys;
mod large;
mod limit;
mod link;
mod list;
mod lost_brokers;
mod metrics;
mod offline;
mod operate;
mod outage;
mod pages;
mod partitions;
mod passthrough;
mod pictures;
mod pipes;
mod pixels;
mod play;
mod python;
mod secrets;
mod security;
mod sessions;
mod status;
mod stripes;
mod terminal;
mod tls_web;
mod topics;
mod usage;
mod verbose;
mod web;
mod window;

fn main() -> std::process::ExitCode {
    testkit::harness::main()
}
