//! Named keys (SSE-KMS): what is written under one opens with it and not without,
//! by every way into a bucket, and goes on opening after the tenant's key was rotated.

use anyhow::{Result, ensure};
use bytes::Bytes;
use catalog::command::{BucketKeyRewrap, BucketRef, NamedKeyRewrap, TenantKeyRewrap};
use catalog::{
    BucketName, Command, Content, Encryption, Found, NamedKeyName, SealedBytes, Tenant, VersionAsk,
};
use objects::{
    CompleteUpload, CopyObject, CopySource, CreateUpload, EncryptionAsk, ObjectError, ObjectName,
    PutObject, PutPart, ReadConditions, UploadName, body_of,
};
use simulator::{Running, Site, SiteOptions, simulator};
use units::PartNumber;
use vault::{BucketChain, Keeper, PartAt};

const SMALL: &[u8] = b"a small body";

fn large() -> Bytes {
    Bytes::from((0_u32..600_000).flat_map(u32::to_le_bytes).collect::<Vec<u8>>())
}

fn under(name: &str) -> EncryptionAsk {
    EncryptionAsk::TenantKey { name: Some(name.to_owned()), context: None, bucket_key: false }
}

struct House {
    running: Running,
    tenant: Tenant,
    bucket: BucketName,
}

impl House {
    async fn open(seed: u64) -> Result<Self> {
        let running = Site::new(SiteOptions { seed, disks: 2 }).start().await?;
        let tenant = running.tenant("mairie").await?;
        let bucket = running.bucket(&tenant, "archives", false).await?;
        for name in ["one", "two"] {
            let name = NamedKeyName::new(name)?;
            running.objects.named_key_create(&simulator(), tenant.id, name).await?;
        }
        Ok(Self { running, tenant, bucket })
    }

    fn name(&self, key: &str) -> Result<ObjectName> {
        Ok(ObjectName::new(self.bucket.as_str(), key)?)
    }

    async fn put(&self, key: &str, bytes: Bytes, encryption: EncryptionAsk) -> Result<()> {
        let ask = PutObject { encryption, ..PutObject::plain(self.name(key)?) };
        self.running.objects.object_put(&simulator(), ask, body_of(bytes)).await?;
        Ok(())
    }

    async fn copy(&self, from: &str, to: &str, encryption: EncryptionAsk) -> Result<()> {
        let source = CopySource {
            name: self.name(from)?,
            version: VersionAsk::Current,
            conditions: ReadConditions::default(),
            customer_key: None,
        };
        let ask = CopyObject { encryption, ..CopyObject::plain(source, self.name(to)?) };
        self.running.objects.object_copy(&simulator(), &simulator(), ask).await?;
        Ok(())
    }

    async fn upload(&self, key: &str, parts: &[Bytes], encryption: EncryptionAsk) -> Result<()> {
        let (objects, leave) = (&self.running.objects, simulator());
        let create = CreateUpload { encryption, ..CreateUpload::plain(self.name(key)?) };
        let created = objects.upload_create(&leave, create).await?;
        let upload = UploadName { name: self.name(key)?, upload: created.upload };
        let mut asks = Vec::new();
        for (number, bytes) in (1_u16..).zip(parts) {
            let number = PartNumber::new(number);
            let ask = PutPart::plain(upload.clone(), number);
            let done = objects.upload_part_put(&leave, ask, body_of(bytes.clone())).await?;
            asks.push(catalog::PartAsk { number, etag: done.etag, checksum: None });
        }
        objects.upload_complete(&leave, CompleteUpload::plain(upload, asks)).await?;
        Ok(())
    }

    async fn check(&self, key: &str, expected: &[u8]) -> Result<()> {
        let found = self.running.get(&self.name(key)?).await?;
        ensure!(found == expected, "{key} reads {} bytes of {}", found.len(), expected.len());
        Ok(())
    }
}

#[tokio::test]
async fn a_named_key_must_agree_before_a_part_key_opens() -> Result<()> {
    let house = House::open(1).await?;
    house.put("small", Bytes::from_static(SMALL), under("one")).await?;
    let view = house.running.consensus.view();
    let bucket = view.bucket(&house.bucket)?.expect("the bucket");
    let name = house.name("small")?;
    let Found::Object(version) = view.object(bucket.id, &name.key, VersionAsk::Current)? else {
        panic!("the object is not there");
    };
    let Content::Inline { part, wrapped_key } = &version.detail.content else {
        panic!("{:?}", version.detail.content);
    };
    let chain = BucketChain {
        tenant: house.tenant.id,
        tenant_key: house.tenant.wrapped_key.as_slice(),
        bucket: bucket.id,
        bucket_key: bucket.wrapped_key.as_slice(),
    };
    let rows = view.named_keys(house.tenant.id, None, 10)?;
    let open = |keeper| {
        let at = PartAt {
            chain,
            keeper,
            object_key: name.key.as_str(),
            reference: version.detail.reference,
            part: *part,
        };
        house.running.objects.parts().vault.part_key_open(&at, wrapped_key.as_slice()).is_ok()
    };
    assert!(!open(Keeper::Bucket), "the bucket key alone opens it");
    let [one, two] = rows.as_slice() else { panic!("{rows:?}") };
    assert!(open(Keeper::Named { name: "one", key: one.wrapped_key.as_slice() }));
    assert!(!open(Keeper::Named { name: "two", key: two.wrapped_key.as_slice() }));
    let recorded = Encryption::Named { key: one.name.clone(), context: None, bucket_key: false };
    assert_eq!(version.detail.encryption, recorded);
    Ok(())
}

#[tokio::test]
async fn every_way_in_uses_the_named_key() -> Result<()> {
    let house = House::open(2).await?;
    house.put("small", Bytes::from_static(SMALL), under("one")).await?;
    house.put("large", large(), under("arn:aws:kms:eu-west-3:mairie:key/one")).await?;
    house.put("plain", large(), EncryptionAsk::Unasked).await?;
    let parts = [large(), large(), large(), large()].concat();
    let part = Bytes::from(parts.get(..5 << 20).expect("enough bytes").to_vec());
    house.upload("multipart", &[part.clone(), part.clone()], under("two")).await?;
    let whole = [part.as_ref(), part.as_ref()].concat();
    for (from, bytes) in
        [("small", SMALL), ("large", &large()[..]), ("plain", &large()[..]), ("multipart", &whole)]
    {
        house.check(from, bytes).await?;
        let asks = [("to-two", under("two")), ("to-none", EncryptionAsk::SiteManaged)];
        for (to, encryption) in asks {
            let to = format!("{from}-{to}");
            house.copy(from, &to, encryption).await?;
            house.check(&to, bytes).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_key_is_refused_and_nothing_appears() -> Result<()> {
    let house = House::open(3).await?;
    house.put("small", Bytes::from_static(SMALL), under("one")).await?;
    let refused = |error: anyhow::Error| {
        let error = error.downcast::<ObjectError>().expect("an error of the object path");
        assert!(matches!(error, ObjectError::TenantKeyUnavailable { .. }), "{error}");
    };
    for name in ["three", "", "arn:aws:kms:eu-west-3:mairie:alias/one", "a/b"] {
        let bytes = Bytes::from_static(SMALL);
        refused(house.put("new", bytes.clone(), under(name)).await.expect_err(name));
        refused(house.copy("small", "new", under(name)).await.expect_err(name));
        refused(house.upload("new", &[bytes], under(name)).await.expect_err(name));
    }
    assert!(house.running.get(&house.name("new")?).await.is_err());
    Ok(())
}

#[tokio::test]
async fn what_a_named_key_seals_outlives_a_rotation_of_the_tenant_key() -> Result<()> {
    let house = House::open(4).await?;
    house.put("small", Bytes::from_static(SMALL), under("one")).await?;
    house.put("large", large(), under("two")).await?;
    let consensus = &house.running.consensus;
    let vault = &house.running.objects.parts().vault;
    let id = house.tenant.id;
    let tenant_set = async |old: SealedBytes, new: Vec<u8>| {
        let new = SealedBytes::new(new);
        let rewrap = TenantKeyRewrap { id, old, new };
        consensus.propose(Command::TenantKeyRewrap(rewrap)).await
    };
    let old = house.tenant.wrapped_key.clone();
    let rotated = vault.tenant_rotate(id, old.as_slice())?;
    tenant_set(old, rotated.clone()).await?;
    let view = consensus.view();
    let bucket = view.bucket(&house.bucket)?.expect("the bucket");
    let chain = BucketChain {
        tenant: id,
        tenant_key: &rotated,
        bucket: bucket.id,
        bucket_key: bucket.wrapped_key.as_slice(),
    };
    let new = SealedBytes::new(vault.bucket_key_rewrap(&chain)?.expect("an older generation"));
    let reference = BucketRef { name: bucket.name.clone(), id: bucket.id };
    let mut rings = vec![new.clone()];
    let rewrap = BucketKeyRewrap { bucket: reference, old: bucket.wrapped_key.clone(), new };
    consensus.propose(Command::BucketKeyRewrap(rewrap)).await?;
    for key in view.named_keys(id, None, 10)? {
        let wrapped =
            vault.named_key_rewrap(id, &rotated, key.name.as_str(), key.wrapped_key.as_slice())?;
        let new = SealedBytes::new(wrapped.expect("an older generation"));
        rings.push(new.clone());
        let rewrap = NamedKeyRewrap { tenant: id, name: key.name, old: key.wrapped_key, new };
        consensus.propose(Command::NamedKeyRewrap(rewrap)).await?;
    }
    let rings = rings.iter().map(SealedBytes::as_slice);
    let retired = vault.tenant_retire(id, &rotated, rings, core::iter::empty())?;
    tenant_set(SealedBytes::new(rotated), retired).await?;
    house.check("small", SMALL).await?;
    house.check("large", &large()).await?;
    house.copy("large", "copy", under("one")).await?;
    house.check("copy", &large()).await
}
