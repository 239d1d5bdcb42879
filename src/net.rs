//! Listening sockets, accepting from them, and HTTP/1.1 on what was accepted.
//!
//! Both HTTP ports and the gRPC port accept through [`accept::Acceptor`]: it survives running out of file descriptors,
//! paces handshakes and never ends by itself. [`http::Server`] serves a router with deadlines on everything that a peer
//! could drag out, [`preface::PrefaceDeadline`] does the same for the opening of an HTTP/2 connection, and
//! [`admission::ConnectionLimits`] says who gets in; before its protocol a connection passes the [`entry`], in [`tls`] or not, where
//! handshakes take [`turns`]. What requests hold while they come is counted in [`receiving`], and HTTP is refused in one form,
//! [`refused`]. Knows nothing of events.

pub mod accept;
pub mod admission;
pub mod age;
pub mod below;
pub mod entry;
pub mod forwarded;
pub mod http;
pub mod https;
pub mod linger;
pub mod listen;
pub mod network;
pub mod pages;
mod pass;
pub mod preface;
pub mod proxy_protocol;
pub(crate) mod receiving;
pub mod refused;
pub mod tls;
pub mod turns;

use std::net::SocketAddr;

use tokio::sync::watch;

pub use listen::{ListenError, listen};
pub use tls::ClientCertificate;

/// The address of the peer, in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Waits until `stop` becomes true, or nobody is left who could make it so.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is as good as a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}
