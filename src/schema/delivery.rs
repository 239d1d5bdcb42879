//! How an event's class and its key fields go together.

use buffa_descriptor::{FieldKind, MessageIndex};

use super::bind;
use super::check::Checker;
use super::declarations::{Declaration, Declarations, KeyField};
use super::key::{Delivery, KeyFields};
use super::places::Near;
use super::template::ParameterKind;
use super::templates::short;
use crate::proto::rialto::v1;
use crate::proto::rialto::v1::EventOptions;

/// The class of an event, with its key where it has one.
pub(super) fn check(checker: &mut Checker<'_>, declaration: &Declaration<EventOptions>, keys: &[KeyField]) -> Delivery {
    let site = &declaration.option;
    match v1::Delivery::try_from(declaration.options.delivery) {
        Ok(v1::Delivery::Unspecified | v1::Delivery::Reliable) => Delivery::Reliable,
        Ok(v1::Delivery::Ephemeral) => Delivery::Ephemeral,
        Ok(v1::Delivery::Latest) => {
            let mut keys: Vec<&KeyField> = keys.iter().filter(|key| key.message == declaration.message).collect();
            keys.sort_by_key(|key| key.number);
            if keys.is_empty() {
                checker.report(
                    site,
                    Near::Key("delivery"),
                    format!(
                        "nothing says which {:?} replaces which: none of its fields is a key",
                        declaration.options.r#type
                    ),
                    "mark the field that says what it is about, `[(rialto.v1.field).key = true]`, or several",
                );
            }
            let fields = keys.into_iter().filter_map(|key| check_kind(checker, declaration.message, key));
            Delivery::Latest(KeyFields(fields.collect()))
        }
        Err(_) => {
            checker.not_built(site, "delivery");
            Delivery::Reliable
        }
    }
}

/// Finds keys where they mean nothing.
pub(super) fn check_keys(checker: &mut Checker<'_>, declarations: &Declarations) {
    for key in &declarations.keys {
        let (near, name) = (Near::Key("key"), &key.name);
        match declarations.events.iter().find(|event| event.message == key.message) {
            None => {
                let message = short(checker.pool.message(key.message).full_name()).to_owned();
                checker.report(
                    &key.option,
                    near,
                    format!("{name} is a key, but {message} is not an event"),
                    "mark a field of the event itself, or remove it: a key is read from an event's own fields",
                );
            }
            Some(event) if event.options.delivery != i32::from(v1::Delivery::Latest) => checker.report(
                &key.option,
                near,
                format!("{name} is a key, and only DELIVERY_LATEST has keys, which {:?} is not", event.options.r#type),
                "add `delivery: DELIVERY_LATEST` to the event, or remove the key",
            ),
            Some(_) => {}
        }
    }
}

fn check_kind(checker: &mut Checker<'_>, message: MessageIndex, key: &KeyField) -> Option<super::route::Extractor> {
    let pool = checker.pool;
    let steps = bind::steps(pool, pool.message(message), &key.name);
    let kind = steps.as_ref().ok().and_then(|steps| match steps.last()?.1.kind() {
        FieldKind::Singular(field) => Some((field, ParameterKind::of(field, pool)?)),
        _ => None,
    });
    let (Ok(steps), Some((field, kind))) = (steps, kind) else {
        checker.report(
            &key.option,
            Near::Key("key"),
            format!("{} cannot be a key: a key is one string, integer, bool or enum", key.name),
            "mark another field, or add one that names what the event is about",
        );
        return None;
    };
    Some(bind::extractor(&steps, field, kind))
}
