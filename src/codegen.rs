//! From a schema to files: the clients that other languages use.
//!
//! Pure: a [`Schema`](crate::schema::Schema) in, [`File`]s out, the same bytes every time. Who calls writes them.

pub mod typescript;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the output folder, with slashes.
    pub path: String,
    /// What it holds.
    pub text: String,
}
