//! Keys in files.

use std::fs;
use std::io::Read as _;
use std::path::Path;

/// The largest file that is read as a key. A JWKS has a limit of its own.
const MAX_KEY_FILE_BYTES: u64 = 1 << 20;

/// Reads a secret from a file. A last line's end does not belong to it.
///
/// # Errors
/// It cannot be read, in words.
pub fn secret_of(path: &Path) -> Result<Vec<u8>, String> {
    let mut secret = bytes_of(path)?;
    for end in [b'\n', b'\r'] {
        secret.pop_if(|last| *last == end);
    }
    Ok(secret)
}

/// Reads a key that is text.
pub(super) fn text_of(path: &Path) -> Result<String, String> {
    String::from_utf8(bytes_of(path)?).map_err(|_| format!("{} is not text", path.display()))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", path.display());
    let mut bytes = Vec::new();
    // Not by its length: a device or a pipe has none, and may not end.
    fs::File::open(path)
        .map_err(unreadable)?
        .take(MAX_KEY_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_KEY_FILE_BYTES {
        return Err(format!("{} has more than {MAX_KEY_FILE_BYTES} bytes, too many for a key", path.display()));
    }
    Ok(bytes)
}
