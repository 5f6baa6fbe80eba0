//! Whether `essaim site list` tells the truth, asked again and again at sites that are
//! well or cut off, while others come and go.
//!
//! What has been so for a while must be said; what has just changed may not be known yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

use super::lab::Commands;
use super::weather::{Condition, Weather};

/// How long a cluster may take to notice what became of a site: nodes ask each other
/// every second and believe for five that who answered last is there.
pub const NOTICED_WITHIN: Duration = Duration::from_secs(7);
/// How often a site is asked.
const ASKS_EVERY: Duration = Duration::from_millis(300);

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Answers that were compared with what was so.
    pub compared: u64,
    /// Of those, statements about a single site that had been away or cut off, or well.
    pub statements: u64,
    /// Where a site that was asked could not say anything.
    pub silent: Vec<String>,
    /// What was not true.
    pub lies: Vec<String>,
}

/// Asks until it is told to end.
pub struct Asker {
    end: Arc<AtomicBool>,
    thread: JoinHandle<Truth>,
}

impl Asker {
    /// Begins; the sites are known by these names.
    pub fn begin(
        commands: Vec<Commands>,
        names: Vec<String>,
        weather: Arc<Weather>,
    ) -> Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let ask = move || {
            let mut truth = Truth::default();
            let mut turn = 0;
            while !ended.load(Ordering::Relaxed) {
                turn += 1;
                let (before, asked) = (weather.all(), weather.now());
                let site = turn % commands.len().max(1);
                let condition = before.get(site).copied();
                if let (Some((condition, since)), Some(commands)) = (condition, commands.get(site))
                    && matches!(condition, Condition::Well | Condition::Cut)
                    && asked.saturating_sub(since) > NOTICED_WITHIN
                {
                    let answer = commands.json(&["site", "list"]);
                    // What changed meanwhile cannot be judged.
                    if weather.all() == before {
                        let told = truth.compare(site, condition, answer, &names, &before, asked);
                        truth.lies.extend(
                            told.into_iter().map(|lie| {
                                format!("{:.1?}, site {}: {lie}", weather.now(), site + 1)
                            }),
                        );
                    }
                }
                sleep(ASKS_EVERY);
            }
            truth
        };
        let thread = std::thread::Builder::new().name("truth".to_owned()).spawn(ask)?;
        Ok(Self { end, thread })
    }

    /// Ends; what was found.
    pub fn end(self) -> Result<Truth> {
        self.end.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the asker panicked"))
    }
}

impl Truth {
    /// Compares an answer of a site with what has been so for long.
    fn compare(
        &mut self,
        site: usize,
        condition: Condition,
        answer: Result<Value>,
        names: &[String],
        before: &[(Condition, Duration)],
        now: Duration,
    ) -> Vec<String> {
        self.compared += 1;
        let answer = match answer {
            Ok(answer) => answer,
            // It is catching up, or its disk does not keep up: that is no untruth.
            Err(error) => {
                self.silent.push(format!("site {}: {error:#}", site + 1));
                return Vec::new();
            }
        };
        if condition == Condition::Cut {
            // Alone it does not know what the cluster knows, and is to say so.
            self.statements += 1;
            let is_current = answer["is_current"].as_bool();
            let lie =
                (is_current != Some(false)).then(|| "cut off, it says it is current".to_owned());
            return lie.into_iter().collect();
        }
        let mut lies = Vec::new();
        for (subject, (was, since)) in before.iter().enumerate() {
            if now.saturating_sub(*since) <= NOTICED_WITHIN || subject == site {
                continue;
            }
            let expected = match was {
                Condition::Well => true,
                Condition::Killed | Condition::Stopped | Condition::Cut => false,
                Condition::Rough => continue,
            };
            self.statements += 1;
            match names.get(subject).context("no name").and_then(|name| shown(&answer, name)) {
                Ok(found) if found == (Some(expected), expected) => {}
                found => lies.push(format!(
                    "site {} is {was:?} since {since:.1?}, and shown as {found:?}",
                    subject + 1
                )),
            }
        }
        lies
    }
}

/// Whether a site is shown to answer, and whether a disk of it is shown to be there.
fn shown(answer: &Value, name: &str) -> Result<(Option<bool>, bool)> {
    let mut sites = answer["sites"].as_array().into_iter().flatten();
    let site = sites.find(|site| site["name"] == name).context("not shown at all")?;
    let node = &site["nodes"][0];
    let mut disks = node["disks"].as_array().into_iter().flatten();
    Ok((node["reachable"].as_bool(), disks.any(|disk| disk["reach"] == "there")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lies(answer: &Value, conditions: &[Condition]) -> Vec<String> {
        let before: Vec<_> = conditions.iter().map(|one| (*one, Duration::ZERO)).collect();
        let names: Vec<String> = (1..=conditions.len()).map(|n| format!("site-{n}")).collect();
        let first = conditions.first().copied().unwrap_or(Condition::Well);
        // So long after that everybody must know.
        let now = NOTICED_WITHIN * 2;
        Truth::default().compare(0, first, Ok(answer.clone()), &names, &before, now)
    }

    fn answer(is_current: bool, reachable: &[bool]) -> Value {
        let sites: Vec<Value> = (1..)
            .zip(reachable)
            .map(|(n, reachable)| {
                let reach = if *reachable { "there" } else { "unreachable" };
                let disks = json!([{ "reach": reach }]);
                json!({ "name": format!("site-{n}"),
                        "nodes": [{ "reachable": reachable, "disks": disks }] })
            })
            .collect();
        json!({ "is_current": is_current, "sites": sites })
    }

    #[test]
    fn what_is_said_is_compared_with_what_is_so() {
        use Condition::{Cut, Killed, Well};
        assert!(lies(&answer(true, &[true, true, false]), &[Well, Well, Killed]).is_empty());
        assert_eq!(lies(&answer(true, &[true, true, true]), &[Well, Well, Killed]).len(), 1);
        assert_eq!(lies(&answer(true, &[true, false, false]), &[Well, Well, Cut]).len(), 1);
        assert_eq!(lies(&answer(true, &[true, true]), &[Well, Well, Well]).len(), 1, "not shown");
        assert_eq!(lies(&answer(true, &[true, true]), &[Cut, Well]).len(), 1, "not current");
        assert!(lies(&answer(false, &[true, true]), &[Cut, Well]).is_empty());
    }
}
