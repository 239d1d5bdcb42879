//! `rialto token mint`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Map, Value};

use super::super::failure::Failure;
use super::super::screen::Screen;
use crate::auth::{
    self, Authenticator, DEFAULT_MAX_LIFE, DEFAULT_MAX_TOKEN_BYTES, Issuer, KeySource, MAX_NAME_BYTES, Settings,
    TokenError,
};
use crate::config::{duration, secret_of};
use crate::ids::{MAX_SESSION_ID_BYTES, Tenant};
use crate::session::grants::Grants;

/// Claims that have an option of their own.
const OWN: [(&str, &str); 8] = [
    ("sub", "--sub"),
    ("exp", "--for"),
    ("iat", "--for"),
    ("sid", "--session"),
    ("permissions", "--permission"),
    ("tenant", "--tenant"),
    ("iss", "--issuer"),
    ("aud", "--audience"),
];

/// Make a token that is signed with a secret, by HS256.
///
/// For development and tests: in production your own service makes tokens when somebody has logged in. Prints the token
/// alone, for a variable of a script.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Mint {
    /// A file with the secret, the one of the bridge's --jwt-secret-file
    #[arg(long, value_name = "PATH")]
    secret_file: PathBuf,
    /// The user
    #[arg(long, value_name = "USER")]
    sub: String,
    /// A permission, exact or with * for one segment and ** for the rest; may be repeated
    #[arg(long, value_name = "PERMISSION")]
    permission: Vec<String>,
    /// How long it is valid, at most 24h
    #[arg(long = "for", value_name = "TIME", default_value = "1h")]
    life: String,
    /// The session that it binds a connection to (sid)
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// The issuer (iss), where the bridge has --jwt-issuer
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// An audience (aud), where the bridge has --jwt-audience; may be repeated
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// Another claim, NAME=VALUE: JSON, or else a text; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  rialto token mint --secret-file secret --sub u7 --permission 'project:*:read'
  rialto token mint --secret-file secret --sub u7 --for 5m --session s1 --claim team=blue --claim level=3
  TOKEN=$(rialto token mint --secret-file secret --sub u7)";

impl Mint {
    /// Prints the token.
    pub(super) fn run(self, screen: &Screen) -> Result<(), Failure> {
        let secret = secret_of(&self.secret_file).map_err(|problem| usage("--secret-file", &problem))?;
        let life = duration(&self.life).map_err(|problem| usage("--for", &problem))?;
        if life > DEFAULT_MAX_LIFE || life < Duration::from_secs(1) {
            let hours = DEFAULT_MAX_LIFE.as_secs() / 3_600;
            return Err(usage("--for", &format!("must be from 1s to {hours}h: bridges believe no token for longer")));
        }
        self.check()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let audience = self.audience.clone();
        let claims = self.claims(now, life)?;
        let token = auth::mint(&claims, &secret).map_err(|error| usage("--secret-file", &error.to_string()))?;
        if token.len() > DEFAULT_MAX_TOKEN_BYTES {
            let (bytes, most) = (token.len(), DEFAULT_MAX_TOKEN_BYTES);
            let problem = format!("the token would have {bytes} bytes, and bridges read {most} (--token-max-bytes)");
            return Err(Failure::Usage(problem));
        }
        believed(&token, secret, audience, UNIX_EPOCH + Duration::from_secs(now))
            .map_err(|error| Failure::Usage(format!("no bridge would take the token: {error}")))?;
        screen.line(&token)
    }

    /// Finds what no bridge would take.
    fn check(&self) -> Result<(), Failure> {
        let names =
            [("--sub", Some(&self.sub), MAX_NAME_BYTES), ("--session", self.session.as_ref(), MAX_SESSION_ID_BYTES)];
        for (option, name, most) in names {
            if name.is_some_and(|name| !auth::is_name(name) || name.len() > most) {
                return Err(usage(option, &format!("must have 1 to {most} bytes and no control characters")));
            }
        }
        if let Some(tenant) = &self.tenant {
            Tenant::parse(tenant).map_err(|wrong| usage("--tenant", &format!("{wrong}; leave it out for none")))?;
        }
        let is_none = |permission: &&String| permission.is_empty() || permission.contains(char::is_whitespace);
        if let Some(wrong) = self.permission.iter().find(is_none) {
            return Err(usage("--permission", &format!("{wrong:?} is none: it must be one word")));
        }
        let mut idle = self.permission.iter().filter_map(|text| Some((text, Grants::idle(text)?)));
        match idle.next() {
            Some((text, why)) => Err(usage("--permission", &format!("{text:?} would grant nothing: {why}"))),
            None => Ok(()),
        }
    }

    fn claims(self, now: u64, life: Duration) -> Result<Map<String, Value>, Failure> {
        let mut claims = Map::new();
        for claim in &self.claim {
            let Some((name, value)) = claim.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                return Err(usage("--claim", &format!("{claim:?} is not NAME=VALUE")));
            };
            if let Some((_, option)) = OWN.iter().find(|(own, _)| *own == name) {
                return Err(usage("--claim", &format!("{name} is said by {option}")));
            }
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            if claims.insert(name.to_owned(), value).is_some() {
                return Err(usage("--claim", &format!("{name} is said twice")));
            }
        }
        let mut say = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        };
        say("sub", Some(self.sub.into()));
        say("iat", Some(now.into()));
        say("exp", Some((now + life.as_secs()).into()));
        say("permissions", Some(self.permission.into()));
        say("sid", self.session.map(Value::from));
        say("tenant", self.tenant.map(Value::from));
        say("iss", self.issuer.map(Value::from));
        say("aud", Some(self.audience).filter(|audience| !audience.is_empty()).map(Value::from));
        Ok(claims)
    }
}

/// Whether a bridge with this secret takes the token, now or when its `nbf` says: asked of what bridges ask.
fn believed(token: &str, secret: Vec<u8>, audiences: Vec<String>, now: SystemTime) -> Result<(), TokenError> {
    let issuer = Issuer { audiences, keys: vec![KeySource::Secret(secret)], ..Issuer::default() };
    // The secret has signed: it is one that bridges take.
    let Ok(bridge) = Authenticator::new(&Settings::of(vec![issuer])) else { return Ok(()) };
    match bridge.verify(token, now) {
        Err(TokenError::NotYet { wait }) => bridge.verify(token, now + wait),
        verified => verified,
    }
    .map(|_| ())
}

fn usage(option: &str, problem: &str) -> Failure {
    Failure::Usage(format!("{option}: {problem}"))
}
