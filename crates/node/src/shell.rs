//! Words as a POSIX shell reads them (XCU 2.2, Quoting).

/// A word that the shell takes as it is; quoted only where it must be.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%=".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quoted("/var/lib/essaim"), "/var/lib/essaim");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("l'eau"), r"'l'\''eau'");
        assert_eq!(quoted("$HOME"), "'$HOME'");
        assert_eq!(quoted(""), "''");
    }
}
