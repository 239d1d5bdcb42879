//! The declared templates, and how events name them.

use super::ChannelTemplate;
use super::check::suggest;

/// Every declared template, those with mistakes included, so that one mistake is not reported as many.
pub(super) struct Templates {
    pub(super) entries: Vec<Entry>,
}

/// One declared template.
pub(super) struct Entry {
    pub(super) full_name: String,
    /// `None` when it has mistakes.
    pub(super) channel: Option<ChannelTemplate>,
    /// Whether Rialto declares it itself.
    pub(super) own: bool,
}

/// What a name of a template in an event's option stands for.
pub(super) enum Found<'a> {
    Template(usize),
    /// Several templates have this name, these are their full names.
    Ambiguous(Vec<&'a str>),
    Nothing,
}

impl Templates {
    pub(super) fn get(&self, index: usize) -> &Entry {
        &self.entries[index]
    }

    /// Finds a template by message name as seen from the message `from`: first as protobuf does, from the inside out,
    /// then among Rialto's own, then wherever there is only one.
    pub(super) fn find(&self, name: &str, from: &str) -> Found<'_> {
        let by_full_name = |full_name: &str| self.entries.iter().position(|entry| entry.full_name == full_name);
        let name = match name.strip_prefix('.') {
            Some(absolute) => return by_full_name(absolute).map_or(Found::Nothing, Found::Template),
            None => name,
        };
        let mut scope = from;
        while let Some((outer, _)) = scope.rsplit_once('.') {
            scope = outer;
            if let Some(index) = by_full_name(&format!("{scope}.{name}")) {
                return Found::Template(index);
            }
        }
        if let Some(index) = by_full_name(name).or_else(|| by_full_name(&format!("rialto.v1.{name}"))) {
            return Found::Template(index);
        }
        let ends = |entry: &Entry| entry.full_name.strip_suffix(name).is_some_and(|scope| scope.ends_with('.'));
        let found: Vec<usize> = (0..self.entries.len()).filter(|index| ends(&self.entries[*index])).collect();
        match found[..] {
            [] => Found::Nothing,
            [index] => Found::Template(index),
            _ => {
                let mut names: Vec<&str> = found.iter().map(|index| &*self.entries[*index].full_name).collect();
                names.sort_unstable();
                Found::Ambiguous(names)
            }
        }
    }

    /// What to write instead of a name that nothing has.
    pub(super) fn advice(&self, wrong: &str) -> String {
        let by_text = |entry: &&Entry| entry.channel.as_ref().is_some_and(|channel| *channel.template == *wrong);
        if let Some(entry) = self.entries.iter().find(by_text) {
            return format!("name the message that declares the template: {:?}", short(&entry.full_name));
        }
        let names = self.entries.iter().map(|entry| short(&entry.full_name));
        suggest(wrong.rsplit('.').next().unwrap_or(wrong), names, "channels")
    }

    /// The templates, when there was no mistake.
    pub(super) fn into_channels(self) -> Vec<ChannelTemplate> {
        self.entries.into_iter().filter_map(|entry| entry.channel).collect()
    }
}

/// A message's name without its package.
pub(super) fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}
