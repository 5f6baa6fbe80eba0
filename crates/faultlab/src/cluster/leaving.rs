//! A site leaves while clients work and a third is killed: a fresh one takes its place, or
//! it is emptied and removed. What `site list` tells of it never goes backwards.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::lab::{Commands, Lab};

/// How long it may take.
const LEFT_WITHIN: Duration = Duration::from_mins(2);
/// How often it is asked how far it is.
const ASKS_EVERY: Duration = Duration::from_millis(200);
/// When the third site is killed, and for how long.
const KILLED_AFTER: Duration = Duration::from_secs(2);
const KILLED_FOR: Duration = Duration::from_secs(4);

/// How a site leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A site that joins now takes its place, and it leaves by itself.
    Replaced,
    /// The others take what it has, and it is removed once it is empty.
    Drained,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// From the command until the site was off the map.
    pub after: Duration,
    /// Times that progress was told, counted whole.
    pub told: u64,
    /// Fragment slots that were to leave at the most.
    pub slots: u64,
    /// Times that it was refused to remove it though nothing was said to be there.
    pub refused: u64,
    /// Whether it was said just now that nothing is there.
    is_empty: bool,
    /// Where it went backwards.
    pub lies: Vec<String>,
}

/// Has a site leave; a third is killed meanwhile.
pub fn leave(lab: &mut Lab, old: usize, killed: usize, way: Way) -> Result<Left> {
    let asked = (0..lab.sites()).find(|site| *site != old && *site != killed).unwrap_or(0);
    let commands = lab.commands(asked)?;
    let fresh = (way == Way::Replaced).then(|| lab.join(asked)).transpose()?;
    let names = lab.names();
    let name = names.get(old).map_or("", String::as_str);
    let since = Instant::now();
    match fresh.and_then(|fresh| names.get(fresh)) {
        Some(fresh) => commands.run(&["site", "replace", name, fresh])?,
        None => commands.run(&["site", "drain", name])?,
    };
    let mut left = Left::default();
    let (mut before, mut is_killed, mut is_back) = (None, false, false);
    let mut refusal = String::new();
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
        if !left.look(&commands, name, &mut before)? {
            break;
        }
        // Refused as long as something is there, whatever was told: then it goes on.
        if way == Way::Drained && left.is_empty {
            let removed = commands.run(&["site", "remove", name]);
            if let Err(error) = removed {
                left.refused += 1;
                refusal = error.to_string();
            }
        }
        ensure!(
            passed < LEFT_WITHIN,
            "{name} is still there {passed:.0?} after the command, {before:?} slots are to leave; \
             {refusal}",
        );
        sleep(ASKS_EVERY);
    }
    left.after = since.elapsed();
    if is_killed && !is_back {
        lab.start(killed)?;
    }
    lab.retire(old)?;
    Ok(left)
}

impl Left {
    /// Looks once, and keeps the slots that are still to leave, if they are counted; whether
    /// the site is still on the map.
    fn look(&mut self, commands: &Commands, name: &str, before: &mut Option<u64>) -> Result<bool> {
        let answer = commands.json(&["site", "list"])?;
        let mut sites = answer["sites"].as_array().into_iter().flatten();
        let Some(site) = sites.find(|site| site["name"] == name) else { return Ok(false) };
        let counted = answer["moves"]["counted"] == Value::Bool(true);
        let still = |of: &str| site["moves"][of]["slots"].as_u64();
        let to_leave = still("leaves").zip(still("stays")).filter(|_| counted);
        self.is_empty = to_leave == Some((0, 0)) && still("clearing") == Some(0);
        if let Some(now) = to_leave.map(|(leaves, stays)| leaves + stays) {
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
