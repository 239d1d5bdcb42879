//! Publishers: who they are, and what they may publish for whom.
//!
//! [`Publishers`] is a list that is made once of plain [`Publisher`]s and never changed. A [`Directory`] holds the one that
//! counts now, so that another can be put in its place: whoever is asked about a [`Credential`] is asked again for every
//! batch of events, and a publisher that is taken out has lost its rights with the next one, on open streams too.
//! It promises that no token is kept, only hashes, and that they are compared in constant time.

mod credential;
mod directory;
mod patterns;

use std::sync::Arc;

use crate::ids::Tenant;
use crate::session::grants::Grants;
use crate::session::meter::Rate;

pub use credential::{BearerError, Credential, TokenHash, bearer};
pub use directory::{Directory, Unrecognised};
pub use patterns::{TypePatterns, channel_pattern};

/// The most publishers of one list: each is compared with every call's token.
pub const MAX_PUBLISHERS: usize = 1_000;
/// The longest name of a publisher, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// One publisher.
#[derive(Clone, Debug, PartialEq)]
pub struct Publisher {
    /// Its name, for logs, metrics and refusals.
    pub name: Arc<str>,
    /// The hashes of its tokens: any of them will do. Empty: it has none.
    pub tokens: Vec<TokenHash>,
    /// The names of its client certificate: any of them will do. Empty: none is looked at. With tokens, both are needed.
    pub certificates: Vec<Box<str>>,
    /// The event types that it may publish.
    pub types: TypePatterns,
    /// The channels that it may publish to, whether it names them or the event does.
    pub channels: Grants,
    /// The tenants that it may publish for.
    pub tenants: TenantGrants,
    /// How many events it may publish. `None`: what the configuration says.
    pub rate: Option<Rate>,
    /// How many of one type. `None`: what the configuration says.
    pub type_rate: Option<Rate>,
}

/// Which tenants somebody may publish for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantGrants {
    /// Every one, and the one without a name.
    All,
    /// These. The one without a name is the empty text.
    Only(Vec<Tenant>),
}

impl TenantGrants {
    /// Whether this tenant is granted.
    pub fn allow(&self, tenant: &Tenant) -> bool {
        match self {
            TenantGrants::All => true,
            TenantGrants::Only(tenants) => tenants.contains(tenant),
        }
    }
}

/// Everybody who may publish.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publishers(Vec<Arc<Publisher>>);

impl Publishers {
    /// This list. Names, hashes and certificate names are not there twice: who reads the list has checked it.
    pub fn new(list: impl IntoIterator<Item = Publisher>) -> Self {
        Publishers(list.into_iter().map(Arc::new).collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody may publish.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|publisher| *publisher.name == *name)
    }

    /// The first who is known by a certificate.
    pub fn with_certificate(&self) -> Option<&Arc<Publisher>> {
        self.0.iter().find(|publisher| !publisher.certificates.is_empty())
    }

    /// Who this is. What is shown counts, not what is right: with a wrong token no certificate helps.
    ///
    /// # Errors
    /// It is nobody of the list.
    pub fn recognise(&self, credential: &Credential) -> Result<&Arc<Publisher>, Unrecognised> {
        let Credential { token, certificate } = credential;
        let has_certificate = |publisher: &Publisher| {
            let own = &publisher.certificates;
            certificate.as_ref().is_some_and(|names| names.iter().any(|name| own.contains(name)))
        };
        let found = match token {
            Some(token) => {
                // All of them are looked at, so that the time says nothing.
                let has_token =
                    |publisher: &Publisher| publisher.tokens.iter().fold(false, |is, own| is | (own == token));
                self.0.iter().fold(None, |found, publisher| if has_token(publisher) { Some(publisher) } else { found })
            }
            None => {
                let mut known =
                    self.0.iter().filter(|publisher| publisher.tokens.is_empty() && has_certificate(publisher));
                let first = known.next();
                if known.next().is_some() {
                    return Err(Unrecognised::Ambiguous);
                }
                first
            }
        };
        match found {
            Some(publisher) if publisher.certificates.is_empty() || has_certificate(publisher) => Ok(publisher),
            Some(_) => Err(Unrecognised::Certificate),
            None if token.is_some() => Err(Unrecognised::Token),
            None if certificate.is_some() => Err(Unrecognised::Certificate),
            None => Err(Unrecognised::Nothing),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
