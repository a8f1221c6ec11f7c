//! Random, truncated and false records: the viewer shows the good ones, counts the others, and uses little memory.

use testkit::kafka::RawRecord;
use testkit::media::{folder, jpegs, small_clip};
use testkit::{Program, kafka, need};

const GARBAGE: usize = 100_000;
/// Memory limit of the viewer. It is enough for reassembly (64 MiB), the prefetch and the decoder's buffers, and far
/// below the 400 MB that the false records claim.
const PEAK_MB: u64 = 300;

/// Marsaglia's xorshift: the same garbage in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.next() % bound).unwrap()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// Makes one bad record, from a good one or from nothing. None of them is a picture of the good source.
fn spoil(good: &[RawRecord], random: &mut Random) -> RawRecord {
    let mut record = good[random.below(good.len() as u64)].clone();
    let some_header = random.below(record.headers.len() as u64);
    match random.below(7) {
        // No headers, no picture.
        0 => RawRecord { value: random_bytes(random), ..RawRecord::default() },
        // Our headers with random values.
        1 => {
            for (_, value) in record.headers.iter_mut().skip(1) {
                let length = random.below(20);
                *value = random.bytes(length);
            }
            record
        }
        // A value shorter or longer than its headers say: an incomplete picture must not be shown.
        2 => {
            let length = random.below(record.value.len() as u64);
            record.value.truncate(length);
            record
        }
        3 => {
            record.value.extend_from_slice(&[0; 13]);
            record
        }
        // A session of its own that claims a huge frame and never completes it; each claims memory.
        4 => {
            let session = (random.next() >> 12).to_string();
            let bytes = 4096 << random.below(20);
            for (name, value) in &mut record.headers {
                match name.as_str() {
                    "source" => *value = format!("liar{}", random.next() % 200).into_bytes(),
                    "session" => *value = session.clone().into_bytes(),
                    "part" => *value = format!("{}/{}", 0, 1 + (random.0 % 1000)).into_bytes(),
                    "bytes" => *value = bytes.to_string().into_bytes(),
                    _ => {}
                }
            }
            record.value.truncate(4096);
            record
        }
        // A number that is too large.
        5 => {
            record.headers[some_header].1 = b"99999999999999999999999".to_vec();
            record.value.clear();
            record
        }
        // A header is missing.
        _ => {
            record.headers.remove(some_header);
            record.value.truncate(3);
            record
        }
    }
}

fn random_bytes(random: &mut Random) -> Vec<u8> {
    let length = random.below(2000);
    random.bytes(length)
}

#[test]
fn a_hundred_thousand_bad_records_cost_no_good_frame_and_no_memory() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (clean, topic) = (kafka.topic("clean"), kafka.topic("damage"));
    let clips = folder();
    let clip = small_clip(clips.path(), 60);
    Program::vidprod().arg(clip).args(["--source", "good", "--speed", "max"]).on(kafka, &clean).run().ok();
    let good = kafka.records(&clean);
    let mut random = Random(0x2545_f491_4f6c_dd1d);

    // The same session, with bad records before, between and after its frames.
    kafka.create_topic(&topic, 1, &[]);
    let between = GARBAGE / (good.len() + 1);
    let mut records = Vec::with_capacity(GARBAGE + good.len());
    for frame in &good {
        records.extend((0..between).map(|_| spoil(&good, &mut random)));
        records.push(frame.clone());
    }
    records.extend((0..GARBAGE - between * good.len()).map(|_| spoil(&good, &mut random)));
    kafka.publish(&topic, records);

    // With `-e` the viewer reads to the present end of the topic.
    let file = clips.path().join("shown.mjpeg");
    let args = ["--headless", "--every-frame", "-o", "beginning", "-e", "--source", "good", "--output"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).arg(&file).start();
    let mut peak = 0;
    testkit::until("the end of the topic", || {
        peak = peak.max(viewer.peak_mb());
        (!viewer.is_running()).then_some(())
    });
    let viewer = viewer.wait().ok();
    let report = viewer.report();
    assert!(report.number("counts.rejected") > GARBAGE as u64 / 2, "{:#}", report.0["counts"]);
    assert!(peak < PEAK_MB, "it took {peak} MB");
    // Each good frame was shown once and in order; the last record is the end of the session.
    let good: Vec<&[u8]> = good[..good.len() - 1].iter().map(|record| record.value.as_slice()).collect();
    let stream = std::fs::read(&file).unwrap();
    let shown: Vec<usize> = jpegs(&stream).iter().filter_map(|jpeg| good.iter().position(|g| g == jpeg)).collect();
    assert_eq!(shown, (0..good.len()).collect::<Vec<_>>(), "{}", viewer.story());
}

#[test]
fn a_few_bytes_under_a_source_s_key_do_not_hide_its_frames() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (clean, topic, clips) = (kafka.topic("clean"), kafka.topic("few-bytes"), folder());
    let clip = small_clip(clips.path(), 30);
    Program::vidprod().arg(clip).args(["--source", "good", "--speed", "max"]).on(kafka, &clean).run().ok();
    let mut records = kafka.records(&clean);
    // Bytes that look like the beginning of a JPEG, without our headers, count as another client's picture; here it is
    // broken.
    let bytes = RawRecord { key: Some(b"good".into()), value: vec![0xff, 0xd8, 0xff], ..RawRecord::default() };
    records.insert(5, bytes);
    kafka.create_topic(&topic, 1, &[]);
    kafka.publish(&topic, records);
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-o", "beginning", "-e"]);
    let viewer = viewer.run().ok();
    assert_eq!(viewer.report().number("frames.shown"), 30, "{}", viewer.story());
}
