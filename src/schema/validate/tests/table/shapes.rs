//! Rules of enums, lists, maps, well-known types and oneofs, and of being there at all.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    // Enums.
    ("Size v = 1 [(buf.validate.field).enum.const = 1];", &["\"SIZE_SMALL\""], &[("2", "v: must be 1 [enum.const]")]),
    (
        "Size v = 1 [(buf.validate.field).enum.defined_only = true];",
        &["\"SIZE_SMALL\"", "0"],
        &[("77", "v: must be one of the values that have a name [enum.defined_only]")],
    ),
    ("Size v = 1 [(buf.validate.field).enum = { in: [1, 2] }];", &["1"], &[("0", "v: must be one of 1, 2 [enum.in]")]),
    (
        "Size v = 1 [(buf.validate.field).enum = { not_in: [0] }];",
        &["1"],
        &[("0", "v: must not be one of 0 [enum.not_in]")],
    ),
    // Lists and maps.
    (
        "repeated string v = 1 [(buf.validate.field).repeated = { min_items: 1 max_items: 2 }];",
        &["[\"a\"]"],
        &[
            ("[]", "v: must have at least 1 item [repeated.min_items]"),
            ("[\"a\",\"b\",\"c\"]", "v: must have at most 2 items [repeated.max_items]"),
        ],
    ),
    (
        "repeated double v = 1 [(buf.validate.field).repeated.unique = true];",
        &["[1, 2]", "[\"NaN\", \"NaN\"]"],
        &[
            ("[1, 2, 1]", "v: must not have an item twice [repeated.unique]"),
            ("[0, -0.0]", "v: must not have an item twice [repeated.unique]"),
        ],
    ),
    (
        "repeated string v = 1 [(buf.validate.field).repeated.items.string.min_len = 1];",
        &["[\"a\"]", "[]"],
        &[("[\"a\", \"\"]", "v[1]: must have at least 1 character [string.min_len]")],
    ),
    (
        "repeated google.protobuf.Duration v = 1 [(buf.validate.field).repeated.items.duration.gt = { seconds: 1 }];",
        &["[\"2s\"]"],
        &[("[\"2s\", \"1s\"]", "v[1]: must be greater than 1s [duration.gt]")],
    ),
    (
        "map<string, int32> v = 1 [(buf.validate.field).map = { min_pairs: 1 max_pairs: 2 }];",
        &["{\"a\":1}"],
        &[
            ("{}", "v: must have at least 1 pair [map.min_pairs]"),
            ("{\"a\":1,\"b\":1,\"c\":1}", "v: must have at most 2 pairs [map.max_pairs]"),
        ],
    ),
    (
        "map<string, int32> v = 1 [(buf.validate.field).map.keys.string.max_len = 1];",
        &["{\"a\":1}"],
        &[("{\"a\":1,\"secret\":1}", "v[1]: must have at most 1 character [string.max_len]")],
    ),
    (
        "map<string, int32> v = 1 [(buf.validate.field).map.values.int32.gt = 0];",
        &["{\"a\":1}"],
        &[("{\"a\":1,\"b\":0}", "v[1]: must be greater than 0 [int32.gt]")],
    ),
    // Time.
    (
        "google.protobuf.Duration v = 1 [(buf.validate.field).duration = { gte: { nanos: 500000000 } lt: { seconds: 60 } }];",
        &["\"0.5s\"", "\"59.999s\""],
        &[
            ("\"60s\"", "v: must be at least 0.5s and less than 60s [duration.gte_lt]"),
            ("\"-1s\"", "v: must be at least 0.5s and less than 60s [duration.gte_lt]"),
        ],
    ),
    (
        "google.protobuf.Duration v = 1 [(buf.validate.field).duration = { const: { seconds: 3 } }];",
        &["\"3s\""],
        &[("\"4s\"", "v: must be 3s [duration.const]")],
    ),
    (
        "google.protobuf.Duration v = 1 [(buf.validate.field).duration = { in: [{ seconds: 3 }, { seconds: 4 }] }];",
        &["\"3s\""],
        &[("\"5s\"", "v: must be one of 3s, 4s [duration.in]")],
    ),
    (
        "google.protobuf.Timestamp v = 1 [(buf.validate.field).timestamp = { gt: { seconds: 1700000000 } }];",
        &["\"2024-01-01T00:00:00Z\""],
        &[("\"2020-01-01T00:00:00Z\"", "v: must be greater than 2023-11-14T22:13:20Z [timestamp.gt]")],
    ),
    (
        "google.protobuf.Timestamp v = 1 [(buf.validate.field).timestamp.lt_now = true];",
        &["\"2026-11-20T10:30:44Z\""],
        &[("\"2026-11-20T10:30:46Z\"", "v: must be in the past [timestamp.lt_now]")],
    ),
    (
        "google.protobuf.Timestamp v = 1 [(buf.validate.field).timestamp.gt_now = true];",
        &["\"2026-11-20T10:30:46Z\""],
        &[("\"1969-11-20T10:30:44Z\"", "v: must be in the future [timestamp.gt_now]")],
    ),
    (
        "google.protobuf.Timestamp v = 1 [(buf.validate.field).timestamp.within = { seconds: 5 }];",
        &["\"2026-11-20T10:30:50Z\"", "\"2026-11-20T10:30:40Z\""],
        &[("\"2026-11-20T10:30:51Z\"", "v: must be within 5s of now [timestamp.within]")],
    ),
    // Other well-known types.
    (
        "google.protobuf.StringValue v = 1 [(buf.validate.field).string.min_len = 2];",
        &["\"ab\"", "null"],
        &[
            ("\"a\"", "v: must have at least 2 characters [string.min_len]"),
            ("\"\"", "v: must have at least 2 characters [string.min_len]"),
        ],
    ),
    (
        "google.protobuf.Int64Value v = 1 [(buf.validate.field).int64.gt = 5];",
        &["6"],
        &[("0", "v: must be greater than 5 [int64.gt]")],
    ),
    (
        "google.protobuf.Any v = 1 [(buf.validate.field).any = { in: [\"type.googleapis.com/google.protobuf.Duration\"] }];",
        &["{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"1s\"}"],
        &[(
            "{\"@type\":\"type.googleapis.com/google.protobuf.Timestamp\",\"value\":\"2026-11-20T10:30:50Z\"}",
            "v: must be of one of the types [\"type.googleapis.com/google.protobuf.Duration\"] [any.in]",
        )],
    ),
    (
        "google.protobuf.FieldMask v = 1 [(buf.validate.field).field_mask = { in: [\"a\", \"b.c\"] }];",
        &["\"a,b.c,a.x\""],
        &[("\"a,b\"", "v: must have only paths in [\"a\", \"b.c\"] [field_mask.in]")],
    ),
    (
        "google.protobuf.FieldMask v = 1 [(buf.validate.field).field_mask = { not_in: [\"a\"] }];",
        &["\"b\""],
        &[("\"a.b\"", "v: must not have paths in [\"a\"] [field_mask.not_in]")],
    ),
    // Being there.
    ("string v = 1 [(buf.validate.field).required = true];", &["\"a\""], &[("\"\"", "v: is required")]),
    ("optional string v = 1 [(buf.validate.field).required = true];", &["\"\""], &[("null", "v: is required")]),
    ("repeated int32 v = 1 [(buf.validate.field).required = true];", &["[0]"], &[("[]", "v: is required")]),
    (
        "google.protobuf.Duration v = 1 [(buf.validate.field).required = true];",
        &["\"0s\""],
        &[("null", "v: is required")],
    ),
    (
        "optional string v = 1 [(buf.validate.field).string.min_len = 2];",
        &["null", "\"ab\""],
        &[("\"\"", "v: must have at least 2 characters [string.min_len]")],
    ),
    (
        "string v = 1 [(buf.validate.field) = { ignore: IGNORE_IF_ZERO_VALUE string: { min_len: 2 } }];",
        &["\"\"", "\"ab\""],
        &[("\"a\"", "v: must have at least 2 characters [string.min_len]")],
    ),
    (
        "optional string v = 1 [(buf.validate.field) = { ignore: IGNORE_IF_ZERO_VALUE string: { min_len: 2 } }];",
        &["\"\"", "null"],
        &[("\"a\"", "v: must have at least 2 characters [string.min_len]")],
    ),
    (
        "repeated string v = 1 [(buf.validate.field).repeated.items = { ignore: IGNORE_IF_ZERO_VALUE string: { min_len: 2 } }];",
        &["[\"\", \"ab\"]"],
        &[("[\"\", \"a\"]", "v[1]: must have at least 2 characters [string.min_len]")],
    ),
    (
        "string v = 1 [(buf.validate.field) = { ignore: IGNORE_ALWAYS required: true string: { min_len: 2 } }];",
        &["\"\"", "\"a\""],
        &[],
    ),
    // Oneofs.
    (
        "oneof pick { option (buf.validate.oneof).required = true; int32 v = 1; int32 w = 2; }",
        &["0"],
        &[("null", "pick: one of its members must be set")],
    ),
    (
        "int32 v = 1; int32 w = 2; option (buf.validate.message).oneof = { fields: [\"v\", \"w\"] required: true };",
        &["1"],
        &[
            ("0", ": one of v, w must be set [message.oneof]"),
            ("1,\"w\":2", ": only one of v, w can be set [message.oneof]"),
        ],
    ),
];
