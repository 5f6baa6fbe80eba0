//! A snapshot as openraft moves it between nodes: the bytes of a backup.
//!
//! An outgoing one is made while it is read, from a view, and takes no room; an
//! incoming one is collected in memory, up to a limit, until the transfer between
//! sites brings a better place.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use catalog::Rows;
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use crate::backup::header::Header;
use crate::backup::writer::BackupWriter;
use crate::limits::RECEIVED_SNAPSHOT_BYTES_MAX;

/// A catalog on its way.
pub struct CatalogSnapshot(Side);

enum Side {
    Outgoing(Box<Outgoing>),
    Incoming(Cursor<Vec<u8>>),
}

struct Outgoing {
    writer: BackupWriter,
    /// The piece being read, and how much of it was.
    piece: Vec<u8>,
    taken: usize,
    position: u64,
}

impl CatalogSnapshot {
    /// One to be sent.
    pub(crate) fn outgoing(rows: Arc<dyn Rows>, header: Header) -> Self {
        let writer = BackupWriter::new(rows, header);
        let outgoing = Outgoing { writer, piece: Vec::new(), taken: 0, position: 0 };
        Self(Side::Outgoing(Box::new(outgoing)))
    }

    /// One to be received.
    pub(crate) fn incoming() -> Self {
        Self(Side::Incoming(Cursor::new(Vec::new())))
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
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Outgoing {
    /// Forward by reading, back by beginning again: the bytes are made in order.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
        let target = match to {
            SeekFrom::Start(target) => target,
            SeekFrom::Current(by) => {
                self.position.checked_add_signed(by).ok_or_else(unsupported)?
            }
            SeekFrom::End(_) => return Err(unsupported()),
        };
        if target < self.position {
            self.writer = self.writer.again();
            (self.piece, self.taken, self.position) = (Vec::new(), 0, 0);
        }
        let skip = target - self.position;
        io::copy(&mut self.by_ref().take(skip), &mut io::sink())?;
        Ok(self.position)
    }
}

impl Read for CatalogSnapshot {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Side::Outgoing(outgoing) => outgoing.read(out),
            Side::Incoming(bytes) => bytes.read(out),
        }
    }
}

impl Seek for CatalogSnapshot {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.0 {
            Side::Outgoing(outgoing) => outgoing.seek(to),
            Side::Incoming(bytes) => bytes.seek(to),
        }
    }
}

impl AsyncRead for CatalogSnapshot {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut bytes = vec![0; out.remaining().min(64 * 1024)];
        let count = this.read(&mut bytes)?;
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
        let Side::Incoming(received) = &mut self.get_mut().0 else {
            return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
        };
        let end = received.position().saturating_add(bytes.len() as u64);
        if end > RECEIVED_SNAPSHOT_BYTES_MAX as u64 {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        Poll::Ready(received.write(bytes))
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
        self.get_mut().seek(to).map(|_| ())
    }

    fn poll_complete(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        Poll::Ready(Ok(match &this.0 {
            Side::Outgoing(outgoing) => outgoing.position,
            Side::Incoming(bytes) => bytes.position(),
        }))
    }
}
