//! The window over the whole screen and back.
//!
//! A window manager does it if there is one that can. Without one nothing stands between us and the display, and the
//! window is moved and resized here.

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
        AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt, EventMask, GetGeometryReply, InputFocus,
        StackMode,
    };
    use x11rb::rust_connection::RustConnection;

    use super::super::PresentError;

    x11rb::atom_manager! {
        Atoms: AtomsCookie {
            _NET_SUPPORTED,
            _NET_SUPPORTING_WM_CHECK,
            _NET_WM_STATE,
            _NET_WM_STATE_FULLSCREEN,
        }
    }

    /// In a message about `_NET_WM_STATE`: that it comes from a program, and not from a pager or another tool.
    const FROM_PROGRAM: u32 = 1;

    #[derive(Debug)]
    pub struct FullScreen {
        display: RustConnection,
        atoms: Atoms,
        root: u32,
        window: u32,
        /// The window's place before we moved it ourselves.
        before: Option<GetGeometryReply>,
    }

    impl FullScreen {
        pub fn of(window: &Window) -> Result<FullScreen, PresentError> {
            connect(window).map_err(|error| PresentError::FullScreen(error.to_string()))
        }

        pub fn is_on(&self) -> bool {
            self.before.is_some() || self.lists(self.window, self.atoms._NET_WM_STATE).unwrap_or(false)
        }

        pub fn set(&mut self, on: bool) -> Result<(), PresentError> {
            let managed = self.before.is_none() && self.is_managed();
            let set = match (managed, on) {
                (true, _) => self.ask_window_manager(on),
                (false, true) => self.enter(),
                (false, false) => self.leave(),
            };
            set.map_err(|error| PresentError::FullScreen(error.to_string()))
        }

        /// True if there is a window manager that can do it. Properties that a dead one left on the root window do not count.
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

        fn ask_window_manager(&self, on: bool) -> Result<(), ReplyError> {
            let data = [u32::from(on), self.atoms._NET_WM_STATE_FULLSCREEN, 0, FROM_PROGRAM, 0];
            let message = ClientMessageEvent::new(32, self.window, self.atoms._NET_WM_STATE, data);
            let to = EventMask::SUBSTRUCTURE_NOTIFY | EventMask::SUBSTRUCTURE_REDIRECT;
            self.display.send_event(false, self.root, to, message)?.check()
        }

        fn enter(&mut self) -> Result<(), ReplyError> {
            let before = self.display.get_geometry(self.window)?.reply()?;
            let screen = self.display.get_geometry(self.root)?.reply()?;
            let place = ConfigureWindowAux::new()
                .x(0)
                .y(0)
                .width(u32::from(screen.width))
                .height(u32::from(screen.height))
                .stack_mode(StackMode::ABOVE);
            self.display.configure_window(self.window, &place)?.check()?;
            // Otherwise a key that is let go of when the window has shrunk away from the pointer would count as held.
            let focus = self.display.set_input_focus(InputFocus::POINTER_ROOT, self.window, x11rb::CURRENT_TIME)?;
            focus.check()?;
            self.before = Some(before);
            Ok(())
        }

        fn leave(&mut self) -> Result<(), ReplyError> {
            let Some(before) = self.before.take() else { return Ok(()) };
            let place = ConfigureWindowAux::new()
                .x(i32::from(before.x))
                .y(i32::from(before.y))
                .width(u32::from(before.width))
                .height(u32::from(before.height));
            self.display.configure_window(self.window, &place)?.check()
        }
    }

    fn connect(window: &Window) -> Result<FullScreen, Box<dyn std::error::Error>> {
        let RawWindowHandle::Xlib(handle) = window.window_handle()?.as_raw() else {
            return Err("this is no window of an X server".into());
        };
        let (display, screen) = x11rb::connect(None)?;
        let atoms = Atoms::new(&display)?.reply()?;
        let root = display.setup().roots[screen].root;
        Ok(FullScreen { display, atoms, root, window: u32::try_from(handle.window)?, before: None })
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use minifb::Window;

    use super::super::PresentError;

    /// There is none: the window library can neither do it on other systems nor be told how.
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
