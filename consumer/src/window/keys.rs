//! Key presses, each reported once.
//!
//! The window's own list of pressed keys misses a key that is pressed and released between two checks, and repeats a
//! key that is held. So every change is recorded when it comes.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};

use minifb::{InputCallback, Window};

use crate::engine::Direction;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    Quit,
    /// Leaves full screen, or quits.
    Escape,
    Pause,
    Snapshot,
    Overlay,
    Help,
    FullScreen,
    Source(Direction),
}

/// The keys that are held down.
type Down = Rc<RefCell<Vec<minifb::Key>>>;

#[derive(Debug)]
pub struct Keys {
    pressed: Receiver<Key>,
    down: Down,
    /// True if the window had the keyboard focus at the last `take`.
    active: bool,
}

impl Keys {
    /// Starts recording the keys of a window.
    pub fn of(window: &mut Window) -> Keys {
        let (keys, listener) = Keys::new();
        window.set_input_callback(Box::new(listener));
        keys
    }

    fn new() -> (Keys, Listener) {
        let ((sender, pressed), down) = (channel(), Down::default());
        (Keys { pressed, down: down.clone(), active: false }, Listener { sender, down })
    }

    /// Returns the keys pressed since the last call. `active` is true if the window has the keyboard focus.
    pub fn take(&mut self, active: bool) -> Vec<Key> {
        if std::mem::replace(&mut self.active, active) && !active {
            // The release of a key in another window is not reported, so all keys count as released.
            self.down.borrow_mut().clear();
        }
        self.pressed.try_iter().collect()
    }
}

struct Listener {
    sender: Sender<Key>,
    down: Down,
}

impl InputCallback for Listener {
    fn add_char(&mut self, _: u32) {}

    fn set_key_state(&mut self, key: minifb::Key, is_down: bool) {
        let mut down = self.down.borrow_mut();
        let was_down = down.contains(&key);
        down.retain(|other| *other != key);
        if is_down {
            down.push(key);
        }
        let shift = down.iter().any(|key| matches!(key, minifb::Key::LeftShift | minifb::Key::RightShift));
        if is_down
            && !was_down
            && let Some(meaning) = meaning(key, shift)
        {
            // While the window closes, nobody receives keys any more.
            let _ = self.sender.send(meaning);
        }
    }
}

fn meaning(key: minifb::Key, shift: bool) -> Option<Key> {
    match key {
        minifb::Key::Q => Some(Key::Quit),
        minifb::Key::Escape => Some(Key::Escape),
        minifb::Key::Space => Some(Key::Pause),
        minifb::Key::S => Some(Key::Snapshot),
        minifb::Key::O => Some(Key::Overlay),
        minifb::Key::H => Some(Key::Help),
        minifb::Key::F => Some(Key::FullScreen),
        minifb::Key::Tab => Some(Key::Source(if shift { Direction::Previous } else { Direction::Next })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(changes: &[(minifb::Key, bool)], expected: &[Key]) {
        let (mut keys, mut listener) = Keys::new();
        changes.iter().for_each(|&(key, is_down)| listener.set_key_state(key, is_down));
        assert_eq!(keys.take(true), expected);
    }

    #[test]
    fn a_held_key_counts_once_and_a_quick_one_is_not_missed() {
        let changes = [
            (minifb::Key::Space, true),
            (minifb::Key::Space, true),
            (minifb::Key::Space, false),
            (minifb::Key::X, true),
            (minifb::Key::O, true),
            (minifb::Key::O, false),
            (minifb::Key::O, true),
        ];
        check(&changes, &[Key::Pause, Key::Overlay, Key::Overlay]);
    }

    #[test]
    fn tab_with_shift_goes_back() {
        let tab = [(minifb::Key::Tab, true), (minifb::Key::Tab, false)];
        let shift = |is_down| [(minifb::Key::RightShift, is_down)];
        let changes = [&tab[..], &shift(true), &tab, &shift(false), &tab].concat();
        check(
            &changes,
            &[Key::Source(Direction::Next), Key::Source(Direction::Previous), Key::Source(Direction::Next)],
        );
    }

    #[test]
    fn a_key_that_is_let_go_of_in_another_window_counts_when_it_is_pressed_again() {
        let (mut keys, mut listener) = Keys::new();
        for (active, expected) in
            [(true, &[Key::FullScreen][..]), (true, &[]), (false, &[]), (true, &[Key::FullScreen])]
        {
            listener.set_key_state(minifb::Key::F, true);
            assert_eq!(keys.take(active), expected);
        }
    }
}
