//! The log's fuzz body over every file of its corpus, and over steps that proptest makes up.

use std::{fs, path::PathBuf};

use broker::fuzzing;
use proptest::{collection::vec, prelude::*};

fn corpus() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/log"))
}

#[test]
fn the_log_stands_its_corpus() {
    let files: Vec<_> = fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "there is no corpus");
    for file in files {
        println!("{}", file.display());
        fuzzing::log::log(&fs::read(&file).unwrap());
    }
}

proptest! {
    #[test]
    fn the_log_stands_any_bytes(data in vec(any::<u8>(), 0..600)) {
        fuzzing::log::log(&data);
    }

    #[test]
    fn the_log_stands_any_steps(steps in vec(step(), 0..120)) {
        fuzzing::log::log(&steps.concat());
    }
}

/// Steps whose arguments are mostly of use, unlike those of any bytes.
fn step() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0..8_u8, any::<u8>(), -2..300_i32, vec(any::<i8>(), 8), any::<u8>(), 0..4_u8, 0..2_u8, 0..40_u8)
            .prop_map(|(records, value, at, deltas, compressed, producer, epoch, behind)| {
                let deltas: Vec<i64> = deltas[..=usize::from(records)].iter().map(|&delta| delta.into()).collect();
                append(value, at, &deltas, compressed % 4 == 3, [producer, epoch, behind])
            }),
        1 => vec(any::<u8>(), 24).prop_map(|rest| [vec![4 + rest[0] % 2], rest].concat()),
        2 => (any::<u16>(), 0..2000_u16, any::<u8>()).prop_map(|(from, most, one)| read(from, most, one)),
        1 => any::<u16>().prop_map(delete_before),
        1 => (0..4_u8, 0..2000_u16, 0..300_i32).prop_map(|(which, bytes, at)| keep(which, bytes, at)),
        1 => Just(vec![9]),
        2 => (-200..400_i32).prop_map(look_up),
        1 => any::<u8>().prop_map(|ms| vec![11, ms]),
    ]
}

fn append(value: u8, at: i32, deltas: &[i64], compressed: bool, producer: [u8; 3]) -> Vec<u8> {
    let deltas = deltas.iter().map(|&delta| delta as i8 as u8);
    let records = deltas.len() as u8 - 1;
    let mut step = vec![0, records, value];
    step.extend(at.to_be_bytes());
    step.extend(deltas);
    step.push(if compressed { 3 } else { 0 });
    step.extend(producer);
    step
}

fn read(from: u16, most: u16, one: u8) -> Vec<u8> {
    [&[6][..], &from.to_be_bytes(), &most.to_be_bytes(), &[one]].concat()
}

fn delete_before(offset: u16) -> Vec<u8> {
    [&[7][..], &offset.to_be_bytes()].concat()
}

/// Which: 1 by bytes, 2 by time, 3 both.
fn keep(which: u8, bytes: u16, at: i32) -> Vec<u8> {
    let mut step = vec![8, which];
    if which & 1 != 0 {
        step.extend(bytes.to_be_bytes());
    }
    if which & 2 != 0 {
        step.extend(at.to_be_bytes());
    }
    step
}

fn look_up(at: i32) -> Vec<u8> {
    [&[10][..], &at.to_be_bytes()].concat()
}

#[test]
#[ignore = "writes the seeds of the corpus anew"]
fn write_seeds() {
    const NOBODY: [u8; 3] = [0, 0, 200];
    const NEXT: [u8; 3] = [1, 0, 200];
    let plain = |at| append(10, at, &[0, 1, 2], false, NOBODY);
    let three = || [plain(100), plain(200), plain(300)].concat();
    let seeds = [
        ("reads_of_every_size", [three(), read(2, 0, 0), read(2, 0, 1), read(6, 250, 1), read(11, 9, 0)].concat()),
        ("read_out_of_range", [three(), read(0, 999, 0), read(1, 999, 0), read(12, 999, 0)].concat()),
        ("delete_in_the_middle_of_a_batch", [three(), delete_before(6), look_up(0), read(5, 99, 0), plain(1)].concat()),
        ("delete_everything", [three(), delete_before(1), look_up(0), plain(5), delete_before(0)].concat()),
        ("drop_until_nothing_is_left", [three(), vec![9, 9, 9, 9], plain(5)].concat()),
        ("keep_by_bytes", [three(), keep(1, 200, 0), keep(1, 0, 0)].concat()),
        ("keep_by_time", [three(), keep(2, 0, 203), keep(2, 0, 999)].concat()),
        (
            "keep_by_arrival_without_times",
            [vec![11, 50], plain(-10), vec![11, 50], plain(-10), keep(2, 0, 60)].concat(),
        ),
        ("times_out_of_order", [plain(300), plain(100), plain(200), vec![9], look_up(150), look_up(301)].concat()),
        ("a_compressed_batch", [append(10, 100, &[0, 9], true, NOBODY), look_up(105), delete_before(3)].concat()),
        ("a_batch_sent_twice", append_twice(NEXT, [1, 0, 3])),
        ("a_gap_and_a_new_epoch", append_twice([1, 0, 200], [1, 1, 3])),
        ("a_sequence_that_wraps", [sequence(i32::MAX - 1), append(1, 0, &[0, 0], false, NEXT)].concat()),
        ("a_negative_sequence", sequence(-7)),
        ("garbage_with_a_right_checksum", [three(), damaged(5), damaged(5)].concat()),
        ("a_flipped_bit", [damaged(4), damaged(4)].concat()),
        ("raw_bytes", [vec![3, 20], vec![2; 20], vec![3, 0], vec![3, 255, 1]].concat()),
    ];
    for (name, seed) in seeds {
        fs::write(corpus().join(name), seed).unwrap();
    }
}

fn append_twice(first: [u8; 3], again: [u8; 3]) -> Vec<u8> {
    [append(1, 0, &[0, 0, 0], false, first), append(1, 0, &[0, 0, 0], false, again)].concat()
}

fn sequence(first: i32) -> Vec<u8> {
    let mut step = append(1, 0, &[0, 0, 0], false, [1, 0, 255]);
    step.extend(first.to_be_bytes());
    step
}

fn damaged(which: u8) -> Vec<u8> {
    let mut step = append(1, 0, &[0], false, [1, 0, 200]);
    step[0] = which;
    step.extend([2, 0, 62, 0xff, 0, 57, 0x7f, 1]);
    step
}
