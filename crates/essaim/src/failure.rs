//! A command that did not do what was asked: a sentence, a hint, an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use admin::ErrorBody;

/// What kind of failure, which is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It could not be done.
    Failed,
    /// The command line is wrong.
    Usage,
    /// No node runs where one was looked for.
    NotRunning,
}

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
    what_to_do: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: Kind, message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { kind, message: message.into(), what_to_do: what_to_do.into() }
    }

    /// It could not be done.
    pub fn failed(message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message, what_to_do)
    }

    /// The node refused.
    pub fn refused(body: ErrorBody) -> Self {
        Self::failed(body.message, body.what_to_do)
    }

    /// Says it on the error output.
    pub fn tell(self) -> ExitCode {
        // Nobody may be there to read it; the exit code says it all the same.
        let mut errors = std::io::stderr().lock();
        for line in self.message.lines() {
            let _ = writeln!(errors, "essaim: {line}");
        }
        if !self.what_to_do.is_empty() {
            let _ = writeln!(errors, "        {}", self.what_to_do);
        }
        ExitCode::from(match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::NotRunning => 3,
        })
    }
}

impl From<node::Trouble> for Failure {
    fn from(trouble: node::Trouble) -> Self {
        Self::failed(trouble.message, trouble.what_to_do)
    }
}
