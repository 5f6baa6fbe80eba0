//! Where log events go: one line each on the error output, and the warnings and
//! errors into the ring of the last ones.

use std::io::Write;
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;
use tracing::{Event, Level, Metadata, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};
use units::Clock;

use crate::errors::{LastError, LastErrors};
use crate::line::{self, Fields};
use crate::names;

/// Our own rooms: whose warnings and errors are for the operator. `audit` is what
/// operators themselves have done.
const ROOMS: &[&str] = &[
    "access",
    "admin",
    "audit",
    "caretaker",
    "catalog",
    "consensus",
    "console",
    "disk",
    "erasure",
    "essaim",
    "fragments",
    "host",
    "insight",
    "kv",
    "node",
    "objects",
    "placement",
    "s3",
    "seal",
    "steward",
    "units",
    "vault",
    "wire",
];

/// It logs what clients do wrong as its own errors.
const LIBRARY_OF_CLIENTS_MISTAKES: &str = "s3s";

/// It logs each call that another site did not answer as its own error.
const LIBRARY_OF_THE_LOG: &str = "openraft";

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The log could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter is not one.
    #[error(
        "{filter:?} is not a log filter: write a level (info) or rooms with levels (info,s3=debug)"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What the parser said.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process already logs somewhere.
    #[error("this process already has a log")]
    AlreadyInstalled,
}

/// Writes events as lines.
pub struct LogLayer<W> {
    format: LogFormat,
    clock: Arc<dyn Clock>,
    errors: LastErrors,
    output: Mutex<W>,
}

impl<W: Write + Send + 'static> LogLayer<W> {
    /// Lines go to `output`, warnings and errors also to the ring.
    pub fn new(format: LogFormat, clock: Arc<dyn Clock>, errors: LastErrors, output: W) -> Self {
        Self { format, clock, errors, output: Mutex::new(output) }
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + Send + 'static,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        if tells_requests(attributes.metadata()) {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = ctx.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if tells_requests(event.metadata()) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in ctx.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.values.extend(outer.values.iter().cloned());
            }
        }
        let at = self.clock.now();
        let level = *event.metadata().level();
        let room = event.metadata().target().split("::").next().unwrap_or_default();
        let line = match self.format {
            LogFormat::Text => line::text(at, level, room, &fields),
            LogFormat::Json => line::json(at, level, room, &fields),
        };
        // A log that cannot be written must not stop the node.
        let _ = self.output.lock().write_all(line.as_bytes());
        if level <= Level::WARN && ROOMS.contains(&room) {
            let level = if level == Level::ERROR { "error" } else { "warn" };
            metrics::counter!(names::ERRORS, "level" => level).increment(1);
            let message = line::sentence(&fields);
            self.errors.push(LastError { at, level, room: room.to_owned(), message });
        }
    }
}

/// Whether this writes whole requests, keys that clients bring with them included:
/// below `INFO` the protocol library does. No filter shows that.
fn tells_requests(metadata: &Metadata<'_>) -> bool {
    let room = metadata.target().split("::").next().unwrap_or_default();
    room == LIBRARY_OF_CLIENTS_MISTAKES && *metadata.level() > Level::INFO
}

/// What a filter says, in full: a level alone is for our own rooms, and of the
/// libraries below them only errors are shown. Of two nothing is: the protocol library calls
/// clients' mistakes errors, and the library of the log each call to a site that is away,
/// several times a second; our own rooms say once what matters of both.
fn directives(filter: &str) -> String {
    let filter = filter.trim();
    if filter.is_empty() || filter.contains([',', '=']) || filter.eq_ignore_ascii_case("off") {
        return filter.to_owned();
    }
    let mut full = vec![
        "error".to_owned(),
        format!("{LIBRARY_OF_CLIENTS_MISTAKES}=off"),
        format!("{LIBRARY_OF_THE_LOG}=off"),
    ];
    full.extend(ROOMS.iter().map(|room| format!("{room}={filter}")));
    full.join(",")
}

/// Makes this process log to its error output; once per process.
pub fn install(
    format: LogFormat,
    filter: &str,
    clock: Arc<dyn Clock>,
    errors: LastErrors,
) -> Result<(), LogError> {
    let parsed = EnvFilter::try_new(directives(filter))
        .map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    let layer = LogLayer::new(format, clock, errors, std::io::stderr());
    Registry::default().with(parsed).with(layer).try_init().map_err(|_| LogError::AlreadyInstalled)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{EnvFilter, Registry};
    use units::{SimClock, Timestamp};

    use super::{LogFormat, LogLayer};
    use crate::LastErrors;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written and what is kept when `say` runs.
    pub(crate) fn logged(format: LogFormat, say: impl FnOnce()) -> (String, LastErrors) {
        let clock = Arc::new(SimClock::starting_at(Timestamp::from_seconds(1_000_000_000)));
        let (memory, errors) = (Memory::default(), LastErrors::new());
        let layer = LogLayer::new(format, clock, errors.clone(), memory.clone());
        tracing::subscriber::with_default(Registry::default().with(layer), say);
        let text = String::from_utf8(memory.0.lock().clone()).unwrap();
        (text, errors)
    }

    /// Which of these events a filter lets through, by their room.
    fn passed(filter: &str) -> Vec<String> {
        let clock = Arc::new(SimClock::default());
        let memory = Memory::default();
        let layer = LogLayer::new(LogFormat::Json, clock, LastErrors::new(), memory.clone());
        let parsed = EnvFilter::new(super::directives(filter));
        tracing::subscriber::with_default(Registry::default().with(parsed).with(layer), || {
            tracing::info!(target: "node::running", "serving");
            tracing::debug!(target: "s3::gate", "denied");
            tracing::error!(target: "s3s::ops", "a client signed wrongly");
            tracing::warn!(target: "openraft::core", "a term has changed");
            tracing::error!(target: "openraft::replication", "a site is away");
            tracing::error!(target: "fjall", "broken");
        });
        let text = String::from_utf8(memory.0.lock().clone()).unwrap();
        let room = |line: &str| -> String {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["room"].as_str().unwrap().to_owned()
        };
        text.lines().map(room).collect()
    }

    #[test]
    fn a_level_is_for_our_rooms_and_a_list_is_taken_as_it_is() {
        assert_eq!(passed("info"), ["node", "fjall"]);
        assert_eq!(passed("debug"), ["node", "s3", "fjall"]);
        assert_eq!(passed("warn"), ["fjall"]);
        assert!(passed("off").is_empty());
        assert_eq!(passed("info,s3s=error"), ["node", "s3s", "openraft", "openraft", "fjall"]);
    }

    #[test]
    fn whole_requests_are_never_shown() {
        let (text, _) = logged(LogFormat::Text, || {
            let _span =
                tracing::debug_span!(target: "s3s::service", "call", key = "bWluZQ").entered();
            tracing::debug!(target: "s3s::service", key = "bWluZQ", "a whole request");
            tracing::info!(target: "s3s::service", "shown");
        });
        assert!(text.contains("shown") && !text.contains("bWluZQ"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_line_for_people() {
        let (text, _) = logged(LogFormat::Text, || {
            tracing::info!(target: "s3::verb", bucket = "a b", bytes = 3_u64, "object stored");
        });
        let line = "2001-09-09T01:46:40Z INFO  s3         object stored bucket=\"a b\" bytes=3\n";
        assert_eq!(text, line);
    }

    #[test]
    fn a_line_for_machines() {
        let (text, _) = logged(LogFormat::Json, || {
            tracing::warn!(target: "disk", path = "a\nb", "slow");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "warn");
        assert_eq!(line["path"], "a\nb");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn only_our_own_warnings_and_errors_are_kept() {
        let (_, errors) = logged(LogFormat::Text, || {
            tracing::info!("fine");
            tracing::error!(disk = 3_u64, "a sync failed");
            tracing::error!(target: "s3s::ops", "a client signed wrongly");
            tracing::warn!(target: "openraft::core", "a term has changed");
        });
        let kept = errors.newest(9);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept.first().unwrap().message, "a sync failed disk=3");
    }

    #[test]
    fn a_client_cannot_forge_a_line() {
        let (text, _) = logged(LogFormat::Text, || {
            let key = "a\n2001-09-09T01:46:40Z ERROR disk lost \u{1b}[31m";
            tracing::info!(key, "get {key}");
        });
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn planted_canaries_never_reach_the_log() {
        const CANARY: &str = "c4n4ryc4n4ryc4n4ry";
        for format in [LogFormat::Text, LogFormat::Json] {
            let (text, errors) = logged(format, || {
                let url = format!("/b/k?X-Amz-Date=1&X-Amz-Signature={CANARY}");
                let header = format!("Bearer {CANARY}");
                let span = tracing::info_span!("request", session_token = CANARY, uri = %url);
                let _inside = span.enter();
                tracing::error!(secret_access_key = CANARY, "key made");
                tracing::error!(admin_password = ?CANARY, header, "login");
                tracing::error!("GET {url}");
            });
            assert!(!text.contains(CANARY), "{text}");
            assert!(!format!("{:?}", errors.newest(9)).contains(CANARY));
            assert!(text.contains("X-Amz-Date=1"), "what is no secret stays: {text}");
        }
    }
}
