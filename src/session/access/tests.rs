//! Who may do what: principals by uses by channels, every cell.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::fixture::one_file;
use crate::schema::{Schema, escape};
use crate::session::grants::Grants;

fn schema() -> Schema {
    let text = r#"
        syntax = "proto3"; package shop.v1; import "rialto/v1/options.proto";
        message ProjectChannel {
          option (rialto.v1.channel) = { template: "project:{project_id}" permissions: {
            subscribe: "project:{project_id}:read" send: "project:{project_id}:write"
            presence: "project:{project_id}:people" history: "project:{project_id}:past" } };
          string project_id = 1;
        }
        message TeamChannel {
          option (rialto.v1.channel) = { template: "team:{org.id}:{name}" permissions: {
            subscribe: "org-{org.id}:{name}:{@org.role}" } };
          string org_id = 1; string name = 2;
        }
        message InboxChannel {
          option (rialto.v1.channel) = { template: "inbox:{owner}" permissions: {
            subscribe: "inbox:{owner}" send: "from:{@sub}" presence: "in:{@session}" } };
          string owner = 1;
        }
        message OpenChannel { option (rialto.v1.channel) = { template: "open:{n}" }; int32 n = 1; }
    "#;
    Schema::load(&one_file(text)).unwrap_or_else(|error| panic!("{error}"))
}

fn principal(user: &str, grants: &[&str], claims: Value) -> Principal {
    let Value::Object(claims) = claims else { panic!("claims are an object") };
    Principal {
        known: Known::ByToken,
        user: user.into(),
        grants: Grants::new(grants.iter().copied()),
        claims: Arc::new(claims),
        ..Principal::anonymous()
    }
}

const USES: [Use; 4] = [Use::Subscribe, Use::Send, Use::Presence, Use::History];

/// What of subscribe, send, presence and history is allowed, as letters.
fn allowed(schema: &Schema, principal: &Principal, channel: &str) -> String {
    let template = schema.channel(channel).unwrap_or_else(|| panic!("{channel} has a template"));
    let session = SessionId::from("s:1");
    let letter = |(how, letter): (Use, char)| {
        if may(principal, &session, how, template, channel).is_ok() { letter } else { '-' }
    };
    USES.into_iter().zip("sxph".chars()).map(letter).collect()
}

#[test]
fn every_cell_of_principals_by_channels_by_uses() {
    let schema = schema();
    let nobody = Principal::anonymous();
    let unknown = Principal::nobody();
    let plain = principal("u7", &[], json!({}));
    let root = principal("u7", &["*"], json!({"org": {"role": "boss"}}));
    let reader = principal("u7", &["project:*:read", "open:1"], json!({}));
    let worker = principal("u7", &["project:42:*"], json!({}));
    let oddly = principal("a:b*", &["from:a%3Ab%2A", "inbox:a%3Ab%2A", "in:s%3A1"], json!({}));
    let boss = principal("u7", &["org-o1:*:boss", "org-o%3A2:red:boss"], json!({"org": {"role": "boss"}}));
    let clerk = principal("u7", &["org-o1:*:boss"], json!({"org": {"role": "clerk"}}));
    let wild = principal("u7", &["org-*:*:*", "org-o1:**"], json!({"org": {"role": "*"}}));
    type Row<'a> = (&'a str, &'a Principal, &'a [(&'a str, &'a str)]);
    let table: &[Row<'_>] = &[
        (
            "nobody",
            &nobody,
            &[
                ("project:42", "sxph"),
                ("team:o1:red", "sxph"),
                ("inbox:x", "sxph"),
                ("open:1", "sxph"),
                ("session:s%3A1", "sxph"),
                ("session:s2", "----"),
                ("user:u7", "----"),
                ("system", "sxph"),
            ],
        ),
        (
            "unknown",
            &unknown,
            &[
                ("project:42", "----"),
                ("open:1", "----"),
                ("session:s%3A1", "----"),
                ("user:u7", "----"),
                ("system", "----"),
            ],
        ),
        (
            "plain",
            &plain,
            &[
                ("project:42", "----"),
                ("team:o1:red", "-x--"),
                ("inbox:u7", "----"),
                ("open:1", "sxph"),
                ("session:s%3A1", "sxph"),
                ("session:s2", "----"),
                ("user:u7", "sxph"),
                ("user:u8", "----"),
                ("user:%2A", "----"),
                ("system", "sxph"),
            ],
        ),
        (
            "root",
            &root,
            &[
                ("project:42", "sxph"),
                ("team:o1:red", "sxph"),
                ("inbox:x", "sxph"),
                ("session:s2", "----"),
                ("user:u8", "----"),
                ("user:u7", "sxph"),
            ],
        ),
        (
            "reader",
            &reader,
            &[("project:42", "s---"), ("project:42%3Aread", "s---"), ("project:%2A", "s---"), ("inbox:u7", "----")],
        ),
        (
            "worker",
            &worker,
            &[("project:42", "sxph"), ("project:43", "----"), ("project:42%3Ax", "----"), ("project:%2A", "----")],
        ),
        (
            "oddly",
            &oddly,
            &[("inbox:a%3Ab%2A", "sxph"), ("inbox:a", "-x--"), ("user:a%3Ab%2A", "sxph"), ("user:a", "----")],
        ),
        (
            "boss",
            &boss,
            &[
                ("team:o1:red", "sxph"),
                ("team:o%3A2:red", "sxph"),
                ("team:o%3A2:blue", "-x--"),
                ("team:o2:red", "-x--"),
            ],
        ),
        ("clerk", &clerk, &[("team:o1:red", "-x--")]),
        // A claim with an asterisk is a text; an asterisk within a segment of a grant is nothing.
        ("wild", &wild, &[("team:o1:red", "sxph"), ("team:o2:red", "-x--")]),
    ];
    for (name, principal, cells) in table {
        for (channel, expected) in *cells {
            assert_eq!(allowed(&schema, principal, channel), *expected, "{name} in {channel}");
        }
    }
}

#[test]
fn a_refusal_says_what_is_missing() {
    let schema = schema();
    let session = SessionId::from("s1");
    let plain = principal("u7", &["project:1:read"], json!({}));
    let table = [
        (
            Use::Subscribe,
            "project:42",
            "to subscribe to \"project:42\" a token needs the permission \"project:42:read\"",
        ),
        (
            Use::History,
            "project:1",
            "to get the history of \"project:1\" a token needs the permission \"project:1:past\"",
        ),
        (
            Use::Subscribe,
            "team:o1:red",
            "to subscribe to \"team:o1:red\": the permission \"org-{org.id}:{name}:{@org.role}\" needs the claim \
             \"org.role\", which the token does not have",
        ),
        (
            Use::Send,
            "session:s2",
            "\"session:s2\" belongs to another session or user; a connection may send to its own only",
        ),
    ];
    for (how, channel, expected) in table {
        let denied = may(&plain, &session, how, schema.channel(channel).unwrap(), channel).unwrap_err();
        assert_eq!(denied.to_string(), expected);
    }
}

#[test]
fn who_has_not_said_who_it_is_sees_no_field_that_asks_for_something() {
    let schema = schema();
    let seen = |principal: &Principal| {
        audience(principal, &SessionId::from("s1"), schema.channel("project:1").unwrap(), "project:1")
    };
    assert_eq!(seen(&Principal::nobody()), Audience::NONE);
    assert_eq!(seen(&Principal::anonymous()), Audience::ALL);
}

proptest! {
    #[test]
    fn no_value_opens_the_channel_of_another(own in "[*:%{}a4]{1,6}", other in "[*:%{}a4]{1,6}") {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(schema);
        let grants = [format!("project:{}:read", escape(&own)), format!("project:{}:*", escape(&own))];
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        let somebody = principal(&own, &grants, json!({}));
        let channel = |head: &str, value: &str| format!("{head}:{}", escape(value));
        prop_assert!(allowed(&SCHEMA, &somebody, &channel("project", &own)).starts_with('s'));
        prop_assert!(allowed(&SCHEMA, &somebody, &channel("user", &own)).starts_with('s'));
        if own != other {
            prop_assert_eq!(allowed(&SCHEMA, &somebody, &channel("project", &other)), "----");
            prop_assert_eq!(allowed(&SCHEMA, &somebody, &channel("user", &other)), "----");
        }
    }
}

#[test]
fn a_permission_in_an_error_is_cut_where_a_claim_makes_it_long() {
    for (bytes, is_cut) in [(MAX_SHOWN_BYTES, false), (MAX_SHOWN_BYTES + 1, true), (18_000, true)] {
        let text = shown("ä".repeat(bytes / 2) + &"x".repeat(bytes % 2));
        assert_eq!((text.ends_with('…'), text.len() <= MAX_SHOWN_BYTES + 3), (is_cut, true), "{bytes}");
    }
}
