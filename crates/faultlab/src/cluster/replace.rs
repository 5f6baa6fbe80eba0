//! A fresh site takes the place of an old one while clients work and a third is killed:
//! what `site list` tells of it never goes backwards, and the old one leaves by itself.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::lab::{Commands, Lab};

/// How long it may take.
const REPLACED_WITHIN: Duration = Duration::from_mins(3);
/// How often it is asked how far it is.
const ASKS_EVERY: Duration = Duration::from_millis(200);
/// When the third site is killed, and for how long.
const KILLED_AFTER: Duration = Duration::from_secs(2);
const KILLED_FOR: Duration = Duration::from_secs(4);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Replaced {
    /// From the command until the old site was off the map.
    pub after: Duration,
    /// Times that progress was told, counted whole.
    pub told: u64,
    /// Fragment slots that were to leave at the most.
    pub slots: u64,
    /// Where it went backwards.
    pub lies: Vec<String>,
}

/// Replaces a site by one that joins now; a third is killed meanwhile.
pub fn replace(lab: &mut Lab, old: usize, killed: usize) -> Result<Replaced> {
    let asked = (0..lab.sites()).find(|site| *site != old && *site != killed).unwrap_or(0);
    let commands = lab.commands(asked)?;
    let fresh = lab.join(asked)?;
    let names = lab.names();
    let name = |site: usize| names.get(site).cloned().unwrap_or_default();
    let since = Instant::now();
    commands.run(&["site", "replace", &name(old), &name(fresh)])?;
    let mut replaced = Replaced::default();
    let (mut before, mut is_killed, mut is_back) = (None, false, false);
    loop {
        let passed = since.elapsed();
        if passed > KILLED_AFTER && !is_killed {
            lab.kill(killed)?;
            is_killed = true;
        }
        if passed > KILLED_AFTER + KILLED_FOR && !is_back {
            lab.start(killed)?;
            is_back = true;
        }
        if !replaced.look(&commands, &name(old), &mut before)? {
            break;
        }
        ensure!(
            passed < REPLACED_WITHIN,
            "{} is still there {passed:.0?} after the command, {before:?} slots are to leave",
            name(old)
        );
        sleep(ASKS_EVERY);
    }
    replaced.after = since.elapsed();
    if is_killed && !is_back {
        lab.start(killed)?;
    }
    lab.retire(old)?;
    Ok(replaced)
}

impl Replaced {
    /// Looks once, and keeps the slots that are still to leave, if they are counted; whether
    /// the site is still on the map.
    fn look(&mut self, commands: &Commands, name: &str, before: &mut Option<u64>) -> Result<bool> {
        let answer = commands.json(&["site", "list"])?;
        let mut sites = answer["sites"].as_array().into_iter().flatten();
        let Some(site) = sites.find(|site| site["name"] == name) else { return Ok(false) };
        let counted = answer["moves"]["counted"] == Value::Bool(true);
        let leaves = site["moves"]["leaves"]["slots"].as_u64().filter(|_| counted);
        if let Some(now) = leaves {
            self.told += 1;
            self.slots = self.slots.max(now);
            if let Some(before) = before.filter(|before| now > *before) {
                self.lies.push(format!("{before} slots were to leave {name}, and then {now}"));
            }
            *before = Some(now);
        }
        Ok(true)
    }
}
