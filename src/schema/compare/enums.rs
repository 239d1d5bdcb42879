//! Differences of enums: values that are gone or have other names, what is reserved.

use std::collections::{BTreeMap, BTreeSet};

use buffa::editions::EnumType;
use buffa_descriptor::generated::descriptor::EnumDescriptorProto;

use super::messages::{not_covered, report_reserved};
use super::{Comparison, Place, Rule, missing};
use crate::schema::elements::Element;
use crate::schema::places::{Near, Site};
use crate::schema::templates::short;

/// The names of each number.
pub(super) fn by_number(descriptor: &EnumDescriptorProto) -> BTreeMap<i32, BTreeSet<&str>> {
    let mut values: BTreeMap<i32, BTreeSet<&str>> = BTreeMap::new();
    for value in &descriptor.value {
        values.entry(value.number.unwrap_or_default()).or_default().insert(value.name.as_deref().unwrap_or_default());
    }
    values
}

/// The name of a number that JSON has: the first one.
pub(super) fn printed(descriptor: &EnumDescriptorProto, number: i32) -> Option<&str> {
    descriptor.value.iter().find(|value| value.number.unwrap_or_default() == number)?.name.as_deref()
}

/// Compares every enum that both schemas have.
pub(super) fn compare(comparison: &mut Comparison<'_>) {
    let pairs = comparison.old_elements.enums.iter().filter_map(|(name, old)| {
        let new = comparison.new_elements.enums.get(name)?;
        Some((name.clone(), old.descriptor, Element { site: new.site.clone(), descriptor: new.descriptor }))
    });
    for (name, old, new) in pairs.collect::<Vec<_>>() {
        compare_one(comparison, short(&name), old, &new);
        compare_openness(comparison, &name, &new.site);
    }
}

/// Whether numbers without a name are values of it, as the linker has resolved it.
fn compare_openness(comparison: &mut Comparison<'_>, name: &str, site: &Site) {
    let (old, new) = (comparison.old.pool().enum_by_name(name), comparison.new.pool().enum_by_name(name));
    let (Some(was), Some(is)) = (old.map(|old| old.enum_type()), new.map(|new| new.enum_type())) else { return };
    let name = short(name);
    match (was, is) {
        (EnumType::Open, EnumType::Closed) => comparison.report(
            Rule::EnumClosed,
            Place::New(site, Near::Start),
            format!("{name} is closed now, and was open"),
            "keep it open: in proto3 every enum is, in an edition by `features.enum_type = OPEN`",
        ),
        (EnumType::Closed, EnumType::Open) => comparison.report(
            Rule::EnumOpened,
            Place::New(site, Near::Start),
            format!("{name} is open now, and was closed"),
            "see that clients can live with a number where a name was",
        ),
        _ => {}
    }
}

fn compare_one(
    comparison: &mut Comparison<'_>,
    name: &str,
    old: &EnumDescriptorProto,
    new: &Element<'_, EnumDescriptorProto>,
) {
    let values = by_number(new.descriptor);
    for (number, names) in by_number(old) {
        let quoted = names.iter().copied().collect::<Vec<_>>().join(", ");
        match values.get(&number) {
            None => {
                let ranges = &new.descriptor.reserved_range;
                let number_reserved =
                    ranges.iter().any(|range| (range.start.unwrap_or(0)..=range.end.unwrap_or(0)).contains(&number));
                let open: Vec<String> = names
                    .iter()
                    .filter(|name| !new.descriptor.reserved_name.iter().any(|reserved| reserved == *name))
                    .map(|name| format!("{name:?}"))
                    .collect();
                let mut advice = Vec::new();
                if !number_reserved {
                    advice.push(format!("`reserved {number};`"));
                }
                if !open.is_empty() {
                    advice.push(format!("`reserved {};`", open.join(", ")));
                }
                if !advice.is_empty() {
                    comparison.report(
                        Rule::EnumValueRemoved,
                        Place::New(&new.site, Near::Start),
                        format!("the value {quoted} = {number} of {name} is gone, and not reserved"),
                        format!("add {}, once nobody sends it any more", advice.join(" and ")),
                    );
                }
            }
            Some(now) if !names.is_subset(now) => {
                let index = (0..).zip(&new.descriptor.value).find(|(_, value)| value.number == Some(number));
                let site = new.site.inside(&[2, index.map_or(0, |(index, _)| index)]);
                let now = now.iter().copied().collect::<Vec<_>>().join(", ");
                comparison.report(
                    Rule::EnumValueRenamed,
                    Place::New(&site, Near::Start),
                    format!("the value {quoted} = {number} of {name} is called {now} now"),
                    format!("keep {quoted}; a new name is a new value with a number of its own"),
                );
            }
            Some(_) => {
                let (was, is) = (printed(old, number), printed(new.descriptor, number));
                let index = (0..).zip(&new.descriptor.value).find(|(_, value)| value.name.as_deref() == is);
                if let (Some(was), Some(is), Some((index, _))) = (was, is, index)
                    && was != is
                {
                    comparison.report(
                        Rule::EnumPrintedNameChanged,
                        Place::New(&new.site.inside(&[2, index]), Near::Start),
                        format!("the value {number} of {name} is printed as {is} now, and was as {was}"),
                        format!("declare {was} before {is}: of several names the first is printed"),
                    );
                }
            }
        }
    }
    let ranges = |descriptor: &EnumDescriptorProto| -> Vec<(i64, i64)> {
        let ranges = descriptor.reserved_range.iter();
        ranges.map(|range| (range.start.unwrap_or(0).into(), range.end.unwrap_or(0).into())).collect()
    };
    let gone = not_covered(&ranges(old), &ranges(new.descriptor));
    let names =
        missing(old.reserved_name.iter().map(String::as_str), new.descriptor.reserved_name.iter().map(String::as_str));
    report_reserved(comparison, name, &new.site, gone, names);
}
