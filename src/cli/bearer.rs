//! The token that a command shows to a bridge.

use http::HeaderValue;

use super::failure::Failure;

/// A token as a header. `@PATH` is read from the file each time: it may hold a newer one by then.
pub(super) fn bearer(option: &str, token: &str) -> Result<HeaderValue, Failure> {
    let read = match token.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("{option}: {path} cannot be read: {error}")))?,
        None => token.to_owned(),
    };
    let mut header = HeaderValue::from_str(&format!("Bearer {}", read.trim())).map_err(|_| {
        Failure::Usage(format!("{option}: this is no token: it has characters that no header can have"))
    })?;
    header.set_sensitive(true);
    Ok(header)
}
