//! Acknowledgements that the producer waits for.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Acks {
    /// From every in-sync replica.
    #[default]
    All,
    /// From the leader only.
    One,
    /// None.
    Zero,
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Acks::All => "all",
            Acks::One => "1",
            Acks::Zero => "0",
        })
    }
}

impl FromStr for Acks {
    type Err = String;

    fn from_str(text: &str) -> Result<Acks, String> {
        match text {
            "all" | "-1" => Ok(Acks::All),
            "1" => Ok(Acks::One),
            "0" => Ok(Acks::Zero),
            _ => Err("write all, 1 or 0".to_owned()),
        }
    }
}
