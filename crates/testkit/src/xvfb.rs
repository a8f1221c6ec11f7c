//! An X server without a screen, and access to its windows.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use image::RgbImage;
use rustix::process::Signal;
use tempfile::TempDir;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{AtomEnum, ChangeWindowAttributesAux, ConnectionExt, EventMask};
use x11rb::rust_connection::RustConnection;

use crate::child::{LoggedChild, Pipe, output_of};
use crate::program::Program;

/// The size of the screen for tests.
const SCREEN: (u32, u32) = (1600, 1000);

#[derive(Debug)]
pub struct Xvfb {
    server: LoggedChild,
    display: String,
    /// Contains the server's log.
    _folder: TempDir,
}

impl Xvfb {
    /// Starts a server for tests.
    pub fn start() -> Xvfb {
        Xvfb::start_with(&[])
    }

    /// Starts a server for tests with further options.
    pub fn start_with(options: &[&str]) -> Xvfb {
        Xvfb::with_screen(SCREEN, options).unwrap_or_else(|e| panic!("{e:#}"))
    }

    /// Starts a server with a screen of this size. Xvfb chooses a free display number, and prints it once it is ready.
    pub fn with_screen((width, height): (u32, u32), options: &[&str]) -> anyhow::Result<Xvfb> {
        let folder = TempDir::new().context("a folder for Xvfb's log")?;
        let screen = format!("{width}x{height}x24");
        let mut server = Program::at("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"])
            .args(options)
            .start_logged("Xvfb", Pipe::Output, &folder.path().join("log"))?;
        let mut number = String::new();
        BufReader::new(server.output()?).read_line(&mut number).context("reading Xvfb's display number")?;
        ensure!(!number.trim().is_empty(), "Xvfb did not start; {}", server.last_line());
        Ok(Xvfb { server, display: format!(":{}", number.trim()), _folder: folder })
    }

    /// The value for `DISPLAY` in a program's environment.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Stops the server for this time.
    pub fn halt(&self, lasting: Duration) {
        let signal = |signal| self.server.signal(signal).unwrap_or_else(|e| panic!("{e:#}"));
        signal(Signal::STOP);
        std::thread::sleep(lasting);
        signal(Signal::CONT);
    }

    /// Records the windows that programs open from now on.
    pub fn watch_windows(&self) -> WindowWatch {
        let (display, screen) = x11rb::connect(Some(&self.display)).expect("the server that we have started");
        let root = display.setup().roots[screen].root;
        let changes = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_NOTIFY);
        display.change_window_attributes(root, &changes).expect("a request").check().expect("anybody may watch");
        WindowWatch { display }
    }

    /// The titles of the windows on the screen.
    pub fn titles(&self) -> Vec<String> {
        self.windows(|display, window| {
            let title = display.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 1000).ok()?;
            Some(String::from_utf8_lossy(&title.reply().ok()?.value).into_owned())
        })
    }

    /// Width and height of the windows on the screen.
    pub fn sizes(&self) -> Vec<(u16, u16)> {
        self.windows(|display, window| {
            let geometry = display.get_geometry(window).ok()?.reply().ok()?;
            Some((geometry.width, geometry.height))
        })
    }

    /// Calls `of` for each window on the screen; windows that are gone by then are skipped.
    fn windows<T>(&self, of: impl Fn(&RustConnection, u32) -> Option<T>) -> Vec<T> {
        let (display, screen) = x11rb::connect(Some(&self.display)).expect("the server that we have started");
        let root = display.setup().roots[screen].root;
        let windows = display.query_tree(root).expect("a request").reply().expect("an answer").children;
        windows.into_iter().filter_map(|window| of(&display, window)).collect()
    }

    /// A picture of the whole screen.
    #[track_caller]
    pub fn screenshot(&self) -> RgbImage {
        let png = output_of(Command::new("import").args(["-display", &self.display, "-window", "root", "png:-"]));
        image::load_from_memory(&png).expect("import writes a PNG").to_rgb8()
    }

    /// A picture of a part of the screen.
    #[track_caller]
    pub fn part(&self, x: u32, y: u32, width: u32, height: u32) -> RgbImage {
        image::imageops::crop_imm(&self.screenshot(), x, y, width, height).to_image()
    }

    /// Runs xdotool with these arguments. Without a window manager, keys go to the window under the pointer.
    #[track_caller]
    pub fn xdotool(&self, args: &[&str]) -> String {
        let output = output_of(Command::new("xdotool").env("DISPLAY", &self.display).args(args));
        String::from_utf8_lossy(&output).into_owned()
    }
}

/// A connection that receives an event for every window on the screen.
#[derive(Debug)]
pub struct WindowWatch {
    display: RustConnection,
}

impl WindowWatch {
    /// Width and height of each window when it was opened.
    pub fn opened(&self) -> Vec<(u16, u16)> {
        // Once this request is answered, all earlier events have been received.
        self.display.get_input_focus().expect("a request").reply().expect("an answer");
        let (mut sizes, mut opened) = (HashMap::new(), Vec::new());
        while let Some(event) = self.display.poll_for_event().expect("the server is there") {
            match event {
                Event::CreateNotify(created) => drop(sizes.insert(created.window, (created.width, created.height))),
                Event::MapNotify(mapped) => opened.extend(sizes.get(&mapped.window)),
                _ => {}
            }
        }
        opened
    }
}
