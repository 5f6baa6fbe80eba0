//! The settings file: TOML, one flat table, every key known.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::resolve::Fault;
use super::table::SETTINGS;
use super::value::Kind;

/// The values of one key, and the line it is on.
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

/// Reads a file; its faults are added to `faults`, one for each.
pub(super) fn read(name: &str, text: &str, faults: &mut Vec<Fault>) -> BTreeMap<String, Entry> {
    let line_of = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = line_of(error.span().map_or(0, |span| span.start));
        faults.push(Fault::new(
            format!("{name}, line {line}"),
            format!("is not TOML: {}", error.message().trim()),
        ));
    }
    let mut entries = BTreeMap::new();
    for (key, value) in table.get_ref() {
        let line = line_of(key.span().start);
        let place = format!("{name}, line {line}");
        let key = key.get_ref().as_ref();
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key() == key) else {
            faults.push(Fault::new(place, unknown(key)));
            continue;
        };
        match values_of(value, setting.kind, setting.many) {
            Some(values) => {
                entries.insert(setting.name.to_owned(), Entry { line, values });
            }
            None => faults.push(Fault::new(
                place,
                format!(
                    "{key} takes {}",
                    if setting.many { "a list" } else { shape(setting.kind) }
                ),
            )),
        }
    }
    entries
}

/// What to say of a key nobody knows, with the nearest one that is known.
fn unknown(key: &str) -> String {
    let nearest = SETTINGS
        .iter()
        .map(|setting| (distance(&setting.key(), key), setting.key()))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, nearest)) => format!("there is no setting {key:?}; did you mean {nearest:?}?"),
        None => format!("there is no setting {key:?}; see docs/reference/settings.md"),
    }
}

/// How many letters must change to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (b, above) in other.iter().zip(row.iter().skip(1)) {
            let cost = (corner + usize::from(a != *b)).min(left + 1).min(above + 1);
            corner = *above;
            left = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

fn values_of(value: &Spanned<DeValue<'_>>, kind: Kind, many: bool) -> Option<Vec<String>> {
    match value.get_ref() {
        DeValue::Array(items) if many => items.iter().map(|item| scalar(item, kind)).collect(),
        _ if many => None,
        _ => scalar(value, kind).map(|text| vec![text]),
    }
}

fn scalar(value: &Spanned<DeValue<'_>>, kind: Kind) -> Option<String> {
    match (value.get_ref(), kind) {
        (DeValue::Boolean(on), Kind::Switch) => Some(on.to_string()),
        (DeValue::Integer(number), Kind::Seconds | Kind::Days | Kind::Count) => {
            Some(number.to_string())
        }
        (_, Kind::Switch | Kind::Seconds | Kind::Days) => None,
        (DeValue::String(text), _) => Some(text.to_string()),
        _ => None,
    }
}

const fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch => "true or false",
        Kind::Seconds | Kind::Days | Kind::Count => "a whole number",
        _ => "text in quotes",
    }
}

#[cfg(test)]
mod tests {
    use super::{distance, read};

    /// The faults of a file, each with its line.
    fn check(text: &str, expected: &[&str]) {
        let mut faults = Vec::new();
        let _ = read("essaim.toml", text, &mut faults);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(expected), "{told:?} does not say {expected:?}");
        }
    }

    #[test]
    fn faults_name_their_line() {
        check("", &[]);
        check("region = \"eu\"\n\ns3_listn = \":1\"\n", &["line 3"]);
        check("s3_listn = \":1\"\n", &["did you mean \"s3_listen\"?"]);
        check("colour = 1\n", &["there is no setting \"colour\""]);
        check("region = 3\n", &["region takes text in quotes"]);
        check("connections = 3\nrate_per_tenant = true\n", &["takes a whole number"]);
        check("disk = \"a\"\nlifecycle_day_seconds = \"9\"\n", &["a list", "a whole number"]);
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line() {
        check("region = \"eu\"\nregion\n", &["line 2"]);
    }

    #[test]
    fn near_words_are_near() {
        assert_eq!(distance("region", "region"), 0);
        assert_eq!(distance("regoin", "region"), 2);
        assert_eq!(distance("", "abc"), 3);
    }
}
