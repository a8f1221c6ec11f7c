//! The newest frame of each source, for any number of readers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use common::report::PageFigures;
use common::time::{Clock, Micros, Stamps};
use common::wire::{Frame, FrameKind, Session};
use tokio::sync::watch;

/// Number of sources that are kept; beyond it, the one that has been silent for longest goes.
const SOURCES_MAX: usize = 256;
/// Time of silence after which a frame of an older session is taken again.
const SILENCE: Duration = Duration::from_secs(2);

/// A frame as readers get it.
#[derive(Clone, Debug)]
pub struct HubFrame {
    pub source: Arc<str>,
    pub session: Session,
    pub frame: u64,
    pub stamps: Stamps,
    pub jpeg: Bytes,
    /// Its number among all frames that the hub took. It shows a reader which frames are new.
    pub version: u64,
    /// Its number among the frames of this source, so that a reader can count those it did not get.
    pub of_source: u64,
    pub came: Micros,
}

/// Holds the newest frame of each source, and wakes those who wait for one.
#[derive(Debug)]
pub struct FrameHub {
    sources: Mutex<BTreeMap<Arc<str>, HubFrame>>,
    /// The version of the newest frame.
    newest: watch::Sender<u64>,
    clients: Mutex<Clients>,
    clock: Arc<dyn Clock>,
}

#[derive(Default, Debug)]
struct Clients {
    next: u64,
    /// `None` for a page that has sent none yet.
    figures: BTreeMap<u64, Option<PageFigures>>,
}

impl FrameHub {
    pub fn new(clock: Arc<dyn Clock>) -> FrameHub {
        FrameHub { sources: Mutex::default(), newest: watch::channel(0).0, clients: Mutex::default(), clock }
    }

    /// Takes a frame, unless a newer one of its source is there.
    pub fn take(&self, frame: &Frame) {
        if frame.kind == FrameKind::Repeat {
            return;
        }
        let (meta, came) = (&frame.meta, self.clock.now());
        let mut sources = self.sources();
        let known = sources.get(&meta.source);
        let is_old = known.is_some_and(|known| {
            (meta.session, meta.frame) < (known.session, known.frame) && came.since(known.came) < SILENCE
        });
        if is_old {
            return;
        }
        let of_source = known.map_or(0, |known| known.of_source + 1);
        if known.is_none() && sources.len() >= SOURCES_MAX {
            let oldest = sources.values().min_by_key(|frame| frame.came).map(|frame| frame.source.clone());
            oldest.map(|oldest| sources.remove(&oldest));
        }
        let version = *self.newest.borrow() + 1;
        let kept = HubFrame {
            source: meta.source.clone(),
            session: meta.session,
            frame: meta.frame,
            stamps: meta.stamps,
            jpeg: frame.payload.clone(),
            version,
            of_source,
            came,
        };
        sources.insert(meta.source.clone(), kept);
        drop(sources);
        self.newest.send_replace(version);
    }

    /// Wakes at each new frame; holds the version of the newest.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The newest frame of every source, by name.
    pub fn all(&self) -> Vec<HubFrame> {
        self.sources().values().cloned().collect()
    }

    /// The first source's newest frame for which this is true.
    pub fn find(&self, wanted: impl FnMut(&&HubFrame) -> bool) -> Option<HubFrame> {
        self.sources().values().find(wanted).cloned()
    }

    /// The newest frame of a source, or of the first one by name.
    pub fn newest(&self, source: Option<&str>) -> Option<HubFrame> {
        let sources = self.sources();
        match source {
            Some(name) => sources.get(name).cloned(),
            None => sources.values().next().cloned(),
        }
    }

    fn sources(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, HubFrame>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pages(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a page until the guard is dropped.
    pub fn enter(self: &Arc<Self>) -> PageGuard {
        let mut clients = self.pages();
        let id = clients.next;
        clients.next += 1;
        clients.figures.insert(id, None);
        PageGuard { hub: self.clone(), id }
    }

    /// Number of pages that are open.
    pub fn clients(&self) -> usize {
        self.pages().figures.len()
    }

    /// The figures of each page.
    pub fn client_figures(&self) -> Vec<PageFigures> {
        self.pages().figures.values().flatten().cloned().collect()
    }
}

/// An open page.
#[derive(Debug)]
pub struct PageGuard {
    hub: Arc<FrameHub>,
    id: u64,
}

impl PageGuard {
    /// Keeps the page's newest figures, of sources that there are.
    pub fn set_figures(&self, mut figures: PageFigures) {
        let sources = self.hub.sources();
        figures.sources.retain(|figures| sources.contains_key(&*figures.source));
        drop(sources);
        figures.sources.truncate(SOURCES_MAX);
        figures.sources.shrink_to_fit();
        self.hub.pages().figures.insert(self.id, Some(figures));
    }
}

impl Drop for PageGuard {
    fn drop(&mut self) {
        self.hub.pages().figures.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use common::report::PageSource;
    use common::time::ManualClock;
    use common::wire::{Codec, Meta, Origin};

    use super::*;

    fn frame(source: &str, session: u64, frame: u64) -> Frame {
        let meta = Meta {
            source: source.into(),
            session: Session { began_ms: session, salt: 0 },
            frame,
            codec: Codec::Jpeg,
            key_frame: true,
            number: None,
            pts: Duration::ZERO,
            stamps: Stamps::default(),
            origin: Origin { boot: "".into(), wall_offset_us: 0 },
            width: 1,
            height: 1,
            dropped: 0,
            skipped: 0,
        };
        Frame { meta, payload: Bytes::from(format!("{source}{session}{frame}")), kind: FrameKind::Own }
    }

    fn hub() -> (Arc<ManualClock>, FrameHub) {
        let clock = Arc::new(ManualClock::default());
        (clock.clone(), FrameHub::new(clock))
    }

    fn shown(hub: &FrameHub, source: &str) -> String {
        String::from_utf8(hub.newest(Some(source)).expect("there is one").jpeg.to_vec()).unwrap()
    }

    #[test]
    fn the_newest_frame_wins_in_whatever_order_they_come() {
        let (clock, hub) = hub();
        for number in [1, 3, 2] {
            hub.take(&frame("a", 1, number));
        }
        assert_eq!(shown(&hub, "a"), "a13");
        hub.take(&frame("a", 2, 0));
        hub.take(&frame("a", 1, 4));
        assert_eq!(shown(&hub, "a"), "a20", "a newer session counts");
        clock.advance(SILENCE);
        hub.take(&frame("a", 1, 5));
        assert_eq!(shown(&hub, "a"), "a15", "the older one goes on after the newer one has died");
    }

    #[test]
    fn a_reader_finds_what_came_since_it_looked() {
        let (_, hub) = hub();
        hub.take(&frame("a", 1, 0));
        hub.take(&frame("b", 1, 0));
        let seen = *hub.watch().borrow();
        hub.take(&frame("b", 1, 1));
        hub.take(&frame("b", 1, 2));
        let new = hub.find(|frame| frame.version > seen).expect("b has news");
        assert_eq!((&*new.source, new.frame, new.of_source), ("b", 2, 2));
        assert!(hub.find(|frame| frame.version > new.version).is_none());
    }

    #[test]
    fn repeats_are_no_news_and_sources_are_bounded() {
        let (clock, hub) = hub();
        hub.take(&Frame { kind: FrameKind::Repeat, ..frame("a", 1, 0) });
        assert!(hub.newest(None).is_none());
        for source in 0..=SOURCES_MAX {
            clock.advance(Duration::from_millis(1));
            hub.take(&frame(&format!("s{source:04}"), 1, 0));
        }
        assert_eq!(hub.all().len(), SOURCES_MAX);
        assert!(hub.newest(Some("s0000")).is_none(), "the oldest went");
    }

    #[test]
    fn a_page_counts_while_it_is_open() {
        let (_, hub) = hub();
        let hub = Arc::new(hub);
        let page = hub.enter();
        page.set_figures(PageFigures::default());
        assert_eq!((hub.clients(), hub.client_figures().len()), (1, 1));
        drop(page);
        assert_eq!((hub.clients(), hub.client_figures().len()), (0, 0));
    }
    #[test]
    fn a_page_has_figures_of_real_sources_only() {
        let (_, hub) = hub();
        let hub = Arc::new(hub);
        hub.take(&frame("a", 1, 0));
        let of = |source: &str| PageSource { source: source.to_owned(), ..PageSource::default() };
        let page = hub.enter();
        let sources = [vec![of("a"); 2 * SOURCES_MAX], vec![of("invented"); 100]].concat();
        page.set_figures(PageFigures { sources, ..PageFigures::default() });
        let [figures] = &hub.client_figures()[..] else { panic!("one page") };
        assert_eq!(figures.sources.len(), SOURCES_MAX);
        assert!(figures.sources.iter().all(|figures| figures.source == "a"));
    }
}
