//! A live source over simulated links, in steps of a millisecond.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::Micros;
use kafka::Delivery;

use super::in_flight::InFlight;
use super::window::InFlightFrame;

const WANTED: Duration = Duration::from_millis(300);
/// The value of `message.timeout.ms`.
const TIMEOUT: Duration = Duration::from_secs(2);
const FPS: u64 = 30;
const FRAME_BYTES: usize = 37_000;
const MBIT: f64 = 1e6 / 8.0;

/// A link that sends frames one after the other at a fixed rate. Its answer comes a round trip after a frame's last
/// byte was sent.
#[derive(Clone, Copy)]
struct Link {
    bytes_a_second: f64,
    round_trip_ms: u64,
    jitter_ms: u64,
    /// True if nothing gets through.
    halted: bool,
}

const FAT: Link = Link { bytes_a_second: 1000.0 * MBIT, round_trip_ms: 1, jitter_ms: 0, halted: false };
const NARROW: Link = Link { bytes_a_second: 2.0 * MBIT, round_trip_ms: 2, ..FAT };
const FAR: Link = Link { round_trip_ms: 200, ..FAT };
const UNSTEADY: Link = Link { round_trip_ms: 20, jitter_ms: 200, ..FAT };

/// A source that publishes its newest frame whenever there is room in flight.
struct Simulation {
    link: Link,
    fps: u64,
    frame_bytes: usize,
    now_ms: u64,
    in_flight: InFlight,
    /// The frames in flight, each with the time of its acknowledgement, unless the link changes before.
    on_the_way: VecDeque<(InFlightFrame, f64)>,
    link_free_ms: f64,
    random: u64,
    waiting: bool,
    acknowledged: Vec<Duration>,
    timed_out: usize,
    captured: usize,
}

impl Simulation {
    fn new(link: Link) -> Simulation {
        Simulation {
            link,
            fps: FPS,
            frame_bytes: FRAME_BYTES,
            now_ms: 1000,
            in_flight: InFlight::new(Some(WANTED)),
            on_the_way: VecDeque::new(),
            link_free_ms: 0.0,
            random: 1,
            waiting: false,
            acknowledged: Vec::new(),
            timed_out: 0,
            captured: 0,
        }
    }

    fn now(&self) -> Micros {
        Micros(self.now_ms * 1000)
    }

    /// Continues over `link` with all counters at zero.
    fn run(&mut self, link: Link, seconds: u64) -> &mut Simulation {
        self.link = link;
        self.acknowledged.clear();
        (self.timed_out, self.captured) = (0, 0);
        for _ in 0..seconds * 1000 {
            self.now_ms += 1;
            self.hear();
            self.send();
        }
        self
    }

    fn hear(&mut self) {
        let now = self.now();
        while let Some((frame, due_ms)) = self.on_the_way.front().copied() {
            let took = now.since(frame.at);
            if !self.link.halted && due_ms <= self.now_ms as f64 {
                self.in_flight.leave(frame, &Delivery::Acknowledged, now);
                self.acknowledged.push(took);
            } else if took > TIMEOUT {
                self.in_flight.leave(frame, &Delivery::Late, now);
                self.timed_out += 1;
            } else {
                break;
            }
            self.on_the_way.pop_front();
        }
    }

    fn send(&mut self) {
        let frames = |ms| ms * self.fps / 1000;
        if frames(self.now_ms) > frames(self.now_ms - 1) {
            self.waiting = true;
            self.captured += 1;
        }
        if !self.waiting || !self.in_flight.has_room(self.now()) {
            return;
        }
        self.waiting = false;
        let frame = self.in_flight.enter(self.frame_bytes, self.now());
        let sending_ms = self.frame_bytes as f64 / self.link.bytes_a_second * 1000.0;
        self.link_free_ms = self.link_free_ms.max(self.now_ms as f64) + sending_ms;
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let jitter_ms = if self.link.jitter_ms == 0 { 0 } else { (self.random >> 33) % self.link.jitter_ms };
        let due_ms = self.link_free_ms + (self.link.round_trip_ms + jitter_ms) as f64;
        let due_ms = self.on_the_way.back().map_or(due_ms, |(_, before_ms)| due_ms.max(*before_ms));
        self.on_the_way.push_back((frame, due_ms));
    }

    /// Percentage of the frames that the link can carry that were acknowledged.
    fn percent(&self, seconds: u64) -> usize {
        let by_rate = (self.link.bytes_a_second * seconds as f64) as usize / self.frame_bytes;
        100 * self.acknowledged.len() / by_rate.min((seconds * self.fps) as usize)
    }

    fn quantile(&self, q: f64) -> Duration {
        let mut sorted = self.acknowledged.clone();
        sorted.sort();
        sorted[((sorted.len() - 1) as f64 * q) as usize]
    }

    /// Checks that the link is well used, that frames are acknowledged in time, and that none is sent in vain.
    #[track_caller]
    fn check(&self, seconds: u64, p50_ms: u64) {
        let (percent, p50) = (self.percent(seconds), self.quantile(0.5));
        assert!(percent >= 85, "{percent} % of what the link carries, p50 {p50:?}");
        assert!(p50 <= Duration::from_millis(p50_ms), "p50 {p50:?}, {percent} %");
        assert_eq!(self.timed_out, 0);
    }
}

/// Checks a link from the first frame on, and again after some seconds.
#[track_caller]
fn check(link: Link, p50_ms: u64) {
    let mut stream = Simulation::new(link);
    stream.run(link, 5);
    assert!(stream.percent(5) >= 65, "{} % at the start", stream.percent(5));
    stream.run(link, 20).check(20, p50_ms);
}

#[test]
fn a_narrow_link_is_full_and_its_frames_are_fresh() {
    check(NARROW, 320);
    check(Link { bytes_a_second: 5.0 * MBIT, ..NARROW }, 330);
    check(Link { bytes_a_second: 1.0 * MBIT, ..NARROW }, 320);
}

#[test]
fn a_narrow_link_to_far_away_is_full() {
    check(Link { bytes_a_second: 1.0 * MBIT, ..FAR }, 600);
    check(Link { bytes_a_second: 2.0 * MBIT, ..FAR }, 500);
    check(Link { bytes_a_second: 4.0 * MBIT, ..FAR }, 400);
    check(Link { bytes_a_second: 2.0 * MBIT, round_trip_ms: 600, ..FAR }, 900);
}

#[test]
fn a_link_that_takes_a_second_for_a_frame_carries_one_at_a_time() {
    let mut stream = Simulation::new(NARROW);
    let slow = Link { bytes_a_second: 0.25 * MBIT, ..NARROW };
    // At first more is in flight than the link can carry before the frames are too old.
    stream.run(slow, 20).run(slow, 20).check(20, 1200);
}

#[test]
fn a_long_round_trip_throttles_nothing() {
    check(FAR, 202);
    check(Link { round_trip_ms: 600, ..FAR }, 602);
    check(Link { bytes_a_second: 10.0 * MBIT, ..FAR }, 300);
}

#[test]
fn an_unsteady_link_throttles_nothing() {
    check(UNSTEADY, 250);
    check(Link { jitter_ms: 300, ..UNSTEADY }, 350);
    check(Link { bytes_a_second: 2.0 * MBIT, ..UNSTEADY }, 600);
}

#[test]
fn no_frame_is_dropped_where_the_link_carries_all() {
    for link in [FAT, Link { round_trip_ms: 20, ..FAT }, Link { round_trip_ms: 100, ..FAT }] {
        let mut all = Simulation::new(link);
        all.run(link, 10);
        assert!(all.acknowledged.len() + 4 >= all.captured, "{} of {}", all.acknowledged.len(), all.captured);
    }
}

#[test]
fn a_link_that_gets_slower_keeps_its_frames_fresh() {
    let mut stream = Simulation::new(FAT);
    stream.run(FAT, 10).check(10, 3);
    // Some hundred milliseconds of frames, sent at the fast link's rate, are in flight. The slow link takes a second
    // for them.
    stream.run(NARROW, 3);
    assert_eq!(stream.timed_out, 0);
    stream.run(NARROW, 10).check(10, 320);
}

#[test]
fn a_link_that_gets_faster_is_used_at_once() {
    let mut stream = Simulation::new(NARROW);
    stream.run(NARROW, 10).run(FAT, 2);
    assert!(stream.percent(2) >= 90, "{} %", stream.percent(2));
    let mut far = Simulation::new(NARROW);
    far.run(NARROW, 10).run(FAR, 3).run(FAR, 10).check(10, 202);
}

#[test]
fn a_source_that_sends_more_after_a_while_is_not_held_back_on_a_fat_link() {
    let mut stream = Simulation::new(FAR);
    stream.fps = 2;
    stream.run(FAR, 10);
    stream.fps = FPS;
    stream.run(FAR, 5);
    assert!(stream.percent(5) >= 80, "{} %", stream.percent(5));
    stream.frame_bytes *= 4;
    stream.run(FAR, 5);
    assert!(stream.percent(5) >= 80, "{} %", stream.percent(5));
}

#[test]
fn a_link_that_stalls_for_seconds_loses_what_was_on_the_way_and_no_more() {
    for link in [FAT, NARROW, FAR] {
        let mut stream = Simulation::new(link);
        stream.run(link, 5).run(Link { halted: true, ..link }, 5);
        assert!(stream.timed_out <= 20, "{}", stream.timed_out);
        stream.run(link, 3).run(link, 5).check(5, 330);
    }
}

#[test]
fn a_first_frame_that_takes_long_is_not_taken_for_the_round_trip_for_ever() {
    let mut stream = Simulation::new(NARROW);
    stream.run(Link { round_trip_ms: 800, ..NARROW }, 1).run(NARROW, 20).run(NARROW, 10).check(10, 320);
}

#[test]
fn a_round_trip_that_gets_longer_is_found_out() {
    let mut stream = Simulation::new(NARROW);
    stream.run(FAT, 5).run(Link { round_trip_ms: 500, ..FAT }, 15);
    stream.run(Link { round_trip_ms: 500, ..FAT }, 10).check(10, 502);
}
