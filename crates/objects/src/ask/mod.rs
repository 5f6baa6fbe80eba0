//! What the faces ask of the gateway: one request type per verb.

mod bucket;
mod copy;
mod delete;
mod multipart;
mod object;
mod put;
mod read;

pub use bucket::BucketCreate;
pub use copy::{CopyObject, CopyOutcome, CopyPart, CopySource, HeadersAsk, TagsAsk};
pub use delete::DeleteObject;
pub use multipart::{
    CompleteOutcome, CompleteUpload, CreateUpload, PartOutcome, PutPart, UploadCreated, UploadName,
};
pub use object::ObjectName;
pub use put::{ChecksumAsk, ChecksumClaim, PutObject, PutOutcome, TrailingChecksum};
pub use read::{GetObject, ReadConditions};
