//! Writing an object in one go.

use access::Authorised;
use catalog::command::{ContentPut, NewVersion, ObjectPut, PlacedCommand, PutOrigin};
use catalog::{Checksum, ETag, Encryption, PartReference, SealedBytes, Success};
use seal::inline_seal;
use units::limits::INLINE_BYTES_MAX;
use units::{ByteCount, PartId, PartNumber, ReferenceId};

use crate::gateway::Inner;
use crate::limits::PUT_BYTES_MAX;
use crate::sealing::Sealing;
use crate::write::abandoned::PartGuard;
use crate::write::digests::{BodyDigests, Claims, Digests};
use crate::write::part::PartFor;
use crate::write::placing::Placed;
use crate::write::source::{Small, Source};
use crate::{BodyStream, ObjectError, Objects, PutObject, PutOutcome};

/// A body that is stored, not yet known to the catalog.
struct Stored {
    content: ContentPut,
    digests: BodyDigests,
    checksum: Option<Checksum>,
    placed: Option<Placed>,
    guard: Option<PartGuard>,
}

impl Objects {
    /// Stores the body as the newest version. Returns once it is durable; on any
    /// error nothing appears.
    // Cancel-safety: until the command is proposed nothing is visible; a part
    // already written is abandoned and condemned through the catalog.
    pub async fn object_put(
        &self,
        authorised: &Authorised,
        ask: PutObject,
        body: BodyStream,
    ) -> Result<PutOutcome, ObjectError> {
        let inner = &*self.inner;
        let seen = inner.object_seen(authorised, &ask.name.bucket, &ask.name.key)?;
        let random = &*inner.parts.random;
        let reference = ReferenceId::draw(random);
        let sealing = Sealing::of_ask(&seen, ask.encryption)?;
        let checksum = ask.checksum.or_default();
        let claims = Claims { length: ask.length, md5: ask.md5, checksum };
        let target = PartFor { seen: &seen, sealing: &sealing, key: &ask.name.key, reference };
        let stored = inner.body_store(&target, claims, body).await?;
        let version = NewVersion {
            random: inner.draw_u64(),
            reference,
            size: stored.digests.size,
            etag: ETag::Md5(stored.digests.md5),
            content: stored.content,
            owner: ask.owner,
            storage_class: ask.storage_class,
            headers: ask.headers,
            metadata: ask.metadata,
            tags: ask.tags,
            checksum: stored.checksum,
            retention: ask.retention,
            legal_hold: ask.legal_hold,
            encryption: sealing.record.clone(),
            acl: ask.acl,
            website_redirect: ask.website_redirect,
        };
        let put = ObjectPut {
            bucket: seen.bucket_ref(),
            key: ask.name.key,
            version,
            condition: ask.condition,
            origin: PutOrigin::Body,
        };
        let put = PlacedCommand::ObjectPut(Box::new(put));
        let done = inner.propose_placed(&seen, stored.placed.as_ref(), put).await?;
        if let Some(guard) = stored.guard {
            guard.kept();
        }
        put_outcome(done, sealing.record)
    }
}

/// What the client is told of a version that was written.
pub(crate) fn put_outcome(
    done: Success,
    encryption: Encryption,
) -> Result<PutOutcome, ObjectError> {
    let Success::Put(done) = done else { return Err(unexpected(&done)) };
    Ok(PutOutcome {
        etag: done.etag,
        version: done.version,
        modified: done.modified,
        size: done.size,
        checksum: done.checksum,
        encryption,
    })
}

/// An answer of the catalog that does not belong to its command.
pub(crate) fn unexpected(success: &Success) -> ObjectError {
    ObjectError::Internal { reason: format!("the catalog answered out of turn: {success:?}") }
}

impl Inner {
    /// A body that may be read: it is not too long, and the catalog would take what
    /// becomes of it. The only way to a [`Source`], so nothing is read in vain.
    pub(crate) fn body_begin(
        &self,
        claims: &Claims,
        body: BodyStream,
    ) -> Result<Source, ObjectError> {
        if claims.length.is_some_and(|length| length.get() > PUT_BYTES_MAX) {
            return Err(ObjectError::EntityTooLarge { limit: ByteCount::new(PUT_BYTES_MAX) });
        }
        self.takes_commands()?;
        Ok(Source::new(body, claims.length))
    }

    /// Takes a body to where it is kept, and holds the claims against it.
    async fn body_store(
        &self,
        target: &PartFor<'_>,
        claims: Claims,
        body: BodyStream,
    ) -> Result<Stored, ObjectError> {
        let mut source = self.body_begin(&claims, body)?;
        let mut digests = Digests::new(claims.checksum.algorithm);
        let first = match source.take_small(INLINE_BYTES_MAX).await? {
            Small::All(bytes) => {
                digests.update(&bytes);
                let digests = digests.finish();
                let checksum = claims.verify(&digests)?;
                let content = self.inline_store(target, &bytes)?;
                return Ok(Stored { content, digests, checksum, placed: None, guard: None });
            }
            Small::More(bytes) => bytes,
        };
        let written = self.part_write(target, &mut source, &first, digests).await?;
        let checksum = claims.verify(&written.digests)?;
        let reference = PartReference {
            part: written.part,
            number: PartNumber::new(1),
            size: written.digests.size,
            md5: written.digests.md5,
            checksum: checksum.clone(),
            modified: self.parts.clock.now(),
            wrapped_key: written.wrapped_key,
        };
        Ok(Stored {
            content: ContentPut::NewPart { reference, layout: written.layout },
            digests: written.digests,
            checksum,
            placed: Some(written.placed),
            guard: Some(written.guard),
        })
    }

    /// Seals a small body for a row of the catalog.
    pub(crate) fn inline_store(
        &self,
        target: &PartFor<'_>,
        bytes: &[u8],
    ) -> Result<ContentPut, ObjectError> {
        if bytes.is_empty() {
            return Ok(ContentPut::Empty);
        }
        let part = PartId::draw(&*self.parts.random);
        let at = target.seen.part_at(target.sealing.keeper(), target.key, target.reference, part);
        let (key, wrapped_key) = self.parts.vault.part_key_create(&at)?;
        let sealed = inline_seal(&key, part, bytes)
            .map_err(|error| ObjectError::Internal { reason: error.to_string() })?;
        Ok(ContentPut::Inline {
            part,
            wrapped_key: SealedBytes::new(wrapped_key),
            sealed: SealedBytes::new(sealed),
        })
    }

    /// 64 random bits.
    pub(crate) fn draw_u64(&self) -> u64 {
        let mut bits = [0_u8; 8];
        self.parts.random.fill(&mut bits);
        u64::from_le_bytes(bits)
    }
}
