//! Failed runs. A failed run ends neither the others nor the report, but makes the exit code 1.

use std::process::ExitCode;

use cli::shutdown::Shutdown;

/// Descriptions of the failed runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Failed(pub Vec<String>);

impl Failed {
    pub fn code(&self) -> ExitCode {
        if self.0.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Runs each case. A failure is logged and kept, and the next case follows; after Ctrl-C none does.
    pub fn each<C, T>(
        &mut self,
        cases: impl IntoIterator<Item = C>,
        doing: impl Fn(&C) -> String,
        shutdown: &Shutdown,
        mut run: impl FnMut(&C) -> anyhow::Result<Option<T>>,
    ) -> Vec<T> {
        let mut done = Vec::new();
        for case in cases {
            if shutdown.asked() {
                break;
            }
            done.extend(self.or(run(&case), || doing(&case), shutdown));
        }
        done
    }

    /// Unwraps the result of a run. `None` after Ctrl-C, which is no failure, and after a failure, which is logged and
    /// kept.
    pub fn or<T>(
        &mut self,
        outcome: anyhow::Result<Option<T>>,
        doing: impl Fn() -> String,
        shutdown: &Shutdown,
    ) -> Option<T> {
        match outcome {
            Ok(done) => done,
            Err(_) if shutdown.asked() => None,
            Err(error) => {
                let words = format!("{} failed: {error:#}", doing());
                tracing::warn!("{words}");
                self.0.push(words);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_failure_is_kept_and_an_interruption_is_none() {
        let (mut failed, shutdown) = (Failed::default(), Shutdown::default());
        let doing = || "real, round 2".to_owned();
        assert_eq!(failed.or(Ok(Some(1)), doing, &shutdown), Some(1));
        assert_eq!(failed.or::<u8>(Ok(None), doing, &shutdown), None);
        assert_eq!(failed.0, [""; 0]);
        assert_eq!(failed.or::<u8>(Err(anyhow!("no topic")), doing, &shutdown), None);
        assert_eq!(failed.0, ["real, round 2 failed: no topic"]);
        shutdown.ask();
        assert_eq!(failed.or::<u8>(Err(anyhow!("vidcons ended")), doing, &shutdown), None);
        assert_eq!(failed.0.len(), 1);
    }

    #[test]
    fn one_that_fails_ends_neither_the_others_nor_well() {
        let (mut failed, shutdown) = (Failed::default(), Shutdown::default());
        assert_eq!(failed.code(), ExitCode::SUCCESS);
        let run = |case: &u32| if *case == 2 { Err(anyhow!("no topic")) } else { Ok(Some(10 * case)) };
        assert_eq!(failed.each(1..=3, |case| format!("case {case}"), &shutdown, run), [10, 30]);
        assert_eq!(failed.0, ["case 2 failed: no topic"]);
        assert_eq!(failed.code(), ExitCode::FAILURE);
    }

    #[test]
    fn after_an_interruption_nothing_is_run() {
        let (mut failed, shutdown) = (Failed::default(), Shutdown::default());
        let run = |case: &u32| {
            shutdown.ask();
            Ok(Some(*case))
        };
        assert_eq!(failed.each(1..=3, u32::to_string, &shutdown, run), [1]);
        assert_eq!(failed.code(), ExitCode::SUCCESS);
    }
}
