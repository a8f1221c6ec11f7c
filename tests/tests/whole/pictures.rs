//! Processing of pictures before they are sent, and the messages about it.

use testkit::media::{decode, ffmpeg, folder, frame_of, jpegs, luma_psnr};
use testkit::{Program, kafka, need};

/// Fifty fields a second, two of them in each frame.
const INTERLACED: &str = "-f lavfi -i testsrc2=s=320x240:r=50 -t 1 -vf tinterlace=interleave_top,setfield=tff \
                          -pix_fmt yuv420p -c:v mpeg2video -flags +ildct+ilme -q:v 1";
const HDR: &str = "-f lavfi -i testsrc2=s=320x240:r=25 -t 1 -pix_fmt yuv420p10le -c:v ffv1 -color_trc smpte2084 \
                   -color_primaries bt2020 -colorspace bt2020nc -color_range tv";

/// The tenth picture of this clip at the viewer, and vidprod's output.
fn tenth(words: &str, more: &[&str]) -> (image::RgbImage, String) {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, folder) = (kafka.topic("pictures"), folder());
    let clip = folder.path().join("clip.mkv");
    ffmpeg(words, &clip);
    let args = ["--speed", "max", "--quality", "95"];
    let producer = Program::vidprod().arg(clip).args(args).args(more).on(kafka, &topic).run().ok();
    assert_eq!(producer.report().number("frames.acknowledged"), 25, "{}", producer.story());
    let viewer = ["--headless", "--every-frame", "-o", "beginning", "-e", "--output", "-"];
    let viewer = Program::vidcons().on(kafka, &topic).args(viewer).run().ok();
    (decode(jpegs(&viewer.stdout)[9]), producer.stderr)
}

#[test]
fn interlaced_video_is_deinterlaced_unless_that_is_forbidden() {
    let (whole, said) = tenth(INTERLACED, &[]);
    assert_eq!(said.matches("is deinterlaced (--deinterlace never").count(), 1, "{said}");
    let (combed, said) = tenth(INTERLACED, &["--deinterlace", "never"]);
    assert!(!said.contains("deinterlace"), "{said}");
    // The first field of the tenth frame, taken from the video before it was interlaced.
    let folder = folder();
    let progressive = folder.path().join("progressive.mkv");
    ffmpeg("-f lavfi -i testsrc2=s=320x240:r=50 -t 1 -pix_fmt yuv420p -c:v ffv1", &progressive);
    let moment = frame_of(&progressive, 18);
    let (whole, combed) = (luma_psnr(&whole, &moment), luma_psnr(&combed, &moment));
    assert!(whole > combed + 1.5, "{whole:.1} dB deinterlaced, {combed:.1} dB as it is");
}

#[test]
fn hdr_video_is_tone_mapped() {
    let (picture, said) = tenth(HDR, &[]);
    assert_eq!(said.matches("the video is HDR (PQ): it is tone-mapped").count(), 1, "{said}");
    // Half-bright PQ is dim light, full PQ is far brighter than white.
    let brightest = picture.pixels().map(|pixel| pixel.0.iter().copied().max().unwrap_or(0)).max();
    assert!(brightest >= Some(250), "{brightest:?}");
}
