mod picture;
mod source;

fn main() {}
