//! What answers at an address where a bridge was looked for.

use std::time::Duration;

use hyper::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::screen::harmless;
use super::tls::{Bridge, disbelief, open};
use crate::net::tls::Protocol;

/// How long is looked.
const LOOK: Duration = Duration::from_secs(1);
/// How much of an answer is looked at.
const LOOKED_AT_BYTES: usize = 128;
/// The first byte of an alert of TLS (RFC 8446, section 5.1).
const TLS_ALERT: u8 = 0x15;

/// What it is.
pub(super) enum Found {
    /// Something in TLS, and what to write instead of this address for this option.
    Tls(String),
    /// Something else in HTTP/1.1: the first line of its answer.
    Http(String),
}

/// Asks in plain HTTP/1.1 what is there. `None`: nothing that is known.
pub(super) async fn at(option: &str, address: &str) -> Option<Found> {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
    let answer = timeout(LOOK, answer(host)).await.ok().flatten()?;
    if answer.first() == Some(&TLS_ALERT) && !address.starts_with("https://") {
        return Some(Found::Tls(format!(
            "{address} speaks TLS: write {option} https://{host}, and --ca FILE for an authority of your own"
        )));
    }
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().unwrap_or_default();
    line.starts_with("HTTP/1.").then(|| Found::Http(harmless(line)))
}

/// Why a port in TLS lets nobody in who shows what this one shows: clients of gRPC keep the alert to themselves.
pub(super) async fn refusal(bridge: &Bridge<'_>) -> Option<&'static str> {
    let uri: Uri = bridge.uri().ok().filter(|uri| uri.starts_with("https://"))?.parse().ok()?;
    let tls = bridge.trust.client(bridge.shown, Protocol::Http2).ok()?;
    let look = async {
        let mut stream = open(uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(443), Some(tls)).await?;
        stream.read_u8().await
    };
    timeout(LOOK, look).await.ok()?.err().and_then(|error| disbelief(&error))
}

async fn answer(host: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(host).await.ok()?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let mut stream = stream.take(LOOKED_AT_BYTES as u64);
    // What came before the end, however it ended.
    let _ = stream.read_to_end(&mut answer).await;
    Some(answer)
}
