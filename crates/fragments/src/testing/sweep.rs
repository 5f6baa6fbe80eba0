//! Cutting the power, and failing, at every operation of a workload.

use disk::{Fault, Survival};
use units::{FragmentNumber, PartId, StripeNumber};

use crate::testing::chance::Chance;
use crate::testing::model::Model;
use crate::testing::workload::{Step, Trial, fragment, open};
use crate::{FragmentName, Work};

/// What a crash sweep went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrashReport {
    /// Workloads.
    pub seeds: u64,
    /// Instants at which the power was cut: one for every write, sync, rename,
    /// create, remove, cut and reservation of every workload.
    pub crash_points: u64,
    /// Restarts checked: several survivals for every instant.
    pub survivals: u64,
}

/// What a fault sweep went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultReport {
    /// Workloads.
    pub seeds: u64,
    /// Operations that were made to fail, each with each fault.
    pub cases: u64,
}

/// Cuts the power at every operation of the workloads of these seeds, lets
/// `survivals` subsets of what was not synced survive each, restarts and checks:
/// what was acknowledged is there and intact, what was removed is gone, nothing
/// damaged is handed out, and the store works on and restarts once more.
///
/// Stops at the first failure, or once `points_max` instants have been tried.
pub fn crash_sweep(
    seeds: core::ops::Range<u64>,
    survivals: u64,
    points_max: u64,
) -> Result<CrashReport, String> {
    let mut report = CrashReport::default();
    for seed in seeds {
        report.seeds += 1;
        let mut whole = Trial::start(seed, None)?;
        whole.run(false).map_err(|error| explain(&error, seed, u64::MAX, 0))?;
        for cut in 0..whole.operations() {
            if report.crash_points >= points_max {
                return Ok(report);
            }
            crash_at(seed, cut, survivals, None)?;
            report.crash_points += 1;
            report.survivals += survivals;
        }
    }
    Ok(report)
}

/// Repeats one crash, as a failure's last line names it.
pub fn crash_replay(seed: u64, cut: u64, survival: u64) -> Result<(), String> {
    crash_at(seed, cut, survival + 1, Some(survival))
}

fn crash_at(seed: u64, cut: u64, survivals: u64, only: Option<u64>) -> Result<(), String> {
    let mut trial = Trial::start(seed, Some(cut))?;
    let end = trial.run(false).map_err(|error| explain(&error, seed, cut, 0))?;
    if end != Step::Cut {
        return Err(explain("the workload never came to the cut", seed, cut, 0));
    }
    let from = only.unwrap_or(0);
    for survival in from..survivals {
        restart(&trial, seed ^ cut.rotate_left(20), survival)
            .map_err(|error| explain(&error, seed, cut, survival))?;
    }
    Ok(())
}

fn explain(error: &str, seed: u64, cut: u64, survival: u64) -> String {
    format!(
        "{error}\nseed {seed}, cut before operation {cut}, survival {survival}\nrepeat: \
         ESSAIM_CRASH={seed}:{cut}:{survival} cargo test -p fragments --test crash"
    )
}

/// One survival: restart, check, work on, lose the power again, check again.
fn restart(trial: &Trial, salt: u64, survival: u64) -> Result<(), String> {
    let kept = match survival {
        0 => Survival::LoseAll,
        1 => Survival::KeepAll,
        n => Survival::Drawn(salt.wrapping_add(n)),
    };
    let mut model = trial.model.clone();
    let disk = trial.disk.after_power_cut(kept);
    let mut store = open(&disk)?;
    model.check(&store, true)?;
    work_on(&mut store, &mut model, salt)?;
    drop(store);
    let disk = disk.after_power_cut(Survival::LoseAll);
    let store = open(&disk).map_err(|error| format!("second restart: {error}"))?;
    model.check(&store, true).map_err(|error| format!("second restart: {error}"))
}

/// A little work after a restart: a removal, an append, a compaction.
fn work_on(store: &mut crate::DiskStore, model: &mut Model, salt: u64) -> Result<(), String> {
    let mut chance = Chance::seeded(salt);
    let names = model.names();
    let mut works = Vec::new();
    let place = chance.below(names.len() as u64);
    let removed = names.get(usize::try_from(place).unwrap_or(0)).map(|name| name.part);
    if let Some(part) = removed {
        works.push(Work::remove_part(part));
    }
    let name = FragmentName {
        part: PartId::from_u128(99),
        stripe: StripeNumber::new(0),
        fragment: FragmentNumber::new(0),
    };
    let length = chance.below(6_000);
    let payload = chance.bytes(length);
    let appended = Work::append(vec![fragment(name, payload.clone())]);
    works.push(appended.map_err(|error| error.to_string())?);
    for outcome in store.commit(&works) {
        outcome.map_err(|error| format!("work after the restart: {error}"))?;
    }
    for name in names.into_iter().filter(|name| Some(name.part) == removed) {
        model.is(name, None);
    }
    model.is(name, Some(payload));
    store.compact().map_err(|error| format!("compaction after the restart: {error}"))?;
    model.check(store, false)
}

/// Fails every operation of the workloads of these seeds once with `EIO` and once
/// with `ENOSPC`, goes on, then cuts the power: nothing may have been acknowledged
/// that is not there.
pub fn fault_sweep(seeds: core::ops::Range<u64>, cases_max: u64) -> Result<FaultReport, String> {
    let mut report = FaultReport::default();
    for seed in seeds {
        report.seeds += 1;
        let mut whole = Trial::start(seed, None)?;
        whole.run(false)?;
        for operation in 0..whole.operations() {
            for fault in [Fault::Io, Fault::Full] {
                if report.cases >= cases_max {
                    return Ok(report);
                }
                fail_at(seed, operation, fault).map_err(|error| {
                    format!(
                        "{error}\nseed {seed}, {fault:?} at operation {operation}\nrepeat: \
                         ESSAIM_FAULT_SEED={seed} cargo test -p fragments --test faults"
                    )
                })?;
                report.cases += 1;
            }
        }
    }
    Ok(report)
}

fn fail_at(seed: u64, operation: u64, fault: Fault) -> Result<(), String> {
    let mut trial = Trial::start(seed, None)?;
    trial.disk.fail_at(operation, fault);
    trial.run(false)?;
    for kept in [Survival::LoseAll, Survival::Drawn(operation)] {
        let store = open(&trial.disk.after_power_cut(kept))?;
        trial.model.clone().check(&store, true)?;
    }
    Ok(())
}
