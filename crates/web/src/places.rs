//! The places for connections, and the connection that makes room when all of them are taken.
//!
//! A connection that gets data is never closed for a newcomer of the same network. Others are closed in this order: those
//! to which nothing was sent for a while before those in use, those of the network that holds most places, the oldest.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use common::time::{Clock, Micros};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::rate::network;

/// Time without a byte sent after which a connection is idle.
const IDLE: Duration = Duration::from_secs(2);

/// The places of all connections.
#[derive(Debug)]
pub struct Places {
    max: usize,
    clock: Arc<dyn Clock>,
    held: Mutex<HeldPlaces>,
}

#[derive(Default, Debug)]
struct HeldPlaces {
    next: u64,
    by_id: BTreeMap<u64, HeldPlace>,
}

#[derive(Debug)]
struct HeldPlace {
    network: IpAddr,
    began: Micros,
    /// When a byte was sent to it last.
    sent: Option<Micros>,
    /// Closes the connection when it is dropped.
    _open: oneshot::Sender<()>,
}

impl HeldPlace {
    fn is_idle(&self, now: Micros) -> bool {
        self.sent.is_none_or(|sent| now.since(sent) >= IDLE)
    }
}

impl Places {
    pub fn new(max: usize, clock: Arc<dyn Clock>) -> Places {
        Places { max, clock, held: Mutex::default() }
    }

    /// A place for a connection from this address, if there is one or another connection can be closed for it.
    pub fn take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let (network, now) = (network(from), self.clock.now());
        let mut held = self.held();
        if held.by_id.len() >= self.max {
            let least = held.least_needed(network, now)?;
            held.by_id.remove(&least);
        }
        let id = held.next;
        held.next += 1;
        let (open, closed) = oneshot::channel();
        held.by_id.insert(id, HeldPlace { network, began: now, sent: None, _open: open });
        Some(Place { places: self.clone(), id, open: Some(closed) })
    }

    /// True if the next connection costs another one its place.
    pub fn are_all_taken(&self) -> bool {
        self.held().by_id.len() >= self.max
    }

    fn held(&self) -> MutexGuard<'_, HeldPlaces> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldPlaces {
    /// The connection to close for one of this network.
    fn least_needed(&self, newcomer: IpAddr, now: Micros) -> Option<u64> {
        let mut counts = HashMap::<IpAddr, usize>::new();
        self.by_id.values().for_each(|place| *counts.entry(place.network).or_default() += 1);
        let own = counts.get(&newcomer).copied().unwrap_or_default();
        let closable = self.by_id.iter().filter(|(_, place)| place.is_idle(now) || counts[&place.network] > own + 1);
        let rank = |place: &HeldPlace| {
            (place.is_idle(now), counts[&place.network], Reverse(place.sent.unwrap_or(place.began)))
        };
        // Of equals the last one would be taken.
        closable.rev().max_by_key(|(_, place)| rank(place)).map(|(id, _)| *id)
    }
}

/// The place of one connection. It is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    id: u64,
    /// `None` once it was closed.
    open: Option<oneshot::Receiver<()>>,
}

impl Place {
    /// Notes that the connection took data.
    fn sent(&self) {
        let now = self.places.clock.now();
        if let Some(held) = self.places.held().by_id.get_mut(&self.id) {
            held.sent = Some(now);
        }
    }

    /// An error if the place was given to another connection. Otherwise the task is woken when that happens.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(open) = &mut self.open
            && Pin::new(open).poll(cx).is_pending()
        {
            return Ok(());
        }
        self.open = None;
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "its place was needed"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.held().by_id.remove(&self.id);
    }
}

/// A connection with its place. It keeps the place for as long as the socket is open, also as a WebSocket.
#[derive(Debug)]
pub struct PlacedStream {
    pub stream: TcpStream,
    pub place: Place,
}

impl PlacedStream {
    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(_))) {
            self.place.sent();
        }
        written
    }
}

impl AsyncRead for PlacedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.place.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for PlacedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.place.check(cx)?;
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.place.check(cx)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use common::time::ManualClock;

    use super::*;

    const A: [u8; 4] = [10, 0, 0, 1];
    const B: [u8; 4] = [10, 0, 0, 2];

    fn places(max: usize) -> (Arc<ManualClock>, Arc<Places>) {
        let clock = Arc::new(ManualClock::default());
        (clock.clone(), Arc::new(Places::new(max, clock)))
    }

    /// The indices of the connections that were closed.
    fn closed(all: &mut [Place]) -> Vec<usize> {
        let is_closed = |place: &mut Place| place.check(&mut Context::from_waker(Waker::noop())).is_err();
        all.iter_mut().enumerate().filter_map(|(index, place)| is_closed(place).then_some(index)).collect()
    }

    fn fill(places: &Arc<Places>, clock: &ManualClock, from: &[[u8; 4]]) -> Vec<Place> {
        let take = |from: &[u8; 4]| {
            clock.advance(Duration::from_millis(1));
            places.take((*from).into()).expect("there is room")
        };
        from.iter().map(take).collect()
    }

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let (clock, places) = places(3);
        let mut all = fill(&places, &clock, &[A, A, A]);
        all[0].sent();
        assert!(places.are_all_taken());
        all.push(places.take(A.into()).expect("room is made"));
        assert_eq!(closed(&mut all), [1]);
        clock.advance(IDLE);
        all[2].sent();
        all.push(places.take(A.into()).expect("room is made"));
        assert_eq!(closed(&mut all), [0, 1], "what was in use two seconds ago is idle");
    }

    #[test]
    fn a_network_that_holds_most_places_makes_room_for_others() {
        let (clock, places) = places(4);
        let mut all = fill(&places, &clock, &[B, A, A, A]);
        all.push(places.take(B.into()).expect("room is made"));
        assert_eq!(closed(&mut all), [1], "an older idle connection of a small network stays");
    }

    #[test]
    fn connections_in_use_stay_unless_one_network_has_nearly_all() {
        let (clock, places) = places(3);
        let mut all = fill(&places, &clock, &[A, A, A]);
        all.iter().for_each(Place::sent);
        assert!(places.take(A.into()).is_none(), "no network gets room from itself");
        all.push(places.take(B.into()).expect("room is made"));
        assert_eq!(closed(&mut all), [0]);
        all[3].sent();
        assert!(places.take(B.into()).is_none(), "it would have as many as the other");
    }

    #[test]
    fn a_place_is_free_again_after_its_connection() {
        let (clock, places) = places(1);
        drop(fill(&places, &clock, &[A]));
        assert!(!places.are_all_taken());
        let mut all = fill(&places, &clock, &[A]);
        all.push(places.take(A.into()).expect("room is made"));
        drop(all.remove(0));
        assert!(places.are_all_taken(), "a closed connection gives back no place that another one has");
    }
}
