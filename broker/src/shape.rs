//! Checks a request's lengths before it is decoded, so that none is trusted without the bytes for it.
//!
//! kafka-protocol allocates memory for as many elements as a request claims to have: 20 bytes that claim 2³¹ elements
//! would end the process. So each request is first walked along its [`Shape`], which refuses lengths that do not fit,
//! and only then decoded. The newest version, 0.18, still does so (its pull requests 152, 161 and 200 are open), and even
//! with them a topic of 2 bytes in a Metadata request becomes 72 bytes of memory, so the limit on the number of
//! elements would still be ours.

mod table;
mod text;
mod walk;

use std::ops::RangeInclusive;

use kafka_protocol::messages::ApiKey;

pub use table::SHAPES;
pub(crate) use text::{after, applies, tagged};
pub use walk::Flaw;
use walk::Walk;

/// One API's request in all the versions that are served.
///
/// | text | stands for |
/// |---|---|
/// | `b` `h` `i` `l` | an integer of 1, 2, 4 or 8 bytes |
/// | `B` `u` | a boolean, a uuid |
/// | `s` `y` | a string, bytes; either may be null |
/// | `*x` | an array of `x` |
/// | `(…)` | a struct |
/// | `?(…)` | a struct that may be absent |
/// | `{7+ …}` `{4- …}` `{8-10 …}` | only from version 7, up to 4, from 8 to 10 |
/// | `<0: …>` | at a struct's end: what its tagged field 0 holds |
///
/// From version `flexible` on lengths are compact and each struct, the request itself too, ends with tagged fields.
#[derive(Debug)]
pub struct Shape {
    pub api: ApiKey,
    pub versions: RangeInclusive<i16>,
    pub flexible: i16,
    pub text: &'static str,
}

/// The reason why a request is refused, as one line for the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    #[error("a request of {0} bytes: no header fits")]
    Short(usize),
    #[error("API key {0} is unknown")]
    UnknownApi(i16),
    #[error("{api:?} v{version} is not served")]
    NotServed { api: ApiKey, version: i16 },
    #[error("{api:?} v{version}: the header: {flaw}")]
    Header { api: ApiKey, version: i16, flaw: Flaw },
    #[error("{api:?} v{version}: {flaw}")]
    Body { api: ApiKey, version: i16, flaw: Flaw },
    /// Errors that only the decoder finds: text that is not UTF-8, or null where it is not allowed.
    #[error("{api:?} v{version}: {reason}")]
    Content { api: ApiKey, version: i16, reason: String },
}

impl Shape {
    /// The shape of a supported version.
    pub fn of(api: ApiKey, version: i16) -> Result<&'static Shape, Malformed> {
        let shape = SHAPES.iter().find(|shape| shape.api == api && shape.versions.contains(&version));
        shape.ok_or(Malformed::NotServed { api, version })
    }

    pub fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible
    }
}

/// Checks by its lengths that `body` is a whole request, with at most `elements_max` array elements and tagged fields.
pub fn check(api: ApiKey, version: i16, body: &[u8], elements_max: usize) -> Result<(), Malformed> {
    let shape = Shape::of(api, version)?;
    let mut walk = Walk::new(body, version, shape.is_flexible(version), elements_max);
    walk.whole(shape.text).map_err(|flaw| Malformed::Body { api, version, flaw })
}

/// Checks that `frame` begins with a whole header. The length of its client id is never compact, in any version.
pub fn check_header(api: ApiKey, version: i16, frame: &[u8], elements_max: usize) -> Result<(), Malformed> {
    let shape = Shape::of(api, version)?;
    let mut walk = Walk::new(frame, version, shape.is_flexible(version), elements_max);
    walk.header().map_err(|flaw| Malformed::Header { api, version, flaw })
}

#[cfg(test)]
mod tests;
