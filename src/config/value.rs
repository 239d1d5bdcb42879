//! Text ⇄ values: addresses, durations, sizes, counts, origins. A refusal says what is wrong with the text.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const GIB: usize = 1024 * MIB;

/// An address with a port, `127.0.0.1:8080`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    // "localhost" is what people type; it is not an address, and which of two it means differs between machines.
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| format!("{text:?} is not an IP address with a port"))
}

/// A duration with its unit, `500ms`, `30s`, `5m`, `1h`. Never zero.
///
/// # Errors
/// The text is none; in words.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let number: u64 = number.parse().map_err(|_| not_a_duration(text))?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" | "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(not_a_duration(text)),
    };
    match millis {
        Some(0) => Err("must be longer than nothing".to_owned()),
        // A year: longer is a mistake, and deadlines would overflow.
        Some(millis) if millis <= 31_536_000_000 => Ok(Duration::from_millis(millis)),
        _ => Err(format!("{text:?} is longer than a year")),
    }
}

fn not_a_duration(text: &str) -> String {
    format!("{text:?} is not a whole number with a unit (ms, s, m, h)")
}

/// A size in bytes, plain or with a unit of 1,024: `65536`, `64KiB`, `8MiB`, `1GiB`. Never zero.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = split_unit(text);
    let wrong = || format!("{text:?} is not a whole number of bytes, KiB, MiB or GiB");
    let number: usize = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "" | "B" => 1,
        "KiB" | "K" => KIB,
        "MiB" | "M" => MIB,
        "GiB" | "G" => GIB,
        _ => return Err(wrong()),
    };
    match number.checked_mul(factor) {
        Some(0) => Err("must be at least 1 byte".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err(format!("{text:?} is more than this machine can count")),
    }
}

/// A whole number from 1; underscores may group its digits.
pub(super) fn count<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let number: u64 = text.replace('_', "").parse().map_err(|_| format!("{text:?} is not a whole number"))?;
    if number == 0 {
        return Err("must be at least 1".to_owned());
    }
    N::try_from(number).map_err(|_| format!("{text} is too large"))
}

/// A limit that can be off.
pub(super) fn most(text: &str) -> Result<Option<u32>, String> {
    if text == "off" { Ok(None) } else { count(text).map(Some).map_err(|problem| format!("{problem}, nor off")) }
}

/// A limit that can be off, as it is written.
pub(super) fn show_most(most: Option<u32>) -> String {
    most.map_or_else(|| "off".to_owned(), |most| most.to_string())
}

/// A time that can be off.
pub(super) fn span(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" { Ok(None) } else { duration(text).map(Some).map_err(|problem| format!("{problem}, nor off")) }
}

/// A time that can be off, as it is written.
pub(super) fn show_span(span: Option<Duration>) -> String {
    span.map_or_else(|| "off".to_owned(), show_duration)
}

/// `true` or `false`.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// An origin as browsers send it (RFC 6454, section 6.2): scheme, host, port if it is not the scheme's own.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return Err(format!("{text:?} does not begin with https:// or http:// and a host"));
    };
    if text.contains('*') {
        return Err(format!("{text:?}: origins are compared as they are, so * matches nothing; list each one"));
    }
    if host.contains(['/', '?', '#', '@', ' ']) {
        return Err(format!("{text:?} has more than scheme, host and port; browsers send no path and no final slash"));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("{text:?} has capitals; browsers send {:?}", text.to_lowercase()));
    }
    let default_port = if text.starts_with("https:") { ":443" } else { ":80" };
    match text.strip_suffix(default_port) {
        Some(bare) => Err(format!("{text:?} names the scheme's own port; browsers send {bare:?}")),
        None => Ok(text.to_owned()),
    }
}

/// A path.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// A host name as it stands in `Host`, without its port.
pub(super) fn host(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if is_name { Ok(text.to_ascii_lowercase()) } else { Err(format!("{text:?} is not a host name without port")) }
}

/// A duration in its largest whole unit.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}

/// A size in its largest whole unit.
pub(super) fn show_bytes(bytes: usize) -> String {
    match bytes {
        _ if bytes.is_multiple_of(GIB) => format!("{}GiB", bytes / GIB),
        _ if bytes.is_multiple_of(MIB) => format!("{}MiB", bytes / MIB),
        _ if bytes.is_multiple_of(KIB) => format!("{}KiB", bytes / KIB),
        _ => bytes.to_string(),
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..digits], text[digits..].trim_start())
}
