//! What may cross: descriptors turned into event types, channel templates and the rules between them.
//!
//! A [`Schema`] is immutable and complete: it is built from descriptors in one go, refused as a whole with every mistake
//! listed, and swapped behind an `Arc`. The bundled catalogue and a user's own folder take the same path.
//!
//! # How channels are named
//! A template's parameters are the fields of the message that declares it. An event fills `{project_id}` with its own
//! field `project_id`. A parameter may be written as a path, `{project.id}`: then the channel message calls it
//! `project_id`, and an event fills it with the field `id` of its field `project`, or, where it has no such path, with a
//! field `project_id`. Every event that lists the template must fill every parameter, with a field of the same type.
//! Parameters are strings, integers, booleans or enums (by name). An empty one is refused at publish: a field that is not
//! set, an empty string, and a number, boolean or enum of value 0 unless the field is declared `optional`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buffa_descriptor::{DescriptorPool, MessageIndex};

use crate::ids::{ChannelName, MAX_CHANNEL_NAME_BYTES};

mod assemble;
mod audience;
mod bind;
mod channels;
mod check;
pub mod compare;
mod compile;
mod declarations;
mod delivery;
mod diagnostics;
mod editions;
mod elements;
mod escape;
mod events;
mod filter;
mod fingerprint;
#[cfg(test)]
pub(crate) mod fixture;
mod imports;
mod key;
pub mod lint;
mod load;
mod mistake;
mod numbers;
mod options;
mod permission;
mod places;
mod retention;
mod route;
mod scan;
mod template;
mod templates;
#[cfg(test)]
mod tests;
mod unknown;
mod validate;
mod visibility;

pub use audience::Audience;
pub(crate) use check::distance;
pub use escape::{escape, unescape};
pub use filter::{TypeFilter, UnknownType, is_event_type};
pub use key::{Delivery, EventKey, KeyFields};
pub use load::Source;
pub use mistake::{LoadError, Mistake};
pub use permission::MissingClaim;
pub use route::RouteError;
pub use unknown::UnknownChannel;
pub use validate::{Spending, Violation};
pub use visibility::{FieldRule, FieldRules};

use numbers::TypeNumbers;
use places::Files;
use route::Binding;
use template::{ParameterKind, Template};
use validate::Rules;

/// One revision of a schema.
pub struct Schema {
    fingerprint: String,
    pool: Arc<DescriptorPool>,
    events: Vec<Arc<EventType>>,
    /// Places in `events`.
    by_name: HashMap<Arc<str>, usize>,
    by_message: HashMap<Arc<str>, usize>,
    numbers: TypeNumbers,
    channels: Vec<Arc<ChannelTemplate>>,
    /// The templates by their first segment.
    by_head: HashMap<Box<str>, Vec<usize>>,
    rules: Rules,
    field_rules: FieldRules,
    /// Where everything stands, for what is said about it later.
    files: Files,
    warnings: Vec<Mistake>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("fingerprint", &self.fingerprint)
            .field("events", &self.events.len())
            .field("channels", &self.channels.len())
            .finish_non_exhaustive()
    }
}

/// An event type's number within the process, the same over all revisions of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeIndex(pub u32);

/// An event type of the schema.
#[derive(Debug)]
pub struct EventType {
    /// Its number.
    pub index: TypeIndex,
    /// Its name on the wire, `file.uploaded`.
    pub name: Arc<str>,
    /// Its message.
    pub message: MessageIndex,
    /// The message's full name, `files.v1.FileUploaded`.
    pub message_name: Arc<str>,
    /// Who sends it.
    pub from: From,
    /// What happens with it when a client sends it.
    pub route: Option<Route>,
    /// Rialto's own (`connection.*`, `channel.*`, `error`): not publishable, outside `*`.
    pub own: bool,
    /// The events that may answer it.
    pub replies: Box<[TypeIndex]>,
    /// How it reaches a reader that lags.
    pub delivery: Delivery,
    /// What a principal needs in order to send it.
    pub send_permission: Option<Arc<str>>,
    /// The same, taken apart.
    send_parts: Box<[permission::Part]>,
    /// Whether its payloads have anything to check.
    is_validated: bool,
    /// What its fields ask their readers for, at any depth.
    asks: Audience,
    /// Whether it has fields that logs mask.
    masks: bool,
    bindings: Box<[Binding]>,
    /// Whether it lists no template, not even one that has mistakes.
    is_private: bool,
}

impl EventType {
    /// Whether it lists no template: it travels in a session or user channel only, when somebody names that channel.
    pub fn is_private(&self) -> bool {
        self.is_private
    }
}

/// Who sends an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Backends.
    Publisher,
    /// Browsers.
    Client,
}

/// What happens with a client event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// A handler gets it.
    Handler,
    /// It goes to its channels.
    Channel,
}

/// A channel template of the schema, `project:{project_id}`.
#[derive(Debug)]
pub struct ChannelTemplate {
    /// The message that declares it, `projects.v1.ProjectChannel`.
    pub message_name: Arc<str>,
    /// The template's text.
    pub template: Arc<str>,
    /// What its logs keep.
    pub retention: Retention,
    /// How many of the newest events a first subscribe gets.
    pub history: u32,
    /// Whether the bridge subscribes every connection that may, without being asked.
    pub on_connect: bool,
    /// What a principal needs in order to use it.
    pub permissions: ChannelPermissions,
    /// One of the reserved ones, which exist under every schema.
    pub own: bool,
    /// The permissions that fields of its events ask their readers for, one by one; those of earlier revisions included.
    pub field_permissions: Box<[(Audience, Arc<str>)]>,
    parsed: Template,
    /// What each parameter holds, in the template's order.
    parameters: Box<[ParameterKind]>,
}

/// What a principal needs in order to use a channel, with `{parameter}` and `{@claim}` to be filled in. `None`: nothing
/// beyond being known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelPermissions {
    /// To subscribe.
    pub subscribe: Option<Arc<str>>,
    /// To send client events to it.
    pub send: Option<Arc<str>>,
    /// To see who is in it.
    pub presence: Option<Arc<str>>,
    /// To get events from before the subscribe.
    pub history: Option<Arc<str>>,
}

/// At least so much is kept of every channel of a template, within the byte limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The newest events.
    pub events: u32,
    /// Events younger than this.
    pub age: Duration,
}

impl Retention {
    /// What a template keeps that says nothing.
    pub const DEFAULT: Retention = Retention { events: 1_000, age: Duration::from_secs(30) };
}

impl Schema {
    /// The bundled catalogue.
    ///
    /// # Panics
    /// Never: it is part of the program, and a test loads it.
    pub fn bundled() -> Schema {
        match Schema::load(&[Source::Bundled]) {
            Ok(schema) => schema,
            Err(error) => panic!("the bundled catalogue is sound: {error}"),
        }
    }

    /// SHA-256 over the schema's sorted descriptors without source info, as lower-case hex.
    ///
    /// Comments, white space and the order of files do not change it. Rialto's own files and Google's are left out: it
    /// names what the schema's author wrote.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What is allowed in this schema and likely to surprise, in the form of mistakes.
    pub fn warnings(&self) -> &[Mistake] {
        &self.warnings
    }

    /// The linked descriptors; Rialto's own are always among them.
    pub fn pool(&self) -> &Arc<DescriptorPool> {
        &self.pool
    }

    /// The event type of this name (Rialto's own frames included: look at `own`).
    pub fn event(&self, name: &str) -> Option<&Arc<EventType>> {
        self.by_name.get(name).map(|place| &self.events[*place])
    }

    /// The event type that this message is, by its full name.
    pub fn event_by_message(&self, full_name: &str) -> Option<&Arc<EventType>> {
        self.by_message.get(full_name).map(|place| &self.events[*place])
    }

    /// The name of a type of this revision or one that it came after: events in logs may be of types that are gone.
    pub fn type_name(&self, index: TypeIndex) -> Option<&Arc<str>> {
        self.numbers.get(index).map(|numbered| &numbered.name)
    }

    /// Every event type, sorted by name.
    pub fn events(&self) -> &[Arc<EventType>] {
        &self.events
    }

    /// Every channel template, sorted by text.
    pub fn channels(&self) -> &[Arc<ChannelTemplate>] {
        &self.channels
    }

    /// The template that a channel's name is of. `None`: code 4006.
    pub fn channel(&self, name: &str) -> Option<&Arc<ChannelTemplate>> {
        self.channel_index(name).map(|index| &self.channels[index])
    }

    fn channel_index(&self, name: &str) -> Option<usize> {
        if name.len() > MAX_CHANNEL_NAME_BYTES {
            return None;
        }
        let head = name.split(':').next()?;
        self.by_head.get(head)?.iter().copied().find(|index| {
            let channel = &self.channels[*index];
            channel.parsed.matches(name, &channel.parameters)
        })
    }

    /// The templates that an event of this type goes to, in the order in which it lists them.
    pub fn templates_of(&self, event: &EventType) -> impl Iterator<Item = &Arc<ChannelTemplate>> {
        event.bindings.iter().map(|binding| &self.channels[binding.channel])
    }

    /// Whether the publisher may name this channel for this event: it matches one of the event's templates, or, for a
    /// private event, it is a session or user channel.
    pub fn may_go_to(&self, event: &EventType, channel: &str) -> bool {
        self.channel_index(channel).is_some_and(|index| {
            if event.is_private() {
                let template = &self.channels[index];
                template.own && !template.parameters.is_empty()
            } else {
                event.bindings.iter().any(|binding| binding.channel == index)
            }
        })
    }

    /// The channels that a new connection of this session (and user) is subscribed to by the bridge. Those that the
    /// session or user cannot fill are left out.
    pub fn on_connect(&self, session_id: &str, user_id: Option<&str>) -> Vec<ChannelName> {
        self.channels
            .iter()
            .filter(|channel| channel.on_connect)
            .filter_map(|channel| channel.name_for(session_id, user_id))
            .collect()
    }
}

impl ChannelTemplate {
    /// Whether it has no parameters: it is one channel.
    pub fn is_single(&self) -> bool {
        self.parameters.is_empty()
    }

    /// Its channel of this session (and user), where these fill it.
    pub fn name_for(&self, session_id: &str, user_id: Option<&str>) -> Option<ChannelName> {
        let mut name = String::new();
        for segment in &self.parsed.segments {
            if !name.is_empty() {
                name.push(':');
            }
            match segment {
                template::Segment::Literal(literal) => name.push_str(literal),
                template::Segment::Parameter(path) => {
                    let value = if &**path == "session_id" { Some(session_id) } else { user_id };
                    name.push_str(&escape(value.filter(|value| !value.is_empty())?));
                }
            }
        }
        (name.len() <= MAX_CHANNEL_NAME_BYTES).then(|| ChannelName::from(name.as_str()))
    }
}
