//! What a request says behind its `?`.
//!
//! Every byte is taken as it is or not at all: what stands for a session or a token must not become another's by being mended.

use axum::http::Uri;

/// The parameters of the query string, as `application/x-www-form-urlencoded` has them.
///
/// # Errors
/// What is wrong and what to do.
pub(super) fn parameters(uri: &Uri) -> Result<Vec<(String, String)>, &'static str> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| Ok((decoded(name)?, decoded(value)?))).collect()
}

fn decoded(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (rest.next().and_then(digit), rest.next().and_then(digit)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err("in the query string a % must have two hexadecimal digits behind it; % itself is %25"),
            },
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| "the query string is not UTF-8; write text in UTF-8 and its bytes as %C3%A4")
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_as_they_are_or_not_at_all() {
        let read = |query: &str| parameters(&format!("/ws{query}").parse().unwrap());
        for (query, expected) in [
            ("", &[][..]),
            ("?", &[]),
            ("?&&", &[]),
            ("?a", &[("a", "")]),
            ("?a=b=c&d=", &[("a", "b=c"), ("d", "")]),
            ("?a=b+c%2Bd%2bd", &[("a", "b c+d+d")]),
            ("?%61=%C3%A4%00%25", &[("a", "ä\0%")]),
        ] {
            let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(read(query), Ok(expected), "{query}");
        }
        for query in
            ["?a=%ff", "?a=%fe", "?a=%C3", "?a=%zz", "?a=%1", "?a=%", "?a=%+1", "?%ff=a", "?a=%%31", "?a=%ed%a0%80"]
        {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
