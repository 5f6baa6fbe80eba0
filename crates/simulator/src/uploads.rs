//! Multipart uploads in a trial: done at once, or left open over power cuts and
//! completed or given up in another life.

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use catalog::{PartAsk, Refusal};
use objects::{
    CompleteOutcome, CompleteUpload, CreateUpload, ObjectError, ObjectName, Objects, PutPart,
    UploadName, body_of,
};
use rand::Rng;
use units::PartNumber;

use crate::locks::Lock;
use crate::report::Kind;
use crate::site::simulator;
use crate::world::World;

/// The least a part other than the last may have.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// Most uploads open at a time.
const OPEN_MAX: usize = 4;

/// An upload that was acknowledged with its part, and is neither completed nor
/// given up.
#[derive(Clone)]
pub(crate) struct OpenUpload {
    upload: UploadName,
    part: PartAsk,
    body: Bytes,
}

impl World {
    pub(crate) async fn multipart(&mut self) -> Result<()> {
        let name = self.key();
        let mut parts = vec![self.body()];
        if !self.trial.small || self.rng.random_ratio(1, 6) {
            parts.insert(0, self.bytes(PART_BYTES));
        }
        let whole: Bytes = parts.concat().into();
        let objects = self.running()?.objects.clone();
        let outcome = store(&objects, &name, &parts).await;
        if let Some(done) = self.noted(Kind::Multipart, &name, Some(whole.clone()), outcome)? {
            self.noted_version(name, done.version, whole, Lock::NONE);
        }
        Ok(())
    }

    /// Begins an upload and puts its part; nothing is to be seen of the key yet.
    pub(crate) async fn upload_open(&mut self) -> Result<()> {
        if self.uploads.len() >= OPEN_MAX {
            return Ok(());
        }
        let (name, body) = (self.key(), self.body());
        let objects = self.running()?.objects.clone();
        match begin(&objects, &name, core::slice::from_ref(&body)).await {
            Ok((upload, parts)) => {
                self.report.acknowledged += 1;
                self.report.note(Kind::UploadOpened);
                let opened = parts.into_iter().map(|part| OpenUpload {
                    upload: upload.clone(),
                    part,
                    body: body.clone(),
                });
                self.uploads.extend(opened);
            }
            Err(_) if self.is_excused() => self.report.unknown += 1,
            Err(ObjectError::OneDiskLeft { .. }) if self.has_one_disk_left() => {}
            Err(error) => bail!("an upload could not be begun: {error:?}"),
        }
        Ok(())
    }

    /// Completes an open upload, or gives it up.
    pub(crate) async fn upload_close(&mut self) -> Result<()> {
        if self.uploads.is_empty() {
            return Ok(());
        }
        let at = self.rng.random_range(0..self.uploads.len());
        let OpenUpload { upload, part, body } = self.uploads.remove(at);
        let objects = self.running()?.objects.clone();
        if self.rng.random_bool(0.5) {
            return self.upload_abort(&objects, upload).await;
        }
        let ask = CompleteUpload::plain(upload.clone(), vec![part]);
        let outcome = objects.upload_complete(&simulator(), ask).await;
        let name = upload.name;
        let noted = self.noted(Kind::UploadCompleted, &name, Some(body.clone()), outcome)?;
        if let Some(done) = noted {
            self.noted_version(name, done.version, body, Lock::NONE);
        }
        Ok(())
    }

    async fn upload_abort(&mut self, objects: &Objects, upload: UploadName) -> Result<()> {
        match objects.upload_abort(&simulator(), &upload).await {
            Ok(()) => {
                self.report.acknowledged += 1;
                self.report.note(Kind::UploadAborted);
                let listed = objects.parts_list(&simulator(), &upload, None, 10).await;
                let gone = matches!(listed, Err(ObjectError::Refused(Refusal::NoSuchUpload)));
                ensure!(gone || self.is_excused(), "an upload given up is still there");
            }
            Err(_) if self.is_excused() => self.report.unknown += 1,
            Err(error) => bail!("an upload could not be given up: {error:?}"),
        }
        Ok(())
    }

    /// Every open upload still has its part.
    pub(crate) async fn look_at_uploads(&mut self) -> Result<()> {
        let objects = self.running()?.objects.clone();
        for OpenUpload { upload, part, body } in &self.uploads {
            let (_, parts) = objects.parts_list(&simulator(), upload, None, 10).await?;
            let [listed] = parts.as_slice() else { bail!("{} parts of {upload:?}", parts.len()) };
            let same = listed.number == part.number && listed.size.get() == body.len() as u64;
            ensure!(same, "the part of {upload:?} is another one");
            self.report.verified += 1;
        }
        Ok(())
    }
}

async fn begin(
    objects: &Objects,
    name: &ObjectName,
    parts: &[Bytes],
) -> Result<(UploadName, Vec<PartAsk>), ObjectError> {
    let by = simulator();
    let created = objects.upload_create(&by, CreateUpload::plain(name.clone())).await?;
    let upload = UploadName { name: name.clone(), upload: created.upload };
    let mut asked = Vec::new();
    for (number, body) in (1_u16..).zip(parts) {
        let part = PartNumber::new(number);
        let ask = PutPart::plain(upload.clone(), part);
        let done = objects.upload_part_put(&by, ask, body_of(body.clone())).await?;
        asked.push(PartAsk { number: part, etag: done.etag, checksum: None });
    }
    Ok((upload, asked))
}

async fn store(
    objects: &Objects,
    name: &ObjectName,
    parts: &[Bytes],
) -> Result<CompleteOutcome, ObjectError> {
    let (upload, asked) = begin(objects, name, parts).await?;
    objects.upload_complete(&simulator(), CompleteUpload::plain(upload, asked)).await
}
