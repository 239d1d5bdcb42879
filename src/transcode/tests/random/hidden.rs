//! What is hidden from an audience, against a walk over the JSON of the whole message.

use std::collections::BTreeMap;

use buffa::editions::FieldPresence;
use buffa_descriptor::{FieldDescriptor, FieldKind, MessageDescriptor, SingularKind};

use super::super::super::cursor::{Cursor, Span};
use super::super::super::error::Stop;
use super::super::super::plan::{Cardinality, FieldPlan, Kind, Plans, WellKnown};
use super::*;
use crate::schema::{Audience, FieldRule, FieldRules};

/// Permissions that the fields of a random schema ask for.
const PERMISSIONS: usize = 3;

/// A schema whose fields ask for permissions, and transcoders that know of it.
struct Guarded {
    pool: Arc<DescriptorPool>,
    rules: FieldRules,
    /// With defaults as the bridge prints them; by both paths.
    ours: [Transcoder; 2],
    /// Canonical, and without rules: what a reader of the wire bytes finds in them.
    plain: Transcoder,
}

impl Guarded {
    fn new(schema: &[u8], choices: &[u8]) -> Guarded {
        let pool = schema::schema(&mut Choices::new(schema), Shapes::All);
        let mut choices = Choices::new(choices);
        let mut rules = BTreeMap::new();
        for message in pool.messages().iter().filter(|message| message.full_name().starts_with("r.M")) {
            let at = index(&pool, message.full_name());
            let extensions = pool.extensions_of(at).map(|extension| extension.field());
            for field in message.fields().iter().chain(extensions) {
                // Nothing that is required can be hidden.
                if field.presence() != FieldPresence::LegacyRequired && choices.rarely(90) {
                    let asks = Audience::of_bits(1 << choices.below(PERMISSIONS));
                    let masked_in_logs = choices.rarely(60);
                    rules.insert((at, field.number()), FieldRule { visible_to: None, asks, masked_in_logs });
                }
            }
        }
        let rules = FieldRules::made(rules);
        let options = Options { refuse_non_finite: false, ..Options::default() };
        let ours = [false, true]
            .map(|force_slow_path| Transcoder::with_rules(&pool, &rules, Options { force_slow_path, ..options }));
        let plain = Transcoder::new(&pool, Options { print_defaults: false, ..options });
        Guarded { pool, rules, ours, plain }
    }

    /// Does the same to a message's JSON: hidden members go, or are made something else.
    fn walk(&self, json: &mut Value, message: &MessageDescriptor, visit: &dyn Fn(&FieldRule) -> Option<Option<Value>>) {
        let Value::Object(members) = json else { return };
        if message.full_name() == "google.protobuf.Any" {
            let name = members.get("@type").and_then(Value::as_str).and_then(|url| url.rsplit_once('/'));
            let Some(inner) = name.and_then(|(_, name)| self.pool.message_by_name(name)) else { return };
            // What has a form of its own is the member `value`; only another Any is looked into there.
            return match inner.full_name() {
                "google.protobuf.Any" => self.walk(members.get_mut("value").unwrap(), inner, visit),
                _ => self.walk(json, inner, visit),
            };
        }
        if message.full_name().starts_with("google.") {
            return;
        }
        let at = index(&self.pool, message.full_name());
        let extensions = self.pool.extensions_of(at).map(|extension| (extension.json_key(), extension.field()));
        let own = message.fields().iter().map(|field| (field.json_name(), field));
        for (name, field) in own.chain(extensions) {
            match self.rules.get(at, field.number()).and_then(visit) {
                Some(None) => drop(members.remove(name)),
                Some(Some(mask)) => drop(members.insert(name.to_owned(), mask)),
                None => self.walk_field(members.get_mut(name), field, visit),
            }
        }
    }

    fn walk_field(
        &self,
        value: Option<&mut Value>,
        field: &FieldDescriptor,
        visit: &dyn Fn(&FieldRule) -> Option<Option<Value>>,
    ) {
        let (FieldKind::Singular(kind) | FieldKind::List(kind) | FieldKind::Map { value: kind, .. }) = field.kind();
        let (Some(value), SingularKind::Message(inner)) = (value, kind) else { return };
        let inner = self.pool.message(inner);
        match (field.kind(), value) {
            (FieldKind::Singular(_), value) => self.walk(value, inner, visit),
            (_, Value::Array(items)) => items.iter_mut().for_each(|item| self.walk(item, inner, visit)),
            (_, Value::Object(items)) => items.values_mut().for_each(|item| self.walk(item, inner, visit)),
            _ => {}
        }
    }

    fn judge(&self, message: MessageIndex, wire: &[u8], audience: Audience) {
        let descriptor = self.pool.message(message);
        let Ok(whole) = print(&self.ours[0], message, wire) else { return };
        let hide = |rule: &FieldRule| (!rule.asks.without(audience).is_none()).then_some(None);
        let mut expected = value(&whole);
        self.walk(&mut expected, descriptor, &hide);
        let mut bare = value(&print(&self.plain, message, wire).unwrap());
        self.walk(&mut bare, descriptor, &hide);
        let mask = |rule: &FieldRule| (!rule.asks.is_none() || rule.masked_in_logs).then(|| Some("***".into()));
        let mut logged = value(&whole);
        self.walk(&mut logged, descriptor, &mask);

        for ours in &self.ours {
            let reduced = ours.reduce(message, wire, audience).unwrap();
            let context =
                || format!("{} {} {audience:?} {}", descriptor.full_name(), hex::encode(wire), hex::encode(&reduced));
            let mut json = Vec::new();
            ours.reduced_to_json(message, &reduced, audience, &mut json).unwrap();
            assert_eq!(value(std::str::from_utf8(&json).unwrap()), expected, "{}", context());
            assert_eq!(value(&print(&self.plain, message, &reduced).unwrap()), bare, "{}", context());
            assert!(reduced.len() <= wire.len(), "{}", context());
            assert_eq!(ours.reduce(message, &reduced, audience).unwrap(), reduced, "{}", context());
            let plan = ours.plans.find(message).unwrap();
            let known = knows_all(&ours.plans, plan, &reduced, Span { start: 0, end: reduced.len() });
            assert!(known.is_ok_and(|knows| knows), "{}", context());
            let mut json = Vec::new();
            ours.to_log(message, wire, &mut json).unwrap();
            assert_eq!(value(std::str::from_utf8(&json).unwrap()), logged, "{}", context());
        }
    }
}

/// Whether there is nothing in a message, at any level, but fields that the plans know.
fn knows_all(plans: &Plans, plan: u32, wire: &[u8], body: Span) -> Result<bool, Stop> {
    let message = &plans.messages[plan as usize];
    let mut inner = plans.messages.len() as u32;
    let mut cursor = Cursor::new(wire, body);
    while !cursor.is_empty() {
        let (at, tag) = (cursor.at, cursor.tag()?);
        let Some((_, field, _)) = message.lookup(tag) else { return Ok(false) };
        let (tag_bytes, start) = (cursor.at - at, cursor.at);
        cursor.skip(tag, 200)?;
        let value = || Cursor::new(wire, Span { start, end: cursor.at }).span();
        let knows = match (field.cardinality, field.kind) {
            (Cardinality::Map, _) => knows_entry(plans, field, wire, value()?)?,
            (_, Kind::Group) => knows_all(plans, field.sub, wire, Span { start, end: cursor.at - tag_bytes })?,
            (_, Kind::Message) => knows_all(plans, field.sub, wire, value()?)?,
            _ if message.well_known == WellKnown::Any && field.number == 1 => {
                let url = std::str::from_utf8(value()?.of(wire)).unwrap();
                inner = plans.find_name(url.rsplit_once('/').unwrap().1).unwrap();
                true
            }
            _ if message.well_known == WellKnown::Any => knows_all(plans, inner, wire, value()?)?,
            _ => true,
        };
        if !knows {
            return Ok(false);
        }
    }
    Ok(true)
}

fn knows_entry(plans: &Plans, field: &FieldPlan, wire: &[u8], entry: Span) -> Result<bool, Stop> {
    let mut cursor = Cursor::new(wire, entry);
    while !cursor.is_empty() {
        let (tag, start) = (cursor.tag()?, cursor.at);
        cursor.skip(tag, 200)?;
        let is_value = tag == (16 | field.kind.wire_type());
        let knows = match field.kind {
            Kind::Message if is_value => {
                let body = Cursor::new(wire, Span { start, end: cursor.at }).span()?;
                knows_all(plans, field.sub, wire, body)?
            }
            _ => is_value || tag == (8 | field.map_key.wire_type()),
        };
        if !knows {
            return Ok(false);
        }
    }
    Ok(true)
}

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn what_is_left_is_the_whole_without_what_is_hidden(
        schema in bytes(300),
        rules in bytes(60),
        wire in bytes(500),
        audience in 0..1_u64 << PERMISSIONS,
    ) {
        let guarded = Guarded::new(&schema, &rules);
        let message = index(&guarded.pool, "r.M0");
        let wire = wire::message(&guarded.pool, guarded.pool.message(message), &mut Choices::new(&wire), 5);
        guarded.judge(message, &wire, Audience::of_bits(audience));
    }

    #[test]
    fn bytes_at_random_are_refused_or_reduced(
        schema in bytes(200),
        rules in bytes(60),
        wire in bytes(120),
        audience in 0..1_u64 << PERMISSIONS,
    ) {
        let guarded = Guarded::new(&schema, &rules);
        guarded.judge(index(&guarded.pool, "r.M0"), &wire, Audience::of_bits(audience));
    }
}

#[test]
fn without_rules_nothing_is_reduced_at_all() {
    let pool = schema::schema(&mut Choices::new(&[]), Shapes::All);
    let transcoder = Transcoder::new(&pool, canonical());
    assert!(transcoder.reduce(index(&pool, "r.M0"), &[], Audience::ALL).is_err(), "it does not know what to hide");
}
