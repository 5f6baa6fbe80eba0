//! Who is served next when not everybody can be: a queue per tenant, by start-time
//! fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996).
//!
//! Each lane has a virtual time that grows with the work done for it, divided by
//! its weight. Of the lanes that wait, the one furthest behind is served next. A
//! lane that begins to wait starts at the present and not in the past, so that
//! nobody saves up turns by being quiet; one that took much more than its share
//! stays ahead of the present until the others have caught up.
//!
//! **Invariants**
//! - A lane that asks for less than its share is served next, however much
//!   others ask for.
//! - Never more than [`LANE_WAITING_MAX`] wait in one lane, [`WAITING_MAX`] in all.
//! - Lanes are remembered only while somebody waits in them or they are ahead.

use core::net::IpAddr;
use std::collections::{BTreeSet, HashMap, VecDeque};

use units::{TenantId, planted};

use crate::limits::{LANE_WAITING_MAX, LANES_MAX, TURN_COST_MICROS_FIRST, WAITING_MAX};

/// Whom a turn is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A tenant, by its keys.
    Tenant(TenantId),
    /// Nobody known, from this address; see [`crate::peer_group`].
    Address(IpAddr),
}

/// How much of the node a lane is due, beside the others; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(u32);

impl Weight {
    /// Everybody's, unless said otherwise.
    pub const ONE: Self = Self(1);

    /// This weight; 0 becomes 1.
    pub const fn new(weight: u32) -> Self {
        Self(if weight == 0 { 1 } else { weight })
    }
}

/// What is remembered of one lane.
#[derive(Debug)]
struct LaneState<W> {
    /// Virtual time: microseconds of work by weight.
    at: u64,
    /// What a turn of it has cost lately, in microseconds.
    cost: u64,
    weight: Weight,
    waiting: VecDeque<W>,
}

/// The queue; `W` is whatever waits.
#[derive(Debug)]
pub struct FairQueue<W> {
    lanes: HashMap<Lane, LaneState<W>>,
    order: BTreeSet<(u64, Lane)>,
    present: u64,
    waiting: usize,
}

impl<W> Default for FairQueue<W> {
    fn default() -> Self {
        Self { lanes: HashMap::new(), order: BTreeSet::new(), present: 0, waiting: 0 }
    }
}

impl<W> FairQueue<W> {
    /// A queue that nobody waits in.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many wait.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether somebody waits in this lane.
    pub fn is_waiting(&self, lane: Lane) -> bool {
        self.lanes.get(&lane).is_some_and(|state| !state.waiting.is_empty())
    }

    /// How many lanes are remembered.
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Joins a lane at its end; gives the waiter back if there is no room.
    pub fn push(&mut self, lane: Lane, weight: Weight, waiter: W) -> Result<(), W> {
        if self.waiting >= WAITING_MAX {
            return Err(waiter);
        }
        if self.lanes.len() >= LANES_MAX && !self.lanes.contains_key(&lane) {
            self.forget();
        }
        let present = self.present;
        // As if there were one queue: behind everybody who waits.
        let behind = planted::is_on("access-first-come-first-served").then(|| {
            let last = self.order.last().map_or(present, |(at, _)| *at);
            last.saturating_add(self.waiting as u64 * TURN_COST_MICROS_FIRST)
        });
        let state = self.lanes.entry(lane).or_insert_with(|| LaneState {
            at: present,
            cost: TURN_COST_MICROS_FIRST,
            weight,
            waiting: VecDeque::new(),
        });
        if state.waiting.len() >= LANE_WAITING_MAX {
            return Err(waiter);
        }
        state.weight = weight;
        if state.waiting.is_empty() {
            state.at = state.at.max(present).max(behind.unwrap_or_default());
            self.order.insert((state.at, lane));
        }
        state.waiting.push_back(waiter);
        self.waiting += 1;
        Ok(())
    }

    /// Takes the next: the first of the lane that is furthest behind. Its turn is
    /// counted as costing what the lane's turns have cost lately, until
    /// [`FairQueue::charge`] says what it did cost.
    pub fn pop(&mut self) -> Option<(Lane, W)> {
        let (at, lane) = self.order.pop_first()?;
        let state = self.lanes.get_mut(&lane)?;
        let waiter = state.waiting.pop_front()?;
        self.waiting -= 1;
        self.present = self.present.max(at);
        state.at = at.saturating_add(state.cost / u64::from(state.weight.0));
        if !state.waiting.is_empty() {
            self.order.insert((state.at, lane));
        }
        Some((lane, waiter))
    }

    /// A turn of this lane has ended and cost so many microseconds; `counted` if
    /// it came from [`FairQueue::pop`].
    pub fn charge(&mut self, lane: Lane, micros: u64, counted: bool) {
        if !self.lanes.contains_key(&lane) && self.lanes.len() >= LANES_MAX {
            self.forget();
        }
        let present = self.present;
        let state = self.lanes.entry(lane).or_insert_with(|| LaneState {
            at: present,
            cost: TURN_COST_MICROS_FIRST,
            weight: Weight::ONE,
            waiting: VecDeque::new(),
        });
        let before = state.at;
        let weight = u64::from(state.weight.0);
        let owed = if counted { micros.saturating_sub(state.cost) } else { micros };
        state.cost = state.cost.saturating_mul(7).saturating_add(micros) / 8;
        state.at = state.at.max(present).saturating_add(owed / weight);
        if !state.waiting.is_empty() && state.at != before {
            self.order.remove(&(before, lane));
            self.order.insert((state.at, lane));
        }
    }

    /// Forgets lanes that a fresh one would equal; if that is not enough, all
    /// that nobody waits in.
    fn forget(&mut self) {
        let present = self.present;
        self.lanes.retain(|_, state| !state.waiting.is_empty() || state.at > present);
        if self.lanes.len() >= LANES_MAX {
            self.lanes.retain(|_, state| !state.waiting.is_empty());
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn tenant(number: u128) -> Lane {
        Lane::Tenant(TenantId::from_u128(number))
    }

    /// Serves `turns` turns that each cost 100 µs; how many each lane had.
    fn serve(queue: &mut FairQueue<u32>, turns: usize) -> HashMap<Lane, usize> {
        let mut served = HashMap::new();
        for _ in 0..turns {
            let Some((lane, _)) = queue.pop() else { break };
            queue.charge(lane, 100, true);
            *served.entry(lane).or_insert(0) += 1;
        }
        served
    }

    #[test]
    fn a_lane_keeps_its_order_and_lanes_share_by_weight() {
        let mut queue = FairQueue::new();
        for number in 0..300 {
            queue.push(tenant(1), Weight::ONE, number).unwrap();
            queue.push(tenant(2), Weight::new(2), number).unwrap();
        }
        let served = serve(&mut queue, 300);
        let (one, two) = (served[&tenant(1)], served[&tenant(2)]);
        assert!((95..=105).contains(&one), "{one} of 300 for weight 1");
        assert!((195..=205).contains(&two), "{two} of 300 for weight 2");
        let mut last = None;
        while let Some((lane, number)) = queue.pop() {
            if lane == tenant(1) {
                assert!(last < Some(number));
                last = Some(number);
            }
        }
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    pub(crate) fn who_asks_little_is_served_next() {
        let mut queue = FairQueue::new();
        for number in 0..1_000 {
            queue.push(tenant(1), Weight::ONE, number).unwrap();
        }
        serve(&mut queue, 500);
        for number in 0..20 {
            queue.push(tenant(2), Weight::ONE, number).unwrap();
            let (lane, _) = queue.pop().unwrap();
            queue.charge(lane, 50, true);
            assert_eq!(lane, tenant(2), "turn {number}");
            // The other uses the node meanwhile.
            serve(&mut queue, 5);
        }
    }

    #[test]
    fn who_costs_more_gets_fewer_turns() {
        let mut queue = FairQueue::new();
        for number in 0..500 {
            queue.push(tenant(1), Weight::ONE, number).unwrap();
            queue.push(tenant(2), Weight::ONE, number).unwrap();
        }
        let mut dear = 0;
        for _ in 0..220 {
            let (lane, _) = queue.pop().unwrap();
            let cost = if lane == tenant(1) { 1_000 } else { 100 };
            queue.charge(lane, cost, true);
            dear += u32::from(lane == tenant(1));
        }
        assert!((15..=35).contains(&dear), "{dear} of 220 at ten times the cost");
    }

    #[test]
    fn quiet_lanes_save_nothing_up() {
        let mut queue = FairQueue::new();
        queue.push(tenant(2), Weight::ONE, 0).unwrap();
        queue.pop().unwrap();
        for number in 0..600 {
            queue.push(tenant(1), Weight::ONE, number).unwrap();
        }
        serve(&mut queue, 300);
        for number in 0..300 {
            queue.push(tenant(2), Weight::ONE, number).unwrap();
        }
        let served = serve(&mut queue, 100);
        assert!(served[&tenant(2)] <= 55, "{served:?}");
    }

    #[test]
    fn lanes_and_waiters_are_bounded() {
        let mut queue = FairQueue::new();
        let fitted = (0..LANE_WAITING_MAX + 5)
            .filter(|_| queue.push(tenant(0), Weight::ONE, 0).is_ok())
            .count();
        assert_eq!(fitted, LANE_WAITING_MAX);
        while queue.pop().is_some() {}
        for number in 0..LANES_MAX as u128 * 2 {
            queue.charge(tenant(number), 1_000, false);
        }
        assert!(queue.lanes() <= LANES_MAX);
    }
}
