//! How far long work has come: a line that redraws itself for who looks at a terminal,
//! a line now and then for who reads a file or a pipe later, nothing for a program that
//! asked for JSON. Always on the error output: results alone go to the output.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where nothing can be redrawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress of one piece of work.
pub struct Progress {
    bar: ProgressBar,
    /// When the next line is due, where lines are written.
    line_due: Option<Instant>,
}

impl Progress {
    /// Work whose end is not known: a template of `indicatif`, drawn on a terminal.
    pub fn new(json: bool, template: &str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let seen = terminal && !json;
        let bar = if seen { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let line_due = (!terminal && !json).then(|| Instant::now() + LINE_EVERY);
        Self { bar, line_due }
    }

    /// How much is done, of how much; and in words, which lines are made of.
    pub fn at(&mut self, done: u64, total: u64, words: impl FnOnce() -> String) {
        self.bar.set_length(total.max(done));
        self.bar.set_position(done);
        let now = Instant::now();
        if self.line_due.is_some_and(|due| now >= due) {
            let _ = writeln!(std::io::stderr(), "essaim: {}", words());
            self.line_due = Some(now + LINE_EVERY);
        } else if self.line_due.is_none() && !self.bar.is_hidden() {
            self.bar.set_message(words());
            self.bar.tick();
        }
    }

    /// The work has ended; the line goes.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}
