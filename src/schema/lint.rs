//! What is allowed in a schema and likely to be regretted, each with the reason.
//!
//! Nothing here keeps a schema from being loaded. Promises that every kind has a name by which it can be allowed, and a
//! reason that holds for Rialto; style alone is left to `buf lint`.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use buffa::editions::FieldPresence;
use buffa_descriptor::generated::descriptor::field_options::JSType;
use buffa_descriptor::{FieldKind, MessageIndex, ScalarType, SingularKind};
use serde::{Serialize, Serializer};

use super::Schema;
use super::elements::Elements;
use super::mistake::write_place;
use super::options::CHANNEL;
use super::places::{Near, Site};
use super::templates::short;
use super::visibility;

/// One thing that is likely to be regretted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// What kind of thing it is.
    pub rule: LintRule,
    /// The file, as the user would open it.
    pub file: String,
    /// The line, from 1. `None` where the descriptors carry no source info.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What is there.
    pub message: String,
    /// Why it will be regretted.
    pub why: &'static str,
    /// What to write instead.
    pub advice: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, self.column)?;
        write!(f, ": warning: {} [{}]\n    {}\n    {}", self.message, self.rule.name(), self.why, self.advice)
    }
}

/// A kind of thing that is likely to be regretted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LintRule {
    /// A field of a client event is called as a member of a frame's envelope.
    EnvelopeName,
    /// An event or a channel has no comment.
    MissingComment,
    /// The first value of an enum stands for something.
    EnumZero,
    /// No event goes to a template.
    UnusedChannel,
    /// An event type is one word.
    EventTypeForm,
    /// A 64-bit integer is a string in JSON.
    Int64String,
    /// A field is `required`.
    RequiredField,
    /// A field that logs mask fills a channel's name.
    MaskedInName,
    /// There is no event at all.
    NoEvents,
}

impl LintRule {
    /// Every kind.
    pub const ALL: &'static [LintRule] = &[
        LintRule::EnvelopeName,
        LintRule::MissingComment,
        LintRule::EnumZero,
        LintRule::UnusedChannel,
        LintRule::EventTypeForm,
        LintRule::Int64String,
        LintRule::RequiredField,
        LintRule::MaskedInName,
        LintRule::NoEvents,
    ];

    /// Its name, as `--allow` takes it.
    pub fn name(self) -> &'static str {
        match self {
            LintRule::EnvelopeName => "envelope-name",
            LintRule::MissingComment => "missing-comment",
            LintRule::EnumZero => "enum-zero",
            LintRule::UnusedChannel => "unused-channel",
            LintRule::EventTypeForm => "event-type-form",
            LintRule::Int64String => "int64-string",
            LintRule::RequiredField => "required-field",
            LintRule::MaskedInName => "masked-in-name",
            LintRule::NoEvents => "no-events",
        }
    }

    /// Why it will be regretted.
    pub fn why(self) -> &'static str {
        match self {
            LintRule::EnvelopeName => "a person at wscat who types the event flat cannot fill the field",
            LintRule::MissingComment => "comments are the documentation of the generated clients",
            LintRule::EnumZero => "a value that was never set reads as the first one, and nobody can tell",
            LintRule::UnusedChannel => "clients can subscribe to it, and nothing will ever come",
            LintRule::EventTypeForm => "patterns such as `order.*` work on the segments of a type",
            LintRule::Int64String => {
                "a 64-bit integer is a string in JSON and in TypeScript, because a number there is exact up to 2^53 only"
            }
            LintRule::RequiredField => "it can never be left out or removed again without breaking somebody",
            LintRule::MaskedInName => "the names of channels stand in logs and in what operators look at",
            LintRule::NoEvents => "a bridge with it refuses everything that is published",
        }
    }
}

impl Serialize for LintRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Everything in the schema's own files that is likely to be regretted, by place.
pub fn lint(schema: &Schema) -> Vec<Lint> {
    let (elements, bare) = (Elements::of(schema.pool()), bare(schema));
    let mut linter = Linter { schema, elements, bare, found: Vec::new() };
    linter.emptiness();
    linter.envelopes();
    linter.events();
    linter.channels();
    linter.enums();
    linter.fields();
    linter.masked();
    let mut found = linter.found;
    found.sort_by(|left, right| {
        (&left.file, left.line, left.column, left.rule).cmp(&(&right.file, right.line, right.column, right.rule))
    });
    found
}

struct Linter<'a> {
    schema: &'a Schema,
    elements: Elements<'a>,
    /// Elements without a comment: their files and paths.
    bare: HashSet<(usize, &'a [i32])>,
    found: Vec<Lint>,
}

impl Linter<'_> {
    fn add(&mut self, rule: LintRule, site: &Site, near: Near<'_>, message: String, advice: String) {
        let place = self.schema.files.place(site, near);
        self.found.push(Lint {
            rule,
            file: self.schema.files.shown(site.file).to_owned(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            message,
            why: rule.why(),
            advice,
        });
    }

    fn emptiness(&mut self) {
        if self.schema.events().iter().all(|event| event.own) {
            let rule = LintRule::NoEvents;
            self.found.push(Lint {
                rule,
                file: "schema".to_owned(),
                line: None,
                column: None,
                message: "no message is an event".to_owned(),
                why: rule.why(),
                advice:
                    "give a message `option (rialto.v1.event)`, or see whether this is the right path, and whether \
                         what made the file has failed"
                        .to_owned(),
            });
        }
    }

    /// Those that are found while the schema is put together.
    fn envelopes(&mut self) {
        let rule = LintRule::EnvelopeName;
        self.found.extend(self.schema.warnings().iter().cloned().map(|warning| Lint {
            rule,
            file: warning.file,
            line: warning.line,
            column: warning.column,
            message: warning.message,
            why: rule.why(),
            advice: warning.advice,
        }));
    }

    /// Where a message of the schema's own files is declared.
    fn site(&self, full_name: &str) -> Option<Site> {
        self.elements.messages.get(full_name).map(|element| element.site.clone())
    }

    fn comment(&mut self, site: &Site, what: &str, name: &str) {
        if self.bare.contains(&(site.file, &site.path[..])) {
            let advice = format!("write a line above `message {}` that says what it means", short(name));
            self.add(LintRule::MissingComment, site, Near::Start, format!("{what} has no comment"), advice);
        }
    }

    fn events(&mut self) {
        let schema = self.schema;
        for event in schema.events().iter().filter(|event| !event.own) {
            let Some(site) = self.site(&event.message_name) else { continue };
            self.comment(&site, &format!("the event {:?}", event.name), &event.message_name);
            if !event.name.contains('.') {
                let option = site.inside(&[7, super::options::EVENT]);
                self.add(
                    LintRule::EventTypeForm,
                    &option,
                    Near::Value("type", &event.name),
                    format!("the event type {:?} is one word", event.name),
                    "name what it is about and what happened to it: \"order.placed\"".to_owned(),
                );
            }
        }
    }

    fn channels(&mut self) {
        let schema = self.schema;
        let used: BTreeSet<&str> = schema
            .events()
            .iter()
            .flat_map(|event| schema.templates_of(event))
            .map(|template| &*template.template)
            .collect();
        for channel in schema.channels().iter().filter(|channel| !channel.own) {
            let Some(site) = self.site(&channel.message_name) else { continue };
            self.comment(&site, &format!("the channel {}", channel.template), &channel.message_name);
            if !used.contains(&*channel.template) {
                self.add(
                    LintRule::UnusedChannel,
                    &site.inside(&[7, CHANNEL]),
                    Near::Key("template"),
                    format!("no event goes to the channel {}", channel.template),
                    format!("list {:?} in an event's `channels`, or remove it", short(&channel.message_name)),
                );
            }
        }
    }

    fn enums(&mut self) {
        let found: Vec<(Site, String, String)> = self
            .elements
            .enums
            .iter()
            .filter_map(|(name, element)| {
                let first = element.descriptor.value.first()?.name.as_deref()?;
                let site = element.site.inside(&[2, 0]);
                let plain = ["UNSPECIFIED", "UNKNOWN", "NONE"].iter().any(|end| first.ends_with(end));
                (!plain).then(|| (site, short(name).to_owned(), first.to_owned()))
            })
            .collect();
        for (site, name, first) in found {
            let advice = format!("begin it with `{}_UNSPECIFIED = 0;`", upper_snake(&name));
            self.add(
                LintRule::EnumZero,
                &site,
                Near::Start,
                format!("the first value of {name} is {first}, which stands for something"),
                advice,
            );
        }
    }

    /// Fields that are masked and stand in the names of channels.
    fn masked(&mut self) {
        let schema = self.schema;
        let mut seen = BTreeSet::new();
        for event in schema.events().iter().filter(|event| !event.own && event.masks()) {
            for extractor in event.bindings.iter().flat_map(|binding| &binding.parameters) {
                for (message, number) in visibility::path(schema.pool(), event.message, extractor.numbers()) {
                    let is_masked = schema.field_rules().get(message, number).is_some_and(|rule| rule.masked_in_logs);
                    if !is_masked || !seen.insert((message, number)) {
                        continue;
                    }
                    let message = schema.pool().message(message);
                    let place = message.fields().iter().position(|field| field.number() == number);
                    let (Some(site), Some(place)) = (self.site(message.full_name()), place) else { continue };
                    let name = format!("{}.{}", short(message.full_name()), message.fields()[place].name());
                    self.add(
                        LintRule::MaskedInName,
                        &site.inside(&[2, i32::try_from(place).unwrap_or(0)]),
                        Near::Start,
                        format!("{name} is masked in logs, and fills the name of a channel of {:?}", event.name),
                        "fill the channel's name with something that says nothing about a person, such as an id"
                            .to_owned(),
                    );
                }
            }
        }
    }

    /// Fields of events, and of what events hold.
    fn fields(&mut self) {
        let pool = self.schema.pool();
        let mut waiting: Vec<MessageIndex> =
            self.schema.events().iter().filter(|event| !event.own).map(|event| event.message).collect();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        while let Some(index) = waiting.pop() {
            let message = pool.message(index);
            if !seen.insert(message.full_name().to_owned()) {
                continue;
            }
            let site = self.site(message.full_name());
            let declared = self.elements.messages.get(message.full_name()).map(|element| element.descriptor);
            for (place, field) in (0..).zip(message.fields()) {
                let kinds: &[SingularKind] = match field.kind() {
                    FieldKind::Singular(kind) | FieldKind::List(kind) => &[kind],
                    FieldKind::Map { value, .. } => &[value],
                };
                waiting.extend(kinds.iter().filter_map(|kind| match kind {
                    SingularKind::Message(inner) => Some(*inner),
                    _ => None,
                }));
                let Some(site) = site.as_ref().map(|site| site.inside(&[2, place])) else { continue };
                let name = format!("{}.{}", short(message.full_name()), field.name());
                let raw = usize::try_from(place).ok().and_then(|place| declared?.field.get(place));
                let is_said = raw.is_some_and(|field| field.options.jstype.is_some_and(|js| js != JSType::JS_NORMAL));
                // Nobody can say it of a map's values: `jstype` stands on integer fields only.
                let is_sayable = !matches!(field.kind(), FieldKind::Map { .. });
                if is_sayable && !is_said && kinds.iter().any(is_64_bit) {
                    self.add(
                        LintRule::Int64String,
                        &site,
                        Near::Start,
                        format!("{name} is a string in JSON"),
                        "say which you mean: `[jstype = JS_NUMBER]`, refused beyond 2^53 - 1, or `[jstype = JS_STRING]`"
                            .to_owned(),
                    );
                }
                if field.presence() == FieldPresence::LegacyRequired {
                    let advice = "make it optional, and ask for it with `(buf.validate.field).required`".to_owned();
                    self.add(LintRule::RequiredField, &site, Near::Start, format!("{name} is required"), advice);
                }
            }
        }
    }
}

/// What has nothing written above it or behind its beginning, which is what the generated clients print, as far as the
/// descriptors can tell.
fn bare(schema: &Schema) -> HashSet<(usize, &[i32])> {
    let files = schema.pool().files().iter().enumerate();
    let locations = files.flat_map(|(index, file)| file.source_code_info.location.iter().map(move |at| (index, at)));
    let bare = locations.filter(|(_, location)| {
        let comments = [&location.leading_comments, &location.trailing_comments];
        comments.into_iter().flatten().all(|comment| comment.trim().is_empty())
    });
    bare.map(|(index, location)| (index, &location.path[..])).collect()
}

fn is_64_bit(kind: &SingularKind) -> bool {
    use ScalarType::{Fixed64, Int64, Sfixed64, Sint64, Uint64};
    matches!(kind, SingularKind::Scalar(Int64 | Uint64 | Sint64 | Fixed64 | Sfixed64))
}

/// `OrderState` as `ORDER_STATE`.
fn upper_snake(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.extend(character.to_uppercase());
    }
    snake
}
