//! A bucket in memory that fails as it is told: for tests.

use core::time::Duration;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};
use parking_lot::Mutex;
use units::ByteCount;

use crate::{BucketDisk, BucketError, BucketPlace};

/// What becomes of the request during which a bucket goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Lost,
    /// It was carried out, and nobody was told.
    Done,
    /// It is carried out later: [`FaultyStore::late_arrive`].
    Late,
}

#[derive(Debug, Default)]
struct Rules {
    puts: u64,
    cut: Option<(u64, u64, Fate)>,
    is_down: bool,
    is_full: bool,
    late: Vec<(Path, PutPayload)>,
    /// Requests that fail once before one of them is done.
    stumbles: u64,
}

/// A bucket in memory. Clones share what it holds and how it fails.
#[derive(Clone, Debug, Default)]
pub struct FaultyStore {
    objects: Arc<InMemory>,
    rules: Arc<Mutex<Rules>>,
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

/// Where such a bucket is, with so much room.
pub fn place(room: u64) -> BucketPlace {
    BucketPlace {
        url: "s3://fragments/essaim".to_owned(),
        bucket: "fragments".to_owned(),
        prefix: "essaim".to_owned(),
        endpoint: "http://127.0.0.1:1".to_owned(),
        region: "garage".to_owned(),
        room: ByteCount::new(room),
    }
}

/// Opens such a bucket as a disk that keeps the ends of files no longer than it must.
pub fn open_hasty(
    store: &FaultyStore,
    room: u64,
) -> std::result::Result<Arc<BucketDisk>, BucketError> {
    BucketDisk::open_sweeping(&place(room), Arc::new(store.clone()), "node-1", Duration::ZERO)
}

fn refused(path: &Path) -> Error {
    Error::PermissionDenied { path: path.to_string(), source: "it is cut off".into() }
}

fn stumbled() -> Error {
    Error::Generic { store: "faulty", source: "a moment of weakness".into() }
}

impl FaultyStore {
    /// With the put of this number, counted from 0 now, the bucket goes away; for so many
    /// puts, and for all other requests meanwhile.
    pub fn cut_at(&self, put: u64, lasting: u64, fate: Fate) {
        let mut rules = self.rules.lock();
        let first = rules.puts + put;
        rules.cut = Some((first, first.saturating_add(lasting), fate));
    }

    /// It goes away, or comes back.
    pub fn down_set(&self, is_down: bool) {
        let mut rules = self.rules.lock();
        rules.is_down = is_down;
        rules.cut = None;
    }

    /// It has no room, or has some.
    pub fn full_set(&self, is_full: bool) {
        self.rules.lock().is_full = is_full;
    }

    /// So many requests fail, in a way that trying again mends.
    pub fn stumble(&self, times: u64) {
        self.rules.lock().stumbles = times;
    }

    /// Puts so far.
    pub fn puts(&self) -> u64 {
        self.rules.lock().puts
    }

    /// What had been given up arrives.
    pub async fn late_arrive(&self) {
        let late = std::mem::take(&mut self.rules.lock().late);
        for (path, payload) in late {
            let put = self.objects.put(&path, payload).await;
            assert!(put.is_ok(), "memory takes what it is given");
        }
    }

    /// The paths of all objects.
    pub async fn paths(&self) -> Vec<String> {
        let listed = self.objects.list(None);
        let paths = listed.filter_map(async |meta| Some(meta.ok()?.location.to_string()));
        paths.collect().await
    }

    /// Turns a byte of every object over whose path ends so.
    pub async fn rot(&self, suffix: &str) {
        for path in self.paths().await.into_iter().filter(|path| path.ends_with(suffix)) {
            let path = Path::from(path);
            let Ok(found) = self.objects.get(&path).await else { continue };
            let Ok(bytes) = found.bytes().await else { continue };
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 0x40;
            }
            let put = self.objects.put(&path, bytes.into()).await;
            assert!(put.is_ok(), "memory takes what it is given");
        }
    }

    /// Whether a request goes through that is no put.
    fn passes(&self, path: &Path) -> Result<()> {
        let mut rules = self.rules.lock();
        let is_cut =
            rules.cut.is_some_and(|(first, end, _)| (first + 1..end).contains(&rules.puts));
        if rules.is_down || is_cut {
            return Err(refused(path));
        }
        if rules.stumbles > 0 {
            rules.stumbles -= 1;
            return Err(stumbled());
        }
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let fate = {
            let mut rules = self.rules.lock();
            if rules.is_down {
                return Err(refused(path));
            }
            if rules.is_full {
                let source = "QuotaExceeded: the bucket is full".into();
                return Err(Error::PermissionDenied { path: path.to_string(), source });
            }
            if rules.stumbles > 0 {
                rules.stumbles -= 1;
                return Err(stumbled());
            }
            let number = rules.puts;
            rules.puts += 1;
            match rules.cut {
                Some((first, _, fate)) if number == first => {
                    if fate == Fate::Late {
                        rules.late.push((path.clone(), payload.clone()));
                    }
                    Some(fate)
                }
                Some((first, end, _)) if (first..end).contains(&number) => Some(Fate::Lost),
                _ => None,
            }
        };
        match fate {
            None => self.objects.put_opts(path, payload, options).await,
            Some(fate) => {
                if fate == Fate::Done {
                    self.objects.put_opts(path, payload, options).await?;
                }
                Err(refused(path))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.passes(path)?;
        self.objects.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        if let Err(error) = self.passes(&Path::default()) {
            return stream::iter([Err(error)]).boxed();
        }
        self.objects.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if let Err(error) = self.passes(&Path::default()) {
            return stream::iter([Err(error)]).boxed();
        }
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
