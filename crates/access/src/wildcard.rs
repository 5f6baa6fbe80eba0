//! Patterns with `*` (any run of characters), `?` (one character) and, in
//! policies, variables: `${aws:username}`, `${aws:username, 'nobody'}`, `${*}`.
//!
//! What a variable stands for is matched literally: a star in a user's name is
//! a star, not a wildcard.

use crate::limits::WILDCARD_TEXT_BYTES_MAX;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    One,
    Many,
    Variable { name: String, default: Option<String> },
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
}

/// What variables stand for.
pub(crate) trait Variables {
    /// The value of a variable; `None`: it has none here.
    fn value(&self, name: &str) -> Option<String>;
}

/// No variable has a value.
pub(crate) struct NoVariables;

impl Variables for NoVariables {
    fn value(&self, _: &str) -> Option<String> {
        None
    }
}

impl Pattern {
    /// A pattern with wildcards only.
    pub fn plain(text: &str) -> Self {
        let pieces = text
            .chars()
            .map(|c| match c {
                '*' => Piece::Many,
                '?' => Piece::One,
                c => Piece::Char(c),
            })
            .collect();
        Self { pieces }
    }

    /// A pattern with wildcards and variables; `None` if a `${` is never closed
    /// or a default is not quoted.
    pub fn with_variables(text: &str) -> Option<Self> {
        Self::scan(text, true)
    }

    /// A text with variables in which `*` and `?` are characters like any other.
    pub fn literal_with_variables(text: &str) -> Option<Self> {
        Self::scan(text, false)
    }

    /// A text without wildcards or variables.
    pub fn literal(text: &str) -> Self {
        Self { pieces: text.chars().map(Piece::Char).collect() }
    }

    fn scan(text: &str, wildcards: bool) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("${") {
                let (inside, after) = after.split_once('}')?;
                pieces.push(variable(inside)?);
                rest = after;
                continue;
            }
            pieces.push(match c {
                '*' if wildcards => Piece::Many,
                '?' if wildcards => Piece::One,
                c => Piece::Char(c),
            });
            rest = rest.get(c.len_utf8()..)?;
        }
        Some(Self { pieces })
    }

    /// Whether it says one fixed text: no wildcard, no variable.
    pub fn is_fixed(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Char(_)))
    }

    /// Whether it matches a text.
    pub fn matches(&self, text: &str) -> bool {
        self.matches_in(text, &NoVariables)
    }

    pub(crate) fn matches_in(&self, text: &str, variables: &dyn Variables) -> bool {
        self.compare(text, variables, |left, right| left == right)
    }

    pub(crate) fn matches_ignoring_case(&self, text: &str, variables: &dyn Variables) -> bool {
        self.compare(text, variables, |left, right| {
            left == right || left.to_lowercase().eq(right.to_lowercase())
        })
    }

    fn compare(
        &self,
        text: &str,
        variables: &dyn Variables,
        same: impl Fn(char, char) -> bool,
    ) -> bool {
        if text.len() > WILDCARD_TEXT_BYTES_MAX {
            return false;
        }
        let Some(pieces) = self.expand(variables) else { return false };
        run(&pieces, text, same)
    }

    /// The pieces with variables replaced; `None` if one has no value.
    fn expand(&self, variables: &dyn Variables) -> Option<Vec<Piece>> {
        let mut pieces = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Variable { name, default } => {
                    let value = variables.value(name).or_else(|| default.clone())?;
                    pieces.extend(value.chars().map(Piece::Char));
                }
                piece => pieces.push(piece.clone()),
            }
        }
        Some(pieces)
    }
}

/// What stands between `${` and `}`.
fn variable(inside: &str) -> Option<Piece> {
    match inside {
        "*" => return Some(Piece::Char('*')),
        "?" => return Some(Piece::Char('?')),
        "$" => return Some(Piece::Char('$')),
        _ => {}
    }
    let (name, default) = match inside.split_once(',') {
        None => (inside.trim(), None),
        Some((name, default)) => {
            let quoted = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (name.trim(), Some(quoted.to_owned()))
        }
    };
    (!name.is_empty()).then(|| Piece::Variable { name: name.to_lowercase(), default })
}

/// Greedy matching with one place to fall back to: never worse than the product
/// of both lengths.
fn run(pieces: &[Piece], text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let mut rest = text.chars();
    let mut at = 0;
    let mut fallback: Option<(usize, core::str::Chars<'_>)> = None;
    loop {
        let mut ahead = rest.clone();
        match (pieces.get(at), ahead.next()) {
            (Some(Piece::Many), _) => {
                at += 1;
                fallback = Some((at, rest.clone()));
                continue;
            }
            (None, None) => return true,
            (Some(Piece::One), Some(_)) => {
                at += 1;
                rest = ahead;
                continue;
            }
            (Some(Piece::Char(expected)), Some(found)) if same(*expected, found) => {
                at += 1;
                rest = ahead;
                continue;
            }
            _ => {}
        }
        // A mismatch: let the last star take one character more.
        let Some((after_star, taken)) = &mut fallback else { return false };
        if taken.next().is_none() {
            return false;
        }
        at = *after_star;
        rest = taken.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(Pattern::plain(pattern).matches(text), expected, "{pattern} on {text}");
    }

    #[test]
    fn stars_and_question_marks() {
        check("", "", true);
        check("", "a", false);
        check("*", "", true);
        check("*", "a/b", true);
        check("a*c", "abbc", true);
        check("a*c", "abbd", false);
        check("a*b*c", "a-b-b-c", true);
        check("?", "é", true);
        check("?", "", false);
        check("a?c", "abc", true);
        check("**a", "bca", true);
        check("mybucket/*", "mybucket/", true);
        check("mybucket/*", "mybucket", false);
    }

    #[test]
    fn a_hostile_pattern_ends_in_time() {
        let pattern = Pattern::plain(&"*a".repeat(2_000));
        assert!(!pattern.matches(&"a".repeat(1_000)));
    }

    #[test]
    fn variables_are_literal() {
        struct Star;
        impl Variables for Star {
            fn value(&self, name: &str) -> Option<String> {
                (name == "aws:username").then(|| "*".to_owned())
            }
        }
        let pattern = Pattern::with_variables("home/${aws:username}/*").unwrap();
        assert!(pattern.matches_in("home/*/x", &Star));
        assert!(!pattern.matches_in("home/alice/x", &Star));
        assert!(!pattern.matches("home/alice/x"));
        let pattern = Pattern::with_variables("${aws:other, 'nobody'}${*}").unwrap();
        assert!(pattern.matches("nobody*"));
        assert!(!pattern.matches("nobodyx"));
        assert_eq!(Pattern::with_variables("${open"), None);
    }
}
