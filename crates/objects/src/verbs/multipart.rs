//! Multipart uploads: begun, completed, given up. Parts are in `upload_parts`.

use access::Authorised;
use catalog::command::{UploadAbort, UploadComplete, UploadCreate as Create};
use catalog::{
    Checksum, ChecksumAlgorithm, ChecksumKind, Command, CompletePlan, ETag, Encryption, PartAsk,
    PartReference, Refusal, Success,
};
use md5::Digest;
use units::UploadId;
use units::hash::Md5;

use super::put::unexpected;
use crate::checksum::{
    CHECKSUM_DEFAULT, checksum_kind_default, checksum_kind_possible, checksum_name,
    checksum_of_parts,
};
use crate::gateway::Inner;
use crate::read::opening::version_of;
use crate::sealing::Sealing;
use crate::seen::Seen;
use crate::{
    CompleteOutcome, CompleteUpload, CreateUpload, ObjectError, Objects, UploadCreated, UploadName,
};

impl Objects {
    /// Begins an upload.
    pub async fn upload_create(
        &self,
        authorised: &Authorised,
        ask: CreateUpload,
    ) -> Result<UploadCreated, ObjectError> {
        let inner = &self.inner;
        let seen = inner.object_seen(authorised, &ask.name.bucket, &ask.name.key)?;
        let checksum = checksum_asked(ask.checksum, ask.checksum_kind)?;
        let sealing = Sealing::of_ask(&seen, ask.encryption)?;
        let upload = inner.upload_id();
        let create = Create {
            bucket: seen.bucket_ref(),
            key: ask.name.key,
            upload,
            initiator: ask.initiator,
            owner: ask.owner,
            storage_class: ask.storage_class,
            checksum,
            headers: ask.headers,
            metadata: ask.metadata,
            tags: ask.tags,
            retention: ask.retention,
            legal_hold: ask.legal_hold,
            encryption: sealing.record.clone(),
            acl: ask.acl,
            website_redirect: ask.website_redirect,
        };
        inner.propose(Command::UploadCreate(Box::new(create))).await?;
        Ok(UploadCreated { upload, encryption: sealing.record, checksum })
    }

    /// Makes the object out of its parts. Repeating a completion that has been
    /// carried out gives the same answer.
    pub async fn upload_complete(
        &self,
        authorised: &Authorised,
        ask: CompleteUpload,
    ) -> Result<CompleteOutcome, ObjectError> {
        let inner = &self.inner;
        let name = &ask.upload.name;
        let seen = inner.object_seen(authorised, &name.bucket, &name.key)?;
        let plan = match seen.view.complete_plan(
            seen.bucket.id,
            &name.key,
            ask.upload.upload,
            &ask.parts,
        )? {
            Ok(plan) => plan,
            Err(Refusal::NoSuchUpload) => return Inner::completed_before(&seen, &ask),
            Err(refusal) => return Err(refusal.into()),
        };
        let encryption = plan.upload.detail.encryption.clone();
        if matches!(encryption, Encryption::Customer { .. }) {
            // The key is not needed to complete, but who has it not has no say.
            Sealing::of_record(&seen, &encryption, ask.customer_key.as_ref())?;
        }
        let complete = UploadComplete {
            bucket: seen.bucket_ref(),
            key: name.key.clone(),
            upload: ask.upload.upload,
            parts: plan.parts.iter().map(|part| (part.number, part.part)).collect(),
            etag: etag_of_parts(&plan.parts),
            checksum: checksum_of_plan(&plan, &ask)?,
            size: ask.size,
            random: inner.draw_u64(),
            condition: ask.condition,
        };
        match inner.propose(Command::UploadComplete(Box::new(complete))).await? {
            Success::Put(done) => Ok(CompleteOutcome {
                etag: done.etag,
                modified: done.modified,
                version: done.version,
                checksum: done.checksum,
                encryption,
            }),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives an upload up and releases its parts.
    pub async fn upload_abort(
        &self,
        authorised: &Authorised,
        upload: &UploadName,
    ) -> Result<(), ObjectError> {
        let name = &upload.name;
        let seen = self.inner.object_seen(authorised, &name.bucket, &name.key)?;
        let (bucket, key) = (seen.bucket_ref(), name.key.clone());
        let abort = UploadAbort { bucket, key, upload: upload.upload };
        self.inner.propose(Command::UploadAbort(abort)).await.map(drop)
    }
}

impl Inner {
    /// Time first, so that the uploads of a key are listed in the order of their
    /// beginning; the other half cannot be guessed.
    fn upload_id(&self) -> UploadId {
        let micros = u64::try_from(self.parts.clock.now().micros()).unwrap_or(0);
        UploadId::from_u128(u128::from(micros) << 64 | u128::from(self.draw_u64()))
    }

    /// The answer of a completion whose first answer was lost. Who names other parts
    /// than those that were put together asks for what is no upload any more.
    fn completed_before(seen: &Seen, ask: &CompleteUpload) -> Result<CompleteOutcome, ObjectError> {
        let key = &ask.upload.name.key;
        let done = seen.view.completed(&seen.bucket, key, ask.upload.upload)?;
        let named = etag_of_named(&ask.parts);
        let Some(done) = done.filter(|done| named.as_ref() == Some(&done.etag)) else {
            return Err(Refusal::NoSuchUpload.into());
        };
        let version = version_of(&seen.view, seen.bucket.id, key, done.version.into());
        Ok(CompleteOutcome {
            etag: done.etag,
            modified: done.modified,
            version: done.version,
            checksum: done.checksum,
            encryption: version.map(|version| version.detail.encryption).unwrap_or_default(),
        })
    }
}

/// What an upload will carry, checked to be possible.
fn checksum_asked(
    algorithm: Option<ChecksumAlgorithm>,
    kind: Option<ChecksumKind>,
) -> Result<Option<(ChecksumAlgorithm, ChecksumKind)>, ObjectError> {
    let Some(algorithm) = algorithm else {
        if kind.is_some() {
            let reason = "a checksum type needs a checksum algorithm".to_owned();
            return Err(ObjectError::Invalid { reason });
        }
        return Ok(None);
    };
    let kind = kind.unwrap_or(checksum_kind_default(algorithm));
    if !checksum_kind_possible(algorithm, kind) {
        let name = checksum_name(algorithm);
        let reason = format!("the {kind:?} checksum type cannot be used with {name}");
        return Err(ObjectError::Invalid { reason });
    }
    Ok(Some((algorithm, kind)))
}

/// The entity tag of an object made of these parts.
fn etag_of_parts(parts: &[PartReference]) -> ETag {
    etag_of_digests(parts.iter().map(|part| part.md5))
}

/// The same of the parts a client names; none if one of its tags is no part's.
fn etag_of_named(parts: &[PartAsk]) -> Option<ETag> {
    let digests = parts.iter().map(|part| match &part.etag {
        ETag::Md5(digest) => Some(*digest),
        ETag::Multipart { .. } | ETag::Opaque(_) => None,
    });
    Some(etag_of_digests(digests.collect::<Option<Vec<_>>>()?))
}

/// MD5 of the parts' MD5s, a dash, and how many.
fn etag_of_digests(digests: impl IntoIterator<Item = Md5>) -> ETag {
    let (mut digest, mut parts) = (md5::Md5::new(), 0_u16);
    for part in digests {
        digest.update(part.0);
        parts = parts.saturating_add(1);
    }
    ETag::Multipart { digest: Md5(digest.finalize().into()), parts }
}

/// The object's checksum, held against what the client claims.
fn checksum_of_plan(
    plan: &CompletePlan,
    ask: &CompleteUpload,
) -> Result<Option<Checksum>, ObjectError> {
    let declared = plan.upload.checksum.or_else(|| {
        // Without a declaration the client's own word decides, if it gives one.
        let (algorithm, _) = ask.checksum.as_ref()?;
        Some((*algorithm, ask.checksum_kind.unwrap_or(checksum_kind_default(*algorithm))))
    });
    let parts = || plan.parts.iter().map(|part| (part.checksum.as_ref(), part.size));
    let Some((algorithm, kind)) = declared else {
        return Ok(checksum_of_parts(CHECKSUM_DEFAULT, ChecksumKind::FullObject, parts()));
    };
    if let Some(asked) = ask.checksum_kind
        && asked != kind
    {
        let (asked, declared) = (format!("{asked:?}"), format!("{kind:?}"));
        return Err(ObjectError::ChecksumTypeMismatch { asked, declared });
    }
    let checksum = checksum_of_parts(algorithm, kind, parts());
    if let Some((claimed, value)) = &ask.checksum {
        let same = checksum.as_ref().is_some_and(|c| c.algorithm == *claimed && c.value == *value);
        if !same {
            return Err(ObjectError::ChecksumMismatch { algorithm: checksum_name(*claimed) });
        }
    }
    Ok(checksum)
}
