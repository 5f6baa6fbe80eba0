//! What a site says about itself: facts for the policy.
//!
//! A [`SiteStatement`] is what `site.toml` carries and what the catalog keeps, signed by
//! the site and countersigned by the cluster; [`SiteFacts`] adds which site it is about.
//!
//! **Invariants**
//! - Every value was checked when it was made, and is checked again when it is decoded:
//!   a code that is none, or a date that is none, cannot be held by these types.
//! - What two fields must have in common is checked by [`SiteStatement::faults`].

mod certification;
mod codes;
mod date;
mod hosting;
mod operator;
mod position;
mod statement;
mod text;

pub use certification::Certification;
pub use codes::{Commune, Country, Departement, Siren};
pub use date::Date;
pub(crate) use date::EXPECTED as DATE_EXPECTED;
pub use hosting::Hosting;
pub use operator::Operator;
pub use position::{Metres, Position};
pub use statement::{SiteFacts, SiteStatement, StatementFault};
pub use text::{CertificationName, Energy, Expected, OperatorName, SiteName, TownName, WrongValue};
