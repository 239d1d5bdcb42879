//! The module of one package: its messages, enums, events and channels.

use std::collections::BTreeSet;

use super::channels;
use super::message::{declare_enum, declare_message};
use super::names::{Names, module_name, namespace};
use super::text::quote;
use super::{File, Sources};

/// What a module takes from others.
pub(super) struct Imports<'a> {
    pub(super) names: &'a Names,
    package: &'a str,
    others: BTreeSet<String>,
}

impl<'a> Imports<'a> {
    /// The imports of a module that has none yet.
    pub(super) fn new(names: &'a Names, package: &'a str) -> Self {
        Imports { names, package, others: BTreeSet::new() }
    }

    /// A message or enum as this module names it.
    pub(super) fn reference(&mut self, full_name: &str) -> String {
        let package = self.names.package(full_name);
        let name = self.names.name(full_name);
        if package == self.package {
            return name.to_owned();
        }
        self.others.insert(package.to_owned());
        format!("{}.{name}", namespace(package))
    }

    /// The import statements of other packages.
    pub(super) fn statements(&self) -> String {
        let one = |package: &String| {
            format!("import type * as {} from \"./{}.js\";\n", namespace(package), module_name(package))
        };
        self.others.iter().map(one).collect()
    }
}

/// The module of a package.
pub(super) fn module(sources: &Sources<'_>, package: &str) -> File {
    let names = sources.names;
    let pool = sources.schema.pool();
    let mut imports = Imports::new(names, package);
    let mut declarations = Vec::new();
    for (full_name, index) in &sources.reached.enums {
        if names.package(full_name) == package {
            declarations.push((full_name, declare_enum(sources, &imports, pool.enumeration(*index))));
        }
    }
    for (full_name, index) in &sources.reached.messages {
        if names.package(full_name) != package {
            continue;
        }
        let event = sources.schema.event_by_message(full_name).filter(|event| !event.own);
        let about: Vec<String> = event.map(|event| channels::about(sources, event)).into_iter().collect();
        let mut text = declare_message(sources, &mut imports, full_name, *index, &about);
        if let Some(event) = event {
            let name = names.name(full_name);
            text.push_str(&format!(
                "/** The type of {{@link {name}}} events. */\nexport const {name} = {};\n",
                quote(&event.name)
            ));
        }
        declarations.push((full_name, text));
    }
    declarations.sort();
    let mut body: Vec<String> = declarations.into_iter().map(|(_, text)| text).collect();
    let own = |name: &str| names.package(name) == package;
    let channels: Vec<_> = sources.schema.channels().iter().filter(|channel| own(&channel.message_name)).collect();
    body.extend(channels.iter().map(|channel| channels::declare(sources, &mut imports, channel)));

    let runtime = sources.runtime_module();
    let body = body.join("\n");
    let mut head = sources.header();
    if body.contains("$.") {
        head.push_str(&format!("import type * as $ from \"{runtime}\";\n"));
    }
    if !channels.is_empty() {
        head.push_str(&format!("import {{ templateChannel as $channel }} from \"{runtime}\";\n"));
    }
    head.push_str(&imports.statements());
    File { path: format!("{}.ts", module_name(package)), text: format!("{}\n{body}", head) }
}
