//! Writes frames to a producer's standard input when they are due, and records the times.

use std::io::{ErrorKind, Write};
use std::process::ChildStdin;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use common::time::Micros;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::clip::PlanarClip;
use crate::control::Control;
use crate::schedule::due;

/// The largest pipe allowed without being root, so that a frame of 720p hardly waits for its reader.
const PIPE_BYTES: usize = 1 << 20;
/// Time from the stream's header to the first frame, during which the producer connects.
const LEAD: Duration = Duration::from_secs(1);
/// Time without reading after which a producer counts as hung.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Time at which the write of each frame began, and the largest delay after a frame's due time.
#[derive(Clone, Default, Debug)]
pub struct FeedTimes {
    pub began: Vec<Micros>,
    pub late_max: Duration,
}

/// Feeds `frames` frames, and closes the pipe.
pub fn feed(
    mut pipe: ChildStdin,
    clip: &PlanarClip,
    (frames, fps): (usize, f64),
    control: Control<'_>,
) -> anyhow::Result<FeedTimes> {
    let clock = control.clock;
    // If it fails, the pipe is smaller, which is slower for all lines alike.
    let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES);
    rustix::io::ioctl_fionbio(&pipe, true).context("making the pipe give up on a reader that hangs")?;
    write_all(&mut pipe, clip.header(fps).as_bytes())?;
    let start = clock.now().plus(LEAD);
    let mut fed = FeedTimes::default();
    let mut frame = Vec::new();
    for index in 0..frames {
        // The frame is made before it is due.
        clip.frame(index, &mut frame);
        let due = due(start, fps, index as u64);
        clock.sleep_until(due);
        control.check()?;
        let began = clock.now();
        write_all(&mut pipe, &frame).with_context(|| format!("feeding frame {index}"))?;
        fed.began.push(began);
        fed.late_max = fed.late_max.max(began.since(due));
    }
    Ok(fed)
}

fn write_all(pipe: &mut ChildStdin, mut bytes: &[u8]) -> anyhow::Result<()> {
    while !bytes.is_empty() {
        match pipe.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let ready = poll(&mut [PollFd::new(pipe, PollFlags::OUT)], Some(&PATIENCE));
                ensure!(ready.context("waiting for the producer")? > 0, "the producer reads no more");
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => bail!("the producer closed its standard input"),
            Err(error) => return Err(error).context("writing to the producer"),
        }
    }
    Ok(())
}
