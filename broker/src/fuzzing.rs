//! Fuzz bodies: what a fuzzer calls with its bytes, and the tests with the files of `broker/corpus`.

pub mod log;
