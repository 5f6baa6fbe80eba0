//! Documents that people write (TOML), read strictly.
//!
//! Every fault is found in one go and has its line, its field and what would be right:
//! whoever wrote the file mends it once, not once per fault.
//!
//! **Invariant**: no text, however malformed, makes this panic.

mod fields;

pub(crate) use fields::Fields;

use core::fmt;

use toml::de::DeTable;

use crate::Language;

/// The number of a line; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineNumber(u32);

impl LineNumber {
    /// The line in which the byte at this offset lies.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let breaks = text.char_indices().take_while(|(at, _)| *at < offset);
        let breaks = breaks.filter(|(_, sign)| *sign == '\n').count();
        Self(u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// So many lines further down.
    pub(crate) fn down(self, lines: Self) -> Self {
        Self(self.0.saturating_add(lines.0).saturating_sub(1))
    }

    /// The next line.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The plain number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// One thing wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub line: LineNumber,
    /// In which field, with the tables around it: `operator.siren`; empty if in none.
    pub field: String,
    /// What is wrong, and what would be right.
    pub reason: Reason,
}

/// A sentence in both languages of the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// In French.
    pub french: String,
    /// In English.
    pub english: String,
}

impl Reason {
    /// That something else was expected.
    pub(crate) fn expected(french: &str, english: &str) -> Self {
        Self { french: format!("il faut {french}"), english: format!("expected {english}") }
    }

    /// The sentence of this language.
    pub fn explain(&self, language: Language) -> &str {
        language.pick(&self.french, &self.english)
    }
}

impl Fault {
    /// Where, in which field, and what is wrong with it.
    pub fn explain(&self, language: Language) -> String {
        let (line, colon) = language.pick(("ligne", "\u{a0}:"), ("line", ":"));
        let field =
            if self.field.is_empty() { String::new() } else { format!("{}{colon} ", self.field) };
        format!("{line} {}{colon} {field}{}", self.line.0, self.reason.explain(language))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(Language::English))
    }
}

/// All faults of a document, one a line, in the order of their lines.
pub(crate) fn listed(faults: &[Fault], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, fault) in faults.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        write!(f, "{gap}{fault}")?;
    }
    Ok(())
}

/// The same in a language.
pub(crate) fn explained(faults: &[Fault], language: Language) -> String {
    faults.iter().map(|fault| fault.explain(language)).collect::<Vec<_>>().join("\n")
}

/// A text that is being read, and what was found wrong with it so far.
pub(crate) struct Reader<'t> {
    pub(crate) text: &'t str,
    faults: Vec<Fault>,
}

impl<'t> Reader<'t> {
    /// Reads a text of at most `bytes_max` bytes by `read`, which reports faults and
    /// gives nothing if a needed value is missing.
    pub(crate) fn read<T>(
        text: &'t str,
        bytes_max: usize,
        read: impl FnOnce(&mut Self, Fields<'_>) -> Option<T>,
    ) -> Result<T, Vec<Fault>> {
        let mut reader = Self { text, faults: Vec::new() };
        if text.len() > bytes_max {
            let bytes = text.len();
            let reason = Reason::expected(
                &format!("au plus {bytes_max} octets, et non {bytes}"),
                &format!("at most {bytes_max} bytes, not {bytes}"),
            );
            reader.fault(0, "", reason);
            return Err(reader.faults);
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            // What the library says stands in its own words.
            let said = error.message();
            let reason = Reason {
                french: format!("ce n'est pas du TOML\u{a0}: {said}"),
                english: format!("not TOML: {said}"),
            };
            reader.fault(at, "", reason);
        }
        // What could not be read would be missed below, and be reported twice.
        if !errors.is_empty() {
            return Err(reader.sorted());
        }
        let value = read(&mut reader, Fields::new(String::new(), 0, table.get_ref()));
        match value {
            Some(value) if reader.faults.is_empty() => Ok(value),
            _ => Err(reader.sorted()),
        }
    }

    /// Notes a fault at this offset of the text.
    pub(crate) fn fault(&mut self, at: usize, field: &str, reason: Reason) {
        self.fault_in_line(LineNumber::of(self.text, at), field, reason);
    }

    /// Notes a fault in this line.
    pub(crate) fn fault_in_line(&mut self, line: LineNumber, field: &str, reason: Reason) {
        self.faults.push(Fault { line, field: field.to_owned(), reason });
    }

    /// Whether something is wrong with this field already.
    pub(crate) fn has_fault(&self, field: &str) -> bool {
        self.faults.iter().any(|fault| fault.field == field)
    }

    fn sorted(mut self) -> Vec<Fault> {
        assert!(!self.faults.is_empty(), "what is missing was reported");
        self.faults.sort_by_key(|fault| fault.line);
        self.faults
    }
}
