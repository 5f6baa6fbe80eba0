//! One question: about which bytes, what the right answer is, and what to think of the one
//! that came.
//!
//! ```text
//! signed by the node's key?       no: forged
//! "it is not there", "damaged"    taken at its word
//! a hash   = that of the range rebuilt from k others: it holds
//!          ≠ that of the bytes the node hands out: wrong, by its own word
//!          else all that can be read are compared: who is wrong, if one can know
//! ```
//! **Invariant**: what the catalog has changed meanwhile accuses nobody.

use bytes::Bytes;
use caretaker::limits::CUSTODY_RANGE_BYTES;
use caretaker::{CustodyDrawn, custody_range};
use catalog::{CustodyAnswer, CustodyProof, CustodyVerdict, Node, PartRow, SiteMap};
use core::ops::Range;
use erasure::Code;
use fragments::{Challenge, FragmentName, Nonce, ReadError, SignedHolding};
use seal::SealedLayout;
use units::{ClusterId, DiskId, FragmentNumber, NodeId, SiteId, planted};

use super::compare::Ranges;
use super::sign::{custody_is_signed, statement};
use crate::census::{expected_bytes, name_of};
use crate::limits::CUSTODY_SETTLED;
use crate::planted::{CUSTODY_BELIEVES, CUSTODY_SAME_NONCE, CUSTODY_UNSIGNED};
use crate::{Steward, StewardError};

/// Who asks, and by which map.
pub(super) struct Asker {
    pub(super) cluster: ClusterId,
    pub(super) me: NodeId,
    pub(super) map: SiteMap,
}

/// What came of a question.
pub(super) enum Asked {
    /// What was drawn is not there any more, or was written a moment ago.
    Stale,
    /// Nothing can be said: the node is away, or too few others are there to compare with.
    Unknown,
    /// The node is there, and does not answer this.
    Silent(NodeId),
    /// It has answered, and this was found.
    Answered {
        proof: Box<CustodyProof>,
        name: FragmentName,
        /// The bytes that the node hands out are not the fragment's, whatever its checksums.
        is_wrong: bool,
    },
    /// The bytes do not agree; who is wrong may be known.
    Disagree {
        /// Another than the one that was asked, which is to be asked for the same.
        wrong: Option<FragmentNumber>,
        range: Range<usize>,
    },
}

/// A fragment that is asked for, and where it has its place.
struct Subject<'a> {
    row: PartRow,
    code: Code,
    sealed: usize,
    name: FragmentName,
    disk: DiskId,
    node: &'a Node,
    /// Of the fragment's bytes.
    range: Range<usize>,
}

impl Subject<'_> {
    /// The range to the end of a column, or of the longest fragments.
    fn columns(&self) -> Range<usize> {
        let full = self.code.fragment_bytes(self.sealed);
        self.range.start..full.min(self.range.start.saturating_add(CUSTODY_RANGE_BYTES))
    }

    /// What a fragment of the stripe has of these columns.
    fn range_of(&self, fragment: u8) -> Range<usize> {
        let columns = self.columns();
        let stored = self.code.stored_bytes(self.sealed, fragment).unwrap_or(0);
        columns.start.min(stored)..columns.end.min(stored)
    }

    fn name_of(&self, fragment: u8) -> FragmentName {
        FragmentName { fragment: FragmentNumber::new(fragment), ..self.name }
    }
}

impl Steward {
    /// Asks a site for what was drawn, or for this range of it.
    pub(super) async fn custody_ask(
        &self,
        asker: &Asker,
        site: SiteId,
        drawn: CustodyDrawn,
        range: Option<Range<usize>>,
    ) -> Result<Asked, StewardError> {
        let Some(subject) = self.subject(asker, site, drawn, range)? else {
            return Ok(Asked::Stale);
        };
        let mut nonce = Nonce::draw(&*self.shared.objects.parts().random);
        if planted::is_on(CUSTODY_SAME_NONCE) {
            nonce = Nonce([7; 32]);
        }
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let challenge = Challenge {
            disk: subject.disk,
            name: subject.name,
            start: position(subject.range.start),
            end: position(subject.range.end),
            nonce,
            epoch: asker.map.epoch,
        };
        let signed = match self.fragments().challenge(&challenge).await {
            Ok(signed) => signed,
            Err(error) => {
                let is_there = self.fragments().reach(subject.disk).is_there()
                    && self.disk_is_sound(subject.disk)
                    && !matches!(error, ReadError::Hanging { .. } | ReadError::TooManyOpen { .. });
                let node = subject.node.id;
                tracing::debug!(%node, %error, is_there, "a question of custody is unanswered");
                return Ok(if is_there { Asked::Silent(node) } else { Asked::Unknown });
            }
        };
        let mut proof = self.proof(asker, &subject, &challenge, &signed);
        if !custody_is_signed(&proof) && !planted::is_on(CUSTODY_UNSIGNED) {
            let is_wrong = self.hands_out_wrong(&subject, nonce).await;
            return Ok(Asked::Answered { proof: Box::new(proof), name: subject.name, is_wrong });
        }
        let found = match proof.statement.answer {
            CustodyAnswer::Missing => Found::Verdict(CustodyVerdict::Missing),
            CustodyAnswer::Damaged => Found::Verdict(CustodyVerdict::Damaged),
            CustodyAnswer::Held(_) if planted::is_on(CUSTODY_BELIEVES) => {
                Found::Verdict(CustodyVerdict::Held)
            }
            CustodyAnswer::Held(hash) => {
                let found = self.compare(&subject, nonce, hash).await;
                proof.due = found.1;
                found.0
            }
        };
        let is_held = matches!(found, Found::Verdict(CustodyVerdict::Held));
        if !is_held && !self.is_as_it_was(&subject)? {
            return Ok(Asked::Stale);
        }
        Ok(match found {
            Found::Verdict(verdict) => {
                proof.verdict = verdict;
                let is_wrong = verdict == CustodyVerdict::Wrong;
                Asked::Answered { proof: Box::new(proof), name: subject.name, is_wrong }
            }
            Found::Unknown => Asked::Unknown,
            Found::Disagree(wrong) => {
                let wrong = wrong.map(FragmentNumber::new);
                Asked::Disagree { wrong, range: subject.range }
            }
        })
    }

    /// What is asked for, if the catalog still says that it is there.
    fn subject<'a>(
        &self,
        asker: &'a Asker,
        site: SiteId,
        drawn: CustodyDrawn,
        range: Option<Range<usize>>,
    ) -> Result<Option<Subject<'a>>, StewardError> {
        let row = self.view().part(drawn.part)?.filter(|row| row.references > 0);
        // What was written a moment ago may be on its way to one of its disks.
        let row = row.filter(|row| self.now().since(row.created) >= CUSTODY_SETTLED);
        let Some(row) = row.filter(|row| drawn.stripe.get() < row.stripe_count) else {
            return Ok(None);
        };
        let disk = row.slots.get(usize::from(drawn.slot.get())).copied();
        let node = disk.and_then(|disk| asker.map.node_of(disk));
        let (Some(disk), Some(node)) = (disk, node.filter(|node| node.site == site)) else {
            return Ok(None);
        };
        let name = name_of(&row, drawn.part, drawn.stripe.get(), drawn.slot.get());
        let layout = SealedLayout::new(row.size, row.stripe_bytes);
        let sealed =
            layout.and_then(|layout| usize::try_from(layout.sealed_bytes(drawn.stripe)).ok());
        let code = Code::new(row.data, row.parity).ok();
        let random = &*self.shared.objects.parts().random;
        let bytes = expected_bytes(&row, name).unwrap_or(0);
        let range = match range {
            None => custody_range(bytes, random),
            // Another fragment of the stripe may be shorter.
            Some(range) => Some(range.start.min(bytes)..range.end.min(bytes)),
        };
        let range = range.filter(|range| range.start < range.end);
        let (Some(sealed), Some(code), Some(range)) = (sealed, code, range) else {
            return Ok(None);
        };
        Ok(Some(Subject { row, code, sealed, name, disk, node, range }))
    }

    /// Whether the part lies where it lay when it was asked for.
    fn is_as_it_was(&self, subject: &Subject<'_>) -> Result<bool, StewardError> {
        let row = self.view().part(subject.name.part)?.filter(|row| row.references > 0);
        Ok(row.is_some_and(|row| row.slots == subject.row.slots))
    }

    /// The answer with its signature; forged as long as nothing better is known.
    fn proof(
        &self,
        asker: &Asker,
        subject: &Subject<'_>,
        challenge: &Challenge,
        signed: &SignedHolding,
    ) -> CustodyProof {
        let who = (asker.cluster, subject.node.site, subject.node.id);
        CustodyProof {
            statement: statement(who, challenge, signed),
            signature: signed.signature,
            key: subject.node.key,
            asked_by: asker.me,
            asked: self.now(),
            due: None,
            verdict: CustodyVerdict::Forged,
        }
    }

    /// Holds an answer against the other fragments; with the hash that was due, if it is
    /// known.
    async fn compare(
        &self,
        subject: &Subject<'_>,
        nonce: Nonce,
        hash: [u8; 32],
    ) -> (Found, Option<[u8; 32]>) {
        let asked = subject.name.fragment.get();
        let mut ranges = Ranges {
            code: subject.code,
            stripe_bytes: subject.sealed,
            range: subject.columns(),
            slots: vec![None; usize::from(subject.code.total())],
        };
        let mut left = (0..subject.code.total()).filter(|number| *number != asked);
        let mut have = 0;
        while have < subject.code.data() {
            let Some(number) = left.next() else { return (Found::Unknown, None) };
            let Ok(bytes) = self.range_read(subject, number).await else { continue };
            have += 1;
            set(&mut ranges.slots, number, bytes);
        }
        let hash_of = |bytes: &Bytes| fragments::CustodyProof::of(nonce, bytes).0;
        let Some(due) = ranges.due(asked).as_ref().map(hash_of) else {
            return (Found::Unknown, None);
        };
        if due == hash {
            return (Found::Verdict(CustodyVerdict::Held), Some(due));
        }
        let wrong = Found::Verdict(CustodyVerdict::Wrong);
        match self.range_read(subject, asked).await {
            Ok(bytes) if hash_of(&bytes) != hash => return (wrong, Some(due)),
            Ok(bytes) => set(&mut ranges.slots, asked, bytes),
            // It has just said that it has it.
            Err(
                ReadError::NotFound { .. }
                | ReadError::Damaged { .. }
                | ReadError::OutOfRange { .. },
            ) => return (wrong, Some(due)),
            Err(_) => return (Found::Unknown, None),
        }
        for number in left {
            if let Ok(bytes) = self.range_read(subject, number).await {
                set(&mut ranges.slots, number, bytes);
            }
        }
        match ranges.wrong() {
            Some(number) if number == asked => (wrong, ranges.due(asked).as_ref().map(hash_of)),
            other => (Found::Disagree(other), None),
        }
    }

    /// Whether the bytes that a node hands out are wrong, whatever it has said of them.
    async fn hands_out_wrong(&self, subject: &Subject<'_>, nonce: Nonce) -> bool {
        let asked = subject.name.fragment.get();
        let Ok(bytes) = self.range_read(subject, asked).await else { return false };
        let hash = fragments::CustodyProof::of(nonce, &bytes).0;
        let found = self.compare(subject, nonce, hash).await.0;
        matches!(found, Found::Verdict(CustodyVerdict::Wrong))
    }

    /// What a fragment of the stripe has of the columns, from the disk that it has its
    /// place on.
    async fn range_read(&self, subject: &Subject<'_>, fragment: u8) -> Result<Bytes, ReadError> {
        let range = subject.range_of(fragment);
        let name = subject.name_of(fragment);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let missing = ReadError::NotFound { name };
        let disk = *subject.row.slots.get(usize::from(fragment)).ok_or(missing)?;
        if self.is_distrusted(name) {
            return Err(ReadError::Damaged { name });
        }
        self.fragments().read(disk, name, range).await
    }
}

/// What was found by comparing.
enum Found {
    Verdict(CustodyVerdict),
    Unknown,
    /// Another is wrong, or nobody knows who.
    Disagree(Option<u8>),
}

fn set(slots: &mut [Option<Bytes>], number: u8, bytes: Bytes) {
    if let Some(slot) = slots.get_mut(usize::from(number)) {
        *slot = Some(bytes);
    }
}
