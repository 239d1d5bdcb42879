//! Differences of files and messages: packages, messages and fields that are gone, what is reserved.

use std::collections::BTreeSet;

use buffa_descriptor::generated::descriptor::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::{Comparison, Place, Rule, fields, missing, rules};
use crate::schema::elements::Element;
use crate::schema::places::{Near, Site};
use crate::schema::templates::short;

/// Compares every file and message that both schemas have.
pub(super) fn compare(comparison: &mut Comparison<'_>) {
    let packages = comparison.old_elements.files.iter().filter_map(|(name, old)| {
        let new = comparison.new_elements.files.get(name).filter(|new| new.package != old.package)?;
        Some((new.site.clone(), old.package, new.package))
    });
    for (site, old, new) in packages.collect::<Vec<_>>() {
        let message = format!("the package {old:?} is {new:?} now");
        comparison.report(
            Rule::PackageChanged,
            Place::New(&site, Near::Start),
            message,
            format!("keep `package {old};`, and put what is new into a file of its own"),
        );
    }
    let templates: BTreeSet<&str> = comparison.old.channels().iter().map(|channel| &*channel.message_name).collect();
    let fields: BTreeSet<&str> = comparison
        .old_elements
        .messages
        .values()
        .flat_map(|message| &message.descriptor.field)
        .chain(comparison.old_elements.extensions.values().map(|extension| extension.descriptor))
        .filter_map(|field: &FieldDescriptorProto| Some(field.type_name.as_deref()?.trim_start_matches('.')))
        .collect();
    removed(comparison, &templates, &fields);
    let pairs = comparison.old_elements.messages.iter().filter_map(|(name, old)| {
        let new = comparison.new_elements.messages.get(name)?;
        // The message of a channel is never sent: channels are compared by their templates.
        let is_sent = !templates.contains(name.as_str()) || fields.contains(name.as_str());
        is_sent.then(|| (name.clone(), old.descriptor, Element { site: new.site.clone(), descriptor: new.descriptor }))
    });
    for (name, old, new) in pairs.collect::<Vec<_>>() {
        compare_one(comparison, &name, old, &new);
        rules::compare(comparison, &name, old, &new);
    }
}

/// Says which messages are gone that only an `Any` carried: of the others, what held them says more.
fn removed(comparison: &mut Comparison<'_>, templates: &BTreeSet<&str>, fields: &BTreeSet<&str>) {
    if !fields.contains("google.protobuf.Any") {
        return;
    }
    let (old, new) = (comparison.old, &comparison.new_elements);
    let files = old.pool().files();
    let gone = comparison.old_elements.messages.iter().filter(|(name, message)| {
        // A file in another package has been told as a whole.
        let file = files.get(message.site.file);
        let stays = |file: &FileDescriptorProto| {
            let now = file.name.as_deref().and_then(|name| new.files.get(name));
            now.is_none_or(|now| now.package == file.package.as_deref().unwrap_or_default())
        };
        let told = templates.contains(name.as_str()) || fields.contains(name.as_str());
        !new.messages.contains_key(*name) && !told && old.event_by_message(name).is_none() && file.is_some_and(stays)
    });
    for (name, site) in gone.map(|(name, message)| (name.clone(), message.site.clone())).collect::<Vec<_>>() {
        comparison.report(
            Rule::MessageRemoved,
            Place::Old(&site),
            format!("the message {name} is gone"),
            "keep it as long as publishers pack it in an Any",
        );
    }
}

fn compare_one(comparison: &mut Comparison<'_>, name: &str, old: &DescriptorProto, new: &Element<'_, DescriptorProto>) {
    let (old_schema, new_schema) = (comparison.old, comparison.new);
    let linked = old_schema.pool().message_by_name(name).zip(new_schema.pool().message_by_name(name));
    let Some((old_linked, new_linked)) = linked else { return };
    let short = short(name);
    for field in &old.field {
        let found = (0..).zip(&new.descriptor.field).find(|(_, other)| other.number == field.number);
        match found {
            Some((index, other)) => {
                let site = new.site.inside(&[2, index]);
                let sides = fields::Side::of(old_linked, field).zip(fields::Side::of(new_linked, other));
                let Some((old, new)) = sides else { continue };
                let pair = fields::Pair { message: short, old, new, site: &site };
                fields::compare(comparison, &pair);
                fields::compare_visibility(comparison, &pair, name);
            }
            None => {
                let (number, name) = (field.number.unwrap_or_default(), field.name.as_deref().unwrap_or_default());
                let number_reserved = new
                    .descriptor
                    .reserved_range
                    .iter()
                    .any(|range| (range.start.unwrap_or(0)..range.end.unwrap_or(0)).contains(&number));
                let name_reserved = new.descriptor.reserved_name.iter().any(|reserved| reserved == name);
                if number_reserved && name_reserved {
                    let side = fields::Side::of(old_linked, field).filter(fields::Side::is_always_there);
                    side.into_iter().for_each(|side| report_missed(comparison, &new.site, &side.told(short)));
                    continue;
                }
                report_removed(comparison, &new.site, short, (number, name), (number_reserved, name_reserved));
            }
        }
    }
    // Those that are on one side only; the others are compared with themselves.
    for (one, other, linked, word) in
        [(old, new.descriptor, old_linked, "no longer required"), (new.descriptor, old, new_linked, "required now")]
    {
        for field in &one.field {
            let is_common = other.field.iter().any(|there| there.number == field.number);
            let Some(side) = fields::Side::of(linked, field).filter(|side| side.is_required() && !is_common) else {
                continue;
            };
            let index = (0..).zip(&new.descriptor.field).find(|(_, there)| there.number == field.number);
            let site = index.map_or(new.site.clone(), |(index, _)| new.site.inside(&[2, index]));
            fields::report_required(comparison, &site, &side.told(short), word);
        }
    }
    check_reserved(comparison, short, old, new);
}

/// Says that clients miss a field whose number and name nobody can take.
fn report_missed(comparison: &mut Comparison<'_>, site: &Site, field: &str) {
    comparison.report(
        Rule::FieldMayBeAbsent,
        Place::New(site, Near::Start),
        format!("{field} is gone from JSON, and was always there"),
        "keep it, `deprecated` and empty, as long as clients run that were built with it",
    );
}

fn report_removed(
    comparison: &mut Comparison<'_>,
    site: &Site,
    message: &str,
    (number, name): (i32, &str),
    (number_reserved, name_reserved): (bool, bool),
) {
    let left = match (number_reserved, name_reserved) {
        (true, _) => format!("its name is not reserved: add `reserved \"{name}\";`"),
        (false, true) => format!("its number is not reserved: add `reserved {number};`"),
        (false, false) => format!("neither is reserved: add `reserved {number};` and `reserved \"{name}\";`"),
    };
    let (what, advice) = left.split_once(": ").unwrap_or((&left, ""));
    comparison.report(
        Rule::FieldRemoved,
        Place::New(site, Near::Start),
        format!("the field {name} = {number} of {message} is gone, and {what}"),
        format!("{advice}; old clients read nothing there, so keep it as long as they need it"),
    );
}

fn check_reserved(
    comparison: &mut Comparison<'_>,
    short: &str,
    old: &DescriptorProto,
    new: &Element<'_, DescriptorProto>,
) {
    // Their ends are exclusive in messages.
    let ranges = |message: &DescriptorProto| -> Vec<(i64, i64)> {
        let ranges = message.reserved_range.iter();
        ranges.map(|range| (range.start.unwrap_or(0).into(), i64::from(range.end.unwrap_or(0)) - 1)).collect()
    };
    let gone = not_covered(&ranges(old), &ranges(new.descriptor));
    let names =
        missing(old.reserved_name.iter().map(String::as_str), new.descriptor.reserved_name.iter().map(String::as_str));
    report_reserved(comparison, short, &new.site, gone, names);
}

/// Says what is reserved no more, if anything is.
pub(super) fn report_reserved(
    comparison: &mut Comparison<'_>,
    short: &str,
    site: &Site,
    numbers: Vec<String>,
    names: Option<String>,
) {
    let gone: Vec<String> = numbers.into_iter().chain(names).collect();
    if !gone.is_empty() {
        let gone = gone.join(", ");
        comparison.report(
            Rule::ReservedRemoved,
            Place::New(site, Near::Start),
            format!("{short} does not reserve {gone} any more"),
            format!("keep `reserved {gone};`"),
        );
    }
}

/// The ranges (both ends inclusive) that no single range of `new` covers.
pub(super) fn not_covered(old: &[(i64, i64)], new: &[(i64, i64)]) -> Vec<String> {
    let mut new = new.to_vec();
    new.sort_unstable();
    let covered = |&(start, end): &(i64, i64)| {
        let mut next = start;
        for &(from, to) in &new {
            if from <= next && to >= next {
                next = to + 1;
            }
        }
        next > end
    };
    let gone = old.iter().filter(|range| !covered(range));
    gone.map(|(start, end)| if start == end { start.to_string() } else { format!("{start} to {end}") }).collect()
}
