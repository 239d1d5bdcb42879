//! Getting to a bridge's gRPC port, and what is there instead.

use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::cli::failure::{Failure, chain};
use crate::cli::look::{self, Found};
use crate::cli::screen::harmless;
use crate::cli::tls::{Bridge, disbelief, open};
use crate::net::tls::Protocol;

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
pub(super) async fn not_answered(bridge: &Bridge<'_>, status: &tonic::Status) -> Option<Failure> {
    let address = bridge.address;
    // What comes from a peer has no cause here.
    let cause = std::error::Error::source(status)?;
    let advice = "--grpc takes the port where a bridge takes events from publishers, 127.0.0.1:50051 unless it was told \
                  another";
    Some(Failure::Unreachable(match look::at("--grpc", address).await {
        Some(Found::Tls(text)) => text,
        Some(Found::Http(line)) => format!("{address} does not speak gRPC: it answers {line:?}; {advice}"),
        None => match look::refusal(bridge).await {
            Some(why) => format!("the call to {address} failed: {why}"),
            None => format!("the call to {address} failed ({}); {advice}", harmless(&chain(cause))),
        },
    }))
}
