//! Passwords: argon2id, with the parameters of [`crate::limits`].

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use units::Random;

use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_MEMORY_KIB, PASSWORD_PASSES};

/// Letters of a drawn password, without look-alikes: 20 of 32 carry 100 random bits.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
const LETTERS_DRAWN: usize = 20;

/// A password to be typed once and then kept by a password manager.
pub(super) fn password_draw(random: &dyn Random) -> String {
    let mut bytes = [0_u8; LETTERS_DRAWN];
    random.fill(&mut bytes);
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied();
    bytes.iter().filter_map(letter).map(char::from).collect()
}

fn argon2() -> Argon2<'static> {
    let params =
        Params::new(PASSWORD_MEMORY_KIB, PASSWORD_PASSES, 1, None).unwrap_or(Params::DEFAULT);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The digest to keep of a password; none if it is too long to be hashed.
pub(super) fn password_digest(password: &str, random: &dyn Random) -> Option<String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return None;
    }
    let mut salt = [0_u8; 16];
    random.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).ok()?;
    Some(argon2().hash_password(password.as_bytes(), &salt).ok()?.to_string())
}

/// Whether a password has this digest. A missing digest costs the same time, so
/// that nobody can tell by the clock which administrators exist.
pub(super) fn password_matches(password: &str, digest: Option<&str>) -> bool {
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
                          $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let known = digest.is_some();
    let Ok(parsed) = PasswordHash::new(digest.unwrap_or(NOBODY)) else {
        return false;
    };
    password.len() <= PASSWORD_BYTES_MAX
        && argon2().verify_password(password.as_bytes(), &parsed).is_ok()
        && known
}

#[cfg(test)]
mod tests {
    use units::SimRandom;

    use super::{LETTERS_DRAWN, password_digest, password_draw, password_matches};
    use crate::limits::PASSWORD_BYTES_MAX;

    #[test]
    fn only_the_password_matches() {
        let digest = password_digest("correct horse", &SimRandom::seeded(1)).unwrap();
        assert!(digest.starts_with("$argon2id$"), "{digest}");
        assert!(password_matches("correct horse", Some(&digest)));
        assert!(!password_matches("correct hors", Some(&digest)));
        assert!(!password_matches("correct horse", None));
        assert!(!password_matches("correct horse", Some("not a digest")));
    }

    #[test]
    fn drawn_passwords_are_long_and_differ() {
        let random = SimRandom::seeded(1);
        let (one, other) = (password_draw(&random), password_draw(&random));
        assert_eq!(one.len(), LETTERS_DRAWN);
        assert_ne!(one, other);
    }

    #[test]
    fn a_password_too_long_is_not_hashed() {
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert_eq!(password_digest(&long, &SimRandom::seeded(1)), None);
    }
}
