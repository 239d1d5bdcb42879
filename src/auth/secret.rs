//! Secrets that are worth the name.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::error::KeyError;

/// The shortest secret: as long as HS256's hash (RFC 7518, section 3.2).
pub(super) const MIN_SECRET_BYTES: usize = 32;
/// Fewer different bytes than this are not random: 32 random hexadecimal digits have 14 on average.
const MIN_DIFFERENT_BYTES: usize = 7;

/// How secrets begin that stand in documentation, capitals and punctuation left out.
const SAMPLES: [&str; 35] = [
    "your256bitsecret",
    "your384bitsecret",
    "your512bitsecret",
    "yoursecret",
    "yourjwtsecret",
    "yoursupersecret",
    "astringsecretatleast",
    "avalidstringsecret",
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "secret",
    "mysecret",
    "supersecret",
    "password",
    "example",
    "insecure",
    "default",
    "verysecret",
    "notsosecret",
    "topsecret",
    "mysupersecret",
    "jwtsecret",
    "thisis",
    "pleasechange",
    "keyboardcat",
    "qwerty",
    "abcdefgh",
    "01234567890123456789",
    // Those of FastAPI's and of a well-known Spring tutorial, and RFC 7797's.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970",
    "hjtxiz2usn5kbqfbttnwbpdmhkv8fjgonbc6mxccyg",
    // An identity provider's, in its samples for libraries.
    "gqdstcksx0nhjpouxoyg5mbej1xt0ufiwdvvvbrk",
    // The key of RFC 7515, appendix A.1.
    "aym1sysppbydfgzld3umj1qzkobwvmkoqqestjqlrt1qs0gzh75aktmn3yj0ips4hcguutw",
];

/// Says why a secret cannot be used.
pub(super) fn check(secret: &[u8]) -> Result<(), KeyError> {
    let bare: String = secret
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(|byte| byte.to_ascii_lowercase() as char)
        .collect();
    if SAMPLES.iter().any(|sample| bare.starts_with(sample)) {
        return Err(KeyError::WeakSecret("begins like a sample from documentation"));
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeyError::ShortSecret(secret.len()));
    }
    if is_key(secret) {
        return Err(KeyError::WeakSecret("is a key in PEM, DER, SSH or JSON form, which others may know"));
    }
    let mut seen = [false; 256];
    secret.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    if seen.iter().filter(|seen| **seen).count() < MIN_DIFFERENT_BYTES {
        return Err(KeyError::WeakSecret("is made of a few characters only"));
    }
    if (1..=secret.len() / 2).any(|period| secret[period..] == secret[..secret.len() - period]) {
        return Err(KeyError::WeakSecret("repeats itself"));
    }
    Ok(())
}

/// Whether these bytes are a key of another kind: whoever has a public one could sign with it.
fn is_key(secret: &[u8]) -> bool {
    let text = secret.strip_prefix(b"\xef\xbb\xbf").unwrap_or(secret).trim_ascii();
    let forms: [&[u8]; 3] = [b"-----BEGIN", b"ssh-", b"{"];
    if forms.iter().any(|form| text.starts_with(form)) || is_der(secret) {
        return true;
    }
    // What stands between the lines of a PEM file.
    let bare: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    [STANDARD.decode(&bare), STANDARD_NO_PAD.decode(&bare), URL_SAFE_NO_PAD.decode(&bare)]
        .iter()
        .flatten()
        .any(|bytes| is_der(bytes))
}

/// Whether these bytes are one ASN.1 SEQUENCE from the first to the last, as every key in DER is.
fn is_der(bytes: &[u8]) -> bool {
    match *bytes {
        [0x30, length, ref rest @ ..] if length < 0x80 => rest.len() == usize::from(length),
        [0x30, 0x81, length, ref rest @ ..] => rest.len() == usize::from(length),
        [0x30, 0x82, high, low, ref rest @ ..] => rest.len() == usize::from(u16::from_be_bytes([high, low])),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_short_and_simple_secrets_are_refused() {
        let short = ["", "x", "0123456789abcdef", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6"];
        for secret in short {
            assert_eq!(check(secret.as_bytes()), Err(KeyError::ShortSecret(secret.len())), "{secret}");
        }
        let weak = [
            "secret",
            "SECRET-secret-secret-secret-secret-1",
            "your-256-bit-secret",
            "your-256-bit-secret-but-longer-now-12345",
            "a-string-secret-at-least-256-bits-long",
            "changeme",
            "CHANGE_ME-0123456789-0123456789-abcdef",
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
            "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
            "this-is-a-very-long-secret-key-for-jwt",
            "abcdefghijklmnopqrstuvwxyzabcdef",
            "my-super-secret-key-for-jwt-signing-123",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0101010101010101010101010101010110",
            "kq8Zt0vLw3Xy7Rb2kq8Zt0vLw3Xy7Rb2",
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
            "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ\"}",
        ];
        for secret in weak {
            assert!(matches!(check(secret.as_bytes()), Err(KeyError::WeakSecret(_))), "{secret}");
        }
        let pem = include_str!("../../tests/vectors/keys/rsa.pub.pem");
        let bare: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let armoured = format!("\n{pem}");
        let der = STANDARD.decode(&bare).unwrap();
        let wrapped = format!(" {}\n{}", &bare[..64], &bare[64..]);
        for secret in [armoured.as_bytes(), bare.as_bytes(), wrapped.as_bytes(), &der] {
            assert!(matches!(check(secret), Err(KeyError::WeakSecret(_))), "{:?}", String::from_utf8_lossy(secret));
        }
        for secret in ["4f1c9a7e0b3d5826f1c94a7e0b3d5826", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"] {
            assert_eq!(check(secret.as_bytes()), Ok(()), "{secret}");
        }
    }
}
