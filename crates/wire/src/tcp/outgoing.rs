//! Sends a head and a body on one stream, as fast as the other side takes them.

use core::future::poll_fn;

use bytes::Bytes;
use h2::{Reason, SendStream};
use tokio::time::timeout;

use super::head::joined;
use crate::Body;
use crate::limits::BODY_STILL_MAX;

/// Why not all of it was sent.
#[derive(Debug)]
pub(super) enum NotSent {
    /// The other side takes no more.
    Closed,
    /// Our own body broke off; the other side is told.
    Broken(String),
}

/// Sends everything, and the end mark. Dropped early, the other side sees it broken.
pub(super) async fn send(
    mut stream: SendStream<Bytes>,
    head: Bytes,
    body: Body,
) -> Result<(), NotSent> {
    let (first, mut body) = joined(&head, body);
    drop(head);
    if let Some(whole) = body.as_whole() {
        let whole = whole.clone();
        send_piece(&mut stream, first, whole.is_empty()).await?;
        if !whole.is_empty() {
            send_piece(&mut stream, whole, true).await?;
        }
        return Ok(());
    }
    send_piece(&mut stream, first, false).await?;
    loop {
        let piece = tokio::select! {
            biased;
            _ = poll_fn(|cx| stream.poll_reset(cx)) => return Err(NotSent::Closed),
            piece = body.next() => piece,
        };
        match piece {
            Some(Ok(piece)) => send_piece(&mut stream, piece, false).await?,
            Some(Err(error)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Err(NotSent::Broken(error.to_string()));
            }
            None => {
                return stream.send_data(Bytes::new(), true).map_err(|_| NotSent::Closed);
            }
        }
    }
}

async fn send_piece(
    stream: &mut SendStream<Bytes>,
    mut piece: Bytes,
    last: bool,
) -> Result<(), NotSent> {
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        if stream.capacity() == 0 {
            // Whoever takes nothing for so long is gone, or holds this up for nothing.
            let room = timeout(BODY_STILL_MAX, poll_fn(|cx| stream.poll_capacity(cx))).await;
            match room {
                Ok(Some(Ok(_))) => continue,
                Ok(Some(Err(_)) | None) | Err(_) => return Err(NotSent::Closed),
            }
        }
        let now = piece.split_to(stream.capacity().min(piece.len()));
        let last = last && piece.is_empty();
        stream.send_data(now, last).map_err(|_| NotSent::Closed)?;
    }
    Ok(())
}
