//! Runs that failed: one ends neither the others nor the report, but the exit code tells of it.

use std::process::ExitCode;

use shell::shutdown::Shutdown;

/// What failed, in words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Failed(pub Vec<String>);

impl Failed {
    pub fn code(&self) -> ExitCode {
        if self.0.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// What came of a run: `None` after Ctrl-C, which is no failure, and if it failed, which is said and kept.
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
}
