//! Rules of strings, their formats, and bytes.

use super::Row;

pub(super) const ROWS: &[Row] = &[
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
];
