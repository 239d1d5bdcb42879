//! What rules in CEL may cost: counted in units, never timed.

use proptest::prelude::*;

use super::*;
use crate::schema::Violation;

/// What a rule says, and what that has cost.
pub(super) fn cost(fixture: &Fixture, json: &str, mut spending: Spending) -> (Vec<Violation>, u64) {
    let event = fixture.schema.event("e").unwrap();
    let payload = fixture.transcoder.from_json(event.message, json.as_bytes()).unwrap();
    let said = fixture.schema.validate(event, &payload, now(), &mut spending).err().unwrap_or_default();
    (said, spending.spent_units())
}

pub(super) fn is_too_large(said: &[Violation]) -> bool {
    said.iter().any(|violation| violation.message.contains("is too large"))
}

#[test]
fn what_a_rule_makes_is_bounded_and_never_brings_the_process_down() {
    let doubled = |step: &str| format!("size([this]{}) > 0", step.repeat(30));
    for expression in [
        doubled(".map(a, a + a)"),
        doubled(".map(a, [a, a])"),
        doubled(".map(a, {0: a, 1: a})"),
        doubled(".map(a, '%s%s'.format([a, a]))"),
        doubled(".map(a, string(bytes(string(bytes(a + a)))))"),
        doubled(".map(a, true ? a + a : a)"),
    ] {
        let fixture = Fixture::try_new(&format!(
            "message E {{ option (rialto.v1.event) = {{ type: \"e\" }}; string a = 1 [(buf.validate.field).cel_expression = \"{expression}\"]; }}"
        ));
        let fixture = fixture.unwrap_or_else(|error| panic!("{expression}: {error}"));
        let (said, units) = cost(&fixture, &format!("{{\"a\":\"{}\"}}", "x".repeat(60)), Spending::of_publisher());
        assert!(is_too_large(&said), "{expression}: {said:?}");
        assert!(units <= 101_000, "{expression}: {units}");
    }
    // Plainly too much for one value, though the work would be paid for.
    let fixture = Fixture::event(
        "string a = 1 [(buf.validate.field).cel_expression = \"[1,2,3].all(x, size(this + this) > 0)\"];",
    );
    assert!(is_too_large(
        &cost(&fixture, &format!("{{\"a\":\"{}\"}}", "x".repeat(300 << 10)), Spending::of_publisher()).0
    ));
    assert_eq!(fixture.said(&format!("{{\"a\":\"{}\"}}", "x".repeat(30 << 10))), [""; 0]);
}

#[test]
fn one_budget_is_for_all_rules_elements_and_nested_messages() {
    let fixture = Fixture::event(
        "repeated E many = 1; repeated int32 a = 2 [(buf.validate.field).repeated.items.cel_expression = \"this > 0\"];
         option (buf.validate.message).cel_expression = \"this.n >= 0\";
         option (buf.validate.message).cel_expression = \"this.n < 9\"; int32 n = 3;",
    );
    let of = |messages: usize, numbers: usize| {
        let many = vec![r#"{"n":1}"#; messages].join(",");
        format!("{{\"many\":[{many}],\"a\":[{}]}}", vec!["1"; numbers].join(","))
    };
    let (said, one) = cost(&fixture, &of(1, 1), Spending::of_publisher());
    assert!(said.is_empty(), "{said:?}");
    let (said, hundred) = cost(&fixture, &of(100, 100), Spending::of_publisher());
    assert!(said.is_empty() && hundred > 40 * one, "{said:?} {one} {hundred}");
    for json in [of(20_000, 1), of(1, 20_000)] {
        let (said, units) = cost(&fixture, &json, Spending::of_publisher());
        assert!(is_too_large(&said), "{said:?}");
        // What was paid, and what is done for each item whatever its rules.
        assert!(units < 100_000 + 20_000 * 20, "{units}");
    }
    let mut spending = Spending::of_publisher();
    let event = fixture.schema.event("e").unwrap();
    let payload = fixture.transcoder.from_json(event.message, of(1, 1).as_bytes()).unwrap();
    for _ in 0..10 {
        fixture.schema.validate(event, &payload, now(), &mut spending).unwrap();
    }
    assert_eq!(spending.spent_units(), 10 * one, "each event has its own, and all are added up");
}

#[test]
fn a_frame_of_a_client_may_cost_far_less_than_an_event_of_a_publisher() {
    let fixture = Fixture::event(
        "repeated int32 a = 1; option (buf.validate.message).cel_expression = \"this.a.all(x, this.a.all(y, x + y > 0))\";",
    );
    let json = format!("{{\"a\":[{}]}}", vec!["1"; 30].join(","));
    assert!(cost(&fixture, &json, Spending::of_publisher()).0.is_empty());
    let (said, units) = cost(&fixture, &json, Spending::of_client());
    assert!(is_too_large(&said) && units < 11_000, "{said:?} {units}");
}

#[test]
fn a_result_that_was_reached_without_what_could_not_be_paid_is_none() {
    let fixture = Fixture::event(
        "repeated int32 a = 1; option (buf.validate.message).cel_expression = \"this.a.map(x, [x, x]).size() < 0 || true\";",
    );
    assert_eq!(fixture.said(r#"{"a":[1]}"#), [""; 0]);
    assert!(is_too_large(
        &cost(&fixture, &format!("{{\"a\":[{}]}}", vec!["1"; 60_000].join(",")), Spending::of_publisher()).0
    ));
}

/// Expressions of everything that makes or walks values; `this` is a list of texts.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("this"), Just("[this, this]"), Just("this + this"), Just("['x', 'yy']")];
    leaf.prop_map(str::to_owned).prop_recursive(5, 24, 2, |inner| {
        let both = (inner.clone(), inner.clone());
        prop_oneof![
            both.clone().prop_map(|(a, b)| format!("({a} + {b})")),
            both.clone().prop_map(|(a, b)| format!("{a}.map(v, {b})")),
            both.clone().prop_map(|(a, b)| format!("{a}.map(v, [v, {b}])")),
            both.clone().prop_map(|(a, b)| format!("{a}.filter(w, w in {b} || true)")),
            both.clone().prop_map(|(a, b)| format!("{a}.filter(w, {b} == w || true)")),
            both.clone().prop_map(|(a, b)| format!("({a}.exists(u, {b} == u) ? {a} : {b})")),
            both.clone().prop_map(|(a, b)| format!("({a}.all(u, {b}.all(t, u != t)) ? {b} : [{a}])")),
            both.prop_map(|(a, b)| format!("['%s %s'.format([{a}, {b}])]")),
            inner.clone().prop_map(|a| format!("{a}.map(v, v + v)")),
            inner.clone().prop_map(|a| format!("[{a}[0]]")),
            inner.prop_map(|a| format!("[string(size({a}))]")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_nested_ends_within_the_budget(expression in any_expression(), texts in 0_usize..60, length in 0_usize..200) {
        let rule = format!("size({expression}) >= 0");
        let fixture = Fixture::try_new(&format!(
            "message E {{ option (rialto.v1.event) = {{ type: \"e\" }}; repeated string a = 1 [(buf.validate.field).cel_expression = \"{rule}\"]; }}"
        ));
        // Too long or too deep, or nothing that can be evaluated.
        let Ok(fixture) = fixture else { return Ok(()) };
        let json = format!("{{\"a\":[{}]}}", vec![format!("\"{}\"", "x".repeat(length)); texts].join(","));
        let (said, units) = cost(&fixture, &json, Spending::of_publisher());
        prop_assert!(units <= 102_000, "{units}");
        prop_assert!(said.len() <= 1, "{said:?}");
    }
}
