//! What a call's publisher may publish, for whom, and how fast.
//!
//! Asked about each event before anything of it is decoded that costs. Without a list of publishers everybody may
//! publish everything for every tenant, and is known by the address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::refusal::{Over, Refusal};
use super::{Ingest, PublishContext};
use crate::auth::publishers::Publisher;
use crate::ids::{ChannelName, Tenant};
use crate::limits::Rates;
use crate::net::admission::one_peer;
use crate::schema::{EventType, TypeIndex};
use crate::session::meter::Rate;
use crate::status::Status;

/// Whose rate it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    Publisher(Arc<str>),
    Address(IpAddr),
    /// A call from within, of a test.
    Nobody,
}

/// The rates of everybody.
#[derive(Debug, Default)]
pub(super) struct Paces {
    by_caller: Rates<Caller>,
    by_type: Rates<(Caller, TypeIndex)>,
}

/// The publisher of one batch.
pub(super) struct Authority<'a> {
    ingest: &'a Ingest,
    publisher: Option<Arc<Publisher>>,
    caller: Caller,
    /// The one without a name, made once for a batch.
    unnamed: Tenant,
    now: Instant,
}

impl<'a> Authority<'a> {
    /// Who this call's publisher is now.
    pub(super) fn of(ingest: &'a Ingest, context: &PublishContext) -> Result<Self, Status> {
        let publisher = ingest.publisher(&context.shown)?;
        let caller = match (&publisher, context.peer) {
            (Some(publisher), _) => Caller::Publisher(Arc::clone(&publisher.name)),
            (None, Some(peer)) => Caller::Address(one_peer(peer.ip())),
            (None, None) => Caller::Nobody,
        };
        let now = tokio::time::Instant::now().into_std();
        Ok(Authority { ingest, publisher, caller, unnamed: Tenant::default_tenant(), now })
    }

    /// The publisher's name.
    pub(super) fn name(&self) -> Option<&Arc<str>> {
        self.publisher.as_ref().map(|publisher| &publisher.name)
    }

    /// One more event of any type.
    pub(super) fn pace(&self) -> Result<(), Refusal> {
        let Some(rate) = self.rate() else { return Ok(()) };
        let taken = self.ingest.paces.by_caller.take(self.caller.clone(), rate, self.now);
        taken.map_err(|wait| Refusal::TooFast { over: Over::Publisher, per_second: rate.per_second, wait })
    }

    fn rate(&self) -> Option<Rate> {
        let own = self.publisher.as_ref().and_then(|publisher| publisher.rate);
        own.or(self.ingest.limits.publisher_rate)
    }

    /// One more event of this type. What is over the rate of its type takes nothing from the publisher's other types.
    pub(super) fn may_publish(&self, event_type: &EventType) -> Result<(), Refusal> {
        let own = self.publisher.as_deref();
        if let Some(publisher) = own.filter(|publisher| !publisher.types.allow(&event_type.name)) {
            let (publisher, event) = (publisher.name.clone(), event_type.name.clone());
            return Err(Refusal::TypeNotGranted { publisher, event });
        }
        let own_rate: Option<Rate> = own.and_then(|publisher| publisher.type_rate);
        let Some(rate) = own_rate.or(self.ingest.limits.type_rate) else { return Ok(()) };
        let taken = self.ingest.paces.by_type.take((self.caller.clone(), event_type.index), rate, self.now);
        let over = || Over::Type(event_type.name.clone());
        taken.map_err(|wait| {
            if let Some(rate) = self.rate() {
                self.ingest.paces.by_caller.give_back(&self.caller, rate);
            }
            Refusal::TooFast { over: over(), per_second: rate.per_second, wait }
        })
    }

    /// The tenant of an event that names this one.
    pub(super) fn tenant(&self, named: &str) -> Result<Tenant, Refusal> {
        let tenant = match named {
            "" if self.ingest.limits.require_tenant => return Err(Refusal::NoTenant),
            "" => self.unnamed.clone(),
            named => Tenant::parse(named).map_err(Refusal::BadTenant)?,
        };
        match &self.publisher {
            Some(publisher) if !publisher.tenants.allow(&tenant) => {
                Err(Refusal::TenantNotGranted { publisher: publisher.name.clone(), tenant })
            }
            _ => Ok(tenant),
        }
    }

    /// Whether an event may go to this channel; `index` is its place among those that the publisher names.
    pub(super) fn may_go_to(&self, channel: &ChannelName, index: Option<usize>) -> Result<(), Refusal> {
        match &self.publisher {
            Some(publisher) if !publisher.channels.allow(channel.as_str()) => {
                let (publisher, channel) = (publisher.name.clone(), channel.clone());
                Err(Refusal::ChannelNotGranted { publisher, channel, index })
            }
            _ => Ok(()),
        }
    }
}
