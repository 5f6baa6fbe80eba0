//! The checksums S3 knows: running, compared, and combined across parts.
//!
//! CRCs are kept big-endian, as S3 writes them in base64.
//! A *composite* checksum is the digest of the parts' digests; a *full-object*
//! CRC of a multipart object is combined from the parts' CRCs and lengths
//! without reading a byte (zlib's `crc32_combine`, generalised by `crc-fast`).

use aws_lc_rs::digest;
use catalog::{Checksum, ChecksumAlgorithm, ChecksumKind};
use crc_fast::{CrcAlgorithm, Digest as CrcDigest, checksum_combine};
use sha1::Digest as _;
use units::ByteCount;

/// What is computed and kept where a client names no algorithm, as S3 does; the
/// cheapest of those that combine across parts.
pub const CHECKSUM_DEFAULT: ChecksumAlgorithm = ChecksumAlgorithm::Crc64Nvme;

/// As S3 writes it in headers and documents.
pub const fn checksum_name(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "CRC32",
        ChecksumAlgorithm::Crc32c => "CRC32C",
        ChecksumAlgorithm::Crc64Nvme => "CRC64NVME",
        ChecksumAlgorithm::Sha1 => "SHA1",
        ChecksumAlgorithm::Sha256 => "SHA256",
    }
}

/// Length of the raw value in bytes.
pub const fn checksum_length(algorithm: ChecksumAlgorithm) -> usize {
    match algorithm {
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => 4,
        ChecksumAlgorithm::Crc64Nvme => 8,
        ChecksumAlgorithm::Sha1 => 20,
        ChecksumAlgorithm::Sha256 => 32,
    }
}

/// What a multipart upload with this algorithm carries if its client did not say:
/// CRC-64/NVME only exists for whole objects, the others are of the parts.
pub const fn checksum_kind_default(algorithm: ChecksumAlgorithm) -> ChecksumKind {
    match algorithm {
        ChecksumAlgorithm::Crc64Nvme => ChecksumKind::FullObject,
        _ => ChecksumKind::Composite,
    }
}

/// Whether the algorithm can be of this kind (digests cannot be combined,
/// CRC-64/NVME cannot be composite).
pub const fn checksum_kind_possible(algorithm: ChecksumAlgorithm, kind: ChecksumKind) -> bool {
    match algorithm {
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => {
            matches!(kind, ChecksumKind::Composite)
        }
        ChecksumAlgorithm::Crc64Nvme => matches!(kind, ChecksumKind::FullObject),
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => true,
    }
}

const fn crc_of(algorithm: ChecksumAlgorithm) -> Option<CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => None,
    }
}

/// A checksum being computed.
pub struct RunningChecksum {
    algorithm: ChecksumAlgorithm,
    state: State,
}

enum State {
    Crc(Box<CrcDigest>),
    Sha1(sha1::Sha1),
    Sha256(digest::Context),
}

impl RunningChecksum {
    /// Of nothing yet.
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        let state = match (algorithm, crc_of(algorithm)) {
            (_, Some(crc)) => State::Crc(Box::new(CrcDigest::new(crc))),
            (ChecksumAlgorithm::Sha1, _) => State::Sha1(sha1::Sha1::new()),
            _ => State::Sha256(digest::Context::new(&digest::SHA256)),
        };
        Self { algorithm, state }
    }

    /// Takes further bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
        }
    }

    /// The raw value.
    pub fn finish(self) -> Vec<u8> {
        match self.state {
            State::Crc(state) => crc_bytes(self.algorithm, state.finalize()),
            State::Sha1(state) => state.finalize().to_vec(),
            State::Sha256(state) => state.finish().as_ref().to_vec(),
        }
    }
}

/// The checksum of bytes at hand.
pub fn checksum_of(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Vec<u8> {
    let mut running = RunningChecksum::new(algorithm);
    running.update(bytes);
    running.finish()
}

fn crc_bytes(algorithm: ChecksumAlgorithm, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let skip = bytes.len().saturating_sub(checksum_length(algorithm));
    bytes.get(skip..).unwrap_or_default().to_vec()
}

fn crc_value(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The checksum of a multipart object from those of its parts, in order, with
/// their lengths; `None` if a part has none of this algorithm.
pub(crate) fn checksum_of_parts<'a>(
    algorithm: ChecksumAlgorithm,
    kind: ChecksumKind,
    parts: impl Iterator<Item = (Option<&'a Checksum>, ByteCount)>,
) -> Option<Checksum> {
    let mut composite = RunningChecksum::new(algorithm);
    let mut full: Option<u64> = None;
    for (checksum, size) in parts {
        let value = &checksum.filter(|c| c.algorithm == algorithm)?.value;
        match (kind, crc_of(algorithm)) {
            (ChecksumKind::FullObject, Some(crc)) => {
                let part = crc_value(value);
                full = Some(full.map_or(part, |sum| checksum_combine(crc, sum, part, size.get())));
            }
            (ChecksumKind::FullObject, None) => return None,
            (ChecksumKind::Composite, _) => composite.update(value),
        }
    }
    let value = match kind {
        ChecksumKind::FullObject => crc_bytes(algorithm, full?),
        ChecksumKind::Composite => composite.finish(),
    };
    Some(Checksum { algorithm, kind, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check values of the catalogue of parametrised CRC algorithms and of FIPS 180-4.
    #[test]
    fn known_values() {
        let check = |algorithm, expected: &str| {
            assert_eq!(hex::encode(checksum_of(algorithm, b"123456789")), expected);
        };
        check(ChecksumAlgorithm::Crc32, "cbf43926");
        check(ChecksumAlgorithm::Crc32c, "e3069283");
        check(ChecksumAlgorithm::Crc64Nvme, "ae8b14860a799888");
        check(ChecksumAlgorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
        check(
            ChecksumAlgorithm::Sha256,
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
        );
    }

    #[test]
    fn full_object_crcs_combine() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        for algorithm in
            [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme]
        {
            let parts: Vec<(Checksum, ByteCount)> =
                [&bytes[..7], &bytes[7..70_000], &bytes[70_000..]]
                    .iter()
                    .map(|part| {
                        let value = checksum_of(algorithm, part);
                        let size = ByteCount::new(part.len() as u64);
                        (Checksum { algorithm, kind: ChecksumKind::FullObject, value }, size)
                    })
                    .collect();
            let combined = checksum_of_parts(
                algorithm,
                ChecksumKind::FullObject,
                parts.iter().map(|(c, s)| (Some(c), *s)),
            );
            assert_eq!(combined.map(|c| c.value), Some(checksum_of(algorithm, &bytes)));
        }
    }
}
