//! The thread that writes the reports that are written during the run.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::Receiver;

use anyhow::{Context, anyhow};
use common::report::{CSV_HEADER, IntervalLog, Row};
use common::time::Micros;

use crate::{ReportFile, ReportFormat};
use cli::output::Output;

/// True if a report of this kind is written during the run.
pub(super) fn writes(format: ReportFormat) -> bool {
    matches!(format, ReportFormat::Csv | ReportFormat::Hlog)
}

/// The rows of one interval.
#[derive(Debug)]
pub(super) struct RowBatch {
    pub(super) from: Micros,
    pub(super) until: Micros,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Files {
    program: &'static str,
    wall_offset_us: i64,
    files: Vec<File>,
    log: IntervalLog,
    began: bool,
}

struct File {
    report: ReportFile,
    /// Opened when there is something to write.
    out: Option<BufWriter<Box<dyn Write + Send>>>,
    failed: Option<anyhow::Error>,
}

impl Files {
    pub(super) fn new(program: &'static str, reports: Vec<ReportFile>, wall_offset_us: i64) -> Files {
        let files = reports.into_iter().map(|report| File { report, out: None, failed: None }).collect();
        Files { program, wall_offset_us, files, log: IntervalLog::default(), began: false }
    }

    /// Writes until no more batches come; returns the first error.
    pub(super) fn write_all(mut self, batches: Receiver<RowBatch>) -> anyhow::Result<()> {
        for batch in batches {
            self.write(&batch);
        }
        self.files.iter_mut().for_each(File::check_there);
        self.files.into_iter().find_map(|file| file.failed).map_or(Ok(()), Err)
    }

    fn write(&mut self, batch: &RowBatch) {
        let first = !std::mem::replace(&mut self.began, true);
        let mut lines = String::new();
        if first {
            lines.push_str(CSV_HEADER);
        }
        batch.rows.iter().for_each(|row| row.write_csv(&mut lines));
        self.log.record(&batch.rows);
        let wall = |moment: Micros| moment.shifted(self.wall_offset_us).0;
        let mut intervals = if first { self.log.header(self.program, wall(batch.from)) } else { Vec::new() };
        intervals.extend(self.log.interval(wall(batch.from), batch.until.since(batch.from)));
        for file in &mut self.files {
            let text = if file.report.format == ReportFormat::Csv { lines.as_bytes() } else { &intervals };
            file.write(text);
        }
    }
}

impl File {
    /// After an error nothing more is written: a file with a gap would look complete.
    fn write(&mut self, text: &[u8]) {
        if self.failed.is_none()
            && let Err(error) = self.try_write(text)
        {
            self.fail(error);
        }
    }

    fn try_write(&mut self, text: &[u8]) -> anyhow::Result<()> {
        let out = match &mut self.out {
            Some(out) => out,
            None => self.out.insert(BufWriter::new(self.report.to.create()?)),
        };
        let written = out.write_all(text).and_then(|()| out.flush());
        match written {
            // The program that read our output has ended, which is no error.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.with_context(|| format!("cannot write {}", self.report.to)),
        }
    }

    fn fail(&mut self, error: anyhow::Error) {
        tracing::warn!(event = "report_failed", "{error:#}: that report ends here, the program continues");
        // The content of its buffer must not be written when it is dropped.
        self.out.take().map(BufWriter::into_parts);
        self.failed = Some(error);
    }

    /// Reports an error if the file was removed during the run: writes to it still succeed.
    fn check_there(&mut self) {
        if let Output::File(path) = &self.report.to
            && self.failed.is_none()
            && !path.exists()
        {
            let error = anyhow!("{} was removed while it was written", path.display());
            self.fail(error);
        }
    }
}
