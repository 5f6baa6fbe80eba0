//! Why no placement was found: typed, so that the words can be of any language.

use thiserror::Error;
use units::{ByteCount, Epoch, SiteId};

use crate::facts::{Metres, SiteName};
use crate::{Distinct, Geometry, PlaceError, SiteEntry, SiteFacts, SiteReference, Verdict};

/// A site as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteShown {
    /// Which site.
    pub id: SiteId,
    /// Its name.
    pub name: SiteName,
    /// Its commune, with its name if it has one: `Arles (13004)`.
    pub commune: String,
    /// Its département.
    pub departement: String,
    /// Its operator.
    pub operator: String,
}

impl From<&SiteFacts> for SiteShown {
    fn from(facts: &SiteFacts) -> Self {
        let said = &facts.statement;
        Self {
            id: facts.id,
            name: said.name.clone(),
            commune: said.commune_shown(),
            departement: said.departement.to_string(),
            operator: said.operator.name.to_string(),
        }
    }
}

impl From<&SiteEntry> for SiteShown {
    fn from(site: &SiteEntry) -> Self {
        Self::from(&*site.facts)
    }
}

/// The steps in which candidates are refused, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Whether the site takes new fragments at all.
    State,
    /// Whether the policy permits to store there.
    Policy,
    /// Whether its disks have room.
    Room,
    /// Whether it answers.
    Reach,
    /// Whether it goes with the others.
    Spread,
}

/// What of the table `spread` goes by what a site states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unstated {
    /// `min_distance_km`.
    Distance,
    /// `distinct`, other than by site.
    Distinct(Distinct),
}

/// Why a site is no candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is being emptied.
    Draining,
    /// The policy does not permit it.
    Policy(Verdict),
    /// It has not stated what the rule of spread goes by.
    NotStated {
        /// What that is.
        asked: Unstated,
    },
    /// None of its disks takes writes.
    NoHealthyDisk,
    /// Its disks are too full.
    NoRoom {
        /// Room needed on one disk.
        need: ByteCount,
        /// Most that one of them has.
        free: ByteCount,
    },
    /// It does not answer.
    Unreachable,
    /// It is of one failure domain with a chosen one.
    SameDomain {
        /// What makes them one.
        distinct: Distinct,
        /// The chosen one.
        with: SiteShown,
    },
    /// It is too near to a chosen one.
    TooClose {
        /// The chosen one.
        with: SiteShown,
        /// How far they are from each other.
        distance: Metres,
        /// How far they must be.
        least: Metres,
    },
}

impl Why {
    /// The step in which it is found.
    pub const fn step(&self) -> Step {
        match self {
            Self::Draining => Step::State,
            Self::Policy(_) | Self::NotStated { .. } => Step::Policy,
            Self::NoHealthyDisk | Self::NoRoom { .. } => Step::Room,
            Self::Unreachable => Step::Reach,
            Self::SameDomain { .. } | Self::TooClose { .. } => Step::Spread,
        }
    }
}

/// A site that is no candidate, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which site.
    pub site: SiteShown,
    /// Why not.
    pub why: Why,
}

/// What of the rule asks for so many sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `survive`, said or implied.
    Survive(u8),
    /// `geometry`.
    Geometry(Geometry),
    /// Nothing in the policy: with two sites or more, one may always vanish.
    Cluster,
}

/// Fewer sites go together than the rule needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooFew {
    /// Which rule needs them.
    pub asked: Asked,
    /// What a failure domain is.
    pub distinct: Distinct,
    /// Least distance between two sites; zero if the rule has none.
    pub min_distance: Metres,
    /// The site that must be among them.
    pub home: Option<SiteShown>,
    /// How many sites are needed at least, each of another failure domain.
    pub wanted: usize,
    /// A largest set of sites that go together.
    pub fitting: Vec<SiteShown>,
    /// All other sites, and why they do not help.
    pub refused: Vec<Refused>,
}

impl TooFew {
    /// How many sites are missing.
    pub fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.fitting.len())
    }
}

/// Why there is no placement.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", self.explain(crate::Language::English))]
pub enum Refusal {
    /// The sites changed since the policy was asked: ask again.
    StaleMap {
        /// The epoch at which the policy was asked.
        asked: Epoch,
        /// The epoch of the map.
        map: Epoch,
    },
    /// The policy names a home that the cluster does not have.
    HomeUnknown {
        /// As the policy names it.
        home: SiteReference,
    },
    /// Several sites have the name of the home.
    HomeAmbiguous {
        /// As the policy names it.
        home: SiteReference,
    },
    /// The home itself is no candidate.
    HomeRefused(Box<Refused>),
    /// No site at all may store.
    NoSite {
        /// All sites, and why not.
        refused: Vec<Refused>,
    },
    /// Fewer sites go together than the rule needs.
    TooFew(Box<TooFew>),
    /// There is one site, and its disks cannot take it.
    Disks {
        /// Which site.
        site: Box<SiteShown>,
        /// Why not.
        why: PlaceError,
    },
    /// The search for sites ended at its limit.
    SearchTooLong,
}
