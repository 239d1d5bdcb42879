//! Where messages and enums are declared, and what their comments say.

use std::collections::{BTreeMap, HashMap};

use buffa_descriptor::DescriptorPool;
use buffa_descriptor::generated::descriptor::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

/// Field numbers in the path of a descriptor's element (`descriptor.proto`).
mod step {
    pub(super) const FILE_MESSAGE: i32 = 4;
    pub(super) const FILE_ENUM: i32 = 5;
    pub(super) const MESSAGE_FIELD: i32 = 2;
    pub(super) const MESSAGE_MESSAGE: i32 = 3;
    pub(super) const MESSAGE_ENUM: i32 = 4;
    pub(super) const ENUM_VALUE: i32 = 2;
}

/// One message or enum.
#[derive(Debug, Default)]
pub(super) struct Declaration {
    /// The package, `project.v1`. Empty: none.
    pub(super) package: String,
    /// Its name, after the names of the messages that it is declared in.
    pub(super) path: Vec<String>,
    /// What is written above it.
    pub(super) comment: String,
    /// What is written above its fields or values, by name.
    pub(super) member_comments: HashMap<String, String>,
}

/// The messages and enums of a pool by full name.
#[derive(Debug)]
pub(super) struct Declared {
    by_name: BTreeMap<String, Declaration>,
}

impl Declared {
    /// Reads every file of the pool.
    pub(super) fn in_pool(pool: &DescriptorPool) -> Self {
        let mut by_name = BTreeMap::new();
        for file in pool.files() {
            Reader::new(file).file(file, &mut by_name);
        }
        Declared { by_name }
    }

    /// The declaration of a message or enum; `None` for a name that is not of the pool.
    pub(super) fn find(&self, full_name: &str) -> Option<&Declaration> {
        self.by_name.get(full_name)
    }
}

struct Reader<'a> {
    package: &'a str,
    comments: HashMap<&'a [i32], String>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a FileDescriptorProto) -> Self {
        let locations = file.source_code_info.as_option().map_or(&[][..], |info| &info.location);
        let comments = locations.iter().filter_map(|location| {
            let leading = location.leading_comments.as_deref().filter(|text| !text.trim().is_empty());
            let text = leading.or(location.trailing_comments.as_deref())?;
            Some((&location.path[..], tidy(text)))
        });
        Reader { package: file.package.as_deref().unwrap_or_default(), comments: comments.collect() }
    }

    fn file(&self, file: &FileDescriptorProto, found: &mut BTreeMap<String, Declaration>) {
        for (index, message) in (0..).zip(&file.message_type) {
            self.message(message, &[], &[step::FILE_MESSAGE, index], found);
        }
        for (index, enumeration) in (0..).zip(&file.enum_type) {
            self.enumeration(enumeration, &[], &[step::FILE_ENUM, index], found);
        }
    }

    fn message(
        &self,
        message: &DescriptorProto,
        outer: &[String],
        at: &[i32],
        found: &mut BTreeMap<String, Declaration>,
    ) {
        let members = message.field.iter().map(|field| field.name.as_deref());
        let path = self.declare(message.name.as_deref(), outer, at, step::MESSAGE_FIELD, members, found);
        for (index, inner) in (0..).zip(&message.nested_type) {
            self.message(inner, &path, &[at, &[step::MESSAGE_MESSAGE, index]].concat(), found);
        }
        for (index, inner) in (0..).zip(&message.enum_type) {
            self.enumeration(inner, &path, &[at, &[step::MESSAGE_ENUM, index]].concat(), found);
        }
    }

    fn enumeration(
        &self,
        enumeration: &EnumDescriptorProto,
        outer: &[String],
        at: &[i32],
        found: &mut BTreeMap<String, Declaration>,
    ) {
        let members = enumeration.value.iter().map(|value| value.name.as_deref());
        self.declare(enumeration.name.as_deref(), outer, at, step::ENUM_VALUE, members, found);
    }

    /// Notes a declaration and returns its path.
    fn declare<'b>(
        &self,
        name: Option<&str>,
        outer: &[String],
        at: &[i32],
        member_step: i32,
        members: impl Iterator<Item = Option<&'b str>>,
        found: &mut BTreeMap<String, Declaration>,
    ) -> Vec<String> {
        let path = [outer, &[name.unwrap_or_default().to_owned()]].concat();
        let comment = |at: &[i32]| self.comments.get(at).cloned().unwrap_or_default();
        let member_comments = (0..)
            .zip(members)
            .filter_map(|(index, name)| Some((name?.to_owned(), comment(&[at, &[member_step, index]].concat()))));
        let declaration = Declaration {
            package: self.package.to_owned(),
            comment: comment(at),
            member_comments: member_comments.collect(),
            path: path.clone(),
        };
        let dotted = path.join(".");
        let full_name = if self.package.is_empty() { dotted } else { format!("{}.{dotted}", self.package) };
        found.insert(full_name, declaration);
        path
    }
}

/// A comment without the space that each line begins with.
fn tidy(comment: &str) -> String {
    let lines: Vec<&str> = comment.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}
