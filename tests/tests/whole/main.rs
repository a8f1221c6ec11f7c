//! Whole-program tests, one file for each theme.
#![allow(clippy::unwrap_used, reason = "tests")]

mod harness;
