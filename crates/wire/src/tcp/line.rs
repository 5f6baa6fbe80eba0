//! A connection's bytes: noted as they come, and none after it was cut.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::health::{Health, Heard};
use crate::limits::{READ_BUFFER_BYTES, UPKEEP_WINDOW_BYTES};

/// TLS over a buffered connection, from either end.
pub(super) trait OverTcp {
    /// The connection below.
    fn tcp(&self) -> &TcpStream;
}

impl OverTcp for tokio_rustls::client::TlsStream<BufReader<TcpStream>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.get_ref()
    }
}

impl OverTcp for tokio_rustls::server::TlsStream<BufReader<TcpStream>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.get_ref()
    }
}

/// What is between TLS and HTTP/2.
pub(super) struct Line<S> {
    pub io: S,
    /// Once cancelled, no byte passes in either direction.
    pub cut: CancellationToken,
    pub heard: Arc<Heard>,
    /// The same of the node at the other end, if it is one.
    pub of_node: Option<Arc<Heard>>,
    /// If it is for upkeep.
    pub upkeep: Option<Upkeep>,
}

/// Keeps no more under way on a connection than upkeep may.
pub(super) struct Upkeep {
    /// Of the node at the other end.
    health: Arc<Health>,
    /// The window that the operating system knows.
    set: usize,
}

impl Upkeep {
    /// A connection has been made for upkeep. A first window holds before anything is sent.
    pub(super) fn begin(tcp: &TcpStream, health: Arc<Health>) -> Result<Self> {
        let mut upkeep = Self { health, set: UPKEEP_WINDOW_BYTES };
        upkeep.set(tcp, UPKEEP_WINDOW_BYTES)?;
        Ok(upkeep)
    }

    fn set(&mut self, tcp: &TcpStream, bytes: usize) -> Result<()> {
        socket2::SockRef::from(tcp).set_send_buffer_size(bytes)?;
        self.set = bytes;
        Ok(())
    }

    /// Something is about to be written.
    fn writes(&mut self, tcp: &TcpStream) -> Result<()> {
        let bytes = self.health.window.bytes();
        if bytes == self.set { Ok(()) } else { self.set(tcp, bytes) }
    }
}

/// What is below TLS.
pub(super) fn buffered(tcp: TcpStream) -> BufReader<TcpStream> {
    BufReader::with_capacity(READ_BUFFER_BYTES, tcp)
}

impl<S> Line<S> {
    fn checked(&self) -> Result<()> {
        if self.cut.is_cancelled() {
            return Err(Error::new(ErrorKind::ConnectionAborted, "the connection was cut"));
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        self.checked()?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.heard.now();
            if let Some(of_node) = &self.of_node {
                of_node.now();
            }
        }
        read
    }
}

impl<S: OverTcp> Line<S> {
    /// What comes before a write.
    fn writes(&mut self) -> Result<()> {
        self.checked()?;
        match &mut self.upkeep {
            Some(upkeep) => upkeep.writes(self.io.tcp()),
            None => Ok(()),
        }
    }

    /// What comes of a write.
    fn written<T>(&self, written: Poll<T>) -> Poll<T> {
        if let (Some(upkeep), Poll::Pending) = (&self.upkeep, &written) {
            upkeep.health.window.is_full();
        }
        written
    }
}

impl<S: AsyncWrite + OverTcp + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.writes()?;
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.writes()?;
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.checked()?;
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.written(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.checked()?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
