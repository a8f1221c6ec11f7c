use super::{Refused::*, *};
use crate::fuzzing::log::builder::Spec;

fn append_at(log: &mut Log, spec: &Spec, wall_ms: i64) -> Result<Appended, Refused> {
    let appended = log.append(Batch::parse(spec.build()).unwrap(), Now { ms: 0, wall_ms });
    log.check_invariants();
    appended
}

/// The base offset, and true if the batch was in the log already.
type Outcome = Result<(i64, bool), Refused>;

fn append(log: &mut Log, spec: &Spec) -> Outcome {
    append_at(log, spec, 0).map(|appended| (appended.base_offset, appended.duplicate))
}

fn log_of(specs: &[Spec]) -> Log {
    let mut log = Log::new();
    for spec in specs {
        append(&mut log, spec).unwrap();
    }
    log
}

/// Batches of two records each, and the size of one in bytes.
fn batches(number: usize) -> (Log, usize) {
    (log_of(&vec![Spec::plain(2); number]), Spec::plain(2).build().len())
}

fn offsets(log: &Log, from: i64, bytes_max: usize, at_least_one: bool) -> Vec<i64> {
    log.read(from, bytes_max, at_least_one).unwrap().iter().map(|slice| slice.base_offset).collect()
}

/// Checks one producer's batches in turn: epoch, first sequence, number of records, and the expected result.
fn check_sequences(steps: &[(i16, i32, usize, Outcome)]) {
    let mut log = Log::new();
    for (nth, &(epoch, sequence, records, expected)) in steps.iter().enumerate() {
        assert_eq!(append(&mut log, &Spec::sequence(1, epoch, sequence, records)), expected, "step {nth}");
    }
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset() {
    let (log, one) = batches(3);
    assert_eq!(offsets(&log, 0, usize::MAX, false), [0, 2, 4]);
    assert_eq!(offsets(&log, 3, usize::MAX, false), [2, 4]);
    assert_eq!(offsets(&log, 1, 2 * one, false), [0, 2]);
    assert!(offsets(&log, 6, usize::MAX, true).is_empty());
}

#[test]
fn a_read_stops_before_its_limit_but_returns_one_batch_if_requested() {
    let (log, one) = batches(3);
    assert_eq!(offsets(&log, 0, 2 * one - 1, false), [0]);
    assert!(offsets(&log, 0, one - 1, false).is_empty());
    assert_eq!(offsets(&log, 0, one - 1, true), [0]);
    assert_eq!(offsets(&log, 0, 0, true), [0]);
}

#[test]
fn a_read_out_of_range_is_an_error() {
    let (mut log, _) = batches(3);
    log.drop_oldest();
    for from in [i64::MIN, -1, 0, 1, 7, i64::MAX] {
        assert_eq!(log.read(from, 1, true).unwrap_err(), OutOfRange);
    }
}

#[test]
fn an_emptied_log_goes_on_where_it_ended() {
    let (mut log, one) = batches(2);
    assert_eq!((log.drop_oldest(), log.start()), (one, 2));
    assert_eq!((log.drop_oldest(), log.start(), log.bytes()), (one, 4, 0));
    assert_eq!(log.drop_oldest(), 0);
    assert_eq!(append(&mut log, &Spec::plain(1)), Ok((4, false)));
}

#[test]
fn deleting_in_a_batch_keeps_it_and_hides_its_beginning() {
    let (mut log, _) = batches(3);
    assert_eq!(log.delete_before(3), Ok(3));
    assert_eq!((log.start(), log.batches()), (3, 2));
    assert_eq!(offsets(&log, 3, usize::MAX, false), [2, 4]);
    assert!(log.read(2, 1, true).is_err());
    assert_eq!(log.delete_before(1), Ok(3), "what is gone stays gone");
    assert_eq!(log.delete_before(7), Err(OutOfRange));
    assert_eq!(log.delete_before(-2), Err(OutOfRange));
    assert_eq!(log.delete_before(-1), Ok(6));
    log.check_invariants();
}

#[test]
fn retention_by_size_never_takes_the_newest() {
    let (mut log, one) = batches(3);
    log.keep(Some(2 * one), None);
    assert_eq!(log.start(), 2);
    log.keep(Some(0), None);
    assert_eq!((log.start(), log.batches()), (4, 1));
}

#[test]
fn retention_by_time_goes_by_when_a_batch_came() {
    let mut log = Log::new();
    for (times, arrival) in [(&[10, 30][..], 500), (&[20], 600), (&[40], 700)] {
        append_at(&mut log, &Spec::at(times), arrival).unwrap();
    }
    assert_eq!(log.oldest_arrival(), Some(500));
    log.keep(None, Some(500));
    assert_eq!(log.start(), 0);
    log.keep(None, Some(501));
    assert_eq!(log.start(), 2, "its records are older than those of the next, which stay");
    log.keep(None, Some(701));
    assert_eq!((log.start(), log.oldest_arrival()), (4, None));
}

#[test]
fn a_batch_without_times_is_found_by_none() {
    let mut log = Log::new();
    append_at(&mut log, &Spec::plain(1), 500).unwrap();
    assert_eq!((log.at_time(0), log.newest_time()), (None, None));
}

#[test]
fn a_time_is_found_by_order_of_offsets() {
    let log = log_of(&[Spec::at(&[10, 12]), Spec::at(&[30, 20]), Spec::at(&[15]), Spec::at(&[40])]);
    let found = [(0, (0, 10)), (11, (1, 12)), (13, (2, 30)), (30, (2, 30)), (31, (5, 40))];
    for (timestamp, expected) in found {
        assert_eq!(log.at_time(timestamp), Some(expected), "{timestamp}");
    }
    assert_eq!(log.at_time(41), None);
    assert_eq!(log.newest_time(), Some((5, 40)));
}

#[test]
fn a_time_that_was_dropped_hides_none_that_are_left() {
    let mut log = log_of(&[Spec::at(&[99]), Spec::at(&[10]), Spec::at(&[20, 20])]);
    log.drop_oldest();
    assert_eq!(log.at_time(11), Some((2, 20)));
    assert_eq!(log.at_time(21), None);
    assert_eq!(log.newest_time(), Some((2, 20)), "the first of equals");
}

#[test]
fn a_time_of_a_deleted_record_is_not_found() {
    let mut log = log_of(&[Spec::at(&[90, 10, 50]), Spec::at(&[30])]);
    log.delete_before(1).unwrap();
    assert_eq!(log.at_time(60), None);
    assert_eq!(log.at_time(20), Some((2, 50)));
    assert_eq!(log.newest_time(), Some((2, 50)));
}

#[test]
fn a_compressed_batch_is_found_by_its_beginning() {
    let mut log = log_of(&[Spec::at(&[10]), Spec::at(&[20, 30]).compressed()]);
    assert_eq!(log.at_time(25), Some((1, 20)));
    assert_eq!(log.at_time(31), None);
    assert_eq!(log.newest_time(), Some((2, 30)));
    log.delete_before(2).unwrap();
    assert_eq!(log.at_time(25), Some((2, 20)));
}

#[test]
fn a_batch_sent_again_is_found_where_it_was() {
    check_sequences(&[
        (0, 0, 3, Ok((0, false))),
        (0, 3, 1, Ok((3, false))),
        (0, 0, 3, Ok((0, true))),
        (0, 3, 1, Ok((3, true))),
        (0, 4, 1, Ok((4, false))),
    ]);
}

#[test]
fn only_five_batches_are_remembered() {
    let mut steps: Vec<_> = (0..6).map(|nth| (0, nth, 1, Ok((i64::from(nth), false)))).collect();
    steps.extend([(0, 1, 1, Ok((1, true))), (0, 0, 1, Err(DuplicateSequence))]);
    check_sequences(&steps);
}

#[test]
fn a_gap_is_refused_and_can_still_be_filled() {
    check_sequences(&[
        (0, 0, 2, Ok((0, false))),
        (0, 3, 1, Err(OutOfOrderSequence)),
        (0, 2, 1, Ok((2, false))),
        (0, 3, 1, Ok((3, false))),
    ]);
}

#[test]
fn a_batch_that_is_only_partly_old_is_never_called_a_duplicate() {
    check_sequences(&[
        (0, 0, 3, Ok((0, false))),
        (0, 1, 1, Err(DuplicateSequence)),
        (0, 1, 2, Err(DuplicateSequence)),
        (0, 1, 3, Err(OutOfOrderSequence)),
    ]);
}

#[test]
fn sequences_wrap_to_zero() {
    check_sequences(&[
        (0, i32::MAX - 1, 2, Ok((0, false))),
        (0, 0, 1, Ok((2, false))),
        (0, i32::MAX - 1, 2, Ok((0, true))),
    ]);
    check_sequences(&[
        (0, i32::MAX - 1, 3, Ok((0, false))),
        (0, 0, 1, Err(DuplicateSequence)),
        (0, 1, 1, Ok((3, false))),
    ]);
}

#[test]
fn a_new_epoch_begins_at_zero_and_ends_the_old_one() {
    check_sequences(&[
        (0, 0, 2, Ok((0, false))),
        (1, 2, 1, Err(OutOfOrderSequence)),
        (0, 2, 1, Ok((2, false))),
        (1, 0, 2, Ok((3, false))),
        (0, 3, 1, Err(InvalidProducerEpoch)),
        (0, 0, 2, Err(InvalidProducerEpoch)),
        (1, 0, 2, Ok((3, true))),
    ]);
}

#[test]
fn an_unknown_producer_may_begin_anywhere() {
    check_sequences(&[(3, 77, 1, Ok((0, false))), (3, 78, 1, Ok((1, false))), (3, 80, 1, Err(OutOfOrderSequence))]);
}

#[test]
fn producers_do_not_disturb_each_other() {
    let mut log = Log::new();
    for (base, producer) in (0..).zip([1, 2, -1, -1]) {
        assert_eq!(append(&mut log, &Spec::sequence(producer, 0, 0, 1)), Ok((base, false)));
    }
    assert_eq!(append(&mut log, &Spec::sequence(2, 0, 0, 1)), Ok((1, true)));
}

#[test]
fn dropped_batches_still_count_as_duplicates() {
    let mut log = log_of(&[Spec::sequence(1, 0, 0, 1)]);
    log.drop_oldest();
    assert_eq!(append(&mut log, &Spec::sequence(1, 0, 0, 1)), Ok((0, true)));
}

#[test]
fn the_producer_that_was_silent_for_longest_is_forgotten() {
    let mut log = Log::new();
    for producer in 0..producers::PRODUCERS_MAX as i64 {
        append(&mut log, &Spec::sequence(producer, 0, 0, 1)).unwrap();
    }
    append(&mut log, &Spec::sequence(0, 0, 1, 1)).unwrap();
    append(&mut log, &Spec::sequence(9999, 0, 0, 1)).unwrap();
    assert_eq!(append(&mut log, &Spec::sequence(0, 0, 7, 1)), Err(OutOfOrderSequence), "spoke again");
    assert!(append(&mut log, &Spec::sequence(1, 0, 7, 1)).is_ok(), "forgotten, so it may begin anywhere");
}

#[test]
fn a_log_without_offsets_left_refuses_and_stays_as_it_was() {
    let mut log = Log::new();
    (log.start, log.end) = (i64::MAX - 1, i64::MAX - 1);
    assert_eq!(append(&mut log, &Spec::sequence(1, 0, 0, 2)), Err(Full));
    assert_eq!(append(&mut log, &Spec::sequence(1, 0, 5, 1)), Ok((i64::MAX - 1, false)));
    assert_eq!(append(&mut log, &Spec::plain(1)), Err(Full));
}
