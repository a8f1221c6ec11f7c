//! `vidbench`: what the way through a broker costs.
fn main() {}
