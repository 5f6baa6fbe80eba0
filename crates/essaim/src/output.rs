//! What commands print: aligned tables, sizes people can read, or JSON.

use serde::Serialize;

use crate::failure::Failure;

/// Prints a value as JSON, for programs.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::failed(format!("the answer is not JSON: {error}"), ""))?;
    println!("{text}");
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
            println!("{nothing}");
        } else {
            print!("{}", self.text());
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
        println!("{name:<width$}  {value}");
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
    let objects = most_objects.map(|count| format!("{count} objects"));
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
    use super::{Table, bytes, duration};

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
