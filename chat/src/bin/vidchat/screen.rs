//! Where lines are printed: a terminal on which somebody types, or standard output.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use chat::ChatMessage;
use jiff::tz::TimeZone;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::input::TerminalPrinter;
use crate::style::Style;

/// Prints messages and notices.
pub struct Screen {
    style: Style,
    terminal: Option<Arc<Mutex<TerminalPrinter>>>,
    /// The state of the terminal at the start, to which it is set back at the end.
    before: Option<Termios>,
    closed: bool,
}

impl Screen {
    /// Prints to standard output.
    pub fn plain() -> Screen {
        let on_terminal = io::stdout().is_terminal();
        Screen { style: Style::new(is_coloured(), !on_terminal, zone()), terminal: None, before: None, closed: false }
    }

    /// Prints above the line that is being typed; so do log lines from now on.
    pub fn above(printer: TerminalPrinter, before: Option<Termios>) -> Screen {
        let terminal = Arc::new(Mutex::new(printer));
        let lines = terminal.clone();
        cli::logging::print_through(Some(Box::new(move |line| {
            lines.lock().unwrap_or_else(PoisonError::into_inner).print(line);
        })));
        Screen { style: Style::new(is_coloured(), false, zone()), terminal: Some(terminal), before, closed: false }
    }

    pub fn message(&mut self, message: &ChatMessage) {
        let lines = self.style.message(message);
        self.print(&lines);
    }

    /// Prints a line of the program's own, if somebody sits in front of it.
    pub fn notice(&mut self, text: &str) {
        if self.terminal.is_some() {
            let line = self.style.quiet(&format!("* {text}"));
            self.print(&line);
        }
    }

    pub fn names(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.style.name(name)).collect::<Vec<_>>().join(", ")
    }

    /// True if nobody reads standard output any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn print(&mut self, line: &str) {
        match &self.terminal {
            Some(terminal) => terminal.lock().unwrap_or_else(PoisonError::into_inner).print(line),
            None => self.closed |= writeln!(io::stdout().lock(), "{line}").is_err(),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        cli::logging::print_through(None);
        // After a signal the editor may still be reading.
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, before);
            let _ = write!(io::stdout(), "\x1b[?2004l\r\x1b[K").and_then(|()| io::stdout().flush());
        }
    }
}

/// The state of the terminal on standard input.
pub fn terminal_state() -> Option<Termios> {
    tcgetattr(io::stdin().as_fd()).ok()
}

fn zone() -> TimeZone {
    TimeZone::system()
}

/// Colours are for terminals, unless NO_COLOR is set (no-color.org).
fn is_coloured() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !no_color && !is_dumb
}
