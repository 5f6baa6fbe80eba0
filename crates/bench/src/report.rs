//! The table: what each side did, and the ratio of each round.

use std::fmt::Write as _;

use crate::work::{Measure, Work};

/// Everything measured in a run.
pub struct Report {
    sides: Vec<&'static str>,
    rows: Vec<(Work, usize, Measure)>,
    resident_bytes_max: Vec<u64>,
}

impl Report {
    /// An empty table for these sides; the first is the one under test.
    pub fn new(sides: Vec<&'static str>) -> Self {
        let resident_bytes_max = vec![0; sides.len()];
        Self { sides, rows: Vec::new(), resident_bytes_max }
    }

    /// One work done once by one side.
    pub fn add(&mut self, work: Work, side: usize, measure: Measure, resident_bytes: u64) {
        self.rows.push((work, side, measure));
        if let Some(max) = self.resident_bytes_max.get_mut(side) {
            *max = (*max).max(resident_bytes);
        }
    }

    /// Medians of the rounds, and the median, lowest and highest ratio.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| work |");
        for side in &self.sides {
            let _infallible = write!(text, " {side} |");
        }
        text.push_str(" ratio (lowest to highest round) |\n|---|");
        text.push_str(&"---|".repeat(self.sides.len() + 1));
        text.push('\n');
        for work in Work::ALL {
            let sides: Vec<Vec<Measure>> =
                (0..self.sides.len()).map(|s| self.of(*work, s)).collect();
            if sides.iter().any(Vec::is_empty) {
                continue;
            }
            let _infallible = write!(text, "| {} |", work.name());
            for measures in &sides {
                let mut by_rate = measures.clone();
                by_rate.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
                if let Some(middle) = by_rate.get(by_rate.len() / 2) {
                    let _infallible = write!(text, " {} |", middle.to_string().trim());
                }
            }
            let _infallible = writeln!(text, " {} |", ratio(&sides));
        }
        for (side, bytes) in self.sides.iter().zip(&self.resident_bytes_max) {
            let _infallible =
                writeln!(text, "\nHighest resident memory seen, {side}: {} MiB.", bytes >> 20);
        }
        text
    }

    fn of(&self, work: Work, side: usize) -> Vec<Measure> {
        let wanted = self.rows.iter().filter(|(w, s, _)| *w == work && *s == side);
        wanted.map(|(_, _, measure)| *measure).collect()
    }
}

fn ratio(sides: &[Vec<Measure>]) -> String {
    let [ours, theirs] = sides else { return "—".to_owned() };
    let mut ratios: Vec<f64> =
        ours.iter().zip(theirs).map(|(a, b)| a.per_second / b.per_second).collect();
    ratios.sort_by(f64::total_cmp);
    match (ratios.first(), ratios.get(ratios.len() / 2), ratios.last()) {
        (Some(low), Some(middle), Some(high)) => format!("**{middle:.1}** ({low:.1} to {high:.1})"),
        _ => "—".to_owned(),
    }
}
