//! ProtoJSON to wire bytes, by the same plans.
//!
//! One pass over the text, written straight as wire bytes; an object that is an `Any` is looked through for its `@type`
//! first. Strict: unknown members, a field given twice (by either spelling), two members of a oneof, equal map keys and
//! null elements are refused. Every error has the path of the field in JSON names.

mod lexer;
mod scalar;
mod well_known;
mod wire;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use super::Options;
use super::error::{Problem, Segment, TranscodeError, join_path};
use super::plan::{Cardinality, FieldPlan, Kind, MessagePlan, NO_ONEOF, Plans, WellKnown};
use lexer::Lexer;

/// The longest piece of an unknown member's name that an error repeats.
const MAX_NAME_CHARS: usize = 64;

pub(super) struct Reader<'p, 'j> {
    plans: &'p Plans,
    options: &'p Options,
    lexer: Lexer<'j>,
    wire: Vec<u8>,
    elements: u32,
    /// Where the `@type` of an object stands, by where the object starts, of all up to `looked_to`.
    types: HashMap<usize, usize>,
    looked_to: usize,
    /// Where it went wrong, innermost first.
    path: Vec<Segment<'p>>,
    unknown: Option<String>,
    offset: Option<usize>,
}

/// The fields or oneofs that an object has had.
struct Had {
    few: u64,
    many: Vec<u64>,
}

impl Had {
    fn new(of: usize) -> Self {
        Self { few: 0, many: if of > 64 { vec![0; of / 64 + 1] } else { Vec::new() } }
    }

    /// Sets a number and says whether it was set.
    fn set(&mut self, number: u16) -> bool {
        let word = match self.many.get_mut(usize::from(number / 64)) {
            Some(word) => word,
            None => &mut self.few,
        };
        let bit = 1 << (number % 64);
        let was = *word & bit != 0;
        *word |= bit;
        was
    }
}

/// The wire bytes of a JSON text.
pub(super) fn read(plans: &Plans, options: &Options, plan: u32, json: &[u8]) -> Result<Vec<u8>, TranscodeError> {
    let whole = |offset, problem| TranscodeError { path: String::new(), offset, problem };
    if json.len() > options.max_json_bytes {
        let max_json_bytes = options.max_json_bytes;
        return Err(whole(max_json_bytes, Problem::JsonTooLarge { max_json_bytes }));
    }
    let text = match simdutf8::compat::from_utf8(json) {
        Ok(text) => text,
        Err(error) => return Err(whole(error.valid_up_to(), Problem::InvalidUtf8)),
    };
    let mut reader = Reader {
        plans,
        options,
        lexer: Lexer::new(text),
        wire: Vec::with_capacity(json.len()),
        elements: 0,
        types: HashMap::new(),
        looked_to: 0,
        path: Vec::new(),
        unknown: None,
        offset: None,
    };
    let result = reader.message(plan, options.max_depth).and_then(|()| match reader.lexer.peek() {
        None => Ok(()),
        Some(_) => Err(Problem::JsonSyntax),
    });
    match result {
        Ok(()) => Ok(reader.wire),
        Err(problem) => Err(reader.into_error(problem)),
    }
}

impl<'p, 'j> Reader<'p, 'j> {
    fn into_error(self, problem: Problem) -> TranscodeError {
        let mut path = join_path(self.path.iter().rev().copied());
        if let Some(name) = self.unknown {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&name);
        }
        TranscodeError { path, offset: self.offset.unwrap_or(self.lexer.at), problem }
    }

    /// Adds a step to the way of an error.
    #[cold]
    fn blame(&mut self, problem: Problem, segment: Segment<'p>) -> Problem {
        self.path.push(segment);
        self.offset.get_or_insert(self.lexer.at);
        problem
    }

    fn count_element(&mut self) -> Result<(), Problem> {
        self.elements += 1;
        let max_elements = self.options.max_elements;
        if self.elements > max_elements { Err(Problem::TooManyElements { max_elements }) } else { Ok(()) }
    }

    fn deeper(&self, depth: u32) -> Result<u32, Problem> {
        depth.checked_sub(1).ok_or(Problem::TooDeep { max_depth: self.options.max_depth })
    }

    /// A message's JSON value, as the body of that message.
    fn message(&mut self, plan: u32, depth: u32) -> Result<(), Problem> {
        let plans = self.plans;
        let message = plans.messages.get(plan as usize).ok_or(Problem::AnyUnknownType)?;
        if message.well_known == WellKnown::Ordinary {
            self.object(message, depth, false)
        } else {
            self.well_known(message, depth)
        }
    }

    /// The members of an object. `of_any`: `@type` has been read and is passed over.
    fn object(&mut self, message: &'p MessagePlan, depth: u32, of_any: bool) -> Result<(), Problem> {
        if !self.lexer.take(b'{') {
            return Err(self.lexer.mismatch("a JSON object"));
        }
        let (mut fields, mut slots) = (Had::new(message.fields.len()), Had::new(usize::from(message.slots)));
        let mut had_type = false;
        let mut first = true;
        while self.lexer.another(&mut first, b'}')? {
            let name = self.lexer.string()?;
            if of_any && name == "@type" {
                if std::mem::replace(&mut had_type, true) {
                    return Err(Problem::DuplicateField);
                }
                self.lexer.expect(b':')?;
                self.lexer.string()?;
                continue;
            }
            let Some((index, field)) = message.named(&name) else {
                self.offset.get_or_insert(self.lexer.at);
                self.unknown = Some(clean_name(&name));
                return Err(Problem::UnknownField);
            };
            let result = self.member(field, fields.set(index), &mut slots, depth);
            result.map_err(|problem| self.blame(problem, Segment::Field(&field.name)))?;
        }
        for &(_, field) in &message.required {
            if !fields.set(field) {
                let name = &message.fields[usize::from(field)].name;
                return Err(self.blame(Problem::RequiredMissing, Segment::Field(name)));
            }
        }
        Ok(())
    }

    fn member(&mut self, field: &'p FieldPlan, again: bool, slots: &mut Had, depth: u32) -> Result<(), Problem> {
        if again {
            return Err(Problem::DuplicateField);
        }
        self.lexer.expect(b':')?;
        if self.lexer.peek() == Some(b'n') && !self.takes_null(field) {
            return self.lexer.word("null");
        }
        // Only a member that is there sets its oneof: null does not.
        if slots.set(field.slot) && field.oneof != NO_ONEOF {
            return Err(Problem::SecondOneofMember);
        }
        match field.cardinality {
            Cardinality::Repeated => self.list(field, depth),
            Cardinality::Map => self.map(field, depth),
            Cardinality::Implicit | Cardinality::Explicit => {
                let before = self.wire.len();
                let is_default = self.tagged_value(field, field.number, depth)?;
                if field.implicit && is_default {
                    self.wire.truncate(before);
                }
                Ok(())
            }
        }
    }

    /// Whether null is a value of the field and not its absence.
    fn takes_null(&self, field: &FieldPlan) -> bool {
        let singular = !matches!(field.cardinality, Cardinality::Repeated | Cardinality::Map);
        singular && self.null_is_value(field)
    }

    fn null_is_value(&self, field: &FieldPlan) -> bool {
        let is_value = |plan: u32| {
            self.plans.messages.get(plan as usize).is_some_and(|message| message.well_known == WellKnown::Value)
        };
        field.kind == Kind::Null || (matches!(field.kind, Kind::Message | Kind::Group) && is_value(field.sub))
    }

    fn refuse_null(&mut self, field: &FieldPlan) -> Result<(), Problem> {
        if self.lexer.peek() == Some(b'n') && !self.null_is_value(field) { Err(Problem::NullElement) } else { Ok(()) }
    }

    fn list(&mut self, field: &'p FieldPlan, depth: u32) -> Result<(), Problem> {
        if !self.lexer.take(b'[') {
            return Err(self.lexer.mismatch("a JSON array"));
        }
        let before = self.wire.len();
        let body = if field.packed {
            self.tag(field.number, 2);
            Some(self.begin())
        } else {
            None
        };
        let (mut first, mut index) = (true, 0);
        while self.lexer.another(&mut first, b']')? {
            let result = self.count_element().and_then(|()| self.refuse_null(field)).and_then(|()| {
                if field.packed { self.scalar(field) } else { self.tagged_value(field, field.number, depth) }
            });
            result.map_err(|problem| self.blame(problem, Segment::Index(index)))?;
            index += 1;
        }
        match body {
            Some(_) if index == 0 => self.wire.truncate(before),
            Some(body) => self.end(body),
            None => {}
        }
        Ok(())
    }

    fn map(&mut self, field: &'p FieldPlan, depth: u32) -> Result<(), Problem> {
        if !self.lexer.take(b'{') {
            return Err(self.lexer.mismatch("a JSON object"));
        }
        let (mut first, mut index) = (true, 0);
        let mut keys = BTreeSet::new();
        while self.lexer.another(&mut first, b'}')? {
            let result = self.entry(field, &mut keys, depth);
            result.map_err(|problem| self.blame(problem, Segment::Index(index)))?;
            index += 1;
        }
        Ok(())
    }

    fn entry(&mut self, field: &'p FieldPlan, keys: &mut BTreeSet<Vec<u8>>, depth: u32) -> Result<(), Problem> {
        self.count_element()?;
        let key = self.lexer.string()?;
        self.tag(field.number, 2);
        let body = self.begin();
        self.map_key(field.map_key, &key)?;
        // The key as it is on the wire: `1` and `1.0` would be one.
        if !keys.insert(self.wire[body..].to_vec()) {
            return Err(Problem::DuplicateField);
        }
        self.lexer.expect(b':')?;
        self.refuse_null(field)?;
        self.tagged_value(field, 2, depth)?;
        self.end(body);
        Ok(())
    }

    /// A tag and a value; whether the value is the default.
    fn tagged_value(&mut self, field: &'p FieldPlan, number: u32, depth: u32) -> Result<bool, Problem> {
        self.tag(number, field.kind.wire_type());
        match field.kind {
            Kind::Message => {
                let depth = self.deeper(depth)?;
                let body = self.begin();
                self.message(field.sub, depth)?;
                self.end(body);
                Ok(false)
            }
            Kind::Group => {
                let depth = self.deeper(depth)?;
                self.message(field.sub, depth)?;
                self.tag(number, 4);
                Ok(false)
            }
            _ => self.scalar(field),
        }
    }

    fn text(&mut self, expected: &'static str) -> Result<Cow<'j, str>, Problem> {
        if self.lexer.peek() == Some(b'"') { self.lexer.string() } else { Err(self.lexer.mismatch(expected)) }
    }
}

/// A name from the outside, fit for an error: bounded, and without what could confuse a log or a path.
fn clean_name(name: &str) -> String {
    let clean =
        |character: char| if character.is_alphanumeric() || "_-@[].$".contains(character) { character } else { '?' };
    let mut cleaned: String = name.chars().take(MAX_NAME_CHARS).map(clean).collect();
    if name.chars().nth(MAX_NAME_CHARS).is_some() {
        cleaned.push('…');
    }
    cleaned
}
