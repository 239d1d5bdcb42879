//! Getting to a bridge's gRPC port, and what is there instead.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

use crate::cli::failure::{Failure, chain};
use crate::cli::screen::harmless;

/// How long is looked at what else answers.
const LOOK: Duration = Duration::from_secs(1);
/// How much of an answer is looked at.
const LOOKED_AT_BYTES: usize = 128;

/// Connects to a bridge's gRPC port. Whatever says nothing for as long as `patience` is taken for dead, then and later.
pub(crate) async fn connect(address: &str, patience: Duration) -> Result<Channel, Failure> {
    let uri = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let endpoint = Endpoint::from_shared(uri)
        .map_err(|error| Failure::Usage(format!("{address:?} is not an address: {}", chain(&error))))?
        .connect_timeout(patience)
        .http2_keep_alive_interval(patience / 2)
        .keep_alive_timeout(patience / 2)
        .keep_alive_while_idle(true);
    endpoint.connect().await.map_err(|error| {
        Failure::Unreachable(format!(
            "no bridge at {address} ({}); start one with `rialto demo` or name another with --grpc",
            chain(&error)
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
        Some(answer) => format!("{address} does not speak gRPC: it answers {answer:?}; {advice}"),
        None => format!("the call to {address} failed ({}); {advice}", harmless(&chain(cause))),
    }))
}

/// The first line of the answer to a request that gRPC's servers do not understand.
async fn http1_answer(address: &str) -> Option<String> {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
    let mut stream = TcpStream::connect(host).await.ok()?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let mut stream = stream.take(LOOKED_AT_BYTES as u64);
    // What came before the end, however it ended.
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer);
    text.starts_with("HTTP/1.").then(|| harmless(text.lines().next().unwrap_or_default()))
}
