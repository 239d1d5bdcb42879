//! The functions that a rule may call: CEL's own, and those that Protovalidate adds.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use cel::extractors::{Arguments, This};
use cel::{Context, ExecutionError, FunctionContext, Value};

use super::equality::{self, whole_of};
use super::paying::{self, make_value, pay_value};
use super::rewrite::Patterns;
use crate::schema::validate::budget::{pay, pay_bytes, units_of};
use crate::schema::validate::formats::{Format, Version, is_host_and_port, is_ip, prefix};
use crate::schema::validate::pattern::Pattern;

type Result = std::result::Result<Value, ExecutionError>;

/// Everything that can be called by name.
pub(super) const FUNCTIONS: [&str; 41] = [
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

thread_local! {
    /// The patterns of the rule that this thread evaluates.
    static PATTERNS: RefCell<Option<Arc<Patterns>>> = RefCell::default();
}

/// Evaluates with the patterns of a rule.
pub(super) fn with_patterns<T>(patterns: Option<&Arc<Patterns>>, evaluate: impl FnOnce() -> T) -> T {
    PATTERNS.replace(patterns.cloned());
    evaluate()
}

/// A context with every function.
pub(super) fn context() -> Context<'static> {
    let mut context = Context::default();
    paying::add_to(&mut context);
    equality::add_to(&mut context);
    add_own(&mut context);
    context.add_function("matches", |This(text): This<Arc<String>>, pattern: Arc<String>| matches(&text, &pattern));
    context.add_function("contains", |This(whole): This<Value>, part: Value| -> Result {
        pay_value(&whole)?;
        if let (Value::Bytes(whole), Value::Bytes(part)) = (&whole, &part) {
            // The library compares at every place, and panics for nothing.
            pay(whole.len() as u64 * (1 + units_of(part.len())))?;
            let found = part.is_empty() || whole.windows(part.len()).any(|window| window == part.as_slice());
            return Ok(Value::Bool(found));
        }
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
    context.add_function("isHostAndPort", |This(text): This<Arc<String>>, port_required: bool| -> Result {
        pay_bytes(text.len())?;
        Ok(Value::Bool(is_host_and_port(&text, port_required)))
    });
    context.add_function("isIp", |This(text): This<Arc<String>>, Arguments(arguments): Arguments| -> Result {
        pay_bytes(text.len())?;
        Ok(Value::Bool(version(integer(&arguments)?).is_some_and(|version| is_ip(&text, version))))
    });
    context.add_function("isIpPrefix", |This(text): This<Arc<String>>, Arguments(arguments): Arguments| -> Result {
        pay_bytes(text.len())?;
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

/// CEL's own functions that look at all of a text or a list, or make one.
fn add_own(context: &mut Context<'_>) {
    context.add_function("size", |call: &FunctionContext<'_, '_>, This(value): This<Value>| {
        pay(1)?;
        cel::functions::size(call, This(value))
    });
    context.add_function("string", |call: &FunctionContext<'_, '_>, This(value): This<Value>| -> Result {
        pay_value(&value)?;
        let made = cel::functions::string(call, This(value))?;
        make_value(&made)?;
        Ok(made)
    });
    context.add_function("bytes", |text: Arc<String>| -> Result {
        pay_bytes(text.len())?;
        let made = cel::functions::bytes(text)?;
        make_value(&made)?;
        Ok(made)
    });
    context.add_function("double", |call: &FunctionContext<'_, '_>, This(value): This<Value>| -> Result {
        // Digits take longer than bytes that are copied.
        (0..4).try_for_each(|_| pay_value(&value))?;
        cel::functions::double(call, This(value))
    });
    context.add_function("int", |call: &FunctionContext<'_, '_>, This(value): This<Value>| -> Result {
        (0..4).try_for_each(|_| pay_value(&value))?;
        cel::functions::int(call, This(value))
    });
    context.add_function("uint", |call: &FunctionContext<'_, '_>, This(value): This<Value>| -> Result {
        (0..4).try_for_each(|_| pay_value(&value))?;
        cel::functions::uint(call, This(value))
    });
    context.add_function("startsWith", |This(text): This<Arc<String>>, part: Arc<String>| -> Result {
        pay_bytes(text.len().min(part.len()))?;
        Ok(Value::Bool(text.starts_with(part.as_str())))
    });
    context.add_function("endsWith", |This(text): This<Arc<String>>, part: Arc<String>| -> Result {
        pay_bytes(text.len().min(part.len()))?;
        Ok(Value::Bool(text.ends_with(part.as_str())))
    });
    context.add_function("duration", |text: Arc<String>| -> Result {
        (0..4).try_for_each(|_| pay_bytes(text.len()))?;
        cel::functions::duration(text)
    });
    context.add_function("timestamp", |text: Arc<String>| -> Result {
        pay_bytes(text.len())?;
        cel::functions::timestamp(text)
    });
    context.add_function("max", |Arguments(values): Arguments| -> Result {
        values.iter().try_for_each(pay_value)?;
        cel::functions::max(Arguments(values))
    });
    context.add_function("min", |Arguments(values): Arguments| -> Result {
        values.iter().try_for_each(pay_value)?;
        cel::functions::min(Arguments(values))
    });
}

fn matches(text: &str, pattern: &str) -> Result {
    let own = PATTERNS.with_borrow(Clone::clone);
    if let Some(pattern) = own.as_ref().and_then(|own| own.get(pattern)) {
        return Ok(Value::Bool(pattern.is_match(text)?));
    }
    let compiled = Pattern::compile_sent(pattern);
    let compiled = compiled.map_err(|_| ExecutionError::function_error("matches", "no pattern"))?;
    Ok(Value::Bool(compiled.is_match(text)?))
}

fn unique(list: &[Value]) -> Result {
    let mut seen: HashSet<(u8, Vec<u8>)> = HashSet::with_capacity(list.len());
    for value in list {
        pay_value(value)?;
        let key = match value {
            Value::Int(number) => (0, i128::from(*number).to_be_bytes().to_vec()),
            Value::UInt(number) => (0, i128::from(*number).to_be_bytes().to_vec()),
            // Nothing equals NaN.
            Value::Float(number) if number.is_nan() => continue,
            Value::Float(number) => match whole_of(*number) {
                Some(number) => (0, number.to_be_bytes().to_vec()),
                None => (2, number.to_be_bytes().to_vec()),
            },
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
        make_value(value)?;
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
    let made = Value::String(made.into());
    make_value(&made)?;
    Ok(made)
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
