//! Rules in CEL: what they see, what they say, and that they neither crash nor stall.

use super::cost::{cost, is_too_large};
use super::*;

/// Fields, an expression over the message, JSON that is accepted and JSON that is refused.
const TABLE: &[(&str, &str, &[&str], &[&str])] = &[
    ("int32 a = 1; int32 b = 2;", "this.a <= this.b", &["{}", r#"{"a":1,"b":2}"#], &[r#"{"a":1}"#]),
    ("string a = 1;", "this.a.startsWith('x') && size(this.a) == 2", &[r#"{"a":"xy"}"#], &["{}", r#"{"a":"xyz"}"#]),
    ("optional int32 a = 1;", "has(this.a)", &[r#"{"a":0}"#], &["{}"]),
    ("int32 a = 1;", "!has(this.a)", &["{}", r#"{"a":0}"#], &[r#"{"a":1}"#]),
    ("Inner a = 1;", "has(this.a) && this.a.n > 0", &[r#"{"a":{"n":1}}"#], &["{}", r#"{"a":{}}"#]),
    ("Inner a = 1;", "this.a.inside.n == 0", &["{}", r#"{"a":{}}"#], &[r#"{"a":{"inside":{"n":1}}}"#]),
    ("repeated Inner a = 1;", "this.a.all(x, x.n > 0)", &["{}", r#"{"a":[{"n":1}]}"#], &[r#"{"a":[{"n":1},{}]}"#]),
    ("repeated Inner a = 1;", "this.a.exists(x, has(x.n))", &[r#"{"a":[{},{"n":1}]}"#], &["{}", r#"{"a":[{}]}"#]),
    ("repeated Inner a = 1;", "this.a.map(x, x.n).unique()", &[r#"{"a":[{},{"n":1}]}"#], &[r#"{"a":[{},{}]}"#]),
    ("repeated int32 a = 1;", "this.a.filter(x, x > 1).size() == 1", &[r#"{"a":[1,2]}"#], &["{}"]),
    (
        "map<string, int32> a = 1;",
        "this.a.all(k, this.a[k] > 0 && k != '')",
        &[r#"{"a":{"x":1}}"#],
        &[r#"{"a":{"x":0}}"#],
    ),
    ("map<string, int32> a = 1;", "has(this.a.x)", &[r#"{"a":{"x":0}}"#], &["{}", r#"{"a":{"y":0}}"#]),
    (
        "google.protobuf.Struct a = 1;",
        "has(this.a.x) && this.a.x == 1.0",
        &[r#"{"a":{"x":1}}"#],
        &["{}", r#"{"a":{"x":"1"}}"#],
    ),
    (
        "google.protobuf.StringValue a = 1;",
        "this.a == null || this.a == 'x'",
        &["{}", r#"{"a":"x"}"#],
        &[r#"{"a":""}"#],
    ),
    (
        "google.protobuf.Timestamp a = 1;",
        "this.a < now && this.a > timestamp('2020-01-01T00:00:00Z')",
        &[r#"{"a":"2024-01-01T00:00:00Z"}"#],
        &["{}", r#"{"a":"2027-01-01T00:00:00Z"}"#],
    ),
    ("google.protobuf.Duration a = 1;", "this.a >= duration('1.5s')", &[r#"{"a":"1.5s"}"#], &["{}"]),
    ("uint64 a = 1;", "this.a < 5u", &[r#"{"a":"4"}"#], &[r#"{"a":"18446744073709551615"}"#]),
    ("bytes a = 1;", "this.a.size() == 2", &[r#"{"a":"YWI="}"#], &["{}"]),
    ("Size a = 1;", "this.a == 1", &[r#"{"a":"SIZE_SMALL"}"#], &["{}"]),
    ("string a = 1;", "this.a.matches('^[a-z]{2}$')", &[r#"{"a":"ab"}"#], &[r#"{"a":"a1"}"#]),
    (
        "string a = 1;",
        "this.a.isEmail() || this.a.isHostname()",
        &[r#"{"a":"a@b"}"#, r#"{"a":"b.c"}"#],
        &[r#"{"a":"a b"}"#],
    ),
    (
        "string a = 1;",
        "this.a.isIp(4) || this.a.isIpPrefix(6, true)",
        &[r#"{"a":"1.2.3.4"}"#, r#"{"a":"::/0"}"#],
        &[r#"{"a":"::1"}"#],
    ),
    (
        "string a = 1;",
        "this.a.isUri() || this.a.isHostAndPort(true)",
        &[r#"{"a":"a:b"}"#, r#"{"a":"h.i:80"}"#],
        &[r#"{"a":"a"}"#],
    ),
    (
        "double a = 1;",
        "!this.a.isNan() && !this.a.isInf(1)",
        &[r#"{"a":1}"#, r#"{"a":"-Infinity"}"#],
        &[r#"{"a":"NaN"}"#, r#"{"a":"Infinity"}"#],
    ),
    // Numbers are equal by their values, whatever their types.
    ("uint32 a = 1;", "this.a != 0", &[r#"{"a":1}"#], &["{}"]),
    ("uint32 a = 1;", "this.a == 1", &[r#"{"a":1}"#], &["{}", r#"{"a":2}"#]),
    ("double a = 1;", "this.a == 2", &[r#"{"a":2}"#], &["{}", r#"{"a":2.5}"#]),
    ("double a = 1;", "this.a != 2u", &["{}", r#"{"a":2.5}"#, r#"{"a":"NaN"}"#], &[r#"{"a":2}"#]),
    ("double a = 1;", "this.a == this.a", &["{}", r#"{"a":"Infinity"}"#], &[r#"{"a":"NaN"}"#]),
    ("double a = 1;", "this.a == 0", &["{}", r#"{"a":-0.0}"#], &[r#"{"a":1}"#]),
    (
        "int64 a = 1;",
        "this.a == 9007199254740992.0",
        &[r#"{"a":"9007199254740992"}"#],
        &[r#"{"a":"9007199254740993"}"#],
    ),
    ("uint64 a = 1;", "this.a == -1", &[], &["{}", r#"{"a":"18446744073709551615"}"#]),
    ("uint64 a = 1;", "this.a != 18446744073709551616.0", &["{}", r#"{"a":"18446744073709551615"}"#], &[]),
    ("repeated uint32 a = 1;", "!(0 in this.a)", &["{}", r#"{"a":[1]}"#], &[r#"{"a":[1,0]}"#]),
    ("uint32 a = 1;", "this.a in [1, 2]", &[r#"{"a":2}"#], &["{}", r#"{"a":3}"#]),
    (
        "repeated string a = 1; uint32 n = 2;",
        "size(this.a) == this.n",
        &["{}", r#"{"a":["x"],"n":1}"#],
        &[r#"{"n":1}"#],
    ),
    ("map<string, uint32> a = 1;", "this.a.all(k, this.a[k] != 0)", &["{}", r#"{"a":{"x":1}}"#], &[r#"{"a":{"x":0}}"#]),
    (
        "map<uint32, string> a = 1;",
        "1 in this.a && this.a[1] == 'x'",
        &[r#"{"a":{"1":"x"}}"#],
        &["{}", r#"{"a":{"1":"y"}}"#],
    ),
    ("map<uint32, string> a = 1;", "!(1 in this.a) && !(1.5 in this.a)", &["{}"], &[r#"{"a":{"1":"x"}}"#]),
    ("repeated uint32 a = 1;", "this.a == [1, 2]", &[r#"{"a":[1,2]}"#], &["{}", r#"{"a":[1,3]}"#, r#"{"a":[1,2,3]}"#]),
    ("repeated uint32 a = 1;", "this.a in [[1], [2]]", &[r#"{"a":[2]}"#], &["{}"]),
    ("map<uint32, uint32> a = 1;", "this.a != {1: 2}", &["{}", r#"{"a":{"1":3}}"#], &[r#"{"a":{"1":2}}"#]),
    ("google.protobuf.Struct a = 1;", "this.a.n == 3", &[r#"{"a":{"n":3}}"#], &["{}", r#"{"a":{"n":3.5}}"#]),
    ("google.protobuf.UInt32Value a = 1;", "this.a != 0", &["{}", r#"{"a":1}"#], &[r#"{"a":0}"#]),
    ("repeated double a = 1;", "(this.a + [1.0]).map(x, x).unique()", &[r#"{"a":[2]}"#], &[r#"{"a":[1]}"#]),
    ("double a = 1; uint32 b = 2;", "[this.a, this.b].unique()", &[r#"{"a":2}"#], &["{}", r#"{"a":7,"b":7}"#]),
    ("repeated uint32 a = 1;", "this.a.exists_one(x, x == 7)", &[r#"{"a":[7,8]}"#], &["{}", r#"{"a":[7,7]}"#]),
    // What cannot be evaluated is refused.
    ("int32 a = 1; int32 b = 2;", "this.a / this.b == 1", &[r#"{"a":1,"b":1}"#], &[r#"{"a":1}"#]),
    ("repeated int32 a = 1;", "this.a[2] == 1", &[r#"{"a":[0,0,1]}"#], &["{}"]),
    ("int64 a = 1;", "this.a * this.a > 0", &[r#"{"a":2}"#], &[r#"{"a":"9223372036854775807"}"#]),
    ("string a = 1;", "'x'.matches(this.a)", &[r#"{"a":"x"}"#], &[r#"{"a":"("}"#]),
];

#[test]
fn rules_over_a_message_accept_and_refuse() {
    let mut wrong = Vec::new();
    for (fields, expression, accepted, refused) in TABLE {
        let fixture = Fixture::event(&format!(
            "{fields} option (buf.validate.message).cel = {{ id: \"the.rule\" message: \"is refused\" expression: \"{expression}\" }};
             enum Size {{ SIZE_UNSPECIFIED = 0; SIZE_SMALL = 1; }} message Inner {{ int32 n = 1; Inner inside = 2; }}"
        ));
        for json in *accepted {
            let said = fixture.said(json);
            if !said.is_empty() {
                wrong.push(format!("{expression} refuses {json}: {said:?}"));
            }
        }
        for json in *refused {
            let said = fixture.said(json);
            let expected = [": is refused [the.rule]", ": its rule cannot be evaluated for this value [the.rule]"];
            if said.len() != 1 || !expected.contains(&said[0].as_str()) {
                wrong.push(format!("{expression} says {said:?} about {json}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_over_a_field_see_its_value() {
    let not_zero = Fixture::event("uint32 n = 1 [(buf.validate.field).cel_expression = \"this != 0\"];");
    assert_eq!((not_zero.said("{}").len(), not_zero.said(r#"{"n":1}"#).len()), (1, 0));
    let fixture = Fixture::event(
        "int32 even = 1 [(buf.validate.field).cel = { id: \"even\" message: \"must be even\" expression: \"this % 2 == 0\" }];
         repeated int32 sorted = 2 [(buf.validate.field).cel_expression = \"size(this) < 2 || this[0] <= this[1]\"];
         repeated string items = 3 [(buf.validate.field).repeated.items.cel = { id: \"item\" expression: \"this == 'a' ? '' : 'must be an a'\" }];
         map<string, int32> counts = 4 [(buf.validate.field).map.values.cel_expression = \"this >= 0\"];
         optional string unset = 5 [(buf.validate.field).cel_expression = \"false\"];",
    );
    assert_eq!(fixture.said("{}"), [""; 0]);
    assert_eq!(
        fixture.said(r#"{"even":1,"sorted":[2,1],"items":["a","b"],"counts":{"x":-1},"unset":""}"#),
        [
            "even: must be even [even]",
            "sorted: must fulfil \"size(this) < 2 || this[0] <= this[1]\" [size(this) < 2 || this[0] <= this[1]]",
            "items[1]: must be an a [item]",
            "counts[0]: must fulfil \"this >= 0\" [this >= 0]",
            "unset: must fulfil \"false\" [false]",
        ]
    );
}

#[test]
fn too_much_work_is_refused_before_it_stalls_the_bridge() {
    let numbers = |count: usize| format!("{{\"a\":[{}]}}", vec!["1"; count].join(","));
    let long = |count: usize| format!("{{\"a\":[1,1],\"s\":\"{}\"}}", "x".repeat(count));
    let cases = [
        ("this.a.all(x, this.a.all(y, this.a.all(z, x + y + z > 0)))", numbers(8), numbers(30)),
        ("this.a.all(x, this.a.exists(y, x == y))", numbers(50), numbers(60_000)),
        ("this.a.map(x, x).filter(x, x > 0).size() >= 0", numbers(500), numbers(60_000)),
        ("this.a.all(x, this.a.size() > 0)", numbers(50), numbers(60_000)),
        ("this.a.all(x, this.s.contains('y') == false)", long(10), numbers(60_000)),
        ("this.a.all(x, !this.s.contains('y'))", long(10_000), numbers(60_000)),
        // Doubled again and again.
        (
            concat!(
                "['x'].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a)",
                ".all(x, size(x) == 64 || size(this.a) > 50)"
            ),
            long(1),
            numbers(60_000),
        ),
    ];
    for (expression, small, large) in cases {
        let fixture = Fixture::event(&format!(
            "repeated int32 a = 1; string s = 2; option (buf.validate.message).cel_expression = \"{expression}\";"
        ));
        assert_eq!(fixture.said(&small), [""; 0], "{expression}");
        let said = fixture.said(&large);
        assert!(
            said.len() == 1 && said[0].contains("too large for its rule to be evaluated"),
            "{expression}: {said:?}"
        );
    }
}

#[test]
fn deep_and_wide_messages_are_walked_within_bounds() {
    let fixture = Fixture::event(
        "E inside = 1; option (buf.validate.message).cel_expression = \"this.inside.n >= 0\"; int32 n = 2; repeated E many = 3;",
    );
    let nested = |depth: usize| format!("{}{{}}{}", "{\"n\":1,\"inside\":".repeat(depth), "}".repeat(depth));
    assert_eq!(fixture.said(&nested(60)), [""; 0]);
    // Each of them is made for each that it is in.
    assert!(is_too_large(&cost(&fixture, &nested(95), Spending::of_publisher()).0));
    assert_eq!(fixture.said(&format!("{{\"many\":[{}]}}", vec!["{\"n\":1}"; 500].join(","))), [""; 0]);
}

#[test]
fn a_rule_never_tells_the_value_that_it_fails_on() {
    let fixture = Fixture::event("string a = 1 [(buf.validate.field).cel_expression = \"int(this) > 0\"];");
    let said = fixture.said(r#"{"a":"secret"}"#);
    assert_eq!(said.len(), 1);
    assert!(!said[0].contains("secret"), "{said:?}");
}

#[test]
fn expressions_that_are_none_are_refused_at_load() {
    let cases = [
        ("this.a >", "the expression cannot be read"),
        ("this.b", "t.v1.E has no field \\\"b\\\"; did you mean \\\"a\\\"?"),
        ("this.list.all(x, x.nam == '')", "t.v1.Inner has no field \\\"nam\\\"; did you mean \\\"name\\\"?"),
        ("a > 1", "there is no variable \\\"a\\\"; the value itself is `this`, its fields are `this.…`"),
        ("rule > 1", "rule and rules are known in predefined rules only"),
        ("this.a.isEven()", "there is no function \\\"isEven\\\""),
        ("this.a + 1", "the expression gives the type int, and a rule gives a bool"),
        ("t.v1.Inner{name: 'x'} == this", "cannot be made in a rule"),
        ("'x'.matches('(')", "the pattern of matches is none: unclosed group"),
    ];
    for (expression, expected) in cases {
        let messages = format!(
            "message E {{ option (rialto.v1.event) = {{ type: \"e\" }}; int32 a = 1; repeated Inner list = 2;
               option (buf.validate.message).cel_expression = \"{expression}\"; }} message Inner {{ string name = 1; }}"
        );
        let said = Fixture::try_new(&messages).err().unwrap_or_default();
        assert!(said.contains(&expected.replace("\\\"", "\"")), "{expression}: {said}");
    }
    let deep = [
        format!("{}this.a > 0{}", "(".repeat(1_000), ")".repeat(1_000)),
        format!("{}true", "!".repeat(4_000)),
        format!("1{} > 0", " + 1".repeat(1_000)),
        format!("{}true", "true ? true : ".repeat(200)),
        format!("[0].all(x{}", ", [0].all(x".repeat(300)),
        format!("this.a{} > 0", ".a".repeat(1_900)),
        format!("this.a{} > 0", "[0]".repeat(1_200)),
    ];
    for expression in deep {
        let said = Fixture::try_new(&format!(
            "message E {{ option (rialto.v1.event) = {{ type: \"e\" }}; int32 a = 1; option (buf.validate.message).cel_expression = \"{expression}\"; }}"
        ));
        assert!(said.err().unwrap_or_default().contains("nested too deeply"), "{expression}");
    }
}

/// A schema with one rule over a field, or over the message, and what is said about it.
fn said_at_load(fields: &str, expression: &str) -> String {
    let messages = format!(
        "message E {{ option (rialto.v1.event) = {{ type: \"e\" }}; {} }}
         message Inner {{ int32 n = 1; string s = 2; Inner inside = 3; repeated Inner many = 4; }}",
        fields
            .replace("RULE", &format!("[(buf.validate.field).cel_expression = \"{expression}\"]"))
            .replace("WHOLE", &format!("option (buf.validate.message).cel_expression = \"{expression}\";"))
    );
    Fixture::try_new(&messages).err().unwrap_or_default()
}

#[test]
fn rules_that_can_never_be_evaluated_are_refused_at_load() {
    let no_operation = "there is no such operation on values of these types";
    for (fields, expression, expected) in [
        ("string a = 1 RULE;", "this > 3", no_operation),
        ("string a = 1 RULE;", "this > 3", "`this` is of the type string"),
        ("string a = 1 RULE;", "this == '' || this > 3", no_operation),
        ("string a = 1 RULE;", "this != '' || this > 3", no_operation),
        ("bytes a = 1 RULE;", "this.startsWith('a')", "a function gets a value of a type that it does not take"),
        ("int32 a = 1 RULE;", "this + 'a' == 'a'", no_operation),
        ("int32 a = 1 RULE;", "size(this) > 1", "the function \"size\" does not take a value of this type"),
        ("int32 a = 1 RULE;", "this.isNan()", "a function gets a value of a type"),
        ("int32 a = 1 RULE;", "this.all(x, x > 1)", no_operation),
        ("int32 a = 1 RULE;", "this.foo == 1", "nothing but a message has a field \"foo\""),
        ("repeated string a = 1 RULE;", "this.all(x, x.foo > 1)", "nothing but a message has a field \"foo\""),
        ("repeated string a = 1 RULE;", "this.foo == ''", "a list has no field \"foo\""),
        ("repeated string a = 1 RULE;", "this.all(x, x > 1)", no_operation),
        (
            "repeated string a = 1 [(buf.validate.field).repeated.items.cel_expression = \"this > 1\"];",
            "",
            no_operation,
        ),
        ("map<string, int32> a = 1 RULE;", "this.all(k, this[k] > 'a')", no_operation),
        ("map<string, int32> a = 1 RULE;", "this['x'].startsWith('a')", "a function gets a value of a type"),
        ("map<int32, string> a = 1 RULE;", "this.all(k, k > '')", no_operation),
        ("google.protobuf.Timestamp a = 1 RULE;", "this > 3", no_operation),
        ("google.protobuf.Duration a = 1 RULE;", "this.getFullYear() > 3", "a function gets a value of a type"),
        ("google.protobuf.Int32Value a = 1 RULE;", "this > 'a'", no_operation),
        ("string a = 1; int32 b = 2; WHOLE", "this.a < this.b", no_operation),
        ("Inner a = 1; WHOLE", "has(this.a) && this.a.inside.inside.many.all(x, x.s > 1)", no_operation),
        ("Inner a = 1; WHOLE", "!has(this.a) ? this.a.n > '' : true", no_operation),
        ("oneof o { string a = 1; int32 b = 2; } WHOLE", "!has(this.a) || this.a > 3", no_operation),
        ("oneof o { string a = 1; int32 b = 2; } WHOLE", "!has(this.b) || this.b > 'a'", no_operation),
    ] {
        let said = said_at_load(fields, expression);
        assert!(said.contains(expected), "{fields} {expression}: {said}");
        assert!(said.contains("t.proto:"), "{said}");
    }
}

#[test]
fn rules_that_fail_for_some_values_only_are_taken() {
    for (fields, expression) in [
        ("repeated int32 a = 1 RULE;", "this[5] == 1"),
        ("int32 a = 1 RULE;", "10 / this > 1 && 10 % this == 1"),
        ("int32 a = 1 RULE;", "10 / (this - 1) > 1"),
        ("double a = 1 RULE;", "(this - 1.0) / (this - 1.0) > 0.5"),
        ("int64 a = 1 RULE;", "this + 9223372036854775807 > 0"),
        ("string a = 1 RULE;", "int(this) > 0 && duration(this) > duration('1s')"),
        ("string a = 1 RULE;", "'x'.matches(this)"),
        ("map<string, string> a = 1 RULE;", "this['x'] == 'y'"),
        ("map<int32, string> a = 1 RULE;", "this[7] == 'y'"),
        ("repeated int32 a = 1 RULE;", "max(this) < 10 && min(this.filter(x, x > 5)) < 10"),
        ("google.protobuf.Struct a = 1 RULE;", "this.x > 3.0 && this.y.startsWith('a')"),
        ("google.protobuf.Value a = 1 RULE;", "this.startsWith('a')"),
        ("google.protobuf.ListValue a = 1 RULE;", "this.all(x, x > 1.0)"),
        ("google.protobuf.Int32Value a = 1; WHOLE", "this.a > 3"),
        ("google.protobuf.Int32Value a = 1; WHOLE", "this.a == null || this.a > 3"),
        ("google.protobuf.Any a = 1; WHOLE", "this.a.type_url.startsWith('x')"),
        ("oneof o { string a = 1; int32 b = 2; } WHOLE", "has(this.a) ? this.a.startsWith('x') : this.b > 3"),
        ("Inner a = 1; WHOLE", "this.a.inside.inside.inside.inside.inside.inside.inside.inside.inside.n > 3"),
        ("repeated Inner a = 1 RULE;", "this.all(x, x.many.all(y, y.many.all(z, z.inside.n > 0)))"),
        ("uint32 a = 1 RULE;", "this > 3 && this < 5u && this != 3.5"),
        ("optional string a = 1; WHOLE", "has(this.a) && this.a.size() > 3"),
    ] {
        assert_eq!(said_at_load(fields, expression), "", "{fields} {expression}");
    }
}
