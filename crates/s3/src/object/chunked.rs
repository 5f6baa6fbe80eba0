//! Framing of `aws-chunked` bodies, checked before the protocol library sees them.
//!
//! ```text
//! hex-size [";chunk-signature=" 64HEX] CRLF  data  CRLF     (repeated)
//! "0"      [";chunk-signature=" 64HEX] CRLF [CRLF]          (the last chunk)
//! trailer-name ":" value CRLF …                             (only if announced)
//! ```
//!
//! The library verifies the chain of chunk signatures, but takes the end of the
//! connection for the end of the body, holds one whole chunk in memory whatever
//! its announced size, and does not compare the sum of the chunks with
//! `x-amz-decoded-content-length`. [`ChunkGuard`] closes those holes:
//!
//! **Invariants**
//! - A body ends well only after its last, empty chunk.
//! - The chunks add up to exactly the announced decoded length.
//! - No signed chunk is larger than [`SIGNED_CHUNK_BYTES_MAX`]; unsigned chunks of
//!   any size are cut into the pieces in which they arrive, so nothing waits in
//!   memory for its end.
//! - Only bodies of requests signed in their header get here: others that announce
//!   chunks are refused before (`server::claim`), since the library would store them
//!   with their framing.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use parking_lot::Mutex;
use thiserror::Error;

use crate::limits::{
    CHUNK_LINE_BYTES_MAX, SIGNED_CHUNK_BYTES_MAX, TRAILER_BYTES_MAX, UNMEASURED_BYTES_MAX,
};

/// What happens to the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Each chunk carries a signature: everything passes unchanged.
    Signed,
    /// The chunks carry none: they are cut as they come.
    Unsigned,
}

/// How the body is framed, from `x-amz-content-sha256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    /// What happens to it.
    pub mode: Mode,
    /// Trailing headers follow the last chunk.
    pub trailer: bool,
    /// What the chunks must add up to, from `x-amz-decoded-content-length`.
    pub decoded_length: u64,
}

impl Framing {
    /// The framing that the headers announce; `None` if the body is not chunked.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (mode, trailer) = match text("x-amz-content-sha256")? {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => (Mode::Signed, false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => (Mode::Signed, true),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => (Mode::Unsigned, true),
            _ => return None,
        };
        let decoded_length = text("x-amz-decoded-content-length")?.parse().ok()?;
        Some(Self { mode, trailer, decoded_length })
    }
}

/// A body as the protocol library takes it, guarded if its headers announce framing.
pub(crate) fn guarded<B>(parts: &mut http::request::Parts, body: B) -> s3s::Body
where
    B: Body<Data = Bytes, Error = s3s::StdError> + Send + 'static,
{
    match Framing::of(&parts.headers) {
        None if body.is_end_stream() => s3s::Body::empty(),
        None => s3s::Body::http_body_unsync(body),
        Some(framing) => {
            let findings = ChunkFindings::default();
            parts.extensions.insert(findings.clone());
            s3s::Body::http_body_unsync(ChunkGuard::new(Box::pin(body), framing, findings))
        }
    }
}

/// A body without a length, read whole so that it has one; only small ones are.
pub(crate) async fn measured<B>(
    parts: &mut http::request::Parts,
    body: B,
) -> s3s::S3Result<s3s::Body>
where
    B: Body<Data = Bytes, Error = s3s::StdError> + Send + 'static,
{
    let body = http_body_util::Limited::new(body, UNMEASURED_BYTES_MAX);
    let bytes = http_body_util::BodyExt::collect(body).await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            s3s::s3_error!(MissingContentLength)
        } else {
            s3s::s3_error!(IncompleteBody)
        }
    })?;
    let bytes = bytes.to_bytes();
    parts.headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Ok(s3s::Body::from(bytes))
}

/// What the guard found out, for the verb that reads the body.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChunkFindings(Arc<Mutex<Option<ChunkError>>>);

impl ChunkFindings {
    /// Why the framing was refused, if it was.
    pub(crate) fn fault(&self) -> Option<ChunkError> {
        self.0.lock().clone()
    }
}

/// A body whose framing is not what was announced.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ChunkError {
    /// The connection ended before the last chunk.
    #[error("the chunked body ends before its last chunk")]
    Incomplete,
    /// A line or separator is not what the framing asks for.
    #[error("the chunk framing is malformed: {what}")]
    Malformed {
        /// What was wrong.
        what: &'static str,
    },
    /// A signed chunk is larger than is accepted.
    #[error("a signed chunk of {bytes} bytes is larger than {max}")]
    ChunkTooLarge {
        /// Announced size.
        bytes: u64,
        /// Largest accepted.
        max: u64,
    },
    /// The chunks do not add up.
    #[error("the chunks hold {found} bytes but {announced} were announced")]
    LengthMismatch {
        /// What `x-amz-decoded-content-length` says.
        announced: u64,
        /// What the chunks hold so far.
        found: u64,
    },
    /// The transport failed.
    #[error("the body broke off: {reason}")]
    Broken {
        /// What the transport said.
        reason: String,
    },
}

/// Where in the framing the next byte falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a size line.
    Line,
    /// In the data of a chunk.
    Data { left: u64 },
    /// In the CRLF after a chunk's data.
    Separator,
    /// After the last chunk: separator or trailers.
    Trailers { bytes: usize },
}

/// The pure part: takes bytes as they come, says what to pass on.
#[derive(Debug)]
struct Framer {
    framing: Framing,
    state: State,
    line: BytesMut,
    separator: usize,
    decoded: u64,
}

impl Framer {
    fn new(framing: Framing) -> Self {
        Self { framing, state: State::Line, line: BytesMut::new(), separator: 0, decoded: 0 }
    }

    /// Takes one piece of the wire, appends what goes on to `out`.
    fn take(&mut self, mut piece: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), ChunkError> {
        while !piece.is_empty() {
            match self.state {
                State::Line => self.take_line(&mut piece, out)?,
                State::Data { left } => self.take_data(left, &mut piece, out),
                State::Separator => self.take_separator(&mut piece, out)?,
                State::Trailers { bytes } => {
                    let bytes = bytes.saturating_add(piece.len());
                    if bytes > TRAILER_BYTES_MAX {
                        return Err(ChunkError::Malformed { what: "trailers too long" });
                    }
                    if !self.framing.trailer && piece.iter().any(|b| !matches!(b, b'\r' | b'\n')) {
                        return Err(ChunkError::Malformed { what: "bytes after the last chunk" });
                    }
                    self.state = State::Trailers { bytes };
                    out.push_back(core::mem::take(&mut piece));
                }
            }
        }
        Ok(())
    }

    fn take_line(
        &mut self,
        piece: &mut Bytes,
        out: &mut VecDeque<Bytes>,
    ) -> Result<(), ChunkError> {
        let Some(end) = piece.iter().position(|&b| b == b'\n') else {
            self.line.extend_from_slice(piece);
            piece.clear();
            return if self.line.len() > CHUNK_LINE_BYTES_MAX {
                Err(ChunkError::Malformed { what: "size line too long" })
            } else {
                Ok(())
            };
        };
        self.line.extend_from_slice(&piece.split_to(end.saturating_add(1)));
        if self.line.len() > CHUNK_LINE_BYTES_MAX {
            return Err(ChunkError::Malformed { what: "size line too long" });
        }
        let line = self.line.split().freeze();
        let size = chunk_size(&line)?;
        self.decoded = self.decoded.saturating_add(size);
        let announced = self.framing.decoded_length;
        if self.decoded > announced || (size == 0 && self.decoded != announced) {
            return Err(ChunkError::LengthMismatch { announced, found: self.decoded });
        }
        let signed = self.framing.mode == Mode::Signed;
        if signed && size > SIGNED_CHUNK_BYTES_MAX {
            return Err(ChunkError::ChunkTooLarge { bytes: size, max: SIGNED_CHUNK_BYTES_MAX });
        }
        if size == 0 {
            self.state = State::Trailers { bytes: 0 };
            out.push_back(line);
        } else {
            self.state = State::Data { left: size };
            if signed {
                out.push_back(line);
            }
        }
        Ok(())
    }

    fn take_data(&mut self, left: u64, piece: &mut Bytes, out: &mut VecDeque<Bytes>) {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let data = piece.split_to(here);
        let left = left.saturating_sub(here as u64);
        if self.framing.mode == Mode::Unsigned {
            out.push_back(Bytes::from(format!("{here:x}\r\n")));
            out.push_back(data);
            out.push_back(Bytes::from_static(b"\r\n"));
        } else {
            out.push_back(data);
        }
        self.state = if left == 0 { State::Separator } else { State::Data { left } };
    }

    fn take_separator(
        &mut self,
        piece: &mut Bytes,
        out: &mut VecDeque<Bytes>,
    ) -> Result<(), ChunkError> {
        let byte = piece.split_to(1);
        let expected: &[u8] = if self.separator == 0 { b"\r" } else { b"\n" };
        if byte != expected {
            return Err(ChunkError::Malformed { what: "no line end after a chunk" });
        }
        if self.framing.mode == Mode::Signed {
            out.push_back(byte);
        }
        if self.separator == 0 {
            self.separator = 1;
        } else {
            self.separator = 0;
            self.state = State::Line;
        }
        Ok(())
    }

    /// The connection ended: may it?
    fn finish(&self) -> Result<(), ChunkError> {
        match self.state {
            State::Trailers { .. } => Ok(()),
            _ => Err(ChunkError::Incomplete),
        }
    }
}

/// The size that a size line announces.
fn chunk_size(line: &[u8]) -> Result<u64, ChunkError> {
    let malformed = ChunkError::Malformed { what: "size is not hexadecimal" };
    let digits = line.split(|&b| matches!(b, b';' | b'\r' | b'\n')).next().unwrap_or_default();
    // Eight digits at most, as the protocol library reads no more.
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(malformed);
    }
    if !line.ends_with(b"\r\n") {
        return Err(ChunkError::Malformed { what: "size line does not end with CRLF" });
    }
    core::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or(malformed)
}

/// A request body whose `aws-chunked` framing is checked in passing.
#[derive(Debug)]
pub(crate) struct ChunkGuard<B> {
    inner: B,
    framer: Framer,
    out: VecDeque<Bytes>,
    ended: bool,
    findings: ChunkFindings,
}

impl<B> ChunkGuard<B> {
    /// Guards `inner`; what is found out goes to `findings`.
    pub(crate) fn new(inner: B, framing: Framing, findings: ChunkFindings) -> Self {
        Self { inner, framer: Framer::new(framing), out: VecDeque::new(), ended: false, findings }
    }
}

impl<B> Body for ChunkGuard<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: core::fmt::Display,
{
    type Data = Bytes;
    type Error = ChunkError;

    // Cancel-safety: all state is kept in `self` between polls.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ChunkError>>> {
        let this = &mut *self;
        loop {
            if let Some(bytes) = this.out.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            let taken = match Pin::new(&mut this.inner).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    this.ended = true;
                    this.framer.finish()
                }
                Poll::Ready(Some(Err(error))) => {
                    Err(ChunkError::Broken { reason: error.to_string() })
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => this.framer.take(piece, &mut this.out),
                    Err(_trailers) => Ok(()),
                },
            };
            if let Err(error) = taken {
                this.ended = true;
                this.out.clear();
                *this.findings.0.lock() = Some(error.clone());
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `wire` in pieces of `step` bytes; what went on, and how it ended.
    fn pass(framing: Framing, wire: &[u8], step: usize) -> (Vec<u8>, Result<(), ChunkError>) {
        let mut framer = Framer::new(framing);
        let mut out = VecDeque::new();
        for piece in wire.chunks(step) {
            if let Err(error) = framer.take(Bytes::copy_from_slice(piece), &mut out) {
                return (out.into_iter().flatten().collect(), Err(error));
            }
        }
        (out.into_iter().flatten().collect(), framer.finish())
    }

    const SIGNED: Framing = Framing { mode: Mode::Signed, trailer: false, decoded_length: 5 };
    const UNSIGNED: Framing = Framing { mode: Mode::Unsigned, trailer: true, decoded_length: 5 };

    fn check(framing: Framing, wire: &str, expected: &Result<(), ChunkError>) {
        for step in [1, 2, 3, 7, 1000] {
            let (_, ended) = pass(framing, wire.as_bytes(), step);
            assert_eq!(ended, *expected, "{wire:?} in steps of {step}");
        }
    }

    #[test]
    fn well_framed_bodies_pass() {
        let signature = "0".repeat(64);
        let signed = format!(
            "3;chunk-signature={signature}\r\nabc\r\n2;chunk-signature={signature}\r\nde\r\n\
             0;chunk-signature={signature}\r\n\r\n"
        );
        for step in [1, 5, 1000] {
            let (passed, ended) = pass(SIGNED, signed.as_bytes(), step);
            assert_eq!(ended, Ok(()));
            assert_eq!(passed, signed.as_bytes(), "signed bodies pass unchanged");
        }
        check(UNSIGNED, "5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", &Ok(()));
        let empty = Framing { decoded_length: 0, ..UNSIGNED };
        check(empty, "0\r\n\r\n", &Ok(()));
    }

    #[test]
    fn unsigned_chunks_are_cut_as_they_come() {
        let (passed, ended) = pass(UNSIGNED, b"5\r\nabcde\r\n0\r\n\r\n", 4);
        assert_eq!(ended, Ok(()));
        assert_eq!(passed, b"1\r\na\r\n4\r\nbcde\r\n0\r\n\r\n");
    }

    #[test]
    fn truncated_bodies_are_incomplete() {
        let whole = "5\r\nabcde\r\n0\r\n";
        for length in 0..whole.len() {
            check(UNSIGNED, &whole[..length], &Err(ChunkError::Incomplete));
        }
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let mismatch = |found| Err(ChunkError::LengthMismatch { announced: 5, found });
        check(UNSIGNED, "4\r\nabcd\r\n0\r\n\r\n", &mismatch(4));
        check(UNSIGNED, "6\r\nabcdef\r\n0\r\n\r\n", &mismatch(6));
        check(UNSIGNED, "5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n", &mismatch(6));
    }

    #[test]
    fn malformed_framing_is_refused() {
        for wire in ["\r\n", "xyz\r\n", "5\nabcde", "5\r\nabcdeXX", "123456789\r\n", "-1\r\n"] {
            let (_, ended) = pass(UNSIGNED, wire.as_bytes(), 1000);
            assert!(matches!(ended, Err(ChunkError::Malformed { .. })), "{wire:?}: {ended:?}");
        }
        let (_, ended) = pass(SIGNED, b"5\r\nabcde\r\n0\r\n\r\nmore", 1000);
        assert!(matches!(ended, Err(ChunkError::Malformed { .. })), "{ended:?}");
        let long = format!("5;{}", "x".repeat(CHUNK_LINE_BYTES_MAX));
        let (_, ended) = pass(UNSIGNED, long.as_bytes(), 64);
        assert!(matches!(ended, Err(ChunkError::Malformed { .. })), "{ended:?}");
    }

    #[test]
    fn huge_signed_chunks_are_refused() {
        let framing = Framing { decoded_length: u64::MAX, ..SIGNED };
        let (_, ended) = pass(framing, b"ffffffff\r\n", 1000);
        assert!(matches!(ended, Err(ChunkError::ChunkTooLarge { .. })), "{ended:?}");
    }
}
