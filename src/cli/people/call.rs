//! One call of a bridge's `AdminService`.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cli::failure::Failure;
use crate::cli::screen::harmless;

/// How long the bridge may take for its answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Calls a method with this request, and gives the answer.
pub(super) fn call(address: &str, token: Option<HeaderValue>, method: &str, request: &Value) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let path = format!("/rialto.v1.AdminService/{method}");
    let answered =
        runtime.block_on(async { timeout(PATIENCE, post(address, token, &path, request.to_string())).await });
    let unreachable = |why: String| {
        Failure::Unreachable(format!(
            "no bridge at {address} ({why}); --admin takes the internal port, 127.0.0.1:9090 unless it was told another"
        ))
    };
    let (status, body) = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(unreachable(error)),
        Err(_) => return Err(unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
    };
    let answer: Option<Value> = serde_json::from_slice(&body).ok();
    match answer {
        Some(answer) if status == 200 => Ok(answer),
        Some(answer) if answer["message"].is_string() => {
            Err(Failure::Refused(harmless(answer["message"].as_str().unwrap_or_default())))
        }
        _ => Err(unreachable(format!("it answers {status} to {path}"))),
    }
}

async fn post(address: &str, token: Option<HeaderValue>, path: &str, body: String) -> Result<(u16, Bytes), String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let mut request = Request::post(path)
        .header(HOST, address)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    request.headers_mut().extend(token.map(|token| (AUTHORIZATION, token)));
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body =
        Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(|error| error.to_string())?;
    connection.abort();
    Ok((status, body.to_bytes()))
}
