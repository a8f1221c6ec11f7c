//! Fuzz bodies: what must hold whatever comes in, for `examples/fuzz.rs` and for the tests that replay `corpus/`.

pub mod bodies;
pub mod request;
pub mod rng;
