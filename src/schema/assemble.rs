//! Puts a schema together from linked descriptors, or says everything that is wrong with them.

use std::collections::HashMap;
use std::sync::Arc;

use super::check::Checker;
use super::compile::Compiled;
use super::mistake::{LoadError, Mistake};
use super::numbers::{MAX_TYPES, TypeNumbers};
use super::{ChannelTemplate, EventType, Schema, channels, declarations, events, fingerprint, validate, visibility};

/// Checks and assembles. `mistakes` are those that kept files from being compiled; event types keep the `numbers` that
/// they have.
pub(super) fn assemble(
    compiled: Compiled,
    mistakes: Vec<Mistake>,
    mut numbers: TypeNumbers,
) -> Result<Schema, LoadError> {
    let Compiled { pool, files, broken, is_partial } = compiled;
    let mut checker = Checker { pool: &pool, files: &files, broken: &broken, mistakes };
    let declared = declarations::read(&mut checker);
    let mut templates = channels::check(&mut checker, &declared.channels);
    let mut events = events::check(&mut checker, &declared, &templates, &mut numbers);
    let field_rules = visibility::check(&mut checker, &declared, &mut events, &mut templates, &mut numbers.fields);
    let rules = validate::plan(&mut checker, declared.rules);
    for event in &mut events {
        event.is_validated = rules.checks(event.message);
    }
    if numbers.len() > MAX_TYPES {
        checker.mistakes.push(too_many_types());
    }
    let warnings = events::warnings(&checker, &declared.events);
    if !checker.mistakes.is_empty() {
        return Err(LoadError::new(checker.mistakes, is_partial));
    }
    let channels: Vec<Arc<ChannelTemplate>> = templates.into_channels().into_iter().map(Arc::new).collect();
    let events: Vec<Arc<EventType>> = events.into_iter().map(Arc::new).collect();
    let mut by_head: HashMap<Box<str>, Vec<usize>> = HashMap::new();
    for (index, channel) in channels.iter().enumerate() {
        by_head.entry(channel.parsed.head().into()).or_default().push(index);
    }
    Ok(Schema {
        fingerprint: fingerprint::fingerprint(&pool),
        by_name: (0..).zip(&events).map(|(place, event)| (event.name.clone(), place)).collect(),
        by_message: (0..).zip(&events).map(|(place, event)| (event.message_name.clone(), place)).collect(),
        numbers,
        rules,
        field_rules,
        files,
        warnings,
        pool: Arc::new(pool),
        events,
        channels,
        by_head,
    })
}

fn too_many_types() -> Mistake {
    Mistake {
        file: "schema".to_owned(),
        line: None,
        column: None,
        message: format!("this schema and those that were served before it name more than {MAX_TYPES} event types"),
        advice: "restart the bridge: it remembers the types of earlier schemas for the events that logs keep"
            .to_owned(),
    }
}
