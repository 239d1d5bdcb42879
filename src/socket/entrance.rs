//! One connection's way in: who is there, by its upgrade or by its first frame.
//!
//! Owned by the connection's read task, which asks it about each command that carries a token before the shard hears of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::auth::Coming;
use crate::ids::{SessionId, Tenant};
use crate::limits::Held;
use crate::metrics::{Limit, Metrics};
use crate::proto::rialto::v1::ConnectionInit;
use crate::session::command::Command;
use crate::session::outbound::Replay;
use crate::session::party::{Party, bind};
use crate::session::principal::Principal;
use crate::session::refusal::{connection_error, peer_error, retry_after_ms};
use crate::status::PeerCode;

use super::gate::{Gate, KeysMay, Refused, WRONG_TOKENS};
use super::roster::{Place, Roster, Seat};

/// What a connection brought along.
#[derive(Debug)]
pub(super) struct Entrance {
    /// Where it comes from.
    pub(super) from: IpAddr,
    /// The session that it asks for.
    pub(super) asked: Option<SessionId>,
    /// The one that it gets otherwise.
    pub(super) made: SessionId,
    /// Who is there, once that is known.
    pub(super) party: Option<Arc<Party>>,
    /// Counts it among its tenant's, from then on.
    pub(super) counted: Option<Held<Tenant>>,
    /// Its entry in the roster, from then on.
    pub(super) seat: Option<Seat>,
    /// The budget of its user's replays, from then on.
    pub(super) replay: Replay,
    /// Refreshes that were refused since one was good.
    pub(super) refused: u8,
}

/// So many refused refreshes in a row end a connection: each costs a look at a signature.
const MAX_REFUSED: u8 = 10;

/// What somebody who comes in meets, and when.
#[derive(Clone, Copy)]
pub(super) struct Door<'a> {
    pub(super) gate: &'a Gate,
    pub(super) roster: &'a Arc<Roster>,
    pub(super) metrics: &'a Metrics,
    pub(super) now: Instant,
    pub(super) time: SystemTime,
}

impl Entrance {
    /// Somebody who is nobody yet.
    pub(super) fn new(from: IpAddr, asked: Option<SessionId>, made: SessionId) -> Self {
        Entrance { from, asked, made, party: None, counted: None, seat: None, replay: Replay::default(), refused: 0 }
    }

    /// Lets this principal in: binds it to its session, and takes a seat.
    pub(super) fn enter(
        &mut self,
        door: Door<'_>,
        principal: Arc<Principal>,
        place: Option<Place>,
    ) -> Result<Arc<Party>, Refused> {
        let party = self.party(door, principal)?;
        match &self.seat {
            // Of the same user: `on_init` has seen to it.
            Some(seat) => seat.change(&party),
            None => {
                // Who gets no seat is not counted either: its connection may take its time to close.
                let counted = door.gate.tenancy.enter(&party.principal)?;
                self.seat = Some(sit(door, &party, place)?);
                self.counted = Some(counted);
                if let Some(budget) = door.roster.replays.of(&party.principal, self.from, door.now) {
                    self.replay.share(budget);
                }
            }
        }
        // After the seat is taken: who is revoked later than this look is found there.
        if let Err(revoked) = door.gate.revoked(&party, door.time) {
            if self.party.is_none() {
                (self.seat, self.counted) = (None, None);
            }
            return Err(revoked);
        }
        self.party = Some(Arc::clone(&party));
        Ok(party)
    }

    fn party(&self, door: Door<'_>, principal: Arc<Principal>) -> Result<Arc<Party>, Refused> {
        let session = bind(&principal, self.asked.as_ref(), &self.made)
            .map_err(|error| Refused::new(PeerCode::PermissionDenied, error.to_string()))?;
        let ends = door.gate.ends(&principal, door.now, door.time);
        Ok(Arc::new(Party { principal, session, ends }))
    }

    /// What becomes of a command that may carry a token: it says who is there, or the connection ends. The shard never
    /// sees a token.
    /// `Err`: what to wait for before asking again about the same command.
    pub(super) fn judge(
        &mut self,
        command: Command,
        door: Door<'_>,
        place: &Place,
        keys: KeysMay,
    ) -> Result<Command, Box<(Coming, Command)>> {
        let coming = |refused: Refused, from: IpAddr| door.gate.coming(refused, keys, from, door.now);
        let (id, init) = match command {
            Command::Init { id, init, .. } => (id, init),
            Command::Refresh { id, token, .. } => {
                return Ok(match self.on_refresh(&token, door) {
                    Ok(party) => {
                        self.refused = 0;
                        Command::Refresh { id, token: String::new(), party }
                    }
                    Err(refused) => {
                        let refused = match coming(refused, self.from) {
                            Ok(coming) => {
                                return Err(Box::new((coming, Command::Refresh { id, token, party: None })));
                            }
                            Err(refused) => refused,
                        };
                        let Refused { code, message, retry_after, .. } = refused;
                        self.refused += 1;
                        if self.refused == MAX_REFUSED {
                            door.metrics.limits.hit(Limit::RefusedRefreshes, "a user");
                            let error = Some(connection_error(code, message.clone()));
                            return Ok(Command::Close { code: code.number(), reason: message, error });
                        }
                        let mut error = peer_error(code, message, "");
                        error.retry_after_ms = retry_after.map_or(0, retry_after_ms);
                        if code == PeerCode::RateLimited {
                            error.reason = WRONG_TOKENS.into();
                        }
                        Command::Refuse { reply_to: id, error }
                    }
                });
            }
            command => return Ok(command),
        };
        match self.on_init(&init.token, door, place) {
            Ok(party) => {
                let init = ConnectionInit { token: String::new(), ..init };
                Ok(Command::Init { id, init, party })
            }
            Err(refused) => match coming(refused, self.from) {
                Ok(coming) => Err(Box::new((coming, Command::Init { id, init, party: None }))),
                // Before the ack the only answer is a close, with the problem as its reason.
                Err(refused) => {
                    Ok(Command::Close { code: refused.code.number(), reason: refused.message, error: None })
                }
            },
        }
    }

    fn on_init(&mut self, token: &str, door: Door<'_>, place: &Place) -> Result<Option<Arc<Party>>, Refused> {
        if !door.gate.is_on() {
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
        let principal = door.gate.verify(token, self.from, door.now, door.time)?;
        // A browser sends its cookie whether its page knows of it or not: two users on one connection are a mix-up.
        if self.party.as_ref().is_some_and(|party| !is_same(&party.principal, &principal)) {
            let message = "the tokens of the upgrade and of connection.init are of different users";
            return Err(Refused::new(PeerCode::InvalidToken, message));
        }
        self.enter(door, principal, Some(place.clone())).map(Some)
    }

    /// A new token is of the same user and leads to the same session: everything else on the connection is theirs.
    fn on_refresh(&mut self, token: &str, door: Door<'_>) -> Result<Option<Arc<Party>>, Refused> {
        if !door.gate.is_on() {
            return Ok(None);
        }
        let principal = door.gate.verify(token, self.from, door.now, door.time)?;
        let party = self.party(door, principal)?;
        let (Some(old), Some(seat)) = (&self.party, &self.seat) else {
            return Err(Refused::new(PeerCode::InvalidToken, "there is no token to refresh"));
        };
        if !is_same(&old.principal, &party.principal) {
            return Err(Refused::new(PeerCode::InvalidToken, "the new token is another user's"));
        }
        if old.session != party.session {
            return Err(Refused::new(PeerCode::PermissionDenied, "the new token is for another session"));
        }
        seat.change(&party);
        if let Err(revoked) = door.gate.revoked(&party, door.time) {
            seat.change(old);
            // Who was looking for the old token meanwhile has not found it here: then this was the last refresh.
            if door.gate.revoked(old, door.time).is_err() {
                self.refused = MAX_REFUSED - 1;
            }
            return Err(revoked);
        }
        self.party = Some(Arc::clone(&party));
        Ok(Some(party))
    }
}

/// Whether two tokens are one user's.
fn is_same(one: &Principal, other: &Principal) -> bool {
    one.user == other.user && one.tenant == other.tenant
}

fn sit(door: Door<'_>, party: &Arc<Party>, place: Option<Place>) -> Result<Seat, Refused> {
    door.roster.sit(party, place).map_err(|too_many| {
        door.metrics.limits.hit(Limit::MaxConnectionsPerUser, "a user");
        Refused::new(PeerCode::Overloaded, too_many.to_string())
    })
}

#[cfg(test)]
mod tests;
