//! Tests of the programs' arguments and of the figures made from their reports.

use common::report::{Machine, Sums};

use super::*;

pub fn setup() -> EndToEndSetup {
    EndToEndSetup {
        clip: None,
        size: "720p".parse().expect("a size"),
        fps: 30.0,
        acks: "all".to_owned(),
        message_bytes_max: None,
        sources: 1,
        viewers: 1,
        warmup: Duration::from_secs(2),
        seconds: Duration::from_secs(10),
        verify_pixels: true,
        viewer_args: Vec::new(),
    }
}

pub fn report(program: &str, change: impl FnOnce(&mut Sums)) -> Report {
    let mut sums = Sums { balanced: true, ..Sums::default() };
    change(&mut sums);
    Report {
        schema: common::report::SCHEMA,
        program: program.to_owned(),
        version: String::new(),
        started_ms: 0,
        seconds: 12.0,
        cpu_seconds: 0.0,
        sums,
        sources: std::collections::BTreeMap::new(),
        pixels: None,
        pages: Vec::new(),
        explain: common::report::Explain::default(),
        settings: serde_json::Map::new(),
        machine: Machine::default(),
        versions: Default::default(),
    }
}

pub fn ran(producers: Vec<Report>, viewers: Vec<Report>) -> EndToEndResult {
    let (producers_cpu, viewers_cpu) = (Duration::ZERO, Duration::ZERO);
    EndToEndResult { producers, viewers, window: Duration::ZERO, producers_cpu, viewers_cpu, viewers_peak_mb: 0 }
}

#[test]
fn books_that_do_not_balance_and_stages_that_do_not_tile_are_faults() {
    let ran = |producer: Report, viewer: Report| ran(vec![producer], vec![viewer]).faults();
    let good = |program: &str| report(program, |_| {});
    assert_eq!(ran(good("vidprod"), good("vidcons")), [""; 0]);
    let unbalanced = ran(report("vidprod", |s| s.balanced = false), good("vidcons"));
    assert_eq!(unbalanced, ["the books of vidprod do not balance"]);
    let untiled = ran(good("vidprod"), report("vidcons", |s| s.counts.untiled = 3));
    assert_eq!(untiled, ["vidcons: the stages of 3 frames do not tile"]);
    let checked = |checked: u64, agreed: u64| {
        let pixels = Some(PixelCheck { checked, agreed, ..PixelCheck::default() });
        ran(good("vidprod"), Report { pixels, ..good("vidcons") })
    };
    assert_eq!(checked(90, 90), [""; 0]);
    assert_eq!(checked(90, 88), ["vidcons: 2 of 90 pictures could not be read back"]);
    assert_eq!(checked(0, 0), ["vidcons: no picture was read back"]);
}

#[test]
fn a_viewer_that_showed_nothing_has_no_figures() {
    let showed = |count: u64| report("vidcons", |s| s.latency_us.total.count = count);
    let ran = |counts: &[u64]| ran(Vec::new(), counts.iter().map(|n| showed(*n)).collect());
    assert!(ran(&[1, 2]).seen().is_ok());
    assert!(ran(&[1, 0]).seen().is_err());
    assert_eq!(ran(&[0, 1, 0]).saw_nothing(), 2);
}

#[test]
fn figures_are_those_of_the_slowest_viewer_and_the_watched_sources() {
    let producer = |captured: u64| report("vidprod", |sums| sums.frames.captured = Some(captured));
    let viewer = |shown: u64, p99: u64| {
        report("vidcons", |sums| {
            sums.frames.shown = Some(shown);
            sums.latency_us.total = Summary { count: shown, p50: p99 / 2, p99, ..Summary::default() };
        })
    };
    let two = ran(vec![producer(300), producer(100)], vec![viewer(299, 8000), viewer(100, 40_000)]);
    assert_eq!((two.slowest(|total| total.p50), two.slowest(|total| total.p99)), (20_000.0, 40_000.0));
    assert_eq!((two.captured(), two.lost()), (400, 1));
    let unwatched = ran(vec![producer(300), producer(300)], vec![viewer(290, 10)]);
    assert_eq!((unwatched.captured(), unwatched.lost()), (300, 10));
    let nothing = ran(vec![producer(0)], vec![viewer(0, 0)]);
    assert_eq!(nothing.to_string(), "p50 0.00 p99 0.00 ms, 0 of 0 lost, 1 viewer showed nothing");
}

#[test]
fn processor_time_is_that_of_the_window_over_its_frames() {
    let playing = |frames: u64, seconds: f64| {
        let played = report("vidprod", |s| s.frames.encoded = Some(frames));
        Report { seconds, cpu_seconds: 99.0, ..played }
    };
    let watching = |frames: u64| report("vidcons", |s| s.frames.received = Some(frames));
    let (window, producers_cpu) = (Duration::from_secs(6), Duration::from_millis(720));
    let viewers_cpu = Duration::from_millis(360);
    let check = |producers: Vec<Report>, viewers: Vec<Report>, vidprod: f64, vidcons: f64| {
        let run = EndToEndResult { producers, viewers, window, producers_cpu, viewers_cpu, viewers_peak_mb: 0 };
        let cpu = run.cpu_us_a_frame().map(|(name, us)| (name, us.round()));
        assert_eq!(cpu, [("vidprod", vidprod), ("vidcons", vidcons)]);
    };
    // 30 frames a second for 6 s: 180 frames.
    check(vec![playing(240, 8.0)], vec![watching(240)], 4000.0, 2000.0);
    // Two sources, of which one had half its frames superseded, and a viewer that receives all frames.
    check(vec![playing(240, 8.0), playing(120, 8.0)], vec![watching(360)], 2667.0, 1333.0);
    // Less than one frame.
    check(Vec::new(), Vec::new(), 720_000.0, 360_000.0);
}

#[test]
fn the_programs_get_the_options_of_the_setup() {
    assert_eq!(producer_args(&setup(), 0).join(" "), "test --size 1280x720 --fps 30 --source source-1");
    let acks = "1".to_owned();
    let other = EndToEndSetup { clip: Some("a.mp4".into()), acks, message_bytes_max: Some(50_000), ..setup() };
    assert_eq!(
        producer_args(&other, 1).join(" "),
        "a.mp4 --loop --size 1280x720 --fps 30 --source source-2 -X acks=1 --max-message-bytes 50000"
    );
    let two = EndToEndSetup { sources: 2, ..setup() };
    let args = viewer_args(&two, 3, false).join(" ");
    assert_eq!(args, "-e --idle-timeout 60 --skip 60 --source source-2 --headless --verify-pixels");
    let with_page = EndToEndSetup { viewer_args: vec!["--http".to_owned(), "0".to_owned()], ..setup() };
    assert!(viewer_args(&with_page, 0, true).join(" ").ends_with("--http 0"));
    let clip = EndToEndSetup { clip: Some("a.mp4".into()), ..two };
    assert!(!viewer_args(&clip, 0, true).contains(&"--verify-pixels".to_owned()), "it has no bar");
}
