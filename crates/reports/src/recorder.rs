//! Records each frame during a run, and writes the files that have an entry for every frame or every second.
//!
//! ```text
//! a frame's way ─Row─▶ Recorder ─a batch each second─▶ (4) ─▶ [writer: CSV, interval log]
//! ```
//! On the frame path a row is only put into memory. Once a second the rows go to a thread that writes them. If the disk
//! is so slow that its queue is full, the rows are dropped and counted.

mod writer;

use common::words::count;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use common::report::Row;
use common::time::{Clock, Micros, StageBreakdown, Timeline};

use self::writer::{Files, RowBatch, writes};
use crate::ReportFile;

/// Interval at which rows go to the files.
const EVERY: Duration = Duration::from_secs(1);
/// Largest number of rows in a batch; a full batch is handed over before its second ends.
const BATCH_ROWS_MAX: usize = 4096;
const QUEUE_BATCHES: usize = 4;

/// The latency over time and its stages, for the charts.
#[derive(Default, Debug)]
pub struct Course {
    pub timeline: Timeline,
    pub breakdown: StageBreakdown,
}

#[derive(Debug)]
pub struct Recorder {
    course: Course,
    writer: Option<Writer>,
}

#[derive(Debug)]
struct Writer {
    queue: SyncSender<RowBatch>,
    thread: JoinHandle<anyhow::Result<()>>,
    batch: RowBatch,
    /// Number of rows dropped because the disk was too slow.
    dropped: u64,
}

impl Recorder {
    /// Starts recording. Of the requested `reports`, it writes those that are written during the run.
    pub fn start(program: &'static str, reports: &[ReportFile], clock: &Arc<dyn Clock>) -> anyhow::Result<Recorder> {
        let began = clock.now();
        let files: Vec<ReportFile> = reports.iter().filter(|report| writes(report.format)).cloned().collect();
        let writer = if files.is_empty() {
            None
        } else {
            let files = Files::new(program, files, clock.wall_offset_us());
            Some(Writer::start(files, began)?)
        };
        Ok(Recorder { course: Course { timeline: Timeline::new(began), breakdown: StageBreakdown::default() }, writer })
    }

    /// A recorder that writes nothing.
    pub fn idle() -> Recorder {
        Recorder { course: Course::default(), writer: None }
    }

    pub fn timeline(&self) -> &Timeline {
        &self.course.timeline
    }

    /// Records a frame that was finished at `now`.
    pub fn record(&mut self, row: Row, now: Micros) {
        if let Some(tiles) = row.counted() {
            self.course.timeline.record(tiles, now);
            self.course.breakdown.record(tiles);
        }
        if let Some(writer) = &mut self.writer {
            writer.batch.rows.push(row);
            if writer.batch.rows.len() == BATCH_ROWS_MAX {
                writer.send_batch(now);
            }
        }
    }

    /// Sends the collected rows to the writing thread if it is time. Must be called several times a second.
    pub fn turn(&mut self, now: Micros) {
        if let Some(writer) = self.writer.as_mut().filter(|writer| now.since(writer.batch.from) >= EVERY) {
            writer.send_batch(now);
        }
    }

    /// Waits until everything is written. Returns the course even if writing failed.
    pub fn finish(self, now: Micros) -> (Course, anyhow::Result<()>) {
        let written = self.writer.map_or(Ok(()), |writer| writer.finish(now));
        (self.course, written)
    }
}

impl Writer {
    fn start(files: Files, began: Micros) -> anyhow::Result<Writer> {
        let (queue, batches) = sync_channel(QUEUE_BATCHES);
        let thread = std::thread::Builder::new()
            .name("reports".to_owned())
            .spawn(move || files.write_all(batches))
            .context("starting the thread that writes reports")?;
        Ok(Writer { queue, thread, batch: RowBatch { from: began, until: began, rows: Vec::new() }, dropped: 0 })
    }

    fn next_batch(&mut self, now: Micros) -> RowBatch {
        // The new batch gets as much memory as the last one used, so that nothing grows on the frame path.
        let rows = Vec::with_capacity(self.batch.rows.len());
        let batch = std::mem::replace(&mut self.batch, RowBatch { from: now, until: now, rows });
        RowBatch { until: now, ..batch }
    }

    fn send_batch(&mut self, now: Micros) {
        let batch = self.next_batch(now);
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) = self.queue.try_send(batch) {
            self.dropped += batch.rows.len() as u64;
        }
    }

    fn finish(mut self, now: Micros) -> anyhow::Result<()> {
        let last = self.next_batch(now);
        // No frame waits any more, so this may block. The writer is gone only if it panicked, which joining it reports.
        let _ = self.queue.send(last);
        drop(self.queue);
        self.thread.join().map_err(|_| anyhow!("the thread that writes reports panicked"))??;
        match self.dropped {
            0 => Ok(()),
            n => Err(anyhow!("{} missing in the reports of each frame: the disk was too slow", count(n, "frame"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use common::time::{ManualClock, Stage, Stamps, TimeBase};
    use common::wire::Session;

    use super::*;

    fn row(frame: u64) -> Row {
        let stamps = Stamps {
            due: Micros(1),
            captured: Micros(2),
            encoded: Micros(4),
            published: Micros(9),
            ..Stamps::default()
        };
        Row {
            source: "s".into(),
            session: Session { began_ms: 1, salt: 1 },
            frame,
            number: None,
            bytes: 1,
            stamps,
            base: TimeBase::SameHost,
            acknowledge: None,
            timed: true,
            tiles: stamps.tile(&Stage::PRODUCER),
        }
    }

    fn record(reports: &[&std::path::Path], frames: u64) -> anyhow::Result<()> {
        let manual = Arc::new(ManualClock::default());
        let clock: Arc<dyn Clock> = manual.clone();
        let reports: Vec<ReportFile> =
            reports.iter().map(|path| path.display().to_string().parse().expect("any name is one")).collect();
        let mut recorder = Recorder::start("vidtest", &reports, &clock).expect("a thread starts");
        for frame in 0..frames {
            recorder.record(row(frame), clock.now());
            manual.advance(Duration::from_millis(400));
            recorder.turn(clock.now());
        }
        let (course, written) = recorder.finish(clock.now());
        assert_eq!(course.timeline.all().map(|second| u64::from(second.frames)).sum::<u64>(), frames);
        written
    }

    #[test]
    fn every_frame_has_its_line_and_every_second_its_interval() {
        let folder = tempfile::tempdir().expect("a folder");
        let (csv, hlog) = (folder.path().join("a.csv"), folder.path().join("a.hlog"));
        record(&[&csv, &hlog], 10).expect("both are written");
        let read = |path| std::fs::read_to_string(path).expect("it is there");
        let frames: Vec<String> =
            read(&csv).lines().skip(1).map(|line| line.split(',').nth(2).unwrap_or_default().to_owned()).collect();
        assert_eq!(frames, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
        // Ten frames 400 ms apart: three full batches of three frames, and the last one.
        assert_eq!(read(&hlog).lines().filter(|line| line.starts_with("Tag=encode,")).count(), 4);
    }

    #[test]
    fn a_file_that_cannot_be_written_does_not_keep_another_from_being_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let csv = folder.path().join("a.csv");
        let error = record(&[std::path::Path::new("/dev/full.hlog/x.hlog"), &csv], 5).expect_err("one is not written");
        assert!(format!("{error:#}").contains("x.hlog"), "{error:#}");
        assert_eq!(std::fs::read_to_string(&csv).expect("it is there").lines().count(), 6);
    }
}
