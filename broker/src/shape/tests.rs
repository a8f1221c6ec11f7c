use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::RequestKind;

use super::*;
use crate::fuzzing::bodies::{Body, LengthField, body};
use crate::fuzzing::rng::Rng;

/// Calls `check` with random bodies of each API in each version.
fn each_body(rounds: u64, mut check: impl FnMut(&Shape, i16, Body)) {
    for shape in SHAPES {
        for version in shape.versions.clone() {
            (0..rounds).for_each(|seed| check(shape, version, body(shape, version, &mut Rng::new(seed))));
        }
    }
}

fn refused(api: ApiKey, version: i16, body: &[u8]) -> Flaw {
    match check(api, version, body, usize::MAX) {
        Err(Malformed::Body { flaw, .. }) => flaw,
        other => panic!("{api:?} v{version} of {body:?}: {other:?}"),
    }
}

#[test]
fn shapes_are_what_the_crate_decodes_and_encodes() {
    each_body(30, |shape, version, body| {
        let Shape { api, .. } = *shape;
        assert_eq!(check(api, version, &body.bytes, usize::MAX), Ok(()), "{api:?} v{version} {body:?}");
        let mut left = Bytes::copy_from_slice(&body.bytes);
        let decoded = RequestKind::decode(api, &mut left, version);
        let decoded = decoded.unwrap_or_else(|error| panic!("{api:?} v{version}: {error:#}: {body:?}"));
        assert!(left.is_empty(), "{api:?} v{version}: {} bytes left of {body:?}", left.len());
        let mut again = BytesMut::new();
        decoded.encode(&mut again, version).unwrap();
        assert_eq!(&again[..], body.bytes, "{api:?} v{version}");
    });
}

#[test]
fn headers_are_of_the_version_that_the_crate_gives_them() {
    for shape in SHAPES {
        for version in shape.versions.clone() {
            let header = shape.api.request_header_version(version);
            assert_eq!(header >= 2, shape.is_flexible(version), "{:?} v{version}", shape.api);
        }
    }
}

#[test]
fn versions_served_are_versions_the_crate_has() {
    for shape in SHAPES {
        let known = shape.api.valid_versions();
        assert!(known.min <= *shape.versions.start() && *shape.versions.end() <= known.max, "{:?}", shape.api);
    }
}

#[test]
fn every_strict_prefix_is_refused() {
    each_body(5, |shape, version, body| {
        for end in 0..body.bytes.len() {
            refused(shape.api, version, &body.bytes[..end]);
        }
    });
}

#[test]
fn bytes_after_a_body_are_ignored() {
    each_body(5, |shape, version, body| {
        let longer = [&body.bytes[..], &[0]].concat();
        assert_eq!(check(shape.api, version, &longer, 20_000), Ok(()));
    });
}

/// Replaces a length of `body` by another value.
fn with_length(body: &Body, length: LengthField, value: u32) -> Vec<u8> {
    let LengthField { at, compact, size, .. } = length;
    let written = match (compact, size) {
        (true, _) => (0..5).map(|i| (value >> (7 * i)) as u8 & 0x7f | if i < 4 { 0x80 } else { 0 }).collect(),
        (false, 2) => (value as u16).to_be_bytes().to_vec(),
        (false, _) => value.to_be_bytes().to_vec(),
    };
    [&body.bytes[..at], &written, &body.bytes[at + size..]].concat()
}

#[test]
fn a_length_beyond_the_end_is_refused_before_anything_is_decoded() {
    each_body(5, |shape, version, body| {
        for &length in &body.lengths {
            // In a length of two bytes, each of these is 32767.
            for value in [0x7fff_7fff, 0x0fff_7fff, 0x0001_7fff] {
                let flaw = refused(shape.api, version, &with_length(&body, length, value));
                // The content of a known tagged field is parsed, so a wrong size is reported as a mismatch with the
                // content.
                let fits = match flaw {
                    Flaw::Array { .. } => length.array,
                    Flaw::Field { .. } | Flaw::Tag { .. } => !length.array,
                    _ => false,
                };
                assert!(fits, "{:?} v{version} at {length:?}: {flaw}", shape.api);
            }
        }
    });
}

#[test]
fn negative_lengths_other_than_null_are_refused() {
    each_body(2, |shape, version, body| {
        for &length in body.lengths.iter().filter(|length| !length.compact) {
            assert_eq!(refused(shape.api, version, &with_length(&body, length, 0xffff_fff0)), Flaw::Length(-16));
        }
    });
}

#[test]
fn array_elements_and_tagged_fields_count_at_all_depths() {
    each_body(5, |shape, version, body| {
        let of = |max| check(shape.api, version, &body.bytes, max);
        assert_eq!(of(body.elements), Ok(()));
        if let Some(max) = body.elements.checked_sub(1) {
            let Err(Malformed::Body { flaw, .. }) = of(max) else { panic!("{:?} v{version}: {body:?}", shape.api) };
            assert_eq!(flaw, Flaw::Elements { max });
        }
    });
}

#[test]
fn null_is_a_length() {
    assert_eq!(check(ApiKey::Metadata, 1, &[0xff; 4], 0), Ok(()));
    assert_eq!(check(ApiKey::Metadata, 9, &[0, 1, 0, 0, 0], 0), Ok(()));
    assert_eq!(check(ApiKey::InitProducerId, 0, &[0xff, 0xff, 0, 0, 0, 1], 0), Ok(()));
}

#[test]
fn numbers_of_more_than_32_bits_are_refused() {
    assert_eq!(refused(ApiKey::ListGroups, 3, &[0xff, 0xff, 0xff, 0xff, 0x1f]), Flaw::Number);
    assert_eq!(refused(ApiKey::ListGroups, 3, &[0x80, 0x80, 0x80, 0x80, 0x80, 0]), Flaw::Number);
}

/// A Fetch v12 request without topics, with one tagged field.
fn fetch_with_tag(version: i16, tag: &[u8]) -> Vec<u8> {
    let fixed = if version < 15 { 4 + 4 + 4 + 4 + 1 + 4 + 4 } else { 4 + 4 + 4 + 1 + 4 + 4 };
    [&vec![0; fixed][..], &[1, 1, 1], &[1], tag].concat()
}

#[test]
fn a_known_tags_size_has_to_be_its_contents() {
    let cluster = fetch_with_tag(12, b"\x00\x03\x03id");
    assert_eq!(check(ApiKey::Fetch, 12, &cluster, 1), Ok(()));
    let short = fetch_with_tag(12, b"\x00\x02\x03id");
    assert_eq!(refused(ApiKey::Fetch, 12, &short), Flaw::Tag { tag: 0, declared: 2, held: 3 });
    // This tag does not exist in this version yet; the decoder refuses it as well.
    let early = fetch_with_tag(12, &[&[1, 13][..], &[0; 13]].concat());
    assert_eq!(refused(ApiKey::Fetch, 12, &early), Flaw::Tag { tag: 1, declared: 13, held: 0 });
    let replica = fetch_with_tag(15, &[&[1, 13][..], &[0; 13]].concat());
    assert_eq!(check(ApiKey::Fetch, 15, &replica, 1), Ok(()));
}

#[test]
fn lengths_inside_a_known_tag_are_checked() {
    let huge = fetch_with_tag(12, b"\x00\x03\xff\xff\xff\xff\x07");
    assert_eq!(refused(ApiKey::Fetch, 12, &huge), Flaw::Field { bytes: 0x7fff_fffe, left: 0 });
    // The replica's state ends with its own tagged fields.
    let nested = fetch_with_tag(15, &[&[1, 17][..], &[0; 12], &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat());
    assert_eq!(refused(ApiKey::Fetch, 15, &nested), Flaw::Array { elements: u32::MAX as usize, left: 0 });
}

#[test]
fn an_error_fits_into_one_log_line() {
    let malformed = check(ApiKey::DeleteGroups, 1, b"\x7f\xff\xff\xff\x00\x02me", 9).unwrap_err();
    assert_eq!(malformed.to_string(), "DeleteGroups v1: array of 2147483647 elements, 4 bytes left");
    let malformed = check(ApiKey::DescribeAcls, 1, b"", 9).unwrap_err();
    assert_eq!(malformed.to_string(), "DescribeAcls v1 is not served");
}
