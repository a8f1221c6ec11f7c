use proptest::prelude::*;

use super::*;
use crate::wire::FrameKind;

pub(crate) fn meta(frame: u64) -> Meta {
    Meta {
        source: "clip".into(),
        session: Session { began_ms: 1_700_000_000_000, salt: 0xbeef },
        frame,
        codec: Codec::Jpeg,
        key_frame: true,
        number: None,
        pts: Duration::from_millis(40 * frame),
        stamps: Stamps {
            due: Micros(1000),
            captured: Micros(1001),
            encoded: Micros(1002),
            published: Micros(1003),
            ..Stamps::default()
        },
        origin: Origin { boot: "0b".into(), wall_offset_us: 1_700_000_000_000_000 },
        width: 64,
        height: 36,
        dropped: 0,
        skipped: 0,
    }
}

pub(crate) fn frame(number: u64, bytes: usize) -> Frame {
    let mut payload: Vec<u8> = (0..bytes).map(|i| (i as u64 * 7).wrapping_add(number) as u8).collect();
    payload[..3.min(bytes)].copy_from_slice(&[0xff, 0xd8, 0xff][..3.min(bytes)]);
    Frame { meta: meta(number), payload: payload.into(), kind: FrameKind::Own }
}

fn in_words(record: &Record) -> String {
    let headers: Vec<String> =
        record.headers.iter().map(|(n, v)| format!("{n}={}", String::from_utf8_lossy(v))).collect();
    format!("{:?} {:?} {} [{}]", record.key, record.timestamp_ms, headers.join(","), record.value.len())
}

/// The wire format, byte for byte. If this fails, other versions can no longer read our records, and VERSION must
/// change.
#[test]
fn golden_records() {
    let mut f = frame(7, 5);
    f.meta.number = Some(42);
    let records = split(&f, 3);
    assert_eq!(records.len(), 2);
    assert_eq!(
        in_words(&records[0]),
        "Some(b\"clip\") Some(1700000000001) vid=1,type=image/jpeg,source=clip,session=1700000000000-0000beef,frame=7,\
         number=42,pts=280000,due=1000,captured=1001,encoded=1002,published=1003,boot=0b,wall=1700000000000000,\
         size=64x36,dropped=0,part=0/2,bytes=5 [3]"
    );
    assert_eq!(records[1].value.as_ref(), &f.payload[3..]);
    assert_eq!(records[1].header("part").map(|v| v.as_ref()), Some(&b"1/2"[..]));
    let end = end(&meta(7), None, &End { captured: 8, acknowledged: 7, superseded: 1, late: 0, refused: 0 });
    assert_eq!(
        in_words(&end),
        "Some(b\"clip\") Some(1700000000001) vid=1,type=image/jpeg,source=clip,session=1700000000000-0000beef,frame=7,\
         pts=280000,due=1000,captured=1001,encoded=1002,published=1003,boot=0b,wall=1700000000000000,size=64x36,\
         dropped=0,end=captured=8 acknowledged=7 superseded=1 late=0 refused=0 [0]"
    );
}

#[test]
fn headers_stay_within_the_room_that_is_left_for_them() {
    let mut f = frame(1, 4);
    f.meta.frame = u64::MAX;
    f.meta.source = "x".repeat(SOURCE_BYTES_MAX).into();
    f.meta.number = Some(u64::MAX);
    f.meta.pts = Duration::from_micros(u64::MAX);
    (f.meta.dropped, f.meta.skipped) = (u64::MAX, u64::MAX);
    f.meta.origin = Origin { boot: "x".repeat(64).into(), wall_offset_us: i64::MIN };
    (f.meta.width, f.meta.height) = (u32::MAX, u32::MAX);
    f.meta.session = Session { began_ms: u64::MAX, salt: u32::MAX };
    f.meta.stamps = Stamps { due: Micros(u64::MAX), captured: Micros(1), ..f.meta.stamps };
    let most = u64::MAX;
    let end =
        end(&f.meta, None, &End { captured: most, acknowledged: most, superseded: most, late: most, refused: most });
    for record in split(&f, 4).into_iter().chain([end]) {
        let size: usize = record.headers.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
        assert!(size + f.meta.source.len() + 70 <= OVERHEAD_BYTES_MAX, "{size}");
    }
}

#[test]
fn frames_left_out_on_purpose_have_a_header_only_where_there_are_any() {
    let with = |skipped| {
        let mut f = frame(7, 5);
        f.meta.skipped = skipped;
        let record = split(&f, 9).remove(0);
        assert_eq!(read(&record).map(|incoming| incoming.meta().map(|meta| meta.skipped)), Ok(Some(skipped)));
        record.header("skipped").cloned()
    };
    assert_eq!(with(0), None);
    assert_eq!(with(12).as_deref(), Some(&b"12"[..]));
}

/// A record of ours whose picture another program replaced by `value`, with these headers changed, or removed if
/// `None`.
fn republished(value: &[u8], changes: &[(&'static str, Option<&'static str>)]) -> Result<Incoming, Rejected> {
    let mut record = split(&frame(1, 10), 10).remove(0);
    record.value = Bytes::copy_from_slice(value);
    for &(name, text) in changes {
        record.headers.retain(|(n, _)| n != name);
        record.headers.extend(text.map(|text| (name.into(), text.into())));
    }
    read(&record)
}

#[test]
fn another_picture_under_our_headers_is_a_frame_whatever_they_say_of_its_size() {
    let picture = [0xff, 0xd8, 0xff, 0xe0, 0, 2, 0xff, 0xd9];
    for changes in [
        &[][..],
        &[("bytes", None)],
        &[("bytes", Some("0"))],
        &[("bytes", Some("many"))],
        &[("bytes", Some("99999999999999"))],
        &[("part", None)],
        &[("part", None), ("bytes", None), ("size", None), ("type", None)],
        &[("size", Some("1x1"))],
    ] {
        let Ok(Incoming::Part(part)) = republished(&picture, changes) else { panic!("{changes:?} is rejected") };
        assert_eq!((part.index, part.count, part.bytes), (0, 1, 8), "{changes:?}");
        assert_eq!(part.slice.as_ref(), picture);
    }
}

#[test]
fn a_picture_that_does_not_fit_its_headers_is_whole_or_rejected() {
    let check = |value: &[u8], changes, why: Rejected| assert_eq!(republished(value, changes), Err(why), "{changes:?}");
    let (whole, cut) = ([0xff, 0xd8, 0xff, 0xe0, 0, 2, 0xff, 0xd9], [0xff, 0xd8, 0xff, 0xe0]);
    check(&cut, &[], Rejected::Length { index: 0, count: 1, expected: 10, got: 4 });
    check(&cut, &[("bytes", None)], Rejected::Missing("bytes"));
    check(b"", &[], Rejected::Length { index: 0, count: 1, expected: 10, got: 0 });
    check(b"a PNG, for example", &[("part", None), ("bytes", None)], Rejected::NotAPicture);
    check(&whole, &[("part", Some("1/2"))], Rejected::Joined { index: 1, count: 2 });
    check(&whole, &[("part", Some("2"))], Rejected::Unreadable("part"));
}

#[test]
fn a_picture_above_the_limit_is_rejected_whatever_its_headers_say() {
    let mut huge = vec![0; FRAME_BYTES_MAX + 1];
    huge[..3].copy_from_slice(&[0xff, 0xd8, 0xff]);
    huge[FRAME_BYTES_MAX - 1..].copy_from_slice(&[0xff, 0xd9]);
    assert!(republished(&huge, &[]).is_err());
    assert!(republished(&huge[1..], &[]).is_err(), "it does not begin as a JPEG");
}

#[test]
fn a_plain_jpeg_is_foreign_and_the_rest_is_rejected() {
    let plain = |value: &'static [u8]| read(&Record { value: Bytes::from_static(value), ..Record::default() });
    assert!(matches!(plain(&[0xff, 0xd8, 0xff, 0xe0]), Ok(Incoming::Foreign(Codec::Jpeg, _))));
    assert_eq!(plain(b"hello"), Err(Rejected::NotAPicture));
    assert_eq!(plain(b""), Err(Rejected::NotAPicture));
}

#[test]
fn lies_are_rejected() {
    let check = |name: &'static str, value: &'static str| {
        let mut record = split(&frame(1, 10), 4).remove(1);
        record.headers.retain(|(n, _)| n != name);
        record.headers.push((name.into(), value.into()));
        let got = read(&record);
        assert!(got.is_err(), "{name}={value} gave {got:?}");
    };
    for (name, value) in [
        ("vid", "2"),
        ("part", "3/3"),
        ("part", "1/0"),
        ("part", "1"),
        ("part", "1/4294967295"),
        ("bytes", "0"),
        ("bytes", "13"),
        ("bytes", "-1"),
        ("bytes", "99999999999999"),
        ("size", "100000x100000"),
        ("frame", "x"),
        ("session", "now"),
        ("session", "0-0"),
        ("source", ""),
        ("source", "a\nb"),
        ("skipped", "some"),
    ] {
        check(name, value);
    }
}

proptest! {
    #[test]
    fn what_is_split_is_read_again(
        bytes in 1usize..5000, most in 1usize..600, number in any::<Option<u64>>(), skipped in 0u64..3
    ) {
        let mut f = frame(3, bytes);
        (f.meta.number, f.meta.skipped) = (number, skipped);
        let mut jpeg = Vec::new();
        let records = split(&f, most);
        for (i, record) in records.iter().enumerate() {
            prop_assert!(record.value.len() <= most);
            let Ok(Incoming::Part(part)) = read(record) else { panic!("{:?}", read(record)) };
            prop_assert_eq!((part.index as usize, part.count as usize), (i, records.len()));
            prop_assert_eq!(&part.meta, &f.meta);
            jpeg.extend_from_slice(&part.slice);
        }
        prop_assert_eq!(&jpeg[..], &f.payload[..]);
    }

    #[test]
    fn nothing_that_comes_panics(
        headers in prop::collection::vec((prop::sample::select(vec!["vid", "source", "session", "frame", "part", "bytes",
            "size", "pts", "due", "captured", "encoded", "published", "boot", "wall", "dropped", "skipped", "end", "number"]),
            prop_oneof![Just("1".to_owned()), "[0-9]{1,20}", "[0-9]{1,10}[-/x][0-9]{1,10}", ".{0,8}"]), 0..20),
        value in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let headers = headers.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        let _ = read(&Record { headers, value: value.into(), ..Record::default() });
    }
}
