//! From an HTTP request to a connection: who may, which session, which subprotocol; then the socket changes hands.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, ORIGIN, UPGRADE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;

use crate::auth::Coming;
use crate::ids::{ConnectionId, MAX_CHANNEL_NAME_BYTES, MAX_SESSION_ID_BYTES, SessionId, short_id};
use crate::net::Peer;
use crate::net::admission::Permit;
use crate::net::refused::Refused as Answer;
use crate::net::tls::Stream;
use crate::session::inbound::Opening;
use crate::session::outbound::{Identity, session_channel};
use crate::session::party::Party;
use crate::session::principal::Principal;
use crate::status::{Code, PeerCode, Status};
use crate::wire::websocket::handshake;

use super::Front;
use super::entrance::{Door, Entrance};
use super::gate::{KeysMay, Refused};
use super::link::Link;
use super::mailbox::{Message, NewConnection};
use super::query;
use super::stream::now;

/// Answers `/ws`.
pub(super) async fn upgrade(State(front): State<Arc<Front>>, mut request: Request) -> Response {
    let mut coming = None;
    let mut tried = try_upgrade(&front, &mut request, Some(&mut coming));
    if let Some(coming) = coming {
        coming.over().await;
        tried = try_upgrade(&front, &mut request, None);
    }
    let NotLetIn { code, reason, answer } = match tried {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    let response = answer.into_response();
    let peer = request.extensions().get::<Peer>().map(|Peer(peer)| *peer);
    front.config.metrics.front.refused.add_refused(response.status().as_u16());
    front.refusals.tell(peer, code, response.status(), &reason, request.headers());
    response
}

/// Why a request opens no connection, and how that is said.
struct NotLetIn {
    code: PeerCode,
    reason: Cow<'static, str>,
    answer: Answer,
}

/// Lets a request in or not. `coming` gets what to wait for before trying once more, where there is anything.
fn try_upgrade(
    front: &Arc<Front>,
    request: &mut Request,
    coming: Option<&mut Option<Coming>>,
) -> Result<Response, NotLetIn> {
    let asked = handshake::upgrade(request.method(), request.version(), request.headers()).map_err(no_handshake)?;
    let mut origins = request.headers().get_all(ORIGIN).iter();
    let origin = origins.next().map(|origin| origin.to_str().unwrap_or("not text"));
    // Of several nobody knows which one is the page's: what is on the way may have looked at another.
    if origins.next().is_some() {
        return Err(refused(PeerCode::PermissionDenied, "the request has more than one Origin header; send one"));
    }
    if !front.config.origins.allow(origin) {
        return Err(refused(PeerCode::PermissionDenied, "this page's origin may not connect; see --allowed-origin"));
    }
    let unreadable = |problem| refused(PeerCode::InvalidMessage, problem);
    let query = query::parameters(request.uri()).map_err(unreadable)?;
    let asked_session = session_id(&query).map_err(unreadable)?;
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return Err(refused(PeerCode::InternalError, "the listener did not say who the peer is"));
    };
    let Some(permit) = request.extensions().get::<Permit>().cloned() else {
        return Err(refused(PeerCode::InternalError, "the listener did not count this connection"));
    };
    let opening = match asked.subprotocol {
        Some(subprotocol) => Opening::Subprotocol(subprotocol.form()),
        None => Opening::Plain,
    };
    let mut entrance = Entrance::new(peer.ip(), asked_session, SessionId::new(short_id(rand::random())));
    let party = match admit(front, &mut entrance, opening, request.headers(), &query) {
        Ok(party) => party,
        Err(refused) => {
            let keys = if coming.is_some() { KeysMay::Come } else { KeysMay::BeMissing };
            let refused = match front.config.gate.coming(refused, keys, peer.ip(), now()) {
                Err(refused) => refused,
                Ok(comes) => {
                    if let Some(coming) = coming {
                        *coming = Some(comes);
                    }
                    // Tried once more: this is not what is answered.
                    Refused::new(PeerCode::InvalidToken, "")
                }
            };
            return Err(not_let_in(refused));
        }
    };
    let identity = Identity {
        connection: ConnectionId::new(short_id(rand::random())),
        party,
        node: Arc::clone(&front.config.node),
        replay: entrance.replay.clone(),
    };
    let on_upgrade = hyper::upgrade::on(request);
    let new = move |link, early| NewConnection { link, early, opening, identity, entrance, peer, permit };
    let front = Arc::clone(front);
    tokio::spawn(async move {
        if let Some((link, early)) = take_over(on_upgrade, peer).await {
            front.mailbox().push(Message::Open(Box::new(new(link, early))));
        }
    });
    Ok(switch(&asked))
}

/// What a good request is answered with (RFC 6455 section 4.2.2).
pub fn switch(asked: &handshake::Upgrade) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert("sec-websocket-accept", HeaderValue::from_str(&asked.accept).expect("base64 is a header value"));
    if let Some(subprotocol) = asked.subprotocol {
        headers.insert("sec-websocket-protocol", HeaderValue::from_static(subprotocol.name()));
    }
    response
}

/// Takes the socket from hyper, with what the peer sent behind its request. A shard then starts the connection's own
/// tasks: this one's memory goes.
pub async fn take_over(on_upgrade: OnUpgrade, peer: std::net::SocketAddr) -> Option<(Link, Bytes)> {
    let upgraded = match on_upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%peer, %error, "the peer left during the upgrade");
            return None;
        }
    };
    let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<Stream>>() else {
        tracing::error!("the upgraded connection is not the listener's stream");
        return None;
    };
    // hyper's read buffer must not live as long as the connection.
    let early = Bytes::copy_from_slice(&read_buf);
    drop(read_buf);
    let link = Link::new(io.into_inner());
    tune(link.stream());
    Some((link, early))
}

/// What the kernel may hold for a slow reader beyond what is on its way: enough to keep a fast one busy, little enough
/// that a slow one costs a cursor and not megabytes.
const NOT_SENT_LOW_WATER_BYTES: u32 = 128 << 10;

fn tune(stream: &tokio::net::TcpStream) {
    // Without these the connection works, only less well.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(NOT_SENT_LOW_WATER_BYTES);
}

/// Who opens this connection. A plain one must say so here; one with a subprotocol has its first frame for that, and is
/// nobody until then.
fn admit(
    front: &Front,
    entrance: &mut Entrance,
    opening: Opening,
    headers: &HeaderMap,
    query: &[(String, String)],
) -> Result<Arc<Party>, Refused> {
    let (now, time) = (now(), SystemTime::now());
    let gate = &*front.config.gate;
    let principal = match gate.of_request(headers, query, entrance.from, now, time)? {
        Some(principal) => principal,
        None if !gate.is_on() => Principal::shared_anonymous(),
        None if opening == Opening::Plain => {
            let message = "a token is needed: send Authorization: Bearer, or name a subprotocol such as rialto.v1.json \
                           and send it in connection.init";
            return Err(Refused::new(PeerCode::NoCredentials, message));
        }
        None => {
            let (principal, session) = (Principal::shared_nobody(), entrance.made.clone());
            return Ok(Arc::new(Party { principal, session, ends: None }));
        }
    };
    let door = Door { gate, roster: &front.shared.roster, metrics: &front.config.metrics, now, time };
    entrance.enter(door, principal, None)
}

/// Says why somebody is not let in, with the status, reason and challenge (RFC 6750, section 3) that programs look at.
fn not_let_in(refused: Refused) -> NotLetIn {
    // A token that is not taken is 401, whatever else is said of it.
    let code = match refused.code {
        PeerCode::Revoked => Code::Unauthenticated,
        // Keys that have not come are no defect.
        PeerCode::InternalError => Code::Unavailable,
        _ => refused.code.row().status,
    };
    let status = Status::new(code, refused.code.row().reason, refused.message.clone());
    let status = Status { retry_after: refused.retry_after, ..status };
    let answer = Answer::by(refused.code, status).closing();
    let answer = match refused.code {
        _ if code != Code::Unauthenticated => answer,
        // A request without a token is told no error (RFC 6750, section 3.1).
        PeerCode::NoCredentials => answer.with_challenge(),
        _ => answer.with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\"")),
    };
    NotLetIn { code: refused.code, reason: refused.message, answer }
}

/// Says that a request opens no WebSocket, with the status and headers that RFC 6455 asks for.
fn no_handshake(refusal: handshake::Refusal) -> NotLetIn {
    let status = StatusCode::from_u16(refusal.status).expect("a handshake's statuses are valid");
    let code = PeerCode::ProtocolViolation;
    let mut answer = Answer::by_table(code, refusal.message.clone()).with_http_status(status).closing();
    for (name, value) in refusal.headers {
        answer = answer.with_header(name.clone(), HeaderValue::from_static(value));
    }
    NotLetIn { code, reason: refusal.message, answer }
}

fn refused(code: PeerCode, message: &'static str) -> NotLetIn {
    NotLetIn { code, reason: message.into(), answer: Answer::by_table(code, message).closing() }
}

/// The session that the client names, if it names one.
fn session_id(query: &[(String, String)]) -> Result<Option<SessionId>, &'static str> {
    let mut ids = query.iter().filter(|(name, _)| name == "session_id").map(|(_, value)| value.as_str());
    let Some(id) = ids.next() else { return Ok(None) };
    if ids.next().is_some() {
        return Err("session_id is given twice");
    }
    if id.is_empty() || id.len() > MAX_SESSION_ID_BYTES {
        return Err("session_id must have 1 to 128 bytes");
    }
    if session_channel(id).len() > MAX_CHANNEL_NAME_BYTES {
        return Err("session_id has too many characters that its channel's name must escape");
    }
    if id.chars().any(char::is_control) {
        return Err("session_id must not have control characters");
    }
    Ok(Some(SessionId::new(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::websocket;

    #[test]
    fn a_session_id_is_taken_from_the_query_once() {
        let parse = |text: &str| {
            let query = query::parameters(&format!("/ws{text}").parse().unwrap())?;
            session_id(&query).map(|id| id.map(|id| id.to_string()))
        };
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("?other=1"), Ok(None));
        assert_eq!(parse("?session_id=t1"), Ok(Some("t1".into())));
        assert_eq!(parse("?a=b&session_id=%C3%A4%3Ab"), Ok(Some("ä:b".into())));
        assert!(parse("?session_id=").is_err());
        assert!(parse("?session_id=a&session_id=b").is_err());
        assert!(parse("?session_id=a%00b").is_err());
        assert!(parse(&format!("?session_id={}", ":".repeat(82))).is_ok());
        assert!(parse(&format!("?session_id={}", ":".repeat(83))).is_err(), "its channel's name would be too long");
        assert!(parse(&format!("?session_id={}", "x".repeat(129))).is_err());
    }

    #[test]
    fn who_is_to_wait_is_told_how_long_in_whole_seconds_and_never_too_short() {
        for (wait_ms, told) in [(None, None), (Some(1), Some("1")), (Some(2_000), Some("2")), (Some(2_001), Some("3"))]
        {
            let retry_after = wait_ms.map(std::time::Duration::from_millis);
            let refused = Refused { retry_after, ..Refused::new(PeerCode::RateLimited, "later") };
            let response = not_let_in(refused).answer.into_response();
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(
                response.headers().get(axum::http::header::RETRY_AFTER).map(|wait| wait.to_str().unwrap()),
                told
            );
        }
    }

    #[test]
    fn close_codes_of_the_table_may_go_on_the_wire() {
        for row in crate::status::PEER_CODES {
            assert!(websocket::close_code::is_valid_on_the_wire(row.code.number()), "{:?}", row.code);
        }
    }
}
