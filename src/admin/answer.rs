//! Results as JSON: `Accepted` as ProtoJSON but with the sequence as a number, errors as [`crate::net::refused`] has them.

use serde::Serialize;

use crate::ingest;
use crate::net::refused::Error;
use crate::proto::rialto::v1::{BreakingChange, SchemaMistake};

/// An event that is in the log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accepted {
    event_id: String,
    positions: Vec<Position>,
    duplicate: bool,
}

#[derive(Debug, Serialize)]
struct Position {
    channel: String,
    epoch: String,
    sequence: u64,
}

impl From<ingest::Accepted> for Accepted {
    fn from(accepted: ingest::Accepted) -> Self {
        let positions = accepted.positions.into_iter().map(|(channel, position)| Position {
            channel: channel.to_string(),
            epoch: position.epoch.to_string(),
            sequence: position.sequence,
        });
        Accepted {
            event_id: accepted.event_id.to_string(),
            positions: positions.collect(),
            duplicate: accepted.duplicate,
        }
    }
}

/// One event's part of an array's answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer {
    Accepted(Accepted),
    Error(Error),
}

/// What else than a status some calls are refused with.
#[derive(Debug, Serialize)]
#[serde(tag = "@type", rename_all_fields = "camelCase")]
pub(super) enum Detail {
    #[serde(rename = "type.googleapis.com/rialto.v1.SchemaMistakes")]
    SchemaMistakes { mistakes: Vec<SchemaMistake>, complete: bool },
    #[serde(rename = "type.googleapis.com/rialto.v1.BreakingChanges")]
    BreakingChanges { changes: Vec<BreakingChange>, subscriptions: u64 },
}
