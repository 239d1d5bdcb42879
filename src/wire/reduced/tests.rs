//! Frames with less in them, against frames that were written for that.

use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::ids::EventId;
use crate::proto::rialto::v1::Frame;
use crate::schema::Schema;
use crate::schema::fixture::one_file;
use crate::transcode::Options;
use crate::wire::EventFrame;
use crate::wire::binary::put_metadata;
use crate::wire::fixture::both_forms;
use crate::wire::websocket::frame_len;

const SHOP: &str = r#"
syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{id}" }; string id = 1; }
message Placed {
  option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] };
  string id = 1;
  string email = 2 [(rialto.v1.field).visible_to = "staff"];
  int32 count = 3;
}
message Plain { option (rialto.v1.event) = { type: "order.plain", channels: ["OrderChannel"] }; string id = 1; }
"#;

#[derive(Clone, PartialEq, prost::Message)]
struct Placed {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    email: String,
    #[prost(int32, tag = "3")]
    count: i32,
}

struct Shop {
    schema: Schema,
    transcoder: Arc<Transcoder>,
    reducer: FrameReducer,
}

impl Shop {
    fn new() -> Shop {
        let schema = Schema::load(&one_file(SHOP)).unwrap();
        let transcoder = Arc::new(Transcoder::of(&schema, Options::default()));
        let reducer = FrameReducer::of(schema.event("order.placed").unwrap(), &transcoder).unwrap();
        Shop { schema, transcoder, reducer }
    }

    /// The frame of a payload as the log has it, and as it is made for an audience.
    fn frames(&self, event: &EventFrame<'_>, form: Form, audience: Audience) -> [Vec<u8>; 2] {
        let ([json, binary], mut reduced) = (both_forms(event), b"before".to_vec());
        let frame = if form == Form::Json { &json } else { &binary };
        let whole = Whole { frame, form, data_bytes: event.data.len(), binary: &binary };
        self.reducer.reduce(&whole, audience, &mut reduced);
        let reduced = reduced.split_off(6);
        assert_eq!(frame_len(&reduced), Some(reduced.len()), "a whole frame");
        assert_eq!(reduced[0], frame[0], "of the same kind");
        [frame.clone(), reduced]
    }
}

fn parsed(frame: &[u8]) -> Value {
    serde_json::from_slice(payload(frame).unwrap()).unwrap()
}

fn decoded(frame: &[u8]) -> Frame {
    Frame::decode(payload(frame).unwrap()).unwrap()
}

#[test]
fn an_event_of_which_everybody_sees_all_needs_none() {
    let shop = Shop::new();
    assert!(FrameReducer::of(shop.schema.event("order.plain").unwrap(), &shop.transcoder).is_none());
}

#[test]
fn what_cannot_be_reduced_goes_out_without_any_payload() {
    let shop = Shop::new();
    let event = EventFrame {
        event_type: "order.placed",
        channel: "order:1",
        unix_ms: 1_000,
        id: EventId::new(5, [9; 10]),
        reply_to: None,
        metadata: b"",
        metadata_wire: b"",
        data: br#"{"email":"ann@example.com"}"#,
        payload: b"\x12\x7fann@example.com",
    };
    let [_, json] = shop.frames(&event, Form::Json, Audience::NONE);
    assert_eq!(parsed(&json)["data"], json!({}));
    let [_, binary] = shop.frames(&event, Form::Binary, Audience::NONE);
    assert!(decoded(&binary).data.is_empty() && decoded(&binary).r#type == "order.placed");
    assert_eq!(shop.transcoder.withheld_count(), 2);
}

proptest! {
    #[test]
    fn the_envelope_stays_and_the_payload_loses_what_is_hidden(
        id in "\\PC{0,20}",
        email in "[a-z@]{0,300}",
        count in any::<i32>(),
        reply_to in prop::option::of("[\\x00-\\x7Fé]{1,20}"),
        channel in "\\PC{1,20}",
        metadata in prop::sample::select(vec![None, Some("d,}\"ata")]),
        sees in any::<bool>(),
    ) {
        let shop = Shop::new();
        let payload = Placed { id: id.clone(), email: email.clone(), count }.encode_to_vec();
        let (mut data, mut wire) = (Vec::new(), Vec::new());
        shop.transcoder.to_json(shop.reducer.message, &payload, &mut data).unwrap();
        let metadata = metadata.map(|text| {
            put_metadata(&mut wire, "k", text);
            json!({ "k": text }).to_string()
        });
        let event = EventFrame {
            event_type: "order.placed",
            channel: &channel,
            unix_ms: 1_000,
            id: EventId::new(5, [9; 10]),
            reply_to: reply_to.as_deref(),
            metadata: metadata.as_deref().unwrap_or_default().as_bytes(),
            metadata_wire: &wire,
            data: &data,
            payload: &payload,
        };
        let audience = if sees { Audience::ALL } else { Audience::NONE };
        let [whole, reduced] = shop.frames(&event, Form::Json, audience);
        let mut expected = parsed(&whole);
        if !sees {
            expected["data"].as_object_mut().unwrap().remove("email");
        }
        prop_assert_eq!(parsed(&reduced), expected);
        prop_assert!(!sees || whole == reduced);
        let [whole, reduced] = shop.frames(&event, Form::Binary, audience);
        let mut expected = decoded(&whole);
        if !sees {
            expected.data = Placed { id, email: String::new(), count }.encode_to_vec().into();
        }
        prop_assert_eq!(decoded(&reduced), expected);
        prop_assert!(!sees || whole == reduced);
    }
}
