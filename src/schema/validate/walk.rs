//! Walks one event by the plans of its messages.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use buffa::editions::FieldPresence;
use buffa_descriptor::{DescriptorPool, FieldDescriptor, FieldKind, MessageIndex, SingularKind};

use super::Violation;
use super::budget::{is_spent, note};
use super::cel::{self, CelRule};
use super::occurrences::{Occurrences, Scalar, entry, has_items, message_bytes, scalar};
use super::plan::{FieldPlan, FieldRules, Ignore, MessagePlan, Required, Rules, ValueRules};
use crate::schema::scan::Wire;

mod collections;

/// How many violations of one event are told.
const MAX_VIOLATIONS: usize = 32;
/// How deep sub-messages are followed. The transcoder refuses what is deeper.
const MAX_DEPTH: usize = 100;

/// What a message costs beside its rules, a field, and an item of a list or a map.
const MESSAGE_UNITS: u64 = 8;
const FIELD_UNITS: u64 = 2;
const ITEM_UNITS: u64 = 2;

/// A step of a path.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Name(&'a str),
    Item(usize),
}

/// A walk over one event.
pub(super) struct Walk<'a> {
    pool: &'a DescriptorPool,
    rules: &'a Rules,
    now: SystemTime,
    path: Vec<Step<'a>>,
    depth: usize,
    violations: Vec<Violation>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(pool: &'a DescriptorPool, rules: &'a Rules, now: SystemTime) -> Self {
        Walk { pool, rules, now, path: Vec::new(), depth: 0, violations: Vec::new() }
    }

    /// What is wrong with a message, given as the parts that protobuf would merge into it.
    pub(super) fn over(mut self, index: MessageIndex, parts: &[&[u8]]) -> Vec<Violation> {
        self.message(index, parts);
        self.violations
    }

    fn is_full(&self) -> bool {
        self.violations.len() >= MAX_VIOLATIONS
    }

    /// Whether there is nothing more to find. What could not be paid for has been told.
    fn is_over(&self) -> bool {
        self.is_full() || is_spent()
    }

    fn report(&mut self, rule: impl Into<String>, message: impl Into<String>) {
        if !self.is_full() {
            let mut path = String::new();
            for step in &self.path {
                // Writing to a string cannot fail.
                let _ = match step {
                    Step::Name(name) if path.is_empty() => write!(path, "{name}"),
                    Step::Name(name) => write!(path, ".{name}"),
                    Step::Item(place) => write!(path, "[{place}]"),
                };
            }
            self.violations.push(Violation { path, rule: rule.into(), message: message.into() });
        }
    }

    /// Takes what a test reports, at the present path.
    fn take(&mut self, test: impl FnOnce(&mut dyn FnMut(String, String))) {
        let mut found = Vec::new();
        test(&mut |rule, message| found.push((rule, message)));
        for (rule, message) in found {
            self.report(rule, message);
        }
    }

    fn message(&mut self, index: MessageIndex, parts: &[&[u8]]) {
        if self.is_over() || self.depth == MAX_DEPTH {
            return;
        }
        let Some(plan) = self.rules.messages.get(&index) else { return };
        self.depth += 1;
        note(MESSAGE_UNITS + plan.fields.len() as u64 * FIELD_UNITS);
        self.fields(index, plan, parts);
        self.depth -= 1;
    }

    fn fields(&mut self, index: MessageIndex, plan: &'a MessagePlan, parts: &[&[u8]]) {
        let message = self.pool.message(index);
        let occurrences = Occurrences::of(self.pool, message, &plan.numbers, parts);
        for (place, (field, plan)) in message.fields().iter().zip(&plan.fields).enumerate() {
            if self.is_over() {
                return;
            }
            self.path.push(Step::Name(field.json_name()));
            self.field(field, plan, occurrences.all(place));
            self.path.pop();
        }
        let is_set = |place: usize| self.is_set(&message.fields()[place], occurrences.all(place));
        let mut wrong: Vec<(Option<&'a str>, &str, String)> = Vec::new();
        for (name, members) in &plan.oneofs {
            if !members.iter().any(|place| is_set_in_oneof(occurrences.all(*place))) {
                wrong.push((Some(name), "required", "one of its members must be set".to_owned()));
            }
        }
        for set in &plan.sets {
            let names = set.names.join(", ");
            match set.places.iter().filter(|place| is_set(**place)).count() {
                0 if set.required => wrong.push((None, "message.oneof", format!("one of {names} must be set"))),
                0 | 1 => {}
                _ => wrong.push((None, "message.oneof", format!("only one of {names} can be set"))),
            }
        }
        for (name, rule, message) in wrong {
            self.path.extend(name.map(Step::Name));
            self.report(rule, message);
            if name.is_some() {
                self.path.pop();
            }
        }
        for rule in &plan.cel {
            if self.is_over() {
                return;
            }
            let (pool, now) = (self.pool, self.now);
            let this = || cel::message(pool, index, parts, &|field| rule.looks_at(field));
            self.take(|report| rule.check(&this, now, report));
        }
    }

    /// Whether a field is set: with presence, on the wire; without, not its default; a list or a map, with an item.
    fn is_set(&self, field: &FieldDescriptor, wires: &[Wire<'_>]) -> bool {
        match field.kind() {
            FieldKind::Singular(kind) if field.presence() == FieldPresence::Implicit => {
                wires.last().and_then(|wire| scalar(self.pool, kind, *wire)).is_some_and(|value| !value.is_zero())
            }
            FieldKind::List(kind) => has_items(self.pool, kind, wires),
            _ => !wires.is_empty(),
        }
    }

    fn field(&mut self, field: &FieldDescriptor, plan: &FieldPlan, wires: &[Wire<'_>]) {
        let is_set = self.is_set(field, wires);
        match plan.required {
            Some(Required::Label) if wires.is_empty() => self.report("required", "is required"),
            Some(Required::Rule) if !is_set && plan.ignore != Ignore::Always => {
                return self.report("required", "is required");
            }
            _ => {}
        }
        if plan.ignore == Ignore::Always || (plan.ignore == Ignore::Zero && self.is_zero(field, wires)) {
            return;
        }
        match (&plan.rules, field.kind()) {
            (FieldRules::Value(rules), FieldKind::Singular(kind))
                if field.presence() == FieldPresence::Implicit || !wires.is_empty() =>
            {
                self.value(rules, kind, wires);
            }
            (FieldRules::List(rules), FieldKind::List(kind)) => self.list(rules, kind, wires),
            (FieldRules::Map(rules), FieldKind::Map { key, value }) => self.map(rules, key, value, wires),
            _ => {}
        }
        if let Some(inner) = plan.inner {
            self.descend(field, inner, wires);
        }
    }

    fn is_zero(&self, field: &FieldDescriptor, wires: &[Wire<'_>]) -> bool {
        match (field.kind(), wires.last()) {
            (_, None) => true,
            (FieldKind::Singular(kind), Some(wire)) => {
                scalar(self.pool, kind, *wire).is_some_and(|value| value.is_zero())
            }
            (FieldKind::List(kind), Some(_)) => !has_items(self.pool, kind, wires),
            _ => false,
        }
    }

    fn descend(&mut self, field: &FieldDescriptor, inner: MessageIndex, wires: &[Wire<'_>]) {
        match field.kind() {
            FieldKind::Singular(_) if !wires.is_empty() => {
                let parts: Vec<&[u8]> = wires.iter().filter_map(|wire| message_bytes(*wire)).collect();
                self.message(inner, &parts);
            }
            FieldKind::Singular(_) => {}
            FieldKind::List(_) => {
                for (place, bytes) in wires.iter().filter_map(|wire| message_bytes(*wire)).enumerate() {
                    self.at(place, |walk| walk.message(inner, &[bytes]));
                }
            }
            // Map entries by place as well: a key is the payload's text, which errors do not repeat.
            FieldKind::Map { key, value } => {
                for (place, bytes) in wires.iter().filter_map(|wire| message_bytes(*wire)).enumerate() {
                    let entry = entry(self.pool, key, value, bytes);
                    let parts: Vec<&[u8]> = entry.value.iter().filter_map(|wire| message_bytes(*wire)).collect();
                    self.at(place, |walk| walk.message(inner, &parts));
                }
            }
        }
    }

    /// Goes to an item of the present field, and back.
    fn at(&mut self, place: usize, visit: impl FnOnce(&mut Self)) {
        if self.is_over() {
            return;
        }
        note(ITEM_UNITS);
        self.path.push(Step::Item(place));
        visit(self);
        self.path.pop();
    }

    fn value(&mut self, rules: &ValueRules, kind: SingularKind, wires: &[Wire<'_>]) {
        let (pool, now) = (self.pool, self.now);
        self.take(|report| rules.test.check(pool, kind, wires, nanos(now), report));
        self.cel(&rules.cel, &|| cel::singular(pool, kind, wires));
    }

    fn cel(&mut self, rules: &[CelRule], this: &dyn Fn() -> ::cel::Value) {
        for rule in rules {
            if self.is_over() {
                return;
            }
            let now = self.now;
            self.take(|report| rule.check(this, now, report));
        }
    }
}

/// A member of a oneof is set when it is on the wire, whatever its value.
fn is_set_in_oneof(wires: &[Wire<'_>]) -> bool {
    !wires.is_empty()
}

/// The scalar that a value is, or that a wrapper holds.
pub(super) fn unwrapped<'a>(
    pool: &DescriptorPool,
    kind: SingularKind,
    element: SingularKind,
    wires: &[Wire<'a>],
) -> Scalar<'a> {
    if !matches!(kind, SingularKind::Message(_)) {
        let value = wires.last().and_then(|wire| scalar(pool, kind, *wire));
        return value.unwrap_or_else(|| Scalar::zero(kind, pool));
    }
    let inside = wires.iter().filter_map(|wire| message_bytes(*wire)).flat_map(crate::schema::scan::Fields::new);
    let values = inside.map_while(Result::ok).filter(|(number, _)| *number == 1);
    let last = values.filter_map(|(_, wire)| scalar(pool, element, wire)).last();
    last.unwrap_or_else(|| Scalar::zero(element, pool))
}

/// Nanoseconds since 1970.
fn nanos(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i128::try_from(since.as_nanos()).unwrap_or(i128::MAX),
        Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
    }
}
