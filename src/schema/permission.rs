//! The texts of permissions: what may stand in their braces.

/// Why a permission's text is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PermissionError {
    #[error("a brace is not closed, or not opened")]
    Unbalanced,
    #[error("{{{0}}} is neither a field nor a claim")]
    Unknown(String),
}

/// Checks a permission: `{field}` must be one that `knows`, `{@claim}` any claim.
pub(super) fn check(text: &str, knows: impl Fn(&str) -> bool) -> Result<(), PermissionError> {
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let Some((placeholder, tail)) = rest[open..].strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
            return Err(PermissionError::Unbalanced);
        };
        let known = match placeholder.strip_prefix('@') {
            Some(claim) => {
                !claim.is_empty()
                    && claim.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
            }
            None => knows(placeholder),
        };
        if !known {
            return Err(PermissionError::Unknown(placeholder.to_owned()));
        }
        rest = tail;
    }
    Ok(())
}
