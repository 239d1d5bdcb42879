//! What is written from a schema, for people and programs beside the bridge.
//!
//! Pure and deterministic: the same schema gives the same text.

mod json_schema;

pub use json_schema::json_schema;
