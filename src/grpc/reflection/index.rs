//! Where each name of a revision is declared.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use buffa::Message as _;
use buffa_descriptor::DescriptorPool;
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
};

use crate::revision::Revision;

/// The files of services on the port that a schema does not bring along.
const BESIDE: [&[u8]; 3] = [
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Names to files, for one revision.
pub(super) struct Index {
    pub(super) revision: u32,
    pool: Arc<DescriptorPool>,
    beside: Vec<FileDescriptorProto>,
    /// Places in the pool's files, and behind them in those beside.
    files: HashMap<String, usize>,
    symbols: HashMap<String, usize>,
    messages: BTreeSet<String>,
    /// By the message that is extended.
    extensions: HashMap<String, Vec<(i32, usize)>>,
}

impl Index {
    pub(super) fn new(revision: &Revision) -> Self {
        let pool = Arc::clone(revision.schema.pool());
        let mut index = Index {
            revision: revision.number,
            beside: Vec::new(),
            files: HashMap::new(),
            symbols: HashMap::new(),
            messages: BTreeSet::new(),
            extensions: HashMap::new(),
            pool: Arc::clone(&pool),
        };
        for (place, file) in pool.files().iter().enumerate() {
            index.add(place, file);
        }
        for set in BESIDE {
            let files = FileDescriptorSet::decode_from_slice(set).map(|set| set.file).unwrap_or_default();
            for file in files {
                if !index.files.contains_key(file.name.as_deref().unwrap_or_default()) {
                    index.add(pool.files().len() + index.beside.len(), &file);
                    index.beside.push(file);
                }
            }
        }
        index
    }

    /// The file of this name, encoded.
    pub(super) fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.encoded(*self.files.get(name)?)
    }

    /// The file that declares this name: a message, a field, an enum or one of its values, a service, a method.
    pub(super) fn file_of_symbol(&self, symbol: &str) -> Option<Vec<u8>> {
        self.encoded(*self.symbols.get(symbol.strip_prefix('.').unwrap_or(symbol))?)
    }

    /// The file that declares this extension of a message.
    pub(super) fn file_of_extension(&self, message: &str, number: i32) -> Option<Vec<u8>> {
        let extensions = self.extensions.get(message)?;
        self.encoded(extensions.iter().find(|(known, _)| *known == number)?.1)
    }

    /// The numbers of a message's extensions. `None`: there is no such message.
    pub(super) fn extensions_of(&self, message: &str) -> Option<Vec<i32>> {
        let numbers = |extensions: &Vec<(i32, usize)>| extensions.iter().map(|(number, _)| *number).collect();
        self.messages.contains(message).then(|| self.extensions.get(message).map_or_else(Vec::new, numbers))
    }

    fn encoded(&self, place: usize) -> Option<Vec<u8>> {
        let files = self.pool.files();
        files.get(place).or_else(|| self.beside.get(place - files.len())).map(|file| file.encode_to_vec())
    }

    fn add(&mut self, place: usize, file: &FileDescriptorProto) {
        self.files.insert(file.name.clone().unwrap_or_default(), place);
        let package = file.package.as_deref().unwrap_or_default();
        file.message_type.iter().for_each(|message| self.add_message(place, package, message));
        file.enum_type.iter().for_each(|declared| self.add_enum(place, package, declared));
        file.extension.iter().for_each(|extension| self.add_extension(place, package, extension));
        for service in &file.service {
            let name = self.add_symbol(place, package, service.name.as_deref());
            for method in &service.method {
                self.add_symbol(place, &name, method.name.as_deref());
            }
        }
    }

    fn add_message(&mut self, place: usize, scope: &str, message: &DescriptorProto) {
        let name = self.add_symbol(place, scope, message.name.as_deref());
        for field in &message.field {
            self.add_symbol(place, &name, field.name.as_deref());
        }
        for oneof in &message.oneof_decl {
            self.add_symbol(place, &name, oneof.name.as_deref());
        }
        message.nested_type.iter().for_each(|nested| self.add_message(place, &name, nested));
        message.enum_type.iter().for_each(|declared| self.add_enum(place, &name, declared));
        message.extension.iter().for_each(|extension| self.add_extension(place, &name, extension));
        self.messages.insert(name);
    }

    fn add_enum(&mut self, place: usize, scope: &str, declared: &EnumDescriptorProto) {
        self.add_symbol(place, scope, declared.name.as_deref());
        for value in &declared.value {
            // Values are siblings of their enum, as in C++.
            self.add_symbol(place, scope, value.name.as_deref());
        }
    }

    fn add_extension(&mut self, place: usize, scope: &str, extension: &FieldDescriptorProto) {
        self.add_symbol(place, scope, extension.name.as_deref());
        let extended = extension.extendee.as_deref().unwrap_or_default().trim_start_matches('.').to_owned();
        self.extensions.entry(extended).or_default().push((extension.number.unwrap_or_default(), place));
    }

    fn add_symbol(&mut self, place: usize, scope: &str, name: Option<&str>) -> String {
        let name = name.unwrap_or_default();
        let symbol = if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") };
        self.symbols.insert(symbol.clone(), place);
        symbol
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::transcode::Options;

    #[test]
    fn every_name_and_every_extension_leads_to_its_file() {
        let index = Index::new(&Revision::first(Schema::bundled(), Options::default()));
        let name = |file: Option<Vec<u8>>| file.map(|file| FileDescriptorProto::decode_from_slice(&file).unwrap().name);
        let options = "rialto/v1/options.proto";
        for (symbol, file) in [
            ("rialto.v1.EventOptions", options),
            (".rialto.v1.EventOptions", options),
            ("rialto.v1.EventOptions.delivery", options),
            ("rialto.v1.Delivery", options),
            // A sibling of its enum.
            ("rialto.v1.DELIVERY_LATEST", options),
            ("rialto.v1.event", options),
            ("rialto.v1.Event.body", "rialto/v1/publisher.proto"),
            ("rialto.v1.Frame.MetadataEntry", "rialto/v1/socket.proto"),
            ("rialto.v1.PublisherService.PublishStream", "rialto/v1/publisher.proto"),
            ("project.v1.ProcessProgress", "project/v1/project.proto"),
            ("google.rpc.BadRequest.FieldViolation", "google/rpc/error_details.proto"),
            ("grpc.reflection.v1.ServerReflection", "reflection_v1.proto"),
        ] {
            assert_eq!(name(index.file_of_symbol(symbol)), Some(Some(file.to_owned())), "{symbol}");
            assert_eq!(name(index.file(file)), Some(Some(file.to_owned())));
        }
        for symbol in ["", "rialto", "rialto.v1.Delivery.DELIVERY_LATEST", "rialto.v1.NoSuch"] {
            assert_eq!(name(index.file_of_symbol(symbol)), None, "{symbol}");
        }
        let (message, event) = ("google.protobuf.MessageOptions", 51820);
        assert_eq!(name(index.file_of_extension(message, event)), Some(Some(options.to_owned())));
        assert!(index.extensions_of(message).is_some_and(|numbers| numbers.contains(&event)));
        assert_eq!(name(index.file_of_extension("google.protobuf.FieldOptions", event)), None);
        assert_eq!(index.extensions_of("rialto.v1.Frame"), Some(Vec::new()));
        assert_eq!(index.extensions_of("rialto.v1.NoSuch"), None);
    }
}
