//! Who publishes and who operates: the list of publishers, the internal port's token, whether everybody has a tenant.

use std::path::PathBuf;

use super::identity::{Identity, secret_of, token_of};
use super::key::{Group, Key, Takes};
use super::publishers::read_publishers;
use super::{Config, Mistake, Port, value};
use crate::auth::publishers::Publishers;

/// Everything about peers that are no browsers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// The file that lists publishers. Default none: whoever reaches the port may publish.
    pub publishers: Option<PathBuf>,
    /// A file with the token of the internal port. Default none: whoever reaches it may use it.
    pub admin_token: Option<PathBuf>,
    /// Whether every browser's token and every event must name a tenant. Default no.
    pub require_tenant: bool,
}

impl Peers {
    /// The configuration keys without which nobody is asked.
    pub(super) const GUARDS: [&str; 2] = ["publishers", "admin-token-file"];

    /// The list of publishers. `None`: nobody is asked.
    ///
    /// # Errors
    /// Every mistake, by line.
    pub fn read_publishers(&self) -> Result<Option<Publishers>, Vec<Mistake>> {
        self.publishers.as_deref().map(read_publishers).transpose()
    }

    /// The token of the internal port. `None`: nobody is asked.
    ///
    /// # Errors
    /// It cannot be read, or is not worth the name.
    pub fn read_admin_token(&self) -> Result<Option<Vec<u8>>, Mistake> {
        let Some(path) = &self.admin_token else { return Ok(None) };
        token_of(path).map(Some).map_err(|problem| Mistake {
            key: "--admin-token-file".to_owned(),
            problem,
            example: String::new(),
        })
    }

    /// What is wrong in the files.
    pub(super) fn mistakes(&self, config: &Config, is_guard_lost: bool) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        match self.read_publishers() {
            Ok(list) => {
                let certified = list.as_ref().and_then(Publishers::with_certificate);
                // Authorities of operators vouch for no publisher.
                let asks = config.tls.asks_for_certificates(Port::Grpc);
                if let Some(publisher) = certified.filter(|_| !asks) {
                    mistakes.push(Mistake {
                        key: "--publishers".to_owned(),
                        problem: format!(
                            "{} is known by a certificate, and nobody vouches for those of publishers; give \
                             --grpc-client-ca, or it could never publish",
                            publisher.name
                        ),
                        example: "--grpc-client-ca clients.pem".to_owned(),
                    });
                }
            }
            Err(wrong) => mistakes.extend(wrong),
        }
        mistakes.extend(self.read_admin_token().err());
        mistakes.extend(shared_secrets(&config.identity, self));
        if self.require_tenant && !config.identity.is_on() && !is_guard_lost {
            mistakes.push(Mistake {
                key: "--require-tenant".to_owned(),
                problem: "tenants are in tokens, and there is no key to verify tokens with, so nobody could connect; \
                          give one of --jwt-secret-file, --jwt-public-key, --jwks-file, --jwks-url"
                    .to_owned(),
                example: "false".to_owned(),
            });
        }
        mistakes
    }
}

/// Files of secrets that hold the same: who has one would have the other, and an operator's token is no user's, nor is either a
/// key that signs for everybody.
fn shared_secrets(identity: &Identity, peers: &Peers) -> Vec<Mistake> {
    let files = [
        ("--jwt-secret-file", &identity.secret_file),
        ("--session-token-file", &identity.session_token_file),
        ("--admin-token-file", &peers.admin_token),
    ];
    let mut seen: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut mistakes = Vec::new();
    for (flag, path) in files {
        // What cannot be read is another mistake.
        let Some(secret) = path.as_deref().and_then(|path| secret_of(path).ok()) else { continue };
        if let Some((other, _)) = seen.iter().find(|(_, known)| *known == secret) {
            let problem = format!(
                "the file holds the same as that of {other}, so who has one could act as the other; give each its own, made \
                 with `openssl rand -hex 32`"
            );
            mistakes.push(Mistake { key: flag.to_owned(), problem, example: String::new() });
        }
        seen.push((flag, secret));
    }
    mistakes
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "publishers",
        group: Group::Identity,
        takes: Takes::One("PATH"),
        help: "A file that lists who may publish what; with it nobody else may. Read again when it changes",
        example: "/etc/rialto/publishers.toml",
        read: |config, text| {
            config.peers.publishers = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| config.peers.publishers.iter().map(|path| path.display().to_string()).collect(),
    },
    Key {
        name: "admin-token-file",
        group: Group::Identity,
        takes: Takes::One("PATH"),
        help: "A file with the token that everything on the internal port asks for, except /health and /ready",
        example: "/run/secrets/rialto-admin",
        read: |config, text| {
            config.peers.admin_token = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| config.peers.admin_token.iter().map(|path| path.display().to_string()).collect(),
    },
    Key {
        name: "require-tenant",
        group: Group::Identity,
        takes: Takes::Nothing,
        help: "Refuses tokens and events that name no tenant, instead of putting them into the one without a name",
        example: "true",
        read: |config, text| value::yes_or_no(text).map(|yes| config.peers.require_tenant = yes),
        show: |config| vec![config.peers.require_tenant.to_string()],
    },
];
