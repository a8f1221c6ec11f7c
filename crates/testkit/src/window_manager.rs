//! A window manager that supports nothing but full screen on request.

use std::cell::Cell;

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux,
    EventMask, PropMode, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::xvfb::Xvfb;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        _NET_SUPPORTED,
        _NET_SUPPORTING_WM_CHECK,
        _NET_WM_STATE,
        _NET_WM_STATE_FULLSCREEN,
    }
}

#[derive(Debug)]
pub struct WindowManager {
    display: RustConnection,
    atoms: Atoms,
    /// True if the last request was for full screen.
    full_screen: Cell<bool>,
    requests: Cell<usize>,
}

impl WindowManager {
    /// Announces itself on the screen as the window manager.
    pub fn start(screen: &Xvfb) -> WindowManager {
        let (display, number) = x11rb::connect(Some(screen.display())).expect("the server that we have started");
        let atoms = Atoms::new(&display).expect("a request").reply().expect("an answer");
        let root = display.setup().roots[number].root;
        let window = display.generate_id().expect("there are ids left");
        let (class, nothing) = (WindowClass::INPUT_OUTPUT, CreateWindowAux::new());
        display.create_window(0, window, root, 0, 0, 1, 1, 0, class, 0, &nothing).expect("a request");
        for of in [root, window] {
            let check = atoms._NET_SUPPORTING_WM_CHECK;
            let here = display.change_property32(PropMode::REPLACE, of, check, AtomEnum::WINDOW, &[window]);
            here.expect("a request");
        }
        let messages = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_NOTIFY);
        display.change_window_attributes(root, &messages).expect("a request").check().expect("nobody forbids it");
        let manager = WindowManager { display, atoms, full_screen: Cell::new(false), requests: Cell::new(0) };
        manager.set_atoms(root, atoms._NET_SUPPORTED, &[atoms._NET_WM_STATE_FULLSCREEN]);
        manager
    }

    /// Carries out the requests since the last call. Returns the total number of requests, and true if the last one was
    /// for full screen.
    pub fn serve(&self) -> (usize, bool) {
        while let Some(event) = self.display.poll_for_event().expect("the server is there") {
            if let Event::ClientMessage(message) = event
                && message.type_ == self.atoms._NET_WM_STATE
            {
                self.obey(&message);
            }
        }
        (self.requests.get(), self.full_screen.get())
    }

    fn obey(&self, message: &ClientMessageEvent) {
        let [action, state, ..] = message.data.as_data32();
        assert_eq!(state, self.atoms._NET_WM_STATE_FULLSCREEN);
        let on = action == 1;
        let states: &[u32] = if on { &[self.atoms._NET_WM_STATE_FULLSCREEN] } else { &[] };
        self.set_atoms(message.window, self.atoms._NET_WM_STATE, states);
        let (width, height) = if on { (1600, 1000) } else { (640, 360) };
        let place = ConfigureWindowAux::new().x(0).y(0).width(width).height(height);
        self.display.configure_window(message.window, &place).expect("a request").check().expect("the window is there");
        self.full_screen.set(on);
        self.requests.set(self.requests.get() + 1);
    }

    fn set_atoms(&self, window: u32, property: u32, atoms: &[u32]) {
        let changed = self.display.change_property32(PropMode::REPLACE, window, property, AtomEnum::ATOM, atoms);
        changed.expect("a request").check().expect("the window is there");
    }
}
