//! The test card: a live source without a device, a moving picture that shows its frame number and its time of capture.
//!
//! It keeps time as a camera does: a frame is due every interval from the first on. A frame that was not fetched in
//! time is skipped, so numbers have gaps and no delay accumulates.

mod drawing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::draw::Bar;
use common::time::{Clock, Micros};

use self::drawing::Drawing;
use super::input::SourceTiming;
use super::opened::{SourceInfo, SourceSetup};
use crate::picture::{Picture, SourcePicture};

/// The longest sleep, so that a stop is noticed soon even between slow frames.
const NAP: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct TestCard {
    drawing: Drawing,
    fps: f64,
    start: u64,
    step: u64,
    source: u16,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
    /// Time at which the first frame was due; set by the first request.
    begun: Option<Micros>,
    /// The next frame, counted in intervals since then.
    next: u64,
}

impl TestCard {
    /// The range of frame rates; others are clamped to it.
    pub const FPS_MIN: f64 = 0.001;
    pub const FPS_MAX: f64 = 1000.0;

    /// A card whose frames are numbered `start`, `start + step`, … until `stop` is set.
    pub fn open(start: u64, step: u64, setup: &SourceSetup) -> (SourceInfo, TestCard) {
        let options = &setup.options;
        let (width, height) = options.box_size.unwrap_or((1280, 720));
        let fps = options.fps.unwrap_or(30.0);
        let info = SourceInfo::new(SourceTiming::Live, "test card".to_owned(), ((width, height), (width, height)));
        let card = TestCard {
            drawing: Drawing::new(width, height, options.subsampling, &options.name),
            // NaN becomes the minimum too.
            fps: if fps > TestCard::FPS_MIN { fps.min(TestCard::FPS_MAX) } else { TestCard::FPS_MIN },
            start,
            step,
            source: Bar::source_of(&options.name),
            clock: setup.clock.clone(),
            stop: setup.stop.clone(),
            begun: None,
            next: 0,
        };
        (SourceInfo { fps: Some(fps), ..info }, card)
    }

    /// Waits until the next frame is due and draws it into the memory of `reuse`; `None` once stopped.
    pub fn next(&mut self, reuse: Picture) -> Option<SourcePicture> {
        let begun = *self.begun.get_or_insert_with(|| self.clock.now());
        self.skip_what_was_missed(begun);
        let pts = self.pts(self.next);
        let due = begun.plus(pts);
        self.wait_until(due)?;

        let number = self.start.wrapping_add(self.step.wrapping_mul(self.next));
        self.next += 1;
        let captured = self.clock.now();
        let wall_us = captured.shifted(self.clock.wall_offset_us()).0;
        // The bar has room for 32 bits of the number, which is enough to tell frames apart.
        let bar = Bar { source: self.source, number: number as u32, captured };
        let mut picture = reuse;
        self.drawing.draw(&mut picture, pts, number, wall_us, &bar);
        Some(SourcePicture { picture, pts, number: Some(number), due: Some(due), captured: Some(captured) })
    }

    fn pts(&self, index: u64) -> Duration {
        Duration::from_secs_f64(index as f64 / self.fps)
    }

    /// If it is more than one interval behind, the next frame is the newest one that is due.
    fn skip_what_was_missed(&mut self, begun: Micros) {
        let behind = (self.clock.now().since(begun).as_secs_f64() * self.fps) as u64;
        if behind > self.next {
            self.next = behind;
        }
    }

    fn wait_until(&self, due: Micros) -> Option<()> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            let now = self.clock.now();
            if now >= due {
                return Some(());
            }
            self.clock.sleep_until(due.min(now.plus(NAP)));
        }
    }
}

#[cfg(test)]
mod tests {
    use common::time::ManualClock;

    use super::super::{Input, SourceOptions, testing};
    use super::*;

    fn card(fps: f64, start: u64, step: u64) -> (TestCard, Arc<ManualClock>, Arc<AtomicBool>) {
        let (clock, stop) = (Arc::new(ManualClock::default()), Arc::new(AtomicBool::new(false)));
        clock.advance(Duration::from_secs(7));
        let options = SourceOptions {
            box_size: Some((320, 180)),
            fps: Some(fps),
            name: "A".to_owned(),
            ..testing::options(Input::TestCard { start, step })
        };
        let setup = SourceSetup { options, clock: clock.clone(), stop: stop.clone() };
        let (_, card) = TestCard::open(start, step, &setup);
        (card, clock, stop)
    }

    fn next(card: &mut TestCard) -> (u64, u64, u64) {
        let picture = card.next(Picture::default()).unwrap();
        (picture.number.unwrap(), picture.pts.as_micros() as u64, picture.due.unwrap().0)
    }

    #[test]
    fn frames_are_due_one_interval_apart_and_counted_by_step() {
        let (mut card, _, _) = card(25.0, 1, 2);
        assert_eq!(next(&mut card), (1, 0, 7_000_000));
        assert_eq!(next(&mut card), (3, 40_000, 7_040_000));
        assert_eq!(next(&mut card), (5, 80_000, 7_080_000));
    }

    #[test]
    fn a_stall_skips_frames_and_numbers_and_keeps_the_beat() {
        let (mut card, clock, _) = card(10.0, 0, 1);
        assert_eq!(next(&mut card).0, 0);
        clock.advance(Duration::from_millis(150));
        assert_eq!(next(&mut card), (1, 100_000, 7_100_000), "late by less than an interval: taken");
        clock.advance(Duration::from_millis(400));
        assert_eq!(next(&mut card), (5, 500_000, 7_500_000), "550 ms in, 2 to 4 were missed");
        assert_eq!(next(&mut card), (6, 600_000, 7_600_000));
    }

    #[test]
    fn the_bar_and_the_shot_say_the_same() {
        let (mut card, _, _) = card(30.0, 40, 1);
        card.next(Picture::default());
        let picture = card.next(Picture::default()).unwrap();
        let [y, ..] = picture.picture.planes();
        let bar = Bar::read(320, 180, |column, row| y[row * 320 + column]).unwrap();
        assert_eq!(bar, Bar { source: Bar::source_of("A"), number: 41, captured: picture.captured.unwrap() });
    }

    #[test]
    fn a_stop_ends_the_wait_of_a_slow_card() {
        let (mut card, clock, stop) = card(0.2, 0, 1);
        assert!(card.next(Picture::default()).is_some());
        stop.store(true, Ordering::Relaxed);
        assert!(card.next(Picture::default()).is_none());
        assert_eq!(clock.now().0, 7_000_000, "without sleeping");
    }

    #[test]
    fn no_rate_breaks_it() {
        for fps in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            let (mut card, _, _) = card(fps, u64::MAX, u64::MAX);
            assert!((0..3).all(|_| card.next(Picture::default()).is_some()), "{fps}");
        }
    }
}
