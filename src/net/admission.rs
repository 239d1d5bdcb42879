//! Who gets in: connections in all and per address.
//!
//! A [`Permit`] is counted until its last clone is dropped, so whoever takes a connection over (an upgrade) takes the
//! permit along. Refusals are answered in HTTP, before any upgrade.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::{Held, Keyed};

/// Connections from one address. Loopback has no such limit.
pub const MAX_CONNECTIONS_PER_ADDRESS: u32 = 1_000;

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
}

/// Counts connections and holds them to the limits.
#[derive(Debug)]
pub struct ConnectionLimits {
    max_connections: usize,
    max_per_address: u32,
    connections: AtomicUsize,
    addresses: Arc<Keyed<IpAddr>>,
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
        Arc::new(ConnectionLimits {
            max_connections,
            max_per_address,
            connections: AtomicUsize::new(0),
            addresses: Arc::default(),
        })
    }

    /// Counts a connection and its address, if there is room.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn admit(self: &Arc<Self>, peer: SocketAddr) -> Result<Permit, Refusal> {
        self.admit_hop()?.at(peer)
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
    fn an_ipv6_network_is_one_subscriber() {
        let limits = ConnectionLimits::new(100, 1);
        let _held = limits.admit(peer("2001:db8:1:2::7")).unwrap();
        assert!(limits.admit(peer("2001:db8:1:2:ffff::8")).is_err());
        assert!(limits.admit(peer("2001:db8:1:3::7")).is_ok());
    }
}
