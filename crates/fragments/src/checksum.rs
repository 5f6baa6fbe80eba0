//! CRC32C, over blocks and over headers.
//!
//! It finds decay, torn writes and misdirected blocks; it is no defence against
//! someone who writes to the disk: that is what sealing is for.

use crc_fast::{CrcAlgorithm, Digest};

use crate::limits::BLOCK_BYTES;

/// CRC32C of some bytes.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// CRC32C of several runs of bytes, as if they were joined.
pub(crate) fn crc32c_of(runs: &[&[u8]]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    for run in runs {
        digest.update(run);
    }
    // A CRC32 fills the low half only.
    u32::try_from(digest.finalize() & u64::from(u32::MAX)).unwrap_or(0)
}

/// The checksums of a payload's blocks, four little-endian bytes each.
pub(crate) fn block_checksums(payload: &[u8]) -> Vec<u8> {
    payload.chunks(BLOCK_BYTES).flat_map(|block| crc32c(block).to_le_bytes()).collect()
}

/// Whether whole blocks (the last may be the payload's short tail) match their
/// checksums, given from the first of them on.
pub(crate) fn blocks_match(blocks: &[u8], block_bytes: usize, checksums: &[u8]) -> bool {
    if units::planted::is_on("fragments-skips-block-checksum") {
        return true;
    }
    let wanted = blocks.len().div_ceil(block_bytes.max(1));
    let (checksums, _) = checksums.as_chunks::<4>();
    checksums.len() >= wanted
        && blocks
            .chunks(block_bytes.max(1))
            .zip(checksums)
            .all(|(block, checksum)| crc32c(block).to_le_bytes() == *checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_of_crcs() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c_of(&[b"1234", b"", b"56789"]), 0xe306_9283);
    }
}
