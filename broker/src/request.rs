//! Decodes a frame's bytes to a request.
//!
//! A frame that cannot be decoded is refused with a reason for the log. Bytes after the body are ignored.

use std::ops::RangeInclusive;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, RequestHeader, RequestKind};
use kafka_protocol::protocol::{Decodable, StrBytes};

pub use crate::shape::Malformed;
use crate::shape::{self, SHAPES};

/// Largest number of array elements and tagged fields in a request. Decoded, each takes about 150 bytes.
pub const ELEMENTS_MAX: usize = 20_000;

/// Largest length of a client id. A longer one is cut, and control characters are removed, because it is logged.
pub const CLIENT_CHARS_MAX: usize = 128;

/// The client that sends a request, and its connection.
#[derive(Clone, Debug)]
pub struct Requester {
    pub connection: u64,
    pub client_id: String,
    /// The host that the client connects from, as Kafka writes it: `/127.0.0.1`.
    pub host: String,
    /// The address of the broker that the client is given.
    pub advertise: (StrBytes, u16),
}

/// A request. The records of a Produce request are slices of its frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    pub api: ApiKey,
    pub version: i16,
    pub correlation: i32,
    /// Client id; empty if the client gives none.
    pub client: String,
    pub body: RequestKind,
}

#[derive(Clone, PartialEq, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are requests, and each is moved once")]
pub enum Decoded {
    Request(Request),
    /// An ApiVersions request in a version that we do not know: a client sends its own newest version first. It is
    /// answered as v0 with error 35, and the client tries again.
    UnsupportedVersion {
        api: ApiKey,
        version: i16,
        correlation: i32,
    },
}

/// Decodes a frame without its length.
pub fn decode(mut frame: Bytes) -> Result<Decoded, Malformed> {
    let (api, version, correlation) = first_fields(&frame)?;
    if api == ApiKey::ApiVersions && shape::Shape::of(api, version).is_err() {
        return Ok(Decoded::UnsupportedVersion { api, version, correlation });
    }
    // The crate's error context would only repeat API and version.
    let content = |error: anyhow::Error| Malformed::Content { api, version, reason: error.root_cause().to_string() };
    shape::check_header(api, version, &frame, ELEMENTS_MAX)?;
    let header = RequestHeader::decode(&mut frame, api.request_header_version(version)).map_err(content)?;
    shape::check(api, version, &frame, ELEMENTS_MAX)?;
    let body = RequestKind::decode(api, &mut frame, version).map_err(content)?;
    let client =
        header.client_id.unwrap_or_default().chars().filter(|c| !c.is_control()).take(CLIENT_CHARS_MAX).collect();
    Ok(Decoded::Request(Request { api, version, correlation, client, body }))
}

/// The APIs and versions that ApiVersions advertises.
pub fn supported() -> impl Iterator<Item = (ApiKey, RangeInclusive<i16>)> {
    SHAPES.iter().map(|shape| (shape.api, shape.versions.clone()))
}

/// Reads the fields with which every header begins, in all versions.
fn first_fields(frame: &[u8]) -> Result<(ApiKey, i16, i32), Malformed> {
    let Some(&[k0, k1, v0, v1, c0, c1, c2, c3]) = frame.first_chunk() else {
        return Err(Malformed::Short(frame.len()));
    };
    let key = i16::from_be_bytes([k0, k1]);
    let api = ApiKey::try_from(key).map_err(|()| Malformed::UnknownApi(key))?;
    Ok((api, i16::from_be_bytes([v0, v1]), i32::from_be_bytes([c0, c1, c2, c3])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::bodies;
    use crate::fuzzing::rng::Rng;
    use bytes::{Buf, BytesMut};
    use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
    use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest, ProduceRequest, TopicName};
    use proptest::prelude::*;

    fn frame(version: i16, client: Option<&str>, body: &RequestKind, api: ApiKey) -> Bytes {
        use kafka_protocol::protocol::encode_request_header_into_buffer;
        let client = client.map(|client| StrBytes::from_string(client.into()));
        let header = RequestHeader::default().with_request_api_key(api as i16).with_request_api_version(version);
        let header = header.with_correlation_id(-7).with_client_id(client);
        let mut bytes = BytesMut::new();
        encode_request_header_into_buffer(&mut bytes, &header).unwrap();
        body.encode(&mut bytes, version).unwrap();
        bytes.freeze()
    }

    fn request(frame: Bytes) -> Request {
        match decode(frame) {
            Ok(Decoded::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn line(frame: &[u8]) -> String {
        decode(Bytes::copy_from_slice(frame)).unwrap_err().to_string()
    }

    #[test]
    fn a_request_comes_back_as_it_was_sent() {
        let body = RequestKind::Metadata(MetadataRequest::default().with_topics(None));
        for version in 1..=13 {
            let have = request(frame(version, Some("player"), &body, ApiKey::Metadata));
            let client = "player".into();
            assert_eq!(have, Request { api: ApiKey::Metadata, version, correlation: -7, client, body: body.clone() });
        }
    }

    #[test]
    fn every_request_we_serve_decodes() {
        for (api, versions) in supported() {
            for version in versions {
                let shape = shape::Shape::of(api, version).unwrap();
                let have = request(bodies::frame(shape, version, &mut Rng::new(1)).into());
                assert_eq!((have.api, have.version, have.correlation), (api, version, 77));
            }
        }
    }

    #[test]
    fn records_are_slices_of_the_frame() {
        let records = Bytes::from(vec![7; 100_000]);
        let partition = PartitionProduceData::default().with_index(1).with_records(Some(records.clone()));
        let topic = TopicProduceData::default().with_name(TopicName(StrBytes::from_static_str("frames")));
        let topic = topic.with_partition_data(vec![partition]);
        let body = RequestKind::Produce(ProduceRequest::default().with_acks(1).with_topic_data(vec![topic]));
        for version in [3, 8, 9, 12] {
            let frame = frame(version, None, &body, ApiKey::Produce);
            let RequestKind::Produce(produce) = request(frame.clone()).body else { panic!("not a Produce") };
            let have = produce.topic_data[0].partition_data[0].records.clone().unwrap();
            assert_eq!(have, records);
            assert!(frame.as_ptr_range().contains(&have.chunk().as_ptr()));
        }
    }

    #[test]
    fn a_client_id_may_be_absent_and_is_cut() {
        let body = RequestKind::ApiVersions(ApiVersionsRequest::default());
        let client = |client| request(frame(0, client, &body, ApiKey::ApiVersions)).client;
        assert_eq!(client(None), "");
        assert_eq!(client(Some(&"ä".repeat(200))), "ä".repeat(CLIENT_CHARS_MAX));
    }

    #[test]
    fn api_versions_of_a_later_version_is_recognised_whatever_its_body() {
        let have = decode(Bytes::from_static(b"\0\x12\0\x63\0\0\0\x09\xff\xff what is this"));
        let (api, version, correlation) = (ApiKey::ApiVersions, 99, 9);
        assert_eq!(have, Ok(Decoded::UnsupportedVersion { api, version, correlation }));
    }

    #[test]
    fn unreadable_requests_are_refused_with_a_reason() {
        assert_eq!(line(b""), "a request of 0 bytes: no header fits");
        assert_eq!(line(b"\0\x03\0\x01\0\0\0"), "a request of 7 bytes: no header fits");
        assert_eq!(line(b"\x7f\0\0\0\0\0\0\0\0\0"), "API key 32512 is unknown");
        assert_eq!(line(b"\0\x01\0\x63\0\0\0\0\0\0"), "Fetch v99 is not served");
        assert_eq!(line(b"\0\x1d\0\x01\0\0\0\0\0\0"), "DescribeAcls v1 is not served");
        assert_eq!(line(b"\0\x10\0\0\0\0\0\0\0\x09"), "ListGroups v0: the header: field of 9 bytes, 0 bytes left");
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused() {
        assert!(line(b"\0\x10\0\0\0\0\0\0\0\x01\xff").contains("utf-8"), "in the header");
        assert!(line(b"\0\x2a\0\0\0\0\0\0\xff\xff\0\0\0\x01\0\x01\xff").contains("utf-8"), "in the body");
    }

    #[test]
    fn a_claim_of_many_elements_is_refused_before_room_is_made_for_them() {
        let fetch = [&b"\0\x01\0\x04\0\0\0\0\xff\xff"[..], &[0; 17], &[0x7f, 0xff, 0xff, 0xff], &[0; 12]].concat();
        assert_eq!(line(&fetch), "Fetch v4: array of 2147483647 elements, 12 bytes left");
        let names = [&b"\0\x2a\0\0\0\0\0\0\xff\xff\0\0\x4e\x21"[..], &[0; 2 * 20_001]].concat();
        assert_eq!(line(&names), "DeleteGroups v0: more than 20000 array elements and tagged fields");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(bytes: Vec<u8>) {
            crate::fuzzing::request::request(&bytes);
        }

        #[test]
        fn a_changed_request_does_no_harm(which: prop::sample::Index, seed: u64, changes: Vec<(prop::sample::Index, u8)>) {
            let shape = which.get(SHAPES);
            let mut bytes = bodies::frame(shape, *shape.versions.end(), &mut Rng::new(seed));
            for (at, value) in changes {
                // The API key is not changed, or most inputs would be refused at once.
                let at = 2 + at.index(bytes.len() - 2);
                bytes[at] = value;
            }
            crate::fuzzing::request::request(&bytes);
        }
    }
}
