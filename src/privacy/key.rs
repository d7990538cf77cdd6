//! The key of hashes.

use std::fmt;
use std::fmt::Write;

use ring::hmac;

use crate::diagnostic::{Code, Fault};

/// Fewer bytes than this are found by trying.
const BYTES_MIN: usize = 16;

/// Bytes of a hash that are shown.
const BYTES_SHOWN: usize = 8;

/// A secret that values are hashed with: without it, nobody can find a value by hashing likely ones.
#[derive(Clone)]
pub struct MaskKey(hmac::Key);

impl MaskKey {
    /// # Errors
    /// The secret is too short.
    pub fn new(secret: &[u8]) -> Result<Self, Fault> {
        if secret.len() < BYTES_MIN {
            let what = format!("SLUICEGATE_MASK_KEY has fewer than {BYTES_MIN} bytes");
            return Err(
                Fault::new(Code::InvalidEnvironment, what).hint("a longer secret cannot be found by trying: `openssl rand -hex 32`")
            );
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The HMAC-SHA-256 of a text (RFC 2104), its first bytes.
    pub(super) fn hash(&self, text: &str) -> String {
        let tag = hmac::sign(&self.0, text.as_bytes());
        tag.as_ref().iter().take(BYTES_SHOWN).fold("hmac:".to_owned(), |mut shown, byte| {
            write!(shown, "{byte:02x}").expect("writing to a string cannot fail");
            shown
        })
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '%s' 'what do ya want for nothing?' | openssl dgst -sha256 -mac HMAC -macopt key:0123456789abcdef`
    #[test]
    fn hashes_are_those_of_openssl() {
        let key = MaskKey::new(b"0123456789abcdef").expect("a key");
        assert_eq!(key.hash("what do ya want for nothing?"), "hmac:e9265dc1bf18d4ec");
        assert_eq!(format!("{key:?}"), "MaskKey(…)");
        assert!(MaskKey::new(b"0123456789abcde").is_err());
    }
}
