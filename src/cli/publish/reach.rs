//! Getting to a bridge's gRPC port, and what is there instead.

use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::cli::failure::{Failure, chain};
use crate::cli::screen::harmless;
use crate::cli::tls::{Bridge, disbelief, open};
use crate::net::tls::Protocol;

/// How long is looked at what else answers.
const LOOK: Duration = Duration::from_secs(1);
/// How much of an answer is looked at.
const LOOKED_AT_BYTES: usize = 128;
/// The first byte of an alert of TLS (RFC 8446, section 5.1).
const TLS_ALERT: u8 = 0x15;

/// Connects to a bridge's gRPC port. Whatever says nothing for as long as `patience` is taken for dead, then and later.
pub(crate) async fn connect(bridge: &Bridge<'_>, patience: Duration) -> Result<Channel, Failure> {
    let (address, uri) = (bridge.address, bridge.uri()?);
    let is_tls = uri.starts_with("https://");
    let endpoint = Endpoint::from_shared(uri)
        .map_err(|error| Failure::Usage(format!("{address:?} is not an address: {}", chain(&error))))?
        .connect_timeout(patience)
        .http2_keep_alive_interval(patience / 2)
        .keep_alive_timeout(patience / 2)
        .keep_alive_while_idle(true);
    let connected = if is_tls {
        let tls = bridge.trust.client(bridge.shown, Protocol::Http2)?;
        let connector = tower::service_fn(move |uri: Uri| {
            let tls = tls.clone();
            async move {
                let stream = open(uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(443), Some(tls)).await?;
                std::io::Result::Ok(TokioIo::new(stream))
            }
        });
        endpoint.connect_with_connector(connector).await
    } else {
        endpoint.connect().await
    };
    connected.map_err(|error| {
        Failure::Unreachable(format!(
            "no bridge at {address} ({}); start one with `rialto demo` or name another with --grpc",
            disbelief(&error).map_or_else(|| chain(&error), str::to_owned)
        ))
    })
}

/// Why a call failed before any bridge could answer it. `None`: one did.
pub(super) async fn not_answered(address: &str, status: &tonic::Status) -> Option<Failure> {
    // What comes from a peer has no cause here.
    let cause = std::error::Error::source(status)?;
    let advice = "--grpc takes the port where a bridge takes events from publishers, 127.0.0.1:50051 unless it was told \
                  another";
    Some(Failure::Unreachable(match timeout(LOOK, http1_answer(address)).await.ok().flatten() {
        Some(answer) if answer.as_bytes().first() == Some(&TLS_ALERT) && !address.starts_with("https://") => {
            format!(
                "{address} speaks TLS: write --grpc https://{}, and --ca FILE for an authority of your own",
                bare(address)
            )
        }
        Some(answer) if answer.starts_with("HTTP/1.") => {
            let line = harmless(answer.lines().next().unwrap_or_default());
            format!("{address} does not speak gRPC: it answers {line:?}; {advice}")
        }
        _ => format!("the call to {address} failed ({}); {advice}", harmless(&chain(cause))),
    }))
}

/// An address without its scheme.
fn bare(address: &str) -> &str {
    address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/')
}

/// The beginning of the answer to a request that gRPC's servers do not understand.
async fn http1_answer(address: &str) -> Option<String> {
    let host = bare(address);
    let mut stream = TcpStream::connect(host).await.ok()?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let mut stream = stream.take(LOOKED_AT_BYTES as u64);
    // What came before the end, however it ended.
    let _ = stream.read_to_end(&mut answer).await;
    Some(String::from_utf8_lossy(&answer).into_owned())
}
