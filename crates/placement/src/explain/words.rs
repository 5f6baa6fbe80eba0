//! How numbers, lists and names are written.

use units::ByteCount;

use super::Language;
use crate::facts::Metres;

/// A name or a rule between the quotation marks of the language.
pub(crate) fn quoted(language: Language, text: &str) -> String {
    language.pick(format!("«\u{a0}{text}\u{a0}»"), format!("“{text}”"))
}

/// `4,9 km`, with the decimal sign of the language.
pub(crate) fn distance(language: Language, distance: Metres) -> String {
    language.pick(distance.to_string().replace('.', ","), distance.to_string())
}

/// `Arles, Nantes et Brest`; an empty list is nothing.
pub(crate) fn list(language: Language, items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => {
            format!("{} {} {last}", most.join(", "), language.pick("et", "and"))
        }
    }
}

/// A length in the largest unit of which it is one or more, with one digit behind it.
pub(crate) fn bytes(language: Language, count: ByteCount) -> String {
    const UNITS: [(&str, &str); 5] =
        [("o", "B"), ("Kio", "KiB"), ("Mio", "MiB"), ("Gio", "GiB"), ("Tio", "TiB")];
    let (mut unit, mut one) = (UNITS[0], 1_u64);
    for larger in UNITS.into_iter().skip(1) {
        let Some(next) = one.checked_mul(1_024).filter(|next| count.get() >= *next) else { break };
        (unit, one) = (larger, next);
    }
    let (whole, tenth) = (count.get() / one, (count.get() % one).saturating_mul(10) / one);
    let sign = language.pick(',', '.');
    let number = if one == 1 { whole.to_string() } else { format!("{whole}{sign}{tenth}") };
    format!("{number}\u{a0}{}", language.pick(unit.0, unit.1))
}
