//! What clients do, at any site, and how it is held against the ledger.

use core::time::Duration;
use std::sync::Arc;

use access::Authorised;
use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use catalog::{After, BucketName, ListAsk, PartAsk, Refusal, VersionAsk};
use objects::{
    CompleteUpload, CreateUpload, DeleteObject, GetObject, ObjectError, ObjectName, Objects,
    PutObject, PutPart, body_of,
};
use parking_lot::Mutex;
use units::PartNumber;

use super::draw::Draw;
use super::invariants::refusals;
use super::ledger::{Key, Ledger, Outcome};
use super::machine::Door;
use super::report::{Event, GrappeReport};
use crate::simulator;

/// The buckets: of two tenants, so that a tenant's policy is not the cluster's.
pub(crate) const BUCKETS: [&str; 3] = ["actes", "plans", "photos"];

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keys of each bucket.
const KEYS: usize = 8;

/// What all clients of a trial share.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) report: Arc<Mutex<GrappeReport>>,
    /// Bodies of tens of kilobytes at most.
    pub(crate) small: bool,
}

impl Clients {
    /// One request at a site.
    pub(crate) async fn request(&self, door: Door, draw: &mut Draw) -> Result<()> {
        let bucket = BUCKETS[draw.below(BUCKETS.len())];
        let key = (bucket, format!("k/{}", draw.below(KEYS)));
        match draw.below(20) {
            0..=2 => self.put(door, &key, body(draw, 1, 4_000), Event::PutInline).await,
            3..=7 => {
                let most = if self.small { 40_000 } else { 300_000 };
                self.put(door, &key, body(draw, 9_000, most), Event::PutLarge).await
            }
            8 => self.multipart(door, &key, draw).await,
            9 | 10 => self.delete(door, &key).await,
            11..=13 => self.list(door, bucket).await,
            _ => self.read(door, &key).await,
        }
    }

    async fn put(&self, door: Door, key: &Key, body: Bytes, event: Event) -> Result<()> {
        let name = ObjectName::new(key.0, &key.1)?;
        let Some(writing) = self.ledger.write_begin(key, Some(body.clone())) else {
            return Ok(());
        };
        let objects = door.objects.clone();
        let put = |by: Authorised| {
            let (objects, plain) = (objects.clone(), PutObject::plain(name.clone()));
            let body = body_of(body.clone());
            async move { objects.object_put(&by, plain, body).await.map(drop) }
        };
        let is_small = event == Event::PutInline;
        let done = door.ask(PATIENCE, self.decided(&objects, is_small, put)).await;
        let outcome = self.told(done, event)?;
        self.ledger.write_end(writing, outcome);
        Ok(())
    }

    async fn multipart(&self, door: Door, key: &Key, draw: &mut Draw) -> Result<()> {
        let name = ObjectName::new(key.0, &key.1)?;
        let last = if self.small { 30_000 } else { 200_000 };
        // The first part is as long as S3 wants it at least, if there are two.
        let mut bodies = vec![body(draw, 10_000, last)];
        if !self.small && draw.one_in(3) {
            bodies.insert(0, body(draw, 5 << 20, 5 << 20));
        }
        let whole = Bytes::from(bodies.concat());
        let Some(writing) = self.ledger.write_begin(key, Some(whole)) else { return Ok(()) };
        let objects = door.objects.clone();
        let ask = async {
            objects.catch_up().await.map_err(|_| None)?;
            let by = simulator();
            let made = objects.upload_create(&by, CreateUpload::plain(name.clone())).await;
            let made = made.map_err(Some)?;
            let upload = objects::UploadName { name: name.clone(), upload: made.upload };
            let mut parts = Vec::new();
            for (number, body) in (1_u16..).zip(bodies) {
                let number = PartNumber::new(number);
                let ask = PutPart::plain(upload.clone(), number);
                let put = objects.upload_part_put(&by, ask, body_of(body)).await;
                let etag = put.map_err(Some)?.etag;
                parts.push(PartAsk { number, etag, checksum: None });
            }
            let complete = CompleteUpload::plain(upload, parts);
            objects.upload_complete(&by, complete).await.map(drop).map_err(Some)
        };
        let done = door.ask(PATIENCE * 2, ask).await;
        let outcome = self.told(done, Event::Multipart)?;
        self.ledger.write_end(writing, outcome);
        Ok(())
    }

    async fn delete(&self, door: Door, key: &Key) -> Result<()> {
        let name = ObjectName::new(key.0, &key.1)?;
        let Some(writing) = self.ledger.write_begin(key, None) else { return Ok(()) };
        let objects = door.objects.clone();
        let delete = |by: Authorised| {
            let (objects, name) = (objects.clone(), name.clone());
            async move {
                let plain = DeleteObject::plain(name.key, VersionAsk::Current);
                objects.object_delete(&by, &name.bucket, plain, false).await.map(drop)
            }
        };
        let done = door.ask(PATIENCE, self.decided(&objects, true, delete)).await;
        let outcome = self.told(done, Event::Delete)?;
        self.ledger.write_end(writing, outcome);
        Ok(())
    }

    /// Has a write decided as a request is: a small one on what its site knows, where that
    /// saves a question; others, and those whose rules have changed since, on the newest.
    async fn decided<Written: Future<Output = Result<(), ObjectError>>>(
        &self,
        objects: &Objects,
        is_small: bool,
        write: impl Fn(Authorised) -> Written,
    ) -> Result<(), Option<ObjectError>> {
        if let Some(entry) = objects.as_of().filter(|_| is_small) {
            match write(simulator().decided_as_of(entry)).await {
                Err(ObjectError::RulesChanged) => self.report.lock().note(Event::DecidedAnew),
                Ok(()) => {
                    self.report.lock().note(Event::AsOf);
                    return Ok(());
                }
                done => return done.map_err(Some),
            }
        }
        objects.catch_up().await.map_err(|_| None)?;
        write(simulator()).await.map_err(Some)
    }

    /// What a client may conclude from an answer to a write, or from none.
    fn told(&self, done: Option<Result<(), Option<ObjectError>>>, event: Event) -> Result<Outcome> {
        Ok(match done {
            Some(Ok(())) => {
                self.report.lock().note(event);
                Outcome::Done
            }
            Some(Err(Some(ObjectError::NotPlaced { reason }))) => {
                refusals::names_its_cause(&reason)?;
                self.report.lock().note(Event::NotPlaced);
                Outcome::Refused
            }
            Some(Err(Some(
                ObjectError::Refused(_)
                | ObjectError::OneDiskLeft { .. }
                | ObjectError::Full
                | ObjectError::CatalogFull(_)
                | ObjectError::SlowDown { .. },
            ))) => Outcome::Refused,
            Some(Err(Some(ObjectError::Internal { reason }))) => {
                bail!("a write met a fault inside: {reason}")
            }
            _ => Outcome::Unknown,
        })
    }

    /// Reads a key whole and holds it against the ledger; whether there was an answer.
    pub(crate) async fn read_answered(&self, door: Door, key: &Key) -> Result<Option<String>> {
        let name = ObjectName::new(key.0, &key.1)?;
        let reading = self.ledger.read_begin(key);
        let objects = door.objects.clone();
        let ask = async {
            objects.catch_up().await?;
            objects.object_get(&simulator(), GetObject::whole(name)).await?.body.collect().await
        };
        let seen = match door.ask(PATIENCE, ask).await {
            Some(Ok(bytes)) => Some(bytes),
            Some(Err(ObjectError::Refused(Refusal::NoSuchKey { .. }))) => None,
            Some(Err(error)) => return Ok(Some(format!("{error}: {error:?}"))),
            None => return Ok(Some("no answer in time".to_owned())),
        };
        let said =
            seen.as_ref().map_or("nothing".to_owned(), |body| format!("{} bytes", body.len()));
        self.ledger.read_end(key, reading, |write| write == seen.as_ref(), &said)?;
        self.report.lock().verified += 1;
        Ok(None)
    }

    async fn read(&self, door: Door, key: &Key) -> Result<()> {
        if self.read_answered(door, key).await?.is_none() {
            self.report.lock().note(Event::Read);
        }
        Ok(())
    }

    async fn list(&self, door: Door, bucket: &'static str) -> Result<()> {
        if self.list_answered(door, bucket).await? {
            self.report.lock().note(Event::List);
        }
        Ok(())
    }

    /// Lists a bucket and holds every key that was ever written against the ledger.
    pub(crate) async fn list_answered(&self, door: Door, bucket: &'static str) -> Result<bool> {
        let keys: Vec<Key> = self.ledger.keys().into_iter().filter(|key| key.0 == bucket).collect();
        let readings: Vec<_> = keys.iter().map(|key| self.ledger.read_begin(key)).collect();
        let objects = door.objects.clone();
        let ask = async {
            objects.catch_up().await?;
            let ask =
                ListAsk { prefix: String::new(), delimiter: None, limit: 1_000, rows_max: None };
            let name = BucketName::new(bucket)
                .map_err(|error| ObjectError::Invalid { reason: error.to_string() })?;
            objects.objects_list(&simulator(), &name, &ask, &After::Start).await
        };
        let Some(Ok(page)) = door.ask(PATIENCE, ask).await else { return Ok(false) };
        ensure!(page.entries.len() <= KEYS, "{} keys of {KEYS} are listed", page.entries.len());
        for (key, reading) in keys.iter().zip(readings) {
            let listed = page.entries.iter().find(|one| one.key.as_str() == key.1);
            let size = listed.map(|one| one.head.size.get());
            let same = |write: Option<&Bytes>| write.map(|body| body.len() as u64) == size;
            self.ledger.read_end(key, reading, same, &format!("{size:?} in a list"))?;
        }
        self.report.lock().verified += 1;
        Ok(true)
    }
}

/// Bytes that say which write they are of, and go on with what does not compress.
fn body(draw: &mut Draw, least: u64, most: u64) -> Bytes {
    let length = usize::try_from(draw.between(least, most)).unwrap_or(0);
    let mut state = draw.number() | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    Bytes::from(bytes)
}
