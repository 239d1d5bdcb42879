//! One connection's way in: who is there, by its upgrade or by its first frame.
//!
//! Owned by the connection's read task, which asks it about each command that carries a token before the shard hears of it.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::ids::{SessionId, Tenant};
use crate::limits::Held;
use crate::proto::rialto::v1::ConnectionInit;
use crate::session::command::Command;
use crate::session::party::{Party, bind};
use crate::session::principal::Principal;
use crate::session::refusal::{connection_error, peer_error};
use crate::status::PeerCode;

use super::gate::{Gate, Refused};

/// What a connection brought along.
#[derive(Debug)]
pub(super) struct Entrance {
    /// The session that it asks for.
    pub(super) asked: Option<SessionId>,
    /// The one that it gets otherwise.
    pub(super) made: SessionId,
    /// Who is there, once that is known.
    pub(super) party: Option<Arc<Party>>,
    /// Counts it among its tenant's, from then on.
    pub(super) counted: Option<Held<Tenant>>,
    /// Refreshes that were refused since one was good.
    pub(super) refused: u8,
}

/// So many refused refreshes in a row end a connection: each costs a look at a signature.
const MAX_REFUSED: u8 = 10;

impl Entrance {
    /// Binds this principal to its session.
    pub(super) fn party(
        &self,
        gate: &Gate,
        principal: Arc<Principal>,
        now: Instant,
        time: SystemTime,
    ) -> Result<Arc<Party>, Refused> {
        let session = bind(&principal, self.asked.as_ref(), &self.made)
            .map_err(|error| Refused::new(PeerCode::PermissionDenied, error.to_string()))?;
        let ends = gate.ends(&principal, now, time);
        Ok(Arc::new(Party { principal, session, ends }))
    }

    /// What becomes of a command that may carry a token: it says who is there, or the connection ends. The shard never
    /// sees a token.
    pub(super) fn judge(&mut self, command: Command, gate: &Gate, now: Instant, time: SystemTime) -> Command {
        let (id, init) = match command {
            Command::Init { id, init, .. } => (id, init),
            Command::Refresh { id, token, .. } => {
                return match self.on_refresh(&token, gate, now, time) {
                    Ok(party) => {
                        self.refused = 0;
                        Command::Refresh { id, token: String::new(), party }
                    }
                    Err(Refused { code, message }) => {
                        self.refused += 1;
                        if self.refused == MAX_REFUSED {
                            let error = Some(connection_error(code, message.clone()));
                            return Command::Close { code: code.number(), reason: message, error };
                        }
                        Command::Refuse { reply_to: id, error: peer_error(code, message, "") }
                    }
                };
            }
            command => return command,
        };
        match self.on_init(&init.token, gate, now, time) {
            Ok(party) => {
                let init = ConnectionInit { token: String::new(), ..init };
                Command::Init { id, init, party }
            }
            // Before the ack the only answer is a close, with the problem as its reason.
            Err(Refused { code, message }) => Command::Close { code: code.number(), reason: message, error: None },
        }
    }

    fn on_init(
        &mut self,
        token: &str,
        gate: &Gate,
        now: Instant,
        time: SystemTime,
    ) -> Result<Option<Arc<Party>>, Refused> {
        if !gate.is_on() {
            return Ok(None);
        }
        if token.is_empty() {
            return match self.party {
                Some(_) => Ok(None),
                None => {
                    Err(Refused::new(PeerCode::NoCredentials, "neither the upgrade nor connection.init has a token"))
                }
            };
        }
        let principal = gate.verify(token, time)?;
        // A browser sends its cookie whether its page knows of it or not: two users on one connection are a mix-up.
        if self.party.as_ref().is_some_and(|party| !is_same(&party.principal, &principal)) {
            let message = "the tokens of the upgrade and of connection.init are of different users";
            return Err(Refused::new(PeerCode::InvalidToken, message));
        }
        let party = self.party(gate, principal, now, time)?;
        if self.counted.is_none() {
            self.counted = Some(gate.tenancy.enter(&party.principal)?);
        }
        self.party = Some(Arc::clone(&party));
        Ok(Some(party))
    }

    /// A new token is of the same user and leads to the same session: everything else on the connection is theirs.
    fn on_refresh(
        &mut self,
        token: &str,
        gate: &Gate,
        now: Instant,
        time: SystemTime,
    ) -> Result<Option<Arc<Party>>, Refused> {
        if !gate.is_on() {
            return Ok(None);
        }
        let principal = gate.verify(token, time)?;
        let party = self.party(gate, principal, now, time)?;
        let Some(old) = &self.party else {
            return Err(Refused::new(PeerCode::InvalidToken, "there is no token to refresh"));
        };
        if !is_same(&old.principal, &party.principal) {
            return Err(Refused::new(PeerCode::InvalidToken, "the new token is another user's"));
        }
        if old.session != party.session {
            return Err(Refused::new(PeerCode::PermissionDenied, "the new token is for another session"));
        }
        self.party = Some(Arc::clone(&party));
        Ok(Some(party))
    }
}

/// Whether two tokens are of one user: of the same name in another tenant is somebody else.
fn is_same(one: &Principal, other: &Principal) -> bool {
    (&one.tenant, &one.user) == (&other.tenant, &other.user)
}
