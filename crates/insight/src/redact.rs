//! Keeps secrets out of the log.
//!
//! Two nets. The first knows names: a field called `secret…`, `…password…` and
//! the like is blanked whatever it holds. The second knows shapes: wherever they
//! occur, the values of S3's signing parameters and of an `Authorization` header
//! are blanked, since a presigned URL is a secret as long as it lives.
//! Neither replaces not logging secrets; they catch the day somebody does.

/// What stands where a secret stood.
pub(crate) const BLANK: &str = "[redacted]";

/// Parts of field names that promise a secret.
const SECRET_NAMES: [&str; 9] = [
    "secret",
    "password",
    "passphrase",
    "token",
    "authorization",
    "signature",
    "cookie",
    "private_key",
    "root_key",
];

/// What a secret follows, in lower case.
const SECRET_LEADS: [&str; 8] = [
    "x-amz-signature=",
    "x-amz-security-token=",
    "signature=",
    "bearer ",
    "basic ",
    "password=",
    "\"secret_access_key\":\"",
    "secret_access_key=",
];

/// Whether a field of this name is blanked without looking at it.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// The text with the values of signing parameters and credentials blanked.
pub(crate) fn scrub(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = lower.get(at..) {
        let next = SECRET_LEADS
            .iter()
            .filter_map(|lead| rest.find(lead).map(|found| (found, found + lead.len())))
            .min_by_key(|&(found, end)| (found, usize::MAX - end));
        let Some((_, end)) = next else { break };
        let value_from = at + end;
        clean.push_str(text.get(at..value_from).unwrap_or_default());
        clean.push_str(BLANK);
        let value = text.get(value_from..).unwrap_or_default();
        at = value_from + value.find(ends_value).unwrap_or(value.len());
    }
    clean.push_str(text.get(at..).unwrap_or_default());
    clean
}

/// Whether a secret cannot go on past this character.
fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | '"' | '\'' | ',' | ';' | ')' | '}' | '<')
}

#[cfg(test)]
mod tests {
    use super::{is_secret_name, scrub};

    #[test]
    fn names_that_promise_a_secret() {
        for name in ["secret", "secret_access_key", "Password", "admin_token", "Authorization"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["bucket", "access_key_id", "bytes", "verb"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    fn check(text: &str, clean: &str) {
        assert_eq!(scrub(text), clean);
    }

    #[test]
    fn values_that_are_secret_wherever_they_stand() {
        check("GET /a?list-type=2", "GET /a?list-type=2");
        check(
            "GET /a?X-Amz-Expires=60&X-Amz-Signature=c0ffee&x=1",
            "GET /a?X-Amz-Expires=60&X-Amz-Signature=[redacted]&x=1",
        );
        check("Authorization: Bearer abc.def, next", "Authorization: Bearer [redacted], next");
        check("password=hunter2", "password=[redacted]");
        check("Signature=é1 Signature=2", "Signature=[redacted] Signature=[redacted]");
        check("", "");
    }
}
