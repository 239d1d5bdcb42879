//! The functions that a rule may call: CEL's own, and those that Protovalidate adds.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cel::extractors::{Arguments, This};
use cel::{Context, ExecutionError, Value};
use regex::{Regex, RegexBuilder};

use super::budget::{pay, pay_bytes, pay_turn, pay_value};
use crate::schema::validate::formats::{Format, Version, is_host_and_port, is_ip, prefix};

type Result = std::result::Result<Value, ExecutionError>;

/// The function that every loop calls for each turn.
pub(super) const TURN: &str = "@turn";

/// Everything that can be called by name.
pub(super) const FUNCTIONS: [&str; 42] = [
    TURN,
    "contains",
    "size",
    "max",
    "min",
    "startsWith",
    "endsWith",
    "string",
    "bytes",
    "double",
    "int",
    "uint",
    "matches",
    "duration",
    "timestamp",
    "getFullYear",
    "getMonth",
    "getDayOfYear",
    "getDayOfMonth",
    "getDate",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "isNan",
    "isInf",
    "isEmail",
    "isHostname",
    "isHostAndPort",
    "isIp",
    "isIpPrefix",
    "isUri",
    "isUriRef",
    "unique",
    "format",
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
];

/// Compiled patterns that a thread keeps.
const KEPT_PATTERNS: usize = 256;
/// Memory for one compiled pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// What compiling a pattern costs.
const PATTERN_UNITS: u64 = 100_000;

thread_local! {
    static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// A context with every function.
pub(super) fn context() -> Context<'static> {
    let mut context = Context::default();
    context.add_function(TURN, |condition: bool, parts: i64, outside: bool| -> Result {
        pay_turn(parts.unsigned_abs(), outside)?;
        Ok(Value::Bool(condition))
    });
    context.add_function("matches", |This(text): This<Arc<String>>, pattern: Arc<String>| matches(&text, &pattern));
    context.add_function("contains", |This(whole): This<Value>, part: Value| {
        pay_value(&whole)?;
        cel::functions::contains(This(whole), part)
    });
    context.add_function("unique", |This(list): This<Arc<Vec<Value>>>| unique(&list));
    context.add_function("format", |This(template): This<Arc<String>>, values: Arc<Vec<Value>>| {
        format(&template, &values)
    });
    context.add_function("isNan", |This(number): This<f64>| number.is_nan());
    context.add_function("isInf", |This(number): This<f64>, Arguments(arguments): Arguments| -> Result {
        let sign = integer(&arguments)?.unwrap_or(0);
        Ok(Value::Bool(number.is_infinite() && (sign == 0 || (sign > 0) == (number > 0.0))))
    });
    for (name, format) in [
        ("isEmail", Format::Email),
        ("isHostname", Format::Hostname),
        ("isUri", Format::Uri),
        ("isUriRef", Format::UriRef),
    ] {
        context.add_function(name, move |This(text): This<Arc<String>>| -> Result {
            pay_bytes(text.len())?;
            Ok(Value::Bool(format.holds(&text)))
        });
    }
    context.add_function("isHostAndPort", |This(text): This<Arc<String>>, port_required: bool| {
        is_host_and_port(&text, port_required)
    });
    context.add_function("isIp", |This(text): This<Arc<String>>, Arguments(arguments): Arguments| -> Result {
        Ok(Value::Bool(version(integer(&arguments)?).is_some_and(|version| is_ip(&text, version))))
    });
    context.add_function("isIpPrefix", |This(text): This<Arc<String>>, Arguments(arguments): Arguments| -> Result {
        let strict = arguments.iter().any(|argument| *argument == Value::Bool(true));
        let found = version(integer(&arguments)?).and_then(|version| prefix(&text, version));
        Ok(Value::Bool(found.is_some_and(|is_strict| is_strict || !strict)))
    });
    context
}

/// The first whole number among the arguments.
fn integer(arguments: &[Value]) -> std::result::Result<Option<i64>, ExecutionError> {
    for argument in arguments {
        match argument {
            Value::Int(number) => return Ok(Some(*number)),
            Value::UInt(number) => return Ok(i64::try_from(*number).ok()),
            Value::Bool(_) => {}
            _ => return Err(ExecutionError::NoSuchOverload),
        }
    }
    Ok(None)
}

fn version(number: Option<i64>) -> Option<Version> {
    match number {
        None | Some(0) => Some(Version::Any),
        Some(4) => Some(Version::V4),
        Some(6) => Some(Version::V6),
        Some(_) => None,
    }
}

fn matches(text: &str, pattern: &str) -> Result {
    pay_bytes(text.len())?;
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(compiled) = patterns.get(pattern) {
            return Ok(Value::Bool(compiled.is_match(text)));
        }
        pay(PATTERN_UNITS)?;
        let compiled = RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build();
        let compiled = compiled.map_err(|_| ExecutionError::function_error("matches", "no pattern"))?;
        if patterns.len() == KEPT_PATTERNS {
            patterns.clear();
        }
        let found = compiled.is_match(text);
        patterns.insert(pattern.to_owned(), compiled);
        Ok(Value::Bool(found))
    })
}

fn unique(list: &[Value]) -> Result {
    let mut seen: HashSet<(u8, Vec<u8>)> = HashSet::with_capacity(list.len());
    for value in list {
        pay_value(value)?;
        let key = match value {
            Value::Int(number) => match u64::try_from(*number) {
                Ok(number) => (0, number.to_be_bytes().to_vec()),
                Err(_) => (1, number.to_be_bytes().to_vec()),
            },
            Value::UInt(number) => (0, number.to_be_bytes().to_vec()),
            // Nothing equals NaN, and both zeros are equal.
            Value::Float(number) if number.is_nan() => continue,
            Value::Float(number) => (2, (number + 0.0).to_be_bytes().to_vec()),
            Value::String(text) => (3, text.as_bytes().to_vec()),
            Value::Bytes(bytes) => (4, bytes.to_vec()),
            Value::Bool(value) => (5, vec![u8::from(*value)]),
            Value::Duration(duration) => (6, format!("{duration:?}").into_bytes()),
            Value::Timestamp(time) => (7, time.to_rfc3339().into_bytes()),
            _ => return Err(ExecutionError::NoSuchOverload),
        };
        if !seen.insert(key) {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

/// `%s`, `%d`, `%f` with a precision, `%x` and `%%`.
fn format(template: &str, values: &[Value]) -> Result {
    let wrong = || ExecutionError::function_error("format", "the values do not fit the template");
    let mut made = String::new();
    let mut values = values.iter();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        made.push_str(before);
        let end = after.find(|c: char| c != '.' && !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (precision, verb) = (after[..end].strip_prefix('.'), after[end..].chars().next().ok_or_else(wrong)?);
        rest = &after[end + verb.len_utf8()..];
        if verb == '%' {
            made.push('%');
            continue;
        }
        let value = values.next().ok_or_else(wrong)?;
        pay_value(value)?;
        made.push_str(&match (verb, value) {
            ('s', value) => shown(value),
            ('d', Value::Int(number)) => number.to_string(),
            ('d', Value::UInt(number)) => number.to_string(),
            ('f', Value::Float(number)) => {
                let precision = precision.map_or(Ok(6), str::parse).map_err(|_| wrong())?;
                if precision > 32_usize {
                    return Err(wrong());
                }
                format!("{number:.precision$}")
            }
            ('x', Value::Int(number)) => format!("{number:x}"),
            ('x', Value::UInt(number)) => format!("{number:x}"),
            ('x', Value::String(text)) => hex::encode(text.as_bytes()),
            ('x', Value::Bytes(bytes)) => hex::encode(&**bytes),
            _ => return Err(wrong()),
        });
    }
    made.push_str(rest);
    Ok(Value::String(made.into()))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Timestamp(time) => time.to_rfc3339(),
        Value::Duration(duration) => format!("{}s", duration.as_seconds_f64()),
        Value::Null => "null".to_owned(),
        Value::List(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", ")),
        _ => "…".to_owned(),
    }
}
