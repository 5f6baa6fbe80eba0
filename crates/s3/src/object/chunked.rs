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
//! - No signed chunk is larger than [`SIGNED_CHUNK_BYTES_MAX`], and none of a longer
//!   one than [`GATHERED_CHUNK_FREE_BYTES`] is kept before there is memory for it
//!   (`server::gathering`); what comes of it is copied together, since a piece of one
//!   byte would keep the buffer it was read into.
//! - Unsigned chunks of any size are cut into the pieces in which they arrive, so
//!   nothing waits in memory for its end.
//! - Only bodies of requests signed in their header get here: others that announce
//!   chunks are refused before (`server::claim`), since the library would store them
//!   with their framing.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use thiserror::Error;

use crate::limits::{
    CHUNK_LINE_BYTES_MAX, GATHERED_CHUNK_FREE_BYTES, SIGNED_CHUNK_BYTES_MAX, TRAILER_BYTES_MAX,
    UNMEASURED_BYTES_MAX,
};
use crate::server::{Asking, Crowded, Share, held};

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
pub(crate) fn guarded<B>(parts: &mut http::request::Parts, body: B, asking: Asking) -> s3s::Body
where
    B: Body<Data = Bytes, Error = s3s::StdError> + Send + 'static,
{
    match Framing::of(&parts.headers) {
        None if body.is_end_stream() => s3s::Body::empty(),
        None => s3s::Body::http_body_unsync(body),
        Some(framing) => {
            let findings = ChunkFindings::default();
            parts.extensions.insert(findings.clone());
            s3s::Body::http_body_unsync(ChunkGuard::new(Box::pin(body), framing, findings, asking))
        }
    }
}

/// Refuses chunks where S3 takes a document: the protocol library would gather it
/// without regard for its memory, and then find another length than was announced.
pub(crate) fn refused(parts: &http::request::Parts) -> s3s::S3Result {
    match Framing::of(&parts.headers) {
        Some(Framing { decoded_length: 1.., .. }) => Err(s3s::s3_error!(
            InvalidRequest,
            "The body of this operation cannot be sent in signed chunks or with trailing headers."
        )),
        _ => Ok(()),
    }
}

/// A body without a length, read whole so that it has one; only small ones are.
///
/// Nobody has looked at its signature yet, so what comes is copied together: a piece
/// of one byte would keep the whole buffer it was read into.
pub(crate) async fn measured<B>(
    parts: &mut http::request::Parts,
    body: B,
) -> s3s::S3Result<s3s::Body>
where
    B: Body<Data = Bytes, Error = s3s::StdError> + Send + 'static,
{
    let mut body = core::pin::pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| s3s::s3_error!(IncompleteBody))?;
        let Ok(piece) = frame.into_data() else { continue };
        let length = bytes.len().saturating_add(piece.len());
        if length > UNMEASURED_BYTES_MAX {
            return Err(s3s::s3_error!(MissingContentLength));
        }
        if length > bytes.capacity() {
            // Doubled, but never above the bound.
            let room = bytes.capacity().saturating_mul(2).clamp(length, UNMEASURED_BYTES_MAX);
            let before = core::mem::replace(&mut bytes, BytesMut::with_capacity(room));
            bytes.extend_from_slice(&before);
        }
        bytes.extend_from_slice(&piece);
    }
    parts.headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Ok(s3s::Body::from(bytes.freeze()))
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
pub(crate) enum ChunkError {
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
    /// There was no memory for a signed chunk.
    #[error(transparent)]
    Crowded(#[from] Crowded),
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
    block: BytesMut,
    share: Option<Share>,
}

impl Framer {
    fn new(framing: Framing) -> Self {
        Self {
            framing,
            state: State::Line,
            line: BytesMut::new(),
            separator: 0,
            decoded: 0,
            block: BytesMut::new(),
            share: None,
        }
    }

    /// Takes one piece of the wire, appends what goes on to `out`. Stops where a signed
    /// chunk begins for which memory must be asked, and says for how much.
    fn take(
        &mut self,
        piece: &mut Bytes,
        out: &mut VecDeque<Bytes>,
    ) -> Result<Option<usize>, ChunkError> {
        while !piece.is_empty() {
            match self.state {
                State::Line => {
                    self.take_line(piece, out)?;
                    if let Some(bytes) = self.must_ask() {
                        return Ok(Some(bytes));
                    }
                }
                State::Data { left } => self.take_data(left, piece, out),
                State::Separator => self.take_separator(piece, out)?,
                State::Trailers { bytes } => {
                    let bytes = bytes.saturating_add(piece.len());
                    if bytes > TRAILER_BYTES_MAX {
                        return Err(ChunkError::Malformed { what: "trailers too long" });
                    }
                    if !self.framing.trailer && piece.iter().any(|b| !matches!(b, b'\r' | b'\n')) {
                        return Err(ChunkError::Malformed { what: "bytes after the last chunk" });
                    }
                    self.state = State::Trailers { bytes };
                    out.push_back(core::mem::take(piece));
                }
            }
        }
        Ok(None)
    }

    /// How much of the chunk that begins is to be asked for: all but its last block,
    /// so that nothing asked for is left of it when the next one asks.
    fn must_ask(&self) -> Option<usize> {
        let State::Data { left } = self.state else { return None };
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let asked = left.saturating_sub(1) / GATHERED_CHUNK_FREE_BYTES * GATHERED_CHUNK_FREE_BYTES;
        (self.framing.mode == Mode::Signed && asked > 0).then_some(asked)
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
        let mut here = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        if self.framing.mode == Mode::Unsigned {
            out.push_back(Bytes::from(format!("{here:x}\r\n")));
            out.push_back(piece.split_to(here));
            out.push_back(Bytes::from_static(b"\r\n"));
        } else {
            let whole =
                usize::try_from(left).unwrap_or(usize::MAX).saturating_add(self.block.len());
            let whole = whole.min(GATHERED_CHUNK_FREE_BYTES);
            self.block.reserve(whole.saturating_sub(self.block.len()));
            here = here.min(whole.saturating_sub(self.block.len()));
            self.block.extend_from_slice(&piece.split_to(here));
            if self.block.len() == whole {
                let share = self.share.as_mut().and_then(|share| share.split(whole));
                out.push_back(held(core::mem::take(&mut self.block), share));
            }
        }
        let left = left.saturating_sub(here as u64);
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
            self.share = None;
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
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(ChunkError::Malformed { what: "size line does not end with CRLF" });
    };
    // Up to the semicolon alone: what a lone line end cuts is no number.
    let digits = line.split(|&b| b == b';').next().unwrap_or_default();
    // Eight digits at most, as the protocol library reads no more.
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(malformed);
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
    /// What came and was not taken yet.
    piece: Bytes,
    /// Memory that must be there before more is taken.
    asked: Option<usize>,
    asking: Asking,
    out: VecDeque<Bytes>,
    ended: bool,
    findings: ChunkFindings,
}

impl<B> ChunkGuard<B> {
    /// Guards `inner`; what is found out goes to `findings`.
    pub(crate) fn new(inner: B, framing: Framing, findings: ChunkFindings, asking: Asking) -> Self {
        Self {
            inner,
            framer: Framer::new(framing),
            piece: Bytes::new(),
            asked: None,
            asking,
            out: VecDeque::new(),
            ended: false,
            findings,
        }
    }

    /// Takes what has come, up to where memory must be asked for.
    fn take(&mut self) -> Result<(), ChunkError> {
        let held = self.framer.share.is_some();
        self.asked = self.framer.take(&mut self.piece, &mut self.out)?;
        if held && self.framer.share.is_none() {
            self.asking.share_end();
        }
        Ok(())
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
            let taken = if let Some(bytes) = this.asked {
                ready!(this.asking.poll_share(bytes, cx)).map_err(ChunkError::from).map(|share| {
                    this.asked = None;
                    this.framer.share = Some(share);
                })
            } else if !this.piece.is_empty() {
                this.take()
            } else {
                match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                    None => {
                        this.ended = true;
                        this.framer.finish()
                    }
                    Some(Err(error)) => Err(ChunkError::Broken { reason: error.to_string() }),
                    Some(Ok(frame)) => {
                        this.piece = frame.into_data().unwrap_or_default();
                        Ok(())
                    }
                }
            };
            if let Err(error) = taken {
                this.ended = true;
                this.out.clear();
                this.piece = Bytes::new();
                this.framer = Framer::new(this.framer.framing);
                *this.findings.0.lock() = Some(error.clone());
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};

    /// Feeds `wire` in pieces of `step` bytes; what went on, and how it ended.
    fn pass(framing: Framing, wire: &[u8], step: usize) -> (Vec<u8>, Result<(), ChunkError>) {
        let mut framer = Framer::new(framing);
        let mut out = VecDeque::new();
        for piece in wire.chunks(step) {
            let mut piece = Bytes::copy_from_slice(piece);
            while !piece.is_empty() {
                if let Err(error) = framer.take(&mut piece, &mut out) {
                    return (out.into_iter().flatten().collect(), Err(error));
                }
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
        for wire in
            ["\r\n", "xyz\r\n", "5\nabcde", "5\r\nabcdeXX", "123456789\r\n", "-1\r\n", "5\rx\r\n"]
        {
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

    /// A piece of one byte, as a read buffer that is kept as long as it is.
    struct ReadBuffer(Arc<AtomicUsize>);

    impl ReadBuffer {
        fn filled(kept: &Arc<AtomicUsize>) -> Bytes {
            kept.fetch_add(1, Ordering::Relaxed);
            Bytes::from_owner(Self(Arc::clone(kept)))
        }
    }

    impl AsRef<[u8]> for ReadBuffer {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    impl Drop for ReadBuffer {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// So many bytes without a length, one at a time; the length they are given, and
    /// the most read buffers that were there at once.
    async fn measure(bytes: usize) -> (Result<u64, s3s::S3ErrorCode>, usize) {
        use futures::StreamExt as _;
        let (kept, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, peak) = (Arc::clone(&kept), Arc::clone(&most));
        let pieces = futures::stream::iter(0..bytes).map(move |_| {
            let piece = ReadBuffer::filled(&counted);
            peak.fetch_max(counted.load(Ordering::Relaxed), Ordering::Relaxed);
            Ok::<_, s3s::StdError>(Frame::data(piece))
        });
        let (mut parts, ()) = http::Request::new(()).into_parts();
        let body = measured(&mut parts, http_body_util::StreamBody::new(pieces)).await;
        let length = body.map_err(|error| error.code().clone()).map(|body| {
            let gathered = body.bytes().expect("one piece").len() as u64;
            let said = parts.headers.get("content-length").and_then(|said| said.to_str().ok());
            assert_eq!(said, Some(gathered.to_string().as_str()), "the length it is given");
            gathered
        });
        assert_eq!(kept.load(Ordering::Relaxed), 0, "no read buffer stays with the body");
        (length, most.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_body_without_a_length_keeps_no_read_buffers() {
        let most = UNMEASURED_BYTES_MAX;
        assert_eq!(measure(0).await, (Ok(0), 0));
        assert_eq!(measure(1).await, (Ok(1), 1));
        assert_eq!(measure(most).await, (Ok(most as u64), 1));
        let refused = Err(s3s::S3ErrorCode::MissingContentLength);
        assert_eq!(measure(most + 1).await, (refused, 1));
    }

    const LARGE: usize = 1024 * 1024;

    fn asking(gathering: &Arc<crate::server::Gathering>) -> Asking {
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 1));
        let context = crate::request::RequestContext::new("id".to_owned(), peer, false);
        Asking::new(Arc::clone(gathering), Arc::new(context))
    }

    /// A guarded body of one large chunk of which so many bytes come, a few at a time.
    fn large(
        gathering: &Arc<crate::server::Gathering>,
        bytes: usize,
    ) -> impl Body<Data = Bytes, Error = ChunkError> {
        use futures::StreamExt as _;
        let framing = Framing { decoded_length: LARGE as u64, ..SIGNED };
        let wire = [format!("{LARGE:x}\r\n").into_bytes(), vec![7; bytes]].concat();
        let pieces: Vec<Bytes> = wire.chunks(1_000).map(Bytes::copy_from_slice).collect();
        let pieces = futures::stream::iter(pieces).chain(futures::stream::pending());
        let pieces = pieces.map(|piece| Ok::<_, std::io::Error>(Frame::data(piece)));
        let body = http_body_util::StreamBody::new(Box::pin(pieces));
        ChunkGuard::new(body, framing, ChunkFindings::default(), asking(gathering))
    }

    /// What comes of a body by itself, kept as the protocol library keeps it.
    fn gathered<B>(body: &mut Pin<Box<B>>) -> VecDeque<Bytes>
    where
        B: Body<Data = Bytes, Error = ChunkError>,
    {
        let mut cx = Context::from_waker(core::task::Waker::noop());
        let mut kept = VecDeque::new();
        while let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut cx) {
            kept.extend(frame.into_data());
        }
        kept
    }

    #[tokio::test]
    async fn a_chunk_is_asked_for_and_given_back_as_it_is_read() {
        let gathering = crate::server::Gathering::new();
        let mut kept = gathered(&mut Box::pin(large(&gathering, LARGE)));
        let bytes: usize = kept.iter().map(Bytes::len).sum();
        assert_eq!(bytes, format!("{LARGE:x}\r\n").len() + LARGE);
        assert_eq!(gathering.held(), LARGE - GATHERED_CHUNK_FREE_BYTES);
        // The size line, then half of the blocks.
        kept.drain(..=LARGE / GATHERED_CHUNK_FREE_BYTES / 2);
        assert_eq!(gathering.held(), LARGE / 2 - GATHERED_CHUNK_FREE_BYTES);
        // The last block alone holds nothing that the next chunk may have to wait for.
        kept.drain(..kept.len() - 1);
        assert_eq!((kept.len(), gathering.held()), (1, 0));
    }

    #[tokio::test]
    async fn a_client_that_leaves_within_a_chunk_gives_its_memory_back() {
        let gathering = crate::server::Gathering::new();
        let mut body = Box::pin(large(&gathering, LARGE / 2));
        let kept = gathered(&mut body);
        assert_eq!(gathering.held(), LARGE - GATHERED_CHUNK_FREE_BYTES);
        drop((body, kept));
        assert_eq!(gathering.held(), 0);
    }

    #[tokio::test]
    async fn each_chunk_that_was_asked_for_has_its_time() {
        const CHUNK: usize = GATHERED_CHUNK_FREE_BYTES + 1;
        let gathering = crate::server::Gathering::new();
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 1));
        let context = crate::request::RequestContext::new("id".to_owned(), peer, false);
        let context = Arc::new(context);
        let (wire, pieces) = tokio::sync::mpsc::unbounded_channel();
        let pieces = futures::stream::unfold(pieces, |mut pieces| async move {
            let piece: Bytes = pieces.recv().await?;
            Some((Ok::<_, std::io::Error>(Frame::data(piece)), pieces))
        });
        let pieces = http_body_util::StreamBody::new(Box::pin(pieces));
        let framing = Framing { decoded_length: 2 * CHUNK as u64 + 5, ..SIGNED };
        let asking = Asking::new(Arc::clone(&gathering), Arc::clone(&context));
        let guard = ChunkGuard::new(pieces, framing, ChunkFindings::default(), asking);
        let mut guard = Box::pin(guard);
        let mut is_timed = |bytes: Vec<u8>| {
            wire.send(Bytes::from(bytes)).expect("the body is there");
            drop(gathered(&mut guard));
            context.share_left(core::time::Duration::ZERO).map(|(left, _)| left)
        };
        let all = Some(core::time::Duration::from_secs(61));
        for _ in 0..2 {
            assert_eq!(is_timed(format!("{CHUNK:x}\r\n").into()), all, "a chunk begins");
            assert_eq!(is_timed(vec![7; CHUNK]), all, "its signature is not verified yet");
            assert_eq!(is_timed(b"\r".to_vec()), all);
            assert_eq!(is_timed(b"\n".to_vec()), None, "the chunk has come");
        }
        assert_eq!(is_timed(b"5\r\nabc".to_vec()), None, "a chunk that is not asked for");
    }

    #[tokio::test]
    async fn a_chunk_without_memory_is_not_kept() {
        let gathering = crate::server::Gathering::impatient(core::time::Duration::from_millis(20));
        // As many as fit, since one block of each is free, leave less than another needs.
        let many = crate::limits::GATHERED_LANE_BYTES_MAX / LARGE;
        let mut holding = Vec::new();
        for _ in 0..many {
            let mut body = Box::pin(large(&gathering, LARGE / 2));
            holding.push((gathered(&mut body), body));
        }
        let mut late = Box::pin(large(&gathering, LARGE));
        let line = late.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
        assert_eq!(line.map(|line| line.len()), Some(8), "the size line");
        let next = late.frame().await;
        assert!(
            matches!(next, Some(Err(ChunkError::Crowded(_)))),
            "a chunk that was not asked for"
        );
        assert_eq!(gathering.held(), many * (LARGE - GATHERED_CHUNK_FREE_BYTES));
    }
}
