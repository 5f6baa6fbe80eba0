//! Tenants, buckets, disks and the rest as an operator sees them: the JSON of
//! the API, read by the command line and the console.
//!
//! Sizes are bytes, times are RFC 3339 in UTC, ids are 32 hexadecimal digits.
//! A field may be added; none changes its meaning.

mod bucket;
mod confirm;
mod custody;
mod disk;
mod invite;
mod key;
mod kms_key;
mod list;
mod place;
mod policy;
mod rotation;
mod scrub;
mod site;
mod status;
mod tenant;
mod token;
mod usage;
mod user;

pub use bucket::{Bucket, BucketNew, BucketQuota, BucketSseC};
pub use confirm::{Confirmation, Matter, Unconfirmed};
pub use custody::{
    CustodyAnswer, CustodyProof, CustodyVerdict, NodeEvidence, SiteCustody, SiteEvidence,
};
pub use disk::Disk;
pub use invite::{Invite, InviteMade, InviteNew, InviteState};
pub use key::{Key, KeyMade, KeyNew};
pub use kms_key::{KmsKey, KmsKeyNew};
pub use list::{List, Page};
pub use place::{Keeping, Where, WhereAsk, WhereCatalog, WhereFragment, WherePart};
pub use policy::{
    PolicyCheck, PolicyCheckAsk, PolicyExplainAsk, PolicyExplanation, PolicyFault, PolicyGuarantee,
    PolicyListed, PolicyObject, PolicyOf, PolicyShown, PolicySite, PolicySource, PolicyText,
};
pub use rotation::{PassphraseSet, Rotation, RotationKind, RotationNew, RotationState, ShredWord};
pub use scrub::{Scrub, ScrubState};
pub use site::{
    CatalogSeat, DiskReach, Moves, MovesPhase, MovingSlots, SignatureCheck, Site,
    SiteCertification, SiteDisk, SiteDrainSet, SiteFileText, SiteMoves, SiteNode, SiteRemoveAsk,
    SiteRemoveStep, SiteReplaceAsk, SiteSignature, SiteState, SiteStatement, SiteVouched, Sites,
};
pub use status::{
    CatalogStatus, ClusterStatus, DiskState, DiskStatus, EndpointStatus, LoggedError,
    NotReadyReason, Queues, Status, Totals, UnreadablePart, nearly_full,
};
pub use tenant::{Tenant, TenantNew, TenantQuota, TenantState};
pub use token::{Login, LoginMade, PasswordMade, Scope, Token, TokenMade, TokenNew};
pub use usage::{BucketUsage, TenantUsage, Usage};
pub use user::{User, UserNew};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use units::Timestamp;

/// An instant as the API writes it: RFC 3339, UTC, whole seconds.
pub fn date_text(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.seconds())
        .ok()
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// An instant as the API reads it: RFC 3339, of any time zone.
pub fn date_of(text: &str) -> Option<Timestamp> {
    let date = OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?;
    Some(Timestamp::from_seconds(date.unix_timestamp()))
}
