//! How fragments must spread: the typed half of a policy.
//!
//! ```toml
//! [spread]
//! survive = 1              # failure domains that may vanish, all fragments on them
//! distinct = "commune"     # what a failure domain is: site, commune, departement, operator
//! min_distance_km = 5      # between any two sites of an object
//! home = "mairie"          # keeps a whole readable set of fragments
//! prefer = "space"         # of two codes the one that takes less room; else "safety"
//! geometry = "3+2"         # this code and no other
//! ```
//!
//! All are optional. Without `survive` an object survives as much as the table of codes
//! gives for the sites there are, and at least one of them if there are two; a rule that
//! says `distinct` or `min_distance_km` without `survive` means `survive = 1`.

use core::fmt;
use core::str::FromStr;

use units::SiteId;

use crate::document::{Fields, Reader, Reason};
use crate::facts::{Expected, Metres, SiteFacts, SiteName, WrongValue};
use crate::limits::{DISTANCE_KILOMETRES_MAX, SURVIVE_MAX};
use crate::{Geometry, SiteEntry};

/// What a failure domain is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distinct {
    /// Each site for itself.
    #[default]
    Site,
    /// All sites of a commune.
    Commune,
    /// All sites of a département.
    Departement,
    /// All sites of an operator.
    Operator,
}

impl Distinct {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Site, Self::Commune, Self::Departement, Self::Operator];

    /// As policies write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Commune => "commune",
            Self::Departement => "departement",
            Self::Operator => "operator",
        }
    }

    /// Whether two sites are of one failure domain.
    pub fn is_same(self, one: &SiteFacts, other: &SiteFacts) -> bool {
        let (ones, others) = (&one.statement, &other.statement);
        one.id == other.id
            || match self {
                Self::Site => false,
                Self::Commune => {
                    (&ones.country, &ones.departement, &ones.commune)
                        == (&others.country, &others.departement, &others.commune)
                }
                Self::Departement => {
                    (&ones.country, &ones.departement) == (&others.country, &others.departement)
                }
                Self::Operator => ones.operator.identity() == others.operator.identity(),
            }
    }
}

/// Which of two codes is taken where the table leaves a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// The one that takes less room.
    Space,
    /// The one that survives more.
    #[default]
    Safety,
}

/// A site as a policy names it: by its id, which never changes, or by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteReference {
    /// By its id.
    Id(SiteId),
    /// By its name; looked up whenever the policy is used.
    Name(SiteName),
}

impl SiteReference {
    /// Whether it means this site.
    pub fn means(&self, site: &SiteEntry) -> bool {
        match self {
            Self::Id(id) => *id == site.id(),
            Self::Name(name) => *name == site.facts.statement.name,
        }
    }
}

impl fmt::Display for SiteReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl FromStr for SiteReference {
    type Err = WrongValue;

    fn from_str(text: &str) -> Result<Self, WrongValue> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => SiteName::new(text).map(Self::Name),
        }
    }
}

/// How the fragments of a part must spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpreadRule {
    /// How many failure domains may vanish; without it as many as the table gives.
    pub survive: Option<u8>,
    /// What a failure domain is.
    pub distinct: Distinct,
    /// Least distance between any two sites of a part.
    pub min_distance: Metres,
    /// The site that keeps a whole readable set.
    pub home: Option<SiteReference>,
    /// Which of two codes is taken where the table leaves a choice.
    pub prefer: Prefer,
    /// This code and no other.
    pub geometry: Option<Geometry>,
}

impl SpreadRule {
    /// Reads the fields of the table `spread`.
    pub(crate) fn read(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Self {
        let survive = fields.number_if_any(reader, "survive", (1, u16::from(SURVIVE_MAX)));
        let distinct = fields.text_if_any(reader, "distinct", |name| {
            Distinct::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(WrongValue {
                expected: Expected::new(
                    "\"site\", \"commune\", \"departement\" ou \"operator\"",
                    "one of \"site\", \"commune\", \"departement\", \"operator\"",
                ),
            })
        });
        let most = DISTANCE_KILOMETRES_MAX;
        let distance = fields.number_if_any(reader, "min_distance_km", (1, most));
        let home = fields.text_if_any(reader, "home", str::parse);
        let prefer = fields.text_if_any(reader, "prefer", |name| match name {
            "space" => Ok(Prefer::Space),
            "safety" => Ok(Prefer::Safety),
            _ => Err(WrongValue {
                expected: Expected::new("\"space\" ou \"safety\"", "\"space\" or \"safety\""),
            }),
        });
        let geometry = fields.text_if_any(reader, "geometry", str::parse);
        fields.finish(reader);
        let survive = survive.and_then(|survive| u8::try_from(survive).ok());
        let implied = distinct.is_some().then_some(1);
        let rule = Self {
            survive: survive.or(implied),
            distinct: distinct.unwrap_or_default(),
            min_distance: distance.map(Metres::from_kilometres).unwrap_or_default(),
            home,
            prefer: prefer.unwrap_or_default(),
            geometry,
        };
        if let Some(reason) = rule.contradiction() {
            reader.fault(fields.offset("geometry"), &fields.path("geometry"), reason);
        }
        rule
    }

    /// How many failure domains may vanish at least, if the rule says so or implies it.
    pub fn survive_least(&self) -> Option<u8> {
        let implied = self.distinct != Distinct::Site || self.min_distance > Metres::default();
        self.survive.or(implied.then_some(1))
    }

    /// Why its code cannot survive what it asks for, if so.
    fn contradiction(&self) -> Option<Reason> {
        let geometry = self.geometry?;
        let (data, parity) = (geometry.data(), geometry.parity());
        let survive = self.survive_least().unwrap_or(1);
        // Home may vanish with all its fragments: the others must do without.
        let needed = if self.home.is_some() { data + survive - 1 } else { survive };
        if parity >= needed {
            return None;
        }
        let (chez_home, home) = if self.home.is_some() {
            (
                " dont l'un est home, avec k des fragments",
                " of which one is home, with k of the fragments",
            )
        } else {
            ("", "")
        };
        Some(Reason {
            french: format!(
                "{geometry} ne survit pas à la perte de {survive} de ses domaines de panne{chez_home}\u{a0}; \
                 il faut un code avec au moins {needed} après le plus"
            ),
            english: format!(
                "{geometry} does not survive {survive} of its failure domains{home}; \
                 expected a code with at least {needed} after the plus"
            ),
        })
    }
}
