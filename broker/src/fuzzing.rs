//! Fuzz bodies: what a fuzzer calls with its bytes, and the tests with the files of `broker/corpus`.

pub mod bodies;
pub mod log;
pub mod request;
pub mod rng;
