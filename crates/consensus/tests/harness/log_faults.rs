//! Operations that fail under a log that goes on: the step is repeated or given up, more
//! steps follow, and then the power goes.

use std::sync::Arc;

use disk::{Disk, Fault, OperationKind, SimDisk, Survival};

use super::Choices;
use super::log_script::{self, Model, STEPS, Step, carry_out, check};

/// Steps after the one that met the fault.
const STEPS_AFTER: usize = 6;
/// Operations after the fault at which the power goes, one after the other: the cut, the
/// same step again with its sync, and into the next ones.
const CUTS: u64 = 8;
/// Times that a step is tried. No more faults than that are planned at once.
const TRIES: usize = 3;
/// Operations of each kind that succeed before the fault, at the most.
const AFTER_MAX: u64 = 60;

/// How much was tried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    /// Faults that took place.
    pub faults: u64,
    /// Steps that failed and were then carried out by the same log.
    pub repeated: u64,
    /// Steps that failed, and were followed by others on the same log.
    pub given_up: u64,
    /// Power cuts after a fault, each with one survival.
    pub cuts: u64,
}

/// What goes wrong, and what is done about it.
#[derive(Clone, Copy, Debug)]
struct Case {
    seed: u64,
    kind: OperationKind,
    fault: Fault,
    after: u64,
    /// How many operations of the kind fail in a row.
    times: usize,
    /// Steps that fail are not repeated. Only where they have had no effect at all, and
    /// none but what the log itself gives up: entries are always repeated.
    gives_up: bool,
}

/// What a log went through.
#[derive(Default)]
struct Life {
    model: Model,
    /// Steps without an answer, or answered with a failure, that nothing followed.
    unanswered: Vec<Step>,
    /// The operation that follows the first step to meet the fault.
    met_before: Option<u64>,
    repeated: u64,
    given_up: u64,
}

/// Lets every operation of a script fail, cuts the power at each of the next ones.
pub fn faults(seed: u64) -> Result<Tried, String> {
    let mut tried = Tried::default();
    for kind in OperationKind::CHANGING {
        // Elsewhere a step that failed may have had its effect.
        let untouched = matches!(kind, OperationKind::Write | OperationKind::Reserve);
        for (fault, times, gives_up) in [
            (Fault::Io, 1, false),
            (Fault::Full, 1, false),
            (Fault::Full, 2, false),
            (Fault::Io, 1, true),
            (Fault::Full, 2, true),
        ] {
            if (times > 1 || gives_up) && !untouched {
                continue;
            }
            for after in 0..AFTER_MAX {
                let case = Case { seed, kind, fault, after, times, gives_up };
                if !case.run(&mut tried).map_err(|error| format!("{case:?}: {error}"))? {
                    break;
                }
            }
        }
    }
    Ok(tried)
}

impl Case {
    /// False if the script has no such operation any more.
    fn run(self, tried: &mut Tried) -> Result<bool, String> {
        let disk = self.disk();
        let life = self.live(&disk)?;
        let Some(met_before) = life.met_before else { return Ok(false) };
        tried.faults += 1;
        tried.repeated += life.repeated;
        tried.given_up += life.given_up;
        self.survivals(&disk, &life, tried)?;
        for cut in met_before..met_before + CUTS {
            let disk = self.disk();
            disk.cut_before(cut);
            let life = self.live(&disk)?;
            self.survivals(&disk, &life, tried)
                .map_err(|error| format!("cut before operation {cut}: {error}"))?;
        }
        Ok(true)
    }

    fn disk(self) -> Arc<SimDisk> {
        let disk = SimDisk::new();
        for _ in 0..self.times {
            disk.fail(self.kind, self.after, self.fault);
        }
        disk
    }

    fn survivals(self, disk: &SimDisk, life: &Life, tried: &mut Tried) -> Result<(), String> {
        for survival in [
            Survival::LoseAll,
            Survival::KeepAll,
            Survival::Drawn(self.after),
            Survival::Drawn(self.after + 500_000),
        ] {
            tried.cuts += 1;
            check(&disk.after_power_cut(survival), &life.model, &life.unanswered)
                .map_err(|error| format!("{survival:?}: {error}"))?;
        }
        Ok(())
    }

    /// Works until some steps after the fault, or the log's end; an error if a step that
    /// may be repeated cannot be.
    fn live(self, disk: &Arc<SimDisk>) -> Result<Life, String> {
        let choices = Choices::seeded(self.seed);
        let mut life = Life::default();
        let met = |life: &mut Life| {
            if disk.faults_waiting() == 0 && !disk.is_cut() {
                life.met_before.get_or_insert(disk.operations());
            }
        };
        let opened = (0..TRIES).find_map(|_| log_script::open(disk).ok());
        met(&mut life);
        let Some(mut log) = opened else { return Ok(life) };
        let (mut term, mut left) = (1, STEPS_AFTER);
        for _ in 0..STEPS {
            if life.met_before.is_some() {
                if left == 0 {
                    break;
                }
                left -= 1;
            }
            let step = life.model.draw(&choices, &mut term);
            let mut outcome = carry_out(&mut log, &step);
            met(&mut life);
            if outcome.is_err() && self.gives_up && !matches!(step, Step::Append(_)) {
                life.unanswered.push(step);
                if disk.is_cut() {
                    return Ok(life);
                }
                life.given_up += 1;
                continue;
            }
            let failed = outcome.is_err();
            for _ in 1..TRIES {
                if outcome.is_err() {
                    outcome = carry_out(&mut log, &step);
                    met(&mut life);
                }
            }
            if let Err(error) = outcome {
                life.unanswered.push(step);
                // A failed sync ends the log, and so does the power.
                let ends = disk.is_cut() || disk.is_poisoned();
                return if ends { Ok(life) } else { Err(format!("cannot be repeated: {error}")) };
            }
            life.repeated += u64::from(failed);
            life.model.apply(&step);
            if !matches!(step, Step::Committed(_)) {
                life.unanswered.clear();
            }
        }
        Ok(life)
    }
}
