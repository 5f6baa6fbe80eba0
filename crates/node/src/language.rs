//! The language in which the machine speaks to whoever sits at it.

use placement::Language;

/// As the variables of POSIX say, the first of them that is set; English if that is
/// neither of ours.
pub fn language_of_machine() -> Language {
    language_of(&|name| std::env::var(name).ok())
}

fn language_of(environment: &dyn Fn(&str) -> Option<String>) -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter();
    let mut set = set.filter_map(environment).filter(|value| !value.is_empty());
    set.next().and_then(|value| value.parse().ok()).unwrap_or(Language::English)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let check = |set: &[(&str, &str)], expected| {
            let look = |name: &str| {
                set.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(language_of(&look), expected, "{set:?}");
        };
        check(&[], Language::English);
        check(&[("LANG", "fr_FR.UTF-8")], Language::French);
        check(&[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "C")], Language::English);
        check(&[("LANG", "de_DE"), ("LC_MESSAGES", "fr")], Language::French);
        check(&[("LC_ALL", ""), ("LANG", "fr")], Language::French);
    }
}
