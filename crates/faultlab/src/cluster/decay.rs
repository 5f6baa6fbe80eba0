//! What befalls the machine of a site, and not its lines: system calls that fail, a disk that
//! is full, bytes that decay, a clock that is off.
//!
//! **Invariant**: what was not installed, or did not take place, is no pass.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use blackbox::Program;
use clap::ValueEnum;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::lab::Lab;
use super::rot::{Rot, Rows, Scrubbed, corrupt};
use super::still::warnings;
use super::weather::Condition;
use crate::full_disk::fill_up;
use crate::strace::Strace;
use crate::syscalls::{FAULTS, SHORT, injects};

/// A limit to the length of files is this times a number that is drawn.
const LIMIT_STEP_BYTES: u64 = 24 * 1024;
/// The latest occurrence of a call in a thread that fails: few make more in seconds.
const WHEN_MAX: u64 = 12;
/// Hours that a clock is off.
const HOURS: [i64; 8] = [-30, -7, -3, -1, 1, 3, 7, 30];
/// Free bytes of a file system that counts as full.
const FULL_BYTES: u64 = 1 << 20;
/// Words of a site that are shown.
const SHOWN: usize = 2;

/// What a campaign is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Processes, lines between them.
    Lines,
    /// System calls that fail at one site.
    Calls,
    /// Disks of one or two sites filled to the last byte by a stranger.
    Full,
    /// Disks of one or two sites filled by clients, once.
    Fill,
    /// Fragments of one or two sites.
    Rot,
    /// Log or rows of one or two sites.
    Corrupt,
    /// Clocks of one or two sites.
    Clocks,
}

/// What befalls one site.
#[derive(Clone, Debug, PartialEq)]
pub enum Decay {
    /// One of [`FAULTS`], at this occurrence in each thread.
    Calls { fault: usize, when: u64 },
    /// Somebody else fills its disk; it may be killed before he goes.
    Full { is_killed: bool },
    /// Fragments decay, while it runs or is at rest; a file cut short only at rest.
    Rot { is_running: bool, is_cut: bool, seed: u64 },
    /// Its catalog does, after it was killed.
    Corrupt { rows: Rows, is_cut: bool, seed: u64 },
    /// Its clock is off; it may start with it.
    Clock { hours: i64, is_restarted: bool },
}

impl fmt::Display for Decay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls { fault, .. } => {
                let (calls, how) = FAULTS.get(*fault).copied().unwrap_or_default();
                write!(f, "{calls} {how}")
            }
            Self::Full { is_killed: true } => write!(f, "full and killed"),
            Self::Full { .. } => write!(f, "full"),
            Self::Rot { is_running: true, .. } => write!(f, "rot while running"),
            Self::Rot { is_cut: true, .. } => write!(f, "a file cut short"),
            Self::Rot { .. } => write!(f, "rot at rest"),
            Self::Corrupt { rows, is_cut, .. } => {
                let how = if *is_cut { "cut short" } else { "flipped" };
                write!(f, "{} {how}", format!("{rows:?}").to_lowercase())
            }
            Self::Clock { hours, is_restarted } => {
                let how = if *is_restarted { "started" } else { "set" };
                write!(f, "{how} {hours:+} h")
            }
        }
    }
}

/// What was done to a site, to be taken back.
pub enum Installed {
    Calls { strace: Strace, trace: PathBuf, is_limit: bool },
    Full { stranger: PathBuf, is_killed: bool },
    Rot { rot: Rot, is_running: bool },
    Corrupt { what: String, log_from: usize },
    Clock,
}

/// What became of it.
#[derive(Default)]
pub struct Healed {
    /// The longest start of a process.
    pub start: Duration,
    /// Whether it took place.
    pub took_place: bool,
    /// What is to be found by scrub.
    pub rot: Option<Rot>,
    /// What was.
    pub scrubbed: Scrubbed,
    /// The site does not start any more: another is to take its place.
    pub is_lost: bool,
    /// For people.
    pub told: String,
}

impl Decay {
    /// Draws one; none of the kind that is not of machines.
    pub fn draw(kind: Kind, random: &mut ChaCha8Rng) -> Option<Self> {
        Some(match kind {
            Kind::Lines | Kind::Fill => return None,
            Kind::Calls => Self::Calls {
                fault: random.random_range(0..FAULTS.len()),
                when: random.random_range(1..=WHEN_MAX),
            },
            Kind::Full => Self::Full { is_killed: random.random_range(0..3) == 0 },
            Kind::Rot => {
                let is_running: bool = random.random();
                let is_cut = !is_running && random.random();
                Self::Rot { is_running, is_cut, seed: random.random() }
            }
            Kind::Corrupt => Self::Corrupt {
                rows: if random.random() { Rows::Log } else { Rows::Rows },
                is_cut: random.random_range(0..3) == 0,
                seed: random.random(),
            },
            Kind::Clocks => {
                let hours = HOURS.get(random.random_range(0..HOURS.len())).copied();
                Self::Clock { hours: hours.unwrap_or(1), is_restarted: random.random() }
            }
        })
    }

    /// Makes it so.
    pub fn install(&self, lab: &mut Lab, site: usize, still: &[String]) -> Result<Installed> {
        let weather = lab.weather();
        weather.set(site, Condition::Rough);
        match *self {
            Self::Calls { fault, when } => {
                let (calls, how) = FAULTS.get(fault).copied().context("no such fault")?;
                let trace = lab.disk(site)?.with_file_name("trace");
                let process = lab.process(site)?;
                let is_limit = calls == SHORT;
                let strace = if is_limit {
                    let only = "trace=pwrite64,pwritev,write,ftruncate,fallocate";
                    let out = trace.display().to_string();
                    Strace::attach(process, ["-f", "-qq", "-Z", "-o", &out, "-e", only])?
                } else {
                    Strace::attach(process, injects(&trace, &lab.data(site)?, calls, how, when)?)?
                };
                if is_limit {
                    limit(process, &(LIMIT_STEP_BYTES * when).to_string())?;
                }
                Ok(Installed::Calls { strace, trace, is_limit })
            }
            Self::Full { is_killed } => {
                let stranger = lab.disk(site)?.join("stranger");
                fill_up(&stranger)?;
                let about = rustix::fs::statvfs(lab.disk(site)?)?;
                let free = about.f_bavail * about.f_frsize;
                ensure!(free < FULL_BYTES, "{free} bytes are free at site {}", site + 1);
                Ok(Installed::Full { stranger, is_killed })
            }
            Self::Rot { is_running, is_cut, seed } => {
                if !is_running {
                    lab.stop(site)?;
                }
                let random = &mut ChaCha8Rng::seed_from_u64(seed);
                Ok(Installed::Rot {
                    rot: Rot::begin(lab, site, still, is_cut, random)?,
                    is_running,
                })
            }
            Self::Corrupt { rows, is_cut, seed } => {
                lab.kill(site)?;
                let random = &mut ChaCha8Rng::seed_from_u64(seed);
                let what = corrupt(&lab.data(site)?, rows, is_cut, random)?;
                Ok(Installed::Corrupt { what, log_from: lab.log(site)?.len() })
            }
            Self::Clock { hours, is_restarted } => {
                if is_restarted {
                    lab.stop(site)?;
                }
                lab.clock(site, hours)?;
                if is_restarted {
                    lab.start(site)?;
                    weather.set(site, Condition::Rough);
                }
                Ok(Installed::Clock)
            }
        }
    }
}

impl Installed {
    /// Takes it back; the site runs afterwards, if it can.
    pub fn heal(self, lab: &mut Lab, site: usize) -> Result<Healed> {
        let mut healed = Healed { took_place: true, ..Healed::default() };
        match self {
            Self::Calls { strace, trace, is_limit } => {
                drop(strace);
                let text = fs::read_to_string(trace)?;
                let marks: &[&str] = if is_limit { &["EFBIG", "SIGXFSZ"] } else { &["(INJECTED)"] };
                healed.took_place = marks.iter().any(|mark| text.contains(mark));
                if healed.took_place {
                    healed.told = if lab.is_running(site)? {
                        "went on".to_owned()
                    } else {
                        "stopped".to_owned()
                    };
                }
                lab.kill(site)?;
                healed.start = lab.start(site)?;
            }
            Self::Full { stranger, is_killed } => {
                ensure!(lab.is_running(site)?, "site {} stopped on a full disk", site + 1);
                if is_killed {
                    lab.kill(site)?;
                }
                fs::remove_file(stranger)?;
                if is_killed {
                    healed.start = lab.start(site)?;
                }
            }
            Self::Rot { rot, is_running } => {
                if !is_running {
                    healed.start = lab.start(site)?;
                }
                healed.rot = Some(rot);
            }
            Self::Corrupt { what, log_from } => {
                match lab.start(site) {
                    Ok(start) => healed.start = start,
                    Err(error) => {
                        let text = format!("{error:#}");
                        ensure!(text.contains("the node ended with"), "{what}: {text}");
                        ensure!(!text.contains("panicked"), "{what}: {text}");
                        healed.is_lost = true;
                    }
                }
                let log = lab.log(site)?;
                let refused = log.get(log_from..).unwrap_or_default().trim();
                let words = if healed.is_lost {
                    format!("does not start: {}", refused.lines().last().unwrap_or_default())
                } else {
                    warnings(&log, log_from).into_iter().take(SHOWN).collect::<Vec<_>>().join("; ")
                };
                healed.told = format!("{what}: {words}");
            }
            Self::Clock => lab.clock(site, 0)?,
        }
        Ok(healed)
    }
}

/// No file of a process may grow beyond this.
fn limit(process: u32, bytes: &str) -> Result<()> {
    let words = ["--pid".to_owned(), process.to_string(), format!("--fsize={bytes}")];
    Program::named("prlimit")?.args(words).run()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_draws_its_own_and_a_seed_draws_the_same_again() {
        for (kind, least) in [
            (Kind::Calls, FAULTS.len()),
            (Kind::Full, 2),
            (Kind::Rot, 3),
            (Kind::Corrupt, 4),
            (Kind::Clocks, 2 * HOURS.len()),
        ] {
            let mut random = ChaCha8Rng::seed_from_u64(1);
            let drawn: Vec<Decay> =
                (0..500).filter_map(|_| Decay::draw(kind, &mut random)).collect();
            let met: BTreeSet<String> = drawn.iter().map(ToString::to_string).collect();
            assert_eq!((drawn.len(), met.len()), (500, least), "{kind:?}: {met:?}");
            assert_eq!(
                Decay::draw(kind, &mut ChaCha8Rng::seed_from_u64(1)),
                drawn.first().cloned()
            );
        }
        let is_cut_running =
            |one: &Decay| matches!(one, Decay::Rot { is_running: true, is_cut: true, .. });
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let drawn = (0..500).filter_map(|_| Decay::draw(Kind::Rot, &mut random));
        assert!(!drawn.into_iter().any(|one| is_cut_running(&one)), "a file in use is cut short");
    }
}
