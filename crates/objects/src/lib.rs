//! The path of objects, in and out.
//!
//! Write: seal → erasure → placement → fragments → catalog. Read: the way back.
//! The faces call [`Objects`] and see nothing of what is below it.

#![expect(
    clippy::unused_async,
    reason = "a verb that finds its answer here will ask other sites later, with the same face"
)]

mod answer;
mod ask;
mod began;
mod body;
mod checksum;
mod directory;
mod encryption;
mod error;
mod gateway;
pub mod limits;
mod planted;
mod range;
mod read;
mod sealing;
mod seen;
mod sites;
mod verbs;
mod write;

pub use answer::{
    AccessKeyMade, Credential, ObjectBody, ObjectHead, ObjectPart, ObjectPartListing, ObjectReader,
};
pub use ask::BucketCreate;
pub use ask::{
    ChecksumAsk, ChecksumClaim, CompleteOutcome, CompleteUpload, CopyObject, CopyOutcome, CopyPart,
    CopySource, CreateUpload, DeleteObject, GetObject, HeadersAsk, ObjectName, PartOutcome,
    PutObject, PutOutcome, PutPart, ReadConditions, TagsAsk, TrailingChecksum, UploadCreated,
    UploadName,
};
pub use body::{BodyError, BodyStream, body_of};
pub use checksum::{
    RunningChecksum, checksum_kind_default, checksum_kind_possible, checksum_length, checksum_name,
    checksum_of,
};
pub use consensus::CutOff;
pub use encryption::{CustomerKey, EncryptionAsk};
pub use error::ObjectError;
pub use gateway::{Findings, LateFragments, Objects, Parts};
pub use planted::PLANTED;
pub use range::RangeAsk;
pub use read::damage::{Damage, DamageKind};
pub use sites::{PlacedFor, SitesNow, disk_facts};
pub use verbs::BucketFacts;
