//! Keys that verify: each of one family, with the algorithms that it may be used with.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use super::error::KeyError;
use super::secret;

/// The shortest RSA key (RFC 7518, section 3.3).
pub(super) const MIN_RSA_BITS: usize = 2_048;

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
                let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
                let modulus = &modulus[zeros..];
                let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
                if bits < MIN_RSA_BITS {
                    return Err(KeyError::ShortRsa(bits));
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
            Public::Rsa { .. } => true,
            Public::Ec { point } if point.len() == 65 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_ok(),
            Public::Ec { point } => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).is_ok(),
            Public::Ed { point } => ParsedPublicKey::new(&ED25519, point).is_ok(),
        };
        let key = Key { id: None, algorithms, decoding };
        let is_usable = || key.algorithms.first().is_some_and(|first| key.verify("", "AA", *first).is_some());
        Ok((is_sound && is_usable()).then_some(key))
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
}
