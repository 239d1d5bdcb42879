//! What payloads may hold, from outside: JSON in, violations out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::schema::{Schema, Source, Spending};
use crate::transcode::{Options, Transcoder};

mod cel;
mod cost;
mod standard;
mod table;

/// 2026-11-20T10:30:45Z.
const NOW: Duration = Duration::from_secs(1_795_170_645);

/// A schema, and what is said about JSON payloads of its events.
struct Fixture {
    schema: Schema,
    transcoder: Transcoder,
}

impl Fixture {
    fn new(messages: &str) -> Self {
        Fixture::try_new(messages).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_new(messages: &str) -> Result<Self, String> {
        let head = "import \"buf/validate/validate.proto\"; import \"rialto/v1/options.proto\";
            import \"google/protobuf/any.proto\"; import \"google/protobuf/duration.proto\";
            import \"google/protobuf/field_mask.proto\"; import \"google/protobuf/struct.proto\";
            import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/wrappers.proto\";";
        let syntax = if messages.contains("optional int32 proto2") { "proto2" } else { "proto3" };
        let folder = tempfile::tempdir().unwrap();
        let text = format!("syntax = \"{syntax}\"; package t.v1; {head}\n{messages}");
        std::fs::write(folder.path().join("t.proto"), text).unwrap();
        let schema = Schema::load(&[Source::Folder(folder.path().to_owned())]).map_err(|error| error.to_string())?;
        let transcoder = Transcoder::new(schema.pool(), Options { refuse_non_finite: false, ..Options::default() });
        Ok(Fixture { schema, transcoder })
    }

    /// One event `e` with these fields.
    fn event(fields: &str) -> Self {
        Fixture::new(&format!("message E {{ option (rialto.v1.event) = {{ type: \"e\" }}; {fields} }}"))
    }

    /// What is wrong with this payload of the event `e`.
    fn said(&self, json: &str) -> Vec<String> {
        self.said_of("e", json)
    }

    fn said_of(&self, event: &str, json: &str) -> Vec<String> {
        let event = self.schema.event(event).unwrap();
        let payload = self.transcoder.from_json(event.message, json.as_bytes());
        let payload = payload.unwrap_or_else(|error| panic!("{json}: {error}"));
        self.said_of_bytes(&payload)
    }

    fn said_of_bytes(&self, payload: &[u8]) -> Vec<String> {
        let event = self.schema.event("e").unwrap();
        let found =
            self.schema.validate(event, payload, now(), &mut Spending::of_publisher()).err().unwrap_or_default();
        found.iter().map(|violation| format!("{}: {}", violation.path, violation.description())).collect()
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + NOW
}
