//! What stands before a body: the length of the head, then the head.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::Body;
use crate::limits::JOINED_BYTES_MAX;

/// Bytes of the length.
pub(super) const LENGTH_BYTES: usize = 4;

/// What is sent first, and the body that follows: a small one goes along at once.
pub(super) fn joined(head: &[u8], body: Body) -> (Bytes, Body) {
    // Heads have been found to be far shorter.
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
    let small = body.as_whole().filter(|bytes| bytes.len() <= JOINED_BYTES_MAX);
    let along = small.map_or(&[][..], |bytes| bytes);
    let mut first = BytesMut::with_capacity(LENGTH_BYTES + head.len() + along.len());
    first.put_u32_le(length);
    first.put_slice(head);
    first.put_slice(along);
    let rest = if small.is_some() { Body::empty() } else { body };
    (first.freeze(), rest)
}
