//! One log line, as text or as JSON.
//!
//! Whatever comes from outside (a key, a header) is quoted and escaped, so that
//! no client can forge a line or colour a terminal.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::Level;
use units::Timestamp;

use crate::errors::floor_char_boundary;
use crate::limits::FIELD_BYTES_MAX;
use crate::redact::{BLANK, is_secret_name, scrub};

/// The fields of an event or of a span, clean and in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// The sentence itself.
    pub(crate) message: String,
    /// Everything else.
    pub(crate) values: Vec<(&'static str, Value)>,
}

impl Fields {
    fn put(&mut self, name: &'static str, value: Value) {
        let value = match value {
            _ if is_secret_name(name) => Value::String(BLANK.to_owned()),
            Value::String(text) => {
                let cut = floor_char_boundary(&text, FIELD_BYTES_MAX);
                Value::String(scrub(text.get(..cut).unwrap_or_default()))
            }
            other => other,
        };
        match (name, value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.values.push((name, value)),
        }
    }
}

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.put(field.name(), Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.put(field.name(), Value::String(value.to_owned()));
    }

    fn record_error(
        &mut self,
        field: &tracing::field::Field,
        value: &(dyn std::error::Error + 'static),
    ) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.put(field.name(), Value::String(text));
    }

    fn record_u64(&mut self, field: &tracing::field::Field, value: u64) {
        self.put(field.name(), Value::from(value));
    }

    fn record_i64(&mut self, field: &tracing::field::Field, value: i64) {
        self.put(field.name(), Value::from(value));
    }

    fn record_f64(&mut self, field: &tracing::field::Field, value: f64) {
        self.put(field.name(), Value::from(value));
    }

    fn record_bool(&mut self, field: &tracing::field::Field, value: bool) {
        self.put(field.name(), Value::from(value));
    }
}

/// `2026-11-21T22:33:58.120Z`.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let millis = i128::from(at.micros().div_euclid(1_000)) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(millis)
        .ok()
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_else(|| at.micros().to_string())
}

/// The line for people: time, level, room, sentence, fields.
pub(crate) fn text(at: Timestamp, level: Level, room: &str, fields: &Fields) -> String {
    let mut line = format!("{} {level:<5} {room:<10} ", rfc3339(at));
    line.push_str(&escaped(&fields.message));
    append_values(&mut line, fields);
    line.push('\n');
    line
}

/// The sentence and its fields, without time and level.
pub(crate) fn sentence(fields: &Fields) -> String {
    let mut line = escaped(&fields.message);
    append_values(&mut line, fields);
    line
}

fn append_values(line: &mut String, fields: &Fields) {
    for (name, value) in &fields.values {
        let shown = match value {
            Value::String(text) if is_plain(text) => text.clone(),
            Value::String(text) => format!("\"{}\"", escaped(text).replace('"', "'")),
            other => other.to_string(),
        };
        let _ = write!(line, " {name}={shown}");
    }
}

/// The line for machines: one JSON object.
pub(crate) fn json(at: Timestamp, level: Level, room: &str, fields: &Fields) -> String {
    let mut object = Map::new();
    for (name, value) in &fields.values {
        object.insert((*name).to_owned(), value.clone());
    }
    object.insert("time".to_owned(), Value::String(rfc3339(at)));
    object.insert("level".to_owned(), Value::String(level.as_str().to_ascii_lowercase()));
    object.insert("room".to_owned(), Value::String(room.to_owned()));
    object.insert("message".to_owned(), Value::String(fields.message.clone()));
    let mut line = Value::Object(object).to_string();
    line.push('\n');
    line
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// The text with control characters written as escapes.
fn escaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            let _ = write!(clean, "{}", c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}
