//! A short window without some fragments of its stripe: the same columns of as many others,
//! and no more of the stripe than that.
//!
//! ```text
//!   fragment   0  ────────────    not to be had, or slow
//!              1  ──┃▒▒▒▒┃────    read: the columns that the window has in fragment 0
//!              2  ──┃▒▒▒▒┃────    read
//!              3  ──┃▒▒▒▒┃────    read, parity
//! ```
//! A long read has the whole stripe rebuilt once instead ([`super::part`]): its windows
//! would have the same columns read again and again.

use core::ops::Range;

use bytes::{Bytes, BytesMut};
use erasure::{COLUMN_BYTES, Piece};
use futures::future::join_all;
use seal::StripeRange;
use units::StripeNumber;

use super::gather::{Holders, gather};
use super::part::{Located, OpenPart, size};
use crate::gateway::Inner;

impl OpenPart {
    /// The window from columns of the other fragments, if that is enough.
    pub(super) async fn read_narrow(
        &self,
        inner: &Inner,
        range: &StripeRange,
        without: &[u8],
    ) -> Option<Vec<Bytes>> {
        let located = self.located();
        if !self.is_short || located.code.data() < 2 {
            return None;
        }
        let sealed_bytes = size(self.layout().sealed_bytes(range.stripe));
        let pieces = located.pieces(inner, sealed_bytes, range);
        let reads = pieces.iter().map(async |piece| {
            if without.contains(&piece.fragment) {
                return self.columns(inner, &located, range.stripe, piece, without).await;
            }
            let (disk, name) =
                (located.slot(piece.fragment), self.name(&located, range.stripe, piece.fragment));
            inner.read_measured(disk, name, piece.range.clone()).await.ok()
        });
        let mut bytes = BytesMut::new();
        for read in join_all(reads).await {
            bytes.extend_from_slice(&read?);
        }
        self.open(range, bytes).ok()
    }

    /// A piece of a fragment, out of the same columns of others.
    async fn columns(
        &self,
        inner: &Inner,
        located: &Located,
        stripe: StripeNumber,
        piece: &Piece,
        without: &[u8],
    ) -> Option<Bytes> {
        let code = located.code;
        let sealed_bytes = size(self.layout().sealed_bytes(stripe));
        let columns = columns_of(&piece.range, code.fragment_bytes(sealed_bytes));
        let holders = (0..code.total()).filter(|one| !without.contains(one)).map(|fragment| {
            let disk = located.slot(fragment);
            let rank = inner.rank(disk);
            let patience = inner.hedging.patience(disk, rank.way);
            Holders { fragment, disks: vec![disk], rank, patience }
        });
        let read = async |holders: Holders| {
            let fragment = holders.fragment;
            let stored = code.stored_bytes(sealed_bytes, fragment).unwrap_or(0);
            let wanted = columns.start.min(stored)..columns.end.min(stored);
            if wanted.is_empty() {
                // The last data fragment may be short: beyond it there are zeros.
                return (fragment, Some(Bytes::new()));
            }
            let name = self.name(located, stripe, fragment);
            (fragment, inner.read_measured(located.slot(fragment), name, wanted).await.ok())
        };
        let slots = gather(code, holders.collect(), read).await;
        let rebuilt =
            erasure::rebuild_range(code, sealed_bytes, columns.clone(), piece.fragment, &slots);
        let rebuilt = rebuilt.ok()?;
        let wanted = piece.range.start - columns.start..piece.range.end - columns.start;
        (wanted.end <= rebuilt.len()).then(|| rebuilt.slice(wanted))
    }
}

/// The whole columns that a range of a fragment lies in.
fn columns_of(range: &Range<usize>, fragment_bytes: usize) -> Range<usize> {
    let start = range.start - range.start % COLUMN_BYTES;
    let end = range.end.next_multiple_of(COLUMN_BYTES).min(fragment_bytes);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_widened_to_whole_columns_and_not_beyond_the_fragment() {
        for (range, expected) in [
            (0..1, 0..64),
            (0..64, 0..64),
            (63..65, 0..128),
            (64..128, 64..128),
            (900..1_000, 896..1_000),
            (130..999, 128..1_000),
        ] {
            assert_eq!(columns_of(&range, 1_000), expected, "{range:?}");
        }
    }
}
