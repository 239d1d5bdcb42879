//! From an accepted socket to a connection that its protocol can begin on: TLS, where the port has it.
//!
//! One deadline for all of it, the port's own for first bytes: who draws it out costs a socket until then, and counts
//! in the port's limits as everybody else does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::metrics::{Limit, Metrics};

use super::ClientCertificate;
use super::tls::{Stream, Tls};

/// What comes before a port's protocol.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What is offered in TLS. `None`: the port is plain.
    pub tls: Option<Arc<Tls>>,
}

/// A connection past its entry.
#[derive(Debug)]
pub struct Entered {
    /// Where the protocol goes on.
    pub stream: Stream,
    /// Who is at the other end.
    pub peer: SocketAddr,
    /// The certificate that was shown, where one was asked for.
    pub certificate: Option<ClientCertificate>,
}

impl Entry {
    /// Whether a connection has nothing to say before its protocol.
    pub fn is_open(&self) -> bool {
        self.tls.is_none()
    }

    /// Takes a connection through. `None`: it did not get through in time, or not at all; that is counted.
    pub async fn pass(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        within: Duration,
        metrics: &Metrics,
    ) -> Option<Entered> {
        let Some(tls) = &self.tls else {
            return Some(Entered { stream: Stream::Plain(stream), peer, certificate: None });
        };
        match timeout(within, tls.accept(stream)).await {
            Ok(Ok((stream, certificate))) => return Some(Entered { stream, peer, certificate }),
            Ok(Err(error)) => {
                // One that has said nothing is a look whether somebody listens: a load balancer's.
                if error.kind() != io::ErrorKind::UnexpectedEof {
                    metrics.tls_failed.increment();
                }
                tracing::debug!(%peer, %error, "no TLS");
            }
            Err(_) => {
                metrics.limits.hit(Limit::HandshakeTimeout, peer.ip());
                tracing::debug!(%peer, "no TLS in time");
            }
        }
        None
    }
}
