//! The session token of a bridge: made at its start, or read from a file and read again when that changes.

use std::sync::Arc;

use tokio::time::Instant;

use super::files::{Files, Watched};
use crate::auth::SessionToken;
use crate::config::{Config, ConfigError};

/// The token that counts, and its text where somebody must be told.
pub(super) type Started = (Option<Arc<SessionToken>>, Option<String>);

/// What the configuration asks for.
pub(super) fn start(config: &Config, files: &mut Files) -> Result<Started, ConfigError> {
    let identity = &config.identity;
    let watched = identity.session_token_file.clone().map(|path| Watched::new("the session token", vec![path]));
    let from_file = identity.read_session_token().map_err(|mistake| ConfigError { mistakes: vec![mistake] })?;
    let Some((text, watched)) = from_file.zip(watched) else {
        // In hex: with a - at its beginning a shell command would take it for an option.
        let made = identity.session_token.then(|| hex::encode(rand::random::<[u8; 32]>()));
        return Ok((
            made.as_ref().map(|made| Arc::new(SessionToken::new(made.as_bytes(), Instant::now().into_std()))),
            made,
        ));
    };
    let token = Arc::new(SessionToken::new(&text, Instant::now().into_std()));
    let (own, identity) = (Arc::clone(&token), identity.clone());
    files.watch(watched, move || {
        let read = identity.read_session_token().map_err(|mistake| mistake.problem)?;
        own.replace(&read.ok_or("there is no file left")?, Instant::now().into_std());
        Ok(())
    });
    Ok((Some(token), None))
}
