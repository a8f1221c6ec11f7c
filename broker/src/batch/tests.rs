use bytes::BytesMut;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

use super::header::{CODEC_MAX, CONTROL, DELETE_HORIZON, LOG_APPEND_TIME, TRANSACTIONAL};
use super::{BadBatch::*, *};
use crate::fuzzing::log::builder::{Spec, seal};

/// Changes a batch of three records, corrects its length and checksum, and parses it.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<Batch, BadBatch> {
    let mut bytes = Spec::sequence(7, 0, 0, 3).build().to_vec();
    change(&mut bytes);
    Batch::parse(seal(bytes))
}

fn set(at: usize, bytes: &[u8]) -> Result<Batch, BadBatch> {
    changed(|batch| batch[at..at + bytes.len()].copy_from_slice(bytes))
}

fn refused(got: Result<Batch, BadBatch>) -> bool {
    matches!(got, Err(Invalid(_)))
}

#[test]
fn a_batch_of_another_encoder_is_understood() {
    let record = |nth: i64| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 9,
        producer_epoch: 2,
        timestamp_type: TimestampType::Creation,
        offset: nth,
        sequence: 40 + nth as i32,
        timestamp: 1_000_000 + nth * 100_000,
        key: (nth == 1).then(|| Bytes::from_static(b"key")),
        value: (nth != 2).then(|| Bytes::from(vec![7; 1000])),
        headers: [("name".into(), Some(Bytes::from_static(b"value"))), ("none".into(), None)].into_iter().collect(),
    };
    let records: Vec<_> = (0..100).map(record).collect();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    let batch = Batch::parse(bytes.freeze()).unwrap();
    let expected = BatchHeader {
        records: 100,
        base_timestamp: 1_000_000,
        max_timestamp: 10_900_000,
        min_timestamp: 1_000_000,
        producer_id: 9,
        producer_epoch: 2,
        base_sequence: 40,
        compressed: false,
        transactional: false,
        control: false,
    };
    assert_eq!(batch.header, expected);
    assert!(batch.records().unwrap().eq((0..100).map(|nth| (nth, 1_000_000 + i64::from(nth) * 100_000))));
}

#[test]
fn the_bytes_are_kept_and_not_copied() {
    let bytes = Spec::plain(2).build();
    let batch = Batch::parse(bytes.clone()).unwrap();
    assert_eq!((batch.bytes().as_ptr(), batch.len()), (bytes.as_ptr(), bytes.len()));
}

#[test]
fn a_batch_cut_anywhere_is_refused() {
    let bytes = Spec::plain(2).build();
    for length in 0..bytes.len() {
        assert!(refused(Batch::parse(bytes.slice(..length))), "{length}");
    }
}

#[test]
fn two_batches_are_refused() {
    let one = Spec::plain(1).build();
    assert!(refused(Batch::parse([&one[..], &one[..]].concat().into())));
}

#[test]
fn an_old_format_is_named_even_where_it_is_short() {
    let mut message_set = vec![0; 30];
    for magic in [0, 1, 3, 255] {
        message_set[MAGIC_AT] = magic;
        assert_eq!(Batch::parse(message_set.clone().into()).unwrap_err(), OldFormat);
    }
}

#[test]
fn a_wrong_checksum_is_corrupt() {
    let mut bytes = Spec::plain(1).build().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(Batch::parse(bytes.into()).unwrap_err(), Corrupt);
}

#[test]
fn the_brokers_own_fields_may_hold_anything() {
    assert!(set(0, &[0xff; 8]).is_ok());
    assert!(set(12, &[0x55; 4]).is_ok());
}

#[test]
fn attributes_that_only_a_broker_sets_are_refused() {
    for attributes in [LOG_APPEND_TIME, DELETE_HORIZON, 5, 6, 7] {
        assert!(refused(set(ATTRIBUTES_AT, &attributes.to_be_bytes())), "{attributes:#b}");
    }
}

#[test]
fn control_and_transactional_batches_are_recognised() {
    let header = set(ATTRIBUTES_AT, &(CONTROL | TRANSACTIONAL).to_be_bytes()).unwrap().header;
    assert!(header.control && header.transactional && !header.compressed);
    let header = set(ATTRIBUTES_AT, &CODEC_MAX.to_be_bytes()).unwrap().header;
    assert!(!header.control && !header.transactional && header.compressed);
}

#[test]
fn a_count_that_lies_is_refused() {
    for count in [-1, 0, 1, 2, 4, i32::MAX, i32::MIN] {
        let lie = |batch: &mut Vec<u8>| {
            batch[57..61].copy_from_slice(&count.to_be_bytes());
            batch[23..27].copy_from_slice(&count.wrapping_sub(1).to_be_bytes());
        };
        assert!(refused(changed(lie)), "{count}");
    }
    assert!(refused(set(23, &3_i32.to_be_bytes())), "the last offset alone");
    assert!(refused(set(57, &2_i32.to_be_bytes())), "the count alone");
}

#[test]
fn a_producers_id_needs_epoch_and_sequence() {
    assert!(refused(set(51, &(-1_i16).to_be_bytes())));
    assert!(refused(set(53, &(-1_i32).to_be_bytes())));
    assert!(Batch::parse(Spec::sequence(-1, -1, -1, 1).build()).is_ok());
}

#[test]
fn records_that_do_not_add_up_are_refused() {
    // The first record: length, attributes, timestamp and offset deltas, key's length, value's length, value, headers.
    let first: [u8; 10] = [18, 0, 0, 0, 1, 6, 0x56, 0x56, 0x56, 0];
    let batch = Spec::plain(1).build();
    assert_eq!(batch[RECORDS_AT..], first);
    let bad = [(0, 16), (0, 20), (0, 17), (0, 0x80), (3, 2), (4, 3), (5, 8), (5, 4), (9, 1), (9, 2)];
    for (at, byte) in bad {
        let mut bytes = batch.to_vec();
        bytes[RECORDS_AT + at] = byte;
        assert!(refused(Batch::parse(seal(bytes))), "{at}: {byte}");
    }
    assert!(refused(changed(|batch| batch.push(0))), "a byte is left over");
    assert!(refused(changed(|batch| batch.truncate(batch.len() - 1))), "a byte is missing");
}

#[test]
fn a_number_longer_than_any_client_reads_is_refused() {
    let record = |offset: &[u8]| {
        let mut bytes = Spec::plain(1).build().slice(..RECORDS_AT).to_vec();
        bytes.push((5 + offset.len() as u8) * 2);
        bytes.extend([0, 0]);
        bytes.extend(offset);
        bytes.extend([1, 1, 0]);
        Batch::parse(seal(bytes))
    };
    assert!(record(&[0x80, 0x80, 0x80, 0x80, 0]).is_ok());
    assert!(refused(record(&[0x80, 0x80, 0x80, 0x80, 0x80, 0])));
}

#[test]
fn the_largest_timestamp_is_the_records_not_the_headers() {
    let mut bytes = Spec::at(&[50, 90, 40]).build().to_vec();
    bytes[35..43].copy_from_slice(&7_i64.to_be_bytes());
    assert_eq!(Batch::parse(seal(bytes)).unwrap().header.max_timestamp, 90);
    assert_eq!(Batch::parse(Spec::plain(3).build()).unwrap().header.max_timestamp, -1);
}

#[test]
fn the_smallest_timestamp_is_that_of_a_record_that_has_one() {
    let of = |spec: Spec| Batch::parse(spec.build()).unwrap().header.min_timestamp;
    assert_eq!(of(Spec::at(&[50, 90, 40])), 40);
    assert_eq!(of(Spec::at(&[50, NO_TIMESTAMP, 60])), 50);
    assert_eq!(of(Spec::plain(2)), i64::MAX);
    assert_eq!(of(Spec::at(&[50, 40]).compressed()), 50);
    assert_eq!(of(Spec::plain(2).compressed()), i64::MAX);
}

#[test]
fn a_timestamp_beyond_all_time_is_refused() {
    let spec = Spec { timestamp_deltas: vec![0, 1], ..Spec::at(&[i64::MAX]) };
    assert!(refused(Batch::parse(spec.build())));
    assert!(Batch::parse(Spec { timestamp_deltas: vec![0, -1], ..spec }.build()).is_ok());
}

#[test]
fn a_compressed_batch_is_not_looked_into() {
    let mut bytes = Spec::at(&[5, 9]).compressed().build().to_vec();
    bytes[RECORDS_AT..].fill(0xff);
    let batch = Batch::parse(seal(bytes)).unwrap();
    assert!(batch.header.compressed && batch.records().is_none());
    assert_eq!(batch.header.max_timestamp, 9);
}
