//! The attribute that registers a test with testkit's harness.

use proc_macro::{TokenStream, TokenTree};

/// Registers a function as a test of `testkit::harness`. With `use` or `#[macro_use]` it takes the place of Rust's own
/// `#[test]`, which leaves the function out where a program has another harness. `#[test(ignore = "reason")]` is for
/// tests that run only on request.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let mut tokens = function.clone().into_iter();
    let mut is_fn = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn");
    let Some(name) = tokens.find(&mut is_fn).and_then(|_| tokens.next()) else {
        return "compile_error!(\"a test is a function\");".parse().expect("it is Rust");
    };
    let registered = format!("::testkit::register!({name} {arguments});");
    let registered: TokenStream = registered.parse().expect("it is Rust");
    registered.into_iter().chain(function).collect()
}
