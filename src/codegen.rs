//! From a schema to files: the clients that other languages use, and descriptions of the schema for programs.
//!
//! Pure: a [`Schema`](crate::schema::Schema) in, [`File`]s out, the same bytes every time. Who calls writes them.

mod json_schema;
pub mod typescript;

pub use json_schema::json_schema;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the output folder, with slashes.
    pub path: String,
    /// What it holds.
    pub text: String,
}
