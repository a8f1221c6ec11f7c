//! Pictures encoded by several threads are identical to those of one thread, and plain JPEGs for every decoder.

use std::path::Path;

use image::RgbImage;
use testkit::kafka::{KafkaServer, RawRecord, write};
use testkit::media::{decode, ffmpeg, folder, frame_of, rgb_psnr};
use testkit::{Program, kafka, need, python};

/// The picture of `record` as shown by a viewer with this many threads.
fn shown(kafka: &KafkaServer, record: &RawRecord, threads: &str, folder: &Path) -> RgbImage {
    let (topic, png) = (kafka.topic("stripes-shown"), folder.join(format!("shown-by-{threads}.png")));
    kafka.publish(&topic, [RawRecord { key: record.key.clone(), value: record.value.clone(), ..RawRecord::default() }]);
    let viewer =
        Program::vidcons().on(kafka, &topic).args(["--headless", "-o", "beginning", "-e", "--threads", threads]);
    viewer.arg("--snapshot").arg(&png).run().ok();
    image::open(&png).unwrap().to_rgb8()
}

fn by_pillow(python: &Path, jpeg: &Path, folder: &Path) -> RgbImage {
    let png = folder.join("pillow.png");
    let script = "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').save(sys.argv[2])";
    Program::at(python).args(["-c", script]).arg(jpeg).arg(&png).run().ok();
    image::open(&png).unwrap().to_rgb8()
}

#[test]
fn every_decoder_reads_what_many_threads_encoded() {
    let kafka = kafka();
    let python = python();
    need(&["ffmpeg"]);
    let files = folder();
    let clip = files.path().join("odd.y4m");
    ffmpeg("-f lavfi -i testsrc2=s=851x719:r=25 -frames:v 1 -pix_fmt yuv444p", &clip);
    for subsampling in ["420", "422", "444", "gray"] {
        let encoded = ["1", "2", "5"].map(|threads| {
            let topic = kafka.topic("stripes");
            let producer = Program::vidprod().arg(&clip).args(["--size", "source", "--subsampling", subsampling]);
            producer.args(["--threads", threads]).on(kafka, &topic).run().ok();
            kafka.records(&topic).remove(0)
        });
        let [one, two, five] = encoded.each_ref().map(|record| &record.value);
        assert!(one == two && one == five, "{subsampling}: the same JPEG from any number of threads");
        assert!(one.windows(2).any(|w| w == [0xff, 0xd0]), "{subsampling}: it has restart markers");

        let jpeg = write(files.path(), "a.jpg", one);
        let ours = shown(kafka, &encoded[0], "1", files.path());
        assert!(
            shown(kafka, &encoded[0], "4", files.path()) == ours,
            "{subsampling}: the same picture from any number"
        );
        let others = [
            ("FFmpeg", frame_of(&jpeg, 0)),
            ("Pillow", by_pillow(&python, &jpeg, files.path())),
            ("image", decode(one)),
        ];
        for (name, theirs) in others {
            let psnr = rgb_psnr(&ours, &theirs);
            assert!(psnr > 30.0, "{subsampling} by {name}: {psnr:.1} dB");
        }
    }
}

#[test]
fn restart_markers_of_others_are_cut_at_or_not() {
    let kafka = kafka();
    let python = python();
    need(&["ffmpeg"]);
    let files = folder();
    let png = files.path().join("in.png");
    ffmpeg("-f lavfi -i testsrc2=s=851x719:r=25 -frames:v 1", &png);
    // A marker after each row, after seven rows, after a number of blocks that fits no row; none; and a progressive
    // picture.
    let kinds = [
        "restart_marker_rows=1",
        "restart_marker_rows=7",
        "restart_marker_blocks=50",
        "quality=70",
        "restart_marker_rows=1, progressive=True",
    ];
    for kind in kinds {
        let jpeg = files.path().join("theirs.jpg");
        let script = format!("import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2], {kind})");
        Program::at(&python).args(["-c", &script]).arg(&png).arg(&jpeg).run().ok();
        let record =
            RawRecord { key: Some("theirs".into()), value: std::fs::read(&jpeg).unwrap(), ..RawRecord::default() };
        let alone = shown(kafka, &record, "1", files.path());
        assert!(
            shown(kafka, &record, "4", files.path()) == alone,
            "{kind}: the same picture from any number of threads"
        );
        assert!(rgb_psnr(&alone, &by_pillow(&python, &jpeg, files.path())) > 35.0, "{kind}");
    }
}
