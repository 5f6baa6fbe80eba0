//! One page of a bucket: the part keys of its uploads, then of its versions.
//!
//! Uploads first: one that is completed meanwhile is met among the versions,
//! whatever its key, since the pass looks at those later. Its parts stay in the
//! same rows.

use catalog::command::{PartKeyPlace, PartKeyRewrap, PartKeysRewrap};
use catalog::limits::PART_KEYS_REWRAP_MAX;
use catalog::{
    AfterUpload, AfterVersion, Bucket, Command, Content, Found, ListAsk, ObjectKey, ObjectVersion,
    SealedBytes, Tenant, VersionAsk, View,
};
use units::{PartId, PartNumber, ReferenceId};
use vault::{Keeper, PartAt};

use super::job::{Place, object_key};
use super::{Page, chain};
use crate::limits::ROTATION_PAGE;
use crate::{Steward, StewardError};

/// What a page has found.
struct Sheet<'a> {
    steward: &'a Steward,
    tenant: &'a Tenant,
    bucket: &'a Bucket,
    view: View,
    looked_at: u64,
    anew: Vec<PartKeyRewrap>,
}

impl Steward {
    /// Looks at one page of uploads or versions.
    pub(super) async fn bucket_page(
        &self,
        tenant: &Tenant,
        bucket: &Bucket,
        place: &Place,
    ) -> Result<Page, StewardError> {
        let view = self.view();
        let mut sheet =
            Sheet { steward: self, tenant, bucket, view, looked_at: 0, anew: Vec::new() };
        let next = match place {
            Place::Versions | Place::Key(_) | Place::Version(..) => sheet.versions(place)?,
            _ => Some(sheet.uploads(place)?),
        };
        let (looked_at, rewrapped) = (sheet.looked_at, sheet.anew.len() as u64);
        if !sheet.anew.is_empty() {
            let (bucket, keys) = (bucket.reference(), sheet.anew);
            self.put_anew(Command::PartKeysRewrap(PartKeysRewrap { bucket, keys })).await?;
        }
        Ok((looked_at, rewrapped, next))
    }
}

impl Sheet<'_> {
    fn is_full(&self) -> bool {
        self.anew.len() >= PART_KEYS_REWRAP_MAX || self.looked_at >= ROTATION_PAGE as u64
    }

    fn uploads(&mut self, place: &Place) -> Result<Place, StewardError> {
        let mut after = AfterUpload::Start;
        if let Place::Uploads(key, upload, number) = place {
            if *number != PartNumber::ZERO
                && let Some(object_key) = object_key(key)
            {
                let reference = ReferenceId::from_u128(upload.to_u128());
                if let Some(number) = self.manifest(&object_key, reference, *number)? {
                    return Ok(Place::Uploads(key.clone(), *upload, number));
                }
            }
            after = AfterUpload::Upload(key.clone(), *upload);
        }
        let ask = ListAsk { limit: ROTATION_PAGE, ..ListAsk::default() };
        let page = self.view.list_uploads(self.bucket.id, &ask, &after)?;
        for listed in page.entries {
            let reference = ReferenceId::from_u128(listed.id.to_u128());
            let at = |number| Place::Uploads(listed.key.as_str().to_owned(), listed.id, number);
            if let Some(number) = self.manifest(&listed.key, reference, PartNumber::ZERO)? {
                return Ok(at(number));
            }
            self.looked_at += 1;
            if self.is_full() {
                return Ok(at(PartNumber::ZERO));
            }
        }
        match page.next {
            Some(AfterUpload::Upload(key, upload)) => {
                Ok(Place::Uploads(key, upload, PartNumber::ZERO))
            }
            _ => Ok(Place::Versions),
        }
    }

    fn versions(&mut self, place: &Place) -> Result<Option<Place>, StewardError> {
        let mut after = AfterVersion::Start;
        if let Place::Key(key) = place {
            after = AfterVersion::Key(key.clone());
        }
        if let Place::Version(key, name, number) = place {
            if *number != PartNumber::ZERO
                && let Some(object_key) = object_key(key)
                && let Found::Object(version) =
                    self.view.object(self.bucket.id, &object_key, VersionAsk::Named(*name))?
                && let Some(number) =
                    self.manifest(&object_key, version.detail.reference, *number)?
            {
                return Ok(Some(Place::Version(key.clone(), *name, number)));
            }
            after = AfterVersion::Version(key.clone(), *name);
        }
        let ask = ListAsk { limit: ROTATION_PAGE, ..ListAsk::default() };
        let page = self.view.list_versions(self.bucket.id, &ask, &after)?;
        for listed in page.entries {
            let name = listed.head.name();
            let at = |number| Place::Version(listed.key.as_str().to_owned(), name, number);
            let exact = VersionAsk::Exact(listed.head.version);
            self.looked_at += 1;
            if let Found::Object(version) = self.view.object(self.bucket.id, &listed.key, exact)?
                && let Some(number) = self.version(&listed.key, &version)?
            {
                return Ok(Some(at(number)));
            }
            if self.is_full() {
                return Ok(Some(at(PartNumber::ZERO)));
            }
        }
        Ok(page.next.map(|next| match next {
            AfterVersion::Version(key, name) => Place::Version(key, name, PartNumber::ZERO),
            AfterVersion::Key(key) | AfterVersion::Prefix(key) => Place::Key(key),
            AfterVersion::Start => Place::Versions,
        }))
    }

    /// The part keys of one version; where to go on if there were too many.
    fn version(
        &mut self,
        key: &ObjectKey,
        version: &ObjectVersion,
    ) -> Result<Option<PartNumber>, StewardError> {
        let reference = version.detail.reference;
        let (part, wrapped) = match &version.detail.content {
            Content::Empty => return Ok(None),
            Content::Inline { part, wrapped_key } => (*part, wrapped_key),
            Content::Part(found) => (found.part, &found.wrapped_key),
            Content::Manifest { .. } => return self.manifest(key, reference, PartNumber::ZERO),
        };
        let place = PartKeyPlace::Version { key: key.clone(), version: version.head.version };
        self.renew(key, reference, part, wrapped, place)?;
        Ok(None)
    }

    /// The part keys of a manifest or an upload, after this number.
    fn manifest(
        &mut self,
        key: &ObjectKey,
        reference: ReferenceId,
        after: PartNumber,
    ) -> Result<Option<PartNumber>, StewardError> {
        let room = ROTATION_PAGE.min(PART_KEYS_REWRAP_MAX.saturating_sub(self.anew.len())).max(1);
        let parts = self.view.manifest_parts(reference, after, room)?;
        let last = parts.last().filter(|_| parts.len() == room).map(|part| part.number);
        for part in &parts {
            self.looked_at += 1;
            let place = PartKeyPlace::Manifest { reference, number: part.number };
            self.renew(key, reference, part.part, &part.wrapped_key, place)?;
        }
        Ok(last)
    }

    fn renew(
        &mut self,
        key: &ObjectKey,
        reference: ReferenceId,
        part: PartId,
        wrapped: &SealedBytes,
        place: PartKeyPlace,
    ) -> Result<(), StewardError> {
        let at = PartAt {
            chain: chain(self.tenant, self.bucket),
            // Of what others must agree to, only the outer wrapping is renewed.
            keeper: Keeper::Bucket,
            object_key: key.as_str(),
            reference,
            part,
        };
        if let Some(new) = self.steward.vault().part_key_renew(&at, wrapped.as_slice())? {
            let (old, new) = (wrapped.clone(), SealedBytes::new(new));
            self.anew.push(PartKeyRewrap { place, old, new });
        }
        Ok(())
    }
}
