//! From an accepted socket to a connection that its protocol can begin on: what a proxy says of it, whether there is room
//! for whom it is, and TLS, in this order.
//!
//! One deadline for all of it, the port's own for first bytes: who draws it out costs a socket until then, and counts
//! in the port's limits as everybody else does. Nothing here is done by whoever accepts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::metrics::{Limit, Metrics};

use super::ClientCertificate;
use super::forwarded::{self, Forwarding, Written};
use super::network::Network;
use super::proxy_protocol::{self, Said};
use super::tls::{Stream, Tls};
use super::turns::Turns;

/// Who may say whose connections theirs are, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<Network>,
    /// Which headers they write. `None`: they say nothing in headers.
    pub written: Option<Written>,
    /// Whether they begin each connection with the PROXY protocol. Then nobody else gets in.
    pub protocol: bool,
}

impl Proxies {
    /// Whether this peer is a proxy whose word counts.
    pub fn trust(&self, peer: SocketAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(peer.ip()))
    }

    /// Whose connection one from this address is.
    pub fn caller(&self, address: SocketAddr) -> Caller {
        let speaks_for_others = self.written.is_some() && self.trust(address);
        if speaks_for_others { Caller::Hop(address) } else { Caller::Client(address) }
    }

    /// Whether it is known when a connection is accepted that it counts for this address.
    pub fn is_client(&self, peer: SocketAddr) -> bool {
        !self.protocol && self.caller(peer) == Caller::Client(peer)
    }

    /// Whose request it is that this caller hands on. `None`: it is not one whose word counts.
    pub fn forwarding(&self, caller: Caller, headers: &HeaderMap) -> Option<Forwarding> {
        match caller {
            Caller::Hop(peer) => Some(forwarded::read(peer, headers, self.written?, &self.trusted)),
            Caller::Client(_) => None,
        }
    }
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Its own: all requests on it count for this address, and nothing that they say of others counts.
    Client(SocketAddr),
    /// A trusted proxy's, whose requests say whose they are.
    Hop(SocketAddr),
}

impl Caller {
    /// The address.
    pub fn address(self) -> SocketAddr {
        match self {
            Caller::Client(address) | Caller::Hop(address) => address,
        }
    }
}

/// What comes before a port's protocol.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What is offered in TLS. `None`: the port is plain.
    pub tls: Option<Arc<Tls>>,
    /// What stands before the port.
    pub proxies: Arc<Proxies>,
    /// Who computes in TLS.
    pub turns: Arc<Turns>,
}

/// A connection past its entry.
#[derive(Debug)]
pub struct Entered {
    /// Where the protocol goes on.
    pub stream: Stream,
    /// Who is at the other end, or before the proxy.
    pub caller: Caller,
    /// The certificate that was shown, where one was asked for.
    pub certificate: Option<ClientCertificate>,
}

impl Entry {
    /// Whether this peer is not even listened to: it comes around the proxies that all have to come over.
    pub fn turns_away(&self, peer: SocketAddr) -> bool {
        self.proxies.protocol && !self.proxies.trust(peer)
    }

    /// Takes a connection through. `admit` hears whose it is before anything costly is done for it, and whether that is by a
    /// proxy's word; its `None` ends the connection. `None`: it did not get through in time, or not at all; that is counted.
    pub async fn pass<T>(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        within: Duration,
        metrics: &Metrics,
        admit: impl FnOnce(Caller, Since) -> Option<T>,
    ) -> Option<(Entered, T)> {
        if self.tls.is_none() && !self.proxies.protocol {
            let caller = self.proxies.caller(peer);
            let admitted = admit(caller, Since::Accepted)?;
            return Some((Entered { stream: Stream::Plain(stream), caller, certificate: None }, admitted));
        }
        let _counted = Entering::new(metrics);
        match timeout(within, self.enter(stream, peer, metrics, admit)).await {
            Ok(Ok(entered)) => return entered,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "not let through"),
            Err(_) => {
                metrics.limits.hit(Limit::HandshakeTimeout, peer.ip());
                tracing::debug!(%peer, "not through in time");
            }
        }
        None
    }

    async fn enter<T>(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        metrics: &Metrics,
        admit: impl FnOnce(Caller, Since) -> Option<T>,
    ) -> io::Result<Option<(Entered, T)>> {
        // One that has said nothing is a look whether somebody listens: a load balancer's.
        let is_a_mistake = |error: &io::Error| error.kind() != io::ErrorKind::UnexpectedEof;
        let (mut caller, mut since) = (self.proxies.caller(peer), Since::Accepted);
        if self.proxies.protocol {
            caller = self.announced(&mut stream, peer).await.inspect_err(|error| {
                if is_a_mistake(error) {
                    metrics.proxy_failed.increment();
                }
            })?;
            since = Since::ProxyHeader;
        }
        let Some(admitted) = admit(caller, since) else { return Ok(None) };
        let Some(tls) = &self.tls else {
            return Ok(Some((Entered { stream: Stream::Plain(stream), caller, certificate: None }, admitted)));
        };
        let (stream, certificate) = self.turns.take(tls.accept(stream), metrics).await.inspect_err(|error| {
            if is_a_mistake(error) {
                metrics.tls_failed.increment();
            }
        })?;
        Ok(Some((Entered { stream, caller, certificate }, admitted)))
    }

    /// Whose connection this is, by the PROXY protocol.
    async fn announced(&self, stream: &mut TcpStream, peer: SocketAddr) -> io::Result<Caller> {
        if !self.proxies.trust(peer) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a proxy that is trusted"));
        }
        Ok(match proxy_protocol::read(stream).await? {
            Said::Client(client) => self.proxies.caller(client),
            // Its own, or that of somebody whom it does not name and whose bytes it passes on: nobody whose headers count.
            Said::Nobody => Caller::Client(peer),
        })
    }
}

/// Counts a connection as entering until it is dropped.
struct Entering<'a>(&'a Metrics);

impl<'a> Entering<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        metrics.entering.add(1);
        Entering(metrics)
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        self.0.entering.add(-1);
    }
}

/// Since when it is known whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It was accepted.
    Accepted,
    /// It said its PROXY header.
    ProxyHeader,
}

#[cfg(test)]
mod tests;
