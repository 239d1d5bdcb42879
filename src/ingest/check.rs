//! One event after the other, from what was sent to what can be appended.

use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::authority::Authority;
use super::metadata::{self, Metadata};
use super::payloads;
use super::refusal::Refusal;
use super::tell::{self, Sent};
use super::{Batch, Limits, Outcome, PublishContext};
use crate::engine::{Append, EventRecord};
use crate::ids::{ChannelKey, ChannelName, EventId, MAX_CHANNEL_NAME_BYTES, Tenant};
use crate::log::Class;
use crate::metrics::LimitHits;
use crate::proto::rialto::v1::Event;
use crate::proto::rialto::v1::event::Body;
use crate::revision::Revision;
use crate::schema::{Delivery, EventType, From, Retention, Spending};

/// Bytes of the event's body, as they were sent.
pub fn body_bytes(event: &Event) -> usize {
    match &event.body {
        None => 0,
        Some(Body::Payload(any)) => any.value.len(),
        Some(Body::Json(json)) => json.data.len(),
    }
}

/// Checks events against one revision and prints them into one buffer.
pub(super) struct Checker<'a> {
    revision: &'a Revision,
    limits: &'a Limits,
    context: &'a PublishContext,
    authority: &'a Authority<'a>,
    hits: &'a LimitHits,
    json: Vec<u8>,
    checked: Vec<Result<Checked, Refusal>>,
    appends: usize,
    /// What rules about time compare with.
    now: SystemTime,
    /// What rules have cost.
    spending: Spending,
}

/// An event that nothing is wrong with. Its printed parts are ranges of the batch's buffer.
struct Checked {
    event_type: Arc<EventType>,
    tenant: Tenant,
    payload: Bytes,
    data: Range<usize>,
    metadata: Metadata,
    channels: Vec<(ChannelName, Retention)>,
    idempotency_key: Option<Arc<str>>,
    class: Class,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        revision: &'a Revision,
        limits: &'a Limits,
        context: &'a PublishContext,
        authority: &'a Authority<'a>,
        hits: &'a LimitHits,
    ) -> Self {
        let now = SystemTime::now();
        let spending = Spending::of_publisher();
        let (json, checked) = (Vec::new(), Vec::new());
        Checker { revision, limits, context, authority, hits, json, checked, appends: 0, now, spending }
    }

    /// What the rules of all events have cost so far.
    pub(super) fn spent_units(&self) -> u64 {
        self.spending.spent_units()
    }

    /// Bytes printed so far.
    pub(super) fn json_bytes(&self) -> usize {
        self.json.len()
    }

    /// Checks the next event.
    pub(super) fn check(&mut self, event: Event) {
        let before = self.json.len();
        let checked = self.try_check(event);
        match &checked {
            Ok(checked) => self.appends += checked.channels.len(),
            Err(refusal) => {
                self.json.truncate(before);
                if let Some(limit) = refusal.limit() {
                    match self.authority.name() {
                        Some(name) => self.hits.hit(limit, format_args!("publisher {name}, {}", self.context)),
                        None => self.hits.hit(limit, self.context),
                    }
                }
            }
        }
        self.checked.push(checked);
    }

    fn try_check(&mut self, event: Event) -> Result<Checked, Refusal> {
        let limits = self.limits;
        self.authority.pace()?;
        let tenant = self.authority.tenant(&event.tenant)?;
        let (event_type, payload) = self.body(event.body)?;
        if payload.len() > limits.max_event_bytes {
            return Err(Refusal::TooLarge { bytes: payload.len(), max_bytes: limits.max_event_bytes });
        }
        let key_bytes = event.idempotency_key.len();
        if key_bytes > limits.max_idempotency_key_bytes {
            return Err(Refusal::IdempotencyKey { bytes: key_bytes, max_bytes: limits.max_idempotency_key_bytes });
        }
        let metadata = metadata::print(&event.metadata, self.context.traceparent.as_deref(), limits, &mut self.json)?;
        let start = self.json.len();
        self.revision
            .transcoder
            .to_json(event_type.message, &payload, &mut self.json)
            .map_err(|error| Refusal::payload(&event_type.name, error))?;
        let data = start..self.json.len();
        self.revision
            .schema
            .validate(&event_type, &payload, self.now, &mut self.spending)
            .map_err(|violations| Refusal::Invalid { event: event_type.name.clone(), violations })?;
        let channels = self.channels(&event_type, &payload, event.channels)?;
        let idempotency_key = (key_bytes > 0).then(|| event.idempotency_key.into());
        let class = class(&event_type, &payload)?;
        Ok(Checked { event_type, tenant, payload, data, metadata, channels, idempotency_key, class })
    }

    /// The event's type and wire bytes, whichever way it came.
    fn body(&self, body: Option<Body>) -> Result<(Arc<EventType>, Bytes), Refusal> {
        let schema = &self.revision.schema;
        match body.ok_or(Refusal::NoBody)? {
            Body::Payload(any) => {
                // Whatever stands before the last slash says where a type could be fetched from, which Rialto never does.
                let name = any.type_url.rsplit_once('/').map_or(&*any.type_url, |(_, name)| name);
                let event_type = schema.event_by_message(name).ok_or_else(|| {
                    let name = shown(name);
                    match schema.pool().message_index(&name) {
                        Some(_) => Refusal::NotAnEvent { name },
                        None => Refusal::UnknownMessage { name },
                    }
                })?;
                let event_type = publishable(event_type)?;
                self.authority.may_publish(&event_type)?;
                Ok((event_type, any.value))
            }
            Body::Json(json) => {
                let max_bytes = self.limits.max_json_bytes;
                if json.data.len() > max_bytes {
                    return Err(Refusal::JsonTooLarge { bytes: json.data.len(), max_bytes });
                }
                let event_type = schema.event(&json.r#type).ok_or_else(|| {
                    let name = shown(&json.r#type);
                    Refusal::UnknownType { advice: schema.publishable_like(&name), name }
                })?;
                let event_type = publishable(event_type)?;
                self.authority.may_publish(&event_type)?;
                let payload = self
                    .revision
                    .transcoder
                    .from_json(event_type.message, json.data.as_bytes())
                    .map_err(|error| Refusal::payload(&event_type.name, error))?;
                Ok((event_type, payload.into()))
            }
        }
    }

    /// Where the event goes: the channels that the publisher names, or else those that its own fields name.
    fn channels(
        &self,
        event_type: &Arc<EventType>,
        payload: &[u8],
        named: Vec<String>,
    ) -> Result<Vec<(ChannelName, Retention)>, Refusal> {
        let schema = &self.revision.schema;
        let event = || event_type.name.clone();
        if named.is_empty() {
            let routed = schema.route(event_type, payload).map_err(Refusal::Route)?;
            if routed.is_empty() {
                return Err(Refusal::NoChannel { event: event() });
            }
            routed.iter().try_for_each(|channel| self.authority.may_go_to(channel, None))?;
            let templates = schema.templates_of(event_type);
            return Ok(routed.into_iter().zip(templates.map(|template| template.retention)).collect());
        }
        if named.len() > self.limits.max_channels {
            return Err(Refusal::Channels { channels: named.len(), max_channels: self.limits.max_channels });
        }
        let mut channels: Vec<(ChannelName, Retention)> = Vec::with_capacity(named.len());
        for (index, channel) in named.into_iter().enumerate() {
            if channel.len() > MAX_CHANNEL_NAME_BYTES {
                return Err(Refusal::LongChannel { bytes: channel.len(), index });
            }
            let Some(template) = schema.channel(&channel) else {
                return Err(Refusal::UnknownChannel { error: schema.unknown_channel(&channel), index });
            };
            if !schema.may_go_to(event_type, &channel) {
                return Err(Refusal::ForeignChannel { event: event(), channel: shown(&channel), index });
            }
            if channels.iter().all(|(known, _)| known.as_str() != channel) {
                let channel = ChannelName::new(channel);
                self.authority.may_go_to(&channel, Some(index))?;
                channels.push((channel, template.retention));
            }
        }
        Ok(channels)
    }

    /// Stamps the good events, and lists their appends in order.
    pub(super) fn finish(self, timestamp_ms: u64, mut random: impl FnMut() -> [u8; 10]) -> Batch {
        let json = Bytes::from(self.json);
        let mut appends = Vec::with_capacity(self.appends);
        let keeps_records = tell::is_logged() || payloads::is_logged();
        let publisher = self.authority.name().cloned();
        let outcomes = self
            .checked
            .into_iter()
            .map(|checked| {
                let checked = match checked {
                    Ok(checked) => checked,
                    Err(refusal) => return Outcome::Refused(refusal.into()),
                };
                let index = checked.event_type.index;
                let reducer = self.revision.reducer(&checked.event_type).cloned();
                let event_id = EventId::new(timestamp_ms, random());
                let event = Arc::new(EventRecord {
                    id: event_id,
                    event_type: checked.event_type,
                    timestamp_ms,
                    metadata: json.slice(checked.metadata.json),
                    metadata_wire: json.slice(checked.metadata.wire),
                    reply_to: None,
                    data: json.slice(checked.data),
                    payload: checked.payload,
                    revision: self.revision.number,
                    class: checked.class,
                    reducer,
                });
                let channels = checked.channels.into_iter().map(|(channel, retention)| {
                    appends.push(Append {
                        key: ChannelKey { tenant: checked.tenant.clone(), channel: channel.clone() },
                        retention,
                        event: event.clone(),
                        idempotency_key: checked.idempotency_key.clone(),
                        publisher: publisher.clone(),
                    });
                    channel
                });
                let channels = channels.collect();
                let sent = Sent { index, tenant: checked.tenant.clone(), record: keeps_records.then_some(event) };
                Outcome::Checked { event_id, channels, sent }
            })
            .collect();
        Batch { outcomes, appends }
    }
}

/// How readers that lag are treated, which the event's key may decide.
fn class(event_type: &EventType, payload: &[u8]) -> Result<Class, Refusal> {
    Ok(match &event_type.delivery {
        Delivery::Reliable => Class::Reliable,
        Delivery::Ephemeral => Class::Ephemeral,
        Delivery::Latest(fields) => Class::Latest(fields.key(event_type, payload).map_err(Refusal::Route)?),
    })
}

/// Only events of publishers come in here.
fn publishable(event_type: &Arc<EventType>) -> Result<Arc<EventType>, Refusal> {
    let name = || event_type.name.clone();
    match event_type.from {
        _ if event_type.own => Err(Refusal::Own { name: name() }),
        From::Client => Err(Refusal::FromClient { name: name() }),
        From::Publisher => Ok(event_type.clone()),
    }
}

/// A name that the publisher sent, short enough for an error message.
fn shown(name: &str) -> String {
    const MAX_CHARS: usize = 128;
    name.chars().take(MAX_CHARS).collect()
}
