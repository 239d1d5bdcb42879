//! Who may come in: the token of a request, or of a frame, becomes a principal.
//!
//! A request carries its token in `X-Session-Token`, where the bridge has a session token, in `Authorization: Bearer`, in the
//! cookie that the configuration names or, where that is allowed, in `?token=`. The first of them that is there is the one that
//! counts: a wrong one is refused and not tried another way. A cookie is sent by browsers without their page's doing, so it
//! counts only with an `Origin`, which the upgrade has checked. Nothing here repeats a token: not in an answer, not in a log.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE, ORIGIN};

use crate::auth::{Coming, Keyring, Revocations, SESSION_TOKEN_USER, SessionToken, TokenError};
use crate::ids::SessionId;
use crate::limits::Rates;
use crate::metrics::{Limit, Metrics};
use crate::net::admission::one_peer;
use crate::session::meter::Rate;
use crate::session::party::{Ends, Party, bind};
use crate::session::principal::Principal;
use crate::status::PeerCode;

use super::tenancy::Tenancy;

/// Where programs show the session token, and nothing else.
const SESSION_TOKEN: &str = "x-session-token";
/// What stands for the name that a bridge would make.
const MADE: &str = "…";
/// How long somebody waits for a key: a fetch takes two seconds at most.
const KEY_PATIENCE: Duration = Duration::from_millis(2_500);

/// How a bridge knows who connects.
#[derive(Debug)]
pub struct Gate {
    /// Whose tokens are believed. With neither this nor a session token nobody is authenticated, and everybody may come in.
    pub keys: Option<Arc<Keyring>>,
    /// The token that is believed as it is.
    pub session: Option<Arc<SessionToken>>,
    /// The cookie that may hold a token.
    pub cookie: Option<String>,
    /// Whether `?token=` may hold one.
    pub in_query: bool,
    /// How long a connection outlives its token.
    pub grace: Duration,
    /// What a tenant may have.
    pub tenancy: Arc<Tenancy>,
    /// Whose tokens are not believed any more.
    pub revocations: Arc<Revocations>,
    /// Wrong tokens from one address.
    pub wrong: WrongTokens,
    /// Where it is counted who runs into that.
    pub metrics: Arc<Metrics>,
}

/// How many wrong tokens an address may show: each costs a look at a signature, and may be a guess. Right ones are not
/// counted, so that many users may come from one address.
#[derive(Debug)]
pub struct WrongTokens {
    rate: Rate,
    rates: Rates<IpAddr>,
}

impl WrongTokens {
    /// So many a second over time, and ten seconds' at once.
    pub fn new(per_second: u32) -> Self {
        let rate = Rate { per_second, burst: per_second.saturating_mul(10), patience: u16::MAX };
        WrongTokens { rate, rates: Rates::default() }
    }
}

/// Why somebody is not let in. The message is for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: PeerCode,
    pub(super) message: Cow<'static, str>,
    /// The issuer whose set of keys may have the one that is missing, once it is fetched anew.
    pub(super) awaits: Option<Box<str>>,
    /// When to try again, where that is known.
    pub(super) retry_after: Option<Duration>,
}

/// Whether a token may be decided later, because its key may be on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeysMay {
    Come,
    /// They have been waited for.
    BeMissing,
}

/// The reason of a refusal for want of right tokens from an address.
pub(super) const WRONG_TOKENS: &str = "too_many_wrong_tokens";

impl Refused {
    pub(super) fn new(code: PeerCode, message: impl Into<Cow<'static, str>>) -> Self {
        Refused { code, message: message.into(), awaits: None, retry_after: None }
    }
}

impl Gate {
    /// Whether only those get in who have a token.
    pub fn is_on(&self) -> bool {
        self.keys.is_some() || self.session.is_some()
    }

    /// Who sends this request. `None`: it has no token, or none is needed.
    pub(super) fn of_request(
        &self,
        headers: &HeaderMap,
        query: &[(String, String)],
        from: IpAddr,
        now: Instant,
        time: SystemTime,
    ) -> Result<Option<Arc<Principal>>, Refused> {
        if !self.is_on() {
            return Ok(None);
        }
        if let Some(shown) = self.of_session_header(headers) {
            return self.counted(shown, from, now).map(Some);
        }
        let token = match bearer(headers)? {
            Some(token) => Some(token),
            None => match self.of_cookie(headers)? {
                Some(token) => Some(token),
                None => self.of_query(query)?,
            },
        };
        token.map(|token| self.verify(token, from, now, time)).transpose()
    }

    /// Who this token is about.
    pub(super) fn verify(
        &self,
        token: &str,
        from: IpAddr,
        now: Instant,
        time: SystemTime,
    ) -> Result<Arc<Principal>, Refused> {
        self.counted(self.judge(token, time), from, now)
    }

    /// A good token is good whatever came from its address: behind one there may be many people. Who shows too many wrong ones
    /// is not told any more what is wrong with them, only to wait.
    fn counted(
        &self,
        judged: Result<Arc<Principal>, Refused>,
        from: IpAddr,
        now: Instant,
    ) -> Result<Arc<Principal>, Refused> {
        judged.map_err(|refused| match refused.awaits {
            // A key that is on its way may make it right: `coming` counts it where none is.
            Some(_) => refused,
            None => self.wrong(refused, from, now),
        })
    }

    /// Counts a wrong token. What is said of it, unless there were too many.
    fn wrong(&self, refused: Refused, from: IpAddr, now: Instant) -> Refused {
        if refused.code != PeerCode::InvalidToken {
            return refused;
        }
        // Behind a proxy of this machine everybody comes from loopback.
        let from = Some(one_peer(from)).filter(|from| !from.is_loopback());
        let Some(Err(wait)) = from.map(|from| self.wrong.rates.take(from, self.wrong.rate, now)) else {
            return refused;
        };
        self.metrics.limits.hit(Limit::WrongTokensPerSecond, "an address");
        let message = "too many wrong tokens came from this address; wait before the next";
        Refused { retry_after: Some(wait), ..Refused::new(PeerCode::RateLimited, message) }
    }

    /// What becomes of a token that somebody brings who asks for this session: who it is and which session it gets, or the code
    /// and why not.
    ///
    /// # Errors
    /// The bridge would refuse it.
    pub fn inspect(
        &self,
        token: &str,
        asked: Option<&SessionId>,
        time: SystemTime,
    ) -> Result<(Arc<Principal>, SessionId), (PeerCode, String)> {
        let principal = self.judge(token, time).map_err(|refused| (refused.code, refused.message.into_owned()))?;
        let made = SessionId::new(MADE);
        let session = bind(&principal, asked, &made);
        session.map(|session| (principal, session)).map_err(|error| (PeerCode::PermissionDenied, error.to_string()))
    }

    /// Who a token is about, by the token alone.
    fn judge(&self, token: &str, time: SystemTime) -> Result<Arc<Principal>, Refused> {
        if let Some(principal) = self.session.as_ref().and_then(|session| session.recognise(token)) {
            return Ok(principal);
        }
        let Some(keys) = &self.keys else {
            return match self.session {
                Some(_) => {
                    Err(Refused::new(PeerCode::InvalidToken, "the token is not the session token of this bridge"))
                }
                None => Ok(Principal::shared_anonymous()),
            };
        };
        let principal = keys.verify(token, time).map_err(|error| {
            if matches!(error, TokenError::TooLong { .. }) {
                self.metrics.limits.hit(Limit::TokenMaxBytes, "a token");
            }
            let refused = Refused::new(error.code(), error.to_string());
            let TokenError::KeyAwaited { issuer, .. } = error else { return refused };
            Refused { awaits: Some(issuer), ..refused }
        })?;
        // Nobody else is whoever has the session token, whatever an issuer says.
        if self.session.is_some() && *principal.user == *SESSION_TOKEN_USER {
            let message = "the token's user is the one of the session token, and no other token may name it";
            return Err(Refused::new(PeerCode::InvalidToken, message));
        }
        self.tenancy.check(&principal.tenant)?;
        if principal.expires.is_some_and(|expires| expires.checked_add(self.grace).is_some_and(|end| end <= time)) {
            return Err(Refused::new(PeerCode::TokenExpired, "the token has expired"));
        }
        Ok(Arc::new(principal))
    }

    /// What to wait for before this refusal holds: a key that may be on its way, unless it has been waited for.
    ///
    /// # Errors
    /// No key comes, and this is what is said: the token is as wrong as others.
    pub(super) fn coming(
        &self,
        refused: Refused,
        keys: KeysMay,
        from: IpAddr,
        now: Instant,
    ) -> Result<Coming, Refused> {
        let Some(issuer) = refused.awaits.as_deref() else { return Err(refused) };
        let keyring = self.keys.as_ref().filter(|_| keys == KeysMay::Come);
        let coming = keyring.and_then(|keys| keys.coming(issuer, KEY_PATIENCE, now));
        coming.ok_or_else(|| self.wrong(refused, from, now))
    }

    /// Whether an administrator has revoked who is there. Asked when its seat is taken: whoever is revoked later is found there.
    pub(super) fn revoked(&self, party: &Party, time: SystemTime) -> Result<(), Refused> {
        match self.revocations.refuse(&party.principal, &party.session, time) {
            true => Err(Refused::new(PeerCode::Revoked, "an administrator has revoked this token")),
            false => Ok(()),
        }
    }

    /// When a connection of this principal ends.
    pub(super) fn ends(&self, principal: &Principal, now: Instant, time: SystemTime) -> Option<Ends> {
        let expires = principal.expires?;
        // Without an instant that far the connection ends now: no token is believed for longer than a day.
        let left = |end: SystemTime| end.duration_since(time).unwrap_or_default();
        let token = now.checked_add(left(expires)).unwrap_or(now);
        let connection = expires.checked_add(self.grace).and_then(|end| now.checked_add(left(end)));
        let wall = expires.checked_add(self.grace).unwrap_or(time);
        Some(Ends { token, connection: connection.unwrap_or(now), wall })
    }

    /// What becomes of who shows a session token in its own header. `None`: there is none, or this bridge has none.
    fn of_session_header(&self, headers: &HeaderMap) -> Option<Result<Arc<Principal>, Refused>> {
        let session = self.session.as_ref()?;
        let mut shown = headers.get_all(SESSION_TOKEN).iter();
        let token = shown.next()?;
        let refused = |message| Err(Refused::new(PeerCode::InvalidToken, message));
        if shown.next().is_some() {
            return Some(refused("X-Session-Token is there twice"));
        }
        let principal = token.to_str().ok().and_then(|token| session.recognise(token.trim()));
        Some(principal.map_or_else(|| refused("X-Session-Token is not the session token of this bridge"), Ok))
    }

    fn of_cookie<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a str>, Refused> {
        let Some(name) = &self.cookie else { return Ok(None) };
        // Pairs that are not text are other people's cookies; browsers send them as they are.
        let pairs = headers.get_all(COOKIE).iter().flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
        let pairs = pairs.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='));
        let mut tokens = pairs.filter(|(own, _)| own == name).map(|(_, value)| value.trim_matches('"'));
        let Some(token) = tokens.next() else { return Ok(None) };
        // Another site of the same domain can set a second one.
        if tokens.next().is_some() {
            return Err(Refused::new(PeerCode::InvalidToken, "the token's cookie is there twice"));
        }
        // So it is taken away from a browser.
        if token.is_empty() {
            return Ok(None);
        }
        if !headers.contains_key(ORIGIN) {
            let message = "a token in a cookie counts with an Origin header only; use Authorization: Bearer";
            return Err(Refused::new(PeerCode::InvalidToken, message));
        }
        Ok(Some(token))
    }

    fn of_query<'a>(&self, query: &'a [(String, String)]) -> Result<Option<&'a str>, Refused> {
        let mut tokens = query.iter().filter(|(name, _)| name == "token").map(|(_, value)| value.as_str());
        let Some(token) = tokens.next() else { return Ok(None) };
        if !self.in_query {
            let message = "tokens in the URL are not taken, as URLs end in logs; use Authorization: Bearer or \
                           connection.init, or --token-in-query";
            return Err(Refused::new(PeerCode::InvalidToken, message));
        }
        if tokens.next().is_some() {
            return Err(Refused::new(PeerCode::InvalidToken, "?token= is there twice"));
        }
        Ok(Some(token))
    }
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1). Another scheme is somebody else's: a proxy's.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut found = None;
    for header in headers.get_all(AUTHORIZATION) {
        let text = header.as_bytes().trim_ascii();
        let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        let (scheme, token) = text.split_at(end);
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            continue;
        }
        // Whoever writes this means to show a token: nothing else is tried in its place.
        let token = token.strip_prefix(b" ").and_then(|token| std::str::from_utf8(token).ok()).map(str::trim);
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Err(Refused::new(PeerCode::InvalidToken, "there is no token behind Authorization: Bearer"));
        };
        if found.replace(token).is_some() {
            return Err(Refused::new(PeerCode::InvalidToken, "Authorization: Bearer is there twice"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
