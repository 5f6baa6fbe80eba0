//! What trials of a grappe saw.

use std::collections::BTreeMap;

/// What can happen in a trial; a campaign must have seen each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A small object, kept in the catalog.
    PutInline,
    /// An object of fragments.
    PutLarge,
    /// An object in parts.
    Multipart,
    /// An object was deleted.
    Delete,
    /// An object was read, at any site.
    Read,
    /// A bucket was listed.
    List,
    /// A write was refused since nothing satisfies the policy, with rule and site named.
    NotPlaced,
    /// A site joined.
    Join,
    /// A site began to be emptied.
    Drain,
    /// A site that was being emptied is not any more.
    Undrain,
    /// A site that was empty left the map.
    Leave,
    /// A site was given up.
    Lost,
    /// A site took another's place.
    Replace,
    /// A site states something else.
    Restated,
    /// A policy was set.
    Policy,
    /// A policy was removed.
    PolicyRemoved,
    /// A machine lost its power.
    PowerCut,
    /// A process was killed.
    Kill,
    /// Nodes did not hear each other.
    Partition,
    /// Messages were late or lost.
    Loss,
    /// The clock of a site was set minutes or hours off, or right again.
    Clock,
    /// A bit of a fragment was flipped.
    Rot,
    /// A node repaired a part for another.
    Helped,
    /// A part was cut anew, with another code.
    Recut,
    /// A small write was taken by a leader that nobody had asked before.
    AsOf,
    /// One was refused there since the rules had changed, and decided anew.
    DecidedAnew,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::PutInline,
        Self::PutLarge,
        Self::Multipart,
        Self::Delete,
        Self::Read,
        Self::List,
        Self::NotPlaced,
        Self::Join,
        Self::Drain,
        Self::Undrain,
        Self::Leave,
        Self::Lost,
        Self::Replace,
        Self::Restated,
        Self::Policy,
        Self::PolicyRemoved,
        Self::PowerCut,
        Self::Kill,
        Self::Partition,
        Self::Loss,
        Self::Clock,
        Self::Rot,
        Self::Helped,
        Self::Recut,
        Self::AsOf,
        Self::DecidedAnew,
    ];
}

/// What trials saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrappeReport {
    /// Trials that came to their end.
    pub seeds: u64,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Writes that were refused: nothing of them was ever seen.
    pub refused: u64,
    /// Writes without an answer.
    pub unknown: u64,
    /// Reads and lists that were answered and held against the ledger.
    pub verified: u64,
    /// Changes of where parts lie that the judge looked at.
    pub judged: u64,
    /// Parts that lay where their policy wants them at the end.
    pub settled: u64,
    /// Parts that the steward says no step can bring there.
    pub stuck: u64,
    /// Answers of sites about what they keep that held.
    pub held: u64,
    /// Answers by which a site said itself that something is missing or damaged.
    pub damaged: u64,
    /// Longest time until all was whole, in seconds of the simulated clock.
    pub heal_seconds_max: u64,
    events: BTreeMap<Event, u64>,
}

impl GrappeReport {
    /// It happened.
    pub(crate) fn note(&mut self, event: Event) {
        *self.events.entry(event).or_default() += 1;
    }

    /// Adds another trial's.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.verified += other.verified;
        self.judged += other.judged;
        self.settled += other.settled;
        self.stuck += other.stuck;
        self.held += other.held;
        self.damaged += other.damaged;
        self.heal_seconds_max = self.heal_seconds_max.max(other.heal_seconds_max);
        for (event, count) in &other.events {
            *self.events.entry(*event).or_default() += count;
        }
    }

    /// What never took place.
    pub fn missing(&self) -> Vec<Event> {
        Event::ALL.into_iter().filter(|event| !self.events.contains_key(event)).collect()
    }
}

impl core::fmt::Display for GrappeReport {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { seeds, acknowledged, refused, unknown, verified, judged, .. } = self;
        write!(to, "{seeds} seeds: {acknowledged} acknowledged, {refused} refused, ")?;
        write!(to, "{unknown} unknown, {verified} verified, {judged} placements judged, ")?;
        write!(to, "{} settled, {} stuck, ", self.settled, self.stuck)?;
        write!(to, "{} proofs held, {} of damage, ", self.held, self.damaged)?;
        write!(to, "whole after {} s at most", self.heal_seconds_max)?;
        for (event, count) in &self.events {
            write!(to, ", {event:?} {count}")?;
        }
        Ok(())
    }
}
