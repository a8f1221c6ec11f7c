use super::*;
use crate::source::testing::{open, options, setup};
use crate::source::{self, Input as Given};

#[test]
fn the_delay_of_the_codec_is_reported() {
    assert_eq!(delay_notes(0, Some(25.0), false), [] as [&str; 0]);
    assert_eq!(delay_notes(2, Some(25.0), false), ["the codec holds back 2 frames (B-frames): 80 ms of its own"]);
    assert_eq!(delay_notes(1, None, false), ["the codec holds back 1 frame (B-frames)"]);
    assert_eq!(delay_notes(0, None, true).len(), 1);
}

#[test]
fn a_read_ends_at_its_deadline_or_when_stopped() {
    let setup = setup(options(Given::Stdin));
    let mut is_over = ReadDeadline::new(&setup).interrupt();
    assert!(!is_over());
    setup.clock.sleep_until(Micros(6_000_000));
    assert!(is_over(), "5 s are over");
    let mut is_over = ReadDeadline::new(&setup).interrupt();
    setup.stop.store(true, Ordering::Relaxed);
    assert!(is_over(), "stopped");
}

#[test]
fn an_address_that_cannot_be_reached_is_named() {
    for url in ["http://127.0.0.1:9/x.mjpeg", "rtsp://127.0.0.1:9/x", "nosuch://x"] {
        let refused = open(&options(Given::Url(url.to_owned()))).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("cannot open {url}: ")), "{refused}");
        assert!(refused.ends_with("check the address and that it is being served"), "{refused}");
    }
}

#[test]
fn an_address_is_named_without_its_password() {
    let refused = open(&options(Given::Url("http://me:hunter2@127.0.0.1:9/x?token=hunter2".to_owned()))).unwrap_err();
    let refused = refused.to_string();
    assert!(refused.starts_with("cannot open http://me:(hidden)@127.0.0.1:9/x?token=(hidden): "), "{refused}");
}

#[test]
fn a_missing_camera_names_the_list() {
    let refused = open(&options(Given::Camera("/dev/video99".to_owned()))).unwrap_err();
    assert!(matches!(refused, source::SourceError::Camera { .. }));
    assert!(refused.to_string().contains("--list-cameras"), "{refused}");
}
