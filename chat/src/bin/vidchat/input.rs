//! Reads the terminal or the pipe, on a thread of its own.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use anyhow::Context;
use console::{Term, measure_text_width};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Editor, ExternalPrinter, Helper};

/// Lines that wait to be written; a pipe waits when there are more.
const LINES_MAX: usize = 256;
/// Longest line that is read from a pipe. The rest is read as the next line, so that no line fills the memory.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Longest time for which a line that was typed is in the way of others.
const ENTERED_MAX: Duration = Duration::from_secs(1);
/// Longest wait, when Enter was pressed, for a line that is being printed.
const PRINTING_MAX: Duration = Duration::from_millis(50);

/// A line from the terminal or the pipe, or the reason why there are no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TypedInput {
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of the pipe.
    End,
}

/// Reads a pipe or a file.
pub fn of_pipe() -> anyhow::Result<Receiver<TypedInput>> {
    let (to, lines) = sync_channel(LINES_MAX);
    let read = move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        loop {
            line.clear();
            match std::io::Read::take(&mut input, LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Ok(1..) if to.send(TypedInput::Line(String::from_utf8_lossy(&line).into_owned())).is_ok() => {}
                _ => return drop(to.send(TypedInput::End)),
            }
        }
    };
    Builder::new().name("input".to_owned()).spawn(read).context("reading standard input")?;
    Ok(lines)
}

/// Reads a terminal with an editor, above which other lines can be printed. `None` if this terminal has no editing.
pub fn of_terminal(name: &str) -> anyhow::Result<Option<(Receiver<TypedInput>, TerminalPrinter)>> {
    let turns = Arc::<Turns>::default();
    let mut editor: Editor<EnterWatch, MemHistory> =
        Editor::with_history(Config::default(), MemHistory::new()).context("opening the terminal")?;
    editor.set_helper(Some(EnterWatch(turns.clone())));
    let Ok(printer) = editor.create_external_printer() else { return Ok(None) };
    let (to, lines) = sync_channel(LINES_MAX);
    let prompt = format!("{name}> ");
    let shared = turns.clone();
    let read = move || read_terminal(&mut editor, &prompt, &shared, &to);
    Builder::new().name("input".to_owned()).spawn(read).context("reading the terminal")?;
    Ok(Some((lines, TerminalPrinter { printer: Box::new(printer), turns })))
}

fn read_terminal(
    editor: &mut Editor<EnterWatch, MemHistory>,
    prompt: &str,
    turns: &Turns,
    to: &SyncSender<TypedInput>,
) {
    loop {
        let input = match editor.readline(prompt) {
            Ok(line) => {
                // The message appears above the prompt when it has been read from the topic, at its place among the others.
                let terminal = Term::stdout();
                let _ = terminal.clear_last_lines(rows(&format!("{prompt}{line}"), usize::from(terminal.size().1)));
                // Only an empty line is no entry of the history.
                let _ = editor.add_history_entry(&line);
                TypedInput::Line(line)
            }
            Err(ReadlineError::Interrupted) => TypedInput::Interrupted,
            Err(_) => TypedInput::End,
        };
        turns.change(|turn| turn.is_entered = false);
        let is_last = !matches!(input, TypedInput::Line(_));
        if to.send(input).is_err() || is_last {
            return;
        }
    }
}

/// Number of rows of the terminal that a typed text takes.
fn rows(text: &str, columns: usize) -> usize {
    text.split('\n').map(|line| measure_text_width(line) / columns.max(1) + 1).sum()
}

/// Prints lines above the one that is being typed.
pub struct TerminalPrinter {
    printer: Box<dyn ExternalPrinter + Send>,
    turns: Arc<Turns>,
}

impl TerminalPrinter {
    pub fn print(&mut self, line: &str) {
        self.turns.begin_printing();
        // It fails only when the terminal is gone, which the editor reports as the end of the input.
        let _ = self.printer.print(format!("{line}\n"));
        self.turns.change(|turn| turn.is_printing = false);
    }
}

/// Keeps other lines off the screen from the moment when Enter is pressed until what was typed has been removed: they would
/// be removed in its place.
#[derive(Default)]
struct Turns(Mutex<Turn>, Condvar);

#[derive(Default)]
struct Turn {
    is_entered: bool,
    is_printing: bool,
}

impl Turns {
    fn begin_printing(&self) {
        let turn = self.lock();
        let waited = self.1.wait_timeout_while(turn, ENTERED_MAX, |turn| turn.is_entered);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_printing = true;
    }

    fn enter(&self) {
        let mut turn = self.lock();
        turn.is_entered = true;
        // While the editor is in here, a line that is being printed may wait for it. That line is printed at the next prompt.
        drop(self.1.wait_timeout_while(turn, PRINTING_MAX, |turn| turn.is_printing));
    }

    fn change(&self, change: impl FnOnce(&mut Turn)) {
        change(&mut self.lock());
        self.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The editor calls its validator when Enter is pressed, before it gives the line back.
struct EnterWatch(Arc<Turns>);

impl Validator for EnterWatch {
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.0.enter();
        Ok(ValidationResult::Valid(None))
    }
}

impl Completer for EnterWatch {
    type Candidate = String;
}

impl Hinter for EnterWatch {
    type Hint = String;
}

impl Highlighter for EnterWatch {}

impl Helper for EnterWatch {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_text_takes_the_rows_that_the_editor_gave_it() {
        assert_eq!(rows("ana> hi", 80), 1);
        // The cursor stands in the next row when a row is full.
        assert_eq!(rows(&"x".repeat(80), 80), 2);
        assert_eq!(rows(&"x".repeat(81), 80), 2);
        assert_eq!(rows("a\nb", 80), 2);
        assert_eq!(rows("a", 0), 2);
    }
}
