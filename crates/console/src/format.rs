//! Numbers, sizes, dates and durations as each language writes them.
//!
//! French: a comma for decimals, a narrow no-break space between thousands and
//! before units, *octets* instead of bytes (Lexique des règles typographiques,
//! Imprimerie nationale).

use crate::language::Language;

/// U+202F: joins a number to what follows it.
const NARROW: char = '\u{202f}';

/// A whole number.
pub(crate) fn count(number: u64, language: Language) -> String {
    let separator = match language {
        Language::French => NARROW,
        Language::English => ',',
    };
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(separator);
        }
        shown.push(digit);
    }
    shown
}

/// The noun that goes with a number: French counts zero as one.
pub(crate) fn noun(
    number: u64,
    one: &'static str,
    many: &'static str,
    language: Language,
) -> &'static str {
    match (number, language) {
        (1, _) | (0, Language::French) => one,
        _ => many,
    }
}

/// A size in powers of 1,024.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub(crate) fn bytes(number: u64, language: Language) -> String {
    let units = match language {
        Language::French => ["o", "Kio", "Mio", "Gio", "Tio", "Pio"],
        Language::English => ["B", "KiB", "MiB", "GiB", "TiB", "PiB"],
    };
    let mut size = number as f64;
    let mut unit = units[0];
    for next in units.iter().skip(1) {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    let decimals = usize::from(number >= 1024 && size < 100.0);
    let shown = format!("{size:.decimals$}");
    match language {
        Language::French => format!("{}{NARROW}{unit}", shown.replace('.', ",")),
        Language::English => format!("{shown}\u{a0}{unit}"),
    }
}

/// A share in whole percent.
pub(crate) fn percent(share: u64, language: Language) -> String {
    match language {
        Language::French => format!("{share}{NARROW}%"),
        Language::English => format!("{share}%"),
    }
}

/// How long something has lasted.
pub(crate) fn duration(seconds: u64, language: Language) -> String {
    let day = match language {
        Language::French => "j",
        Language::English => "d",
    };
    let joined =
        |a: u64, one: &str, b: u64, other: &str| format!("{a}{NARROW}{one} {b}{NARROW}{other}");
    match seconds {
        0..=59 => format!("{seconds}{NARROW}s"),
        60..=3_599 => format!("{}{NARROW}min", seconds / 60),
        3_600..=86_399 => joined(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => joined(seconds / 86_400, day, seconds % 86_400 / 3_600, "h"),
    }
}

/// An RFC 3339 instant in UTC, to the minute.
pub(crate) fn date(text: &str, language: Language) -> String {
    let parts = (text.get(0..4), text.get(5..7), text.get(8..10), text.get(11..16));
    let (Some(year), Some(month), Some(day), Some(time)) = parts else {
        return text.to_owned();
    };
    match language {
        Language::French => {
            format!("{day}/{month}/{year} à {} UTC", time.replace(':', "\u{202f}h\u{202f}"))
        }
        Language::English => format!("{year}-{month}-{day} {time} UTC"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, bytes, count, date, duration, noun, percent};

    #[test]
    fn french_figures() {
        let french = Language::French;
        assert_eq!(count(1_234_567, french), "1\u{202f}234\u{202f}567");
        assert_eq!(bytes(1_536, french), "1,5\u{202f}Kio");
        assert_eq!(bytes(12, french), "12\u{202f}o");
        assert_eq!(percent(7, french), "7\u{202f}%");
        assert_eq!(date("2026-11-21T22:33:58Z", french), "21/11/2026 à 22\u{202f}h\u{202f}33 UTC");
    }

    #[test]
    fn nouns_agree() {
        assert_eq!(noun(0, "objet", "objets", Language::French), "objet");
        assert_eq!(noun(2, "objet", "objets", Language::French), "objets");
        assert_eq!(noun(0, "object", "objects", Language::English), "objects");
        assert_eq!(noun(1, "object", "objects", Language::English), "object");
    }

    #[test]
    fn english_figures() {
        let english = Language::English;
        assert_eq!(count(1_234_567, english), "1,234,567");
        assert_eq!(count(999, english), "999");
        assert_eq!(bytes(300 << 30, english), "300\u{a0}GiB");
        assert_eq!(duration(90_061, english), "1\u{202f}d 1\u{202f}h");
        assert_eq!(date("odd", english), "odd");
    }
}
