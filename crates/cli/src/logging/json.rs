//! Log lines as JSON objects: `{"timestamp":…,"level":…,"program":…,"event":…,"message":…,` and the event's fields `}`.

use std::fmt::{self, Debug};
use std::time::{Duration, UNIX_EPOCH};

use common::secret;
use common::time::{Clock, SystemClock};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Event name of a line that has no other.
const UNNAMED: &str = "log";

/// The content of a line.
#[derive(Debug)]
pub(super) struct LogLine<'a> {
    pub level: Level,
    /// A stable name, on which scripts may rely.
    pub event: &'a str,
    /// The same text as in text mode.
    pub message: &'a str,
    pub fields: Map<String, Value>,
}

impl LogLine<'_> {
    /// The line with its time and a line break, without secrets.
    pub fn into_json(self, program: &str) -> String {
        let time = UNIX_EPOCH + Duration::from_micros(SystemClock.wall_us());
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), humantime::format_rfc3339_micros(time).to_string().into());
        line.insert("level".to_owned(), self.level.as_str().into());
        line.insert("program".to_owned(), program.into());
        line.insert("event".to_owned(), self.event.into());
        line.insert("message".to_owned(), self.message.into());
        line.extend(self.fields);
        // Secrets are hidden before the line is made, because in it the end of a secret could be confused with JSON's
        // quotes.
        let mut line = Value::Object(line);
        hide_secrets(&mut line);
        format!("{line}\n")
    }
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
        let mut content = EventContent::default();
        event.record(&mut content);
        let EventContent { event: name, message, fields } = content;
        let name = name.as_deref().unwrap_or(UNNAMED);
        let line = LogLine { level: *event.metadata().level(), event: name, message: &message, fields };
        writer.write_str(&line.into_json(self.program))
    }
}

/// The content of an event of `tracing`.
#[derive(Default, Debug)]
struct EventContent {
    event: Option<String>,
    message: String,
    fields: Map<String, Value>,
}

impl EventContent {
    fn enter(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            ("event", Value::String(name)) => self.event = Some(name),
            // The crate `log` repeats the source of its line in these fields.
            (name, _) if name.starts_with("log.") => {}
            (name, value) => {
                self.fields.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for EventContent {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.enter(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.enter(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.enter(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.enter(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.enter(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.enter(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str, fields: Map<String, Value>) -> Value {
        let line = LogLine { level: Level::INFO, event: "waiting", message, fields }.into_json("vidcons");
        assert_eq!(line.lines().count(), 1, "{line}");
        serde_json::from_str(&line).expect("it is JSON")
    }

    #[test]
    fn a_line_begins_with_what_every_line_has() {
        let line = line("no topic", Map::from_iter([("topic".to_owned(), "video".into())]));
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
            let line = line(message, fields);
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
