//! Describes a snapshot in words, for the status line, the window's title and the overlay.

mod figures;

use std::time::Duration;

use common::time::latency::{RecentLatency, TimeBase, clocks_disagree};
use common::time::rate;
use common::words::how_long;

pub use self::figures::ViewerStatus;
use crate::engine::{Snapshot, StreamState};

/// The meaning of a line, which gives it a colour.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Tone {
    /// A fact.
    #[default]
    Plain,
    /// No longer true.
    Grey,
    /// Something is wrong, or stands still.
    Alert,
    /// Something has worked.
    Good,
}

/// A line of the overlay.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct OverlayLine {
    /// Its words.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
}

fn ms(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1000.0)
}

/// Formats whole seconds, so that text redrawn on a terminal changes only once a second.
fn seconds(time: Duration) -> String {
    let s = time.as_secs();
    if s < 60 { format!("{s} s") } else { how_long(time) }
}

fn because(why: Option<&String>) -> String {
    why.map_or(String::new(), |why| format!(": {why}"))
}

impl StreamState {
    /// `None` if frames arrive normally. With `exact`, the text contains times, which change each second.
    fn words(&self, exact: bool) -> Option<String> {
        let time = |words: &str, time: &Duration, after: &str| match exact {
            true => format!("{words} {}{after}", seconds(*time)),
            false => String::new(),
        };
        match self {
            StreamState::Live { back_after } => {
                back_after.filter(|_| exact).map(|after| format!("frames again after {}", how_long(after)))
            }
            StreamState::Waiting { why } => Some(format!("waiting for frames{}", because(why.as_ref()))),
            StreamState::Paused => Some("paused".to_owned()),
            StreamState::Silent { age, why } => {
                Some(format!("no frames{}{}", time(" for", age, ""), because(why.as_ref())))
            }
            StreamState::Ended { ago, why } => Some(format!("ended{}{}", time("", ago, " ago"), because(why.as_ref()))),
        }
    }

    fn is_live(&self) -> bool {
        matches!(self, StreamState::Live { .. })
    }
}

impl Snapshot<'_> {
    /// The status line. With `exact` it contains times, which change each second; that suits a line that is redrawn.
    pub fn line(&self, exact: bool) -> String {
        let ending = format!("shown {}  {}", self.total.books.shown, self.dropped_and_lost());
        let state = || self.state.words(exact).unwrap_or_default();
        match self.name("") {
            None => state(),
            Some(source) if !self.state.is_live() => format!("{source}  {}  {ending}", state()),
            Some(source) => {
                let latency = match &self.latency {
                    RecentLatency::None => String::new(),
                    RecentLatency::Known { p50, p99, .. } => format!("p50 {} p99 {} ms  ", ms(*p50), ms(*p99)),
                    RecentLatency::ClocksDisagree(by) => format!("latency {}  ", clocks_disagree(*by)),
                };
                format!("{source}  {}{latency}{ending}", self.fps())
            }
        }
    }

    /// The reason why no frames arrive, if none do.
    pub fn not_live(&self) -> Option<String> {
        (!self.state.is_live()).then(|| self.state.words(true).unwrap_or_default())
    }

    /// The window's title.
    pub fn title(&self) -> String {
        let state = match (&self.state, &self.latency) {
            (StreamState::Live { .. }, RecentLatency::Known { p50, .. }) => Some(format!("{} ms", ms(*p50))),
            (StreamState::Live { .. }, _) => None,
            (state, _) => state.words(true),
        };
        let parts = [self.name(""), state, Some("vidcons".to_owned())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" - ")
    }

    /// The overlay. While no frames arrive, the lines about the last frames are grey.
    pub fn overlay(&self) -> Vec<OverlayLine> {
        let mut lines = Vec::new();
        let tone = if self.state.is_live() { Tone::Plain } else { Tone::Grey };
        if let Some(name) = self.name(", Tab: next") {
            let size = self.size.map_or(String::new(), |(width, height)| format!("  {width}x{height}"));
            let fps = self.fps();
            lines.push(OverlayLine { text: format!("{name}{size}  {fps}").trim_end().to_owned(), tone });
        }
        if let Some(words) = self.state.words(true) {
            let tone = if self.state.is_live() { Tone::Good } else { Tone::Alert };
            lines.push(OverlayLine { text: words, tone });
        }
        lines.extend(self.figures().into_iter().map(|text| OverlayLine { text, tone }));
        lines
    }

    fn figures(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.size.is_none() {
            return lines;
        }
        let mark = match self.base {
            TimeBase::SameHost => "",
            TimeBase::WallClocks => " (by wall clocks)",
            TimeBase::RecordTimestamps => " (record timestamps)",
        };
        match &self.latency {
            RecentLatency::None => {}
            RecentLatency::ClocksDisagree(by) => lines.push(format!("end to end {}", clocks_disagree(*by))),
            RecentLatency::Known { p50, p99, stages } => {
                lines.push(format!("end to end p50 {} p99 {} ms{mark}", ms(*p50), ms(*p99)));
                if self.base != TimeBase::RecordTimestamps {
                    lines.extend(stages.chunks(4).enumerate().map(|(row, stages)| {
                        let stages: Vec<String> =
                            stages.iter().map(|(s, d)| format!("{} {}", s.name(), ms(*d))).collect();
                        format!("{} {}", if row == 0 { "=" } else { "+" }, stages.join(" + "))
                    }));
                }
            }
        }
        lines.push(self.dropped_and_lost());
        lines
    }

    fn dropped_and_lost(&self) -> String {
        format!("dropped {}  lost {}", self.total.dropped(), self.total.lost())
    }

    /// For example `lobby`, or with several sources `lobby (2 of 6)`, with `more` inside the brackets.
    fn name(&self, more: &str) -> Option<String> {
        let source = self.source?;
        Some(match &self.position {
            Some(position) => format!("{source} ({position}{more})"),
            None => source.to_owned(),
        })
    }

    /// The frame rate, followed by spaces.
    fn fps(&self) -> String {
        self.fps.map_or(String::new(), |fps| format!("{}  ", rate::fps(fps)))
    }
}

#[cfg(test)]
mod tests;
