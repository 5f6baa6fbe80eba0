//! The length that a policy allows, held against the bytes as they come.

use core::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use objects::BodyError;
use parking_lot::Mutex;
use s3s::{S3Error, s3_error};

/// How the length of a file broke its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    TooLarge,
    TooSmall,
}

/// Watches the length of a file.
#[derive(Clone, Debug)]
pub(super) struct Length {
    allowed: Option<RangeInclusive<u64>>,
    breach: Arc<Mutex<Option<Breach>>>,
}

impl Length {
    /// Watches for a length in this range; `None` allows any.
    pub(super) fn new(allowed: Option<RangeInclusive<u64>>) -> Self {
        Self { allowed, breach: Arc::default() }
    }

    /// The file's bytes, ending in an error as soon as the policy is broken.
    pub(super) fn watch<S>(
        &self,
        file: S,
    ) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, BodyError>> + Send,
    {
        let watch = self.clone();
        let state = (Box::pin(file), watch, 0_u64, false);
        futures::stream::unfold(state, |(mut file, watch, received, ended)| async move {
            if ended {
                return None;
            }
            match file.next().await {
                Some(Ok(piece)) => {
                    let received = received.saturating_add(piece.len() as u64);
                    match watch.exceeded(received) {
                        None => Some((Ok(piece), (file, watch, received, false))),
                        Some(error) => Some((Err(error), (file, watch, received, true))),
                    }
                }
                Some(Err(error)) => Some((Err(error), (file, watch, received, true))),
                None => {
                    let error = watch.fallen_short(received)?;
                    Some((Err(error), (file, watch, received, true)))
                }
            }
        })
    }

    fn exceeded(&self, received: u64) -> Option<BodyError> {
        let most = self.allowed.as_ref().map_or(u64::MAX, |allowed| *allowed.end());
        (received > most).then(|| self.broken(Breach::TooLarge))
    }

    fn fallen_short(&self, received: u64) -> Option<BodyError> {
        let least = self.allowed.as_ref().map_or(0, |allowed| *allowed.start());
        (received < least).then(|| self.broken(Breach::TooSmall))
    }

    fn broken(&self, breach: Breach) -> BodyError {
        *self.breach.lock() = Some(breach);
        BodyError::Malformed { reason: "the file's length breaks the policy".to_owned() }
    }

    /// The error to answer, if the length broke the policy.
    pub(super) fn breach(&self) -> Option<S3Error> {
        let breach = *self.breach.lock();
        breach.map(|breach| match breach {
            Breach::TooLarge => {
                s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
            }
            Breach::TooSmall => s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(allowed: Option<RangeInclusive<u64>>, expected: Option<&str>) {
        let length = Length::new(allowed.clone());
        let file = futures::stream::iter([Ok(Bytes::from_static(b"abc")), Ok("de".into())]);
        let pieces: Vec<_> = Box::pin(length.watch(file)).collect().await;
        let code = length.breach().map(|error| error.code().as_str().to_owned());
        assert_eq!(code.as_deref(), expected, "{allowed:?}");
        assert_eq!(pieces.iter().any(Result::is_err), expected.is_some(), "{allowed:?}");
    }

    #[tokio::test]
    async fn lengths_are_held_against_the_policy() {
        check(None, None).await;
        check(Some(0..=5), None).await;
        check(Some(5..=5), None).await;
        check(Some(0..=4), Some("EntityTooLarge")).await;
        check(Some(0..=0), Some("EntityTooLarge")).await;
        check(Some(6..=9), Some("EntityTooSmall")).await;
    }
}
