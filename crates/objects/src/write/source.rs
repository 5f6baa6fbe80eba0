//! A body, read by the buffer-full, with its end known as early as it can be.

use bytes::{Buf, Bytes};
use futures::StreamExt;
use units::ByteCount;

use super::stripe_buffer::StripeBuffer;
use crate::limits::PUT_BYTES_MAX;
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
            Some(announced) if received > announced => {
                Err(ObjectError::IncompleteBody { announced, received })
            }
            _ => Ok(()),
        }
    }

    /// Fills the buffer; `true` if the body has ended with what is in it.
    // Cancel-safety: bytes taken from the body are in the buffer or pending.
    pub(crate) async fn fill(&mut self, buffer: &mut StripeBuffer) -> Result<bool, ObjectError> {
        while self.peek().await? {
            if buffer.is_full() {
                return Ok(false);
            }
            let taken = buffer.append(&self.pending);
            self.pending.advance(taken);
        }
        Ok(true)
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
