//! What everything is called in TypeScript.
//!
//! A message or enum has its own name, one inside another message `Outer_Inner`. What is reserved gets a `$` behind it,
//! and what is taken is joined by `$`, which no name of a `.proto` has: names are decided package by package, and an
//! addition to one package never renames anything in another.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::Declared;
use super::index::is_own_export;
use super::reach::Reached;
use super::text::{is_identifier, is_reserved, lower_camel};
use super::{Error, Options};
use crate::schema::Schema;

/// Names of ours that packages leave alone, as `index.ts` has them.
pub(super) const OURS: [&str; 3] = ["connect", "schema", "ClientEvents"];

/// A channel's names.
#[derive(Clone, Debug)]
pub(super) struct ChannelNames {
    /// Its builder, `project`.
    pub(super) builder: String,
    /// The union of its events, `ProjectEvent`.
    pub(super) union: String,
}

/// The names of a schema's messages, enums and channels, by full name.
#[derive(Debug)]
pub(super) struct Names {
    types: BTreeMap<String, String>,
    channels: BTreeMap<String, ChannelNames>,
    package_of: BTreeMap<String, String>,
    packages: BTreeSet<String>,
}

impl Names {
    /// Chooses every name.
    pub(super) fn choose(
        schema: &Schema,
        declared: &Declared,
        reached: &Reached,
        aliases: &BTreeMap<String, String>,
    ) -> Result<Names, Error> {
        let mut names = Names {
            types: BTreeMap::new(),
            channels: BTreeMap::new(),
            package_of: BTreeMap::new(),
            packages: BTreeSet::new(),
        };
        let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut unused: BTreeSet<&String> = aliases.keys().collect();
        // What somebody has named has the first choice, then what is declared on top.
        let mut types: Vec<&String> = reached.messages.keys().chain(reached.enums.keys()).collect();
        types.sort_by_key(|name| {
            let depth = declared.find(name).map_or(0, |declaration| declaration.path.len());
            (!aliases.contains_key(*name), depth, *name)
        });
        for full_name in types {
            let Some(declaration) = declared.find(full_name) else { continue };
            let taken = taken.entry(declaration.package.clone()).or_default();
            unused.remove(full_name);
            let name = match aliases.get(full_name) {
                Some(alias) => checked_alias(alias)?,
                None => free(taken, [declaration.path.join("_"), declaration.path.join("$")]),
            };
            if !taken.insert(name.clone()) {
                return Err(names.clash(&declaration.package, name, full_name));
            }
            names.add(full_name, &declaration.package);
            names.types.insert(full_name.clone(), name);
        }
        for channel in schema.channels() {
            let full_name = channel.message_name.to_string();
            let Some(declaration) = declared.find(&full_name) else { continue };
            let taken = taken.entry(declaration.package.clone()).or_default();
            unused.remove(&full_name);
            let whole = match aliases.get(&full_name) {
                Some(alias) => checked_alias(alias)?,
                None => declaration.path.join("_"),
            };
            let base = whole.strip_suffix("Channel").filter(|base| !base.is_empty()).unwrap_or(&whole);
            let builder = free(taken, [lower_camel(base), lower_camel(&format!("{base}Channel"))]);
            taken.insert(builder.clone());
            let union = free(taken, [format!("{base}Event"), format!("{base}ChannelEvent")]);
            taken.insert(union.clone());
            names.add(&full_name, &declaration.package);
            names.channels.insert(full_name, ChannelNames { builder, union });
        }
        match unused.first() {
            Some(alias) => Err(Error::UnknownAlias((*alias).clone())),
            None => Ok(names),
        }
    }

    fn add(&mut self, full_name: &str, package: &str) {
        self.package_of.insert(full_name.to_owned(), package.to_owned());
        self.packages.insert(package.to_owned());
    }

    fn clash(&self, package: &str, name: String, second: &str) -> Error {
        let has_it = |entry: &(&String, &String)| *entry.1 == name && self.package(entry.0) == package;
        let first = self.types.iter().find(has_it).map_or_else(String::new, |(first, _)| first.clone());
        Error::Clash { name, first, second: second.to_owned() }
    }

    /// The packages that have something to generate.
    pub(super) fn packages(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(String::as_str)
    }

    /// The package of a message, enum or channel.
    pub(super) fn package(&self, full_name: &str) -> &str {
        self.package_of.get(full_name).map_or("", String::as_str)
    }

    /// The name of a message or enum.
    pub(super) fn name(&self, full_name: &str) -> &str {
        self.types.get(full_name).map_or("never", String::as_str)
    }

    /// The names of a channel.
    pub(super) fn channel(&self, full_name: &str) -> Option<&ChannelNames> {
        self.channels.get(full_name)
    }
}

fn checked_alias(alias: &str) -> Result<String, Error> {
    if is_own_export(alias) {
        Err(Error::TakenAlias(alias.to_owned()))
    } else if is_identifier(alias) && !is_reserved(alias) {
        Ok(alias.to_owned())
    } else {
        Err(Error::BadAlias(alias.to_owned()))
    }
}

/// The first choice that is neither reserved nor taken; else the last one with as many `$` as it takes.
fn free(taken: &BTreeSet<String>, choices: [String; 2]) -> String {
    let is_free = |name: &String| !is_reserved(name) && !OURS.contains(&name.as_str()) && !taken.contains(name);
    let [_, last] = &choices;
    let mut last = format!("{last}$");
    match choices.into_iter().find(is_free) {
        Some(name) => name,
        None => {
            while taken.contains(&last) {
                last.push('$');
            }
            last
        }
    }
}

/// The file of a package, without its ending: `project.v1`. One more underscore makes way for the files that are ours, for
/// the `_` of no package, and for TypeScript, to which a `.d.` in a file's name means that it has declarations alone. Who
/// has such a name with underscores gets one more too, so that every package has a file of its own.
pub(super) fn module_name(package: &str) -> String {
    let bare = package.trim_end_matches('_').to_ascii_lowercase();
    if matches!(&*bare, "" | "index" | "schema" | "runtime") {
        return format!("{package}_");
    }
    let segments = package.split('.').enumerate().map(|(index, segment)| {
        if index > 0 && segment.trim_end_matches('_') == "d" { format!("{segment}_") } else { segment.to_owned() }
    });
    segments.collect::<Vec<_>>().join(".")
}

/// What a package's module is called where another one imports it.
pub(super) fn namespace(package: &str) -> String {
    match package {
        // What generated code itself imports has these names.
        "channel" | "createClient" => format!("${package}$"),
        package => format!("${}", module_name(package).replace('.', "$")),
    }
}

impl Options {
    /// Adds an alias as it stands on the command line: `shop.v1.Order=ShopOrder`.
    ///
    /// # Errors
    /// When there is no `=` with a message before it and a name behind it.
    pub fn add_alias(&mut self, text: &str) -> Result<(), Error> {
        let split = text.split_once('=').filter(|(full_name, _)| !full_name.trim_start_matches('.').is_empty());
        let (full_name, alias) = split.ok_or_else(|| Error::AliasOfNothing(text.to_owned()))?;
        self.aliases.insert(full_name.trim_start_matches('.').to_owned(), checked_alias(alias)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{module_name, namespace};

    #[test]
    fn every_package_has_a_file_and_a_namespace_of_its_own() {
        let packages = [
            "",
            "_",
            "__",
            "index",
            "index_",
            "Index",
            "schema",
            "schema_",
            "runtime",
            "runtime_",
            "runtime__",
            "d",
            "d_",
            "shop",
            "shop.d",
            "shop.d_",
            "shop.d.v1",
            "shop.d_.v1",
            "shop.dd",
            "d.v1",
            "channel",
            "channel_",
            "createClient",
        ];
        let ours = ["index", "schema", "runtime"];
        let files: BTreeSet<String> = packages.iter().map(|package| module_name(package)).collect();
        assert_eq!(files.len(), packages.len(), "{files:?}");
        assert!(ours.iter().all(|own| files.iter().all(|file| !file.eq_ignore_ascii_case(own))), "{files:?}");
        assert!(files.iter().all(|file| !format!("{file}.ts").contains(".d.")), "{files:?}");
        let namespaces: BTreeSet<String> = packages.iter().map(|package| namespace(package)).collect();
        assert_eq!(namespaces.len(), packages.len(), "{namespaces:?}");
        assert!(["$channel", "$createClient"].iter().all(|own| !namespaces.contains(*own)), "{namespaces:?}");
    }
}
