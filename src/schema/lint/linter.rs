//! Looks for what is likely to be regretted: one method for what is found at one kind of place.

use std::collections::{BTreeSet, HashSet};

use buffa::editions::FieldPresence;
use buffa_descriptor::generated::descriptor::field_options::JSType;
use buffa_descriptor::{FieldKind, MessageIndex, ScalarType, SingularKind};

use super::{Lint, LintRule};
use crate::schema::elements::Elements;
use crate::schema::options::{CHANNEL, EVENT};
use crate::schema::places::{Near, Site};
use crate::schema::templates::short;
use crate::schema::{Schema, visibility};

/// All of it, in no order.
pub(super) fn found(schema: &Schema) -> Vec<Lint> {
    let (elements, bare) = (Elements::of(schema.pool()), bare(schema));
    let mut linter = Linter { schema, elements, bare, found: Vec::new() };
    linter.emptiness();
    linter.envelopes();
    linter.events();
    linter.channels();
    linter.enums();
    linter.fields();
    linter.masked();
    linter.found
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
                let option = site.inside(&[7, EVENT]);
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
