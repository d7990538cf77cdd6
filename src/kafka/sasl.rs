//! Proving who we are: SASL by PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677).

use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use super::settings::{Mechanism, User};
use crate::base64::{decoded, encoded};

/// Fewer make a password easy to guess (RFC 7677); more than the maximum would be a broker that wants us busy.
const ITERATIONS_MIN: u32 = 4096;
const ITERATIONS_MAX: u32 = 10_000_000;

/// Proves who `user` is: `say` sends a message to the broker and gives its answer.
///
/// # Errors
/// Those of `say`, and a text that says how the broker broke the rules.
pub(super) fn authenticate<E>(user: &User, mut say: impl FnMut(&[u8]) -> Result<Vec<u8>, E>) -> Result<Result<(), String>, E> {
    match user.mechanism {
        Mechanism::Plain => {
            say(format!("\0{}\0{}", user.name, user.password).as_bytes())?;
            Ok(Ok(()))
        }
        Mechanism::ScramSha256 | Mechanism::ScramSha512 => {
            let Some(nonce) = nonce() else { return Ok(Err("this machine gives no random numbers".to_owned())) };
            let mut scram = Scram::new(user, &nonce);
            let first = say(scram.first().as_bytes())?;
            let last = match scram.answer(&first) {
                Ok(message) => say(message.as_bytes())?,
                Err(why) => return Ok(Err(why)),
            };
            Ok(scram.confirm(&last))
        }
    }
}

fn nonce() -> Option<String> {
    let mut bytes = [0u8; 18];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(encoded(&bytes))
}

/// One conversation.
struct Scram<'a> {
    user: &'a User,
    nonce: &'a str,
    /// What the broker must be able to sign in the end.
    expected: Vec<u8>,
}

impl<'a> Scram<'a> {
    fn new(user: &'a User, nonce: &'a str) -> Self {
        Self { user, nonce, expected: Vec::new() }
    }

    fn bare(&self) -> String {
        format!("n={},r={}", self.user.name.replace('=', "=3D").replace(',', "=2C"), self.nonce)
    }

    fn first(&self) -> String {
        format!("n,,{}", self.bare())
    }

    /// The proof, as an answer to what the broker said first.
    fn answer(&mut self, first: &[u8]) -> Result<String, String> {
        const BROKEN: &str = "it does not speak SCRAM";
        let first = std::str::from_utf8(first).map_err(|_| BROKEN)?;
        let field = |name: &str| first.split(',').find_map(|part| part.strip_prefix(name));
        let (nonce, salt, iterations) = (field("r=").ok_or(BROKEN)?, field("s=").ok_or(BROKEN)?, field("i=").ok_or(BROKEN)?);
        if !nonce.starts_with(self.nonce) || nonce.len() == self.nonce.len() {
            return Err("its nonce is not ours".to_owned());
        }
        let salt = decoded(salt).ok_or(BROKEN)?;
        let iterations: u32 = iterations.parse().map_err(|_| BROKEN)?;
        if !(ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations) {
            return Err(format!("it asks for {iterations} iterations, and {ITERATIONS_MIN} to {ITERATIONS_MAX} are taken"));
        }
        let unproven = format!("c=biws,r={nonce}");
        let message = format!("{},{first},{unproven}", self.bare());
        let (proof, expected) = self.proof(&salt, iterations, message.as_bytes());
        self.expected = expected;
        Ok(format!("{unproven},p={}", encoded(&proof)))
    }

    /// The proof, and what proves the broker.
    fn proof(&self, salt: &[u8], iterations: u32, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (derive, sign, hash) = match self.user.mechanism {
            Mechanism::ScramSha512 => (pbkdf2::PBKDF2_HMAC_SHA512, hmac::HMAC_SHA512, &digest::SHA512),
            Mechanism::Plain | Mechanism::ScramSha256 => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256, &digest::SHA256),
        };
        let mut salted = vec![0; hash.output_len()];
        let rounds = std::num::NonZeroU32::new(iterations).unwrap_or(std::num::NonZeroU32::MIN);
        pbkdf2::derive(derive, rounds, salt, self.user.password.as_bytes(), &mut salted);
        let signed = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(sign, key), text).as_ref().to_vec();
        let client = signed(&salted, b"Client Key");
        let signature = signed(digest::digest(hash, &client).as_ref(), message);
        let proof = client.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        (proof, signed(&signed(&salted, b"Server Key"), message))
    }

    /// Whether the broker knows the password too.
    fn confirm(&self, last: &[u8]) -> Result<(), String> {
        let last = String::from_utf8_lossy(last);
        if let Some(why) = last.split(',').find_map(|part| part.strip_prefix("e=")) {
            return Err(format!("it answers `{why}`"));
        }
        match last.split(',').find_map(|part| part.strip_prefix("v=")).and_then(decoded) {
            Some(signature) if signature == self.expected => Ok(()),
            Some(_) | None => Err("it does not know the password itself, so it is not who it says".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The conversation that RFC 7677 prints.
    #[test]
    fn scram_speaks_as_the_standard_shows() {
        let user = User { mechanism: Mechanism::ScramSha256, name: "user".into(), password: "pencil".into() };
        let mut scram = Scram::new(&user, "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let last = scram.answer(first).expect("a proof");
        assert_eq!(last, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        assert_eq!(scram.confirm(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), Ok(()));
        assert!(scram.confirm(b"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_err());
        assert_eq!(scram.confirm(b"e=invalid-proof"), Err("it answers `invalid-proof`".to_owned()));
        assert!(scram.answer(b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").is_err());
        assert!(scram.answer(b"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1").is_err());
    }
}
