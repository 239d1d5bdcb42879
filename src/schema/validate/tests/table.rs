//! The standard rules, row by row.

pub(super) type Row = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// The field `v`, JSON of it that is accepted, JSON that is not, and what is said then.
pub(super) const TABLE: &[Row] = &[
    // Numbers.
    ("int32 v = 1 [(buf.validate.field).int32.const = 7];", &["7"], &[("8", "v: must be 7 [int32.const]")]),
    (
        "int32 v = 1 [(buf.validate.field).int32 = { gt: 1 lt: 5 }];",
        &["2", "4"],
        &[
            ("1", "v: must be greater than 1 and less than 5 [int32.gt_lt]"),
            ("5", "v: must be greater than 1 and less than 5 [int32.gt_lt]"),
        ],
    ),
    (
        "int64 v = 1 [(buf.validate.field).int64 = { gte: 5 lte: 1 }];",
        &["0", "1", "5"],
        &[("3", "v: must be at least 5 or at most 1 [int64.gte_lte_exclusive]")],
    ),
    ("sint32 v = 1 [(buf.validate.field).sint32.gte = -3];", &["-3"], &[("-4", "v: must be at least -3 [sint32.gte]")]),
    ("sint64 v = 1 [(buf.validate.field).sint64.lt = -3];", &["-4"], &[("0", "v: must be less than -3 [sint64.lt]")]),
    ("uint32 v = 1 [(buf.validate.field).uint32.lte = 9];", &["9"], &[("10", "v: must be at most 9 [uint32.lte]")]),
    (
        "uint64 v = 1 [(buf.validate.field).uint64.gt = 9223372036854775807];",
        &["\"9223372036854775808\""],
        &[("1", "v: must be greater than 9223372036854775807 [uint64.gt]")],
    ),
    (
        "fixed32 v = 1 [(buf.validate.field).fixed32 = { in: [1, 2] }];",
        &["1", "2"],
        &[("0", "v: must be one of 1, 2 [fixed32.in]")],
    ),
    (
        "fixed64 v = 1 [(buf.validate.field).fixed64 = { not_in: [1, 2] }];",
        &["3"],
        &[("2", "v: must not be one of 1, 2 [fixed64.not_in]")],
    ),
    (
        "sfixed32 v = 1 [(buf.validate.field).sfixed32.gt = 0];",
        &["1"],
        &[("-1", "v: must be greater than 0 [sfixed32.gt]")],
    ),
    (
        "sfixed64 v = 1 [(buf.validate.field).sfixed64.lte = 0];",
        &["-1"],
        &[("1", "v: must be at most 0 [sfixed64.lte]")],
    ),
    (
        "float v = 1 [(buf.validate.field).float = { gte: 0.1 lt: 1 }];",
        &["0.1", "0.5"],
        &[
            ("1", "v: must be at least 0.1 and less than 1 [float.gte_lt]"),
            ("\"NaN\"", "v: must be at least 0.1 and less than 1 [float.gte_lt]"),
        ],
    ),
    (
        "double v = 1 [(buf.validate.field).double.finite = true];",
        &["1e300"],
        &[("\"Infinity\"", "v: must be finite [double.finite]")],
    ),
    ("bool v = 1 [(buf.validate.field).bool.const = true];", &["true"], &[("false", "v: must be true [bool.const]")]),
    // Strings.
    (
        "string v = 1 [(buf.validate.field).string.const = \"a\"];",
        &["\"a\""],
        &[("\"b\"", "v: must be \"a\" [string.const]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.len = 2];",
        &["\"äö\""],
        &[("\"a\"", "v: must have 2 characters [string.len]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string = { min_len: 1 max_len: 3 }];",
        &["\"ä\"", "\"abc\""],
        &[
            ("\"\"", "v: must have at least 1 character [string.min_len]"),
            ("\"abcd\"", "v: must have at most 3 characters [string.max_len]"),
        ],
    ),
    (
        "string v = 1 [(buf.validate.field).string.len_bytes = 2];",
        &["\"ä\""],
        &[("\"a\"", "v: must have 2 bytes [string.len_bytes]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string = { min_bytes: 2 max_bytes: 3 }];",
        &["\"ä\""],
        &[
            ("\"a\"", "v: must have at least 2 bytes [string.min_bytes]"),
            ("\"ää\"", "v: must have at most 3 bytes [string.max_bytes]"),
        ],
    ),
    (
        "string v = 1 [(buf.validate.field).string.pattern = \"^[a-z]+$\"];",
        &["\"abc\""],
        &[("\"a1\"", "v: must match the pattern \"^[a-z]+$\" [string.pattern]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string = { prefix: \"a\" suffix: \"z\" contains: \"-\" not_contains: \"_\" }];",
        &["\"a-z\""],
        &[
            ("\"b-z\"", "v: must begin with \"a\" [string.prefix]"),
            ("\"a-y\"", "v: must end with \"z\" [string.suffix]"),
            ("\"az\"", "v: must contain \"-\" [string.contains]"),
            ("\"a-_z\"", "v: must not contain \"_\" [string.not_contains]"),
        ],
    ),
    (
        "string v = 1 [(buf.validate.field).string = { in: [\"a\", \"b\"] }];",
        &["\"a\""],
        &[("\"c\"", "v: must be one of [\"a\", \"b\"] [string.in]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string = { not_in: [\"a\"] }];",
        &["\"b\""],
        &[("\"a\"", "v: must not be one of [\"a\"] [string.not_in]")],
    ),
    // Formats.
    (
        "string v = 1 [(buf.validate.field).string.email = true];",
        &["\"a.b+c@example.com\"", "\"a@localhost\""],
        &[
            ("\"a\"", "v: must be an email address [string.email]"),
            ("\"a@-b.c\"", "v: must be an email address [string.email]"),
            ("\"\"", "v: is empty, and must be an email address [string.email]"),
        ],
    ),
    (
        "string v = 1 [(buf.validate.field).string.hostname = true];",
        &["\"example.com\"", "\"a-b.c.\"", "\"1a\""],
        &[
            ("\"a_b\"", "v: must be a hostname [string.hostname]"),
            ("\"1.2.3\"", "v: must be a hostname [string.hostname]"),
        ],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ip = true];",
        &["\"127.0.0.1\"", "\"::1\"", "\"fe80::1%eth0\""],
        &[
            ("\"127.0.0.01\"", "v: must be an IP address [string.ip]"),
            ("\"::1%\"", "v: must be an IP address [string.ip]"),
        ],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ipv4 = true];",
        &["\"1.2.3.4\""],
        &[("\"::1\"", "v: must be an IPv4 address [string.ipv4]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ipv6 = true];",
        &["\"::1\""],
        &[("\"1.2.3.4\"", "v: must be an IPv6 address [string.ipv6]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.uri = true];",
        &["\"https://example.com/a?b#c\"", "\"urn:x:y\""],
        &[("\"/a\"", "v: must be a URI [string.uri]"), ("\"https://a b\"", "v: must be a URI [string.uri]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.uri_ref = true];",
        &["\"/a?b\"", "\"\""],
        &[("\"%zz\"", "v: must be a URI or a reference relative to one [string.uri_ref]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.address = true];",
        &["\"example.com\"", "\"::1\""],
        &[("\"a b\"", "v: must be a hostname or an IP address [string.address]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.uuid = true];",
        &["\"01a1fd28-09ec-7f91-b68f-224a8eafce70\""],
        &[("\"01a1fd2809ec7f91b68f224a8eafce70\"", "v: must be a UUID [string.uuid]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.tuuid = true];",
        &["\"01a1fd2809ec7f91b68f224a8eafce70\""],
        &[("\"01a1\"", "v: must be a UUID without dashes [string.tuuid]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ulid = true];",
        &["\"01ARZ3NDEKTSV4RRFFQ69G5FAV\""],
        &[("\"81ARZ3NDEKTSV4RRFFQ69G5FAV\"", "v: must be a ULID [string.ulid]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ip_with_prefixlen = true];",
        &["\"10.1.2.3/8\"", "\"::1/64\""],
        &[("\"10.1.2.3/33\"", "v: must be an IP address with a prefix length [string.ip_with_prefixlen]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ipv4_with_prefixlen = true];",
        &["\"10.1.2.3/8\""],
        &[("\"::1/64\"", "v: must be an IPv4 address with a prefix length [string.ipv4_with_prefixlen]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ipv6_with_prefixlen = true];",
        &["\"::1/64\""],
        &[("\"10.1.2.3/8\"", "v: must be an IPv6 address with a prefix length [string.ipv6_with_prefixlen]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ip_prefix = true];",
        &["\"10.0.0.0/8\"", "\"0.0.0.0/0\"", "\"::/0\""],
        &[
            ("\"10.0.0.1/8\"", "v: must be an IP prefix [string.ip_prefix]"),
            ("\"10.0.0.0\"", "v: must be an IP prefix [string.ip_prefix]"),
        ],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ipv4_prefix = true];",
        &["\"10.0.0.0/8\""],
        &[("\"2001:db8::/32\"", "v: must be an IPv4 prefix [string.ipv4_prefix]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.ipv6_prefix = true];",
        &["\"2001:db8::/32\""],
        &[("\"2001:db8::1/32\"", "v: must be an IPv6 prefix [string.ipv6_prefix]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.host_and_port = true];",
        &["\"example.com:80\"", "\"[::1]:0\"", "\"1.2.3.4:65535\""],
        &[
            ("\"example.com\"", "v: must be a host and a port [string.host_and_port]"),
            ("\"[::1]:65536\"", "v: must be a host and a port [string.host_and_port]"),
            ("\"a:01\"", "v: must be a host and a port [string.host_and_port]"),
        ],
    ),
    (
        "string v = 1 [(buf.validate.field).string.protobuf_fqn = true];",
        &["\"buf.validate.Rule\""],
        &[("\".buf.Rule\"", "v: must be the full name of a protobuf element [string.protobuf_fqn]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.protobuf_dot_fqn = true];",
        &["\".buf.Rule\""],
        &[("\"buf.Rule\"", "v: must be the full name of a protobuf element after a dot [string.protobuf_dot_fqn]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.well_known_regex = KNOWN_REGEX_HTTP_HEADER_NAME];",
        &["\"content-type\"", "\":path\""],
        &[("\"a b\"", "v: must be a name of an HTTP header [string.well_known_regex.header_name]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string.well_known_regex = KNOWN_REGEX_HTTP_HEADER_VALUE];",
        &["\"a b\""],
        &[("\"a\\u0001\"", "v: must be a value of an HTTP header [string.well_known_regex.header_value]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string = { well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME strict: false }];",
        &["\"a b\""],
        &[("\"a\\n\"", "v: must be a name of an HTTP header [string.well_known_regex.header_name]")],
    ),
    (
        "string v = 1 [(buf.validate.field).string = { well_known_regex: KNOWN_REGEX_HTTP_HEADER_VALUE strict: false }];",
        &["\"a\\u0001\""],
        &[("\"a\\r\"", "v: must be a value of an HTTP header [string.well_known_regex.header_value]")],
    ),
    // Bytes, in base64.
    (
        "bytes v = 1 [(buf.validate.field).bytes.const = \"a\"];",
        &["\"YQ==\""],
        &[("\"Yg==\"", "v: must be 61 in hex [bytes.const]")],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes.len = 1];",
        &["\"YQ==\""],
        &[("\"\"", "v: must have 1 byte [bytes.len]")],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes = { min_len: 1 max_len: 2 }];",
        &["\"YQ==\""],
        &[
            ("\"\"", "v: must have at least 1 byte [bytes.min_len]"),
            ("\"YWFh\"", "v: must have at most 2 bytes [bytes.max_len]"),
        ],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes.pattern = \"^a+$\"];",
        &["\"YWFh\""],
        &[
            ("\"YWJj\"", "v: must match the pattern \"^a+$\" [bytes.pattern]"),
            ("\"/w==\"", "v: must match the pattern \"^a+$\" [bytes.pattern]"),
        ],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes = { prefix: \"a\" suffix: \"c\" contains: \"b\" }];",
        &["\"YWJj\""],
        &[
            ("\"YmJj\"", "v: must begin with 61 in hex [bytes.prefix]"),
            ("\"YWJi\"", "v: must end with 63 in hex [bytes.suffix]"),
            ("\"YWFj\"", "v: must contain 62 in hex [bytes.contains]"),
        ],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes = { in: [\"a\"] not_in: [\"b\"] }];",
        &["\"YQ==\""],
        &[("\"Yw==\"", "v: must be one of 61 in hex [bytes.in]")],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes = { not_in: [\"b\"] }];",
        &["\"YQ==\""],
        &[("\"Yg==\"", "v: must not be one of 62 in hex [bytes.not_in]")],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes.ip = true];",
        &["\"fwAAAQ==\""],
        &[("\"YQ==\"", "v: must be an IP address of 4 or 16 bytes [bytes.ip]")],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes.ipv4 = true];",
        &["\"fwAAAQ==\""],
        &[("\"\"", "v: must be an IPv4 address of 4 bytes [bytes.ipv4]")],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes.ipv6 = true];",
        &["\"AAAAAAAAAAAAAAAAAAAAAQ==\""],
        &[("\"YQ==\"", "v: must be an IPv6 address of 16 bytes [bytes.ipv6]")],
    ),
    (
        "bytes v = 1 [(buf.validate.field).bytes.uuid = true];",
        &["\"AAAAAAAAAAAAAAAAAAAAAQ==\""],
        &[("\"YQ==\"", "v: must be a UUID of 16 bytes [bytes.uuid]")],
    ),
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
