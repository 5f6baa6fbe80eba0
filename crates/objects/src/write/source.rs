//! A body, read by the buffer-full, with its end known as early as it can be.

use bytes::{Buf, Bytes};
use futures::StreamExt;
use units::{ByteCount, planted};

use super::stripe_buffer::StripeBuffer;
use crate::limits::PUT_BYTES_MAX;
use crate::planted::TRUNCATED;
use crate::{BodyStream, ObjectError};

/// The rest of a body.
pub(crate) struct Source {
    body: BodyStream,
    pending: Bytes,
    ended: bool,
    received: u64,
    announced: Option<ByteCount>,
}

impl Source {
    pub(crate) fn new(body: BodyStream, announced: Option<ByteCount>) -> Self {
        Self { body, pending: Bytes::new(), ended: false, received: 0, announced }
    }

    /// Bytes that were announced, if they were.
    pub(crate) fn announced(&self) -> Option<u64> {
        self.announced.map(ByteCount::get)
    }

    /// Bytes that are likely to come yet.
    pub(crate) fn expected(&self) -> usize {
        let pending = self.pending.len() as u64;
        let rest = self.announced.map_or(u64::MAX, |all| {
            all.get().saturating_sub(self.received.saturating_sub(pending))
        });
        usize::try_from(rest).unwrap_or(usize::MAX)
    }

    /// Waits until there are bytes at hand or the body has ended; `false` at the end.
    ///
    /// A body that grows past what was announced, or past what S3 allows, fails
    /// here at once instead of being taken to its end.
    pub(crate) async fn peek(&mut self) -> Result<bool, ObjectError> {
        while self.pending.is_empty() && !self.ended {
            match self.body.next().await {
                None if self.is_more_announced() && !planted::is_on(TRUNCATED) => {
                    return Err(self.incomplete());
                }
                None => self.ended = true,
                Some(bytes) => {
                    self.pending = bytes?;
                    self.received = self.received.saturating_add(self.pending.len() as u64);
                    self.check_length()?;
                }
            }
        }
        Ok(!self.pending.is_empty())
    }

    fn check_length(&self) -> Result<(), ObjectError> {
        let received = ByteCount::new(self.received);
        if self.received > PUT_BYTES_MAX {
            return Err(ObjectError::EntityTooLarge { limit: ByteCount::new(PUT_BYTES_MAX) });
        }
        match self.announced {
            Some(announced) if received > announced => Err(self.incomplete()),
            _ => Ok(()),
        }
    }

    fn incomplete(&self) -> ObjectError {
        let announced = self.announced.unwrap_or_default();
        ObjectError::IncompleteBody { announced, received: ByteCount::new(self.received) }
    }

    /// Whether more is to come than what is pending. Without an announcement nobody knows.
    fn is_more_announced(&self) -> bool {
        self.announced.is_some() && self.expected() > self.pending.len()
    }

    /// Fills the buffer; `true` if the body has ended with what is in it.
    ///
    /// A full buffer of which it is known that more follows is not held until that has
    /// come: a client that signs its chunks may take a minute over the next one.
    // Cancel-safety: bytes taken from the body are in the buffer or pending.
    pub(crate) async fn fill(&mut self, buffer: &mut StripeBuffer) -> Result<bool, ObjectError> {
        loop {
            if buffer.is_full() && self.expected() > 0 && self.announced.is_some() {
                return Ok(false);
            }
            if !self.peek().await? {
                return Ok(true);
            }
            if buffer.is_full() {
                return Ok(false);
            }
            let taken = buffer.append(&self.pending);
            self.pending.advance(taken);
        }
    }

    /// Takes up to `limit` bytes into memory; `Err` gives back what was taken if
    /// there are more.
    pub(crate) async fn take_small(&mut self, limit: usize) -> Result<Small, ObjectError> {
        let mut taken = Vec::new();
        while self.peek().await? {
            if taken.len() + self.pending.len() > limit {
                return Ok(Small::More(taken));
            }
            taken.extend_from_slice(&self.pending);
            self.pending.clear();
        }
        Ok(Small::All(taken))
    }
}

/// The beginning of a body.
pub(crate) enum Small {
    /// It is all there was.
    All(Vec<u8>),
    /// There is more behind it.
    More(Vec<u8>),
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use units::limits::CHUNK_BYTES;

    use super::*;
    use crate::BodyError;

    /// A body that brings so much and then either ends or is silent.
    fn source(bytes: usize, ends: bool, announced: Option<usize>) -> Source {
        let piece: Result<Bytes, BodyError> = Ok(Bytes::from(vec![7; bytes]));
        let first = stream::iter([piece]);
        let body: BodyStream =
            if ends { Box::pin(first) } else { Box::pin(first.chain(stream::pending())) };
        Source::new(body, announced.map(|bytes| ByteCount::new(bytes as u64)))
    }

    #[tokio::test]
    async fn a_full_stripe_does_not_wait_for_bytes_that_are_announced() {
        let mut silent = source(CHUNK_BYTES, false, Some(2 * CHUNK_BYTES));
        let mut buffer = StripeBuffer::new(CHUNK_BYTES, CHUNK_BYTES);
        let filled = futures::FutureExt::now_or_never(silent.fill(&mut buffer));
        assert!(matches!(filled, Some(Ok(false))), "{filled:?}");
        assert!(buffer.is_full());
    }

    #[tokio::test]
    async fn the_last_stripe_is_known_as_such() {
        for announced in [Some(CHUNK_BYTES), None] {
            let mut whole = source(CHUNK_BYTES, true, announced);
            let mut buffer = StripeBuffer::new(CHUNK_BYTES, CHUNK_BYTES);
            assert!(whole.fill(&mut buffer).await.unwrap(), "{announced:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_no_object() {
        let mut short = source(CHUNK_BYTES, true, Some(CHUNK_BYTES + 1));
        let mut buffer = StripeBuffer::new(CHUNK_BYTES, CHUNK_BYTES);
        assert!(!short.fill(&mut buffer).await.unwrap(), "more is announced");
        let mut next = StripeBuffer::new(CHUNK_BYTES, 1);
        let outcome = short.fill(&mut next).await;
        assert!(matches!(outcome, Err(ObjectError::IncompleteBody { .. })), "{outcome:?}");
    }
}
