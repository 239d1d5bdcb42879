//! What the codes mean for people and for clients: the tables of `docs/protocol.md` and of the TypeScript runtime are printed
//! from here.

use std::fmt::Write as _;

use super::{PEER_CODES, PeerCode, Retry};

/// A close code of RFC 6455 or of its registry that a client may see.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketCode {
    /// The number.
    pub number: u16,
    /// Its name.
    pub name: &'static str,
    /// What the client does next.
    pub retry: Retry,
    /// What has happened.
    pub cause: &'static str,
    /// What a developer does about it.
    pub advice: &'static str,
}

/// Codes that are not Rialto's own.
pub const WEBSOCKET_CODES: &[WebSocketCode] = &[
    rfc(1000, "normal", Retry::BackOff, "somebody is done", "nothing"),
    rfc(
        1001,
        "going away",
        Retry::BackOff,
        "the other side leaves: a page that is closed, a server that stops",
        "nothing",
    ),
    rfc(1002, "protocol error", Retry::Never, "frames that break RFC 6455", "mend the client, or what is between"),
    rfc(
        1003,
        "unsupported data",
        Retry::Never,
        "binary messages with JSON, or text with `rialto.v1.proto`",
        "send what the subprotocol has",
    ),
    rfc(1005, "no code", Retry::BackOff, "a close without a code; never sent", "nothing"),
    rfc(
        1006,
        "no close",
        Retry::BackOff,
        "the connection broke, or never began: browsers say this for every refused upgrade, 401, 403 and 429 too, and keep the reason from the page",
        "look at the bridge's log and `rialto_upgrades_refused_total`",
    ),
    rfc(1007, "invalid text", Retry::Never, "text that is not UTF-8", "mend the client"),
    rfc(1009, "too big", Retry::Never, "a message of more than `maxMessageBytes`", "send smaller ones"),
    rfc(1011, "internal error", Retry::BackOff, "a defect of the server, or of a proxy", "look at its log"),
    rfc(1012, "service restart", Retry::BackOff, "a proxy restarts", "nothing"),
    rfc(1013, "try again later", Retry::BackOff, "a proxy is overloaded", "nothing"),
    rfc(1014, "bad gateway", Retry::BackOff, "a proxy does not reach the bridge", "look at the proxy"),
];

const fn rfc(
    number: u16,
    name: &'static str,
    retry: Retry,
    cause: &'static str,
    advice: &'static str,
) -> WebSocketCode {
    WebSocketCode { number, name, retry, cause, advice }
}

impl PeerCode {
    /// How it comes, in words: as an HTTP status at the upgrade, an error frame, a close.
    pub fn comes_as(self) -> &'static str {
        match self {
            PeerCode::InvalidToken | PeerCode::TokenExpired | PeerCode::Revoked => "401, error, close",
            PeerCode::PermissionDenied => "403, error, close at the opening",
            PeerCode::RateLimited => "429, error, close when ignored",
            PeerCode::InvalidMessage => "400, error",
            PeerCode::ChannelNotFound | PeerCode::HandlerUnavailable | PeerCode::LimitReached => "error",
            PeerCode::InternalError => "503, error, close",
            PeerCode::Overloaded => "429, 503, error, close",
            PeerCode::NoCredentials => "401, close",
            PeerCode::ProtocolViolation => "400, 405, 426, close",
            PeerCode::Draining
            | PeerCode::HeartbeatMissed
            | PeerCode::WriteTimeout
            | PeerCode::ProtocolVersion
            | PeerCode::SchemaRefused => "close",
        }
    }

    /// What has happened, and what a developer does about it.
    pub fn meaning(self) -> (&'static str, &'static str) {
        match self {
            PeerCode::InvalidToken => ("the token is not to be believed", "the message says what is wrong with it"),
            PeerCode::TokenExpired => {
                ("the token has ended; an open connection had `--token-grace` more", "get a new one, in time")
            }
            PeerCode::PermissionDenied => (
                "the channel exists, and the token does not grant this, or it is another user's or session's; at the opening: the page's origin may not connect, or the session that was asked for is another's",
                "grant the permission that the message names",
            ),
            PeerCode::RateLimited => (
                "too many commands of this connection, or (`user_rate_limited`) of this user on all; too many wrong tokens (`too_many_wrong_tokens`) from this address",
                "send fewer; one frame may name many channels",
            ),
            PeerCode::InvalidMessage => ("the frame is not right", "mend it: `path` says where"),
            PeerCode::ChannelNotFound => ("no template of the schema matches", "check the name and its escaping"),
            PeerCode::HandlerUnavailable => ("no handler takes this event now", "start one"),
            PeerCode::LimitReached => ("the connection has what it may have", "see `limits` in the ack"),
            PeerCode::Draining => {
                ("the bridge is being stopped", "nothing: `connection.reconnect` said when to come back")
            }
            PeerCode::HeartbeatMissed => {
                ("pings were not answered, or a message was not finished", "look at the network")
            }
            PeerCode::WriteTimeout => ("the peer took no byte for 5 s", "read faster, or subscribe to less"),
            PeerCode::Overloaded => (
                "too many connections, in all, of this address or of this user; answering a subscribe: too many channels that nobody has published to",
                "close what is not needed",
            ),
            PeerCode::InternalError => {
                ("a defect of the bridge, or its issuer's keys have not come yet", "its log says more")
            }
            PeerCode::ProtocolViolation => ("the client does not speak this protocol", "mend the client"),
            PeerCode::NoCredentials => (
                "`connection.init` did not come within 10 s, or nothing has the token that is asked for",
                "send a token",
            ),
            PeerCode::ProtocolVersion => ("the client speaks another version", "use a client of this bridge's version"),
            PeerCode::SchemaRefused => ("the client's schema is not served", "reload the page"),
            PeerCode::Revoked => {
                ("an administrator ended the connection, or revoked the token", "sign in again, if you may")
            }
        }
    }
}

impl Retry {
    /// Whether to come back, in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Retry::Never => "no",
            Retry::WithNewToken => "with a new token",
            Retry::AfterDelay => "after the delay",
            Retry::BackOff => "backing off",
        }
    }
}

/// The tables of `docs/protocol.md`: our own codes, and RFC 6455's.
pub fn markdown() -> [String; 2] {
    let mut own = String::from("| code | reason | as | come back? | cause | what to do |\n|---|---|---|---|---|---|\n");
    for row in PEER_CODES {
        let (cause, advice) = row.code.meaning();
        let (number, how, retry) = (row.code.number(), row.code.comes_as(), row.retry.in_words());
        // Writing to a text cannot fail.
        let _ = writeln!(own, "| {number} | `{}` | {how} | {retry} | {cause} | {advice} |", row.reason);
    }
    let mut others = String::from("| code | is | come back? | cause | what to do |\n|---|---|---|---|---|\n");
    for WebSocketCode { number, name, retry, cause, advice } in WEBSOCKET_CODES {
        let _ = writeln!(others, "| {number} | {name} | {} | {cause} | {advice} |", retry.in_words());
    }
    [own, others]
}

/// What the TypeScript runtime knows of codes: after which closes outside the two ranges that say it themselves to come
/// back, and after which with a new token.
pub fn typescript() -> [String; 2] {
    let list = |numbers: Vec<u16>| numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let others = WEBSOCKET_CODES.iter().filter(|row| row.retry != Retry::Never).map(|row| row.number);
    let is_named = |number: u16| !(4_100..5_000).contains(&number);
    let own = PEER_CODES.iter().filter(|row| row.retry == Retry::AfterDelay && is_named(row.code.number()));
    let returning = others.chain(own.map(|row| row.code.number())).collect();
    let refreshing: Vec<_> = PEER_CODES
        .iter()
        .filter(|row| row.retry == Retry::WithNewToken)
        .map(|row| format!("code === {}", row.code.number()))
        .collect();
    [
        format!("return [{}].includes(code) || (code >= 4100 && code < 4500);", list(returning)),
        format!("return {};", refreshing.join(" || ")),
    ]
}
