//! Rounds of a campaign about machines: what is looked at while a site's machine fails, what
//! is required once it works again, and what all rounds come to.

use std::fmt;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blackbox::Target;
use rand::seq::index;
use rand::{Rng as _, RngCore as _};
use rand_chacha::ChaCha8Rng;

use super::decay::{Decay, Healed, Kind};
use super::fault::Fault;
use super::full;
use super::lab::Lab;
use super::people::Shared;
use super::promised::{Promised, is_off, is_told};
use super::still::{Still, warnings};

/// How long a lost site may take to leave the map.
const REPLACED_WITHIN: Duration = Duration::from_mins(3);
/// How long others are away, so that the cluster depends on a site that was mended.
const AWAY_FOR: Duration = Duration::from_secs(5);
/// Words of a site that are shown.
const SHOWN: usize = 2;

/// What there is beside the clients' keys, and what became of it.
pub struct Stage {
    kind: Kind,
    still: Option<Still>,
    promised: Option<Promised>,
    sum: Sum,
}

/// What all rounds came to.
#[derive(Debug, Default)]
struct Sum {
    took_place: u64,
    elsewhere: u64,
    decayed: usize,
    found: u64,
    repaired: usize,
    replaced: u64,
    led: u64,
    refused: u64,
    wrong: Vec<String>,
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { took_place, elsewhere, decayed, found, repaired, replaced, led, refused, wrong } =
            self;
        write!(
            f,
            "took place {took_place} ({elsewhere} more came to nothing); fragments that decayed \
             {decayed}, found and repaired by scrub {found}, as before by their bytes {repaired}; sites replaced \
             {replaced}; rounds led by a site whose clock was off {led}, deletions of locked \
             versions refused {refused}, locks or rules broken {}",
            wrong.len()
        )
    }
}

impl Stage {
    /// Puts what the campaign needs.
    pub async fn set(kind: Kind, target: &Target, seed: u64) -> Result<Self> {
        let still = match kind {
            Kind::Rot => Some(Still::put(target, seed).await?),
            _ => None,
        };
        let promised = match kind {
            Kind::Clocks => Some(Promised::put(target).await?),
            _ => None,
        };
        Ok(Self { kind, still, promised, sum: Sum::default() })
    }

    /// Keys that no client changes.
    pub fn still(&self) -> Vec<String> {
        self.still.as_ref().map(Still::keys).unwrap_or_default()
    }

    /// Draws what befalls which members: half of the clocks that are off are the leader's,
    /// and only small disks are filled.
    pub fn draw(
        &self,
        lab: &Lab,
        survive: usize,
        small: &[usize],
        random: &mut ChaCha8Rng,
    ) -> Result<Fault> {
        let members = if small.is_empty() { lab.members() } else { small.to_vec() };
        let survive = survive.min(members.len());
        let most = if self.kind == Kind::Calls { 1 } else { survive };
        let count = random.random_range(1..=most.max(1));
        let mut sites: Vec<usize> = index::sample(random, members.len(), count)
            .into_iter()
            .filter_map(|at| members.get(at).copied())
            .collect();
        if self.kind == Kind::Clocks && random.random() {
            let leader = leads(lab)?;
            if !sites.contains(&leader) {
                sites.insert(0, leader);
                sites.truncate(count);
            }
        }
        let decays = sites.into_iter().map(|site| Some((site, Decay::draw(self.kind, random)?)));
        Ok(Fault::Decays(decays.collect::<Option<_>>().context("no fault of machines")?))
    }

    /// While it lasts; what is to be said of it.
    pub async fn look(
        &mut self,
        lab: &Lab,
        shared: &Arc<Shared>,
        fault: &Fault,
        logs: &[usize],
    ) -> Result<Vec<String>> {
        let Fault::Decays(decays) = fault else { return Ok(Vec::new()) };
        let (targets, members, mut told) = (lab.targets()?, lab.members(), Vec::new());
        let off = fault.sites();
        for (site, decay) in decays {
            let at = members.iter().position(|member| member == site).context("no such member")?;
            let target = targets.get(at).context("no such member")?;
            match decay {
                Decay::Full { .. } => {
                    let answered = full::tried(shared, at).await?;
                    told.push(format!("site {}: {answered}", site + 1));
                }
                Decay::Clock { hours, .. } => {
                    // An hour and less ahead or behind is refused, too.
                    is_off(target, *hours).await?;
                    tokio::task::block_in_place(|| is_told(lab, *site, *hours))?;
                }
                _ => {}
            }
        }
        if let Some(promised) = &self.promised {
            let leader = tokio::task::block_in_place(|| leads(lab))?;
            self.sum.led += u64::from(off.contains(&leader));
            for (target, _) in targets.iter().zip(&members).filter(|(_, site)| !off.contains(site))
            {
                let (refused, wrong) = promised.tried(target).await?;
                self.sum.refused += refused;
                self.sum.wrong.extend(wrong);
            }
        }
        for site in off {
            let log = lab.log(site)?;
            let from = logs.get(site).copied().unwrap_or_default();
            told.extend(
                warnings(&log, from)
                    .into_iter()
                    .take(SHOWN)
                    .map(|line| format!("site {}: {line}", site + 1)),
            );
        }
        Ok(told)
    }

    /// Once it is over: replaces sites that do not start any more, and has the others depend
    /// on those that were mended.
    pub async fn mend(
        &mut self,
        lab: &mut Lab,
        shared: &Arc<Shared>,
        healed: &[(usize, Healed)],
        random: &mut ChaCha8Rng,
    ) -> Result<bool> {
        let mut took_place = true;
        for (_, one) in healed {
            took_place &= one.took_place;
            self.sum.decayed += one.scrubbed.decayed;
            self.sum.found += one.scrubbed.found;
            self.sum.repaired += one.scrubbed.repaired;
        }
        self.sum.took_place += u64::from(took_place);
        self.sum.elsewhere += u64::from(!took_place);
        let harmed: Vec<usize> = healed.iter().map(|(site, _)| *site).collect();
        for (site, _) in healed.iter().filter(|(_, one)| one.is_lost) {
            tokio::task::block_in_place(|| replace_lost(lab, *site, &harmed))?;
            self.sum.replaced += 1;
            shared.turn_to(lab.targets()?);
        }
        let mended = healed.iter().find(|(_, one)| !one.is_lost).map(|(site, _)| *site);
        let is_all_back = healed.iter().all(|(_, one)| !one.is_lost);
        if let (Kind::Rot | Kind::Corrupt, Some(mended), true) = (self.kind, mended, is_all_back) {
            let others: Vec<usize> =
                lab.members().into_iter().filter(|site| !harmed.contains(site)).collect();
            let away = index::sample(random, others.len(), 2.min(others.len().saturating_sub(1)));
            let away: Vec<usize> =
                away.into_iter().filter_map(|at| others.get(at).copied()).collect();
            tokio::task::block_in_place(|| away.iter().try_for_each(|site| lab.kill(*site)))?;
            let at = lab.members().iter().position(|member| *member == mended);
            let targets = lab.targets()?;
            let target = at.and_then(|at| targets.get(at)).context("no such member")?;
            match &self.still {
                Some(still) => still.read(target).await?,
                None => tokio::time::sleep(AWAY_FOR).await,
            }
            tokio::task::block_in_place(|| {
                away.iter().try_for_each(|site| lab.start(*site).map(|_| ()))
            })?;
        }
        if let Some(promised) = &self.promised {
            let targets = lab.targets()?;
            let target =
                targets.get(random.next_u32() as usize % targets.len()).context("no site")?;
            let since = Instant::now();
            // Its clock may just have been set right.
            let wrong = loop {
                match promised.missing(target).await {
                    Ok(wrong) => break wrong,
                    Err(error) if since.elapsed() > AWAY_FOR => return Err(error),
                    Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            };
            self.sum.wrong.extend(wrong);
        }
        Ok(took_place)
    }

    /// Prints what all rounds came to; fails if anything was broken.
    pub fn judge(&self, seed: u64) -> Result<()> {
        if matches!(self.kind, Kind::Lines | Kind::Fill) {
            return Ok(());
        }
        println!("{:?}: {}", self.kind, self.sum);
        for wrong in &self.sum.wrong {
            eprintln!("{wrong}");
        }
        ensure!(self.sum.took_place > 0, "nothing took place, seed {seed}");
        ensure!(self.sum.wrong.is_empty(), "locks or rules were broken, seed {seed}");
        ensure!(
            self.sum.repaired == self.sum.decayed && self.sum.found >= self.sum.decayed as u64,
            "{} fragments decayed, {} were found, seed {seed}",
            self.sum.decayed,
            self.sum.found
        );
        Ok(())
    }
}

/// Which site leads, as the first that knows says.
fn leads(lab: &Lab) -> Result<usize> {
    let names = lab.names();
    for member in lab.members() {
        let Ok(answer) = lab.commands(member)?.json(&["site", "list"]) else { continue };
        let mut sites = answer["sites"].as_array().into_iter().flatten();
        let leads = sites.find(|site| {
            site["nodes"].as_array().into_iter().flatten().any(|node| node["catalog"] == "leads")
        });
        let at = leads.and_then(|site| names.iter().position(|name| site["name"] == **name));
        if let Some(at) = at {
            return Ok(at);
        }
    }
    anyhow::bail!("no site knows who leads")
}

/// A fresh site takes the place of one that does not start any more.
fn replace_lost(lab: &mut Lab, lost: usize, harmed: &[usize]) -> Result<()> {
    let asked = lab.members().into_iter().find(|site| !harmed.contains(site));
    let asked = asked.context("no site is well")?;
    let fresh = lab.join(asked)?;
    let (commands, names) = (lab.commands(asked)?, lab.names());
    let name = |site: usize| names.get(site).cloned().unwrap_or_default();
    let words = ["site", "replace", &name(lost), &name(fresh), "--lost", "--yes"];
    commands.run(&words)?;
    lab.retire(lost)?;
    let since = Instant::now();
    loop {
        let answer = commands.json(&["site", "list"])?;
        let mut sites = answer["sites"].as_array().into_iter().flatten();
        if !sites.any(|site| site["name"] == name(lost)) {
            return Ok(());
        }
        ensure!(since.elapsed() < REPLACED_WITHIN, "{} does not leave: {answer:#}", name(lost));
        sleep(Duration::from_millis(300));
    }
}
