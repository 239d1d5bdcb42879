//! `rialto token inspect`.

use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Map, Value};

use super::super::failure::Failure;
use super::super::flags::Flags;
use super::super::screen::{Colour, Screen, harmless};
use super::publisher::PREFIX;
use crate::app;
use crate::auth::publishers::TokenHash;
use crate::auth::{TokenError, Unverified};
use crate::config::{Config, Process};
use crate::ids::SessionId;
use crate::session::grants::Grants;

/// Claims that are times.
const TIMES: [&str; 4] = ["exp", "nbf", "iat", "auth_time"];

/// See what a token says, and whether a bridge would take it.
///
/// Takes the flags of `rialto serve` and reads the same file and variables: the token is judged as that bridge would judge
/// it. Exits with 0 when it would be taken, or when no key is given to judge it by; with 1 when it would not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Inspect {
    /// The token; @PATH reads it from a file, - from standard input, which others of this machine do not see
    #[arg(value_name = "TOKEN")]
    token: String,
    /// The session that its user would ask for with ?session_id=
    #[arg(long, value_name = "ID")]
    session_id: Option<String>,
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  rialto token inspect \"$TOKEN\" --jwt-secret-file secret
  rialto token inspect @token --config rialto.toml          judged by the configuration of a bridge";

impl Inspect {
    /// Shows the token and the verdict.
    pub(super) fn run(self, screen: &Screen) -> Result<(), Failure> {
        let config = Config::load(&self.flags.0, &Process)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let gate = runtime.block_on(app::gate(&config))?;
        let max_bytes = config.identity.bounds.token_bytes;
        let token = match self.token.strip_prefix('@') {
            Some(path) => from_file(path, max_bytes)?,
            None if self.token == "-" => text_of(std::io::stdin(), max_bytes)?,
            None => self.token,
        };
        let token = token.trim();
        // As in RFC 6750, section 2.1, where the scheme has no letter case.
        let is_scheme = |scheme: &str| scheme.eq_ignore_ascii_case("bearer");
        let token =
            token.split_once(' ').filter(|(scheme, _)| is_scheme(scheme)).map_or(token, |(_, rest)| rest.trim());
        let now = SystemTime::now();
        let paint = screen.paint();
        let session = gate.as_ref().and_then(|gate| gate.session.as_ref());
        if session.is_some_and(|session| session.recognise(token).is_some()) {
            screen.line("The session token of --session-token-file: shown as it is, it has no claims and no end.")?;
        } else {
            let read = Unverified::read(token, max_bytes)
                .map_err(|error| Failure::Refused(what_else(token, &error, &config)))?;
            for (heading, members) in [("Header", &read.header), ("Claims", &read.claims)] {
                screen.line(&paint.paint(Colour::Bold, heading))?;
                show(members, now, screen)?;
            }
        }
        let Some(gate) = gate else {
            screen
                .note("not verified: no key is given (--jwt-secret-file, --jwt-public-key, --jwks-file or --jwks-url)");
            return Ok(());
        };
        match gate.inspect(token, self.session_id.as_deref().map(SessionId::from).as_ref(), now) {
            Ok((principal, session)) => {
                let tenant = match principal.tenant.as_str() {
                    "" => "no tenant".to_owned(),
                    name => format!("tenant {}", harmless(name)),
                };
                let text = format!("accepted: user {}, {tenant}", harmless(&principal.user));
                screen.line(&paint.paint(Colour::Green, &text))?;
                screen.line(&format!("  session {}", harmless(session.as_str())))?;
                for grant in principal.grants.texts() {
                    match Grants::idle(grant) {
                        None => screen.line(&format!("  may {}", harmless(grant)))?,
                        Some(why) => screen.line(&format!("  {} grants nothing: {why}", harmless(grant)))?,
                    }
                }
                if principal.grants.texts().next().is_none() {
                    screen.line("  may nothing that asks for a permission")?;
                }
                Ok(())
            }
            Err((code, why)) => Err(Failure::Refused(format!(
                "refused with {} {}: {}",
                code.number(),
                code.row().reason,
                harmless(&why)
            ))),
        }
    }
}

/// What a text may be that is no JSON Web Token.
fn what_else(token: &str, error: &TokenError, config: &Config) -> String {
    if token.starts_with(PREFIX) {
        let hash = TokenHash::of(token.as_bytes());
        return format!("this is a publisher's token, which users cannot show; its line in --publishers has {hash}");
    }
    if !matches!(error, TokenError::Malformed(_)) {
        return error.to_string();
    }
    let other = match (config.identity.session_token, &config.identity.session_token_file) {
        (true, _) => "; it may be the session token that a bridge has made at its start, which only that bridge knows",
        (false, Some(_)) => ", nor is it the session token of --session-token-file",
        (false, None) => "; if it is a session token, give --session-token-file",
    };
    format!("{error}{other}")
}

fn from_file(path: &str, max_bytes: usize) -> Result<String, Failure> {
    let text = std::fs::File::open(path).and_then(|file| text_of(file, max_bytes));
    text.map_err(|error| Failure::Usage(format!("{path} cannot be read: {error}")))
}

fn text_of(input: impl Read, max_bytes: usize) -> std::io::Result<String> {
    let mut text = String::new();
    // Room for white space around it; a longer one is refused by its length.
    input.take(2 * max_bytes as u64).read_to_string(&mut text)?;
    Ok(text)
}

fn show(members: &Map<String, Value>, now: SystemTime, screen: &Screen) -> Result<(), Failure> {
    for (name, value) in members {
        let words = match value.as_u64() {
            Some(seconds) if TIMES.contains(&name.as_str()) => format!("  ({})", in_words(seconds, now)),
            _ => String::new(),
        };
        let name = screen.paint().paint(Colour::Blue, &harmless(name));
        screen.line(&format!("  {name} = {}{words}", harmless(&value.to_string())))?;
    }
    Ok(())
}

/// A time in seconds since 1970, in words.
fn in_words(seconds: u64, now: SystemTime) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let when = i64::try_from(seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    let when =
        when.map_or_else(|| "beyond all calendars".to_owned(), |when| when.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    match seconds.abs_diff(now) {
        0 => format!("{when}, now"),
        away if seconds > now => format!("{when}, in {}", span(away)),
        away => format!("{when}, {} ago", span(away)),
    }
}

/// A span in its two largest units.
fn span(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut rest = Duration::from_secs(seconds).as_secs();
    let mut words = Vec::new();
    for (unit, size) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            words.push(format!("{count} {unit}"));
        }
    }
    words.truncate(2);
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_dates_and_distances() {
        let now = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        let table = [
            (1_790_000_000, "2026-09-21T14:13:20Z, now"),
            (1_790_000_059, "2026-09-21T14:14:19Z, in 59 s"),
            (1_789_999_000, "2026-09-21T13:56:40Z, 16 min 40 s ago"),
            (1_790_090_061, "2026-09-22T15:14:21Z, in 1 d 1 h"),
            (0, "1970-01-01T00:00:00Z, 20717 d 14 h ago"),
            (u64::MAX, "beyond all calendars, in 213503982313883 d 16 h"),
        ];
        for (seconds, expected) in table {
            assert_eq!(in_words(seconds, now), expected);
        }
    }
}
