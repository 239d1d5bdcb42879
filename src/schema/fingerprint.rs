//! The hash that names one revision of a schema.

use buffa::Message as _;
use buffa_descriptor::DescriptorPool;
use buffa_descriptor::generated::descriptor::FileDescriptorProto;
use sha2::{Digest as _, Sha256};

use super::load::is_given;

/// SHA-256 over the descriptors of the schema's own files, sorted by name, without source info and what tools add of
/// their own; lower-case hex.
pub(super) fn fingerprint(pool: &DescriptorPool) -> String {
    let mut files: Vec<&FileDescriptorProto> =
        pool.files().iter().filter(|file| !is_given(file.name.as_deref().unwrap_or_default())).collect();
    files.sort_by(|left, right| left.name.cmp(&right.name));
    let mut hash = Sha256::new();
    for file in files {
        let file = FileDescriptorProto {
            source_code_info: Default::default(),
            __buffa_unknown_fields: Default::default(),
            ..file.clone()
        };
        let bytes = file.encode_to_vec();
        // The length first, so that no two lists of files are the same bytes.
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(&bytes);
    }
    hex::encode(hash.finalize())
}
