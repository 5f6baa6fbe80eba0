//! A connection's bytes: noted as they come, and none after it was cut.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::health::Heard;
use crate::limits::{READ_BUFFER_BYTES, UPKEEP_SEND_BUFFER_BYTES};

/// What is between TLS and HTTP/2.
pub(super) struct Line<S> {
    pub io: S,
    /// Once cancelled, no byte passes in either direction.
    pub cut: CancellationToken,
    pub heard: Arc<Heard>,
    /// The same of the node at the other end, if it is one.
    pub of_node: Option<Arc<Heard>>,
}

/// What is below TLS.
pub(super) fn buffered(tcp: TcpStream) -> BufReader<TcpStream> {
    BufReader::with_capacity(READ_BUFFER_BYTES, tcp)
}

/// Keeps little under way on a connection for upkeep.
pub(super) fn upkeep_narrow(tcp: &TcpStream) -> core::result::Result<(), String> {
    let socket = socket2::SockRef::from(tcp);
    socket.set_send_buffer_size(UPKEEP_SEND_BUFFER_BYTES).map_err(|error| error.to_string())
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

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.checked()?;
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.checked()?;
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.checked()?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.checked()?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
