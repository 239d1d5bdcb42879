//! What a token whose signature is right says, and whether it may say it.
//!
//! Strict where RFC 7519 leaves room: times are whole seconds and not texts or fractions, `exp` and `sub` must be there, and
//! no token is believed for longer than the configuration says.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::error::TokenError;
use super::settings::ClaimNames;
use crate::ids::{MAX_SESSION_ID_BYTES, SessionId, Tenant};
use crate::session::grants::Grants;
use crate::session::principal::{Known, Principal};

/// The longest user, tenant and token id: OpenID Connect's limit of a `sub`.
pub const MAX_NAME_BYTES: usize = 255;

/// Whether a user, a session or a token may be called so.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.contains(char::is_control)
}

/// The most permissions of a token: each is compared with what is asked for.
const MAX_GRANTS: usize = 256;

/// The last second of the year 9999. Milliseconds of today are beyond it.
const LATEST: Duration = Duration::from_secs(253_402_300_799);

type Claims = Map<String, Value>;

/// Checks the times, and says when the token ends.
pub(super) fn check_times(
    claims: &Claims,
    leeway: Duration,
    max_life: Duration,
    now: SystemTime,
) -> Result<SystemTime, TokenError> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let ends = time(claims, "exp")?.ok_or_else(|| TokenError::Missing("exp".into()))?;
    let issued = time(claims, "iat")?;
    for (name, begins) in [("nbf", time(claims, "nbf")?), ("iat", issued)] {
        let begins = begins.unwrap_or_default();
        if begins > LATEST {
            return Err(not_seconds(name));
        }
        if begins > now.saturating_add(leeway) {
            return Err(TokenError::NotYet { wait: begins.saturating_sub(now) });
        }
    }
    if now >= ends.saturating_add(leeway) {
        return Err(TokenError::Expired { ago: now.saturating_sub(ends) });
    }
    if issued.is_none() && ends > LATEST {
        return Err(not_seconds("exp"));
    }
    if issued.is_none() && ends > now.saturating_add(max_life + leeway) {
        return Err(not("exp", "within the longest life of a token, where no iat says when it was made"));
    }
    // An `iat` that is ahead by less than the leeway does not lengthen the token's life.
    let latest = issued.unwrap_or(now).min(now).saturating_add(max_life);
    if now >= latest.saturating_add(leeway) {
        return Err(TokenError::TooOld { most: max_life });
    }
    UNIX_EPOCH.checked_add(ends.min(latest)).ok_or_else(|| not("exp", "a time"))
}

fn time(claims: &Claims, name: &str) -> Result<Option<Duration>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        // Fractions, texts, negative numbers and what no 64 bits hold are not whole numbers to the parser.
        Some(value) => value
            .as_u64()
            .map(|seconds| Some(Duration::from_secs(seconds)))
            .ok_or_else(|| not(name, "a time in whole seconds since 1970")),
    }
}

/// Checks that the token is for one of these. A token that names an audience where there is none to compare with is refused
/// (RFC 7519, section 4.1.3).
pub(super) fn check_audience(claims: &Claims, ours: &[String]) -> Result<(), TokenError> {
    let named: Vec<&str> = match claims.get("aud") {
        None if ours.is_empty() => return Ok(()),
        None => return Err(TokenError::NoAudience),
        Some(_) if ours.is_empty() => return Err(TokenError::UnaskedAudience),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several
            .iter()
            .map(|one| one.as_str().ok_or_else(|| not("aud", "a text or a list of texts")))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(not("aud", "a text or a list of texts")),
    };
    if named.iter().any(|one| ours.iter().any(|own| own == one)) { Ok(()) } else { Err(TokenError::Audience) }
}

/// The principal that the claims are about.
pub(super) fn principal(claims: Claims, names: &ClaimNames, expires: SystemTime) -> Result<Principal, TokenError> {
    let user = text(&claims, "sub", MAX_NAME_BYTES)?.ok_or_else(|| TokenError::Missing("sub".into()))?;
    let tenant = text(&claims, &names.tenant, MAX_NAME_BYTES)?.map(|name| {
        Tenant::parse(name)
            .map_err(|_| not(&names.tenant, "a tenant's name: at most 128 letters, digits, '-', '_' and '.'"))
    });
    let session = text(&claims, &names.session, MAX_SESSION_ID_BYTES)?;
    let token_id = text(&claims, "jti", MAX_NAME_BYTES)?;
    Ok(Principal {
        since: None,
        known: Known::ByToken,
        user: user.into(),
        tenant: tenant.transpose()?.unwrap_or_else(Tenant::default_tenant),
        session: session.map(SessionId::from),
        token_id: token_id.unwrap_or_default().into(),
        shared: false,
        grants: grants(&claims, names)?,
        expires: Some(expires),
        claims: Arc::new(claims),
    })
}

/// The claim of this name, dots and all, or else the one that the name is a path to, as in permissions: names that are URLs have dots,
/// too.
fn named<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (head, rest) = name.split_once('.')?;
        rest.split('.').try_fold(claims.get(head)?, |value, member| value.get(member))
    })
}

/// A claim that is a name: neither empty nor long nor with control characters.
fn text<'a>(claims: &'a Claims, name: &str, max_bytes: usize) -> Result<Option<&'a str>, TokenError> {
    match named(claims, name) {
        None => Ok(None),
        Some(Value::String(text)) if is_name(text) && text.len() <= max_bytes => Ok(Some(text)),
        Some(_) if max_bytes == MAX_SESSION_ID_BYTES => {
            Err(not(name, "a JSON string of 1 to 128 bytes without control characters"))
        }
        Some(_) => Err(not(name, "a JSON string of 1 to 255 bytes without control characters")),
    }
}

fn grants(claims: &Claims, names: &ClaimNames) -> Result<Grants, TokenError> {
    let name = match &names.permissions {
        Some(name) => name,
        None if claims.contains_key("permissions") => "permissions",
        None => "scope",
    };
    match named(claims, name) {
        None => Ok(Grants::default()),
        Some(Value::String(text)) if text.split(' ').count() <= MAX_GRANTS => Ok(Grants::new(text.split(' '))),
        Some(Value::Array(list)) if list.len() <= MAX_GRANTS => {
            let texts = list.iter().map(|one| one.as_str().ok_or_else(|| not(name, "a list of texts")));
            Ok(Grants::new(texts.collect::<Result<Vec<_>, _>>()?))
        }
        Some(_) => Err(not(name, "a list of at most 256 texts, or one text with spaces")),
    }
}

fn not_seconds(claim: &str) -> TokenError {
    not(claim, "a time in seconds since 1970: it is beyond the year 9999, as milliseconds are")
}

fn not(claim: &str, expected: &'static str) -> TokenError {
    TokenError::Claim { claim: claim.into(), expected }
}
