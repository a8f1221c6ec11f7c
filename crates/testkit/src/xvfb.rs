//! An X server without a screen, and access to its windows.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use image::RgbImage;
use rustix::process::{Pid, Signal, kill_process};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{AtomEnum, ChangeWindowAttributesAux, ConnectionExt, EventMask};
use x11rb::rust_connection::RustConnection;

#[derive(Debug)]
pub struct Xvfb {
    server: Child,
    display: String,
}

impl Xvfb {
    /// Starts a server; it chooses a free display number.
    pub fn start() -> Xvfb {
        Xvfb::start_with(&[])
    }

    /// Starts a server with further options.
    pub fn start_with(options: &[&str]) -> Xvfb {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("need() has looked for Xvfb");
        let mut number = String::new();
        let stdout = server.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut number).expect("Xvfb says its display");
        assert!(!number.trim().is_empty(), "Xvfb did not start");
        Xvfb { server, display: format!(":{}", number.trim()) }
    }

    pub fn display(&self) -> &str {
        &self.display
    }

    /// Stops the server for this time.
    pub fn halt(&self, lasting: Duration) {
        let signal = |signal| kill_process(Pid::from_child(&self.server), signal).expect("a child of ours");
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
        let done = Command::new("import")
            .args(["-display", &self.display, "-window", "root", "png:-"])
            .stdin(Stdio::null())
            .output()
            .expect("need() has looked for import");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        image::load_from_memory(&done.stdout).expect("import writes a PNG").to_rgb8()
    }

    /// A picture of a part of the screen.
    #[track_caller]
    pub fn part(&self, x: u32, y: u32, width: u32, height: u32) -> RgbImage {
        image::imageops::crop_imm(&self.screenshot(), x, y, width, height).to_image()
    }

    /// Runs xdotool with these arguments. Without a window manager, keys go to the window under the pointer.
    #[track_caller]
    pub fn xdotool(&self, args: &[&str]) -> String {
        let done = Command::new("xdotool").env("DISPLAY", &self.display).args(args).output();
        let done = done.expect("need() has looked for xdotool");
        assert!(done.status.success(), "xdotool {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
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

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
