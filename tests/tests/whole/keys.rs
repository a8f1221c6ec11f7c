//! The keys of the window: snapshots, full screen, switching between sources.

use std::path::{Path, PathBuf};

use image::RgbImage;
use image::imageops::{FilterType, resize};
use testkit::media::{folder, rgb_psnr};
use testkit::program::RunningProgram;
use testkit::{Program, WindowManager, Xvfb, kafka, need};

use crate::window::{TOOLS, still};

/// Colours of a notice of success, and of an error.
const GOOD: [u8; 3] = [0x70, 0xE0, 0x70];
const ALERT: [u8; 3] = [0xFF, 0xC0, 0x40];

/// True if the window, of 640x360 in the corner of the screen, has a notice of this colour.
fn has_notice(screen: &Xvfb, colour: [u8; 3]) -> bool {
    screen.part(0, 0, 640, 40).pixels().any(|pixel| pixel.0 == colour)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> RgbImage {
    image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8()
}

/// Presses `s`, and waits for the line that it logs.
fn press_s(screen: &Xvfb, viewer: &mut RunningProgram, line: &str) {
    let before = viewer.stderr().matches(line).count();
    screen.xdotool(&["mousemove", "300", "200", "key", "s"]);
    viewer.until(line, |viewer| (viewer.stderr().matches(line).count() > before).then_some(()));
}

#[test]
fn each_press_of_s_writes_a_new_file_and_shows_a_notice() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic, out) = (Xvfb::start(), kafka.topic("snapshots"), folder());
    let args = ["--position", "0,0", "--borderless", "--no-overlay"];
    let viewer = Program::vidcons().on(kafka, &topic).args(args).in_folder(out.path());
    let mut viewer = viewer.env("DISPLAY", screen.display()).start();
    let (frame, producer) = still(kafka, &topic);
    viewer.until("the picture", |_| (rgb_psnr(&screen.part(0, 0, 640, 360), &frame) > 32.0).then_some(()));

    press_s(&screen, &mut viewer, "saved snapshot-still-");
    viewer.until("the notice", |_| has_notice(&screen, GOOD).then_some(()));
    press_s(&screen, &mut viewer, "saved snapshot-still-");
    let files = files(out.path());
    assert_eq!(files.len(), 2, "{files:?}");
    for path in &files {
        assert!(rgb_psnr(&read(path), &frame) > 32.0, "{}", path.display());
    }
    viewer.until("no notice", |_| (!has_notice(&screen, GOOD)).then_some(()));

    drop(out);
    press_s(&screen, &mut viewer, "no snapshot: cannot write snapshot-still-");
    viewer.until("the reason", |_| has_notice(&screen, ALERT).then_some(()));
    viewer.interrupt().ok().report();
    producer.interrupt().ok();
}

#[test]
fn beside_a_snapshot_with_a_name_those_of_the_key_are_numbered() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic, out) = (Xvfb::start(), kafka.topic("named"), folder());
    let path = |name: &str| out.path().join(name);
    std::fs::write(path("door-1.png"), "of somebody else").expect("it can be written");
    let viewer = Program::vidcons().on(kafka, &topic).args(["--position", "0,0", "--snapshot"]).arg(path("door.png"));
    let mut viewer = viewer.env("DISPLAY", screen.display()).start();
    let (frame, producer) = still(kafka, &topic);
    viewer.until_stderr("door.png");
    press_s(&screen, &mut viewer, "door-2.png");
    press_s(&screen, &mut viewer, "door-3.png");
    assert_eq!(files(out.path()), ["door-1.png", "door-2.png", "door-3.png", "door.png"].map(path));
    assert_eq!(std::fs::read(path("door-1.png")).expect("it is there"), b"of somebody else");
    for name in ["door.png", "door-2.png", "door-3.png"] {
        assert!(rgb_psnr(&read(&path(name)), &frame) > 32.0, "{name}");
    }
    viewer.interrupt().ok().report();
    producer.interrupt().ok();
}

#[test]
fn f_fills_the_screen_and_escape_brings_the_window_back() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("full-screen"));
    let args = ["--position", "40,30", "--borderless", "--no-overlay"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).env("DISPLAY", screen.display()).start();
    let (frame, producer) = still(kafka, &topic);
    let in_window = |_: &RunningProgram| (rgb_psnr(&screen.part(40, 30, 640, 360), &frame) > 32.0).then_some(());
    // 640x360 on a screen of 1600x1000 leaves black rows above and below.
    let large = resize(&frame, 1600, 900, FilterType::Triangle);
    let is_black = |y: u32| screen.part(0, y, 1600, 48).pixels().all(|p| p.0.iter().all(|c| *c < 40));
    let is_full = || rgb_psnr(&screen.part(0, 50, 1600, 900), &large) > 30.0 && is_black(0) && is_black(952);
    viewer.until("the picture in its window", in_window);
    for back in ["f", "Escape"] {
        screen.xdotool(&["mousemove", "300", "200", "key", "f"]);
        viewer.until("the picture over the whole screen", |_| is_full().then_some(()));
        screen.xdotool(&["mousemove", "1500", "900", "key", back]);
        viewer.until("the picture in its window again", in_window);
    }
    screen.xdotool(&["mousemove", "300", "200", "key", "Escape"]);
    viewer.wait().ok().report();
    producer.interrupt().ok();
}

#[test]
fn a_window_that_begins_in_full_screen_shows_the_right_pixels() {
    need(&["Xvfb"]);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("begins-full"));
    let args = ["--fullscreen", "--verify-pixels"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).env("DISPLAY", screen.display()).start();
    let card = ["test", "--size", "640x360", "--fps", "20"];
    let producer = Program::vidprod().args(card).on(kafka, &topic).start();
    viewer.until("a window over the whole screen", |_| screen.sizes().contains(&(1600, 1000)).then_some(()));
    let has_latency = || screen.titles().iter().any(|title| title.contains(" ms - "));
    viewer.until("a title with the latency of frames that were shown", |_| has_latency().then_some(()));
    let report = viewer.interrupt().ok().report();
    assert_eq!(report.number("pixels.agreed"), report.number("frames.shown"), "{:#}", report.0["pixels"]);
    producer.interrupt().ok();
}

#[test]
fn full_screen_is_requested_from_the_window_manager() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("managed"));
    let manager = WindowManager::start(&screen);
    let args = ["--position", "0,0", "--fullscreen", "--no-overlay"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).env("DISPLAY", screen.display()).start();
    let (frame, producer) = still(kafka, &topic);
    let large = resize(&frame, 1600, 900, FilterType::Triangle);
    viewer.until("a request for full screen at the start", |_| (manager.serve() == (1, true)).then_some(()));
    viewer.until("the picture over the whole screen", |_| {
        (rgb_psnr(&screen.part(0, 50, 1600, 900), &large) > 30.0).then_some(())
    });
    screen.xdotool(&["mousemove", "300", "200"]);
    for (requests, key, on) in [(2, "f", false), (3, "f", true), (4, "Escape", false)] {
        screen.xdotool(&["key", key]);
        viewer.until(key, |_| (manager.serve() == (requests, on)).then_some(()));
    }
    viewer
        .until("the picture in its window", |_| (rgb_psnr(&screen.part(0, 0, 640, 360), &frame) > 32.0).then_some(()));
    screen.xdotool(&["key", "Escape"]);
    viewer.wait().ok().report();
    producer.interrupt().ok();
}

#[test]
fn full_screen_can_be_left_when_the_window_manager_that_set_it_is_dead() {
    need(&TOOLS);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("manager-died"));
    let manager = WindowManager::start(&screen);
    let args = ["--position", "40,30", "--no-overlay"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).env("DISPLAY", screen.display()).start();
    let (frame, producer) = still(kafka, &topic);
    let in_window = |_: &RunningProgram| (rgb_psnr(&screen.part(40, 30, 640, 360), &frame) > 32.0).then_some(());
    viewer.until("the picture in its window", in_window);
    screen.xdotool(&["mousemove", "300", "200", "key", "f"]);
    viewer.until("a request for full screen", |_| (manager.serve() == (1, true)).then_some(()));
    drop(manager);
    let is_full = |_: &RunningProgram| screen.sizes().contains(&(1600, 1000)).then_some(());
    viewer.until("a window over the whole screen", is_full);
    screen.xdotool(&["key", "Escape"]);
    viewer.until("the picture in its window again", in_window);
    // From now on the viewer does it without a window manager.
    screen.xdotool(&["key", "f"]);
    viewer.until("a window over the whole screen again", is_full);
    screen.xdotool(&["key", "Escape"]);
    viewer.until("the picture in its window once more", in_window);
    screen.xdotool(&["key", "Escape"]);
    viewer.wait().ok().report();
    producer.interrupt().ok();
}

#[test]
fn the_title_contains_the_position_among_the_sources() {
    need(&["Xvfb", "xdotool"]);
    let kafka = kafka();
    let (screen, topic) = (Xvfb::start(), kafka.topic("sources"));
    let mut viewer =
        Program::vidcons().on(kafka, &topic).args(["--position", "0,0"]).env("DISPLAY", screen.display()).start();
    let producer = |source: &str| {
        let card = ["test", "--size", "640x360", "--fps", "20", "--source", source];
        Program::vidprod().args(card).on(kafka, &topic).start()
    };
    let title = |beginning: &'static str| {
        let screen = &screen;
        move |_: &RunningProgram| screen.titles().iter().any(|title| title.starts_with(beginning)).then_some(())
    };
    let door = producer("door");
    viewer.until("one source", title("door - "));
    let (hall, roof) = (producer("hall"), producer("roof"));
    viewer.until("the first of three", title("door (1 of 3) - "));
    screen.xdotool(&["mousemove", "300", "200", "key", "Tab"]);
    viewer.until("the next", title("hall (2 of 3) - "));
    screen.xdotool(&["key", "shift+Tab", "key", "shift+Tab"]);
    viewer.until("the one before the first", title("roof (3 of 3) - "));
    hall.interrupt().ok();
    viewer.until("one less", title("roof (2 of 2) - "));
    // This source was chosen by hand, so it stays selected.
    roof.interrupt().ok();
    viewer.until("that it ended", title("roof (2 of 2) - ended "));
    screen.xdotool(&["key", "Tab"]);
    viewer.until("the only one", title("door - "));
    viewer.interrupt().ok().report();
    door.interrupt().ok();
}
