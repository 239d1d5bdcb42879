//! Laws on random input: never a panic, both paths agree, the text is JSON, and it reads back as what prints the same.

use buffa_descriptor::DynamicMessage;
use proptest::prelude::*;
use serde_json::Value;

use super::super::{Options, Transcoder};
use super::vectors::floats;
use super::{canonical, index, pool, print};

const MESSAGES: [&str; 10] = [
    "vectors.Scalars",
    "vectors.Upload",
    "vectors.Tree",
    "vectors.Lists",
    "vectors.Maps",
    "vectors.Choice",
    "vectors.Known",
    "vectors.Wide",
    "legacy.Legacy",
    "legacy.Needs",
];

/// Bytes that look like fields, so that most of them get somewhere.
fn wire(depth: u32) -> BoxedStrategy<Vec<u8>> {
    let number = 1u64..18;
    let varint = (number.clone(), prop_oneof![0u64..4, any::<u64>()]).prop_map(|(number, value)| {
        let mut out = Vec::new();
        super::notation::varint(number << 3, &mut out);
        super::notation::varint(value, &mut out);
        out
    });
    let fixed =
        (number.clone(), prop_oneof![(0.0..10.0f64), Just(-0.0)], any::<bool>()).prop_map(|(number, value, wide)| {
            let mut out = Vec::new();
            super::notation::varint(number << 3 | if wide { 1 } else { 5 }, &mut out);
            out.extend_from_slice(&value.to_le_bytes()[if wide { 0 } else { 4 }..]);
            out
        });
    let body = if depth == 0 {
        "[a-c\"é]{0,3}".prop_map(String::into_bytes).boxed()
    } else {
        prop_oneof!["[a-c\"é]{0,3}".prop_map(String::into_bytes), wire(depth - 1),].boxed()
    };
    let delimited = (number, body).prop_map(|(number, body)| {
        let mut out = Vec::new();
        super::notation::varint(number << 3 | 2, &mut out);
        super::notation::varint(body.len() as u64, &mut out);
        out.extend(body);
        out
    });
    let field = prop_oneof![varint, fixed, delimited.clone(), delimited];
    proptest::collection::vec(field, 0..5).prop_map(|fields| fields.concat()).boxed()
}

fn print_both(wire: &[u8], message: usize) {
    let pool = pool_once();
    let name = MESSAGES[message % MESSAGES.len()];
    let message = index(pool, name);
    for (options, fast, slow) in transcoders_once() {
        let before = fast.slow_path_count();
        let (printed, slowly) = (print(fast, message, wire), print(slow, message, wire));
        assert_eq!(printed.is_ok(), slowly.is_ok(), "{name} {printed:?} {slowly:?}");
        let (Ok(printed), Ok(slowly)) = (&printed, &slowly) else {
            assert_eq!(printed, slowly, "{name}");
            continue;
        };
        let value: Value = serde_json::from_str(printed).unwrap_or_else(|error| panic!("{name} {error}: {printed}"));
        assert_eq!(&value, &serde_json::from_str::<Value>(slowly).unwrap(), "{name}");
        if fast.slow_path_count() == before {
            assert_eq!(printed, slowly, "{name}: without conflicts the text is the same");
        }
        let back = fast.from_json(message, printed.as_bytes());
        let back = back.unwrap_or_else(|error| panic!("{name} {error}: {printed}"));
        let again: Value = serde_json::from_str(&print(fast, message, &back).unwrap()).unwrap();
        let (value, again) = (without_nothing(value), without_nothing(again));
        assert_eq!(value, again, "{name}: {printed}");
        // The second implementation reads the text as the same message.
        if !options.print_defaults
            && let Ok(theirs) = DynamicMessage::from_json(pool.clone(), message, printed)
        {
            let theirs = print(fast, message, &theirs.encode_to_vec()).unwrap();
            let theirs = serde_json::from_str::<Value>(&theirs).ok();
            assert_eq!(floats(Some(value)), floats(theirs), "{name}: {printed}");
        }
    }
}

/// A NullValue that is not 0 prints as null and cannot read back as itself.
fn without_nothing(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.remove("nothing");
    }
    value
}

/// Each form by the usual path and by the slow one, for this thread: tests in parallel would count for each other.
fn transcoders_once() -> &'static [(Options, Transcoder, Transcoder)] {
    thread_local! {
        static ALL: &'static [(Options, Transcoder, Transcoder)] = {
            let forms = [Options::default(), canonical(), Options { refuse_non_finite: false, ..canonical() }];
            let both = forms.map(|options| {
                let slow = Options { force_slow_path: true, ..options };
                (options, Transcoder::new(pool_once(), options), Transcoder::new(pool_once(), slow))
            });
            Box::leak(Box::new(both))
        };
    }
    ALL.with(|all| *all)
}

fn canonical_once() -> &'static Transcoder {
    &transcoders_once()[1].1
}

fn pool_once() -> &'static std::sync::Arc<buffa_descriptor::DescriptorPool> {
    static POOL: std::sync::OnceLock<std::sync::Arc<buffa_descriptor::DescriptorPool>> = std::sync::OnceLock::new();
    POOL.get_or_init(pool)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fields_at_random_print_alike_by_both_paths(wire in wire(3), message in 0..MESSAGES.len()) {
        print_both(&wire, message);
    }

    #[test]
    fn bytes_at_random_never_panic(wire in proptest::collection::vec(any::<u8>(), 0..40), message in 0..MESSAGES.len()) {
        print_both(&wire, message);
    }

    #[test]
    fn cutting_a_message_anywhere_never_panics(wire in wire(3), cut in any::<prop::sample::Index>(), message in 0..MESSAGES.len()) {
        print_both(&wire[..cut.index(wire.len() + 1)], message);
    }

    #[test]
    fn text_at_random_never_panics(text in "[\\[\\]{}\":,a-c0-9eE+.\\- \\\\utrefalsn@]{0,60}", message in 0..MESSAGES.len()) {
        let pool = pool_once();
        let transcoder = canonical_once();
        let message = index(pool, MESSAGES[message]);
        if let Ok(wire) = transcoder.from_json(message, text.as_bytes()) {
            serde_json::from_str::<Value>(&text).unwrap();
            print(transcoder, message, &wire).unwrap();
        }
    }

    #[test]
    fn any_string_prints_as_a_second_printer_prints_it(text in any::<String>()) {
        let pool = pool_once();
        let transcoder = canonical_once();
        let file = index(pool, "vectors.File");
        let json = serde_json::to_string(&serde_json::json!({ "name": text })).unwrap();
        let wire = transcoder.from_json(file, json.as_bytes()).unwrap();
        let expected = if text.is_empty() { "{}".to_owned() } else { json };
        prop_assert_eq!(print(transcoder, file, &wire).unwrap(), expected);
    }

    #[test]
    fn any_finite_number_reads_back_bit_for_bit(bits in any::<u64>()) {
        let (double, float) = (f64::from_bits(bits), f32::from_bits(bits as u32));
        prop_assume!(double.is_finite() && float.is_finite());
        let pool = pool_once();
        let transcoder = canonical_once();
        let scalars = index(pool, "vectors.Scalars");
        let mut wire = vec![0x75];
        wire.extend(float.to_le_bytes());
        wire.push(0x79);
        wire.extend(double.to_le_bytes());
        let json = print(transcoder, scalars, &wire).unwrap();
        prop_assert_eq!(transcoder.from_json(scalars, json.as_bytes()).unwrap(), wire);
    }
}
