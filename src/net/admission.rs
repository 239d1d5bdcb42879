//! Who gets in: connections in all, per address, and how fast an address opens them.
//!
//! All of it is asked before anything that costs more than a socket: before TLS, and behind a PROXY header as soon as that
//! says whose the connection is. A [`Permit`] is counted until its last clone is dropped, so whoever takes a connection over
//! (an upgrade) takes the permit along. HTTP tells refusals by their status; elsewhere the connection is closed.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{Held, Keyed, Rates};
use crate::metrics::Limit;
use crate::session::meter::Rate;

use super::entry::Proxies;

/// How many seconds' worth of new connections an address may open at once: after a restart everybody of an office comes
/// back.
const BURST_SECONDS: u32 = 10;

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The node is full: 503.
    #[error("this node has {max_connections} connections, its limit; try again, backing off")]
    Full {
        /// The limit.
        max_connections: usize,
    },
    /// The address has enough: 429.
    #[error("this address has {max_per_address} connections, its limit; close some, then try again")]
    Address {
        /// The limit.
        max_per_address: u32,
    },
    /// The address opens connections too fast: 429.
    #[error("this address opens more than {per_second} connections a second, its limit; try again in {} ms", wait.as_millis())]
    Fast {
        /// The limit.
        per_second: u32,
        /// How long to wait.
        wait: Duration,
    },
}

/// What the limits of one port are called.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    full: Limit,
    per_address: Limit,
}

impl Called {
    /// On the port of browsers.
    pub const BROWSERS: Called = Called { full: Limit::MaxConnections, per_address: Limit::MaxConnectionsPerAddress };
    /// On the gRPC port.
    pub const GRPC: Called =
        Called { full: Limit::MaxGrpcConnections, per_address: Limit::MaxGrpcConnectionsPerAddress };
    /// On the internal port.
    pub const ADMIN: Called =
        Called { full: Limit::MaxAdminConnections, per_address: Limit::MaxAdminConnectionsPerAddress };

    /// The limit that this refusal is about.
    pub fn limit(self, refusal: Refusal) -> Limit {
        match refusal {
            Refusal::Full { .. } => self.full,
            Refusal::Address { .. } => self.per_address,
            Refusal::Fast { .. } => Limit::HandshakesPerAddress,
        }
    }
}

/// Counts connections and holds them to the limits.
#[derive(Debug)]
pub struct ConnectionLimits {
    max_connections: usize,
    max_per_address: u32,
    connections: AtomicUsize,
    addresses: Arc<Keyed<IpAddr>>,
    rate: Option<Rate>,
    rates: Rates<IpAddr>,
}

/// One admitted connection.
#[derive(Clone, Debug)]
pub struct Permit {
    counted: Arc<Counted>,
    /// Where it is from, as far as that is limited.
    address: Option<Arc<Held<IpAddr>>>,
}

#[derive(Debug)]
struct Counted {
    limits: Arc<ConnectionLimits>,
}

impl Permit {
    /// Counts the connection for this address and its rate, which was not known when it was admitted.
    ///
    /// # Errors
    /// When the address has enough, or opens connections too fast.
    pub fn arrived(self, peer: SocketAddr) -> Result<Permit, Refusal> {
        self.counted.limits.knock(peer)?;
        self.at(peer)
    }

    /// Counts the connection for this address too, unless it is counted for one already: a proxy's that is trusted is
    /// admitted without, and what it hands on is its client's.
    ///
    /// # Errors
    /// When the address has enough.
    pub fn at(self, peer: SocketAddr) -> Result<Permit, Refusal> {
        let limits = &self.counted.limits;
        let address = one_peer(peer.ip());
        if self.address.is_some() || address.is_loopback() {
            return Ok(self);
        }
        let held = limits.addresses.take(address, limits.max_per_address);
        let held = held.ok_or(Refusal::Address { max_per_address: limits.max_per_address })?;
        Ok(Permit { address: Some(Arc::new(held)), ..self })
    }
}

impl ConnectionLimits {
    /// So many in all, and so many from one address that is not loopback.
    pub fn new(max_connections: usize, max_per_address: u32) -> Arc<Self> {
        Self::paced(max_connections, max_per_address, None)
    }

    /// The same, and so many new ones a second from one address that is not loopback.
    pub fn paced(max_connections: usize, max_per_address: u32, per_second: Option<u32>) -> Arc<Self> {
        let rate =
            |per_second: u32| Rate { per_second, burst: per_second.saturating_mul(BURST_SECONDS), patience: u16::MAX };
        Arc::new(ConnectionLimits {
            max_connections,
            max_per_address,
            connections: AtomicUsize::new(0),
            addresses: Arc::default(),
            rate: per_second.map(rate),
            rates: Rates::default(),
        })
    }

    /// Counts a connection that was accepted from here, and its address where that is its client's already. What a trusted
    /// proxy hands on counts for its client once that is known ([`Permit::arrived`], [`Permit::at`]).
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn accepted(self: &Arc<Self>, peer: SocketAddr, proxies: &Proxies) -> Result<Permit, Refusal> {
        if proxies.is_client(peer) { self.admit(peer) } else { self.admit_hop() }
    }

    /// Counts a connection and its address, if there is room and the address does not come too fast.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn admit(self: &Arc<Self>, peer: SocketAddr) -> Result<Permit, Refusal> {
        self.knock(peer)?;
        self.admit_hop()?.at(peer)
    }

    /// Counts one more try of this address, whatever becomes of it.
    fn knock(&self, peer: SocketAddr) -> Result<(), Refusal> {
        let address = one_peer(peer.ip());
        let Some(rate) = self.rate.filter(|_| !address.is_loopback()) else { return Ok(()) };
        let taken = self.rates.take(address, rate, Instant::now().into_std());
        taken.map_err(|wait| Refusal::Fast { per_second: rate.per_second, wait })
    }

    /// Counts a connection whose client is not known yet, if there is room; see [`Permit::at`].
    ///
    /// # Errors
    /// When the node is full.
    pub fn admit_hop(self: &Arc<Self>) -> Result<Permit, Refusal> {
        let taken = self.connections.fetch_update(Ordering::AcqRel, Ordering::Acquire, |connections| {
            (connections < self.max_connections).then_some(connections + 1)
        });
        if taken.is_err() {
            return Err(Refusal::Full { max_connections: self.max_connections });
        }
        Ok(Permit { counted: Arc::new(Counted { limits: self.clone() }), address: None })
    }

    /// Connections that hold a permit.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.limits.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What one peer cannot easily have many of: an IPv4 address, or an IPv6 network of 64 bits.
pub(crate) fn one_peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::forwarded::Written;

    fn peer(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 40_001)
    }

    #[test]
    fn a_full_node_refuses_until_the_last_clone_of_a_permit_is_dropped() {
        let limits = ConnectionLimits::new(2, 10);
        let first = limits.admit(peer("127.0.0.1")).unwrap();
        let _second = limits.admit(peer("127.0.0.1")).unwrap();
        let upgraded = first.clone();
        drop(first);
        assert_eq!(limits.admit(peer("127.0.0.1")).unwrap_err(), Refusal::Full { max_connections: 2 });
        drop(upgraded);
        assert!(limits.admit(peer("127.0.0.1")).is_ok());
        assert_eq!(limits.connections(), 1);
    }

    #[test]
    fn addresses_are_limited_each_for_itself_and_loopback_is_not() {
        let limits = ConnectionLimits::new(100, 1);
        let _held = [limits.admit(peer("192.0.2.7")).unwrap(), limits.admit(peer("192.0.2.8")).unwrap()];
        assert_eq!(limits.admit(peer("192.0.2.7")).unwrap_err(), Refusal::Address { max_per_address: 1 });
        assert_eq!(limits.admit(peer("::ffff:192.0.2.7")).unwrap_err(), Refusal::Address { max_per_address: 1 });
        let _loopback = [limits.admit(peer("127.0.0.1")).unwrap(), limits.admit(peer("127.0.0.1")).unwrap()];
        assert_eq!(limits.connections(), 4);
    }

    #[test]
    fn what_a_proxy_hands_on_counts_for_its_client_once() {
        let limits = ConnectionLimits::new(3, 1);
        let hop = limits.admit_hop().unwrap();
        let first = hop.clone().at(peer("192.0.2.7")).unwrap();
        assert!(first.clone().at(peer("192.0.2.7")).is_ok(), "it is counted already");
        assert_eq!(hop.clone().at(peer("192.0.2.7")).unwrap_err(), Refusal::Address { max_per_address: 1 });
        assert_eq!(limits.connections(), 1, "all of them are one connection");
        drop(first);
        assert!(hop.at(peer("192.0.2.7")).is_ok());
        assert_eq!(limits.connections(), 0);
    }

    #[test]
    fn who_comes_too_fast_hits_a_limit_of_its_own_on_every_port() {
        for called in [Called::BROWSERS, Called::GRPC, Called::ADMIN] {
            let limits = ConnectionLimits::paced(100, 100, Some(1));
            let refused = (0..100).find_map(|_| limits.admit(peer("192.0.2.7")).err()).unwrap();
            assert_eq!(called.limit(refused), Limit::HandshakesPerAddress);
            let full = ConnectionLimits::new(0, 1).admit(peer("192.0.2.7")).unwrap_err();
            assert_ne!(called.limit(full), Limit::HandshakesPerAddress);
        }
    }

    #[test]
    fn only_what_proxies_hand_on_is_counted_later() {
        let trusted = vec!["192.0.2.0/24".parse().unwrap()];
        let headers = Proxies { trusted: trusted.clone(), written: Some(Written::X), protocol: false };
        let protocol = Proxies { trusted: trusted.clone(), written: None, protocol: true };
        let neither = Proxies { trusted, written: None, protocol: false };
        for (proxies, from, is_counted) in [
            (&Proxies::default(), "192.0.2.7", true),
            (&headers, "192.0.2.7", false),
            (&headers, "198.51.100.7", true),
            (&protocol, "192.0.2.7", false),
            (&neither, "192.0.2.7", true),
        ] {
            let limits = ConnectionLimits::new(10, 1);
            let _first = limits.accepted(peer(from), proxies).unwrap();
            assert_eq!(limits.accepted(peer(from), proxies).is_err(), is_counted, "{proxies:?} {from}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_opens_so_many_a_second_however_often_it_closes_them_and_others_are_others() {
        let limits = ConnectionLimits::paced(10_000, 10_000, Some(2));
        let came = |from: &str| (0..100).filter(|_| limits.admit(peer(from)).is_ok()).count();
        assert_eq!(came("192.0.2.7"), 20, "ten seconds' worth at once");
        assert!(matches!(limits.admit(peer("192.0.2.7")), Err(Refusal::Fast { per_second: 2, .. })));
        assert_eq!((came("192.0.2.8"), came("127.0.0.1"), came("::1")), (20, 100, 100));
        assert_eq!(came("2001:db8::1") + came("2001:db8::2:1"), 20, "a network is one");
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(came("192.0.2.7"), 6);
        // Behind a proxy it is counted when it is known.
        let hop = limits.admit_hop().unwrap();
        assert!(matches!(hop.clone().arrived(peer("192.0.2.7")), Err(Refusal::Fast { .. })));
        assert!(hop.clone().at(peer("192.0.2.7")).is_ok(), "a request is no connection");
        assert!(hop.arrived(peer("192.0.2.9")).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_subscriber() {
        let limits = ConnectionLimits::new(100, 1);
        let _held = limits.admit(peer("2001:db8:1:2::7")).unwrap();
        assert!(limits.admit(peer("2001:db8:1:2:ffff::8")).is_err());
        assert!(limits.admit(peer("2001:db8:1:3::7")).is_ok());
    }
}
