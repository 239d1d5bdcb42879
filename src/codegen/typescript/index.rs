//! What belongs to no package: the stamp with `connect`, and the one module that has everything by name.

use std::collections::BTreeMap;

use super::channels;
use super::names::{OURS, module_name};
use super::package::Imports;
use super::text::{doc, quote};
use super::{Error, File, GENERATOR, Sources};
use crate::schema::From;

/// What of the runtime is at hand in `index.ts`, as types and as values.
const RUNTIME_TYPES: [&str; 17] = [
    "AnyEvent",
    "ChannelRef",
    "Client",
    "ConnectOptions",
    "DurationString",
    "Gap",
    "Int64String",
    "JsonObject",
    "JsonValue",
    "Moved",
    "Position",
    "RialtoErrorCode",
    "Reset",
    "Status",
    "Subscribed",
    "Subscription",
    "TimestampString",
];
const RUNTIME_VALUES: [&str; 7] =
    ["RialtoError", "channel", "isRialtoError", "toBigInt", "toBytes", "toDate", "toMilliseconds"];

/// Whether `index.ts` exports this name for itself.
pub(super) fn is_own_export(name: &str) -> bool {
    OURS.contains(&name) || RUNTIME_TYPES.contains(&name) || RUNTIME_VALUES.contains(&name)
}

/// `schema.ts`: what the client was generated from, and how to connect.
pub(super) fn schema(sources: &Sources<'_>) -> File {
    let mut imports = Imports::new(sources.names, "\0 no package");
    let mut sends = String::new();
    for event in sources.schema.events().iter().filter(|event| !event.own && event.from == From::Client) {
        sends.push_str(&doc("  ", &[channels::about(sources, event)]));
        sends.push_str(&format!("  {}: {};\n", quote(&event.name), imports.reference(&event.message_name)));
    }
    let sends = if sends.is_empty() { "{ [type: string]: never }".to_owned() } else { format!("{{\n{sends}}}") };
    let runtime = sources.runtime_module();
    let text = format!(
        "{header}import type * as $ from \"{runtime}\";
import {{ createClient as $createClient }} from \"{runtime}\";
{others}
/** What this client was generated from. */
export const schema: $.SchemaStamp = {{
  fingerprint: {fingerprint},
  generator: {generator},
  protocol: {protocol},
}};

/** The events that clients send, by type. */
export type ClientEvents = {sends};

/** Makes a client of the bridge of this schema. Nothing is opened before it is needed. */
export function connect(options?: $.ConnectOptions): $.Client<ClientEvents> {{
  return $createClient<ClientEvents>(options, schema);
}}
",
        header = sources.header(),
        others = imports.statements(),
        fingerprint = quote(sources.schema.fingerprint()),
        generator = quote(GENERATOR),
        protocol = 1,
    );
    File { path: "schema.ts".to_owned(), text }
}

/// Something that `index.ts` could export.
struct Export<'a> {
    /// Who has the name: a message, enum or channel.
    full_name: &'a str,
    is_value: bool,
    /// Whether people write it by name, so that it must not be left out.
    is_needed: bool,
}

/// `index.ts`: every name of every package that only one of them has.
///
/// # Errors
/// When an event's or a channel's name is wanted twice.
pub(super) fn index(sources: &Sources<'_>) -> Result<File, Error> {
    let mut text = sources.header();
    let mut wanted: BTreeMap<&str, Vec<Export<'_>>> = BTreeMap::new();
    for full_name in sources.reached.enums.keys().chain(sources.reached.messages.keys()) {
        let is_event = sources.schema.event_by_message(full_name).is_some_and(|event| !event.own);
        let export = Export { full_name, is_value: is_event, is_needed: is_event };
        wanted.entry(sources.names.name(full_name)).or_default().push(export);
    }
    for channel in sources.schema.channels() {
        let full_name = &*channel.message_name;
        let Some(names) = sources.names.channel(full_name) else { continue };
        for (name, is_value) in [(&names.builder, true), (&names.union, false)] {
            wanted.entry(name).or_default().push(Export { full_name, is_value, is_needed: true });
        }
    }
    let mut by_package: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    let mut left_out = Vec::new();
    for (name, exports) in &wanted {
        let needed: Vec<&Export<'_>> = exports.iter().filter(|export| export.is_needed).collect();
        let export = match (&needed[..], &exports[..]) {
            ([first, second, ..], _) => {
                return Err(Error::Clash {
                    name: (*name).to_owned(),
                    first: first.full_name.to_owned(),
                    second: second.full_name.to_owned(),
                });
            }
            ([one], _) => Some(*one),
            ([], [one]) => Some(one),
            _ => None,
        };
        let others = exports.iter().filter(|other| export.is_none_or(|one| one.full_name != other.full_name));
        left_out.extend(others.map(|other| (*name, other.full_name)));
        if let Some(export) = export {
            let (types, values) = by_package.entry(sources.names.package(export.full_name)).or_default();
            if export.is_value { values.push(name) } else { types.push(name) }
        }
    }
    for (name, full_name) in left_out {
        let module = module_name(sources.names.package(full_name));
        text.push_str(&format!(
            "// {full_name} is not here, as {name} is not one thing: import it from ./{module}.js\n"
        ));
    }
    for (package, (types, values)) in by_package {
        let module = format!("./{}.js", module_name(package));
        export(&mut text, "export type", &types, &module);
        export(&mut text, "export", &values, &module);
    }
    let is_free = |name: &&str| !wanted.contains_key(*name);
    let runtime = sources.runtime_module();
    export(&mut text, "export type", &RUNTIME_TYPES.into_iter().filter(is_free).collect::<Vec<_>>(), runtime);
    export(&mut text, "export", &RUNTIME_VALUES.into_iter().filter(is_free).collect::<Vec<_>>(), runtime);
    let [connect, schema, events] = OURS;
    text.push_str(&format!(
        "export type {{ {events} }} from \"./schema.js\";\nexport {{ {connect}, {schema} }} from \"./schema.js\";\n"
    ));
    Ok(File { path: "index.ts".to_owned(), text })
}

fn export(text: &mut String, keyword: &str, names: &[&str], module: &str) {
    if !names.is_empty() {
        text.push_str(&format!("{keyword} {{ {} }} from {};\n", names.join(", "), quote(module)));
    }
}
