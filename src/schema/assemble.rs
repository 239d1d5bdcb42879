//! Puts a schema together from linked descriptors, or says everything that is wrong with them.

use std::collections::HashMap;
use std::sync::Arc;

use super::check::Checker;
use super::compile::Compiled;
use super::mistake::{LoadError, Mistake};
use super::{ChannelTemplate, EventType, Schema, channels, declarations, events, fingerprint, validate};

/// Checks and assembles. `mistakes` are those that kept files from being compiled.
pub(super) fn assemble(compiled: Compiled, mistakes: Vec<Mistake>) -> Result<Schema, LoadError> {
    let Compiled { pool, files, broken } = compiled;
    let mut checker = Checker { pool: &pool, files: &files, broken: &broken, mistakes };
    let declared = declarations::read(&mut checker);
    let templates = channels::check(&mut checker, &declared.channels);
    let mut events = events::check(&mut checker, &declared.events, &templates);
    let rules = validate::plan(&mut checker, declared.rules);
    for event in &mut events {
        event.is_validated = rules.checks(event.message);
    }
    let warnings = events::warnings(&checker, &declared.events);
    if !checker.mistakes.is_empty() {
        return Err(LoadError::new(checker.mistakes));
    }
    let channels: Vec<Arc<ChannelTemplate>> = templates.into_channels().into_iter().map(Arc::new).collect();
    let events: Vec<Arc<EventType>> = events.into_iter().map(Arc::new).collect();
    let mut by_head: HashMap<Box<str>, Vec<usize>> = HashMap::new();
    for (index, channel) in channels.iter().enumerate() {
        by_head.entry(channel.parsed.head().into()).or_default().push(index);
    }
    Ok(Schema {
        fingerprint: fingerprint::fingerprint(&pool),
        by_name: events.iter().map(|event| (event.name.clone(), event.index)).collect(),
        by_message: events.iter().map(|event| (event.message_name.clone(), event.index)).collect(),
        rules,
        files,
        warnings,
        pool: Arc::new(pool),
        events,
        channels,
        by_head,
    })
}
