//! Storing the parts of an upload.

use access::Authorised;
use catalog::command::{PartLayout, PlacedCommand, UploadPartPut};
use catalog::{PartReference, Refusal, Success, Upload};
use units::{PartNumber, ReferenceId};

use super::put::unexpected;
use crate::checksum::checksum_name;
use crate::gateway::Inner;
use crate::sealing::Sealing;
use crate::seen::Seen;
use crate::write::digests::{Claims, Digests};
use crate::write::part::PartFor;
use crate::write::placing::Placed;
use crate::{BodyStream, ChecksumAsk, ObjectError, Objects, PartOutcome, PutPart, UploadName};

impl Objects {
    /// Stores one part; it replaces an earlier one of the same number.
    // Cancel-safety: as `object_put`.
    pub async fn upload_part_put(
        &self,
        authorised: &Authorised,
        ask: PutPart,
        body: BodyStream,
    ) -> Result<PartOutcome, ObjectError> {
        let inner = &*self.inner;
        let name = &ask.upload.name;
        let seen = inner.object_seen(authorised, &name.bucket, &name.key)?;
        let upload = Inner::upload_row(&seen, &ask.upload)?;
        let sealing =
            Sealing::of_record(&seen, &upload.detail.encryption, ask.customer_key.as_ref())?;
        let checksum = checksum_of_part(&upload, ask.checksum)?;
        let claims = Claims { length: ask.length, md5: ask.md5, checksum };
        let body = PartBody { claims, body };
        inner.upload_part_store(&seen, &sealing, &ask.upload, ask.part, body).await
    }
}

/// What is to become a part.
pub(super) struct PartBody {
    pub(super) claims: Claims,
    pub(super) body: BodyStream,
}

impl Inner {
    /// The upload that is meant.
    pub(super) fn upload_row(seen: &Seen, name: &UploadName) -> Result<Upload, ObjectError> {
        let row = seen.view.upload(seen.bucket.id, &name.name.key, name.upload)?;
        Ok(row.ok_or(Refusal::NoSuchUpload)?)
    }

    /// Takes the body to the disks and the part into the upload.
    pub(super) async fn upload_part_store(
        &self,
        seen: &Seen,
        sealing: &Sealing,
        name: &UploadName,
        number: PartNumber,
        body: PartBody,
    ) -> Result<PartOutcome, ObjectError> {
        let PartBody { claims, body } = body;
        let reference = ReferenceId::from_bytes(name.upload.to_bytes());
        let target = PartFor { seen, sealing, key: &name.name.key, reference };
        let mut source = self.body_begin(&claims, body)?;
        let digests = Digests::new(claims.checksum.algorithm);
        let written = self.part_write(&target, &mut source, &[], digests).await?;
        let checksum = claims.verify(&written.digests)?;
        let reference = PartReference {
            part: written.part,
            number,
            size: written.digests.size,
            md5: written.digests.md5,
            checksum,
            modified: self.parts.clock.now(),
            wrapped_key: written.wrapped_key,
        };
        let new = Some((written.layout, &written.placed));
        let outcome = self.upload_part_commit(seen, sealing, name, reference, new).await?;
        written.guard.kept();
        Ok(outcome)
    }

    /// Has the catalog take a part into an upload.
    pub(super) async fn upload_part_commit(
        &self,
        seen: &Seen,
        sealing: &Sealing,
        name: &UploadName,
        reference: PartReference,
        new: Option<(PartLayout, &Placed)>,
    ) -> Result<PartOutcome, ObjectError> {
        let (size, checksum) = (reference.size, reference.checksum.clone());
        let (layout, placed) = new.unzip();
        let put = UploadPartPut {
            bucket: seen.bucket_ref(),
            key: name.name.key.clone(),
            upload: name.upload,
            reference,
            layout,
        };
        match self.propose_placed(seen, placed, PlacedCommand::UploadPartPut(put)).await? {
            Success::UploadPart(done) => Ok(PartOutcome {
                etag: done.etag,
                modified: done.modified,
                size,
                checksum,
                encryption: sealing.record.clone(),
                source_version: None,
            }),
            other => Err(unexpected(&other)),
        }
    }
}

/// A part carries the checksum its upload was created with.
fn checksum_of_part(upload: &Upload, mut ask: ChecksumAsk) -> Result<ChecksumAsk, ObjectError> {
    let Some((declared, _)) = upload.checksum else { return Ok(ask.or_default()) };
    match ask.algorithm {
        None => ask.algorithm = Some(declared),
        Some(asked) if asked != declared => {
            return Err(ObjectError::ChecksumTypeMismatch {
                asked: checksum_name(asked).to_owned(),
                declared: checksum_name(declared).to_owned(),
            });
        }
        Some(_) => {}
    }
    Ok(ask)
}
