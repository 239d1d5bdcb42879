//! Who is at the other end of a connection, and what its token grants.
//!
//! A [`Principal`] is made once per token by [`crate::auth`], never changed, and shared by everything that asks what a
//! connection may do ([`super::access`]). While nobody is authenticated there is one for everybody,
//! [`Principal::anonymous`].

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::grants::Grants;
use crate::ids::{SessionId, Tenant};

/// Whether anybody vouches for a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A token that was verified says who it is.
    ByToken,
    /// Nobody is authenticated on this bridge.
    Anonymous,
    /// It has not said who it is yet.
    Nobody,
}

/// Who somebody is, and what it may do.
#[derive(Clone, PartialEq)]
pub struct Principal {
    /// Whether anybody vouches for it.
    pub known: Known,
    /// The user, the `sub` of its token. Empty where there is none.
    pub user: Arc<str>,
    /// Whose channels it sees.
    pub tenant: Tenant,
    /// The session that the token binds it to, if it does.
    pub session: Option<SessionId>,
    /// What its token is called, `jti`: what an administrator revokes. Empty: it has no name.
    pub token_id: Arc<str>,
    /// Whether many people may have its token: then what one user may have is not counted.
    pub shared: bool,
    /// Since when its token counts, by a clock that nobody sets. `None`: as its `iat` says.
    pub since: Option<Instant>,
    /// What it may do.
    pub grants: Grants,
    /// Everything that its token says, for `{@claim}` in permissions. As large as a token may be.
    pub claims: Arc<Map<String, Value>>,
    /// When its token ends. `None`: never.
    pub expires: Option<SystemTime>,
}

impl Principal {
    /// Everybody on a bridge where nobody is authenticated. It may do everything, except look into other sessions: there
    /// is no token that could grant less.
    pub fn anonymous() -> Principal {
        Principal {
            known: Known::Anonymous,
            user: "".into(),
            tenant: Tenant::default_tenant(),
            session: None,
            token_id: "".into(),
            shared: false,
            since: None,
            grants: Grants::everything(),
            claims: Arc::default(),
            expires: None,
        }
    }

    /// Whoever has not shown a token yet where one is needed. It may do nothing.
    pub fn nobody() -> Principal {
        Principal { known: Known::Nobody, grants: Grants::default(), ..Principal::anonymous() }
    }

    /// [`Principal::anonymous`], one for all connections.
    pub fn shared_anonymous() -> Arc<Principal> {
        static ANONYMOUS: LazyLock<Arc<Principal>> = LazyLock::new(|| Arc::new(Principal::anonymous()));
        Arc::clone(&ANONYMOUS)
    }

    /// [`Principal::nobody`], one for all connections.
    pub fn shared_nobody() -> Arc<Principal> {
        static NOBODY: LazyLock<Arc<Principal>> = LazyLock::new(|| Arc::new(Principal::nobody()));
        Arc::clone(&NOBODY)
    }

    /// The user, for those who have one.
    pub fn user_id(&self) -> Option<&str> {
        Some(&*self.user).filter(|user| !user.is_empty())
    }

    /// When its token was issued, `iat`. `None`: it does not say.
    pub fn issued(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.claims.get("iat")?.as_u64()?))
    }

    /// What stands for `{@name}` in a permission, before it is escaped. `sub` is the user whatever claim it came from; a
    /// name with dots is a claim of that name or else a path into one. `None`: there is no such claim, it is empty, or it
    /// is neither a text, a whole number nor a bool.
    pub(super) fn claim(&self, name: &str) -> Option<String> {
        if name == "sub" {
            return self.user_id().map(str::to_owned);
        }
        let value = match self.claims.get(name) {
            Some(value) => value,
            None => {
                let (head, rest) = name.split_once('.')?;
                rest.split('.').try_fold(self.claims.get(head)?, |value, member| value.get(member))?
            }
        };
        match value {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            Value::Bool(yes) => Some(yes.to_string()),
            _ => None,
        }
    }
}

/// Without the claims: they are about a person.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("known", &self.known)
            .field("user", &self.user)
            .field("tenant", &self.tenant)
            .field("session", &self.session)
            .field("token_id", &self.token_id)
            .field("shared", &self.shared)
            .field("grants", &self.grants)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_claims(claims: Value) -> Principal {
        let Value::Object(claims) = claims else { panic!("an object") };
        Principal { known: Known::ByToken, user: "u7".into(), claims: Arc::new(claims), ..Principal::anonymous() }
    }

    #[test]
    fn a_claim_is_a_text_a_whole_number_or_a_bool_by_name_or_by_path() {
        let principal = with_claims(json!({
            "sub": "not asked", "team": "blue", "n": 7, "yes": true, "f": 1.5, "none": null, "empty": "", "list": ["a"],
            "org": {"id": "o1", "deep": {"er": 3}}, "a.b": "flat", "a": {"b": "deep"},
        }));
        let table = [
            ("sub", Some("u7")),
            ("team", Some("blue")),
            ("n", Some("7")),
            ("yes", Some("true")),
            ("f", None),
            ("none", None),
            ("empty", None),
            ("list", None),
            ("list.0", None),
            ("org", None),
            ("org.id", Some("o1")),
            ("org.deep.er", Some("3")),
            ("org.no", None),
            ("team.id", None),
            ("a.b", Some("flat")),
            ("nobody", None),
            ("", None),
            (".", None),
        ];
        for (name, expected) in table {
            assert_eq!(principal.claim(name).as_deref(), expected, "{name}");
        }
        assert_eq!(Principal::anonymous().claim("sub"), None);
    }

    #[test]
    fn claims_are_not_printed() {
        let shown = format!("{:?}", with_claims(json!({"email": "ann@example.com"})));
        assert!(shown.contains("u7") && !shown.contains("example.com"), "{shown}");
    }
}
