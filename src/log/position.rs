//! Places in a log: epochs, and sequences inside them.
//!
//! An epoch's text is 16 URL-safe characters. It is opaque to clients: they send back what they were given, and a text that
//! no bridge has made is simply a foreign epoch.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Length of an epoch's text, in bytes: 12 bytes in base64 without padding.
pub const EPOCH_TEXT_BYTES: usize = 16;

/// The life of a channel's log. Sequences of different epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Made at random when the process starts; never 0.
    pub boot: u64,
    /// Counted up when tombstones go.
    pub life: u32,
}

/// A place in a channel's log: after event `sequence` of `epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The life of the log that it is a place in.
    pub epoch: Epoch,
    /// The event that it is after; 0 is before the first.
    pub sequence: u64,
}

/// A text that is not an epoch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an epoch: expected {EPOCH_TEXT_BYTES} characters of the URL-safe base64 alphabet")]
pub struct NotAnEpoch;

impl Epoch {
    /// An epoch that no log has: what a text that is not an epoch's counts as.
    pub const FOREIGN: Epoch = Epoch { boot: 0, life: 0 };

    /// The first epoch of a process, from a random number.
    pub fn first(random: u64) -> Epoch {
        Epoch { boot: random.max(1), life: 0 }
    }

    /// The epoch as text, in the given buffer.
    pub fn encode(self, buffer: &mut [u8; EPOCH_TEXT_BYTES]) -> &str {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.boot.to_be_bytes());
        bytes[8..].copy_from_slice(&self.life.to_be_bytes());
        URL_SAFE_NO_PAD.encode_slice(bytes, buffer).expect("12 bytes are 16 base64 characters");
        std::str::from_utf8(buffer).expect("base64 is ASCII")
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.encode(&mut [0; EPOCH_TEXT_BYTES]))
    }
}

impl FromStr for Epoch {
    type Err = NotAnEpoch;

    fn from_str(text: &str) -> Result<Epoch, NotAnEpoch> {
        if text.len() != EPOCH_TEXT_BYTES {
            return Err(NotAnEpoch);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAnEpoch)?;
        let (boot, life) = bytes.split_first_chunk::<8>().ok_or(NotAnEpoch)?;
        let life = life.try_into().map_err(|_| NotAnEpoch)?;
        Ok(Epoch { boot: u64::from_be_bytes(*boot), life: u32::from_be_bytes(life) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_epoch_is_sixteen_url_safe_characters_and_comes_back() {
        for epoch in [
            Epoch { boot: 1, life: 0 },
            Epoch { boot: u64::MAX, life: u32::MAX },
            Epoch { boot: 0xfbef_be00_1234_5678, life: 7 },
        ] {
            let text = epoch.to_string();
            assert_eq!(text.len(), EPOCH_TEXT_BYTES);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{text}");
            assert_eq!(text.parse(), Ok(epoch));
        }
    }

    #[test]
    fn any_other_text_is_no_epoch() {
        let whole = Epoch { boot: 77, life: 3 }.to_string();
        for text in
            ["", "k3", &whole[1..], &format!("{whole}A"), &format!("{}=", &whole[1..]), "++++++++++++++++", "éééééééé"]
        {
            assert_eq!(text.parse::<Epoch>(), Err(NotAnEpoch), "{text:?}");
        }
    }

    #[test]
    fn the_first_epoch_is_never_the_foreign_one() {
        assert_ne!(Epoch::first(0).boot, Epoch::FOREIGN.boot);
        assert_eq!(Epoch::first(9), Epoch { boot: 9, life: 0 });
    }
}
