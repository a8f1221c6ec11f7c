//! From a frame's bytes to a request.
//!
//! What does not decode is refused with a reason for the log. A body that goes on after its end is refused too: Kafka
//! reads the fields that it knows and does not look at what follows, but no client that we know of sends any.

use std::ops::RangeInclusive;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, RequestHeader, RequestKind};
use kafka_protocol::protocol::Decodable;

pub use crate::shape::Malformed;
use crate::shape::{self, SHAPES};

/// Array elements and tagged fields in one request; decoded they take some 150 bytes each.
pub const ELEMENTS_MAX: usize = 20_000;

/// A longer client id is cut, as it goes into logs.
pub const CLIENT_CHARS_MAX: usize = 128;

/// One request. The records of a Produce are slices of the frame that brought them.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    pub api: ApiKey,
    pub version: i16,
    pub correlation: i32,
    /// Empty where the client gives none.
    pub client: String,
    pub body: RequestKind,
}

#[derive(Clone, PartialEq, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are requests, and each is moved once")]
pub enum Decoded {
    Request(Request),
    /// Only of ApiVersions, which a client asks in its own newest version: answered as v0, with error 35, it asks again.
    UnsupportedVersion { api: ApiKey, version: i16, correlation: i32 },
}

/// Decodes a frame, without the length that precedes it.
pub fn decode(mut frame: Bytes) -> Result<Decoded, Malformed> {
    let (api, version, correlation) = first_fields(&frame)?;
    if api == ApiKey::ApiVersions && shape::Shape::of(api, version).is_err() {
        return Ok(Decoded::UnsupportedVersion { api, version, correlation });
    }
    let content = |error: anyhow::Error| Malformed::Content { api, version, reason: format!("{:#}", error) };
    shape::check_header(api, version, &frame, ELEMENTS_MAX)?;
    let header = RequestHeader::decode(&mut frame, api.request_header_version(version)).map_err(content)?;
    shape::check(api, version, &frame, ELEMENTS_MAX)?;
    let body = RequestKind::decode(api, &mut frame, version).map_err(content)?;
    let client = header.client_id.unwrap_or_default().chars().take(CLIENT_CHARS_MAX).collect();
    Ok(Decoded::Request(Request { api, version, correlation, client, body }))
}

/// What ApiVersions advertises.
pub fn supported() -> impl Iterator<Item = (ApiKey, RangeInclusive<i16>)> {
    SHAPES.iter().map(|shape| (shape.api, shape.versions.clone()))
}

/// What every header begins with, of whatever version.
fn first_fields(frame: &[u8]) -> Result<(ApiKey, i16, i32), Malformed> {
    let Some(&[k0, k1, v0, v1, c0, c1, c2, c3]) = frame.first_chunk() else {
        return Err(Malformed::Short(frame.len()));
    };
    let key = i16::from_be_bytes([k0, k1]);
    let api = ApiKey::try_from(key).map_err(|()| Malformed::UnknownApi(key))?;
    Ok((api, i16::from_be_bytes([v0, v1]), i32::from_be_bytes([c0, c1, c2, c3])))
}
