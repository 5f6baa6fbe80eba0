//! Claims: who is at work on the fragments of a part, one at a time.
//!
//! A repair writes fragments to a disk that the catalog does not name yet; to the sweep
//! for left copies they look like copies that nobody needs. Each claims the part first,
//! and leaves it alone if the other has.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use units::PartId;

/// The parts that are claimed; as many as there are repairs and second copies
/// made at a time, and one.
#[derive(Default)]
pub(crate) struct Claims {
    parts: Mutex<BTreeSet<PartId>>,
}

/// A part is claimed until this is dropped.
pub(crate) struct Claim<'a> {
    claims: &'a Claims,
    part: PartId,
}

impl Claims {
    /// Claims a part, if nobody has.
    pub(crate) fn claim(&self, part: PartId) -> Option<Claim<'_>> {
        // A claim must not be made, nor dropped, before it is known that it is ours.
        let is_ours = self.parts.lock().insert(part);
        is_ours.then(|| Claim { claims: self, part })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.claims.parts.lock().remove(&self.part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_claimed_once() {
        let (claims, part) = (Claims::default(), PartId::from_u128(1));
        let claim = claims.claim(part);
        assert!(claim.is_some() && claims.claim(part).is_none());
        assert!(claims.claim(part).is_none(), "who asked in vain took nothing away");
        assert!(claims.claim(PartId::from_u128(2)).is_some());
        drop(claim);
        assert!(claims.claim(part).is_some());
    }
}
