//! A slow network, to be looked at: a port whose connections reach the bridge, but whose answers come back slowly.
//!
//! For the demo page. What the bridge does for a peer that reads slowly cannot be shown by a page itself, because a
//! browser reads whatever comes. Here the bytes wait in TCP, as they would behind a bad mobile connection: the bridge's
//! socket fills up, its cursor falls behind, and the page is told what it missed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

/// What comes back, per second and connection.
pub(super) const BYTES_PER_SECOND: usize = 48 << 10;
/// What is taken from the bridge at once.
const CHUNK_BYTES: usize = 2 << 10;
/// What the kernel holds of it beside: little, so that the bridge notices.
const RECEIVE_BUFFER_BYTES: u32 = 8 << 10;
/// Connections at once; more are closed.
const MAX_CONNECTIONS: usize = 32;
/// A peer that takes nothing for so long has its place taken away: the bridge has cut it long before.
const STALLED: Duration = Duration::from_secs(30);
/// Before accepting again when that failed.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The port.
pub(super) struct SlowLink {
    listener: TcpListener,
    address: SocketAddr,
}

impl SlowLink {
    /// Takes a free port of this address.
    pub(super) async fn bind(ip: IpAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((ip, 0)).await?;
        let address = listener.local_addr()?;
        Ok(SlowLink { listener, address })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries connections to the bridge until the task is aborted.
    pub(super) async fn run(self, bridge: SocketAddr) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok((peer, _)) = self.listener.accept().await else {
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            tokio::spawn(async move {
                let _place = place;
                if let Err(error) = carry(peer, bridge).await {
                    tracing::debug!(%error, "the slow link lost a connection");
                }
            });
        }
    }
}

async fn carry(peer: TcpStream, bridge: SocketAddr) -> io::Result<()> {
    let bridge = connect(bridge).await?;
    peer.set_nodelay(true)?;
    let (mut from_peer, to_peer) = peer.into_split();
    let (from_bridge, mut to_bridge) = bridge.into_split();
    let up = async {
        tokio::io::copy(&mut from_peer, &mut to_bridge).await?;
        to_bridge.shutdown().await
    };
    // Either side's end is the end of both: a half-open connection has no use here.
    tokio::select! {
        done = up => done,
        done = trickle(from_bridge, to_peer) => done,
    }
}

async fn connect(bridge: SocketAddr) -> io::Result<TcpStream> {
    let socket = if bridge.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Before the handshake, as the window is settled there.
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.connect(bridge).await
}

/// Passes on what comes, slowly, until there is no more or nobody takes it.
async fn trickle(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut chunk = [0; CHUNK_BYTES];
    let mut next = Instant::now();
    loop {
        sleep_until(next).await;
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        timeout(STALLED, to.write_all(&chunk[..count])).await??;
        next = Instant::now()
            + Duration::from_secs(1) * u32::try_from(count).unwrap_or(u32::MAX) / BYTES_PER_SECOND as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paused time: what the link waits for passes at once, and is counted.
    #[tokio::test(start_paused = true)]
    async fn what_comes_back_takes_its_time_and_is_whole() {
        let bridge = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = SlowLink::bind([127, 0, 0, 1].into()).await.unwrap();
        let address = link.address();
        let running = tokio::spawn(link.run(bridge.local_addr().unwrap()));
        let answers: Vec<u8> = (0..2 * BYTES_PER_SECOND).map(|at| (at % 251) as u8).collect();

        let mut page = TcpStream::connect(address).await.unwrap();
        let (mut served, _) = bridge.accept().await.unwrap();
        page.write_all(b"hello").await.unwrap();
        let mut heard = [0; 5];
        served.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");

        let sent = answers.clone();
        tokio::spawn(async move {
            served.write_all(&sent).await.unwrap();
        });
        let started = Instant::now();
        let mut came = vec![0; answers.len()];
        page.read_exact(&mut came).await.unwrap();
        assert!(came == answers, "the bytes are not the bridge's");
        assert!(started.elapsed() >= Duration::from_millis(1_900), "took {:?}", started.elapsed());
        assert_eq!(page.read(&mut heard).await.unwrap(), 0, "the bridge's end is the page's");
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_for_long_is_given_up_and_who_takes_little_is_not() {
        let (mut bridge, from_bridge) = tokio::io::duplex(CHUNK_BYTES);
        let (to_peer, mut peer) = tokio::io::duplex(CHUNK_BYTES);
        let link = tokio::spawn(trickle(from_bridge, to_peer));
        tokio::spawn(async move { while bridge.write_all(&[7; CHUNK_BYTES]).await.is_ok() {} });
        let mut chunk = [0; CHUNK_BYTES];
        for _ in 0..5 {
            tokio::time::sleep(STALLED * 9 / 10).await;
            peer.read_exact(&mut chunk).await.unwrap();
        }
        let since = Instant::now();
        let ended = timeout(STALLED * 10, link).await.expect("it is given up").unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let waited = since.elapsed();
        assert!(waited >= STALLED && waited < STALLED + Duration::from_secs(1), "{waited:?}");
    }
}
