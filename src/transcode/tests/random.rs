//! Random schemas and random bytes, against a second implementation: both print the same JSON value or both refuse.

mod choices;
mod hidden;
mod schema;
mod wire;

use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, DynamicMessage, MessageIndex};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

use super::super::{Options, Problem, TranscodeError, Transcoder};
use super::{canonical, index, print};
use choices::Choices;
use schema::Shapes;

/// A schema, both paths of the transcoder on it, and the other implementation.
struct Judges {
    pool: Arc<DescriptorPool>,
    fast: Transcoder,
    slow: Transcoder,
}

impl Judges {
    fn new(schema: &[u8], shapes: Shapes) -> Judges {
        let pool = schema::schema(&mut Choices::new(schema), shapes);
        let options = Options { refuse_non_finite: false, ..canonical() };
        let fast = Transcoder::new(&pool, options);
        let slow = Transcoder::new(&pool, Options { force_slow_path: true, ..options });
        Judges { pool, fast, slow }
    }

    /// What all make of these bytes.
    fn judge_wire(&self, message: MessageIndex, wire: &[u8]) {
        let context = || format!("{} {}", self.pool.message(message).full_name(), hex::encode(wire));
        let ours = print(&self.fast, message, wire);
        let slowly = print(&self.slow, message, wire);
        match (&ours, &slowly) {
            (Ok(ours), Ok(slowly)) => assert_eq!(value(ours), value(slowly), "slow path: {}", context()),
            _ => assert_eq!(ours, slowly, "slow path: {}", context()),
        }
        let theirs = DynamicMessage::decode(Arc::clone(&self.pool), message, wire)
            .map_err(|error| error.to_string())
            .and_then(|theirs| serde_json::to_value(&theirs).map_err(|error| error.to_string()));
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => assert!(same(&value(ours), theirs), "{}\n{ours}\n{theirs}", context()),
            (Err(error), Ok(_)) if stricter(error) => {}
            (Err(_), Err(_)) => {}
            _ => panic!("{}\n{ours:?}\n{theirs:?}", context()),
        }
        let Ok(json) = ours else { return };
        self.judge_printed(message, &json);
    }

    /// What all make of this text.
    fn judge_json(&self, message: MessageIndex, json: &[u8]) {
        let ours = self.fast.from_json(message, json).and_then(|wire| print(&self.fast, message, &wire).map(|_| wire));
        let theirs = std::str::from_utf8(json).map_err(|error| error.to_string()).and_then(|json| {
            let theirs = DynamicMessage::from_json(Arc::clone(&self.pool), message, json);
            theirs.map(|theirs| theirs.encode_to_vec()).map_err(|error| error.to_string())
        });
        let context = || format!("{} {}", self.pool.message(message).full_name(), String::from_utf8_lossy(json));
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                let (ours, theirs) = (print(&self.fast, message, ours), print(&self.fast, message, theirs));
                assert!(same(&value(&ours.unwrap()), &value(&theirs.unwrap())), "{}", context());
            }
            (Err(error), Ok(_)) if stricter(error) || has_leading_zero(json) => {}
            (Err(_), Err(_)) => {}
            _ => panic!("{}\n{ours:?}\n{theirs:?}", context()),
        }
    }

    /// What was printed reads back, here and there, as what prints the same.
    fn judge_printed(&self, message: MessageIndex, json: &str) {
        let name = self.pool.message(message).full_name();
        let back = self.fast.from_json(message, json.as_bytes());
        let back = back.unwrap_or_else(|error| panic!("{name} {error}: {json}"));
        let again = value(&print(&self.fast, message, &back).unwrap());
        assert_eq!(without_nulls(again), without_nulls(value(json)), "{name} read back");
        let theirs = DynamicMessage::from_json(Arc::clone(&self.pool), message, json);
        let theirs = theirs.unwrap_or_else(|error| panic!("{name} {error}: {json}")).encode_to_vec();
        let theirs = print(&self.fast, message, &theirs).unwrap_or_else(|error| panic!("{name} {error}: {json}"));
        let (theirs, json) = (without_nulls(value(&theirs)), without_nulls(value(json)));
        assert!(same(&theirs, &json), "{name} read there\n{theirs}\n{json}");
    }
}

/// Where refusing is right although the other implementation does not.
fn stricter(error: &TranscodeError) -> bool {
    // Required fields are asked for, and a map's key that is given twice is refused.
    matches!(error.problem, Problem::RequiredMissing | Problem::DuplicateField)
}

/// A number in quotes is a JSON number here: `"027"` is none.
fn has_leading_zero(json: &[u8]) -> bool {
    let digits = |text: &[u8]| matches!(text, [b'0', b'0'..=b'9', ..] | [b'-', b'0', b'0'..=b'9', ..]);
    json.iter().enumerate().any(|(at, byte)| *byte == b'"' && digits(&json[at + 1..]))
}

/// A NullValue of an unknown number prints as null, and reads back as nothing where it has no presence.
fn without_nulls(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(|member| *member = without_nulls(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_nulls(item.take())),
        _ => {}
    }
    value
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// Equal as JSON; the other implementation prints a float as the double that it is.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let (Some(a), Some(b)) = (ours.as_f64(), theirs.as_f64()) else { return ours == theirs };
            a == b || (f64::from(b as f32) == b && a as f32 == b as f32)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, ours)| theirs.get(name).is_some_and(|theirs| same(ours, theirs)))
        }
        _ => ours == theirs,
    }
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..most)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        rng_seed: RngSeed::Fixed(33),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_message_of_any_schema_prints_as_the_other_prints_it(schema in bytes(300), wire in bytes(400)) {
        let judges = Judges::new(&schema, Shapes::All);
        let message = index(&judges.pool, "r.M0");
        let wire = wire::message(&judges.pool, judges.pool.message(message), &mut Choices::new(&wire), 5);
        judges.judge_wire(message, &wire);
    }

    #[test]
    fn spoilt_bytes_are_refused_by_all_or_by_none(schema in bytes(300), wire in bytes(300), spoil in bytes(12)) {
        let judges = Judges::new(&schema, Shapes::Strict);
        let message = index(&judges.pool, "r.M0");
        let mut wire = wire::message(&judges.pool, judges.pool.message(message), &mut Choices::new(&wire), 4);
        spoilt(&mut wire, &mut Choices::new(&spoil));
        judges.judge_wire(message, &wire);
    }

    #[test]
    fn spoilt_json_is_refused_by_all_or_by_none(schema in bytes(300), wire in bytes(300), spoil in bytes(12)) {
        let judges = Judges::new(&schema, Shapes::All);
        let message = index(&judges.pool, "r.M0");
        let wire = wire::message(&judges.pool, judges.pool.message(message), &mut Choices::new(&wire), 4);
        let Ok(json) = print(&judges.fast, message, &wire) else { return Ok(()) };
        let mut json = json.into_bytes();
        spoilt(&mut json, &mut Choices::new(&spoil));
        judges.judge_json(message, &json);
    }
}

/// A few bytes changed, left out, put in, doubled, or the end cut off.
fn spoilt(bytes: &mut Vec<u8>, choices: &mut Choices<'_>) {
    for _ in 0..choices.below(3) + 1 {
        if bytes.is_empty() {
            return;
        }
        let at = choices.below(bytes.len());
        match choices.below(6) {
            0 => bytes[at] ^= 1 << choices.below(8),
            1 => bytes[at] = choices.byte(),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, choices.byte()),
            4 => bytes.truncate(at),
            _ => bytes.extend_from_within(at..),
        }
    }
}
