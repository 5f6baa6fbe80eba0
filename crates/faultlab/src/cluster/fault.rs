//! What befalls the cluster: drawn from a seed, installed, taken back.
//!
//! **Invariant**: at most as many sites are harmed at a time as the cluster is to survive;
//! a fault that could not be installed is an error, not a pass.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use blackbox::{Link, Place};
use rand::Rng;
use rand::seq::{IndexedRandom as _, index};
use rand_chacha::ChaCha8Rng;

use super::decay::{Decay, Healed, Installed};
use super::lab::Lab;
use super::weather::Condition;

/// What is done to one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// SIGKILL, and it is started again at the end.
    Kill,
    /// SIGTERM, and it is started again at the end.
    Restart,
    /// SIGSTOP, and SIGCONT at the end.
    Hang,
    /// The relay cuts it off from all others.
    Cut,
    /// Its own firewall does.
    Firewall,
    /// What it sends does not arrive; what is sent to it does.
    Mute,
}

const HARMS: &[Harm] =
    &[Harm::Kill, Harm::Kill, Harm::Restart, Harm::Hang, Harm::Cut, Harm::Firewall, Harm::Mute];

/// What befalls the cluster at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// These sites, each in its way.
    Harmed(Vec<(usize, Harm)>),
    /// These sites together lose the others, and not each other.
    Split(Vec<usize>),
    /// All links between sites are like this.
    Rough(Link),
    /// The machines of these sites, each in its way.
    Decays(Vec<(usize, Decay)>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Harmed(harmed) => {
                let mut harms: Vec<Harm> = harmed.iter().map(|one| one.1).collect();
                harms.sort_unstable();
                let names: Vec<String> =
                    harms.iter().map(|harm| format!("{harm:?}").to_lowercase()).collect();
                write!(f, "{}", names.join(" + "))
            }
            Self::Split(sites) => write!(f, "split of {}", sites.len()),
            Self::Rough(link) if link.loss > 0.0 => write!(f, "loss"),
            Self::Rough(_) => write!(f, "delay"),
            Self::Decays(decays) => {
                let names: Vec<String> = decays.iter().map(|one| one.1.to_string()).collect();
                write!(f, "{}", names.join(" + "))
            }
        }
    }
}

impl Fault {
    /// Draws one.
    pub fn draw(random: &mut ChaCha8Rng, sites: usize, survive: usize) -> Self {
        let some = |random: &mut ChaCha8Rng, least: usize| {
            let count = random.random_range(least..=survive);
            index::sample(random, sites, count).into_vec()
        };
        match random.random_range(0..10) {
            0 => Self::Rough(Link {
                delay: Duration::from_millis(random.random_range(5..60)),
                jitter: Duration::from_millis(random.random_range(0..60)),
                ..Link::default()
            }),
            1 => Self::Rough(Link { loss: random.random_range(0.01..0.08), ..Link::default() }),
            2 | 3 if survive > 1 => Self::Split(some(random, 2)),
            _ => {
                let sites = some(random, 1);
                let harm = |random: &mut ChaCha8Rng| *HARMS.choose(random).unwrap_or(&Harm::Kill);
                Self::Harmed(sites.into_iter().map(|site| (site, harm(random))).collect())
            }
        }
    }

    /// Sites that are harmed.
    pub fn sites(&self) -> Vec<usize> {
        match self {
            Self::Harmed(harmed) => harmed.iter().map(|one| one.0).collect(),
            Self::Split(sites) => sites.clone(),
            Self::Rough(_) => Vec::new(),
            Self::Decays(decays) => decays.iter().map(|one| one.0).collect(),
        }
    }

    /// Makes it so; these objects are changed by no client.
    pub fn install(&self, lab: &mut Lab, still: &[String]) -> Result<Vec<Installed>> {
        let weather = lab.weather();
        match self {
            Self::Harmed(harmed) => {
                for (site, harm) in harmed.iter().copied() {
                    match harm {
                        Harm::Kill => lab.kill(site)?,
                        Harm::Restart => lab.stop(site)?,
                        Harm::Hang => lab.pause(site)?,
                        Harm::Cut => {
                            weather.set(site, Condition::Cut);
                            lab.links(&[site], Link::default().cut(), false);
                        }
                        Harm::Mute => {
                            weather.set(site, Condition::Rough);
                            lab.links(&[site], Link::default().cut(), true);
                        }
                        Harm::Firewall => {
                            weather.set(site, Condition::Cut);
                            let others = (0..lab.sites()).filter(|other| *other != site);
                            let others: Vec<Place> = others.map(Place::Site).collect();
                            lab.network().firewall(site, &others)?;
                        }
                    }
                }
            }
            Self::Split(sites) => {
                for site in sites {
                    weather.set(*site, Condition::Cut);
                }
                lab.links(sites, Link::default().cut(), false);
            }
            Self::Rough(link) => {
                for site in 0..lab.sites() {
                    weather.set(site, Condition::Rough);
                }
                lab.network().set_between_sites(*link);
            }
            Self::Decays(decays) => {
                return decays.iter().map(|(site, one)| one.install(lab, *site, still)).collect();
            }
        }
        Ok(Vec::new())
    }

    /// Takes it back; everything that can run runs and is connected afterwards. What became
    /// of each site whose machine it was.
    pub fn heal(
        &self,
        lab: &mut Lab,
        installed: Vec<Installed>,
    ) -> Result<(Duration, Vec<(usize, Healed)>)> {
        let weather = lab.weather();
        let (mut longest_start, mut healed) = (Duration::ZERO, Vec::new());
        for (site, one) in self.sites().into_iter().zip(installed) {
            let one = one.heal(lab, site)?;
            longest_start = longest_start.max(one.start);
            healed.push((site, one));
        }
        // Once all are back: what has no disk cannot be repaired.
        for (_, one) in &mut healed {
            if let Some(rot) = &one.rot {
                one.scrubbed = rot.scrub(lab)?;
            }
        }
        lab.network().set_between_sites(Link::default());
        if let Self::Harmed(harmed) = self {
            for (site, harm) in harmed.iter().copied() {
                match harm {
                    Harm::Kill | Harm::Restart => {
                        longest_start = longest_start.max(lab.start(site)?);
                    }
                    Harm::Hang => lab.resume(site)?,
                    Harm::Firewall => lab.network().firewall_lift(site)?,
                    Harm::Cut | Harm::Mute => {}
                }
            }
        }
        let is_lost = |site: &usize| healed.iter().any(|(of, one)| of == site && one.is_lost);
        for site in lab.members().into_iter().filter(|site| !is_lost(site)) {
            weather.set(site, Condition::Well);
        }
        Ok((longest_start, healed))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn no_more_sites_are_harmed_than_survive_and_every_kind_is_drawn() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut met = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let fault = Fault::draw(&mut random, 5, 2);
            let mut sites = fault.sites();
            assert!(sites.len() <= 2 && sites.iter().all(|site| *site < 5), "{fault:?}");
            sites.dedup();
            assert_eq!(sites.len(), fault.sites().len(), "one site twice: {fault:?}");
            met.insert(fault.to_string());
        }
        for kind in ["kill", "restart", "hang", "cut", "firewall", "mute", "split of 2", "loss"] {
            assert!(met.contains(kind), "{kind} in {met:?}");
        }
        let first = |seed| Fault::draw(&mut ChaCha8Rng::seed_from_u64(seed), 5, 2);
        assert_eq!(first(9), first(9));
    }
}
