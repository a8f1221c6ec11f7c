//! Runs the fuzz body over each file of the corpus: seeds, and inputs that once caused errors.
//!
//! `cargo test -p broker --test corpus_request -- --ignored` writes the seeds again.

use std::fs;
use std::path::{Path, PathBuf};

use broker::fuzzing::bodies::{frame, header};
use broker::fuzzing::request::request;
use broker::fuzzing::rng::Rng;
use broker::request::decode;
use broker::shape::SHAPES;
use kafka_protocol::messages::ApiKey::{self, *};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/request")
}

fn files() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder()).expect("broker/corpus is committed");
    let names = entries.map(|entry| entry.expect("the folder is readable").file_name().to_string_lossy().into_owned());
    names.map(|name| (name.clone(), fs::read(folder().join(name)).expect("the file is readable"))).collect()
}

#[test]
fn every_input_of_the_corpus_does_no_harm() {
    let files = files();
    assert!(!files.is_empty(), "no corpus");
    for (name, bytes) in files {
        println!("{name}");
        request(&bytes);
    }
}

#[test]
fn seeds_are_what_their_names_say() {
    for (name, bytes) in files() {
        let decoded = decode(bytes.into());
        match name.split_once('-') {
            Some(("valid", _)) => assert!(decoded.is_ok(), "{name}: {decoded:?}"),
            Some(("bad", _)) => println!("{name}: {}", decoded.expect_err(&name)),
            _ => {}
        }
    }
}

#[test]
#[ignore = "writes the seeds"]
fn write_seeds() {
    fs::create_dir_all(folder()).unwrap();
    let write = |name: String, bytes: Vec<u8>| fs::write(folder().join(name), bytes).unwrap();
    for shape in SHAPES {
        for version in [*shape.versions.start(), *shape.versions.end()] {
            write(format!("valid-{:?}-v{version}", shape.api), frame(shape, version, &mut Rng::new(7)));
        }
    }
    for (name, api, version, flexible, body) in malicious() {
        write(format!("bad-{name}"), [header(api, version, flexible), body].concat());
    }
    write("bad-short-header".into(), b"\0\x03\0\x01\0\0\0".to_vec());
    write("bad-unknown-api".into(), b"\x7f\xff\0\x01\0\0\0\0\xff\xff".to_vec());
    write("bad-client-id-beyond-the-end".into(), b"\0\x03\0\x01\0\0\0\0\x7f\xff".to_vec());
    write("valid-ApiVersions-of-the-future".into(), b"\0\x12\0\x63\0\0\0\x09\xff\xff what is this".to_vec());
}

/// Name, API, version, true if that version is flexible, and a body that has to be refused.
fn malicious() -> Vec<(&'static str, ApiKey, i16, bool, Vec<u8>)> {
    let many = |head: &[u8], count: usize, item: &[u8]| [head, &item.repeat(count)].concat();
    vec![
        ("array-of-2-to-the-31", Fetch, 4, false, [&[0; 17][..], &[0x7f, 0xff, 0xff, 0xff], &[0; 12]].concat()),
        ("compact-array-of-2-to-the-32", Metadata, 12, true, b"\xff\xff\xff\xff\x0f\0\0\0".to_vec()),
        ("array-of-minus-2", Metadata, 1, false, b"\xff\xff\xff\xfe".to_vec()),
        ("nested-array-beyond-the-end", ListOffsets, 1, false, b"\0\0\0\0\0\0\0\x01\0\x01t\x7f\0\0\0".to_vec()),
        ("tagged-fields-of-2-to-the-32", ListGroups, 3, true, b"\xff\xff\xff\xff\x0f".to_vec()),
        ("tagged-field-beyond-the-end", ListGroups, 3, true, b"\x01\x00\xff\xff\xff\xff\x0f".to_vec()),
        (
            "known-tag-of-another-size",
            Fetch,
            12,
            true,
            many(b"", 25, b"\0").into_iter().chain(*b"\x01\x01\x01\x01\0\x02\x03id").collect(),
        ),
        ("string-beyond-the-end", Heartbeat, 0, false, b"\x7f\xffgroup".to_vec()),
        ("string-of-minus-2", Heartbeat, 0, false, b"\xff\xfegroup".to_vec()),
        ("string-that-is-not-utf-8", DeleteGroups, 0, false, b"\0\0\0\x01\0\x02\xc3\x28".to_vec()),
        ("null-name", DeleteGroups, 0, false, b"\0\0\0\x01\xff\xff".to_vec()),
        (
            "records-beyond-the-end",
            Produce,
            3,
            false,
            b"\xff\xff\0\x01\0\0\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\x7f\xff\xff\xff".to_vec(),
        ),
        ("endless-number", DescribeCluster, 0, true, b"\0\x80\x80\x80\x80\x80\x80".to_vec()),
    ]
}
