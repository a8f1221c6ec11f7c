//! Switches the window to full screen and back.
//!
//! A window manager is asked to do it. If none runs, or if it does not support full screen, we move and resize the
//! window ourselves.

#[cfg(target_os = "linux")]
pub use x11::FullScreen;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::FullScreen;

#[cfg(target_os = "linux")]
mod x11 {
    use minifb::{HasWindowHandle, Window};
    use raw_window_handle::RawWindowHandle;
    use x11rb::connection::Connection;
    use x11rb::errors::ReplyError;
    use x11rb::protocol::xproto::{
        AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt, EventMask, InputFocus, Rectangle, StackMode,
    };
    use x11rb::rust_connection::RustConnection;

    use crate::window::error::PresentError;

    x11rb::atom_manager! {
        Atoms: AtomsCookie {
            _NET_SUPPORTED,
            _NET_SUPPORTING_WM_CHECK,
            _NET_WM_STATE,
            _NET_WM_STATE_FULLSCREEN,
        }
    }

    /// Marks a message about `_NET_WM_STATE` as sent by a program, rather than by a pager or another tool.
    const FROM_PROGRAM: u32 = 1;

    #[derive(Debug)]
    pub struct FullScreen {
        display: RustConnection,
        atoms: Atoms,
        root: u32,
        window: u32,
        /// The window's place before full screen, if we requested it.
        before: Option<Rectangle>,
        /// True if we moved the window to full screen ourselves.
        by_us: bool,
    }

    impl FullScreen {
        pub fn of(window: &Window) -> Result<FullScreen, PresentError> {
            connect(window).map_err(|error| PresentError::FullScreen(error.to_string()))
        }

        pub fn is_on(&self) -> bool {
            self.by_us || self.lists(self.window, self.atoms._NET_WM_STATE).unwrap_or(false)
        }

        pub fn set(&mut self, on: bool) -> Result<(), PresentError> {
            let managed = !self.by_us && self.is_managed();
            let set = match (managed, on) {
                (true, _) => self.ask_window_manager(on),
                (false, true) => self.enter(),
                (false, false) => self.leave(),
            };
            set.map_err(|error| PresentError::FullScreen(error.to_string()))
        }

        /// True if a window manager runs and supports full screen. Properties that a dead one left on the root window do
        /// not count.
        fn is_managed(&self) -> bool {
            let check = self.atoms._NET_SUPPORTING_WM_CHECK;
            let manager = |of: u32| {
                let property = self.display.get_property(false, of, check, AtomEnum::WINDOW, 0, 1).ok()?;
                property.reply().ok()?.value32()?.next()
            };
            let alive = manager(self.root).is_some_and(|window| manager(window) == Some(window));
            alive && self.lists(self.root, self.atoms._NET_SUPPORTED).unwrap_or(false)
        }

        /// True if full screen is among the atoms of this property.
        fn lists(&self, window: u32, property: u32) -> Result<bool, ReplyError> {
            let property = self.display.get_property(false, window, property, AtomEnum::ATOM, 0, u32::MAX)?.reply()?;
            Ok(property
                .value32()
                .is_some_and(|mut atoms| atoms.any(|atom| atom == self.atoms._NET_WM_STATE_FULLSCREEN)))
        }

        fn ask_window_manager(&mut self, on: bool) -> Result<(), ReplyError> {
            if on {
                self.before = Some(self.place()?);
            }
            let data = [u32::from(on), self.atoms._NET_WM_STATE_FULLSCREEN, 0, FROM_PROGRAM, 0];
            let message = ClientMessageEvent::new(32, self.window, self.atoms._NET_WM_STATE, data);
            let to = EventMask::SUBSTRUCTURE_NOTIFY | EventMask::SUBSTRUCTURE_REDIRECT;
            self.display.send_event(false, self.root, to, message)?.check()
        }

        fn enter(&mut self) -> Result<(), ReplyError> {
            let before = self.place()?;
            self.move_to(self.screen()?)?;
            // Otherwise a key that is let go of when the window has shrunk away from the pointer would count as held.
            let focus = self.display.set_input_focus(InputFocus::POINTER_ROOT, self.window, x11rb::CURRENT_TIME)?;
            focus.check()?;
            (self.before, self.by_us) = (Some(before), true);
            Ok(())
        }

        /// Leaves full screen without a window manager. The one that set it may have died since.
        fn leave(&mut self) -> Result<(), ReplyError> {
            let place = match self.before.take() {
                Some(before) => before,
                None => middle(self.screen()?),
            };
            self.move_to(place)?;
            // A dead window manager cannot remove its mark.
            self.display.delete_property(self.window, self.atoms._NET_WM_STATE)?.check()?;
            self.by_us = false;
            Ok(())
        }

        fn move_to(&self, Rectangle { x, y, width, height }: Rectangle) -> Result<(), ReplyError> {
            let place = ConfigureWindowAux::new()
                .x(i32::from(x))
                .y(i32::from(y))
                .width(u32::from(width))
                .height(u32::from(height))
                .stack_mode(StackMode::ABOVE);
            self.display.configure_window(self.window, &place)?.check()
        }

        /// The window's place on the screen. A window manager may have put the window into a frame.
        fn place(&self) -> Result<Rectangle, ReplyError> {
            let size = self.display.get_geometry(self.window)?.reply()?;
            let corner = self.display.translate_coordinates(self.window, self.root, 0, 0)?.reply()?;
            Ok(Rectangle { x: corner.dst_x, y: corner.dst_y, width: size.width, height: size.height })
        }

        fn screen(&self) -> Result<Rectangle, ReplyError> {
            let screen = self.display.get_geometry(self.root)?.reply()?;
            Ok(Rectangle { x: 0, y: 0, width: screen.width, height: screen.height })
        }
    }

    /// Half the width and height of the screen, in its middle: the place of a window whose former place is unknown.
    fn middle(screen: Rectangle) -> Rectangle {
        let (width, height) = (screen.width / 2, screen.height / 2);
        Rectangle { x: (width / 2) as i16, y: (height / 2) as i16, width, height }
    }

    fn connect(window: &Window) -> Result<FullScreen, Box<dyn std::error::Error>> {
        let RawWindowHandle::Xlib(handle) = window.window_handle()?.as_raw() else {
            return Err("the window does not belong to an X server".into());
        };
        let (display, screen) = x11rb::connect(None)?;
        let atoms = Atoms::new(&display)?.reply()?;
        let root = display.setup().roots[screen].root;
        Ok(FullScreen { display, atoms, root, window: u32::try_from(handle.window)?, before: None, by_us: false })
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use minifb::Window;

    use crate::window::error::PresentError;

    /// No value exists: on other systems the window library does not support full screen, nor does it let us add it.
    #[derive(Debug)]
    pub enum FullScreen {}

    impl FullScreen {
        pub fn of(_: &Window) -> Result<FullScreen, PresentError> {
            Err(PresentError::FullScreen("it is only supported with X11".to_owned()))
        }

        pub fn is_on(&self) -> bool {
            match *self {}
        }

        pub fn set(&mut self, _: bool) -> Result<(), PresentError> {
            match *self {}
        }
    }
}
