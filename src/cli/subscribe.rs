//! `rialto subscribe`: follows channels over WebSocket, comes back when cut and goes on where it was.

mod follow;
mod show;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::bearer::bearer;
use super::failure::{Failure, chain};
use super::screen::{Screen, harmless};
use super::tls::{Connection, Shown, Trust, disbelief, open};
use crate::config;
use crate::net::tls::Protocol;
use follow::{Follower, Next, Notice, Wanted};

/// The first wait before coming back; it doubles.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest wait before coming back.
const LONGEST_DELAY: Duration = Duration::from_secs(15);
/// The bridge sends something every 30 s; after this silence the connection is dead.
const SILENCE: Duration = Duration::from_secs(75);

/// Follow channels.
///
/// Prints each event as it comes. When the connection breaks, it comes back and goes on where it was; events that are
/// lost on the way are told on standard error. Without a channel it follows those that the bridge subscribes everybody to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Subscribe {
    /// Channels, such as project:42
    #[arg(value_name = "CHANNEL")]
    channels: Vec<String>,
    /// Only these event types: exact names, or file.* for all that begin so
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// The session to bind to
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The token to show, where the bridge asks for one; @PATH reads it from a file
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Where browsers connect
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8080/ws")]
    url: String,
    #[command(flatten)]
    trust: Trust,
    /// How long the bridge may take to answer a new connection
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = config::duration)]
    timeout: Duration,
    /// Print each frame as it came, one a line
    #[arg(long)]
    json: bool,
    /// At most so many of the newest events first
    #[arg(long, value_name = "N")]
    history: Option<u32>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

const EXAMPLES: &str = "\
Examples:
  rialto subscribe project:42                     everything that happens in project 42
  rialto subscribe project:42 --types 'process.*' only some types
  rialto subscribe operations system              several channels
  rialto subscribe --session t1                   what a browser with ?session_id=t1 gets by itself
  rialto subscribe project:42 --token @token      what the token in this file may see
  rialto subscribe project:42 --url wss://events.example.com/ws
  rialto subscribe project:42 --json --count 10 | jq .data";

/// How a connection ended.
enum Ended {
    /// As many events as wanted have come.
    Enough,
    /// It broke, or the bridge closed it: what to do now.
    Broken(Next),
}

/// The close code of a token that has ended.
const TOKEN_EXPIRED: u16 = 4002;

impl Subscribe {
    /// Follows the channels.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        if self.channels.is_empty() && (self.history.is_some() || !self.types.is_empty()) {
            return Err(Failure::Usage("--types and --history choose from channels: name at least one".to_owned()));
        }
        if let Some(meant) = as_websocket(self.shown_url()) {
            return Err(Failure::Usage(format!("{:?} is no WebSocket's URL: write {meant}", self.shown_url())));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                done = self.follow(screen) => done,
                stopped = tokio::signal::ctrl_c() => Ok(stopped?),
            }
        })
    }

    async fn follow(&self, screen: &Screen) -> Result<(), Failure> {
        let wanted = Wanted { channels: self.channels.clone(), types: self.types.clone(), history: self.history };
        let mut follower = Follower::new(wanted, format!("rialto-subscribe-{}", std::process::id()));
        let mut left = self.count;
        let mut delay = FIRST_DELAY;
        if left == Some(0) {
            return Ok(());
        }
        loop {
            let (reason, after) = match self.connection(&mut follower, &mut left, screen).await? {
                Ended::Enough => return Ok(()),
                Ended::Broken(Next::GiveUp { reason }) => return Err(Failure::Refused(reason)),
                Ended::Broken(Next::Return { reason, after }) => (reason, after),
            };
            if follower.take_progress() {
                delay = FIRST_DELAY;
            }
            // Spread over half the delay, so that many who were cut together do not come back together.
            let wait = after.unwrap_or(delay).mul_f64(rand::random_range(0.75..1.25));
            screen.warning(&format!("! {reason}; coming back in {} ms", wait.as_millis()));
            tokio::time::sleep(wait).await;
            delay = (delay * 2).min(LONGEST_DELAY);
        }
    }

    /// One connection from its opening to its end.
    async fn connection(
        &self,
        follower: &mut Follower,
        left: &mut Option<u64>,
        screen: &Screen,
    ) -> Result<Ended, Failure> {
        let (request, tls) = (self.request(follower.session())?, self.tls()?);
        let opening = timeout(self.timeout, upgrade(request, tls)).await;
        let silent = || SocketError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time"));
        let mut socket = match opening.unwrap_or_else(|_| Err(silent())) {
            Ok((socket, _)) => socket,
            Err(error) => return self.not_connected(follower, error),
        };
        for frame in follower.open() {
            if let Err(error) = socket.send(Message::text(frame)).await {
                return Ok(Ended::Broken(Next::again(format!("the connection broke: {}", chain(&error)))));
            }
        }
        loop {
            let message = match timeout(SILENCE, socket.next()).await {
                Err(_) => return Ok(Ended::Broken(Next::again("nothing came for too long".to_owned()))),
                Ok(None) => return Ok(Ended::Broken(Next::again("the connection ended".to_owned()))),
                Ok(Some(Err(error))) => {
                    return Ok(Ended::Broken(Next::again(format!("the connection broke: {}", chain(&error)))));
                }
                Ok(Some(Ok(message))) => message,
            };
            match message {
                Message::Text(text) => {
                    let notice = follower.on_frame(&text);
                    if self.json && notice != Notice::Unasked {
                        screen.line(&text)?;
                    }
                    if !self.on_frame(notice, left, screen)? {
                        // Ending politely is a favour; the bridge copes without.
                        let _ = socket.close(None).await;
                        return Ok(Ended::Enough);
                    }
                }
                Message::Close(frame) => {
                    let (code, reason) =
                        frame.map_or((1005, String::new()), |frame| (u16::from(frame.code), harmless(&frame.reason)));
                    let next = follower.on_close(code, &reason);
                    return Ok(Ended::Broken(self.with_a_newer_token(code, next)));
                }
                _ => {}
            }
        }
    }

    /// Shows what a frame means. False: that is enough.
    fn on_frame(&self, notice: Notice, left: &mut Option<u64>, screen: &Screen) -> Result<bool, Failure> {
        match notice {
            Notice::Event(event) => {
                if let Some(first) = event.missing_from {
                    let (channel, last) = (harmless(&event.channel), event.sequence - 1);
                    screen.warning(&format!("! {channel}: events #{first} to #{last} are missing without a word"));
                }
                if !self.json {
                    screen.line(&show::event(&event, screen.paint()))?;
                }
                if let Some(left) = left {
                    *left -= 1;
                    return Ok(*left > 0);
                }
            }
            Notice::Note(text) => screen.note(&format!("- {}", harmless(&text))),
            Notice::Warning(text) => screen.warning(&format!("! {}", harmless(&text))),
            Notice::Refused(text) => return Err(Failure::Refused(harmless(&text))),
            Notice::Unasked | Notice::Nothing => {}
        }
        Ok(true)
    }

    /// Where the token is in a file, another one may be there by the next try: whoever renews it need not be on time.
    fn with_a_newer_token(&self, code: u16, next: Next) -> Next {
        match next {
            Next::GiveUp { reason } if code == TOKEN_EXPIRED && self.has_token_file() => Next::again(reason),
            next => next,
        }
    }

    /// The URL as it may be told: what is behind its path may be a token.
    fn shown_url(&self) -> &str {
        self.url.split(['?', '#']).next().unwrap_or_default()
    }

    fn has_token_file(&self) -> bool {
        self.token.as_deref().is_some_and(|token| token.starts_with('@'))
    }

    /// The handshake, for the session that was acked before or the one that was asked for.
    fn request(&self, acked: Option<&str>) -> Result<Request, Failure> {
        let wrong =
            |error: &dyn std::fmt::Display| Failure::Usage(format!("{:?} is not a URL: {error}", self.shown_url()));
        let mut url = self.url.clone();
        if let Some(session) = acked.or(self.session.as_deref()) {
            let and = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{and}session_id={}", show::percent_encoded(session)));
        }
        let mut request = url.into_client_request().map_err(|error| wrong(&error))?;
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("rialto.v1.json"));
        if let Some(token) = &self.token {
            headers.insert("authorization", bearer("--token", token)?);
        }
        Ok(request)
    }

    /// What to open TLS with, for wss://.
    fn tls(&self) -> Result<Option<Arc<ClientConfig>>, Failure> {
        if self.url.to_ascii_lowercase().starts_with("wss://") {
            return self.trust.client(&Shown::default(), Protocol::Http1).map(Some);
        }
        if !self.url.to_ascii_lowercase().starts_with("ws://") {
            let problem =
                format!("{:?} is not a URL of a WebSocket: it begins with neither ws:// nor wss://", self.shown_url());
            return Err(Failure::Usage(problem));
        }
        match self.trust.is_said() {
            true => Err(Failure::Usage(format!("--ca is for TLS: write wss://, not {:?}", self.shown_url()))),
            false => Ok(None),
        }
    }

    /// What a failed handshake means: nothing at the first try is for the person to mend, later the bridge may restart.
    fn not_connected(&self, follower: &Follower, error: SocketError) -> Result<Ended, Failure> {
        let reason = match &error {
            SocketError::Http(response) => {
                let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                let said = message_of(&body).unwrap_or_else(|| body.trim().to_owned());
                let reason = format!("the bridge refused the connection: {} {}", response.status(), harmless(&said));
                let is_old = self.has_token_file() && reason_of(&body).as_deref() == Some("token_expired");
                let may_return = response.status().as_u16() == 429 || (is_old && follower.session().is_some());
                if response.status().is_client_error() && !may_return {
                    return Err(Failure::Refused(reason));
                }
                if follower.session().is_none() {
                    return Err(Failure::Unreachable(reason));
                }
                reason
            }
            SocketError::Url(error) => {
                return Err(Failure::Usage(format!("{:?} is not a URL: {error}", self.shown_url())));
            }
            error => {
                let why = disbelief(error).map_or_else(|| chain(error), str::to_owned);
                // The answer of a port with TLS to plain text is no HTTP.
                let is_tls = self.url.starts_with("ws://") && why.contains("httparse");
                let advice = if is_tls { "; a port with TLS wants wss://" } else { "" };
                format!("no bridge at {} ({why}){advice}", self.shown_url())
            }
        };
        if follower.session().is_some() {
            return Ok(Ended::Broken(Next::again(reason)));
        }
        Err(Failure::Unreachable(format!("{reason}; start one with `rialto demo` or name another with --url")))
    }
}

/// Connects, and asks for a WebSocket.
async fn upgrade(
    request: Request,
    tls: Option<Arc<ClientConfig>>,
) -> Result<(WebSocketStream<Box<dyn Connection>>, Response), SocketError> {
    let uri = request.uri();
    let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = open(uri.host().unwrap_or_default(), port, tls).await?;
    tokio_tungstenite::client_async(request, stream).await
}

/// The word for programs in an answer of JSON.
fn reason_of(body: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(body).ok()?;
    answer["details"][0]["reason"].as_str().map(str::to_owned)
}

/// The sentence for people in an answer of JSON.
fn message_of(body: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(body).ok()?;
    answer["message"].as_str().map(str::to_owned)
}

/// What was meant by a URL of HTTP. `None`: it is none.
fn as_websocket(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => "ws",
        "https" => "wss",
        _ => return None,
    };
    let path = if rest.trim_end_matches('/').contains('/') {
        rest.to_owned()
    } else {
        format!("{}/ws", rest.trim_end_matches('/'))
    };
    Some(format!("{scheme}://{path}"))
}

#[cfg(test)]
mod tests {
    use super::as_websocket;

    #[test]
    fn a_url_of_http_says_what_was_meant() {
        for (url, meant) in [
            ("http://127.0.0.1:8080/ws", Some("ws://127.0.0.1:8080/ws")),
            ("http://127.0.0.1:8080", Some("ws://127.0.0.1:8080/ws")),
            ("HTTPS://a.example/", Some("wss://a.example/ws")),
            ("https://a.example/events/ws?x=1", Some("wss://a.example/events/ws?x=1")),
            ("ws://127.0.0.1:8080/ws", None),
            ("nonsense", None),
        ] {
            assert_eq!(as_websocket(url).as_deref(), meant, "{url}");
        }
    }
}
