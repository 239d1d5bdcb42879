//! Who is believed to be whom: the keys that verify tokens, and what tokens must say.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Mistake, keys};
use crate::auth::{
    Algorithm, Authenticator, Bounds, ClaimNames, DEFAULT_LEEWAY, DEFAULT_MAX_LIFE, Issuer, KeySource, Keyring,
    Settings, SettingsError,
};
use crate::ids::Tenant;

mod bounds;
mod files;
mod session;
mod table;

pub(super) use bounds::KEYS as BOUNDS;
pub use files::secret_of;
use files::text_of;
pub(super) use session::token_of;
pub(super) use table::KEYS;

/// How long a connection outlives its token. Default 25 s: time for a page to bring a new one.
const DEFAULT_GRACE: Duration = Duration::from_secs(25);
const ALGORITHMS: [&str; 12] =
    ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// Everything about tokens. Without a key and a session token nobody is authenticated.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// A file with a shared secret. A last line's end does not belong to it.
    pub secret_file: Option<PathBuf>,
    /// A shared secret.
    pub secret: Option<Secret>,
    /// A file with the PEM of a public key.
    pub public_key: Option<PathBuf>,
    /// A file with a JWKS.
    pub jwks_file: Option<PathBuf>,
    /// Where issuers serve their public keys.
    pub jwks_urls: Vec<JwksUrl>,
    /// A PEM file with authorities that are trusted there beside the system's.
    pub jwks_ca: Option<PathBuf>,
    /// Whether a session token is made at the start. Default no.
    pub session_token: bool,
    /// A file with the session token.
    pub session_token_file: Option<PathBuf>,
    /// The `iss` that tokens must have. Needed with public keys.
    pub issuer: Option<String>,
    /// Which tenants an issuer may speak for; one that is not here may for every one.
    pub issuer_tenants: Vec<IssuerTenant>,
    /// What tokens' `aud` must name one of. Needed with public keys.
    pub audiences: Vec<String>,
    /// What tokens may be signed with. Empty: what the keys are made for.
    pub algorithms: Vec<Algorithm>,
    /// The cookie that may hold a token. Default none.
    pub cookie: Option<String>,
    /// Whether `?token=` may hold one. Default no: URLs end in logs.
    pub in_query: bool,
    /// Which claims say what.
    pub claims: ClaimNames,
    /// How far clocks may differ. Default 30 s.
    pub leeway: Duration,
    /// The longest that one token is believed. Default 24 h.
    pub max_life: Duration,
    /// How long a connection outlives its token. Default 25 s.
    pub grace: Duration,
    /// How large tokens and sets of keys may be.
    pub bounds: Bounds,
}

/// A set of public keys at a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksUrl {
    /// Whose it is. `None`: that of [`Identity::issuer`].
    pub issuer: Option<String>,
    /// Where it is.
    pub url: String,
}

/// One tenant that an issuer may speak for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerTenant {
    /// The issuer.
    pub issuer: String,
    /// The tenant.
    pub tenant: Tenant,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// This secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SET)
    }
}

/// What is shown of a secret.
const SET: &str = "(set)";

impl Default for Identity {
    fn default() -> Self {
        Identity {
            secret_file: None,
            secret: None,
            public_key: None,
            jwks_file: None,
            jwks_urls: Vec::new(),
            jwks_ca: None,
            session_token: false,
            session_token_file: None,
            issuer: None,
            issuer_tenants: Vec::new(),
            audiences: Vec::new(),
            algorithms: Vec::new(),
            cookie: None,
            in_query: false,
            claims: ClaimNames::default(),
            leeway: DEFAULT_LEEWAY,
            max_life: DEFAULT_MAX_LIFE,
            grace: DEFAULT_GRACE,
            bounds: Bounds::default(),
        }
    }
}

impl Identity {
    /// The configuration keys that bring a key for tokens.
    pub(super) const KEYS: [&str; 7] = [
        "jwt-secret",
        "jwt-secret-file",
        "jwt-public-key",
        "jwks-file",
        "jwks-url",
        "session-token",
        "session-token-file",
    ];
    /// A token and its grace are about a clock and a reconnect, not about hours.
    const MOST_SLACK: Duration = Duration::from_secs(600);
    /// Beyond a month a token is a password; below a minute nobody gets in.
    const LIVES: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3_600);

    /// Whether there is a key or a session token, and so only those who have a token are let in.
    pub fn is_on(&self) -> bool {
        self.has_key() || self.has_session_token()
    }

    /// Whether there is a key that verifies tokens.
    pub(super) fn has_key(&self) -> bool {
        self.has_own_key() || !self.jwks_urls.is_empty()
    }

    /// Whether a key is there from the start.
    fn has_own_key(&self) -> bool {
        self.secret_file.is_some() || self.secret.is_some() || self.public_key.is_some() || self.jwks_file.is_some()
    }

    /// The files that keys come from.
    pub fn files(&self) -> Vec<PathBuf> {
        [&self.secret_file, &self.public_key, &self.jwks_file].into_iter().flatten().cloned().collect()
    }

    /// What is said about one flag.
    pub fn mistake(flag: &str, problem: &str) -> Mistake {
        mistake(flag, problem)
    }

    /// Reads the keys that are there and makes place for those that are served somewhere. `None`: there are none.
    ///
    /// # Errors
    /// Every mistake, by flag.
    pub fn keyring(&self, cool_down: Duration) -> Result<Option<Keyring>, Vec<Mistake>> {
        let Some(settings) = self.settings()? else { return Ok(None) };
        // What `settings` gives has been tried.
        let made = Keyring::new(settings, cool_down);
        made.map(Some).map_err(|wrong| wrong.iter().filter_map(|wrong| blame(wrong, false)).collect())
    }

    /// Reads the keys, and tries whether they make an authenticator. `None`: there are none.
    ///
    /// # Errors
    /// Every mistake, by flag.
    pub fn settings(&self) -> Result<Option<Settings>, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        if !self.has_key() {
            let said = [
                ("--jwt-issuer", self.issuer.is_some()),
                ("--issuer-tenant", !self.issuer_tenants.is_empty()),
                ("--jwt-audience", !self.audiences.is_empty()),
            ];
            let ways = [("--token-cookie", self.cookie.is_some()), ("--token-in-query", self.in_query)];
            let more = [("--jwt-algorithm", !self.algorithms.is_empty()), ("--jwks-ca", self.jwks_ca.is_some())];
            // A session token may come in these ways too.
            let ways = ways.into_iter().filter(|_| !self.has_session_token());
            let said = said.into_iter().chain(more).chain(ways);
            let problem = "there is no key to verify tokens with, so nobody would be authenticated; give one of \
                           --jwt-secret-file, --jwt-public-key, --jwks-file, --jwks-url, or leave this out";
            mistakes.extend(said.filter(|(_, said)| *said).map(|(flag, _)| mistake(flag, problem)));
            return if mistakes.is_empty() { Ok(None) } else { Err(mistakes) };
        }
        if self.secret.is_some() && self.secret_file.is_some() {
            mistakes.push(plain("--jwt-secret", "it and --jwt-secret-file are both given; give one of them"));
        }
        let mut keys = Vec::new();
        if let Some(secret) = &self.secret {
            let source = KeySource::Secret(secret.0.clone().into_bytes());
            match source.check(self.bounds) {
                Ok(()) => keys.push(source),
                Err(error) => mistakes.push(mistake("--jwt-secret", &error.to_string())),
            }
        }
        let mut add = |flag: &str, path: &Path, source: Result<KeySource, String>| {
            let checked = source.and_then(|source| match source.check(self.bounds) {
                Ok(()) => Ok(source),
                Err(error) => Err(format!("{}: {error}", path.display())),
            });
            match checked {
                Ok(source) => keys.push(source),
                // The path is right, what is there is not.
                Err(problem) => mistakes.push(plain(flag, &problem)),
            }
        };
        if let Some(path) = &self.secret_file {
            add("--jwt-secret-file", path, secret_of(path).map(KeySource::Secret));
        }
        if let Some(path) = &self.public_key {
            add("--jwt-public-key", path, text_of(path).map(KeySource::Pem));
        }
        if let Some(path) = &self.jwks_file {
            add("--jwks-file", path, text_of(path).map(KeySource::Jwks));
        }
        let mut issuers = Vec::new();
        let own_url = self.jwks_urls.iter().find(|set| set.is_of(self.issuer.as_deref())).map(|set| set.url.clone());
        if self.has_own_key() || own_url.is_some() {
            let (name, audiences) = (self.issuer.clone(), self.audiences.clone());
            let (algorithms, tenants) = (self.algorithms.clone(), self.tenants_of(name.as_deref()));
            issuers.push(Issuer { name, audiences, algorithms, keys, tenants, url: own_url });
        }
        let mut seen = 0;
        for set in &self.jwks_urls {
            if set.is_of(self.issuer.as_deref()) {
                seen += 1;
                if seen == 2 {
                    mistakes.push(mistake("--jwks-url", "an issuer has one set; give another as ISSUER=URL"));
                }
                continue;
            }
            let (name, audiences) = (set.issuer.clone(), self.audiences.clone());
            let (algorithms, url) = (self.algorithms.clone(), Some(set.url.clone()));
            let tenants = self.tenants_of(name.as_deref());
            issuers.push(Issuer { name, audiences, algorithms, keys: Vec::new(), tenants, url });
        }
        for IssuerTenant { issuer, .. } in &self.issuer_tenants {
            if !issuers.iter().any(|known| known.name.as_ref() == Some(issuer)) {
                let problem = format!("{issuer:?} is no issuer that --jwt-issuer or --jwks-url names");
                mistakes.push(mistake("--issuer-tenant", &problem));
            }
        }
        let has_broken = !mistakes.is_empty();
        let (claims, bounds) = (self.claims.clone(), self.bounds);
        let settings = Settings { issuers, claims, leeway: self.leeway, max_life: self.max_life, bounds };
        match Authenticator::new(&settings) {
            Ok(_) if mistakes.is_empty() => return Ok(Some(settings)),
            Ok(_) => {}
            // What is said of keys as a whole makes sense when each can be used.
            Err(wrong) => mistakes.extend(wrong.iter().filter_map(|wrong| blame(wrong, has_broken))),
        }
        Err(mistakes)
    }
}

impl Identity {
    /// The tenants that this issuer may speak for. `None`: every one.
    fn tenants_of(&self, issuer: Option<&str>) -> Option<Vec<Tenant>> {
        let own = self.issuer_tenants.iter().filter(|bound| issuer == Some(&*bound.issuer));
        let own: Vec<Tenant> = own.map(|bound| bound.tenant.clone()).collect();
        (!own.is_empty()).then_some(own)
    }
}

impl JwksUrl {
    /// Whether it is the set of the issuer that `--jwt-issuer` names.
    fn is_of(&self, own: Option<&str>) -> bool {
        self.issuer.is_none() || self.issuer.as_deref() == own
    }
}

fn blame(wrong: &SettingsError, has_broken: bool) -> Option<Mistake> {
    let flag = match wrong {
        SettingsError::NoIssuer => "--jwt-issuer",
        SettingsError::RepeatedIssuer(_) => "--jwks-url",
        SettingsError::NoAudience => "--jwt-audience",
        SettingsError::IdleAlgorithm { algorithm: _, fitting } if !has_broken => {
            let example = fitting.first().cloned().unwrap_or_default();
            return Some(Mistake { example, ..plain("--jwt-algorithm", &wrong.to_string()) });
        }
        SettingsError::ShortFor { .. } | SettingsError::IdleKey if !has_broken => "--jwt-algorithm",
        _ => return None,
    };
    Some(mistake(flag, &wrong.to_string()))
}

/// A mistake whose problem says what to do: no value by itself would be right.
fn plain(flag: &str, problem: &str) -> Mistake {
    Mistake { key: flag.to_owned(), problem: problem.to_owned(), example: String::new() }
}

fn mistake(flag: &str, problem: &str) -> Mistake {
    let key = keys().iter().find(|key| key.flag() == flag);
    let example = key.map_or_else(String::new, |key| key.example.to_owned());
    Mistake { key: flag.to_owned(), problem: problem.to_owned(), example }
}

#[cfg(test)]
mod tests;
