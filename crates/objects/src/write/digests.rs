//! The digests of a body, computed together over each window of it.

use catalog::{Checksum, ChecksumAlgorithm, ChecksumKind};
use units::hash::Md5;
use units::{ByteCount, planted};

use crate::ask::ChecksumClaim;
use crate::checksum::{RunningChecksum, checksum_length, checksum_name};
use crate::planted::TRUNCATED;
use crate::{ChecksumAsk, ObjectError};

/// Digests in progress.
pub(crate) struct Digests {
    md5: fast_md5::Md5,
    checksum: Option<RunningChecksum>,
    size: ByteCount,
}

/// Digests of a whole body.
#[derive(Clone, Debug)]
pub(crate) struct BodyDigests {
    pub(crate) md5: Md5,
    pub(crate) checksum: Option<Vec<u8>>,
    pub(crate) size: ByteCount,
}

impl Digests {
    pub(crate) fn new(algorithm: Option<ChecksumAlgorithm>) -> Self {
        Self {
            md5: fast_md5::Md5::new(),
            checksum: algorithm.map(RunningChecksum::new),
            size: ByteCount::ZERO,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        if let Some(checksum) = &mut self.checksum {
            checksum.update(bytes);
        }
        self.size = self.size.plus(ByteCount::new(bytes.len() as u64));
    }

    pub(crate) fn finish(self) -> BodyDigests {
        BodyDigests {
            md5: Md5(self.md5.finalize()),
            checksum: self.checksum.map(RunningChecksum::finish),
            size: self.size,
        }
    }
}

/// What a client says about a body, held against what came.
pub(crate) struct Claims {
    pub(crate) length: Option<ByteCount>,
    pub(crate) md5: Option<[u8; 16]>,
    pub(crate) checksum: ChecksumAsk,
}

impl Claims {
    /// Compares every claim; gives the checksum to keep.
    ///
    /// Called once the body has ended and before the catalog hears of it.
    pub(crate) fn verify(self, found: &BodyDigests) -> Result<Option<Checksum>, ObjectError> {
        if let Some(announced) = self.length
            && announced != found.size
            && !planted::is_on(TRUNCATED)
        {
            return Err(ObjectError::IncompleteBody { announced, received: found.size });
        }
        if self.md5.is_some_and(|claimed| claimed != found.md5.0) {
            return Err(ObjectError::BadDigest);
        }
        let (Some(algorithm), Some(value)) = (self.checksum.algorithm, &found.checksum) else {
            return Ok(None);
        };
        let claimed = match self.checksum.claim {
            ChecksumClaim::None => None,
            ChecksumClaim::Value(value) => Some(value),
            ChecksumClaim::Trailing(trailer) => Some((trailer.0)()?),
        };
        if let Some(claimed) = claimed {
            let name = checksum_name(algorithm);
            if claimed.len() != checksum_length(algorithm) {
                return Err(ObjectError::ChecksumMalformed { algorithm: name });
            }
            if claimed != *value {
                return Err(ObjectError::ChecksumMismatch { algorithm: name });
            }
        }
        let kind = ChecksumKind::FullObject;
        Ok(Some(Checksum { algorithm, kind, value: value.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::TrailingChecksum;

    fn check(claims: Claims, expected: &str) {
        let mut digests = Digests::new(claims.checksum.algorithm);
        digests.update(b"12345");
        digests.update(b"6789");
        let outcome = match claims.verify(&digests.finish()) {
            Ok(checksum) => checksum.map_or("none".to_owned(), |c| hex::encode(c.value)),
            Err(error) => error.to_string(),
        };
        assert_eq!(outcome, expected);
    }

    fn claims() -> Claims {
        Claims { length: None, md5: None, checksum: ChecksumAsk::default() }
    }

    proptest::proptest! {
        /// Two implementations agree, however the body is cut.
        #[test]
        fn md5_is_md5(
            body in proptest::collection::vec(proptest::num::u8::ANY, 0..700),
            cut in 0_usize..700,
        ) {
            use md5::Digest as _;
            let (first, second) = body.split_at(cut.min(body.len()));
            let mut digests = Digests::new(None);
            digests.update(first);
            digests.update(second);
            let expected: [u8; 16] = md5::Md5::digest(&body).into();
            proptest::prop_assert_eq!(digests.finish().md5, Md5(expected));
        }
    }

    #[test]
    fn claims_are_held_against_the_body() {
        check(claims(), "none");
        check(Claims { length: Some(ByteCount::new(9)), ..claims() }, "none");
        let long = Claims { length: Some(ByteCount::new(10)), ..claims() };
        check(long, "announced 10 bytes, received 9");
        check(Claims { md5: Some([0; 16]), ..claims() }, "the bytes do not have the claimed MD5");
        let crc = |claim| ChecksumAsk { algorithm: Some(ChecksumAlgorithm::Crc32), claim };
        let with = |claim| Claims { checksum: crc(claim), ..claims() };
        check(with(ChecksumClaim::None), "cbf43926");
        check(with(ChecksumClaim::Value(vec![0xcb, 0xf4, 0x39, 0x26])), "cbf43926");
        check(with(ChecksumClaim::Value(vec![1, 2])), "malformed CRC32 checksum");
        let wrong = with(ChecksumClaim::Value(vec![0; 4]));
        check(wrong, "the bytes do not have the claimed CRC32 checksum");
        let trailer = TrailingChecksum(Box::new(|| Ok(vec![0xcb, 0xf4, 0x39, 0x26])));
        check(with(ChecksumClaim::Trailing(trailer)), "cbf43926");
    }
}
