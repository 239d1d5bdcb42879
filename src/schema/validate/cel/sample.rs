//! Values to try a rule on before there are any: what a type holds when nothing is set, and when everything is.
//!
//! Of messages only the fields are made that the expression names, and only as deep as it can look.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, FieldKind, MessageIndex, ScalarType, SingularKind};
use cel::Value;
use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use cel::objects::{Key, Map};
use chrono::TimeDelta;

use super::typing::children;
use super::value::{MARK, is_plain, scalar, timestamp_at};
use crate::schema::validate::occurrences::Scalar;

/// How many messages deep a sample is at the most.
const MAX_DEPTH: usize = 8;
/// How many fields a sample has at the most.
const MAX_FIELDS: u32 = 10_000;

/// What a rule is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::schema::validate) enum Subject {
    Message(MessageIndex),
    Field(FieldKind),
}

/// What an expression names.
#[derive(Debug, Default)]
pub(super) struct Mentioned {
    /// Fields, and texts that may be keys.
    names: BTreeSet<String>,
    /// How often it looks into a message.
    depth: usize,
    /// Whether what it makes may be no number, or nothing at all: then comparing fails for the sake of values.
    pub(super) may_compare_nothing: bool,
}

impl Mentioned {
    pub(super) fn by(expression: &IdedExpr) -> Self {
        let mut mentioned = Mentioned::default();
        mentioned.walk(expression);
        mentioned
    }

    fn walk(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Select(select) => {
                self.names.insert(select.field.trim_start_matches(MARK).to_owned());
                self.depth += 1;
            }
            Expr::Literal(LiteralValue::String(text)) => {
                self.names.insert(text.inner().to_owned());
                self.depth += 1;
            }
            Expr::Call(call) if [operators::DIVIDE, "max", "min", "double"].contains(&call.func_name.as_str()) => {
                self.may_compare_nothing = true;
            }
            _ => {}
        }
        children(expression).for_each(|child| self.walk(child));
    }
}

/// How much of a value is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    Nothing,
    Everything,
}

/// Makes samples.
pub(super) struct Sampler<'a> {
    pool: &'a DescriptorPool,
    mentioned: &'a Mentioned,
    filling: Filling,
    fields: Cell<u32>,
    is_vague: Cell<bool>,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(pool: &'a DescriptorPool, mentioned: &'a Mentioned, filling: Filling) -> Self {
        Sampler { pool, mentioned, filling, fields: 0.into(), is_vague: false.into() }
    }

    /// Whether something in a sample could as well have another type, or is left out.
    pub(super) fn is_vague(&self) -> bool {
        self.is_vague.get()
    }

    /// A value for this.
    pub(super) fn value(&self, subject: Subject) -> Value {
        let depth = self.mentioned.depth.min(MAX_DEPTH) + 1;
        match subject {
            Subject::Message(index) => self.message(index, depth),
            Subject::Field(kind) => self.field(kind, depth),
        }
    }

    fn vague(&self, value: Value) -> Value {
        self.is_vague.set(true);
        value
    }

    fn field(&self, kind: FieldKind, depth: usize) -> Value {
        match kind {
            FieldKind::Singular(kind) => self.one(kind, depth),
            FieldKind::List(kind) => Value::List(Arc::new(match self.filling {
                Filling::Nothing => Vec::new(),
                Filling::Everything => vec![self.one(kind, depth)],
            })),
            FieldKind::Map { key, value } => {
                let keys = if self.filling == Filling::Nothing { Vec::new() } else { self.keys(key) };
                let made = keys.into_iter().map(|key| (key, self.one(value, depth)));
                Value::Map(Map { map: Arc::new(made.collect()) })
            }
        }
    }

    fn keys(&self, kind: ScalarType) -> Vec<Key> {
        match self.scalar(SingularKind::Scalar(kind)) {
            Value::Int(number) => vec![Key::Int(number)],
            Value::UInt(number) => vec![Key::Uint(number)],
            Value::Bool(value) => vec![Key::Bool(value)],
            // Whatever is asked for is there, so that what comes after is tried too.
            _ => self.mentioned.names.iter().map(String::as_str).chain(["a"]).map(Key::from).collect(),
        }
    }

    fn one(&self, kind: SingularKind, depth: usize) -> Value {
        let SingularKind::Message(index) = kind else { return self.scalar(kind) };
        let name = self.pool.message(index).full_name();
        if is_plain(name) {
            return self.message(index, depth);
        }
        let seconds = i64::from(self.filling == Filling::Everything);
        let empty = || Value::Map(Map { map: Arc::default() });
        match name.trim_start_matches("google.protobuf.") {
            "Timestamp" => timestamp_at(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.unsigned_abs())),
            "Duration" => Value::Duration(TimeDelta::seconds(seconds)),
            // Anything may be in these.
            "Struct" => self.vague(empty()),
            "ListValue" => self.vague(Value::List(Arc::default())),
            "Value" => self.vague(Value::Null),
            // A wrapper that is not there.
            _ if self.filling == Filling::Nothing => self.vague(Value::Null),
            _ => {
                let inside = self.pool.message(index).fields().iter().find(|field| field.name() == "value");
                inside.map_or_else(|| self.vague(Value::Null), |field| self.field(field.kind(), depth))
            }
        }
    }

    fn scalar(&self, kind: SingularKind) -> Value {
        let zero = Scalar::zero(kind, self.pool);
        scalar(match (self.filling, zero) {
            (Filling::Nothing, zero) => zero,
            (_, Scalar::Int(_)) => Scalar::Int(1),
            (_, Scalar::Uint(_)) => Scalar::Uint(1),
            (_, Scalar::Float(_)) => Scalar::Float(1.0),
            (_, Scalar::Bool(_)) => Scalar::Bool(true),
            (_, Scalar::Text(_)) => Scalar::Text("a"),
            (_, Scalar::Bytes(_)) => Scalar::Bytes(b"a"),
        })
    }

    fn message(&self, index: MessageIndex, depth: usize) -> Value {
        let mut made: HashMap<Key, Value> = HashMap::new();
        made.insert(Key::from(MARK), Value::Bool(true));
        let named =
            self.pool.message(index).fields().iter().filter(|field| self.mentioned.names.contains(field.name()));
        for field in named {
            let Some(depth) = depth.checked_sub(1) else {
                // Where the expression cannot look any more, this is no loss.
                self.is_vague.set(self.is_vague.get() || self.mentioned.depth >= MAX_DEPTH);
                break;
            };
            self.fields.set(self.fields.get() + 1);
            if self.fields.get() > MAX_FIELDS {
                return self.vague(Value::Null);
            }
            if self.filling == Filling::Everything {
                made.insert(Key::from(format!("{MARK}{}", field.name())), Value::Bool(true));
            }
            made.insert(Key::from(field.name()), self.field(field.kind(), depth));
        }
        Value::Map(Map { map: Arc::new(made) })
    }
}
