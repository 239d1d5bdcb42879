//! From an accepted socket to a connection that its protocol can begin on: what a proxy says of it, and TLS.
//!
//! One deadline for all of it, the port's own for first bytes: who draws it out costs a socket until then, and counts
//! in the port's limits as everybody else does.

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

/// Who may say whose connections theirs are, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<Network>,
    /// Which headers they write.
    pub written: Written,
    /// Whether they begin each connection with the PROXY protocol. Then nobody else gets in.
    pub protocol: bool,
}

impl Proxies {
    /// Whether this peer is a proxy whose word counts.
    pub fn trust(&self, peer: SocketAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(peer.ip()))
    }

    /// Whose request it is that this peer hands on. `None`: it is not one whose word counts.
    pub fn forwarding(&self, peer: SocketAddr, headers: &HeaderMap) -> Option<Forwarding> {
        self.trust(peer).then(|| forwarded::read(peer, headers, self.written, &self.trusted))
    }
}

/// What comes before a port's protocol.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What is offered in TLS. `None`: the port is plain.
    pub tls: Option<Arc<Tls>>,
    /// What stands before the port.
    pub proxies: Arc<Proxies>,
}

/// A connection past its entry.
#[derive(Debug)]
pub struct Entered {
    /// Where the protocol goes on.
    pub stream: Stream,
    /// Who is at the other end, or before the proxy.
    pub peer: SocketAddr,
    /// The certificate that was shown, where one was asked for.
    pub certificate: Option<ClientCertificate>,
}

impl Entry {
    /// Takes a connection through. `None`: it did not get through in time, or not at all; that is counted.
    pub async fn pass(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        within: Duration,
        metrics: &Metrics,
    ) -> Option<Entered> {
        if self.tls.is_none() && !self.proxies.protocol {
            return Some(Entered { stream: Stream::Plain(stream), peer, certificate: None });
        }
        match timeout(within, self.enter(stream, peer, metrics)).await {
            Ok(Ok(entered)) => return Some(entered),
            Ok(Err(error)) => tracing::debug!(%peer, %error, "not let through"),
            Err(_) => {
                metrics.limits.hit(Limit::HandshakeTimeout, peer.ip());
                tracing::debug!(%peer, "not through in time");
            }
        }
        None
    }

    async fn enter(&self, mut stream: TcpStream, peer: SocketAddr, metrics: &Metrics) -> io::Result<Entered> {
        // One that has said nothing is a look whether somebody listens: a load balancer's.
        let is_a_mistake = |error: &io::Error| error.kind() != io::ErrorKind::UnexpectedEof;
        let mut client = peer;
        if self.proxies.protocol {
            client = self.announced(&mut stream, peer).await.inspect_err(|error| {
                if is_a_mistake(error) {
                    metrics.proxy_failed.increment();
                }
            })?;
        }
        let Some(tls) = &self.tls else {
            return Ok(Entered { stream: Stream::Plain(stream), peer: client, certificate: None });
        };
        let (stream, certificate) = tls.accept(stream).await.inspect_err(|error| {
            if is_a_mistake(error) {
                metrics.tls_failed.increment();
            }
        })?;
        Ok(Entered { stream, peer: client, certificate })
    }

    /// Whose connection this is, by the PROXY protocol.
    async fn announced(&self, stream: &mut TcpStream, peer: SocketAddr) -> io::Result<SocketAddr> {
        if !self.proxies.trust(peer) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a proxy that is trusted"));
        }
        match proxy_protocol::read(stream).await? {
            Said::Client(client) => Ok(client),
            Said::Nobody => Ok(peer),
        }
    }
}
