//! `vidbroker`: the embedded broker by itself.
fn main() {}
