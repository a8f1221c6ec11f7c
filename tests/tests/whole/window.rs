//! Tests of the window on the screen.

use image::RgbImage;
use testkit::kafka::KafkaServer;
use testkit::media::{ffmpeg, folder, frame_of, rgb_psnr};
use testkit::program::RunningProgram;
use testkit::{Program, Signal, Xvfb, kafka, need};

pub(crate) const TOOLS: [&str; 4] = ["ffmpeg", "Xvfb", "import", "xdotool"];

/// Plays one picture for a long time, soft enough that JPEG hardly changes it. Returns the expected picture and the
/// producer.
pub(crate) fn still(kafka: &KafkaServer, topic: &str) -> (RgbImage, RunningProgram) {
    let clips = folder();
    let clip = clips.path().join("still.mkv");
    ffmpeg("-f lavfi -i smptehdbars=s=640x360:r=10 -t 1 -vf gblur=sigma=3 -c:v ffv1 -pix_fmt yuv420p", &clip);
    let args = ["--loop", "--quality", "95", "--source", "still"];
    let mut producer = Program::vidprod().arg(&clip).args(args).on(kafka, topic).start();
    let frame = frame_of(&clip, 0);
    // The folder must exist until the file is open.
    producer.until_stderr(&format!("→ topic {topic}"));
    (frame, producer)
}

#[test]
fn the_window_shows_the_frame_and_obeys_its_keys() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic, out) = (Xvfb::start(), kafka.topic("window"), folder());
    let args = ["--position", "40,30", "--borderless", "--no-overlay", "--title", "A title"];
    let viewer = Program::vidcons().on(kafka, &topic).args(args).env("DISPLAY", screen.display());
    let mut viewer = viewer.start();
    let (frame, producer) = still(kafka, &topic);
    let part = viewer.until("the picture on the screen, pixel for pixel where it should be", |_| {
        let part = screen.part(40, 30, 640, 360);
        (rgb_psnr(&part, &frame) > 32.0).then_some(part)
    });
    part.save(out.path().join("seen.png")).unwrap();
    assert!(screen.xdotool(&["search", "--name", "A title", "getwindowgeometry"]).contains("640x360"));

    // `o` shows the overlay, and hides it again.
    screen.xdotool(&["mousemove", "300", "200"]);
    screen.xdotool(&["key", "o"]);
    viewer.until("the overlay", |_| (rgb_psnr(&screen.part(40, 30, 640, 360), &frame) < 30.0).then_some(()));
    screen.xdotool(&["key", "o"]);
    viewer.until("no overlay", |_| (rgb_psnr(&screen.part(40, 30, 640, 360), &frame) > 32.0).then_some(()));
    // `q` ends the viewer, and the counts balance.
    screen.xdotool(&["key", "q"]);
    let viewer = viewer.wait().ok();
    let report = viewer.report();
    assert!(report.number("frames.shown") > 0);
    report.number("latency_us.stages.present.count");
    producer.interrupt().ok().report();
}

#[test]
fn a_window_of_another_shape_keeps_the_aspect_ratio() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("letterbox"));
    let args = ["--position", "0,0", "--window-size", "640x480", "--borderless", "--no-overlay"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).env("DISPLAY", screen.display()).start();
    let (frame, producer) = still(kafka, &topic);
    // 640x360 in 640x480: 60 rows of black above and below.
    viewer.until("the picture between two bars", |_| {
        (rgb_psnr(&screen.part(0, 60, 640, 360), &frame) > 32.0).then_some(())
    });
    for y in [0, 422] {
        let bar = screen.part(0, y, 640, 58);
        assert!(bar.pixels().all(|p| p.0.iter().all(|c| *c < 40)), "the bar at {y} is dark");
    }
    viewer.interrupt().ok().report();
    producer.interrupt().ok().report();
}

#[test]
fn paused_frames_are_counted() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("pause"));
    let mut viewer = Program::vidcons()
        .on(kafka, &topic)
        .args(["--position", "0,0", "--borderless", "--no-overlay"])
        .env("DISPLAY", screen.display())
        .start();
    let card = ["test", "--size", "640x360", "--fps", "20"];
    let producer = Program::vidprod().args(card).on(kafka, &topic).start();
    viewer.until("a picture", |_| (screen.part(0, 0, 640, 360).pixels().any(|p| p.0 != [0; 3])).then_some(()));
    screen.xdotool(&["mousemove", "300", "200", "key", "space"]);
    // The picture must not change while 20 frames arrive. Some frames may pass before the key takes effect.
    viewer.until("a picture that stands still", |_| {
        let (still, begin) = (screen.part(0, 0, 640, 360), kafka.records(&topic).len());
        testkit::until("20 more frames", || (kafka.records(&topic).len() >= begin + 20).then_some(()));
        (screen.part(0, 0, 640, 360) == still).then_some(())
    });
    viewer.until_stderr("  paused  ");
    screen.xdotool(&["key", "q"]);
    let report = viewer.wait().ok().report();
    assert!(report.number("frames.lost.paused") >= 10, "{:#}", report.0["frames"]);
    producer.interrupt().ok().report();
}

/// A window manager may mistake a second window with the same number for the first, and give it the first one's size.
#[test]
fn no_window_is_opened_but_that_of_the_picture() {
    need(&["Xvfb"]);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("one-window"));
    let windows = screen.watch_windows();
    let viewer = Program::vidcons().on(kafka, &topic).args(["-c", "5"]).env("DISPLAY", screen.display()).start();
    let producer = Program::vidprod().args(["test", "--size", "640x360", "--fps", "20"]).on(kafka, &topic).start();
    viewer.wait().ok();
    assert_eq!(windows.opened(), [(640, 360)]);
    producer.interrupt().ok();
}

#[test]
fn the_overlay_shows_when_the_stream_stops_and_when_it_is_back() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("overlay"));
    let args = ["--position", "0,0", "--borderless"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).env("DISPLAY", screen.display()).start();
    let card = ["test", "--size", "640x360", "--fps", "20", "--source", "cam"];
    let producer = Program::vidprod().args(card).on(kafka, &topic).start();
    const PLAIN: [u8; 3] = [0xF0; 3];
    const GREY: [u8; 3] = [0xA0; 3];
    const ALERT: [u8; 3] = [0xFF, 0xC0, 0x40];
    const GOOD: [u8; 3] = [0x70, 0xE0, 0x70];
    let has = |colours: &[[u8; 3]]| {
        let panel = screen.part(0, 0, 320, 80);
        colours.iter().all(|colour| panel.pixels().any(|p| p.0 == *colour)).then_some(())
    };
    viewer.until("an overlay in white", |_| has(&[PLAIN]));
    producer.signal(Signal::STOP);
    viewer.until("grey figures and the reason", |_| has(&[GREY, ALERT]));
    assert!(!screen.xdotool(&["search", "--name", "cam - no frames for "]).is_empty());
    producer.signal(Signal::CONT);
    viewer.until("that it is back", |_| has(&[PLAIN, GOOD]));
    producer.interrupt().ok().report();
    viewer.until("that it ended", |_| has(&[GREY, ALERT]));
    viewer.interrupt().ok().report();
}
