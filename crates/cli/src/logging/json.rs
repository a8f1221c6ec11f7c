//! Log lines as JSON objects: `{"timestamp":…,"level":…,"program":…,"event":…,"message":…,` and the event's fields `}`.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use common::secret;
use common::time::{Clock, SystemClock};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::{Event, Level, Subscriber};
use tracing_serde::fields::AsMap;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Event name of a line that has no other.
const UNNAMED: &str = "log";

/// A line with its time and a line break, without secrets. `event` is a stable name, on which scripts may rely; `message`
/// is the same text as in text mode.
pub(super) fn line(program: &str, level: Level, event: &str, message: &str, fields: Map<String, Value>) -> String {
    let time = UNIX_EPOCH + Duration::from_micros(SystemClock.wall_us());
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), humantime::format_rfc3339_micros(time).to_string().into());
    line.insert("level".to_owned(), level.as_str().into());
    line.insert("program".to_owned(), program.into());
    line.insert("event".to_owned(), event.into());
    line.insert("message".to_owned(), message.into());
    line.extend(fields);
    // Secrets are hidden before the line is made, because in it the end of a secret could be confused with JSON's
    // quotes.
    let mut line = Value::Object(line);
    hide_secrets(&mut line);
    format!("{line}\n")
}

/// The fields of a struct, as fields of a line.
pub(super) fn fields(of: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn hide_secrets(value: &mut Value) {
    match value {
        Value::String(text) => *text = secret::hide(text).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(hide_secrets),
        Value::Object(fields) => fields.values_mut().for_each(hide_secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Writes events of `tracing` as JSON lines.
#[derive(Debug)]
pub(super) struct JsonLines {
    pub program: &'static str,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = fields(&event.field_map());
        // The crate `log` repeats the source of its line in these fields.
        fields.retain(|name, _| !name.starts_with("log."));
        let name = take_text(&mut fields, "event").unwrap_or_else(|| UNNAMED.to_owned());
        let message = take_text(&mut fields, "message").unwrap_or_default();
        writer.write_str(&line(self.program, *event.metadata().level(), &name, &message, fields))
    }
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.shift_remove(name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(message: &str, fields: Map<String, Value>) -> Value {
        let line = line("vidcons", Level::INFO, "waiting", message, fields);
        assert_eq!(line.lines().count(), 1, "{line}");
        serde_json::from_str(&line).expect("it is JSON")
    }

    #[test]
    fn a_line_begins_with_what_every_line_has() {
        let line = made("no topic", Map::from_iter([("topic".to_owned(), "video".into())]));
        let names: Vec<&String> = line.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["timestamp", "level", "program", "event", "message", "topic"]);
        let time = line["timestamp"].as_str().expect("a text");
        assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 27, "{time}");
        assert_eq!((&line["level"], &line["program"]), (&"INFO".into(), &"vidcons".into()));
    }

    #[test]
    fn secrets_are_hidden_and_the_line_stays_json() {
        let check = |message: &str, shown: &str| {
            let fields = Map::from_iter([("why".to_owned(), message.into()), ("last".to_owned(), "kept".into())]);
            let line = made(message, fields);
            assert_eq!((&line["message"], &line["why"]), (&shown.into(), &shown.into()));
            assert_eq!(line["last"], "kept");
        };
        check("rtsp://me:hunter2@cam/", "rtsp://me:(hidden)@cam/");
        check("-X sasl.password=hunter2", "-X sasl.password=(hidden)");
        check("sasl.password=\"hun\\ter2\" and on", "sasl.password=\"(hidden)\" and on");
        check("write password=", "write password=");
        check("two\nlines and \"quotes\"", "two\nlines and \"quotes\"");
    }
}
