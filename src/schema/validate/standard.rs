//! The standard rules of one value, from how the options say them to how they are tested.

use buffa_descriptor::{DescriptorPool, ScalarType, SingularKind};

use super::formats::{Format, Version};
use super::pattern::{Pattern, PatternError};
use super::plan::{AnyRules, EnumRules, FieldMaskRules, Finite, Test, TimestampRules};
use super::range::{Bound, Range};
use super::text::{BytesRules, Lengths, TextRules};
use crate::proto::buf::validate as proto;
use crate::proto::buf::validate::field_rules::Type;

/// What is wrong with a rule, and what to do about it.
pub(super) type Wrong = (String, String);

/// The name of the rules that fit a kind of value.
pub(super) fn fitting(pool: &DescriptorPool, kind: SingularKind) -> Option<&'static str> {
    Some(match kind {
        SingularKind::Enum(_) => "enum",
        SingularKind::Scalar(scalar) => match scalar {
            ScalarType::Double => "double",
            ScalarType::Float => "float",
            ScalarType::Int32 => "int32",
            ScalarType::Int64 => "int64",
            ScalarType::Uint32 => "uint32",
            ScalarType::Uint64 => "uint64",
            ScalarType::Sint32 => "sint32",
            ScalarType::Sint64 => "sint64",
            ScalarType::Fixed32 => "fixed32",
            ScalarType::Fixed64 => "fixed64",
            ScalarType::Sfixed32 => "sfixed32",
            ScalarType::Sfixed64 => "sfixed64",
            ScalarType::Bool => "bool",
            ScalarType::String => "string",
            ScalarType::Bytes => "bytes",
        },
        SingularKind::Message(index) => match pool.message(index).full_name().strip_prefix("google.protobuf.")? {
            "Timestamp" => "timestamp",
            "Duration" => "duration",
            "Any" => "any",
            "FieldMask" => "field_mask",
            _ => return fitting(pool, wrapped(pool, kind)?),
        },
    })
}

/// What a wrapper, `google.protobuf.Int32Value` and its kin, holds.
pub(super) fn wrapped(pool: &DescriptorPool, kind: SingularKind) -> Option<SingularKind> {
    let SingularKind::Message(index) = kind else { return None };
    let message = pool.message(index);
    let name = message.full_name().strip_prefix("google.protobuf.")?.strip_suffix("Value")?;
    let is_wrapper = !matches!(name, "" | "List" | "Null");
    match message.field(1)?.kind() {
        buffa_descriptor::FieldKind::Singular(kind) if is_wrapper => Some(kind),
        _ => None,
    }
}

/// The name of a group of rules.
pub(super) fn name_of(rules: &Type) -> &'static str {
    match rules {
        Type::Float(_) => "float",
        Type::Double(_) => "double",
        Type::Int32(_) => "int32",
        Type::Int64(_) => "int64",
        Type::Uint32(_) => "uint32",
        Type::Uint64(_) => "uint64",
        Type::Sint32(_) => "sint32",
        Type::Sint64(_) => "sint64",
        Type::Fixed32(_) => "fixed32",
        Type::Fixed64(_) => "fixed64",
        Type::Sfixed32(_) => "sfixed32",
        Type::Sfixed64(_) => "sfixed64",
        Type::Bool(_) => "bool",
        Type::String(_) => "string",
        Type::Bytes(_) => "bytes",
        Type::Enum(_) => "enum",
        Type::Repeated(_) => "repeated",
        Type::Map(_) => "map",
        Type::Any(_) => "any",
        Type::Duration(_) => "duration",
        Type::FieldMask(_) => "field_mask",
        Type::Timestamp(_) => "timestamp",
    }
}

macro_rules! range {
    ($rules:expr, $kind:literal, $module:ident, $number:ty, $show:expr) => {{
        use proto::$module::{GreaterThan, LessThan};
        let rules = $rules;
        Range::<$number> {
            kind: $kind,
            constant: rules.r#const.map(<$number>::from),
            lower: rules.greater_than.map(|bound| match bound {
                GreaterThan::Gt(value) => Bound { value: value.into(), inclusive: false },
                GreaterThan::Gte(value) => Bound { value: value.into(), inclusive: true },
            }),
            upper: rules.less_than.map(|bound| match bound {
                LessThan::Lt(value) => Bound { value: value.into(), inclusive: false },
                LessThan::Lte(value) => Bound { value: value.into(), inclusive: true },
            }),
            within: rules.r#in.into_iter().map(<$number>::from).collect(),
            without: rules.not_in.into_iter().map(<$number>::from).collect(),
            show: $show,
        }
    }};
}

fn finite(finite: Option<bool>) -> Finite {
    if finite == Some(true) { Finite::Only } else { Finite::NotAsked }
}

/// The test of a value of this kind. The rules are already known to fit the kind.
pub(super) fn test(pool: &DescriptorPool, kind: SingularKind, rules: Type) -> Result<Test, Wrong> {
    Ok(match rules {
        Type::Float(rules) => {
            let asked = finite(rules.finite);
            Test::Float(range!(rules, "float", float_rules, f64, |value| (*value as f32).to_string()), asked)
        }
        Type::Double(rules) => {
            let asked = finite(rules.finite);
            Test::Float(range!(rules, "double", double_rules, f64, f64::to_string), asked)
        }
        Type::Int32(rules) => Test::Int(range!(rules, "int32", int32_rules, i64, i64::to_string)),
        Type::Int64(rules) => Test::Int(range!(rules, "int64", int64_rules, i64, i64::to_string)),
        Type::Sint32(rules) => Test::Int(range!(rules, "sint32", s_int32_rules, i64, i64::to_string)),
        Type::Sint64(rules) => Test::Int(range!(rules, "sint64", s_int64_rules, i64, i64::to_string)),
        Type::Sfixed32(rules) => Test::Int(range!(rules, "sfixed32", s_fixed32_rules, i64, i64::to_string)),
        Type::Sfixed64(rules) => Test::Int(range!(rules, "sfixed64", s_fixed64_rules, i64, i64::to_string)),
        Type::Uint32(rules) => Test::Uint(range!(rules, "uint32", u_int32_rules, u64, u64::to_string)),
        Type::Uint64(rules) => Test::Uint(range!(rules, "uint64", u_int64_rules, u64, u64::to_string)),
        Type::Fixed32(rules) => Test::Uint(range!(rules, "fixed32", fixed32_rules, u64, u64::to_string)),
        Type::Fixed64(rules) => Test::Uint(range!(rules, "fixed64", fixed64_rules, u64, u64::to_string)),
        Type::Bool(rules) => rules.r#const.map_or(Test::None, Test::Bool),
        Type::String(rules) => Test::Text(Box::new(text(rules)?)),
        Type::Bytes(rules) => Test::Bytes(Box::new(bytes(rules)?)),
        Type::Enum(rules) => {
            let numbers = |list: Vec<i32>| list.into_iter().map(i64::from).collect();
            let defined = match kind {
                SingularKind::Enum(index) if rules.defined_only == Some(true) => {
                    Some(pool.enumeration(index).values().iter().map(|value| value.number()).collect())
                }
                _ => None,
            };
            let range = Range {
                kind: "enum",
                constant: rules.r#const.map(i64::from),
                lower: None,
                upper: None,
                within: numbers(rules.r#in),
                without: numbers(rules.not_in),
                show: i64::to_string,
            };
            Test::Enum(EnumRules { range, defined })
        }
        Type::Duration(rules) => Test::Duration(Range {
            constant: rules.r#const.map(duration_nanos),
            within: rules.r#in.into_iter().map(duration_nanos).collect(),
            without: rules.not_in.into_iter().map(duration_nanos).collect(),
            lower: rules.greater_than.map(|bound| match bound {
                proto::duration_rules::GreaterThan::Gt(value) => {
                    Bound { value: duration_nanos(value), inclusive: false }
                }
                proto::duration_rules::GreaterThan::Gte(value) => {
                    Bound { value: duration_nanos(value), inclusive: true }
                }
            }),
            upper: rules.less_than.map(|bound| match bound {
                proto::duration_rules::LessThan::Lt(value) => Bound { value: duration_nanos(value), inclusive: false },
                proto::duration_rules::LessThan::Lte(value) => Bound { value: duration_nanos(value), inclusive: true },
            }),
            kind: "duration",
            show: show_duration,
        }),
        Type::Timestamp(rules) => Test::Timestamp(timestamp(rules)),
        Type::Any(rules) => Test::Any(AnyRules { within: rules.r#in, without: rules.not_in }),
        Type::FieldMask(rules) => Test::FieldMask(FieldMaskRules {
            constant: rules.r#const.map(|mask| mask.paths),
            within: rules.r#in,
            without: rules.not_in,
        }),
        Type::Repeated(_) | Type::Map(_) => Test::None,
    })
}

fn duration_nanos(duration: pbjson_types::Duration) -> i128 {
    i128::from(duration.seconds) * 1_000_000_000 + i128::from(duration.nanos)
}

fn timestamp_nanos(time: pbjson_types::Timestamp) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}

/// Seconds with as many decimals as there are.
pub(super) fn show_duration(nanos: &i128) -> String {
    let (sign, nanos) = (if *nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let fraction = format!("{:09}", nanos % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}s", nanos / 1_000_000_000)
}

fn show_timestamp(nanos: &i128) -> String {
    let time = i64::try_from(nanos.div_euclid(1_000_000_000)).ok().and_then(|seconds| {
        chrono::DateTime::from_timestamp(seconds, u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0))
    });
    time.map_or_else(
        || format!("{nanos} ns since 1970"),
        |time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
    )
}

fn timestamp(rules: proto::TimestampRules) -> TimestampRules {
    use proto::timestamp_rules::{GreaterThan, LessThan};
    let bound = |value, inclusive| Some(Bound { value: timestamp_nanos(value), inclusive });
    let lower = match rules.greater_than {
        Some(GreaterThan::Gt(value)) => bound(value, false),
        Some(GreaterThan::Gte(value)) => bound(value, true),
        Some(GreaterThan::GtNow(_)) | None => None,
    };
    let upper = match rules.less_than {
        Some(LessThan::Lt(value)) => bound(value, false),
        Some(LessThan::Lte(value)) => bound(value, true),
        Some(LessThan::LtNow(_)) | None => None,
    };
    TimestampRules {
        range: Range {
            kind: "timestamp",
            constant: rules.r#const.map(timestamp_nanos),
            lower,
            upper,
            within: Box::default(),
            without: Box::default(),
            show: show_timestamp,
        },
        before_now: rules.less_than == Some(LessThan::LtNow(true)),
        after_now: rules.greater_than == Some(GreaterThan::GtNow(true)),
        within: rules.within.map(duration_nanos),
    }
}

fn compiled(pattern: Option<String>) -> Result<Option<Pattern>, Wrong> {
    pattern.map(|pattern| Pattern::compile(&pattern)).transpose().map_err(|error| match error {
        PatternError::Syntax(problem) => (
            format!("the pattern is no regular expression: {problem}"),
            "write it in RE2's syntax, and double every backslash: \"^\\\\d+$\"".to_owned(),
        ),
        PatternError::TooLarge | PatternError::Spent => (
            "the pattern is too large once its repetitions are written out".to_owned(),
            "say how long the value may be with min_len and max_len, [0-9A-Za-z_] where \\w is more than is meant"
                .to_owned(),
        ),
    })
}

fn text(rules: proto::StringRules) -> Result<TextRules, Wrong> {
    use proto::string_rules::WellKnown;
    let strict = rules.strict != Some(false);
    let format = rules.well_known.and_then(|known| {
        let (format, on) = match known {
            WellKnown::Email(on) => (Format::Email, on),
            WellKnown::Hostname(on) => (Format::Hostname, on),
            WellKnown::Ip(on) => (Format::Ip(Version::Any), on),
            WellKnown::Ipv4(on) => (Format::Ip(Version::V4), on),
            WellKnown::Ipv6(on) => (Format::Ip(Version::V6), on),
            WellKnown::Uri(on) => (Format::Uri, on),
            WellKnown::UriRef(on) => (Format::UriRef, on),
            WellKnown::Address(on) => (Format::Address, on),
            WellKnown::Uuid(on) => (Format::Uuid, on),
            WellKnown::Tuuid(on) => (Format::Tuuid, on),
            WellKnown::IpWithPrefixlen(on) => (Format::IpWithPrefixLength(Version::Any), on),
            WellKnown::Ipv4WithPrefixlen(on) => (Format::IpWithPrefixLength(Version::V4), on),
            WellKnown::Ipv6WithPrefixlen(on) => (Format::IpWithPrefixLength(Version::V6), on),
            WellKnown::IpPrefix(on) => (Format::IpPrefix(Version::Any), on),
            WellKnown::Ipv4Prefix(on) => (Format::IpPrefix(Version::V4), on),
            WellKnown::Ipv6Prefix(on) => (Format::IpPrefix(Version::V6), on),
            WellKnown::HostAndPort(on) => (Format::HostAndPort, on),
            WellKnown::Ulid(on) => (Format::Ulid, on),
            WellKnown::ProtobufFqn(on) => (Format::ProtobufName, on),
            WellKnown::ProtobufDotFqn(on) => (Format::ProtobufDotName, on),
            WellKnown::WellKnownRegex(known) => match proto::KnownRegex::try_from(known) {
                Ok(proto::KnownRegex::HttpHeaderName) => (Format::HeaderName { strict }, true),
                Ok(proto::KnownRegex::HttpHeaderValue) => (Format::HeaderValue { strict }, true),
                Ok(proto::KnownRegex::Unspecified) | Err(_) => return None,
            },
        };
        on.then_some(format)
    });
    Ok(TextRules {
        constant: rules.r#const,
        length: lengths(rules.len, rules.min_len, rules.max_len, ["min_len", "max_len"])?,
        bytes: lengths(rules.len_bytes, rules.min_bytes, rules.max_bytes, ["min_bytes", "max_bytes"])?,
        pattern: compiled(rules.pattern)?,
        prefix: rules.prefix,
        suffix: rules.suffix,
        contains: rules.contains,
        not_contains: rules.not_contains,
        within: rules.r#in,
        without: rules.not_in,
        format,
    })
}

fn bytes(rules: proto::BytesRules) -> Result<BytesRules, Wrong> {
    use proto::bytes_rules::WellKnown;
    let format = match rules.well_known {
        Some(WellKnown::Ip(true)) => Some(("ip", "an IP address of 4 or 16 bytes", &[4, 16][..])),
        Some(WellKnown::Ipv4(true)) => Some(("ipv4", "an IPv4 address of 4 bytes", &[4][..])),
        Some(WellKnown::Ipv6(true)) => Some(("ipv6", "an IPv6 address of 16 bytes", &[16][..])),
        Some(WellKnown::Uuid(true)) => Some(("uuid", "a UUID of 16 bytes", &[16][..])),
        _ => None,
    };
    let owned = |bytes: Option<prost::bytes::Bytes>| bytes.map(|bytes| bytes.to_vec());
    Ok(BytesRules {
        constant: owned(rules.r#const),
        length: lengths(rules.len, rules.min_len, rules.max_len, ["min_len", "max_len"])?,
        pattern: compiled(rules.pattern)?,
        prefix: owned(rules.prefix),
        suffix: owned(rules.suffix),
        contains: owned(rules.contains),
        within: rules.r#in.iter().map(|bytes| bytes.to_vec()).collect(),
        without: rules.not_in.iter().map(|bytes| bytes.to_vec()).collect(),
        format,
    })
}

/// Lengths, unless nothing can have them.
pub(super) fn lengths(
    exact: Option<u64>,
    min: Option<u64>,
    max: Option<u64>,
    [min_name, max_name]: [&str; 2],
) -> Result<Lengths, Wrong> {
    match min.zip(max).filter(|(min, max)| min > max) {
        Some((min, max)) => Err((
            format!("nothing has {min_name} {min} and {max_name} {max}"),
            "make the maximum at least the minimum".to_owned(),
        )),
        None => Ok(Lengths { exact, min, max }),
    }
}
