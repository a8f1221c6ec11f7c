//! Runs the tests of a program, with the options and the output of Rust's own harness. The difference is that a test can
//! find out while it runs that it cannot run here, and is then shown as ignored, with the reason.
//!
//! ```text
//! #[macro_use(test)]
//! extern crate testkit;
//!
//! #[test]
//! fn lines_are_read_by_kcat() {
//!     need(&["kcat"]);
//!     let kafka = kafka();
//!     …
//! }
//!
//! fn main() -> ExitCode {
//!     testkit::harness::main()
//! }
//! ```

use std::any::Any;
use std::panic::resume_unwind;
use std::process::ExitCode;

use clap::Parser;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Number of tests that run at the same time on each core. Whole programs mostly wait for each other.
const TESTS_PER_CORE: usize = 3;

/// A test as registered by `#[test]`.
#[derive(Debug)]
pub struct RegisteredTest {
    /// The name with its modules, beginning with that of the program.
    pub path: &'static str,
    pub run: fn(),
    /// The reason for which it runs only with `--ignored` or `--include-ignored`.
    pub ignored: Option<&'static str>,
}

inventory::collect!(RegisteredTest);

/// Registers a function of the calling module; `#[test]` expands to this.
#[macro_export]
macro_rules! register {
    ($name:ident) => {
        $crate::register!($name, None);
    };
    ($name:ident ignore = $reason:literal) => {
        $crate::register!($name, Some($reason));
    };
    ($name:ident, $ignored:expr) => {
        $crate::harness::inventory::submit! {
            $crate::harness::RegisteredTest {
                path: concat!(module_path!(), "::", stringify!($name)),
                run: $name,
                ignored: $ignored,
            }
        }
    };
}

pub use inventory;

/// The reason for which a test cannot run here. It unwinds from the test to the harness.
struct Ignored(String);

/// Ends the calling test, which is then shown as ignored with this reason.
pub fn ignore(reason: impl Into<String>) -> ! {
    // Unlike a panic, this prints nothing.
    resume_unwind(Box::new(Ignored(reason.into())))
}

/// The options of Rust's harness, which takes several names where libtest-mimic takes one.
#[derive(Parser)]
struct HarnessArguments {
    #[command(flatten)]
    one: Arguments,
    more_filters: Vec<String>,
}

/// Runs the registered tests that the command line selects.
pub fn main() -> ExitCode {
    let HarnessArguments { one: mut arguments, more_filters } = HarnessArguments::parse();
    let mut tests: Vec<&RegisteredTest> = inventory::iter::<RegisteredTest>().collect();
    tests.sort_by_key(|test| test.name());
    if !more_filters.is_empty() {
        let filters: Vec<String> = arguments.filter.take().into_iter().chain(more_filters).collect();
        let exact = arguments.exact;
        tests.retain(|test| filters.iter().any(|f| if exact { test.name() == f } else { test.name().contains(f) }));
    }
    let with_ignored = arguments.ignored || arguments.include_ignored;
    let trials = tests.into_iter().map(|test| test.trial(with_ignored)).collect();
    arguments
        .test_threads
        .get_or_insert_with(|| TESTS_PER_CORE * std::thread::available_parallelism().map_or(1, |n| n.get()));
    libtest_mimic::run(&arguments, trials).exit_code()
}

impl RegisteredTest {
    fn name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_program, name)| name)
    }

    fn trial(&self, with_ignored: bool) -> Trial {
        let (name, run, ignored) = (self.name(), self.run, self.ignored);
        let trial = Trial::ignorable_test(name, move || {
            if let Some(reason) = ignored.filter(|_| !with_ignored) {
                return Ok(Completion::ignored_with(reason));
            }
            // A thread with the test's name, which is in the message of a panic.
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
            thread.join().map_or_else(outcome, |()| Ok(Completion::Completed))
        });
        // The flag alone would show it as ignored without its reason.
        trial.with_ignored_flag(ignored.is_some() && with_ignored)
    }
}

/// The outcome of a test that did not return.
fn outcome(payload: Box<dyn Any + Send>) -> Result<Completion, Failed> {
    if let Some(Ignored(reason)) = payload.downcast_ref() {
        return Ok(Completion::ignored_with(reason));
    }
    let message = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    Err(Failed::from(message.unwrap_or("it panicked")))
}
