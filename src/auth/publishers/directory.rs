//! The list of publishers that counts now.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Credential, Publisher, Publishers};

/// Why somebody is no publisher. The text is for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecognised {
    /// It shows nothing.
    #[error("publishers must show who they are here: send authorization: Bearer and a token that --publishers lists")]
    Nothing,
    /// Its token is nobody's.
    #[error("the token is of no publisher that --publishers lists")]
    Token,
    /// Its certificate is nobody's, or not that of the publisher whose token it is.
    #[error("the client certificate is not that of a publisher that --publishers lists")]
    Certificate,
    /// Its certificate is of two.
    #[error("the client certificate has the names of several publishers that --publishers lists")]
    Ambiguous,
}

impl Unrecognised {
    /// A stable word for it.
    pub fn reason(self) -> &'static str {
        match self {
            Unrecognised::Nothing => "missing_credentials",
            Unrecognised::Token => "unknown_token",
            Unrecognised::Certificate => "unknown_certificate",
            Unrecognised::Ambiguous => "ambiguous_certificate",
        }
    }
}

/// Who may publish now.
#[derive(Debug, Default)]
pub struct Directory(RwLock<Option<Arc<Publishers>>>);

impl Directory {
    /// Only these, or with `None` everybody.
    pub fn new(publishers: Option<Publishers>) -> Self {
        Directory(RwLock::new(publishers.map(Arc::new)))
    }

    /// From now on only these.
    pub fn replace(&self, publishers: Publishers) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(publishers));
    }

    /// Whether publishers must show who they are.
    pub fn is_on(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Who this is. `None`: nobody is asked.
    ///
    /// # Errors
    /// It is nobody of the list.
    pub fn recognise(&self, credential: &Credential) -> Result<Option<Arc<Publisher>>, Unrecognised> {
        let publishers = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        publishers.map(|publishers| publishers.recognise(credential).map(Arc::clone)).transpose()
    }
}
