//! Moves: parts that lie where they must not, or need not, are brought where they should.
//!
//! ```text
//! count what drifts ─ nothing ─> rest ── map or time ──> count
//!      ^            └ some ─> move: copy → read back → catalog → let the old place go
//!      └─────────────────────────┘
//! ```
//! A part drifts when the site map or a policy has changed since it was placed: a site is
//! emptied, has lost a certificate, or came only later. What drifts moves a slot at a
//! time, by `placement`'s steps, of which none does worse than it found. One that no step
//! mends is cut anew, if the sites there are have a code for it ([`crate::recut`]). Parts
//! that lie as they should move where there is more room if sites are far from equally full.
//!
//! **Invariants**
//! - One node does it, whoever leads; and only while nothing waits for repair.
//! - The old place is let go only after the catalog names the new one, which it does only
//!   if the fragments were read back there, the map is the one that was decided on, and
//!   the part lies where it lay then.
//! - What is said to be left was counted since the map is as it is.

mod plan;
mod rate;
mod record;

use core::time::Duration;

use catalog::{Command, Job};
use objects::SitesNow;
use placement::{Fill, SiteMap};
use tokio::task::JoinSet;
use units::{DiskId, Epoch, FragmentNumber, PartId, SiteId};

use crate::limits::{
    MOVES_AT_A_TIME, MOVES_AWAITED_EVERY, MOVES_LOOK_EVERY, MOVES_PAGE, MOVES_SAVE_EVERY,
    MOVES_STEPS_MAX, MOVES_STUCK_EVERY, REPLACED_ASKED_EVERY,
};
use crate::losses::slot_bytes;
use crate::rebuild::SlotWork;
use crate::replace::Replacement;
use crate::{Steward, StewardError};

use plan::Plan;
use rate::Rate;
pub use record::{Moves, MovesPhase, SiteMoves, Slots};

/// The walk over all parts.
#[derive(Default)]
pub(crate) struct Moving {
    said: Moves,
    /// What the count under way has met: said when it has come to the end.
    tally: Moves,
    /// What was written down last, and when.
    saved: Option<(Duration, Moves)>,
    /// When the next count begins, while it rests.
    again_at: Duration,
    /// When a site that is replaced is next asked to leave, while it rests.
    leave_at: Duration,
    /// When a policy says something else by time alone, as far as parts were looked at.
    until: Option<units::Timestamp>,
    /// Slots moved by the walk under way.
    moved: u64,
    /// Fragments repaired when the last count began: parts that waited then may move now.
    repaired: u64,
    rate: Rate,
    begun: bool,
}

impl Moving {
    /// All parts are looked at once more; what was said stands until that has ended.
    fn count_begin(&mut self) {
        self.tally = Moves::default();
        (self.said.phase, self.said.after) = (MovesPhase::Counting, None);
        self.until = None;
    }
}

/// Slots that have moved.
struct Moved {
    from: Vec<SiteId>,
    to: Vec<SiteId>,
    /// Of each.
    bytes: u64,
    what: What,
}

/// Why a slot has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Drift,
    Balance,
    /// It is one copy more.
    Copy,
    /// Its part of so many bytes is cut anew.
    Recut(u64),
}

impl Steward {
    /// Looks at one more page of parts, and moves what drifts; whether there is more to do
    /// now.
    // Cancel-safety: may be cut anywhere; the page is looked at once more, and what was
    // written elsewhere is found there by the next attempt.
    pub async fn moves_step(&self) -> Result<bool, StewardError> {
        let mut moving = self.shared.moving.lock().await;
        let places = self.places()?;
        let Some(now) = &places.now else { return Ok(false) };
        let clock = self.shared.objects.parts().clock.elapsed();
        if !moving.begun || moving.said.epoch != places.epoch {
            self.moves_begin(&mut moving, places.epoch)?;
        }
        if moving.said.phase == MovesPhase::Resting {
            let is_time = moving.until.is_some_and(|until| self.now() >= until);
            if clock < moving.again_at && !is_time && !self.waits_no_more(&moving) {
                if clock >= moving.leave_at {
                    moving.leave_at = clock.saturating_add(REPLACED_ASKED_EVERY);
                    self.replacement_step(&moving.said).await?;
                }
                return Ok(false);
            }
            moving.count_begin();
            moving.repaired = self.repaired();
        }
        if moving.said.phase == MovesPhase::Moving && !self.shared.repairs.lock().is_empty() {
            // What has lost something comes first.
            return Ok(false);
        }
        let page = self.view().parts(moving.said.after, MOVES_PAGE)?;
        let mut last = page.last().map(|(part, _)| *part);
        let mut is_end = page.len() < MOVES_PAGE;
        let (parts, deleted): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|(_, row)| row.references > 0);
        let mut moved = Ok(());
        if moving.said.phase == MovesPhase::Counting {
            for (_, row) in &deleted {
                count_deleted(&mut moving.tally, row, &now.map);
            }
            for (part, row) in parts {
                let (plan, bound) = self.plan(now, part, &row)?;
                moving.until = moving.until.into_iter().chain(bound.until()).min();
                count(&mut moving.tally, &plan, &now.map, slot_bytes(&row));
            }
        } else {
            let parts = parts.into_iter().map(|(part, _)| part).collect();
            let (stopped_at, ended) = self.page_move(parts, &mut moving).await;
            moved = ended;
            if let Some(stopped_at) = stopped_at {
                (last, is_end) = (Some(stopped_at), false);
            }
        }
        moving.said.after = last.or(moving.said.after);
        if is_end {
            self.walk_ended(&mut moving, now, clock);
        }
        self.moves_say(&mut moving, clock, is_end).await?;
        if is_end {
            self.replacement_step(&moving.said).await?;
        }
        moved?;
        Ok(moving.said.phase != MovesPhase::Resting)
    }

    /// Whether parts were counted that wait for a repair, and something was repaired since
    /// and nothing waits any more.
    fn waits_no_more(&self, moving: &Moving) -> bool {
        moving.said.waiting > 0
            && self.repaired() != moving.repaired
            && self.shared.repairs.lock().is_empty()
    }

    /// What this node has repaired, or had others repair.
    fn repaired(&self) -> u64 {
        self.shared.status.borrow().fragments_repaired
    }

    /// The map is another, or the process is new.
    fn moves_begin(&self, moving: &mut Moving, epoch: Epoch) -> Result<(), StewardError> {
        let known = Moves::of(&self.view())?.filter(|known| known.epoch == epoch);
        *moving = Moving { begun: true, ..Moving::default() };
        moving.said = known.unwrap_or_default();
        moving.said.epoch = epoch;
        // Where another node, or this one before, was moving it is gone on; anything else is
        // counted once more.
        if moving.said.phase == MovesPhase::Moving {
            moving.moved = 1;
        } else {
            moving.count_begin();
        }
        Ok(())
    }

    /// A walk has come to the end of the parts: what comes next.
    fn walk_ended(&self, moving: &mut Moving, now: &SitesNow, clock: Duration) {
        let has_counted = moving.said.phase == MovesPhase::Counting;
        moving.said.after = None;
        if !has_counted {
            if moving.moved > 0 {
                moving.count_begin();
            } else {
                // What was counted to move did not: not again at once.
                self.moves_rest(moving, clock, MOVES_STUCK_EVERY);
            }
            return;
        }
        let tally = core::mem::take(&mut moving.tally);
        moving.said.counted_take(tally);
        let room = over_the_mean(&now.map);
        moving.said.balance.bytes = moving.said.balance.bytes.min(room);
        if moving.said.to_move().slots == 0 {
            let waits = moving.said.stuck + moving.said.waiting > 0;
            let pause = if waits { MOVES_STUCK_EVERY } else { MOVES_LOOK_EVERY };
            self.moves_rest(moving, clock, pause);
            return;
        }
        moving.said.phase = MovesPhase::Moving;
        moving.moved = 0;
        moving.rate.begin(clock);
    }

    fn moves_rest(&self, moving: &mut Moving, clock: Duration, pause: Duration) {
        // Somebody waits for the end of it.
        let is_replaced = Replacement::of(&self.view()).is_ok_and(|under_way| under_way.is_some());
        let is_awaited = is_replaced || moving.said.clears();
        let pause = if is_awaited { MOVES_AWAITED_EVERY } else { pause };
        moving.said.phase = MovesPhase::Resting;
        moving.again_at = clock.saturating_add(pause);
    }

    /// Says how far it is: to whoever looks here, and from time to time to the catalog.
    async fn moves_say(
        &self,
        moving: &mut Moving,
        clock: Duration,
        is_end: bool,
    ) -> Result<(), StewardError> {
        let is_moving = moving.said.phase == MovesPhase::Moving;
        let rate = moving.rate.bytes_per_second(clock).filter(|_| is_moving);
        moving.said.bytes_per_second = rate;
        let left = moving.said.to_move().bytes;
        moving.said.seconds_left = rate.map(|rate| left.div_ceil(rate.max(1)));
        self.count(|status| status.moves = Some(moving.said.clone()));
        let is_due = match &moving.saved {
            None => is_end,
            Some((at, _)) => is_end || clock.saturating_sub(*at) >= MOVES_SAVE_EVERY,
        };
        let is_new = moving.saved.as_ref().is_none_or(|(_, saved)| *saved != moving.said);
        if is_due && is_new {
            let (name, state) = (Job::moves(), Some(moving.said.encode()));
            self.propose(Command::JobSet { name, state }).await?;
            moving.saved = Some((clock, moving.said.clone()));
        }
        Ok(())
    }

    /// Moves what drifts of these parts, several at a time, until it is time to say how far
    /// it is or something waits for repair; the last one that had its turn if others did
    /// not. The first error is told when all have ended.
    async fn page_move(
        &self,
        parts: Vec<PartId>,
        moving: &mut Moving,
    ) -> (Option<PartId>, Result<(), StewardError>) {
        let begun = self.shared.objects.parts().clock.elapsed();
        let mut parts = parts.into_iter().peekable();
        let mut running = JoinSet::new();
        let (mut failed, mut last) = (None, None);
        loop {
            let clock = self.shared.objects.parts().clock.elapsed();
            // One at least has its turn.
            let goes_on = last.is_none()
                || (clock.saturating_sub(begun) < MOVES_SAVE_EVERY
                    && self.shared.repairs.lock().is_empty());
            while goes_on
                && running.len() < MOVES_AT_A_TIME
                && let Some(part) = parts.next()
            {
                last = Some(part);
                let steward = self.clone();
                running.spawn(async move { steward.part_move(part).await });
            }
            let Some(joined) = running.join_next().await else { break };
            let (moved, error) = match joined {
                Ok(done) => done,
                Err(error) if error.is_panic() => {
                    running.shutdown().await;
                    std::panic::resume_unwind(error.into_panic());
                }
                Err(_) => (Vec::new(), Some(StewardError::Interrupted)),
            };
            let clock = self.shared.objects.parts().clock.elapsed();
            for one in moved {
                moving.moved += 1;
                moving.rate.moved(clock, one.bytes);
                match one.what {
                    What::Drift => {}
                    What::Balance => moving.said.balance.take(one.bytes),
                    What::Copy => moving.said.copies.take(one.bytes),
                    What::Recut(whole) => {
                        moving.rate.moved(clock, whole);
                        moving.said.recuts.take(whole);
                    }
                }
                for from in one.from {
                    let from = moving.said.site(from);
                    from.left.add(one.bytes);
                    if matches!(one.what, What::Drift | What::Recut(_)) {
                        from.leaves.take(one.bytes);
                    }
                }
                for to in one.to {
                    moving.said.site(to).came.add(one.bytes);
                }
            }
            failed = failed.or(error);
        }
        let stopped_at = last.filter(|_| parts.peek().is_some());
        (stopped_at, failed.map_or(Ok(()), Err))
    }

    /// Moves what drifts of one part, slot by slot; what has moved, and what stopped it.
    async fn part_move(&self, part: PartId) -> (Vec<Moved>, Option<StewardError>) {
        let mut moved = Vec::new();
        for _ in 0..MOVES_STEPS_MAX {
            match self.part_step(part).await {
                Ok(Some(one)) => moved.push(one),
                Ok(None) => break,
                Err(error) => return (moved, Some(error)),
            }
        }
        (moved, None)
    }

    /// Takes the next step of one part, if there is one, as the walk does; whether a slot
    /// has moved.
    pub async fn part_move_once(&self, part: PartId) -> Result<bool, StewardError> {
        Ok(self.part_step(part).await?.is_some())
    }

    /// One step of one part, if there is one.
    async fn part_step(&self, part: PartId) -> Result<Option<Moved>, StewardError> {
        let Some(_claim) = self.shared.claims.claim(part) else { return Ok(None) };
        let places = self.places()?;
        let row = self.view().part(part)?.filter(|row| row.references > 0);
        let (Some(now), Some(row)) = (&places.now, row) else { return Ok(None) };
        let (step, is_balance) = match self.plan(now, part, &row)?.0 {
            Plan::Drifts(step, _) => (step, false),
            Plan::Balances(step, _) => (step, true),
            Plan::Copies => {
                let bytes = slot_bytes(&row);
                let Some(disk) = self.copy_add(part, row).await? else { return Ok(None) };
                let to = now.map.site_of(disk).into_iter().collect();
                return Ok(Some(Moved { from: Vec::new(), to, bytes, what: What::Copy }));
            }
            Plan::Recuts(recut, from) => {
                let bytes = slot_bytes(&row);
                if !self.part_recut(part, &row, &recut, places.epoch).await? {
                    return Ok(None);
                }
                let to = recut.slots.iter().filter_map(|disk| now.map.site_of(*disk)).collect();
                return Ok(Some(Moved { from, to, bytes, what: What::Recut(recut.bytes) }));
            }
            Plan::Rests | Plan::Waits(_) | Plan::Stuck { .. } => return Ok(None),
        };
        let slot = FragmentNumber::new(u8::try_from(step.slot).unwrap_or(u8::MAX));
        let Some(work) = SlotWork::of(part, slot, &row) else { return Ok(None) };
        let to = self.begun_at(&row, &work, now, step.site).await.unwrap_or(step.to);
        let outcome = self.slot_bring(&work, &row, to, places.epoch).await?;
        if outcome.lost > 0 {
            // What was to move is bad, and nothing makes up for it: a repair finds out.
            self.bad_found(part, slot)?;
        }
        let from = now.map.site_of(step.from).into_iter().collect();
        let (to, bytes) = (vec![step.site], slot_bytes(&row));
        let what = if is_balance { What::Balance } else { What::Drift };
        Ok((outcome.moved > 0).then_some(Moved { from, to, bytes, what }))
    }

    /// The disk at a site that an earlier attempt wrote this slot to.
    async fn begun_at(
        &self,
        row: &catalog::PartRow,
        work: &SlotWork,
        now: &SitesNow,
        site: SiteId,
    ) -> Option<DiskId> {
        let disks = now.map.site(site)?.disks_healthy();
        let disks: Vec<_> = disks.filter(|disk| self.disk_is_sound(disk.id)).collect();
        if disks.len() < 2 {
            return None;
        }
        self.begun(&disks, row, (work.part, work.slot), work.bytes(row)).await
    }
}

/// Counts what a plan comes to.
fn count(said: &mut Moves, plan: &Plan, map: &SiteMap, bytes: u64) {
    let stay = |said: &mut Moves, leave: &[SiteId]| {
        for site in leave {
            said.site(*site).stays.add(bytes);
        }
    };
    match plan {
        Plan::Rests => {}
        Plan::Waits(leave) => {
            said.waiting += 1;
            stay(said, leave);
        }
        Plan::Drifts(step, leave) => {
            // A step may begin with a slot that does not drift itself.
            let moves = map.site_of(step.from).into_iter().filter(|_| leave.is_empty());
            for site in leave.iter().copied().chain(moves) {
                said.site(site).leaves.add(bytes);
            }
        }
        Plan::Balances(..) => said.balance.add(bytes),
        Plan::Copies => said.copies.add(bytes),
        Plan::Recuts(recut, leave) => {
            said.recuts.add(recut.bytes);
            for site in leave {
                said.site(*site).leaves.add(bytes);
            }
        }
        Plan::Stuck { leave, at_risk, why } => {
            said.stuck += 1;
            said.at_risk += u64::from(*at_risk);
            said.why.get_or_insert_with(|| why.clone());
            stay(said, leave);
        }
    }
}

/// Counts what of a deleted part still lies at sites that are emptied.
fn count_deleted(said: &mut Moves, row: &catalog::PartRow, map: &SiteMap) {
    for site in row.slots.iter().filter_map(|disk| map.site_of(*disk)) {
        if map.site(site).is_some_and(|site| site.state == placement::SiteState::Draining) {
            said.site(site).clearing.add(slot_bytes(row));
        }
    }
}

/// Bytes by which sites are fuller than all of them together: no more than that moves for
/// balance.
fn over_the_mean(map: &SiteMap) -> u64 {
    let active = map.sites().iter().filter(|site| site.state == placement::SiteState::Active);
    let fills: Vec<Fill> = active.map(Fill::of).collect();
    let mean = fills.iter().fold(Fill::default(), |mean, fill| mean.and(*fill));
    u64::try_from(fills.iter().map(|fill| fill.over(mean)).sum::<u128>()).unwrap_or(u64::MAX)
}
