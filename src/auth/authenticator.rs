//! Whose tokens are believed, and whether this is one.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::claims;
use super::error::{SettingsError, TokenError};
use super::key::{Key, least_bytes};
use super::settings::{Bounds, ClaimNames, Issuer, KeySource, Settings};
use super::token::Unverified;
use crate::ids::Tenant;
use crate::session::principal::Principal;

/// How many keys are tried for a token that does not name one: a signature of RSA costs tens of microseconds.
const MAX_TRIED_KEYS: usize = 4;

/// Says who tokens are about. Immutable: other keys are another authenticator.
pub struct Authenticator {
    /// Issuers by their `iss`, each with keys that verify no other's tokens.
    named: HashMap<String, Trusted>,
    /// Who is trusted whatever the `iss`, if anybody.
    unnamed: Option<Trusted>,
    names: ClaimNames,
    leeway: Duration,
    max_life: Duration,
    max_token_bytes: usize,
}

/// One issuer.
struct Trusted {
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    /// Whether the algorithms are listed, and not those of the keys that are there.
    are_listed: bool,
    keys: Vec<Key>,
    /// Whether more keys may come.
    is_remote: bool,
    /// For whom it may speak, if not for everybody.
    tenants: Option<Vec<Tenant>>,
}

impl Authenticator {
    /// An authenticator for these issuers.
    ///
    /// # Errors
    /// Every reason why it would be none, or an unsafe one.
    pub fn new(settings: &Settings) -> Result<Authenticator, Vec<SettingsError>> {
        let (mut named, mut unnamed) = (HashMap::new(), None);
        let mut mistakes = Vec::new();
        for issuer in &settings.issuers {
            match Trusted::new(issuer, settings.bounds) {
                Ok(trusted) => {
                    let earlier = match &issuer.name {
                        Some(name) => named.insert(name.clone(), trusted),
                        None => unnamed.replace(trusted),
                    };
                    if earlier.is_some() {
                        let name = issuer.name.clone().unwrap_or_default();
                        mistakes.push(SettingsError::RepeatedIssuer(name));
                    }
                }
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        if settings.issuers.is_empty() {
            mistakes.push(SettingsError::NoKey);
        }
        let (names, leeway, max_life) = (settings.claims.clone(), settings.leeway, settings.max_life);
        let max_token_bytes = settings.bounds.token_bytes;
        let made = Authenticator { named, unnamed, names, leeway, max_life, max_token_bytes };
        if mistakes.is_empty() { Ok(made) } else { Err(mistakes) }
    }

    /// Who this token is about.
    ///
    /// # Errors
    /// It is not to be believed, or not any more, or not yet.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, TokenError> {
        let token = Unverified::read(token, self.max_token_bytes)?;
        let (algorithm, key_id) = token.algorithm_and_key()?;
        // What the token says of its issuer only chooses whose keys must have signed it.
        let issuer = match token.claims.get("iss") {
            None => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err(TokenError::Claim { claim: "iss".into(), expected: "a text" }),
        };
        let named = issuer.and_then(|name| self.named.get(name));
        let unknown = || if issuer.is_some() { TokenError::Issuer } else { TokenError::NoIssuer };
        let trusted = named.or(self.unnamed.as_ref()).ok_or_else(unknown)?;
        trusted.verify(&token, algorithm, key_id).map_err(|error| trusted.awaited(error, algorithm, key_id, issuer))?;
        let expires = claims::check_times(&token.claims, self.leeway, self.max_life, now)?;
        claims::check_audience(&token.claims, &trusted.audiences)?;
        let principal = claims::principal(token.claims, &self.names, expires)?;
        if trusted.tenants.as_ref().is_some_and(|tenants| !tenants.contains(&principal.tenant)) {
            return Err(TokenError::Tenant);
        }
        Ok(principal)
    }
}

impl Trusted {
    fn new(issuer: &Issuer, bounds: Bounds) -> Result<Trusted, Vec<SettingsError>> {
        let (mut keys, mut mistakes) = (Vec::new(), Vec::new());
        let is_remote = issuer.url.is_some();
        let mut has_public = is_remote;
        for source in &issuer.keys {
            has_public |= !matches!(source, KeySource::Secret(_));
            match source.read(bounds) {
                Ok(read) => keys.extend(read),
                Err(wrong) => mistakes.push(wrong.into()),
            }
        }
        if issuer.keys.is_empty() && !is_remote {
            mistakes.push(SettingsError::NoKey);
        }
        if has_public && issuer.name.is_none() {
            mistakes.push(SettingsError::NoIssuer);
        }
        if has_public && issuer.audiences.is_empty() {
            mistakes.push(SettingsError::NoAudience);
        }
        // What will be fetched may fit.
        if mistakes.is_empty() && !is_remote {
            for algorithm in &issuer.algorithms {
                if !keys.iter().any(|key| key.algorithms().contains(algorithm)) {
                    let has_secret = issuer.keys.iter().any(|source| matches!(source, KeySource::Secret(_)));
                    let algorithm_name = format!("{algorithm:?}");
                    mistakes.push(match least_bytes(*algorithm).filter(|_| has_secret) {
                        Some(least_bytes) => SettingsError::ShortFor { algorithm: algorithm_name, least_bytes },
                        None => {
                            let fitting = keys.iter().flat_map(Key::algorithms).map(|fits| format!("{fits:?}"));
                            SettingsError::IdleAlgorithm { algorithm: algorithm_name, fitting: fitting.collect() }
                        }
                    });
                }
            }
            let is_idle = |key: &Key| !key.algorithms().iter().any(|algorithm| issuer.algorithms.contains(algorithm));
            // A set may have keys for others beside ours. Where a listed algorithm has no key, that is why.
            if mistakes.is_empty() && !issuer.algorithms.is_empty() && keys.iter().all(is_idle) {
                mistakes.push(SettingsError::IdleKey);
            }
        }
        let algorithms = match &issuer.algorithms[..] {
            [] => keys.iter().flat_map(Key::algorithms).copied().collect(),
            listed => listed.to_vec(),
        };
        let (audiences, are_listed) = (issuer.audiences.clone(), !issuer.algorithms.is_empty());
        let tenants = issuer.tenants.clone();
        let trusted = Trusted { audiences, algorithms, are_listed, keys, is_remote, tenants };
        if mistakes.is_empty() { Ok(trusted) } else { Err(mistakes) }
    }

    /// Whether a token that no key fits may have one soon: by a name that is not there, and not with a secret.
    fn awaited(
        &self,
        error: TokenError,
        algorithm: Algorithm,
        key_id: Option<&str>,
        issuer: Option<&String>,
    ) -> TokenError {
        let is_public = !matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
        let is_wanting = match error {
            TokenError::UnknownKey => true,
            TokenError::Algorithm => !self.are_listed,
            _ => false,
        };
        let has_keys = !self.keys.is_empty();
        match issuer {
            Some(issuer) if self.is_remote && is_public && is_wanting && (key_id.is_some() || !has_keys) => {
                TokenError::KeyAwaited { issuer: (&**issuer).into(), has_keys }
            }
            _ => error,
        }
    }

    /// Whether one of this issuer's keys has signed it.
    fn verify(&self, token: &Unverified<'_>, algorithm: Algorithm, key_id: Option<&str>) -> Result<(), TokenError> {
        if !self.algorithms.contains(&algorithm) {
            return Err(TokenError::Algorithm);
        }
        let fits = |key: &&Key| key.algorithms().contains(&algorithm);
        // A key without a name fits every `kid`, one with a name its own alone.
        let is_meant = |key: &&Key| key_id.is_none() || key.id.is_none() || key.id.as_deref() == key_id;
        let mut keys: Vec<&Key> = self.keys.iter().filter(fits).filter(is_meant).collect();
        if key_id.is_some() && keys.iter().any(|key| key.id.is_some()) {
            keys.retain(|key| key.id.is_some());
        }
        match keys.len() {
            0 => return Err(TokenError::UnknownKey),
            1..=MAX_TRIED_KEYS => {}
            _ => return Err(TokenError::NoKeyId),
        }
        let has_signed = |key: &&Key| key.verify(token.message, token.signature, algorithm) == Some(true);
        if keys.iter().any(has_signed) { Ok(()) } else { Err(TokenError::Signature) }
    }
}

/// Without the keys.
impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut issuers: Vec<&str> = self.named.keys().map(String::as_str).collect();
        issuers.sort_unstable();
        f.debug_struct("Authenticator").field("issuers", &issuers).finish_non_exhaustive()
    }
}
