//! What the verbs answer with, where it is more than a row of the catalog.

use core::fmt;
use core::ops::Range;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use catalog::{AccessKey, Checksum, ObjectVersion, Tenant, User};
use futures::Stream;
use units::{ByteCount, PartNumber};
use zeroize::Zeroizing;

use crate::ObjectError;

/// What a head request tells.
#[derive(Clone, Debug)]
pub struct ObjectHead {
    /// The version read.
    pub version: Arc<ObjectVersion>,
    /// Whether its bucket shows version ids (versioning on or suspended).
    pub versioned: bool,
    /// The bytes asked for, within the object.
    pub range: Range<u64>,
    /// Whether a range or a part was asked for (206).
    pub partial: bool,
    /// How many parts, where it was a multipart upload.
    pub parts_count: Option<u16>,
    /// The digest of what is given: the object's, or the part's.
    pub checksum: Option<Checksum>,
}

/// A head and its bytes.
pub struct ObjectReader {
    /// As a head request would tell.
    pub head: ObjectHead,
    /// The bytes of `head.range`.
    pub body: ObjectBody,
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader").field("head", &self.head).finish_non_exhaustive()
    }
}

type BytesStream = Pin<Box<dyn Stream<Item = Result<Bytes, ObjectError>> + Send>>;

/// Plain object bytes in order; an error ends the stream, and the client's
/// connection with it.
pub struct ObjectBody {
    stream: parking_lot::Mutex<BytesStream>,
    remaining: ByteCount,
}

impl ObjectBody {
    pub(crate) fn new(stream: BytesStream, length: ByteCount) -> Self {
        Self { stream: parking_lot::Mutex::new(stream), remaining: length }
    }

    /// Bytes still to come.
    pub fn remaining(&self) -> ByteCount {
        self.remaining
    }

    /// Everything at once; for small objects and tests.
    pub async fn collect(mut self) -> Result<Bytes, ObjectError> {
        use futures::StreamExt;
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await {
            all.extend_from_slice(&bytes?);
        }
        Ok(all.into())
    }
}

impl Stream for ObjectBody {
    type Item = Result<Bytes, ObjectError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = core::task::ready!(self.stream.get_mut().as_mut().poll_next(cx));
        if let Some(Ok(bytes)) = &next {
            let taken = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.remaining = self.remaining.minus(ByteCount::new(taken));
        }
        Poll::Ready(next)
    }
}

/// What a signature check needs to know about an access key.
#[derive(Clone)]
pub struct Credential {
    /// The key's row: scope, end date, revocation.
    pub key: AccessKey,
    /// The tenant it belongs to.
    pub tenant: Arc<Tenant>,
    /// The user it belongs to, if not the tenant itself.
    pub user: Option<Arc<User>>,
    /// The secret; wiped on drop, shown to nobody.
    pub secret: Arc<Zeroizing<String>>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A new access key, with its secret for the only time.
#[derive(Clone)]
pub struct AccessKeyMade {
    /// The key's row.
    pub key: AccessKey,
    /// The secret.
    pub secret: Zeroizing<String>,
}

impl fmt::Debug for AccessKeyMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeyMade").field("key", &self.key).finish_non_exhaustive()
    }
}

/// One part of a finished multipart object.
#[derive(Clone, Debug)]
pub struct ObjectPart {
    /// Its number.
    pub part: PartNumber,
    /// Its bytes.
    pub size: ByteCount,
    /// Its digest.
    pub checksum: Option<Checksum>,
}

/// One page of an object's parts.
#[derive(Clone, Debug)]
pub struct ObjectPartListing {
    /// How many parts there are in all.
    pub count: u16,
    /// Parts, ascending by number.
    pub parts: Vec<ObjectPart>,
    /// Give this as `after` for the next page; `None` at the end.
    pub next: Option<PartNumber>,
}
