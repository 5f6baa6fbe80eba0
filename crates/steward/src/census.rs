//! The census: for each part, which fragments verify. The measure of what scrub
//! and repair achieve, apart from whether a read happens to succeed.

use catalog::{PartRow, View};
use erasure::{Code, CodecId, Cut};
use fragments::{FragmentName, Reach};
use seal::SealedLayout;
use units::{FragmentNumber, PartId, StripeNumber};

use crate::limits::PRESENCE_PAGE;
use crate::{Steward, StewardError};

/// What became of one fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FragmentState {
    /// There, and its checksums hold.
    Good,
    /// Not where the catalog says.
    Missing,
    /// There, but not what was written, by its checksums or by the word of a reader.
    Bad,
}

/// What the indexes say of one fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    Absent,
    /// Nobody could be asked.
    Unheard,
}

/// Fragments by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Parts that are referred to.
    pub parts: u64,
    /// Fragments that verify.
    pub good: u64,
    /// Fragments that are not there.
    pub missing: u64,
    /// Fragments that do not verify, or that a reader could not open.
    pub bad: u64,
}

impl Census {
    /// Whether every fragment is there and verifies.
    pub fn is_whole(&self) -> bool {
        self.missing == 0 && self.bad == 0
    }
}

impl Steward {
    /// Reads every fragment of every part that is referred to.
    pub async fn census(&self) -> Result<Census, StewardError> {
        let view = self.view();
        let mut census = Census::default();
        let mut after = None;
        loop {
            let page = view.parts(after, PRESENCE_PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(census) };
            after = Some(*last);
            for (part, row) in page {
                if row.references == 0 {
                    continue;
                }
                census.parts += 1;
                for stripe in 0..row.stripe_count {
                    for slot in (0_u8..).take(row.slots.len()) {
                        let name = name_of(&row, part, stripe, slot);
                        match self.fragment_state(&row, name).await {
                            FragmentState::Good => census.good += 1,
                            FragmentState::Missing => census.missing += 1,
                            FragmentState::Bad => census.bad += 1,
                        }
                    }
                }
            }
        }
    }

    /// Reads one fragment whole.
    pub(crate) async fn fragment_state(&self, row: &PartRow, name: FragmentName) -> FragmentState {
        let Some(disk) = row.slots.get(usize::from(name.fragment.get())) else {
            return FragmentState::Missing;
        };
        match self.fragments().read_whole(*disk, name).await {
            Ok(_) if self.is_distrusted(name) => FragmentState::Bad,
            Ok(fragment) => {
                let same = expected_bytes(row, name)
                    .is_some_and(|expected| expected == fragment.payload.len());
                if same { FragmentState::Good } else { FragmentState::Bad }
            }
            Err(
                fragments::ReadError::NotFound { .. } | fragments::ReadError::NoSuchDisk { .. },
            ) => FragmentState::Missing,
            // Nothing is known against it; the next round looks again.
            Err(error) if error.says_nothing() => FragmentState::Good,
            Err(_) => FragmentState::Bad,
        }
    }

    /// Whether a fragment can be read, from its disk or from another that has it; one that
    /// nothing is known against counts.
    pub(crate) async fn fragment_reads(&self, row: &PartRow, name: FragmentName) -> bool {
        if self.fragment_state(row, name).await == FragmentState::Good {
            return true;
        }
        let Some(place) = row.slots.get(usize::from(name.fragment.get())) else { return false };
        for disk in self.fragments().elsewhere(*place, name).await {
            if self.good_fragment(disk, row, name).await.is_some() {
                return true;
            }
        }
        false
    }

    /// Whether a fragment of the right length is in the index of its disk; reads nothing.
    async fn fragment_is_there(&self, row: &PartRow, name: FragmentName) -> Presence {
        let Some(disk) = row.slots.get(usize::from(name.fragment.get())) else {
            return Presence::Absent;
        };
        match self.fragments().length(*disk, name).await {
            Ok(length) if is_expected(row, name, length) => Presence::There,
            Err(error) if error.says_nothing() => Presence::Unheard,
            Ok(_) | Err(_) => Presence::Absent,
        }
    }

    /// Whether a fragment of the right length is in the index of its disk, or of another;
    /// reads nothing.
    pub(crate) async fn fragment_is_somewhere(
        &self,
        row: &PartRow,
        name: FragmentName,
    ) -> Presence {
        let in_place = self.fragment_is_there(row, name).await;
        if in_place == Presence::There {
            return in_place;
        }
        let Some(place) = row.slots.get(usize::from(name.fragment.get())) else {
            return Presence::Absent;
        };
        for disk in self.fragments().elsewhere(*place, name).await {
            let length = self.fragments().length(disk, name).await;
            if length.is_ok_and(|length| is_expected(row, name, length)) {
                return Presence::There;
            }
        }
        in_place
    }

    /// Whether every stripe of a part has as many fragments as it takes, by the indexes of
    /// the disks that can be asked; reads nothing.
    pub(crate) async fn part_may_be_read(&self, part: PartId, row: &PartRow) -> bool {
        let row = &with_unheard(row);
        for stripe in 0..row.stripe_count {
            let mut there = 0;
            for slot in (0_u8..).take(row.slots.len()) {
                if there == row.data {
                    break;
                }
                let name = name_of(row, part, stripe, slot);
                there += u8::from(self.fragment_is_somewhere(row, name).await == Presence::There);
            }
            if there < row.data {
                return false;
            }
        }
        true
    }

    /// Whether a fragment is known not to be where it should be. Each node looks at its own
    /// disks; what is on a node that does not answer may well be there.
    fn fragment_is_absent(&self, row: &PartRow, name: FragmentName) -> bool {
        let Some(disk) = row.slots.get(usize::from(name.fragment.get())) else { return true };
        match self.fragments().reach(*disk) {
            Reach::Here => !is_expected(row, name, self.own_disks().length(*disk, name)),
            Reach::There { .. } | Reach::Unreachable { .. } => false,
            Reach::Missing | Reach::Unknown => true,
        }
    }

    /// One page of parts, with the fragments that are not where they should be;
    /// `None` for the next page at the end.
    pub(crate) fn presence(
        &self,
        view: &View,
        after: Option<PartId>,
    ) -> Result<(Vec<FragmentName>, Option<PartId>), StewardError> {
        let page = view.parts(after, PRESENCE_PAGE)?;
        let next = page.last().map(|(part, _)| *part);
        let mut absent = Vec::new();
        for (part, row) in page {
            if row.references == 0 {
                continue;
            }
            for stripe in 0..row.stripe_count {
                for slot in (0_u8..).take(row.slots.len()) {
                    let name = name_of(&row, part, stripe, slot);
                    if self.fragment_is_absent(&row, name) {
                        absent.push(name);
                    }
                }
            }
        }
        Ok((absent, next))
    }
}

/// The row of a part that is kept whole in each slot, as it would be with a copy of which
/// the catalog has not heard: a backup of before that copy was put back. Where it lies is
/// not known; it is looked for on all disks.
pub(crate) fn with_unheard(row: &PartRow) -> PartRow {
    let mut row = row.clone();
    if row.data == 1
        && let Some(first) = row.slots.first().copied()
    {
        row.slots.push(first);
        row.parity = row.parity.saturating_add(1);
    }
    row
}

/// Whether an index has a fragment with the length that the part's row says.
pub(crate) fn is_expected(
    row: &PartRow,
    name: FragmentName,
    length: Option<units::ByteCount>,
) -> bool {
    let expected = expected_bytes(row, name).map(|bytes| bytes as u64);
    length.is_some() && length.map(units::ByteCount::get) == expected
}

/// The fragment of a stripe of a part in a slot, as the part is cut.
pub(crate) fn name_of(row: &PartRow, part: PartId, stripe: u32, slot: u8) -> FragmentName {
    let stripe = cut_of(row).named(StripeNumber::new(stripe));
    FragmentName { part, stripe, fragment: FragmentNumber::new(slot) }
}

/// How a part is cut and its fragments are named.
pub(crate) fn cut_of(row: &PartRow) -> Cut {
    let code = Code::new(row.data, row.parity).unwrap_or(Code::PLAIN);
    Cut::new(CodecId::from_byte(row.codec).unwrap_or_default(), code)
}

/// Length of a fragment, from the part's row; none if it is not one of the part as it is cut
/// now.
pub(crate) fn expected_bytes(row: &PartRow, name: FragmentName) -> Option<usize> {
    let layout = SealedLayout::new(row.size, row.stripe_bytes)?;
    let code = Code::new(row.data, row.parity).ok()?;
    let stripe = cut_of(row).stripe(name.stripe)?;
    let sealed = usize::try_from(layout.sealed_bytes(stripe)).ok()?;
    code.stored_bytes(sealed, name.fragment.get())
}
