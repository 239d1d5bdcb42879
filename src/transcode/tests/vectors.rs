//! The committed table, by both paths, back again, and against a second implementation.

use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, DynamicMessage, MessageIndex};
use serde_json::Value;

use super::super::{Options, Transcoder};
use super::{canonical, index, notation, pool, print};

/// One case and what is said about it.
#[derive(Debug, Default)]
struct Case {
    line: usize,
    reads: bool,
    message: String,
    input: String,
    defaults: Option<String>,
    canonical: Option<String>,
    non_finite: Option<String>,
    error: Option<String>,
    not_compared: bool,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/transcode.txt")).unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if let Some(head) = text.strip_prefix("> ").or(text.strip_prefix("< ")) {
            let (message, input) = head.split_once(" |").unwrap();
            let input = input.strip_prefix(' ').unwrap_or(input).to_owned();
            cases.push(Case {
                line,
                reads: text.starts_with('<'),
                message: message.to_owned(),
                input,
                ..Case::default()
            });
        } else if let (Some((kind, rest)), false) = (text.split_once(": "), text.starts_with('#')) {
            let case = cases.last_mut().unwrap();
            let rest = rest.to_owned();
            match kind {
                "d" => case.defaults = Some(rest),
                "c" => case.canonical = Some(rest),
                "n" => case.non_finite = Some(rest),
                "e" => case.error = Some(rest),
                "x" => case.not_compared = true,
                _ => panic!("line {line}: {text}"),
            }
        } else {
            assert!(text.is_empty() || text.starts_with('#'), "line {line}: {text}");
        }
    }
    cases
}

fn outcome(result: Result<String, super::TranscodeError>) -> Result<String, String> {
    result.map_err(|error| format!("{} | {}", error.path, error.problem).trim_start().to_owned())
}

#[test]
fn every_vector_prints_as_written_by_both_paths() {
    let pool = pool();
    let mut wrong = Vec::new();
    for force_slow_path in [false, true] {
        let options = canonical();
        let defaults = Transcoder::new(&pool, Options { force_slow_path, ..Options::default() });
        let plain = Transcoder::new(&pool, Options { force_slow_path, ..options });
        let lenient = Transcoder::new(&pool, Options { force_slow_path, refuse_non_finite: false, ..options });
        for case in cases().iter().filter(|case| !case.reads) {
            let message = index(&pool, &case.message);
            let wire = notation::wire(&case.input);
            let expectations = [
                (&defaults, &case.defaults),
                (&plain, &case.canonical),
                (&lenient, &case.non_finite),
                (&defaults, &case.error),
                (&plain, &case.error),
            ];
            assert!(expectations.iter().any(|(_, expected)| expected.is_some()), "line {} expects nothing", case.line);
            for (at, (transcoder, expected)) in expectations.into_iter().enumerate() {
                let Some(expected) = expected else { continue };
                let expected = if at < 3 { Ok(expected.clone()) } else { Err(expected.clone()) };
                let printed = outcome(print(transcoder, message, &wire));
                if printed != expected {
                    wrong.push(format!("line {} slow {force_slow_path}:\n  {printed:?}\n  {expected:?}", case.line));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_vector_reads_as_written() {
    let pool = pool();
    let plain = Transcoder::new(&pool, canonical());
    let lenient = Transcoder::new(&pool, Options { refuse_non_finite: false, ..canonical() });
    let mut wrong = Vec::new();
    for case in cases() {
        let message = index(&pool, &case.message);
        let transcoder = if case.non_finite.is_some() { &lenient } else { &plain };
        // What was printed reads back as what prints the same.
        let input = if case.reads { Some(&case.input) } else { case.non_finite.as_ref().or(case.canonical.as_ref()) };
        let (Some(input), required) = (input, case.error.as_ref().filter(|_| case.reads)) else { continue };
        let expected = match required {
            Some(error) => Err(error.clone()),
            None => Ok(case.non_finite.clone().or(case.canonical.clone()).unwrap()),
        };
        let wire = transcoder.from_json(message, input.as_bytes());
        let read = outcome(wire.and_then(|wire| print(transcoder, message, &wire)));
        if read != expected {
            wrong.push(format!("line {}:\n  {read:?}\n  {expected:?}", case.line));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the second implementation prints, by way of its dynamic messages.
fn second(pool: &Arc<DescriptorPool>, message: MessageIndex, wire: &[u8]) -> Option<Value> {
    let message = DynamicMessage::decode(Arc::clone(pool), message, wire).ok()?;
    serde_json::to_value(&message).ok()
}

#[test]
fn a_second_implementation_agrees() {
    let pool = pool();
    let plain = Transcoder::new(&pool, canonical());
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| !case.not_compared && case.non_finite.is_none()) {
        let message = index(&pool, &case.message);
        let (ours, theirs) = if case.reads {
            let ours = plain.from_json(message, case.input.as_bytes()).ok();
            let ours = ours.and_then(|wire| print(&plain, message, &wire).ok());
            let theirs = DynamicMessage::from_json(Arc::clone(&pool), message, &case.input).ok();
            (ours, theirs.and_then(|message| serde_json::to_value(&message).ok()))
        } else {
            let wire = notation::wire(&case.input);
            (print(&plain, message, &wire).ok(), second(&pool, message, &wire))
        };
        let ours = ours.map(|json| serde_json::from_str::<Value>(&json).unwrap());
        if floats(ours.clone()) != floats(theirs.clone()) {
            wrong.push(format!("line {}: {}\n  {ours:?}\n  {theirs:?}", case.line, case.input));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `1` and `1.0` are one number.
pub(super) fn floats(value: Option<Value>) -> Option<Value> {
    value.map(|value| match value {
        Value::Number(number) => serde_json::json!(number.as_f64()),
        Value::Array(items) => items.into_iter().filter_map(|item| floats(Some(item))).collect(),
        Value::Object(members) => {
            members.into_iter().filter_map(|(name, member)| Some((name, floats(Some(member))?))).collect()
        }
        other => other,
    })
}
