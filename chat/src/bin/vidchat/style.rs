//! Messages as lines: the time, the coloured name and the text.

use chat::{ChatKind, ChatMessage, visible};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Colours of names, which can be read on dark and on light ground.
const COLOURS: [u8; 12] = [31, 64, 130, 160, 126, 98, 30, 100, 166, 133, 68, 71];

/// How messages are printed.
#[derive(Clone, Debug)]
pub struct Style {
    pub coloured: bool,
    /// True to print the date in each line; otherwise a line of its own says when the day has changed.
    pub dated: bool,
    pub zone: TimeZone,
    day: Option<jiff::civil::Date>,
}

impl Style {
    pub fn new(coloured: bool, dated: bool, zone: TimeZone) -> Style {
        Style { coloured, dated, zone, day: None }
    }

    /// The lines for a message.
    pub fn message(&mut self, message: &ChatMessage) -> String {
        let time = Timestamp::from_millisecond(message.at_ms).unwrap_or_default().to_zoned_datetime(self.zone.clone());
        let mut lines = String::new();
        if !self.dated && self.day.replace(time.date()) != Some(time.date()) {
            lines = self.quiet(&format!("-- {}", time.strftime("%A, %-d %B %Y"))) + "\n";
        }
        let form = if self.dated { "%Y-%m-%d %H:%M:%S" } else { "%H:%M:%S" };
        lines += &self.quiet(&time.strftime(form).to_string());
        lines.push(' ');
        lines += &self.name(&message.name);
        lines += &match message.kind {
            ChatKind::Said => format!(": {}", visible(&message.text)),
            ChatKind::Joined => self.quiet(" joined"),
            ChatKind::Left => self.quiet(" left"),
        };
        lines
    }

    /// Text of this program rather than of people.
    pub fn quiet(&self, text: &str) -> String {
        if self.coloured { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn name(&self, name: &str) -> String {
        let shown = if name.is_empty() { "(no name)".into() } else { visible(name) };
        if self.coloured { format!("\x1b[1;38;5;{}m{shown}\x1b[0m", colour(name)) } else { shown.into_owned() }
    }
}

/// The colour of a name, which is the same everywhere (FNV-1a).
fn colour(name: &str) -> u8 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    COLOURS[hash as usize % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, text: &str, at_ms: i64) -> ChatMessage {
        let (name, text) = (name.to_owned(), text.to_owned());
        ChatMessage { kind: ChatKind::Said, name, text, at_ms, video: None, id: None, partition: 0, offset: 0 }
    }

    #[test]
    fn a_file_gets_a_date_in_each_line_and_a_terminal_one_line_a_day() {
        let mut file = Style::new(false, true, TimeZone::UTC);
        assert_eq!(file.message(&said("ana", "hi", 1_700_000_000_000)), "2023-11-14 22:13:20 ana: hi");
        let mut terminal = Style::new(false, false, TimeZone::UTC);
        assert_eq!(
            terminal.message(&said("ana", "hi", 1_700_000_000_000)),
            "-- Tuesday, 14 November 2023\n22:13:20 ana: hi"
        );
        assert_eq!(terminal.message(&said("", "hi", 1_700_000_001_000)), "22:13:21 (no name): hi");
        let joined = ChatMessage { kind: ChatKind::Joined, ..said("ana", "joined", 1_700_000_002_000) };
        assert_eq!(terminal.message(&joined), "22:13:22 ana joined");
    }

    #[test]
    fn nothing_of_others_reaches_the_terminal_as_a_command() {
        let mut terminal = Style::new(true, true, TimeZone::UTC);
        let line = terminal.message(&said("a\x1b[5m", "b\x1b]0;x\x07\nc", i64::MAX));
        let ours = line.matches("\x1b[").count();
        assert!(line.matches('\x1b').count() == ours && !line.contains(['\x07', '\n']), "{line:?}");
        assert!(line.contains("b␛]0;x␇␊c"), "{line:?}");
    }

    #[test]
    fn names_differ_in_colour() {
        let names = ["ana", "ben", "cem", "dia", "eva", "finn"];
        let colours: std::collections::BTreeSet<u8> = names.iter().map(|name| colour(name)).collect();
        assert!(colours.len() >= 4, "{colours:?}");
        assert_eq!(colour("ana"), colour("ana"));
    }
}
