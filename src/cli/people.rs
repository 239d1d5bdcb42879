//! `rialto disconnect` and `rialto revoke`: ending somebody's connections.

mod call;

use clap::Args;
use serde_json::{Map, Value, json};

use super::bearer::bearer;
use super::failure::Failure;
use super::screen::{Screen, harmless};
use super::tls::{Bridge, Shown, Trust};

/// End the connections of a user, a session or a token.
///
/// They are closed with 4504, which clients take for final. Nothing keeps their people from coming back: see `rialto revoke`.
#[derive(Debug, Args)]
#[command(after_help = DISCONNECT_EXAMPLES)]
pub(crate) struct Disconnect {
    #[command(flatten)]
    whom: Whom,
}

/// Refuse the tokens of a user, a session, or one token, and end its connections.
///
/// A user or a session is in again with a token that was issued later. A bridge process remembers it until the tokens have
/// ended by themselves, and not beyond its own end: where there are several, tell each.
#[derive(Debug, Args)]
#[command(after_help = REVOKE_EXAMPLES)]
pub(crate) struct Revoke {
    #[command(flatten)]
    whom: Whom,
}

/// Whom it is about, and where.
#[derive(Debug, Args)]
struct Whom {
    #[command(flatten)]
    who: Who,
    /// The tenant that it belongs to; unless said, the one without a name
    #[arg(long, value_name = "TENANT", default_value = "", hide_default_value = true)]
    tenant: String,
    /// Where the bridge takes orders; https:// before it, or --ca, for TLS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    admin: String,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    shown: Shown,
    /// The token of that port, where it asks for one; @PATH reads it from a file
    #[arg(long, value_name = "TOKEN")]
    admin_token: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// A user: the `sub` of its tokens
    #[arg(long, value_name = "SUB")]
    user: Option<String>,
    /// A session, as connection.ack says it
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// A token: its `jti`
    #[arg(long, value_name = "JTI")]
    token_id: Option<String>,
}

const DISCONNECT_EXAMPLES: &str = "\
Examples:
  rialto disconnect --user ann
  rialto disconnect --session ann:t1 --admin 10.0.0.7:9090";

const REVOKE_EXAMPLES: &str = "\
Examples:
  rialto revoke --user ann                 ann needs a new token on every device
  rialto revoke --token-id 6f1c            the one token that was lost";

impl Disconnect {
    /// Ends the connections.
    pub(crate) fn run(self, screen: &Screen) -> Result<(), Failure> {
        let answer = self.whom.call("Disconnect")?;
        if self.whom.json {
            return screen.line(&answer.to_string());
        }
        screen.line(&format!("ended {}", connections(&answer, &self.whom.tenant)))
    }
}

impl Revoke {
    /// Revokes, and ends the connections.
    pub(crate) fn run(self, screen: &Screen) -> Result<(), Failure> {
        let answer = self.whom.call("Revoke")?;
        if self.whom.json {
            return screen.line(&answer.to_string());
        }
        let until = answer["until"].as_str().map_or_else(|| "the bridge ends".to_owned(), harmless);
        screen.line(&format!("ended {}; remembered until {until}", connections(&answer, &self.whom.tenant)))
    }
}

/// How many connections were ended, and whose. Who has forgotten the tenant ends none, and would take that for success.
fn connections(answer: &Value, tenant: &str) -> String {
    match (answer["connections"].as_u64().unwrap_or_default(), tenant) {
        (0, "") => "0 connections of the tenant without a name (--tenant names another)".to_owned(),
        (1, "") => "1 connection".to_owned(),
        (count, "") => format!("{count} connections"),
        (1, tenant) => format!("1 connection of the tenant {tenant}"),
        (count, tenant) => format!("{count} connections of the tenant {tenant}"),
    }
}

impl Whom {
    fn call(&self, method: &str) -> Result<Value, Failure> {
        let who = [("user", &self.who.user), ("session", &self.who.session), ("tokenId", &self.who.token_id)];
        let mut request: Map<String, Value> =
            who.iter().filter_map(|(field, name)| Some(((*field).to_owned(), json!(name.as_ref()?)))).collect();
        request.insert("tenant".to_owned(), json!(self.tenant));
        let token = self.admin_token.as_deref().map(|token| bearer("--admin-token", token)).transpose()?;
        let bridge = Bridge { address: &self.admin, trust: &self.trust, shown: &self.shown };
        call::call(&bridge, token, method, &Value::Object(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_named_no_tenant_and_ended_nothing_is_told_where() {
        for (count, tenant, expected) in [
            (0, "", "0 connections of the tenant without a name (--tenant names another)"),
            (1, "", "1 connection"),
            (2, "", "2 connections"),
            (0, "acme", "0 connections of the tenant acme"),
            (1, "acme", "1 connection of the tenant acme"),
        ] {
            assert_eq!(connections(&json!({"connections": count}), tenant), expected);
        }
    }
}
