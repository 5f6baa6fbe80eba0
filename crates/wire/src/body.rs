//! Bodies: the bytes of a call or a reply, whole or as they come.

use core::fmt;
use core::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use thiserror::Error;

/// Why a body did not come to its end.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BodyError {
    /// The other side ended, or the connection broke.
    #[error("the body broke off: {reason}")]
    Broken {
        /// In words.
        reason: String,
    },
    /// Nothing came for too long.
    #[error("nothing more of the body came in time")]
    Late,
    /// It is longer than whoever collects it takes.
    #[error("the body is longer than {most} bytes")]
    TooLong {
        /// The limit.
        most: usize,
    },
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// The bytes behind a head.
pub struct Body(Inner);

enum Inner {
    Whole(Bytes),
    Pieces(Pieces),
}

impl Body {
    /// No bytes.
    pub const fn empty() -> Self {
        Self(Inner::Whole(Bytes::new()))
    }

    /// Bytes that are all there.
    pub const fn whole(bytes: Bytes) -> Self {
        Self(Inner::Whole(bytes))
    }

    /// Bytes as they come. A piece that is an error ends the body, on the other side too.
    pub fn pieces(stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Self {
        Self(Inner::Pieces(Box::pin(stream)))
    }

    /// The bytes, if all are there.
    pub const fn as_whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Inner::Whole(bytes) => Some(bytes),
            Inner::Pieces(_) => None,
        }
    }

    /// The next piece; `None` at the end.
    // Cancel-safety: nothing is lost by a call that is dropped.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => None,
            Inner::Whole(bytes) => Some(Ok(core::mem::take(bytes))),
            Inner::Pieces(pieces) => pieces.next().await,
        }
    }

    /// All of it, if it is not longer than `most` bytes.
    pub async fn collect(mut self, most: usize) -> Result<Bytes, BodyError> {
        let too_long = BodyError::TooLong { most };
        if let Inner::Whole(bytes) = self.0 {
            return if bytes.len() <= most { Ok(bytes) } else { Err(too_long) };
        }
        let Some(first) = self.next().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await.transpose()? else {
            return if first.len() <= most { Ok(first) } else { Err(too_long) };
        };
        let mut all = BytesMut::with_capacity((first.len() + second.len()).min(most));
        let mut piece = Some(first);
        let mut behind = Some(second);
        while let Some(bytes) = piece {
            if all.len() + bytes.len() > most {
                return Err(too_long);
            }
            all.extend_from_slice(&bytes);
            piece = match behind.take() {
                Some(second) => Some(second),
                None => self.next().await.transpose()?,
            };
        }
        Ok(all.freeze())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Whole(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Inner::Pieces(_) => f.write_str("Body(pieces)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(pieces: &[&'static [u8]], most: usize, expected: Result<&[u8], BodyError>) {
        let stream: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        let body = Body::pieces(futures::stream::iter(stream));
        let collected = body.collect(most).await;
        assert_eq!(collected.as_deref(), expected.as_ref().map(|bytes| &**bytes), "{pieces:?}");
    }

    #[tokio::test]
    async fn a_body_is_collected_up_to_a_limit() {
        check(&[], 0, Ok(b"")).await;
        check(&[b"one"], 3, Ok(b"one")).await;
        check(&[b"one"], 2, Err(BodyError::TooLong { most: 2 })).await;
        check(&[b"one", b"two", b"", b"three"], 11, Ok(b"onetwothree")).await;
        check(&[b"one", b"two", b"three"], 10, Err(BodyError::TooLong { most: 10 })).await;
        let broken = BodyError::Broken { reason: "cut".to_owned() };
        let stream = [Ok(Bytes::from_static(b"one")), Err(broken.clone())];
        let body = Body::pieces(futures::stream::iter(stream));
        assert_eq!(body.collect(100).await, Err(broken), "what is missing is never left out");
        assert_eq!(
            Body::whole(Bytes::from_static(b"one")).collect(3).await.as_deref(),
            Ok(&b"one"[..])
        );
        assert!(Body::whole(Bytes::from_static(b"one")).collect(2).await.is_err());
    }
}
