//! One table of a document: fields are asked for by name, and what nobody asked for is
//! a fault.

use core::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Reader, Reason};
use crate::facts::{DATE_EXPECTED, Date, Expected, WrongValue};

/// What a text is, in French and English.
const QUOTED: (&str, &str) = ("un texte entre guillemets", "a text in quotes");

fn both(expected: Expected) -> (&'static str, &'static str) {
    (expected.french, expected.english)
}

fn table_line(path: &str) -> (String, String) {
    (format!("une ligne [{path}] et ses champs"), format!("a line [{path}] and its fields"))
}

/// A table whose fields are being read.
pub(crate) struct Fields<'d> {
    /// The tables around it and its own name: `operator`; empty for the document.
    path: String,
    /// Where it begins in the text.
    pub(crate) at: usize,
    table: &'d DeTable<'d>,
    known: Vec<&'static str>,
}

impl<'d> Fields<'d> {
    pub(crate) fn new(path: String, at: usize, table: &'d DeTable<'d>) -> Self {
        Self { path, at, table, known: Vec::new() }
    }

    /// The field's name with the tables around it.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Where the value of a field begins; where the table begins if there is none.
    pub(crate) fn offset(&self, name: &str) -> usize {
        self.peek(name).map_or(self.at, |value| value.span().start)
    }

    fn peek(&self, name: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    /// The value of a field, if it is there.
    fn find(&mut self, name: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.known.push(name);
        self.peek(name)
    }

    /// A fault of this field: it is missing.
    fn missing(&self, reader: &mut Reader<'_>, name: &str, (french, english): (&str, &str)) {
        let reason = Reason {
            french: format!("manque\u{a0}; il faut {french}"),
            english: format!("is missing; expected {english}"),
        };
        reader.fault(self.at, &self.path(name), reason);
    }

    fn wrong(&self, reader: &mut Reader<'_>, name: &str, (french, english): (&str, &str)) {
        let reason = Reason::expected(french, english);
        reader.fault(self.offset(name), &self.path(name), reason);
    }

    /// A field of text, made into a value; nothing if it is absent or wrong.
    pub(crate) fn text_if_any<T>(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        make: impl FnOnce(&str) -> Result<T, WrongValue>,
    ) -> Option<T> {
        let value = self.find(name)?;
        let made = value.get_ref().as_str().map(make);
        match made {
            Some(Ok(made)) => Some(made),
            Some(Err(error)) => {
                self.wrong(reader, name, both(error.expected));
                None
            }
            None => {
                self.wrong(reader, name, QUOTED);
                None
            }
        }
    }

    /// A needed field of text, made into a value; nothing if it is missing or wrong.
    pub(crate) fn text<T>(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        make: impl Fn(&str) -> Result<T, WrongValue>,
    ) -> Option<T> {
        if self.peek(name).is_none() {
            self.known.push(name);
            // The empty text is of no kind: what is said of it says what would be right.
            let expected = make("").err().map_or(QUOTED, |error| both(error.expected));
            self.missing(reader, name, expected);
            return None;
        }
        self.text_if_any(reader, name, make)
    }

    /// A whole number from `least` to `most`; nothing if it is absent or wrong.
    pub(crate) fn number_if_any(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        (least, most): (u16, u16),
    ) -> Option<u16> {
        let value = self.find(name)?;
        let number = value.get_ref().as_integer();
        let number = number.and_then(|it| u16::from_str_radix(it.as_str(), it.radix()).ok());
        if let Some(number) = number.filter(|number| (least..=most).contains(number)) {
            return Some(number);
        }
        let french = format!("un nombre entier de {least} à {most}");
        self.wrong(reader, name, (&french, &format!("a whole number from {least} to {most}")));
        None
    }

    /// A needed number of degrees, in millionths; nothing if it is missing or wrong.
    pub(crate) fn micro_degrees(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        most: i32,
    ) -> Option<i32> {
        let french = format!("des degrés entre -{most} et {most}, comme 47.218371");
        let english = format!("degrees between -{most} and {most}, as in 47.218371");
        let expected = (french.as_str(), english.as_str());
        let Some(value) = self.find(name) else {
            self.missing(reader, name, expected);
            return None;
        };
        let text = match value.get_ref() {
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            _ => "",
        };
        let degrees = f64::from_str(text).ok();
        let Some(degrees) = degrees.filter(|degrees| degrees.abs() <= f64::from(most)) else {
            self.wrong(reader, name, expected);
            return None;
        };
        #[expect(clippy::cast_possible_truncation, reason = "at most 180 million")]
        let micro = libm::round(degrees * 1e6) as i32;
        Some(micro)
    }

    /// A needed date, with or without quotes; nothing if it is missing or wrong.
    pub(crate) fn date(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<Date> {
        let Some(value) = self.find(name) else {
            self.missing(reader, name, both(DATE_EXPECTED));
            return None;
        };
        let date = match value.get_ref() {
            DeValue::Datetime(at) if at.time.is_none() && at.offset.is_none() => {
                at.date.and_then(|date| Date::new(date.year, date.month, date.day).ok())
            }
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        if date.is_none() {
            self.wrong(reader, name, both(DATE_EXPECTED));
        }
        date
    }

    /// The table of this name; nothing if it is absent or none.
    pub(crate) fn table_if_any(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Fields<'d>> {
        let value = self.find(name)?;
        if let Some(table) = value.get_ref().as_table() {
            return Some(Fields::new(self.path(name), value.span().start, table));
        }
        let (french, english) = table_line(&self.path(name));
        let french = format!("une table\u{a0}: {french}");
        self.wrong(reader, name, (&french, &format!("a table: {english}")));
        None
    }

    /// The needed table of this name; nothing if it is missing or none.
    pub(crate) fn table(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Option<Fields<'d>> {
        if self.peek(name).is_none() {
            let (french, english) = table_line(&self.path(name));
            self.missing(reader, name, (&french, &english));
        }
        self.table_if_any(reader, name)
    }

    /// The tables of a list, at most `most`; none if it is absent or wrong.
    pub(crate) fn tables(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        most: usize,
    ) -> Vec<Fields<'d>> {
        let Some(value) = self.find(name) else { return Vec::new() };
        let items = value.get_ref().as_array().map(|array| array.iter().collect::<Vec<_>>());
        let tables = items.and_then(|items| {
            let table = |(at, item): (usize, &&'d Spanned<DeValue<'d>>)| {
                let path = self.path(&format!("{name}[{at}]"));
                Some(Fields::new(path, item.span().start, item.get_ref().as_table()?))
            };
            items.iter().enumerate().map(table).collect::<Option<Vec<_>>>()
        });
        match tables {
            Some(tables) if tables.len() <= most => tables,
            Some(_) => {
                let expected = (format!("au plus {most}"), format!("at most {most} of them"));
                self.wrong(reader, name, (&expected.0, &expected.1));
                Vec::new()
            }
            None => {
                let path = self.path(name);
                let french =
                    format!("une liste de tables\u{a0}: une ligne [[{path}]] avant chacune");
                let english = format!("a list of tables: a line [[{path}]] before each");
                self.wrong(reader, name, (&french, &english));
                Vec::new()
            }
        }
    }

    /// Reports every field that was not asked for.
    pub(crate) fn finish(&self, reader: &mut Reader<'_>) {
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                let known = self.known.join(", ");
                let reason = Reason {
                    french: format!("champ inconnu\u{a0}; les champs sont ici {known}"),
                    english: format!("no such field; the fields here are {known}"),
                };
                reader.fault(key.span().start, &self.path(name), reason);
            }
        }
    }
}
