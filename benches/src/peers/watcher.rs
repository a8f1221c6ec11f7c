//! Finds out from outside when each frame is on the screen.
//!
//! The X server reports when something was drawn (its DAMAGE extension); then one row of the bar is fetched and read.
//! So nothing is polled: the watcher sleeps between frames, and its times are late by no more than two small messages.

use std::os::fd::AsFd;

use anyhow::{Context, Result, ensure};
use common::time::{Clock, Micros};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::Event;
use x11rb::protocol::damage::{self, ReportLevel};
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat, Window};
use x11rb::rust_connection::RustConnection;

use super::bar::{self, BarPlace};

/// Longest time until it notices that it shall not go on.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// Bytes of a pixel on a 24-bit screen: blue, green, red, unused.
const PIXEL_BYTES: usize = 4;
const GREEN: usize = 1;

/// Time at which each frame was first seen on the screen.
pub type ScreenTimes = Vec<Option<Micros>>;

#[derive(Debug)]
pub struct Watcher {
    connection: RustConnection,
    root: Window,
    damage: damage::Damage,
    /// Position of the strip that is read.
    x: i16,
    y: i16,
}

impl Watcher {
    pub fn connect(display: &str, place: BarPlace) -> Result<Watcher> {
        let (connection, screen) = RustConnection::connect(Some(display)).context("connecting to the screen")?;
        let has_damage = connection.extension_information(damage::X11_EXTENSION_NAME)?.is_some();
        ensure!(has_damage, "the X server has no DAMAGE extension");
        damage::query_version(&connection, 1, 1)?.reply()?;
        let root = connection.setup().roots[screen].root;
        let damage = connection.generate_id()?;
        damage::create(&connection, damage, root, ReportLevel::NON_EMPTY)?.check()?;
        let (x, y) = place.strip();
        Ok(Watcher { connection, root, damage, x: i16::try_from(x)?, y: i16::try_from(y)? })
    }

    /// Records when each of `frames` frames was first seen, until the last one was seen or `goes_on` returns false.
    pub fn watch(&self, frames: usize, clock: &dyn Clock, mut goes_on: impl FnMut() -> bool) -> Result<ScreenTimes> {
        let mut seen = vec![None; frames];
        while seen.last() == Some(&None) && goes_on() {
            let mut drawn = false;
            while let Some(event) = self.connection.poll_for_event().context("listening to the screen")? {
                drawn |= matches!(event, Event::DamageNotify(_));
            }
            if drawn {
                let index = self.look()?;
                let now = clock.now();
                if let Some(first) = index.and_then(|index| seen.get_mut(index)) {
                    first.get_or_insert(now);
                }
            } else {
                poll(&mut [PollFd::new(&self.connection.stream().as_fd(), PollFlags::IN)], Some(&LOOK_EVERY))
                    .context("waiting for the screen")?;
            }
        }
        Ok(seen)
    }

    /// Reads the bar on the screen. Later changes are reported by a new event.
    fn look(&self) -> Result<Option<usize>> {
        damage::subtract(&self.connection, self.damage, x11rb::NONE, x11rb::NONE)?;
        let (x, y, width) = (self.x, self.y, bar::WIDTH as u16);
        let image = self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, 1, !0)?;
        let pixels = image.reply().context("reading the screen")?.data;
        ensure!(pixels.len() == bar::WIDTH * PIXEL_BYTES, "the screen's pixels do not have {PIXEL_BYTES} bytes");
        Ok(bar::read(|i| pixels[i * PIXEL_BYTES + GREEN]))
    }
}
