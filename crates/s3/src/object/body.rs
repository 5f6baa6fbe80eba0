//! Bodies between the protocol library and `objects`.

use bytes::Bytes;
use futures::StreamExt;
use objects::{BodyError, BodyStream, ObjectBody};
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, RemainingLength};

use super::chunked::{ChunkError, ChunkFindings};

/// The request's body as `objects` takes it; `findings` tells why a chunked body ended.
pub(crate) fn incoming(blob: Option<StreamingBlob>, findings: Option<ChunkFindings>) -> BodyStream {
    let Some(blob) = blob else {
        return Box::pin(futures::stream::empty());
    };
    Box::pin(blob.map(move |piece| {
        piece.map_err(|error| {
            let fault = findings.as_ref().and_then(ChunkFindings::fault);
            fault.map_or_else(|| classified(&error.to_string()), |fault| of_framing(&fault))
        })
    }))
}

/// What is wrong with the framing, in the words of `objects`.
fn of_framing(fault: &ChunkError) -> BodyError {
    let reason = fault.to_string();
    match fault {
        ChunkError::Broken { .. } | ChunkError::Incomplete | ChunkError::Crowded(_) => {
            BodyError::Broken { reason }
        }
        ChunkError::Malformed { .. }
        | ChunkError::ChunkTooLarge { .. }
        | ChunkError::LengthMismatch { .. } => BodyError::Malformed { reason },
    }
}

/// The library's stream errors have private types; their texts tell them apart.
fn classified(text: &str) -> BodyError {
    let reason = text.to_owned();
    if text.contains("SignatureMismatch") {
        BodyError::SignatureMismatch
    } else if text.contains("Sha256Mismatch") {
        BodyError::DigestMismatch
    } else if text.contains("FormatError")
        || text.contains("LengthMismatch")
        || text.contains("TooLarge")
        || text.contains("TooMany")
    {
        BodyError::Malformed { reason }
    } else {
        BodyError::Broken { reason }
    }
}

/// Bytes on their way to the client, with their number known beforehand.
struct Outgoing {
    body: ObjectBody,
}

impl futures::Stream for Outgoing {
    type Item = Result<Bytes, s3s::StdError>;

    fn poll_next(
        mut self: core::pin::Pin<&mut Self>,
        cx: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Option<Self::Item>> {
        self.body.poll_next_unpin(cx).map(|item| {
            item.map(|piece| {
                piece.map_err(|error| {
                    tracing::error!(%error, "a body broke off");
                    Box::new(error) as s3s::StdError
                })
            })
        })
    }
}

impl ByteStream for Outgoing {
    fn remaining_length(&self) -> RemainingLength {
        match usize::try_from(self.body.remaining().get()) {
            Ok(bytes) => RemainingLength::new_exact(bytes),
            Err(_) => RemainingLength::unknown(),
        }
    }
}

/// The answer's body as the protocol library takes it.
pub(crate) fn outgoing(body: ObjectBody) -> StreamingBlob {
    StreamingBlob::new(Outgoing { body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_apart() {
        let check = |text: &str, expected: &str| {
            let found = format!("{:?}", classified(text));
            assert!(found.starts_with(expected), "{text:?}: {found}");
        };
        check("AwsChunkedStreamError: SignatureMismatch", "SignatureMismatch");
        check("UploadStreamError: Sha256Mismatch", "DigestMismatch");
        check("AwsChunkedStreamError: FormatError", "Malformed");
        check("UploadStreamError: LengthMismatch", "Malformed");
        check("AwsChunkedStreamError: Incomplete", "Broken");
        check("UploadStreamError: Incomplete", "Broken");
        check("error reading a body from connection", "Broken");
    }
}
