//! Checks events and makes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::{Checker, suggest};
use super::declarations::{Declaration, Declarations};
use super::filter::is_event_type;
use super::mistake::Mistake;
use super::numbers::TypeNumbers;
use super::permission::{self, Part};
use super::places::Near;
use super::route::Binding;
use super::templates::{Found, Templates};
use super::{Audience, EventType, From, Route, TypeIndex, bind, delivery};
use crate::proto::rialto::v1;
use crate::proto::rialto::v1::EventOptions;

/// The longest name of an event type.
const MAX_EVENT_TYPE_BYTES: usize = 128;

type Declared = Declaration<EventOptions>;

/// Checks every event, by itself and against the templates and the others. Sorted by name, which is the order in which
/// those that have no number get theirs.
pub(super) fn check(
    checker: &mut Checker<'_>,
    declarations: &Declarations,
    templates: &Templates,
    known: &mut TypeNumbers,
) -> Vec<EventType> {
    let declared = &declarations.events;
    let mut by_name: BTreeMap<&str, &Declared> = BTreeMap::new();
    for declaration in declared {
        check_name(checker, declaration);
        if let Some(earlier) =
            by_name.get(&*declaration.options.r#type).filter(|_| !declaration.options.r#type.is_empty())
        {
            report_duplicate(checker, declaration, earlier);
        } else {
            by_name.insert(&declaration.options.r#type, declaration);
        }
    }
    let numbers: BTreeMap<&str, TypeIndex> =
        by_name.iter().map(|(name, event)| (*name, known.number(name, event.own))).collect();
    for declaration in declared {
        check_use(checker, declaration);
    }
    delivery::check_keys(checker, declarations);
    let mut events = Vec::with_capacity(by_name.len());
    for declaration in by_name.values() {
        let name: Arc<str> = declaration.options.r#type.as_str().into();
        let (send_permission, send_parts) = check_permission(checker, declaration).unzip();
        events.push(EventType {
            index: numbers[&*name],
            message: declaration.message,
            message_name: declaration.full_name.as_str().into(),
            from: match declaration.options.from() {
                v1::From::Client => From::Client,
                v1::From::Publisher | v1::From::Unspecified => From::Publisher,
            },
            route: match declaration.options.route() {
                v1::Route::Handler => Some(Route::Handler),
                v1::Route::Channel => Some(Route::Channel),
                v1::Route::Unspecified => None,
            },
            own: declaration.own,
            replies: check_replies(checker, declaration, &numbers),
            delivery: delivery::check(checker, declaration, &declarations.keys),
            send_permission,
            send_parts: send_parts.unwrap_or_default(),
            is_validated: false,
            asks: Audience::NONE,
            masks: false,
            is_private: declaration.options.channels.is_empty(),
            bindings: check_channels(checker, declaration, templates),
            name,
        });
    }
    events
}

fn check_name(checker: &mut Checker<'_>, declaration: &Declared) {
    let name = &declaration.options.r#type;
    let site = &declaration.option;
    let near = Near::Value("type", name);
    if name.is_empty() {
        checker.report(
            site,
            Near::Start,
            format!("the event {} has no type", declaration.full_name),
            "add its name on the wire: `type: \"file.uploaded\"`",
        );
    } else if !is_event_type(name) || name.len() > MAX_EVENT_TYPE_BYTES {
        checker.report(
            site,
            near,
            format!("{name:?} is not a name for an event type"),
            format!("write lower-case letters, digits and underscores, in segments that begin with a letter and are joined by dots, at most {MAX_EVENT_TYPE_BYTES} bytes: \"file.uploaded\""),
        );
    } else if !declaration.own && (name.starts_with("connection.") || name.starts_with("channel.") || name == "error") {
        checker.report(
            site,
            near,
            format!("the event type {name:?} is Rialto's own, as are \"connection.…\", \"channel.…\" and \"error\""),
            "begin it with another word",
        );
    }
}

fn report_duplicate(checker: &mut Checker<'_>, declaration: &Declared, earlier: &Declared) {
    let name = &declaration.options.r#type;
    // A clash with Rialto's own has been told already.
    if !earlier.own && !declaration.own {
        let place = checker
            .files
            .place(&earlier.option, Near::Value("type", name))
            .map_or(String::new(), |(line, _)| format!(":{line}"));
        checker.report(
            &declaration.option,
            Near::Value("type", name),
            format!("the event type {name:?} is declared twice: {} has it too", earlier.full_name),
            format!("choose another name here or in {}{place}", checker.files.shown(earlier.site.file)),
        );
    }
}

fn check_use(checker: &mut Checker<'_>, declaration: &Declared) {
    let options = &declaration.options;
    let site = &declaration.option;
    let Ok(from) = v1::From::try_from(options.from) else { return checker.not_built(site, "from") };
    let Ok(route) = v1::Route::try_from(options.route) else { return checker.not_built(site, "route") };
    if declaration.own {
        return;
    }
    if from == v1::From::Client {
        match route {
            v1::Route::Unspecified => checker.report(
                site,
                Near::Key("from"),
                format!("{:?} comes from clients, but nothing says where it goes", options.r#type),
                "add `route: ROUTE_HANDLER` (a backend answers it) or `route: ROUTE_CHANNEL` (subscribers get it)",
            ),
            v1::Route::Channel if options.channels.is_empty() => checker.report(
                site,
                Near::Key("route"),
                format!("{:?} goes to its channels, but it has none", options.r#type),
                "add `channels: [\"…\"]`, or let a backend answer it with `route: ROUTE_HANDLER`",
            ),
            v1::Route::Channel if !options.reply.is_empty() => checker.report(
                site,
                Near::Key("reply"),
                format!("nobody replies to {:?}: it goes straight to its channels", options.r#type),
                "remove reply, or let a backend answer it with `route: ROUTE_HANDLER`",
            ),
            _ => {}
        }
    } else {
        let only_client = [("route", route != v1::Route::Unspecified), ("reply", !options.reply.is_empty())];
        for (key, _) in only_client.into_iter().filter(|(_, used)| *used) {
            checker.report(
                site,
                Near::Key(key),
                format!("{key} is for events that clients send, and {:?} comes from publishers", options.r#type),
                format!("remove {key}, or add `from: FROM_CLIENT`"),
            );
        }
    }
}

fn check_replies(
    checker: &mut Checker<'_>,
    declaration: &Declared,
    numbers: &BTreeMap<&str, TypeIndex>,
) -> Box<[TypeIndex]> {
    let mut replies = Vec::new();
    for reply in &declaration.options.reply {
        match numbers.get(&**reply) {
            Some(number) => replies.push(*number),
            None => checker.not_found(
                &declaration.option,
                Near::Value("reply", reply),
                reply,
                format!("there is no event type {reply:?} to reply with"),
                suggest(reply, numbers.keys().copied().filter(|name| !name.is_empty()), "event types"),
            ),
        }
    }
    replies.into()
}

fn check_permission(checker: &mut Checker<'_>, declaration: &Declared) -> Option<(Arc<str>, Box<[Part]>)> {
    let text = declaration
        .options
        .permissions
        .as_ref()
        .map(|permissions| permissions.send.as_str())
        .filter(|text| !text.is_empty())?;
    let message = checker.pool.message(declaration.message);
    match permission::parts(checker.pool, message, text) {
        Ok(parts) => Some((text.into(), parts)),
        Err(wrong) => {
            checker.report(
                &declaration.option,
                Near::Value("send", text),
                format!("in the permission {text:?}, {wrong}"),
                "write {field} for a field of the event, {@sub} for a claim of the token",
            );
            None
        }
    }
}

fn check_channels(checker: &mut Checker<'_>, declaration: &Declared, templates: &Templates) -> Box<[Binding]> {
    let mut bindings: Vec<Binding> = Vec::new();
    for name in &declaration.options.channels {
        let near = Near::Value("channels", name);
        let index = match templates.find(name, &declaration.full_name) {
            Found::Template(index) => index,
            Found::Ambiguous(packages) => {
                checker.report(
                    &declaration.option,
                    near,
                    format!("the channel {name:?} could be one of several"),
                    format!("write its full name: {}", packages.join(" or ")),
                );
                continue;
            }
            Found::Nothing => {
                checker.not_found(
                    &declaration.option,
                    near,
                    name,
                    format!("there is no channel {name:?}"),
                    templates.advice(name),
                );
                continue;
            }
        };
        if bindings.iter().any(|binding| binding.channel == index) {
            checker.report(&declaration.option, near, format!("the channel {name:?} is listed twice"), "list it once");
            continue;
        }
        // A template with mistakes has been reported itself.
        if let Some(channel) = &templates.get(index).channel
            && let Some(parameters) = bind::bind(checker, declaration, name, channel)
        {
            bindings.push(Binding { channel: index, parameters });
        }
    }
    bindings.into()
}

/// Members of a frame's envelope: in a flat frame they are not the event's.
const ENVELOPE: [&str; 5] = ["id", "type", "channel", "data", "metadata"];

/// What is allowed and likely to surprise.
pub(super) fn warnings(checker: &Checker<'_>, declared: &[Declared]) -> Vec<Mistake> {
    let from_clients = declared.iter().filter(|event| !event.own && event.options.from() == v1::From::Client);
    let fields = from_clients.flat_map(|event| {
        (0..).zip(checker.pool.message(event.message).fields()).map(move |(index, field)| (event, index, field))
    });
    let clashing =
        fields.filter(|(_, _, field)| ENVELOPE.contains(&field.json_name()) || ENVELOPE.contains(&field.name()));
    let warnings = clashing.map(|(event, index, field)| {
        checker.at(
            &event.site.inside(&[2, index]),
            Near::Start,
            format!(
                "{:?} cannot carry its field {} in a flat frame: the envelope has a member of that name",
                event.options.r#type,
                field.name()
            ),
            "rename the field, or always send the event with `data`".to_owned(),
        )
    });
    warnings.collect()
}
