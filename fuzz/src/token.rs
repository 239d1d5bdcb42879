//! Tokens: bytes that nobody signed are refused, and what is signed is let in only with claims that keep every promise.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rialto::auth::{Authenticator, DEFAULT_MAX_LIFE, DEFAULT_MAX_TOKEN_BYTES, Issuer, KeySource, Settings, Unverified};

const SECRET: &[u8] = b"a secret of the fuzzer, which is no secret at all";
const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const NOW_SECONDS: u64 = 1_800_000_000;

static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
    let issuer = Issuer { keys: vec![KeySource::Secret(SECRET.to_vec())], ..Issuer::default() };
    Authenticator::new(&Settings::of(vec![issuer]))
        .unwrap_or_else(|errors| panic!("the fuzzed settings are sound: {errors:?}"))
});

/// The first byte chooses: the token as a whole, or its header and its claims with a zero byte between, which are then
/// signed with the right key.
pub fn run(bytes: &[u8]) {
    let [form, bytes @ ..] = bytes else { return };
    let now = NOW + Duration::from_secs(NOW_SECONDS);
    if form % 2 == 0 {
        let Ok(token) = std::str::from_utf8(bytes) else { return };
        let _ = Unverified::read(token, DEFAULT_MAX_TOKEN_BYTES);
        assert!(AUTHENTICATOR.verify(token, now).is_err(), "nobody has signed this token");
        return;
    }
    let middle = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (header, claims) = bytes.split_at(middle);
    let claims = claims.get(1..).unwrap_or_default();
    let signed = format!("{}.{}", base64(header), base64(claims));
    let key = EncodingKey::from_secret(SECRET);
    let Ok(signature) = crypto::sign(signed.as_bytes(), &key, Algorithm::HS256) else { return };
    let token = format!("{signed}.{signature}");
    match AUTHENTICATOR.verify(&token, now) {
        Ok(principal) => {
            let expires = principal.expires.unwrap_or_else(|| panic!("a token without an end was taken"));
            assert!(expires <= now + DEFAULT_MAX_LIFE + Duration::from_secs(60), "it ends after {expires:?}");
            assert!(expires + Duration::from_secs(60) >= now, "it had ended at {expires:?}");
            assert!(!principal.user.is_empty(), "it is nobody's");
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.len() < 1_024, "a mistake is told in {} bytes", told.len());
        }
    }
}

/// URL-safe, without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            text.push(char::from(DIGITS[(number >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}
