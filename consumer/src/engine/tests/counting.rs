//! Frames that count differently from others.

use super::*;

#[test]
fn a_picture_that_was_there_before_us_is_in_no_histogram() {
    let mut watch = Watch::new();
    watch.publish(sent("a", 5), Era::BeforeUs);
    watch.show();
    watch.live(sent("a", 6));
    let books = watch.snapshot(None).total.books;
    assert_eq!((books.shown, books.latencies.total.histogram().len()), (2, 1));
}

#[test]
fn frames_that_warm_up_count_as_shown_and_are_in_no_histogram() {
    let mut watch = Watch::with(|options| options.warmup_frames = 2);
    watch.frames(0, 5, FRAME);
    let snapshot = watch.snapshot(None);
    let counts = |source: &SourceSnapshot<'_>| (source.books.shown, source.books.latencies.total.histogram().len());
    assert_eq!((counts(&snapshot.total), counts(&snapshot.sources["a"])), ((5, 3), (5, 3)));
}

#[test]
fn a_frame_whose_clocks_disagree_is_shown_and_in_no_figure() {
    let mut watch = Watch::new();
    watch.publish(sent("a", 0), Era::Live);
    let now = watch.clock.now();
    let mut next = watch.engine.next(now).expect("it has arrived");
    next.frame.meta.stamps.captured = now.plus(FRAME);
    let row = watch.engine.shown(next, (1, 1), now).expect("it is no repeated picture");
    assert!(row.counted().is_none());
    let books = watch.snapshot(None).total.books;
    assert_eq!((books.shown, books.latencies.untiled, books.latencies.total.histogram().len()), (1, 1, 0));
}

#[test]
fn what_is_no_frame_is_rejected_and_what_is_not_decoded_is_counted() {
    let mut watch = Watch::new();
    watch.push(Record::default(), Era::Live);
    watch.publish(sent("a", 0), Era::Live);
    let next = watch.engine.next(watch.clock.now()).expect("it has arrived");
    watch.engine.undecodable(next);
    assert_eq!((watch.snapshot(None).rejected, watch.lost(Loss::Undecodable)), (1, 1));
    watch.check_books();
}

#[test]
fn each_whole_frame_of_a_requested_source_is_handed_out_once() {
    let mut watch = Watch::with(|options| (options.sources, options.prints) = (vec!["a".to_owned()], true));
    let jpeg = bytes::Bytes::from_static(&[0xff, 0xd8, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xd9]);
    let mut seen = Vec::new();
    for source in ["a", "b"] {
        let frame =
            Frame { meta: sent(source, 7).meta(watch.clock.now()), payload: jpeg.clone(), kind: FrameKind::Own };
        for record in record::split(&frame, 5) {
            let record = TopicRecord { record, partition: 0, offset: 0, era: Era::Live };
            let now = watch.clock.now();
            seen.extend(watch.engine.push(&record, now, || now, |frame| frame.payload.len()));
        }
    }
    assert_eq!(seen, [jpeg.len()]);
    assert_eq!(watch.snapshot(None).total.books.printed, 1);
    watch.check_books();
}
