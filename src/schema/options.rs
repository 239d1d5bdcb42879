//! Rialto's own options, read from the bytes in which descriptors carry them.
//!
//! An option that this version does not know is a mistake, never silence: it may be a promise that nobody keeps.

use buffa::unknown_fields::{UnknownFieldData, UnknownFields};
use buffa_descriptor::{DescriptorPool, FieldKind, MessageDescriptor, SingularKind};
use prost::Message;

use super::scan::{Fields, Wire};

/// `rialto.v1.event` in `MessageOptions`.
pub(super) const EVENT: i32 = 51_820;
/// `rialto.v1.channel` in `MessageOptions`.
pub(super) const CHANNEL: i32 = 51_821;
/// `rialto.v1.field` in `FieldOptions`.
pub(super) const FIELD: i32 = 51_822;
/// `buf.validate.message`, `.oneof` and `.field`, each in its kind of options.
pub(super) const VALIDATE: i32 = 1_159;

/// Why an option cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OptionError {
    /// Not the bytes of its message.
    Malformed,
    /// Holds a member that this version does not know, by number.
    Unknown(u32),
}

/// Whether the option is set.
pub(super) fn is_set(options: &UnknownFields, number: i32) -> bool {
    options.iter().any(|field| i64::from(field.number) == i64::from(number))
}

/// Reads the option of this number, whose message is `message_name`.
pub(super) fn read<M: Message + Default>(
    options: &UnknownFields,
    number: i32,
    message_name: &str,
    pool: &DescriptorPool,
) -> Option<Result<M, OptionError>> {
    if !is_set(options, number) {
        return None;
    }
    let mut bytes = Vec::new();
    for field in options.iter().filter(|field| i64::from(field.number) == i64::from(number)) {
        match &field.data {
            // Several occurrences of a message are merged, and merging is joining their bytes.
            UnknownFieldData::LengthDelimited(part) => bytes.extend_from_slice(part),
            _ => return Some(Err(OptionError::Malformed)),
        }
    }
    let known = pool.message_by_name(message_name).map_or(Ok(()), |message| check_known(&bytes, message, pool));
    Some(known.and_then(|()| M::decode(&*bytes).map_err(|_| OptionError::Malformed)))
}

fn check_known(bytes: &[u8], message: &MessageDescriptor, pool: &DescriptorPool) -> Result<(), OptionError> {
    for field in Fields::new(bytes) {
        let (number, wire) = field.map_err(|_| OptionError::Malformed)?;
        let descriptor = message.field(number).ok_or(OptionError::Unknown(number))?;
        let kind = match descriptor.kind() {
            FieldKind::Singular(kind) | FieldKind::List(kind) => kind,
            _ => continue,
        };
        if let (SingularKind::Message(inner), Wire::Bytes(bytes)) = (kind, wire) {
            check_known(bytes, pool.message(inner), pool)?;
        }
    }
    Ok(())
}
