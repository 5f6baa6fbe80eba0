//! What commands print: aligned tables, sizes people can read, or JSON.
//!
//! A reader that goes away (`essaim tenant list | head -1`) is no failure: what is
//! left is not printed, and the command goes on to its end. Output that cannot be
//! written for another reason is told at the end, by [`end`].

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use serde::Serialize;

use crate::failure::Failure;

/// Why nothing more can be printed.
static BROKEN: OnceLock<io::Error> = OnceLock::new();

/// Prints a line, as `println!` does, and never panics.
macro_rules! say {
    () => { $crate::output::print(format_args!("\n")) };
    ($($words:tt)*) => { $crate::output::print(format_args!("{}\n", format_args!($($words)*))) };
}

/// Prints text as it is.
pub fn print(text: fmt::Arguments<'_>) {
    if BROKEN.get().is_some() {
        return;
    }
    if let Err(error) = io::stdout().lock().write_fmt(text) {
        // The first one is the reason.
        let _ = BROKEN.set(error);
    }
}

/// Whether all that was printed has been written, or nobody reads it any more.
pub fn end() -> Result<(), Failure> {
    if let Err(error) = io::stdout().lock().flush() {
        let _ = BROKEN.set(error);
    }
    BROKEN.get().map_or(Ok(()), judged)
}

/// A failed write: of no matter if the reader went away.
fn judged(error: &io::Error) -> Result<(), Failure> {
    let (message, hint) = match error.kind() {
        ErrorKind::BrokenPipe => return Ok(()),
        ErrorKind::StorageFull => {
            ("there is no room left for the output".to_owned(), "make room; what was asked is done")
        }
        _ => (format!("the output cannot be written: {error}"), "what was asked is done"),
    };
    Err(Failure::failed(message, hint))
}

/// A number and its noun.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Prints a value as JSON, for programs.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::failed(format!("the answer is not JSON: {error}"), ""))?;
    say!("{text}");
    Ok(())
}

/// Rows under a head, each column as wide as its widest cell.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(ToString::to_string).collect()] }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Prints it, or `nothing` if there is no row.
    pub fn print(&self, nothing: &str) {
        if self.rows.len() <= 1 {
            say!("{nothing}");
        } else {
            print(format_args!("{}", self.text()));
        }
    }

    fn text(&self) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                let pad = width.saturating_sub(cell.chars().count());
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', pad + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Names and values under each other.
pub fn facts(facts: &[(&str, String)]) {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in facts {
        say!("{name:<width$}  {value}");
    }
}

/// A size in powers of 1,024 with one decimal.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = count as f64;
    let mut unit = UNITS[0];
    for next in UNITS.iter().skip(1) {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{count} B") } else { format!("{size:.1} {unit}") }
}

/// A quota, or that there is none.
pub fn quota(most_bytes: Option<u64>, most_objects: Option<u64>) -> String {
    let objects = most_objects.map(|count| counted(count, "object", "objects"));
    let limits: Vec<String> = most_bytes.map(bytes).into_iter().chain(objects).collect();
    if limits.is_empty() { "-".to_owned() } else { limits.join(", ") }
}

/// Text, or a dash.
pub fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

/// Seconds as people count them.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} min", seconds / 60),
        3_600..=86_399 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Table, bytes, counted, duration, judged};

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        assert!(judged(&io::ErrorKind::BrokenPipe.into()).is_ok());
        assert!(judged(&io::ErrorKind::StorageFull.into()).is_err());
    }

    #[test]
    fn one_is_not_many() {
        let tenants = |count| counted(count, "tenant", "tenants");
        assert_eq!([tenants(0), tenants(1), tenants(2)], ["0 tenants", "1 tenant", "2 tenants"]);
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["NAME", "BYTES"]);
        table.row(["mairie".to_owned(), "1".to_owned()]);
        table.row(["école".to_owned(), "22".to_owned()]);
        assert_eq!(table.text(), "NAME    BYTES\nmairie  1\nécole   22\n");
    }

    #[test]
    fn sizes_and_durations() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(5 << 40), "5.0 TiB");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(90_000), "1 d 1 h");
    }
}
