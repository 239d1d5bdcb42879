//! One call of a bridge's `AdminService`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::time::timeout;

use crate::cli::failure::{Failure, chain};
use crate::cli::look::{self, Found};
use crate::cli::screen::harmless;
use crate::cli::tls::{Bridge, disbelief, open};
use crate::net::tls::Protocol;

/// How long the bridge may take for its answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Calls a method with this request, and gives the answer.
pub(super) fn call(
    bridge: &Bridge<'_>,
    token: Option<HeaderValue>,
    method: &str,
    request: &Value,
) -> Result<Value, Failure> {
    let (address, uri) = (bridge.address, bridge.uri()?);
    let tls = match uri.starts_with("https://") {
        true => Some(bridge.trust.client(bridge.shown, Protocol::Http1)?),
        false => None,
    };
    let uri: Uri = uri.parse().map_err(|_| Failure::Usage(format!("{address:?} is not an address")))?;
    let shows_token = token.is_some();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let path = format!("/rialto.v1.AdminService/{method}");
    let answered =
        runtime.block_on(async { timeout(PATIENCE, post(&uri, tls, token, &path, request.to_string())).await });
    let unreachable = |why: String| {
        Failure::Unreachable(format!(
            "no bridge at {address} ({why}); --admin takes the internal port, 127.0.0.1:9090 unless it was told another"
        ))
    };
    let (status, body) = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            let found = runtime.block_on(look::at("--admin", address));
            return Err(match found {
                Some(Found::Tls(text)) => Failure::Unreachable(text),
                _ => unreachable(error),
            });
        }
        Err(_) => return Err(unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
    };
    let answer: Option<Value> = serde_json::from_slice(&body).ok();
    match answer {
        Some(answer) if status == 200 => Ok(answer),
        Some(answer) if answer["message"].is_string() => {
            let advice = if status == 401 && !shows_token { "; give --admin-token @PATH" } else { "" };
            Err(Failure::Refused(format!("{}{advice}", harmless(answer["message"].as_str().unwrap_or_default()))))
        }
        _ => Err(unreachable(format!("it answers {status} to {path}"))),
    }
}

async fn post(
    uri: &Uri,
    tls: Option<Arc<ClientConfig>>,
    token: Option<HeaderValue>,
    path: &str,
    body: String,
) -> Result<(u16, Bytes), String> {
    let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = open(uri.host().unwrap_or_default(), port, tls).await;
    let stream = stream.map_err(|error| disbelief(&error).map_or_else(|| chain(&error), str::to_owned))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| chain(&error))?;
    let connection = tokio::spawn(connection);
    let mut request = Request::post(path)
        .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| chain(&error))?;
    request.headers_mut().extend(token.map(|token| (AUTHORIZATION, token)));
    let response = sender.send_request(request).await;
    let response = response.map_err(|error| disbelief(&error).map_or_else(|| chain(&error), str::to_owned))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(|error| chain(&*error))?;
    connection.abort();
    Ok((status, body.to_bytes()))
}
