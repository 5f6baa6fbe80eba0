//! Policies that a trial sets, and what they mean in the words of a judge that knows
//! nothing of Cedar, of the planner and of how a policy is read.

use std::collections::BTreeSet;

use placement::SiteStatement;

use super::draw::Draw;

/// Which sites a policy permits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum May {
    /// Every active site; without a Cedar text.
    All,
    /// These, by name.
    Only(BTreeSet<String>),
    /// Whose operator is controlled in the European Union.
    European,
    /// Those with a certificate.
    Certified,
}

/// What tells two sites apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Apart {
    /// That they are two.
    Site,
    /// That they lie in two communes.
    Commune,
    /// That two run them.
    Operator,
}

/// A policy of a trial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) may: May,
    pub(crate) apart: Apart,
    pub(crate) min_km: Option<u32>,
    pub(crate) survive: Option<u8>,
}

impl Rule {
    /// What holds where no policy was set.
    pub(crate) const NONE: Self =
        Self { may: May::All, apart: Apart::Site, min_km: None, survive: None };

    /// A policy, over sites of these names.
    pub(crate) fn drawn(draw: &mut Draw, names: &[String]) -> Self {
        let may = match draw.below(6) {
            0 | 1 => {
                let mut only: BTreeSet<String> =
                    names.iter().filter(|_| draw.below(4) > 0).cloned().collect();
                for _ in 0..2 {
                    only.extend(names.get(draw.below(names.len())).cloned());
                }
                May::Only(only)
            }
            2 => May::European,
            3 => May::Certified,
            _ => May::All,
        };
        let apart = match draw.below(5) {
            0 => Apart::Commune,
            1 => Apart::Operator,
            _ => Apart::Site,
        };
        let min_km = draw.one_in(5).then_some(5);
        let survive = draw.one_in(4).then_some(1);
        Self { may, apart, min_km, survive }
    }

    /// As operators write it.
    pub(crate) fn text(&self) -> String {
        let condition = match &self.may {
            May::All => None,
            May::Only(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                Some(format!("[{}].contains(resource.name)", names.join(", ")))
            }
            May::European => Some("resource.control_in_eu".to_owned()),
            May::Certified => Some("resource.certifications.contains(\"HDS\")".to_owned()),
        };
        let mut text = condition.map_or_else(String::new, |condition| {
            format!(
                "cedar = '''\n@id(\"{ID}\") @fr(\"ceux-là\") @en(\"{WORDS}\")\npermit (principal, \
                 action == Action::\"store\", resource)\nwhen {{ {condition} }};\n'''\n"
            )
        });
        text.push_str("[spread]\n");
        let apart = match self.apart {
            Apart::Site => "site",
            Apart::Commune => "commune",
            Apart::Operator => "operator",
        };
        let km = self.min_km.map_or_else(String::new, |km| format!("min_distance_km = {km}\n"));
        let survive = self.survive.map_or_else(String::new, |most| format!("survive = {most}\n"));
        [text, format!("distinct = \"{apart}\"\n"), km, survive].concat()
    }

    /// Whether a site that states this may hold fragments.
    pub(crate) fn permits(&self, said: &SiteStatement) -> bool {
        match &self.may {
            May::All => true,
            May::Only(names) => names.contains(&said.name.to_string()),
            May::European => said.operator.control_country.to_string() != "US",
            May::Certified => !said.certifications.is_empty(),
        }
    }

    /// Whether two sites may both hold a fragment of a part.
    pub(crate) fn go_together(&self, one: &SiteStatement, other: &SiteStatement) -> bool {
        let apart = match self.apart {
            Apart::Site => one.name != other.name,
            Apart::Commune => one.commune != other.commune,
            Apart::Operator => one.operator.name != other.operator.name,
        };
        apart && self.min_km.is_none_or(|km| kilometres(one, other) >= f64::from(km))
    }
}

/// The name of the rule that permits.
pub(crate) const ID: &str = "those";

/// What it says of itself.
pub(crate) const WORDS: &str = "those of the trial";

/// How far apart, as the crow flies: near enough on a sphere, for towns that are nowhere
/// near a limit.
fn kilometres(one: &SiteStatement, other: &SiteStatement) -> f64 {
    let radians = |micro: i32| (f64::from(micro) / 1e6).to_radians();
    let at = |said: &SiteStatement| {
        let at = said.position;
        (radians(at.latitude()), radians(at.longitude()))
    };
    let ((south, west), (north, east)) = (at(one), at(other));
    let (up, along) = ((north - south) / 2.0, (east - west) / 2.0);
    let chord = up.sin().powi(2) + south.cos() * north.cos() * along.sin().powi(2);
    2.0 * 6_371.0 * chord.sqrt().asin()
}
