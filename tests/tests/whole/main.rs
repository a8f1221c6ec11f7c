//! Whole-program tests, one file for each theme.
#![allow(clippy::unwrap_used, reason = "tests")]

mod clients;
mod cluster;
mod counting;
mod damage;
mod dark;
mod embedded;
mod errors;
mod explain;
mod figure;
mod foreign;
mod groups;
mod hardships;
mod harness;
mod history;
mod keys;
mod large;
mod limit;
mod link;
mod offline;
mod operate;
mod outage;
mod pages;
mod partitions;
mod pictures;
mod pipes;
mod pixels;
mod play;
mod secrets;
mod security;
mod sessions;
mod status;
mod stripes;
mod terminal;
mod verbose;
mod window;
