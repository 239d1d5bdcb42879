//! Keys that verify: each of one family, with the algorithms that it may be used with.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use super::error::KeyError;
use super::secret;

/// The shortest RSA key (RFC 7518, section 3.3).
pub(super) const MIN_RSA_BITS: usize = 2_048;
/// The longest one, and the longest exponent, that the library verifies with.
const MAX_RSA_BITS: usize = 8_192;
const MAX_RSA_EXPONENT_BITS: usize = 33;

/// A key that signatures are verified with.
pub(super) struct Key {
    /// What a header calls it.
    pub(super) id: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
}

/// A public key as numbers, whichever form it was written in.
pub(super) enum Public<'a> {
    /// Modulus and exponent, big-endian.
    Rsa { modulus: &'a [u8], exponent: &'a [u8] },
    /// An uncompressed point: 4, x, y.
    Ec { point: &'a [u8] },
    /// Ed25519.
    Ed { point: &'a [u8] },
}

impl Key {
    /// A shared secret.
    pub(super) fn from_secret(bytes: &[u8]) -> Result<Key, KeyError> {
        secret::check(bytes)?;
        // A key is at least as long as what the hash gives (RFC 7518, section 3.2); 32 bytes are asked for in any case.
        let all = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512].into_iter();
        let fits = |algorithm: &Algorithm| least_bytes(*algorithm).is_some_and(|least| bytes.len() >= least);
        let algorithms = all.filter(fits).collect();
        Ok(Key { id: None, algorithms, decoding: DecodingKey::from_secret(bytes) })
    }

    /// A public key. `None`: it is none of ours.
    pub(super) fn from_public(public: &Public<'_>) -> Result<Option<Key>, KeyError> {
        let (algorithms, decoding) = match public {
            Public::Rsa { modulus, exponent } => {
                let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
                let bits = bits(modulus);
                if bits < MIN_RSA_BITS {
                    return Err(KeyError::ShortRsa(bits));
                }
                if !is_sound_rsa(modulus, exponent) {
                    return Ok(None);
                }
                let algorithms = vec![
                    Algorithm::RS256,
                    Algorithm::RS384,
                    Algorithm::RS512,
                    Algorithm::PS256,
                    Algorithm::PS384,
                    Algorithm::PS512,
                ];
                (algorithms, DecodingKey::from_rsa_raw_components(modulus, exponent))
            }
            Public::Ec { point } => {
                let algorithm = match point {
                    [4, rest @ ..] if rest.len() == 64 => Algorithm::ES256,
                    [4, rest @ ..] if rest.len() == 96 => Algorithm::ES384,
                    _ => return Ok(None),
                };
                (vec![algorithm], DecodingKey::from_ec_der(point))
            }
            // The library takes the first 32 bytes of what it gets.
            Public::Ed { point } if point.len() == 32 => (vec![Algorithm::EdDSA], DecodingKey::from_ed_der(point)),
            Public::Ed { .. } => return Ok(None),
        };
        // Mistakes in a key show in the library only while it verifies, and then like a wrong signature.
        let is_sound = match public {
            // Looked at above.
            Public::Rsa { .. } => true,
            Public::Ec { point } if point.len() == 65 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_ok(),
            Public::Ec { point } => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).is_ok(),
            Public::Ed { point } => ParsedPublicKey::new(&ED25519, point).is_ok(),
        };
        Ok(is_sound.then_some(Key { id: None, algorithms, decoding }))
    }

    /// The key under a name, for these algorithms alone.
    pub(super) fn named(mut self, id: Option<String>, only: Option<Algorithm>) -> Key {
        self.id = id;
        self.algorithms.retain(|algorithm| only.is_none_or(|only| only == *algorithm));
        self
    }

    /// What it may be used with.
    pub(super) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Whether this is the signature of the message. `None`: the key cannot be used so.
    pub(super) fn verify(&self, message: &str, signature: &str, algorithm: Algorithm) -> Option<bool> {
        if !self.algorithms.contains(&algorithm) {
            return None;
        }
        crypto::verify(signature, message.as_bytes(), &self.decoding, algorithm).ok()
    }
}

/// The shortest secret for an algorithm (RFC 7518, section 3.2). `None`: it takes none.
pub(super) fn least_bytes(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::HS256 => Some(32),
        Algorithm::HS384 => Some(48),
        Algorithm::HS512 => Some(64),
        _ => None,
    }
}

/// A number, big-endian, as short as it can be written.
fn without_zeros(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// Whether these can be an RSA key's: two odd numbers, of which neither is too long and the exponent is not 1.
fn is_sound_rsa(modulus: &[u8], exponent: &[u8]) -> bool {
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    is_odd(modulus)
        && is_odd(exponent)
        && bits(modulus) <= MAX_RSA_BITS
        && (2..=MAX_RSA_EXPONENT_BITS).contains(&bits(exponent))
}

/// Base64url as RFC 7515 has it.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::EncodingKey;

    use super::*;

    #[test]
    fn a_key_is_used_with_its_own_algorithms_only() {
        let secret = b"kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6eTu0Ya5Wi3Lo8Zx1C";
        let key = Key::from_secret(secret).unwrap().named(None, Some(Algorithm::HS384));
        for (algorithm, expected) in [
            (Algorithm::HS384, Some(true)),
            (Algorithm::HS256, None),
            (Algorithm::HS512, None),
            (Algorithm::RS256, None),
        ] {
            let sign = if expected.is_some() { algorithm } else { Algorithm::HS256 };
            let signature = crypto::sign(b"text", &EncodingKey::from_secret(secret), sign).unwrap();
            assert_eq!(key.verify("text", &signature, algorithm), expected, "{algorithm:?}");
        }
    }

    #[test]
    fn a_secret_is_at_least_as_long_as_what_its_hash_gives() {
        let long = b"kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6eTu0Ya5Wi3Lo8Zx1CVb6Qe2Mk9Dj4Fr7G";
        let all = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        for (bytes, count) in [(32, 1), (47, 1), (48, 2), (63, 2), (64, 3)] {
            assert_eq!(Key::from_secret(&long[..bytes]).unwrap().algorithms(), &all[..count], "{bytes} bytes");
        }
        assert!(Key::from_secret(&long[..31]).is_err());
    }

    #[test]
    fn numbers_that_no_rsa_key_can_have_are_none() {
        let modulus = |bytes: usize, first: u8, last: u8| {
            let mut modulus = vec![0x5a; bytes];
            (modulus[0], modulus[bytes - 1]) = (first, last);
            modulus
        };
        let usual = modulus(256, 0x80, 1);
        for (modulus, exponent, expected) in [
            (&usual, &[1, 0, 1][..], true),
            (&usual, &[3], true),
            (&usual, &[0, 0, 3], true),
            (&usual, &[1, 0xff, 0xff, 0xff, 0xff], true),
            (&usual, &[2, 0, 0, 0, 1], false),
            (&usual, &[1], false),
            (&usual, &[0], false),
            (&usual, &[], false),
            (&usual, &[1, 0, 2], false),
            (&modulus(256, 0x80, 2), &[1, 0, 1], false),
            (&modulus(1_024, 0xff, 1), &[1, 0, 1], true),
            (&modulus(1_025, 1, 1), &[1, 0, 1], false),
        ] {
            let key = Key::from_public(&Public::Rsa { modulus, exponent }).unwrap();
            assert_eq!(key.is_some(), expected, "{} bytes, {exponent:?}", modulus.len());
        }
    }
}
