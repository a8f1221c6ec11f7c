//! Fuzz bodies. A fuzzer calls them with its own bytes, the tests with the files of `broker/corpus`.

pub mod bodies;
pub mod log;
pub mod request;
pub mod rng;
