//! The session token: made at the start, or in a file.

use std::path::Path;

use super::{Identity, Mistake, mistake, plain, secret_of};
use crate::auth::{Bounds, KeySource};

impl Identity {
    /// Whether there is a session token.
    pub(super) fn has_session_token(&self) -> bool {
        self.session_token || self.session_token_file.is_some()
    }

    /// The session token of the file. `None`: there is none, or one is made at the start.
    ///
    /// # Errors
    /// It cannot be read, or is not worth the name.
    pub fn read_session_token(&self) -> Result<Option<Vec<u8>>, Mistake> {
        let token = self.session_token_file.as_deref().map(token_of).transpose();
        token.map_err(|problem| plain("--session-token-file", &problem))
    }

    /// What is wrong about the session token.
    pub(in crate::config) fn session_mistakes(&self, require_tenant: bool) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.session_token && self.session_token_file.is_some() {
            mistakes.push(plain("--session-token", "it and --session-token-file are both given; give one of them"));
        }
        if self.has_session_token() && require_tenant {
            let flag = if self.session_token { "--session-token" } else { "--session-token-file" };
            let problem =
                "a session token is of no tenant, and --require-tenant refuses who is of none; leave out one of them";
            mistakes.push(mistake(flag, problem));
        }
        mistakes.extend(self.read_session_token().err());
        mistakes
    }
}

/// Reads a token that is shown as it is. A last line's end does not belong to it.
///
/// # Errors
/// It cannot be read, or is not worth the name, in words.
pub(in crate::config) fn token_of(path: &Path) -> Result<Vec<u8>, String> {
    let token = secret_of(path)?;
    let unusable = |why: String| format!("{}: {why}", path.display());
    match KeySource::Secret(token.clone()).check(Bounds::default()) {
        Ok(()) if token.iter().all(u8::is_ascii_graphic) => Ok(token),
        Ok(()) => {
            Err(unusable("a token is sent in a header, and this has other than visible ASCII characters".to_owned()))
        }
        Err(error) => Err(unusable(error.to_string())),
    }
}
