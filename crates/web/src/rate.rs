//! Limits on how often something may happen, for a connection or for an address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use common::time::Micros;

/// Number of addresses that are remembered.
const ADDRESSES_MAX: usize = 1024;

/// At most so many events in each window of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    pub max: u32,
    pub per: Duration,
}

/// The events since a window of time began.
#[derive(Clone, Copy, Default, Debug)]
pub struct RateWindow {
    began: Micros,
    events: u32,
}

impl RateWindow {
    /// Enters an event. False if it is one too many.
    pub fn enter(&mut self, rate: RateLimit, now: Micros) -> bool {
        if now.since(self.began) >= rate.per {
            *self = RateWindow { began: now, events: 0 };
        }
        self.events = self.events.saturating_add(1);
        self.events <= rate.max
    }

    /// True if there were not too many events.
    pub fn is_within(&self, rate: RateLimit, now: Micros) -> bool {
        self.events <= rate.max || now.since(self.began) >= rate.per
    }
}

/// Counts events by the network that they came from.
#[derive(Debug)]
pub struct NetworkRates {
    rate: RateLimit,
    networks: Mutex<HashMap<IpAddr, RateWindow>>,
}

impl NetworkRates {
    pub fn new(rate: RateLimit) -> NetworkRates {
        NetworkRates { rate, networks: Mutex::default() }
    }

    /// True if the next event of this address would be one too many.
    pub fn is_used_up(&self, from: IpAddr, now: Micros) -> bool {
        let networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = networks.get(&network(from)).filter(|window| now.since(window.began) < self.rate.per);
        // Where more addresses come than are remembered, an unknown one waits too.
        known.map_or(networks.len() >= ADDRESSES_MAX, |window| window.events >= self.rate.max)
    }

    /// Enters an event. False if it is one too many.
    pub fn enter(&self, from: IpAddr, now: Micros) -> bool {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if networks.len() >= ADDRESSES_MAX {
            networks.retain(|_, window| now.since(window.began) < self.rate.per);
        }
        let is_full = networks.len() >= ADDRESSES_MAX && !networks.contains_key(&network(from));
        !is_full && networks.entry(network(from)).or_default().enter(self.rate, now)
    }
}

/// The address that is counted: of IPv6 the first 64 bits, because one machine owns all addresses behind them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUESSES: RateLimit = RateLimit { max: 10, per: Duration::from_secs(60) };

    fn at(seconds: u64) -> Micros {
        Micros(seconds * 1_000_000)
    }

    #[test]
    fn the_eleventh_guess_within_a_minute_has_to_wait() {
        let guesses = NetworkRates::new(GUESSES);
        let (bad, good) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..10 {
            assert!(!guesses.is_used_up(bad, at(65)));
            assert!(guesses.enter(bad, at(65)));
        }
        assert!(guesses.is_used_up(bad, at(124)) && !guesses.enter(bad, at(124)));
        assert!(!guesses.is_used_up(good, at(124)));
        assert!(!guesses.is_used_up(bad, at(125)), "a minute later it may try again");
        assert!(guesses.enter(bad, at(125)));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let guesses = NetworkRates::new(GUESSES);
        for host in 0..10 {
            guesses.enter(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), at(0));
        }
        assert!(guesses.is_used_up(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), at(1)));
        assert!(!guesses.is_used_up(IpAddr::from([0x2001, 0xdb8, 0, 2, 9, 9, 9, 9]), at(1)));
    }

    #[test]
    fn memory_is_bounded_however_many_addresses_come() {
        let guesses = NetworkRates::new(GUESSES);
        for n in 0..5000_u32 {
            guesses.enter(IpAddr::from(n.to_be_bytes()), at(0));
        }
        let late = IpAddr::from([200, 0, 0, 1]);
        assert_eq!(guesses.networks.lock().unwrap().len(), ADDRESSES_MAX);
        assert!(guesses.is_used_up(late, at(1)) && !guesses.enter(late, at(1)));
        assert!(guesses.enter(late, at(61)));
        assert_eq!(guesses.networks.lock().unwrap().len(), 1, "old ones are forgotten");
    }
}
