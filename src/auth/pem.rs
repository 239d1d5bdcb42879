//! The PEM of one public key (RFC 7468, RFC 5280's SubjectPublicKeyInfo, RFC 8017's RSAPublicKey).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::KeyError;
use super::key::{Key, Public};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const BIT_STRING: u8 = 0x03;
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Reads a key.
pub(super) fn read(text: &str) -> Result<Key, KeyError> {
    let (label, der) = block(text)?;
    let broken = || KeyError::Pem("what is inside is broken, or a key of another kind");
    let key = match label {
        "PUBLIC KEY" => spki(&der).ok_or_else(broken)?,
        "RSA PUBLIC KEY" => rsa(&der).ok_or_else(broken)?,
        "CERTIFICATE" => {
            return Err(KeyError::Pem(
                "it is a certificate; take the key out of it with `openssl x509 -in FILE -pubkey -noout`",
            ));
        }
        label if label.ends_with("PRIVATE KEY") => {
            return Err(KeyError::Pem(
                "it is a private key, which belongs to who signs; make the public one with `openssl pkey -in FILE -pubout`",
            ));
        }
        _ => return Err(KeyError::Pem("it does not begin with -----BEGIN PUBLIC KEY-----")),
    };
    Key::from_public(&key)?.ok_or_else(broken)
}

/// The label and the bytes of the one block of a text.
fn block(text: &str) -> Result<(&str, Vec<u8>), KeyError> {
    let none = KeyError::Pem("it does not begin with -----BEGIN PUBLIC KEY-----");
    if text.matches("-----BEGIN ").count() > 1 {
        return Err(KeyError::Pem("there are several keys in it; several are a JWKS"));
    }
    let Some((label, rest)) = text.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----")) else {
        return Err(none);
    };
    let Some((body, _)) = rest.split_once(&format!("-----END {label}-----")) else {
        return Err(KeyError::Pem("it has no end"));
    };
    let body: String = body.split_ascii_whitespace().collect();
    match STANDARD.decode(body) {
        Ok(der) => Ok((label, der)),
        // A key with headers, as encrypted ones have.
        Err(_) => Err(KeyError::Pem("what is inside is not base64")),
    }
}

fn spki(der: &[u8]) -> Option<Public<'_>> {
    let (info, &[]) = take(der, SEQUENCE)? else { return None };
    let (algorithm, rest) = take(info, SEQUENCE)?;
    let (bits, &[]) = take(rest, BIT_STRING)? else { return None };
    // The first byte counts the bits that are not used: none.
    let (0, key) = bits.split_first().map(|(unused, key)| (*unused, key))? else { return None };
    let (kind, parameters) = take(algorithm, OBJECT_ID)?;
    match kind {
        RSA => rsa(key),
        EC => {
            let (curve, &[]) = take(parameters, OBJECT_ID)? else { return None };
            let bytes = match curve {
                P256 => 65,
                P384 => 97,
                _ => return None,
            };
            (key.len() == bytes).then_some(Public::Ec { point: key })
        }
        ED25519 => Some(Public::Ed { point: key }),
        _ => None,
    }
}

fn rsa(der: &[u8]) -> Option<Public<'_>> {
    let (numbers, &[]) = take(der, SEQUENCE)? else { return None };
    let (modulus, rest) = take(numbers, INTEGER)?;
    let (exponent, &[]) = take(rest, INTEGER)? else { return None };
    Some(Public::Rsa { modulus, exponent })
}

/// The contents of a DER element with this tag, and what follows it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0x00..=0x7f => (usize::from(length), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?)), &rest[2..]),
        _ => return None,
    };
    (first == tag).then(|| rest.split_at_checked(length))?
}
