//! Causes found by vidcons: the path of pictures to the screen.

use std::time::Duration;

use testkit::{FinishedProgram, Program, RunningProgram, Xvfb, kafka, need};

use super::{CARD, SMALL, assert_blames};

/// Starts a small test card that is shown in a window; returns the viewer and the producer.
fn playing(screen: &Xvfb, window: &[&str]) -> (RunningProgram, RunningProgram) {
    let kafka = kafka();
    let topic = kafka.topic("explain-screen");
    let viewer = Program::vidcons().on(kafka, &topic).args(["-e", "--explain", "--no-overlay"]).args(window);
    let viewer = viewer.env("DISPLAY", screen.display()).start();
    (viewer, Program::vidprod().args(CARD).args(SMALL).on(kafka, &topic).start())
}

fn play(screen: &Xvfb, window: &[&str]) -> FinishedProgram {
    let (viewer, producer) = playing(screen, window);
    producer.wait().ok();
    viewer.wait().ok()
}

#[test]
fn pictures_that_go_through_the_socket_are_named() {
    need(&["Xvfb"]);
    let screen = Xvfb::start_with(&["-extension", "MIT-SHM"]);
    let viewer = play(&screen, &["--window-size", "3840x2160"]);
    assert_blames(&viewer, "present", "pictures are sent through the display's socket");
}

#[test]
fn a_window_much_larger_than_the_picture_is_named() {
    need(&["Xvfb"]);
    let viewer = play(&Xvfb::start(), &["--window-size", "3840x2160"]);
    assert_blames(&viewer, "present", "pictures are scaled to the window");
}

#[test]
fn a_display_that_is_held_up_is_named() {
    need(&["Xvfb"]);
    let screen = Xvfb::start();
    let (viewer, mut producer) = playing(&screen, &[]);
    producer.until_stderr("\n1.");
    for _ in 0..20 {
        screen.halt(Duration::from_millis(100));
        std::thread::sleep(Duration::from_millis(70));
    }
    producer.wait().ok();
    assert_blames(&viewer.wait().ok(), "broker", "the display is slow");
}
