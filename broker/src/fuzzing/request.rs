//! Checks that any bytes from a socket are decoded or refused.

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, RequestKind};

use crate::request::{CLIENT_CHARS_MAX, Decoded, ELEMENTS_MAX, Request, decode, supported};

/// Decodes a frame. A decoded request has to be within the limits, and its records slices of the frame.
pub fn request(data: &[u8]) {
    let frame = Bytes::copy_from_slice(data);
    match decode(frame.clone()) {
        Ok(Decoded::Request(request)) => check_request(&frame, &request),
        Ok(Decoded::UnsupportedVersion { api, version, .. }) => {
            assert_eq!(api, ApiKey::ApiVersions);
            assert!(!is_supported(api, version));
        }
        Err(malformed) => {
            let line = malformed.to_string();
            assert!(!line.contains('\n') && line.len() < 500, "a reason is one line: {line}");
        }
    }
}

fn check_request(frame: &Bytes, request: &Request) {
    assert!(is_supported(request.api, request.version));
    assert!(request.client.chars().count() <= CLIENT_CHARS_MAX);
    assert_eq!(decode(frame.clone()).as_ref(), Ok(&Decoded::Request(request.clone())), "decodes the same again");
    assert!(elements(&request.body) <= ELEMENTS_MAX);
    for records in records(&request.body) {
        assert!(frame.is_empty() || frame.as_ptr_range().contains(&records.as_ptr()), "the records were copied");
    }
}

fn is_supported(api: ApiKey, version: i16) -> bool {
    supported().any(|(served, versions)| served == api && versions.contains(&version))
}

/// Number of array elements, in the requests with most of them.
fn elements(body: &RequestKind) -> usize {
    match body {
        RequestKind::Produce(body) => body.topic_data.iter().map(|topic| 1 + topic.partition_data.len()).sum(),
        RequestKind::Fetch(body) => {
            let topics: usize = body.topics.iter().map(|topic| 1 + topic.partitions.len()).sum();
            let forgotten: usize = body.forgotten_topics_data.iter().map(|topic| 1 + topic.partitions.len()).sum();
            topics + forgotten
        }
        RequestKind::Metadata(body) => body.topics.as_ref().map_or(0, Vec::len),
        RequestKind::DescribeConfigs(body) => {
            let keys = body.resources.iter().filter_map(|resource| resource.configuration_keys.as_ref());
            body.resources.len() + keys.map(Vec::len).sum::<usize>()
        }
        RequestKind::CreatePartitions(body) => {
            let assignments = body.topics.iter().filter_map(|topic| topic.assignments.as_ref()).flatten();
            body.topics.len() + assignments.map(|assignment| 1 + assignment.broker_ids.len()).sum::<usize>()
        }
        _ => 0,
    }
}

fn records(body: &RequestKind) -> impl Iterator<Item = &Bytes> {
    let produce = if let RequestKind::Produce(produce) = body { Some(produce) } else { None };
    let partitions =
        produce.into_iter().flat_map(|produce| &produce.topic_data).flat_map(|topic| &topic.partition_data);
    partitions.filter_map(|partition| partition.records.as_ref()).filter(|records| !records.is_empty())
}
