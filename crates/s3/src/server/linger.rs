//! A connection that is closed only after its client has had a chance to read why.
//!
//! An upload that is refused before its body has come gets its answer at once. If the
//! socket were closed then, with bytes in it that nobody has read, the system would reset
//! the connection, and the client, still sending, would often lose the answer with it.
//! So the rest is read and thrown away for a while, as RFC 9112 (9.6) advises.
//!
//! **Invariant**: only a connection whose last request was dropped before its end lingers,
//! never longer or for more bytes than the limits say, and never more of them than those
//! allow; the others are closed at once.

use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use crate::limits::{
    CONNECTION_BUFFER_BYTES_MAX, LINGER_BYTES_MAX, LINGER_PIECE_BYTES, LINGER_TIME_MAX,
    LINGERING_MAX,
};

/// The request did not say how long it is.
const UNKNOWN: u64 = u64::MAX;

/// What the client of a connection still has to send of a request that nobody reads.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    /// Bytes, or [`UNKNOWN`].
    left: AtomicU64,
}

impl Unread {
    /// A request begins: what it sends is read for now.
    pub(super) fn begin(&self) {
        self.left.store(0, Ordering::Relaxed);
    }

    fn is_some(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }

    /// More than lies at the connection already, or nobody knows how much: after a
    /// refusal it cannot take another request. What was carried out may have left the end
    /// of a body without a length, which is read with the next head.
    pub(super) fn ends_connection(&self, status: StatusCode) -> bool {
        match self.left.load(Ordering::Relaxed) {
            UNKNOWN => status.is_client_error() || status.is_server_error(),
            left => left > CONNECTION_BUFFER_BYTES_MAX as u64,
        }
    }
}

pin_project_lite::pin_project! {
    /// A body as it comes; dropped before its end, it says what is left.
    pub(super) struct NotedBody<B: Body> {
        #[pin]
        inner: B,
        has_ended: bool,
        unread: Arc<Unread>,
    }

    impl<B: Body> PinnedDrop for NotedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            if !this.has_ended && !this.inner.is_end_stream() {
                let left = this.inner.size_hint().exact().unwrap_or(UNKNOWN);
                this.unread.left.store(left, Ordering::Relaxed);
            }
        }
    }
}

impl<B: Body> NotedBody<B> {
    /// Notes here what is left of this body.
    pub(super) fn new(inner: B, unread: Arc<Unread>) -> Self {
        Self { inner, has_ended: false, unread }
    }
}

impl<B: Body> Body for NotedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        *this.has_ended |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What is read away after the answer.
struct Rest {
    piece: Box<[u8]>,
    bytes_left: u64,
    timer: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Rest {
    fn new(patience: Duration, place: OwnedSemaphorePermit) -> Self {
        Self {
            piece: vec![0; LINGER_PIECE_BYTES].into_boxed_slice(),
            bytes_left: LINGER_BYTES_MAX,
            timer: Box::pin(sleep(patience)),
            _place: place,
        }
    }

    /// Ends with the client's last byte, or when it has been listened to for long enough.
    fn poll<S: AsyncRead>(&mut self, mut from: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut piece = ReadBuf::new(&mut self.piece);
            if ready!(from.as_mut().poll_read(cx, &mut piece)).is_err() {
                return Poll::Ready(());
            }
            let read = piece.filled().len() as u64;
            self.bytes_left = self.bytes_left.saturating_sub(read);
            if read == 0 || self.bytes_left == 0 {
                return Poll::Ready(());
            }
        }
    }
}

/// Places for connections that linger; clones share them.
#[derive(Clone, Debug)]
pub(super) struct LingerPlaces(Arc<Semaphore>);

impl LingerPlaces {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LINGERING_MAX)))
    }
}

pin_project_lite::pin_project! {
    /// Closes its own half first, and the other after the rest was read.
    pub(super) struct Lingering<S> {
        #[pin]
        inner: S,
        unread: Arc<Unread>,
        places: LingerPlaces,
        patience: Duration,
        is_half_closed: bool,
        rest: Option<Rest>,
    }
}

impl<S> Lingering<S> {
    /// Lingers if a body is noted here as unread when the connection ends.
    pub(super) fn new(inner: S, unread: Arc<Unread>, places: LingerPlaces) -> Self {
        Self::with(inner, unread, places, LINGER_TIME_MAX)
    }

    fn with(inner: S, unread: Arc<Unread>, places: LingerPlaces, patience: Duration) -> Self {
        Self { inner, unread, places, patience, is_half_closed: false, rest: None }
    }
}

impl<S: AsyncRead> AsyncRead for Lingering<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncWrite for Lingering<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        if !*this.is_half_closed {
            ready!(this.inner.as_mut().poll_shutdown(cx))?;
            *this.is_half_closed = true;
        }
        if this.unread.is_some() {
            if this.rest.is_none() {
                let Ok(place) = Arc::clone(&this.places.0).try_acquire_owned() else {
                    return Poll::Ready(Ok(()));
                };
                *this.rest = Some(Rest::new(*this.patience, place));
            }
            if let Some(rest) = this.rest {
                ready!(rest.poll(this.inner, cx));
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn body(unread: &Arc<Unread>) -> NotedBody<Full<Bytes>> {
        NotedBody::new(Full::new(Bytes::from(vec![0; 30_000])), Arc::clone(unread))
    }

    #[tokio::test]
    async fn a_body_dropped_before_its_end_is_noted() {
        use http_body_util::BodyExt as _;
        let unread = Arc::new(Unread::default());
        assert_eq!(body(&unread).collect().await.unwrap().to_bytes().len(), 30_000);
        assert!(!unread.is_some(), "read to its end");
        drop(body(&unread));
        assert!(unread.is_some() && unread.ends_connection(StatusCode::OK));
        let unknown = Unread { left: AtomicU64::new(UNKNOWN) };
        assert!(unknown.ends_connection(StatusCode::FORBIDDEN));
        assert!(
            !unknown.ends_connection(StatusCode::OK),
            "its last chunk comes with the next head"
        );
        unread.begin();
        assert!(!unread.is_some(), "the next request");
    }

    /// A client that sends this many bytes and then reads the answer.
    async fn client_sends(unread: u64, bytes: usize) -> io::Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = async {
            let (socket, _) = listener.accept().await?;
            let noted = Arc::new(Unread { left: AtomicU64::new(unread) });
            let mut socket = Lingering::new(socket, noted, LingerPlaces::new());
            let mut some = [0; 16];
            socket.read_exact(&mut some).await?;
            socket.write_all(b"refused").await?;
            socket.shutdown().await
        };
        let client = async {
            let mut socket = tokio::net::TcpStream::connect(address).await?;
            for _ in 0..bytes / 1_000 {
                socket.write_all(&[7; 1_000]).await?;
                tokio::task::yield_now().await;
            }
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await?;
            Ok(answer)
        };
        let (served, answer) = tokio::join!(server, client);
        served?;
        answer
    }

    #[tokio::test]
    async fn who_still_sends_reads_why_it_was_refused() {
        let answer = client_sends(8_000_000, 8_000_000).await;
        assert_eq!(answer.map_err(|error| error.kind()), Ok("refused".to_owned()));
    }

    #[tokio::test]
    async fn without_a_note_of_what_is_unread_the_answer_is_lost() {
        assert!(client_sends(0, 8_000_000).await.is_err());
    }

    #[tokio::test]
    async fn one_too_many_does_not_linger() {
        let places = LingerPlaces::new();
        let taken = Arc::clone(&places.0)
            .acquire_many_owned(u32::try_from(LINGERING_MAX).unwrap())
            .await
            .unwrap();
        let shut = async |places| {
            let (ours, theirs) = tokio::io::duplex(64);
            let noted = Arc::new(Unread { left: AtomicU64::new(UNKNOWN) });
            let mut socket = Lingering::with(ours, noted, places, Duration::from_millis(50));
            let since = tokio::time::Instant::now();
            socket.shutdown().await.unwrap();
            drop(theirs);
            since.elapsed()
        };
        assert!(shut(places.clone()).await < Duration::from_millis(50), "there is no place");
        drop(taken);
        assert!(shut(places.clone()).await >= Duration::from_millis(50));
        assert!(shut(places).await >= Duration::from_millis(50), "its place was given back");
    }

    #[tokio::test]
    async fn a_client_that_never_ends_is_left() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let noted = Arc::new(Unread { left: AtomicU64::new(UNKNOWN) });
        let patience = Duration::from_millis(50);
        let since = tokio::time::Instant::now();
        Lingering::with(ours, noted, LingerPlaces::new(), patience).shutdown().await.unwrap();
        assert!((patience..LINGER_TIME_MAX).contains(&since.elapsed()));
    }

    #[tokio::test]
    async fn a_client_that_sends_without_end_is_left() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let noted = Arc::new(Unread { left: AtomicU64::new(UNKNOWN) });
        let sending = async {
            let mut sent = 0_u64;
            while theirs.write_all(&vec![0; 1 << 16]).await.is_ok() {
                sent += 1 << 16;
            }
            sent
        };
        let lingering = async {
            Lingering::new(ours, noted, LingerPlaces::new()).shutdown().await.unwrap();
        };
        let (sent, ()) = tokio::join!(sending, lingering);
        assert!((LINGER_BYTES_MAX..LINGER_BYTES_MAX + (4 << 20)).contains(&sent), "{sent}");
    }
}
