//! The messages, enums, extensions and files that a schema's author wrote, by name, as the files declare them.

use std::collections::BTreeMap;

use buffa_descriptor::DescriptorPool;
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

use crate::schema::load::is_given;
use crate::schema::places::Site;

/// Everything that can be compared by name.
pub(in crate::schema) struct Elements<'a> {
    pub(in crate::schema) files: BTreeMap<&'a str, FileElement<'a>>,
    pub(in crate::schema) messages: BTreeMap<String, Element<'a, DescriptorProto>>,
    pub(in crate::schema) enums: BTreeMap<String, Element<'a, EnumDescriptorProto>>,
    pub(in crate::schema) extensions: BTreeMap<String, Element<'a, FieldDescriptorProto>>,
}

/// One file.
pub(in crate::schema) struct FileElement<'a> {
    pub(in crate::schema) site: Site,
    pub(in crate::schema) package: &'a str,
}

/// One message, enum or extension.
pub(in crate::schema) struct Element<'a, D> {
    pub(in crate::schema) site: Site,
    pub(in crate::schema) descriptor: &'a D,
}

impl<'a> Elements<'a> {
    /// Those of a pool, without Rialto's own files and Google's.
    pub(in crate::schema) fn of(pool: &'a DescriptorPool) -> Self {
        let mut elements = Elements {
            files: BTreeMap::new(),
            messages: BTreeMap::new(),
            enums: BTreeMap::new(),
            extensions: BTreeMap::new(),
        };
        let named = |file: &'a FileDescriptorProto| file.name.as_deref().unwrap_or_default();
        for (index, file) in pool.files().iter().enumerate().filter(|(_, file)| !is_given(named(file))) {
            let package = file.package.as_deref().unwrap_or_default();
            let site = |step: i32, number: i32| Site { file: index, path: vec![step, number] };
            elements.files.insert(named(file), FileElement { site: Site { file: index, path: vec![2] }, package });
            for (number, message) in (0..).zip(&file.message_type) {
                elements.add_message(package, site(4, number), message);
            }
            for (number, descriptor) in (0..).zip(&file.enum_type) {
                elements.add_enum(package, site(5, number), descriptor);
            }
            for (number, descriptor) in (0..).zip(&file.extension) {
                elements.add_extension(package, site(7, number), descriptor);
            }
        }
        elements
    }

    fn add_message(&mut self, scope: &str, site: Site, descriptor: &'a DescriptorProto) {
        let name = full_name(scope, descriptor.name.as_deref());
        for (number, nested) in (0..).zip(&descriptor.nested_type) {
            self.add_message(&name, site.inside(&[3, number]), nested);
        }
        for (number, nested) in (0..).zip(&descriptor.enum_type) {
            self.add_enum(&name, site.inside(&[4, number]), nested);
        }
        for (number, nested) in (0..).zip(&descriptor.extension) {
            self.add_extension(&name, site.inside(&[6, number]), nested);
        }
        self.messages.insert(name, Element { site, descriptor });
    }

    fn add_extension(&mut self, scope: &str, site: Site, descriptor: &'a FieldDescriptorProto) {
        self.extensions.insert(full_name(scope, descriptor.name.as_deref()), Element { site, descriptor });
    }

    fn add_enum(&mut self, scope: &str, site: Site, descriptor: &'a EnumDescriptorProto) {
        self.enums.insert(full_name(scope, descriptor.name.as_deref()), Element { site, descriptor });
    }
}

fn full_name(scope: &str, name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
