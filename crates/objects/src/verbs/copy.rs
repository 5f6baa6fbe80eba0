//! Copying by reference: no byte of the object is read or written again. The
//! parts are shared, and their keys wrapped anew for the copy. Only a range that
//! is not exactly one part, or a checksum the source does not have, makes the
//! bytes flow.

use access::Authorised;
use catalog::command::{ContentPut, NewVersion, ObjectPut, PutOrigin};
use catalog::{
    Checksum, ChecksumAlgorithm, ChecksumKind, Command, Content, PartReference, Refusal,
    SealedBytes, Versioning,
};
use futures::{StreamExt, TryStreamExt};
use units::{ByteCount, PartNumber, ReferenceId, planted};

use super::put::put_outcome;
use super::upload_parts::PartBody;
use crate::checksum::RunningChecksum;
use crate::gateway::Inner;
use crate::limits::{COPY_ATTEMPTS_MAX, MANIFEST_PAGE};
use crate::planted::KEY_OF_SOURCE;
use crate::read::opening::Opening;
use crate::read::part::wrapped;
use crate::read::reader::Reader;
use crate::sealing::Sealing;
use crate::write::digests::Claims;
use crate::write::part::PartFor;
use crate::{
    BodyError, ChecksumAsk, ChecksumClaim, CopyObject, CopyOutcome, CopyPart, CopySource,
    EncryptionAsk, GetObject, HeadersAsk, ObjectBody, ObjectError, Objects, PartOutcome, RangeAsk,
    TagsAsk,
};

impl Objects {
    /// Copies an object: the parts are shared, their keys wrapped anew.
    /// `source` authorises the read, `destination` the write.
    pub async fn object_copy(
        &self,
        source: &Authorised,
        destination: &Authorised,
        ask: CopyObject,
    ) -> Result<CopyOutcome, ObjectError> {
        self.inner.takes_commands()?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.object_copy_once(source, destination, &ask).await {
                // The source was deleted or replaced under our eyes: look again.
                Err(ObjectError::Refused(Refusal::PartGone { .. }))
                    if attempt < COPY_ATTEMPTS_MAX => {}
                outcome => return outcome,
            }
        }
    }

    async fn object_copy_once(
        &self,
        source: &Authorised,
        destination: &Authorised,
        ask: &CopyObject,
    ) -> Result<CopyOutcome, ObjectError> {
        let inner = &*self.inner;
        let random = &*inner.parts.random;
        let opening = inner.object_open(source, &source_get(&ask.source, None))?;
        let seen = inner.object_seen(destination, &ask.name.bucket, &ask.name.key)?;
        if changes_nothing(ask, &opening) {
            return Err(ObjectError::CopyOntoItself);
        }
        let from = &opening.head.version;
        let reference = ReferenceId::draw(random);
        let sealing = Sealing::of_ask(&seen, ask.encryption.clone())?;
        let target = PartFor { seen: &seen, sealing: &sealing, key: &ask.name.key, reference };
        let content = inner.content_shared(&opening, &ask.source, &target)?;
        let checksum = self.checksum_of_copy(&opening, ask).await?;
        let (headers, metadata) = match &ask.headers {
            HeadersAsk::Copied => (from.detail.headers.clone(), from.detail.metadata.clone()),
            HeadersAsk::Replaced { headers, metadata } => (headers.clone(), metadata.clone()),
        };
        let version = NewVersion {
            random: inner.draw_u64(),
            reference,
            size: from.head.size,
            etag: from.head.etag.clone(),
            content,
            owner: ask.owner,
            storage_class: ask.storage_class.clone(),
            headers,
            metadata,
            tags: match &ask.tags {
                TagsAsk::Copied => from.detail.tags.clone(),
                TagsAsk::Replaced(tags) => tags.clone(),
            },
            checksum,
            retention: ask.retention,
            legal_hold: ask.legal_hold,
            encryption: sealing.record.clone(),
            acl: ask.acl.clone(),
            website_redirect: ask.website_redirect.clone(),
        };
        let put = ObjectPut {
            bucket: seen.bucket_ref(),
            key: ask.name.key.clone(),
            version,
            condition: ask.condition.clone(),
            origin: PutOrigin::Copy,
        };
        let done = inner.propose(Command::ObjectPut(Box::new(put))).await?;
        let done = put_outcome(done, sealing.record)?;
        Ok(CopyOutcome {
            etag: done.etag,
            modified: done.modified,
            version: done.version,
            source_version: source_version(&opening),
            checksum: done.checksum,
            encryption: done.encryption,
        })
    }

    /// The checksum the copy carries; read out of the bytes only where it must be.
    async fn checksum_of_copy(
        &self,
        opening: &Opening,
        ask: &CopyObject,
    ) -> Result<Option<Checksum>, ObjectError> {
        let kept = &opening.head.version.detail.checksum;
        let Some(algorithm) = ask.checksum else { return Ok(kept.clone()) };
        let fits = |c: &Checksum| c.algorithm == algorithm && c.kind == ChecksumKind::FullObject;
        if kept.as_ref().is_some_and(fits) {
            return Ok(kept.clone());
        }
        let mut body = self.source_body(opening, &ask.source).await?;
        let mut running = RunningChecksum::new(algorithm);
        while let Some(bytes) = body.next().await {
            running.update(&bytes?);
        }
        Ok(Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value: running.finish() }))
    }

    async fn source_body(
        &self,
        opening: &Opening,
        source: &CopySource,
    ) -> Result<ObjectBody, ObjectError> {
        let encryption = &opening.head.version.detail.encryption;
        let reader = Reader::new(
            std::sync::Arc::clone(&self.inner),
            opening.seen.clone(),
            Sealing::of_record(&opening.seen, encryption, source.customer_key.as_ref())?,
            source.name.key.clone(),
            std::sync::Arc::clone(&opening.head.version),
            opening.head.range.clone(),
        );
        reader.into_body().await
    }

    /// Copies a range of an object into a part of an upload.
    pub async fn upload_part_copy(
        &self,
        source: &Authorised,
        destination: &Authorised,
        ask: CopyPart,
    ) -> Result<PartOutcome, ObjectError> {
        let inner = &*self.inner;
        inner.takes_commands()?;
        let opening = inner.object_open(source, &source_get(&ask.source, ask.range))?;
        // Unlike a read, a copy of a range wants all of it.
        let size = opening.head.version.head.size;
        if let Some(RangeAsk::Bounded { last, .. }) = ask.range
            && last >= size.get()
        {
            return Err(ObjectError::RangeNotSatisfiable { size });
        }
        let name = &ask.upload.name;
        let seen = inner.object_seen(destination, &name.bucket, &name.key)?;
        let upload = Inner::upload_row(&seen, &ask.upload)?;
        let sealing =
            Sealing::of_record(&seen, &upload.detail.encryption, ask.customer_key.as_ref())?;
        let algorithm = upload.checksum.map(|(algorithm, _)| algorithm);
        let reference = ReferenceId::from_bytes(ask.upload.upload.to_bytes());
        let target = PartFor { seen: &seen, sealing: &sealing, key: &name.key, reference };
        let shared = inner.part_shared(&opening, &ask.source, &target, ask.part, algorithm)?;
        let done = match shared {
            Some(reference) => {
                inner.upload_part_commit(&seen, &sealing, &ask.upload, reference, None).await
            }
            None => Err(ObjectError::Refused(Refusal::ConditionalConflict)),
        };
        let outcome = match done {
            Err(ObjectError::Refused(Refusal::PartGone { .. } | Refusal::ConditionalConflict)) => {
                let range = &opening.head.range;
                let length = Some(ByteCount::new(range.end - range.start));
                let checksum = ChecksumAsk { algorithm, claim: ChecksumClaim::None }.or_default();
                let claims = Claims { length, md5: None, checksum };
                let body = self.source_body(&opening, &ask.source).await?;
                let body =
                    body.map_err(|error| BodyError::Broken { reason: error.to_string() }).boxed();
                let body = PartBody { claims, body };
                inner.upload_part_store(&seen, &sealing, &ask.upload, ask.part, body).await?
            }
            done => done?,
        };
        Ok(PartOutcome { source_version: source_version(&opening), ..outcome })
    }
}

fn source_get(source: &CopySource, range: Option<RangeAsk>) -> GetObject {
    GetObject {
        name: source.name.clone(),
        version: source.version,
        range,
        part: None,
        conditions: source.conditions.clone(),
        customer_key: source.customer_key.clone(),
    }
}

fn source_version(opening: &Opening) -> Option<catalog::VersionName> {
    let versioned = opening.seen.bucket.versioning != Versioning::Off;
    versioned.then(|| opening.head.version.head.name())
}

/// A copy of an object onto itself that would leave it as it is.
fn changes_nothing(ask: &CopyObject, opening: &Opening) -> bool {
    let current = matches!(ask.source.version, catalog::VersionAsk::Current)
        || opening.seen.bucket.versioning == Versioning::Off;
    ask.source.name == ask.name
        && current
        && matches!(ask.headers, HeadersAsk::Copied)
        && matches!(ask.encryption, EncryptionAsk::Unasked)
        && ask.storage_class.is_none()
        && ask.website_redirect.is_none()
}

impl Inner {
    /// The source's content with its keys wrapped for the copy.
    fn content_shared(
        &self,
        opening: &Opening,
        source: &CopySource,
        target: &PartFor<'_>,
    ) -> Result<ContentPut, ObjectError> {
        let detail = &opening.head.version.detail;
        match &detail.content {
            Content::Empty => Ok(ContentPut::Empty),
            Content::Inline { part, wrapped_key } => {
                let sealed = opening.seen.view.inline_body(detail.reference)?;
                let sealed = sealed.ok_or_else(|| ObjectError::Damaged {
                    reason: format!("no inline body of {:?}", detail.reference),
                })?;
                let wrapped_key = self.key_rewrap(opening, source, target, *part, wrapped_key)?;
                Ok(ContentPut::Inline { part: *part, wrapped_key, sealed })
            }
            Content::Part(reference) => {
                Ok(ContentPut::SharedPart(self.shared(opening, source, target, reference)?))
            }
            Content::Manifest { parts } => {
                let mut shared = Vec::with_capacity(usize::from(*parts));
                let mut after = PartNumber::ZERO;
                loop {
                    let page =
                        opening.seen.view.manifest_parts(detail.reference, after, MANIFEST_PAGE)?;
                    let Some(last) = page.last() else { break };
                    after = last.number;
                    for reference in &page {
                        shared.push(self.shared(opening, source, target, reference)?);
                    }
                }
                Ok(ContentPut::SharedParts(shared))
            }
        }
    }

    /// One part, for another use.
    fn shared(
        &self,
        opening: &Opening,
        source: &CopySource,
        target: &PartFor<'_>,
        reference: &PartReference,
    ) -> Result<PartReference, ObjectError> {
        let key =
            self.key_rewrap(opening, source, target, reference.part, &reference.wrapped_key)?;
        Ok(PartReference { wrapped_key: key, ..reference.clone() })
    }

    fn key_rewrap(
        &self,
        opening: &Opening,
        source: &CopySource,
        target: &PartFor<'_>,
        part: units::PartId,
        key: &SealedBytes,
    ) -> Result<SealedBytes, ObjectError> {
        if planted::is_on(KEY_OF_SOURCE) {
            return Ok(key.clone());
        }
        let reference = opening.head.version.detail.reference;
        let keeper = opening.sealing.keeper();
        let from = opening.seen.part_at(keeper, &source.name.key, reference, part);
        let keeper = target.sealing.keeper();
        let to = target.seen.part_at(keeper, target.key, target.reference, part);
        Ok(SealedBytes::new(self.parts.vault.part_key_rewrap(&from, wrapped(key), &to)?))
    }

    /// The source's part that is exactly the range wanted, for this upload;
    /// `None` if there is none or it lacks the upload's checksum.
    fn part_shared(
        &self,
        opening: &Opening,
        source: &CopySource,
        target: &PartFor<'_>,
        number: PartNumber,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Option<PartReference>, ObjectError> {
        let version = &opening.head.version;
        let range = &opening.head.range;
        let reference = match &version.detail.content {
            Content::Empty | Content::Inline { .. } => None,
            Content::Part(part) => Some(part.clone()).filter(|_| range.start == 0),
            Content::Manifest { .. } => {
                let view = &opening.seen.view;
                let found = view
                    .manifest(version.detail.reference)?
                    .and_then(|manifest| manifest.locate(ByteCount::new(range.start)))
                    .filter(|(_, start, _)| start.get() == range.start);
                match found {
                    Some((n, _, _)) => view.manifest_part(version.detail.reference, n)?,
                    None => None,
                }
            }
        };
        let Some(reference) = reference else { return Ok(None) };
        let exact = reference.size.get() == range.end - range.start;
        let has = reference.checksum.as_ref().map(|checksum| checksum.algorithm);
        if !exact || (algorithm.is_some() && has != algorithm) {
            return Ok(None);
        }
        let modified = self.parts.clock.now();
        let shared = self.shared(opening, source, target, &reference)?;
        Ok(Some(PartReference { number, modified, ..shared }))
    }
}
