//! What befalls a grappe, by draw: an operator changes sites and policies, machines and
//! lines fail.
//!
//! Only what the promises cover: at most one site of a trial, the unlucky one, loses what
//! was durable there (it rots, or it burns and is given up), and nothing else is lost for
//! good; at most one site, the untimely one, has a clock that is off. Policies leave two
//! sites at least that go together, so that there is something to keep data safe on.

use core::time::Duration;

use anyhow::{Context as _, Result};
use catalog::BucketName;
use consensus::ProposeError;

use super::client::BUCKETS;
use super::draw::Draw;
use super::grappe::Grappe;
use super::judge::Sites;
use super::machine::{node, site_name};
use super::report::Event;
use super::rules::{Apart, May, Rule};
use super::town::{OPERATORS_COUNT, Town};
use super::trial::GrappeTrial;

/// Most sites at a time.
const SITES_MOST: usize = 7;

/// Most sites when all heals.
const SITES_MOST_AT_END: usize = 14;

/// What befalls, and whom.
pub(crate) struct Fate {
    trial: GrappeTrial,
    /// The site that may lose what was durable.
    unlucky: u8,
    has_burnt: bool,
    /// The site whose clock may be off: of any two that vote one is right.
    untimely: u8,
    /// Machines that are off, and come back.
    off: Vec<u8>,
    /// A site that is to take another's place.
    replacing: Option<u8>,
}

impl Fate {
    pub(crate) fn new(trial: GrappeTrial, grappe: &Grappe, draw: &mut Draw) -> Self {
        // Not the first: the judge looks at its engine.
        let all: Vec<u8> = grappe.machines.keys().copied().filter(|number| *number > 1).collect();
        let unlucky = draw.of(&all).unwrap_or(2);
        let all: Vec<u8> = grappe.machines.keys().copied().collect();
        let untimely = draw.of(&all).unwrap_or(1);
        Self { trial, unlucky, has_burnt: false, untimely, off: Vec::new(), replacing: None }
    }

    /// Something happens, or nothing; what did.
    pub(crate) async fn strikes(
        &mut self,
        grappe: &mut Grappe,
        draw: &mut Draw,
    ) -> Result<Vec<Event>> {
        let off = grappe.switch_off_gone().await?;
        self.off.retain(|number| !off.contains(number));
        self.replacing = self.replacing.filter(|old| !off.contains(old));
        let is_faulty = self.trial.faults && draw.one_in(2);
        let done = if is_faulty {
            self.luck(grappe, draw).await
        } else {
            self.operator(grappe, draw).await
        };
        match done {
            Ok(event) => Ok(event.into_iter().collect()),
            // The cluster takes nothing now; the operator tries something else later.
            Err(error) if self.trial.faults && is_unavailable(&error) => Ok(Vec::new()),
            // What the steward has done meanwhile may be in the way.
            Err(error) if is_refused(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn operator(&mut self, grappe: &mut Grappe, draw: &mut Draw) -> Result<Option<Event>> {
        let all: Vec<u8> = grappe.machines.keys().copied().collect();
        let others: Vec<u8> = all.iter().copied().filter(|number| *number > 1).collect();
        match draw.below(14) {
            0 | 1 if all.len() < SITES_MOST => {
                grappe.join(draw).await?;
                Ok(Some(Event::Join))
            }
            2 | 3 => {
                let Some(number) = draw.of(&all) else { return Ok(None) };
                if self.replacing.is_some() {
                    return Ok(None);
                }
                if grappe.draining.contains(&number) {
                    grappe.drain(number, false).await?;
                    return Ok(Some(Event::Undrain));
                }
                if !leaves_enough(grappe, Some(number), None)? {
                    return Ok(None);
                }
                grappe.drain(number, true).await?;
                Ok(Some(Event::Drain))
            }
            4 => {
                let draining: Vec<u8> = grappe.draining.iter().copied().collect();
                match draw.of(&draining).filter(|number| *number > 1 && self.replacing.is_none()) {
                    Some(number) if grappe.leave(number).await? => {
                        self.off.retain(|off| *off != number);
                        Ok(Some(Event::Leave))
                    }
                    _ => Ok(None),
                }
            }
            5 if self.replacing.is_none() && all.len() < SITES_MOST => {
                let Some(old) = draw.of(&others).filter(|old| !self.off.contains(old)) else {
                    return Ok(None);
                };
                if !leaves_enough(grappe, Some(old), None)? {
                    return Ok(None);
                }
                let new = grappe.join(draw).await?;
                grappe.replace(old, new).await?;
                self.replacing = Some(old);
                Ok(Some(Event::Replace))
            }
            6 | 7 => {
                let Some(number) = draw.of(&all) else { return Ok(None) };
                let Some(was) = grappe.towns.get(&number).copied() else { return Ok(None) };
                let town = match draw.below(2) {
                    0 => Town { certified: !was.certified, ..was },
                    _ => Town { operator: draw.below(OPERATORS_COUNT), ..was },
                };
                if !leaves_enough(grappe, None, Some((number, town)))? {
                    return Ok(None);
                }
                grappe.restate(number, town).await?;
                Ok(Some(Event::Restated))
            }
            8 => {
                let Some(target) = grappe.target(draw.below(5))? else { return Ok(None) };
                grappe.policy(target, None).await?;
                Ok(Some(Event::PolicyRemoved))
            }
            9..=11 => {
                let names: Vec<String> = all.iter().map(|number| site_name(*number)).collect();
                let rule = Rule::drawn(draw, &names);
                // One that no set of sites can keep is refused when it is saved; now and then
                // it is set all the same, and then nothing can be written under it.
                let Some(target) = grappe.target(draw.below(5))? else { return Ok(None) };
                if !can_be_kept(grappe, &rule)? && !draw.one_in(6) {
                    return Ok(None);
                }
                grappe.policy(target, Some(&rule)).await?;
                Ok(Some(Event::Policy))
            }
            _ => Ok(None),
        }
    }

    async fn luck(&mut self, grappe: &mut Grappe, draw: &mut Draw) -> Result<Option<Event>> {
        let all: Vec<u8> = grappe.machines.keys().copied().collect();
        match draw.below(15) {
            0..=2 => {
                let Some(number) = draw.of(&all).filter(|number| !self.off.contains(number)) else {
                    return Ok(None);
                };
                // Somebody is left who lets the others in again.
                if self.off.len() + 1 >= all.len() {
                    return Ok(None);
                }
                let power = draw.below(3) > 0;
                let cut = power.then(|| draw.number());
                if let Some(machine) = grappe.machines.get_mut(&number) {
                    machine.kill(cut).await;
                }
                self.off.push(number);
                Ok(Some(if power { Event::PowerCut } else { Event::Kill }))
            }
            3..=5 => {
                if let Some(number) = self.off.pop() {
                    grappe.start(number).await?;
                }
                Ok(None)
            }
            6 | 7 => {
                let (Some(one), Some(other)) = (draw.of(&all), draw.of(&all)) else {
                    return Ok(None);
                };
                let network = &grappe.around.network;
                match draw.below(4) {
                    0 => network.cut(node(one), node(other)),
                    1 => network.flap(node(one), node(other), Duration::from_millis(700)),
                    _ => {
                        let (left, right): (Vec<u8>, Vec<u8>) =
                            all.iter().partition(|_| draw.one_in(2));
                        let nodes = |of: &[u8]| of.iter().map(|at| node(*at)).collect::<Vec<_>>();
                        network.partition(&[&nodes(&left), &nodes(&right)]);
                    }
                }
                Ok(Some(Event::Partition))
            }
            8 | 9 => {
                grappe.around.network.heal();
                Ok(None)
            }
            10 => {
                let network = &grappe.around.network;
                let (fixed, jitter) = (draw.between(0, 40), draw.between(0, 150));
                network.delay_set_all(Duration::from_millis(fixed), Duration::from_millis(jitter));
                network.loss_set_all(u16::try_from(draw.below(30)).unwrap_or(0));
                Ok(Some(Event::Loss))
            }
            11 => Ok(rots(grappe, self.unlucky, draw).then_some(Event::Rot)),
            12 | 13 => Ok(self.untimes(grappe, draw).then_some(Event::Clock)),
            _ => {
                let number = self.unlucky;
                if self.has_burnt
                    || !grappe.machines.contains_key(&number)
                    || !grappe.may_leave(number)
                    || self.replacing == Some(number)
                    || !self.off.is_empty()
                    || !leaves_enough(grappe, Some(number), None)?
                {
                    return Ok(None);
                }
                // It is given up for good only if the others can say so.
                self.has_burnt = true;
                grappe.around.network.heal();
                grappe.lose(number).await?;
                Ok(Some(Event::Lost))
            }
        }
    }

    /// Sets the clock of the untimely site, ahead more often than back; says whether it could.
    fn untimes(&self, grappe: &Grappe, draw: &mut Draw) -> bool {
        let Some(machine) = grappe.machines.get(&self.untimely) else { return false };
        // Whoever votes alone has nobody to be held against.
        let voters = grappe.newest().map_or(0, |newest| newest.consensus.status().voters.len());
        if voters < 2 {
            return false;
        }
        let minutes = i64::try_from(draw.between(2, 30 * 60)).unwrap_or(2);
        machine.clock().set(match draw.below(5) {
            0 => 0,
            1 => -minutes,
            _ => minutes,
        });
        true
    }

    /// Lines are whole, machines are on, and there are sites for all that is stored: some
    /// join, and a policy that even then has too few is set aside.
    pub(crate) async fn end(&mut self, grappe: &mut Grappe, draw: &mut Draw) -> Result<()> {
        grappe.around.network.heal();
        // That it is wrong keeps nobody from healing, so now and then it stays.
        if !draw.one_in(3)
            && let Some(machine) = grappe.machines.get(&self.untimely)
        {
            machine.clock().set(0);
        }
        let delay = Duration::from_millis(draw.between(0, 3));
        grappe.around.network.delay_set_all(delay, Duration::ZERO);
        for number in core::mem::take(&mut self.off) {
            grappe.start(number).await?;
        }
        grappe.leads().await?;
        grappe.switch_off_gone().await?;
        grappe.let_in_again().await?;
        for which in 0..BUCKETS.len() {
            while let Some(lacking) = lacking(grappe, which)? {
                if lacking.min_km.is_none()
                    && lacking.apart == Apart::Site
                    && !matches!(lacking.may, May::Only(_))
                    && grappe.machines.len() < SITES_MOST_AT_END
                {
                    grappe.join_suiting(draw).await?;
                } else {
                    // Whatever it was set for: this goes before it.
                    let target = grappe.target(which + 2)?.context("a bucket")?;
                    grappe.policy(target, Some(&Rule::NONE)).await?;
                }
            }
        }
        Ok(())
    }
}

/// A bit flips on a disk of the unlucky site, if something lies there.
fn rots(grappe: &Grappe, unlucky: u8, draw: &mut Draw) -> bool {
    let Some(machine) = grappe.machines.get(&unlucky) else { return false };
    let Some(disk) = machine.data().get(draw.below(machine.data().len())) else { return false };
    let files = disk.files().into_iter();
    let segments: Vec<_> =
        files.filter(|(path, length)| path.contains("segment") && length.get() > 0).collect();
    let Some((path, length)) = segments.get(draw.below(segments.len())) else { return false };
    disk.flip_bit(path, draw.number() % (length.get() * 8))
}

/// Whether every policy still has two sites that go together if this one goes, or
/// states something else.
fn leaves_enough(grappe: &Grappe, without: Option<u8>, with: Option<(u8, Town)>) -> Result<bool> {
    let view = grappe.newest()?.consensus.view();
    let mut sites = Sites::of(&view)?;
    for at in 0..sites.map.sites.len() {
        let number = Grappe::site_number(sites.map.sites[at].id);
        if let Some((restated, town)) = with
            && restated == number
        {
            sites.statements[at] = town.statement(&site_name(number))?;
        }
    }
    if let Some(without) = without {
        let keep: Vec<bool> =
            sites.map.sites.iter().map(|site| Grappe::site_number(site.id) != without).collect();
        let mut flags = keep.iter().copied();
        sites.map.sites.retain(|_| flags.next().unwrap_or(true));
        let mut flags = keep.iter().copied();
        sites.statements.retain(|_| flags.next().unwrap_or(true));
    }
    for bucket in view.buckets(None, 100)? {
        let rule = grappe.around.judge.rule_of(&view, &bucket)?;
        if sites.most_together(&rule) < 2 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether two sites at least may keep data together by this rule.
fn can_be_kept(grappe: &Grappe, rule: &Rule) -> Result<bool> {
    Ok(Sites::of(&grappe.newest()?.consensus.view())?.most_together(rule) >= 2)
}

/// The rule of a bucket, if fewer sites may hold its parts together than some part has
/// slots.
fn lacking(grappe: &Grappe, which: usize) -> Result<Option<Rule>> {
    let view = grappe.newest()?.consensus.view();
    let sites = Sites::of(&view)?;
    let bucket = view.bucket(&BucketName::new(BUCKETS[which])?)?.context("a bucket")?;
    let rule = grappe.around.judge.rule_of(&view, &bucket)?;
    let parts = view.parts(None, 10_000)?.into_iter();
    let of = parts.filter(|(_, row)| row.references > 0 && row.buckets.contains(&bucket.id));
    let slots = of.map(|(_, row)| row.slots.len()).max().unwrap_or(0);
    Ok((sites.most_together(&rule) < slots).then_some(rule))
}

/// Whether the catalog's rules say no.
fn is_refused(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<ProposeError>(), Some(ProposeError::Refused(_)))
}

/// Whether this is the cluster's way to say that it takes nothing now.
fn is_unavailable(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ProposeError>().is_some() && !is_refused(error)
}
