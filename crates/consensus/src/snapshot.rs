//! A snapshot as openraft moves it between nodes: the bytes of a backup.
//!
//! An outgoing one is made while it is sent, from a view, and takes no room; writes go
//! on meanwhile. An incoming one is collected in a file beside the log:
//! ```text
//! snapshot.new-N  being received, the Nth since the start
//! snapshot        whole and durable, being installed; gone afterwards
//! ```
//! **Invariants**
//! - Rows are replaced only by a snapshot that is whole, verified and durable, so that
//!   an installation that was cut is done again from it.
//! - Two that are received at once, from leaders that follow each other or by a second
//!   try, have a file each.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use catalog::Rows;
use disk::{Disk, DiskError, DiskFile};
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use wire::{Body, BodyError};

use crate::backup::header::Header;
use crate::backup::writer::BackupWriter;
use crate::limits::{SNAPSHOT_PIECE_BYTES, SNAPSHOT_PIECES_AHEAD};

const RECEIVING: &str = "snapshot.new-";
const RECEIVED: &str = "snapshot";

/// A catalog on its way.
pub struct CatalogSnapshot(Side);

enum Side {
    Outgoing(Box<Outgoing>),
    Incoming(Incoming),
}

struct Outgoing {
    writer: BackupWriter,
    /// The piece being read, and how much of it was.
    piece: Vec<u8>,
    taken: usize,
}

/// Where snapshots are received.
#[derive(Clone)]
pub(crate) struct SnapshotPlace {
    pub(crate) disk: Arc<dyn Disk>,
    /// A directory on it that exists.
    pub(crate) directory: String,
    /// How many were begun.
    begun: Arc<AtomicU64>,
}

/// A snapshot in a file, read and written from its beginning.
pub(crate) struct Incoming {
    place: SnapshotPlace,
    file: Arc<dyn DiskFile>,
    /// The file's path while it is being received.
    receiving: Option<String>,
    at: u64,
}

impl SnapshotPlace {
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: String) -> Self {
        Self { disk, directory, begun: Arc::default() }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    /// A file for a snapshot to come.
    fn receive(&self) -> Result<Incoming, DiskError> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let path = self.path(&format!("{RECEIVING}{number}"));
        let file = self.disk.create(&path)?;
        Ok(Incoming { place: self.clone(), file, receiving: Some(path), at: 0 })
    }

    /// Removes what a process before was receiving when it ended.
    pub(crate) fn clear(&self) -> Result<(), DiskError> {
        for name in self.disk.list(&self.directory)? {
            if name.starts_with(RECEIVING) {
                self.disk.remove(&self.path(&name))?;
            }
        }
        Ok(())
    }

    /// The snapshot whose installation was begun, if there is one.
    pub(crate) fn received(&self) -> Result<Option<Incoming>, DiskError> {
        let path = self.path(RECEIVED);
        if !self.disk.exists(&path)? {
            return Ok(None);
        }
        let file = self.disk.open(&path)?;
        Ok(Some(Incoming { place: self.clone(), file, receiving: None, at: 0 }))
    }
}

impl Incoming {
    /// Makes it durable under the name that an installation goes by.
    pub(crate) fn keep(&mut self) -> Result<(), DiskError> {
        self.file.sync_data()?;
        if let Some(from) = &self.receiving {
            self.place.disk.rename(from, &self.place.path(RECEIVED))?;
            self.receiving = None;
        }
        self.place.disk.sync_dir(&self.place.directory)?;
        self.at = 0;
        Ok(())
    }

    /// It is installed, or not wanted.
    pub(crate) fn forget(&self) -> Result<(), DiskError> {
        let path = self.place.path(RECEIVED);
        if self.place.disk.exists(&path)? {
            self.place.disk.remove(&path)?;
        }
        self.place.disk.sync_dir(&self.place.directory)
    }

    /// From its beginning again.
    pub(crate) const fn rewind(&mut self) {
        self.at = 0;
    }
}

impl Drop for Incoming {
    /// One that was not kept takes no room. If that fails, the next start sees to it.
    fn drop(&mut self) {
        if let Some(path) = &self.receiving
            && let Err(error) = self.place.disk.remove(path)
        {
            tracing::debug!(%error, "a snapshot that broke off is left for the next start");
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.file.length().map_err(io::Error::other)?.get();
        let left = usize::try_from(length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = left.min(out.len());
        let part = out.get_mut(..count).unwrap_or_default();
        self.file.read_exact_at(part, self.at).map_err(io::Error::other)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(bytes, self.at).map_err(io::Error::other)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<Incoming> for CatalogSnapshot {
    fn from(incoming: Incoming) -> Self {
        Self(Side::Incoming(incoming))
    }
}

impl CatalogSnapshot {
    /// One to be sent.
    pub(crate) fn outgoing(rows: Arc<dyn Rows>, header: Header) -> Self {
        let writer = BackupWriter::new(rows, header);
        Self(Side::Outgoing(Box::new(Outgoing { writer, piece: Vec::new(), taken: 0 })))
    }

    /// One to be received.
    pub(crate) fn incoming(place: &SnapshotPlace) -> Result<Self, DiskError> {
        Ok(Self(Side::Incoming(place.receive()?)))
    }

    /// One that was received; one made here is written to its place first. Blocks.
    pub(crate) fn into_incoming(self, place: &SnapshotPlace) -> io::Result<Incoming> {
        match self.0 {
            Side::Incoming(incoming) => Ok(incoming),
            Side::Outgoing(mut outgoing) => {
                let mut incoming = place.receive().map_err(io::Error::other)?;
                io::copy(&mut *outgoing, &mut incoming)?;
                Ok(incoming)
            }
        }
    }

    /// Its bytes as they are made, on a thread that may block.
    pub(crate) fn into_body(self) -> Body {
        let Side::Outgoing(outgoing) = self.0 else { return Body::empty() };
        let mut writer = outgoing.writer;
        let (pieces, made) = tokio::sync::mpsc::channel(SNAPSHOT_PIECES_AHEAD);
        let make = async move {
            loop {
                let piece = match writer.next_piece() {
                    Ok(Some(piece)) => Ok(Bytes::from(piece)),
                    Ok(None) => return,
                    Err(error) => Err(BodyError::Broken { reason: error.to_string() }),
                };
                let is_last = piece.is_err();
                // Whoever was to get it may have gone.
                if pieces.send(piece).await.is_err() || is_last {
                    return;
                }
            }
        };
        if host::is_on_the_spot() {
            tokio::spawn(make);
        } else {
            tokio::task::spawn_blocking(move || futures::executor::block_on(make));
        }
        Body::pieces(futures::stream::unfold(made, |mut made| async move {
            made.recv().await.map(|piece| (piece, made))
        }))
    }
}

impl Read for Outgoing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.piece.len() {
            match self.writer.next_piece().map_err(io::Error::other)? {
                Some(piece) => (self.piece, self.taken) = (piece, 0),
                None => return Ok(0),
            }
        }
        let rest = self.piece.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(out.len());
        for (to, from) in out.iter_mut().zip(rest) {
            *to = *from;
        }
        self.taken += count;
        Ok(count)
    }
}

/// openraft wants these of a snapshot, for a way of sending them that only its own
/// tests use: bytes are taken by `CatalogSnapshot::into_body`.
impl AsyncRead for CatalogSnapshot {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = vec![0; out.remaining().min(SNAPSHOT_PIECE_BYTES)];
        let count = match &mut self.get_mut().0 {
            Side::Incoming(incoming) => incoming.read(&mut bytes)?,
            Side::Outgoing(outgoing) => outgoing.read(&mut bytes)?,
        };
        out.put_slice(bytes.get(..count).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CatalogSnapshot {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(match &mut self.get_mut().0 {
            Side::Incoming(incoming) => incoming.write(bytes),
            Side::Outgoing(_) => Err(io::ErrorKind::Unsupported.into()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for CatalogSnapshot {
    fn start_seek(self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        match (&mut self.get_mut().0, to) {
            (Side::Incoming(incoming), SeekFrom::Start(at)) => incoming.at = at,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(match &self.get_mut().0 {
            Side::Incoming(incoming) => Ok(incoming.at),
            Side::Outgoing(_) => Err(io::ErrorKind::Unsupported.into()),
        })
    }
}

impl Seek for Incoming {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(at) => self.at = at,
            SeekFrom::Current(_) | SeekFrom::End(_) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
        }
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use disk::SimDisk;

    use super::*;

    #[test]
    fn two_that_are_received_at_once_are_kept_apart() {
        let disk: Arc<dyn Disk> = SimDisk::new();
        disk.create_dir("log").expect("a directory");
        let place = SnapshotPlace::new(Arc::clone(&disk), "log".to_owned());
        let mut first = place.receive().expect("a file");
        first.write_all(b"the first, whole").expect("written");
        let mut second = place.receive().expect("a file");
        second.write_all(b"the sec").expect("written");
        first.keep().expect("kept");
        let read = |place: &SnapshotPlace| {
            let mut bytes = Vec::new();
            let mut received = place.received().expect("readable").expect("there");
            received.read_to_end(&mut bytes).expect("read");
            bytes
        };
        assert_eq!(read(&place), b"the first, whole");
        drop(second);
        assert_eq!(disk.list("log").expect("listed"), [RECEIVED], "what broke off is gone");
        std::mem::forget(place.receive().expect("a file"));
        SnapshotPlace::new(Arc::clone(&disk), "log".to_owned()).clear().expect("cleared");
        assert_eq!(disk.list("log").expect("listed"), [RECEIVED]);
    }
}
