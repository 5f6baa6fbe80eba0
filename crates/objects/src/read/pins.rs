//! Parts that are being read or written: their fragments are not removed meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use units::PartId;

/// What is in use, and how many times.
#[derive(Clone, Default)]
pub(crate) struct Pins(Arc<Mutex<HashMap<PartId, u32>>>);

/// One reader or writer of one part.
pub(crate) struct Pin {
    pins: Pins,
    part: PartId,
}

/// One reader of all the parts it will come to.
pub(crate) struct PinSet {
    pins: Pins,
    parts: Vec<PartId>,
}

impl Pins {
    pub(crate) fn pin(&self, part: PartId) -> Pin {
        *self.0.lock().entry(part).or_default() += 1;
        Pin { pins: self.clone(), part }
    }

    pub(crate) fn pin_all(&self, parts: Vec<PartId>) -> PinSet {
        let mut pinned = self.0.lock();
        for part in &parts {
            *pinned.entry(*part).or_default() += 1;
        }
        drop(pinned);
        PinSet { pins: self.clone(), parts }
    }

    pub(crate) fn is_pinned(&self, part: PartId) -> bool {
        self.0.lock().contains_key(&part)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        unpin(&mut self.pins.0.lock(), self.part);
    }
}

impl Drop for PinSet {
    fn drop(&mut self) {
        let mut pinned = self.pins.0.lock();
        for part in &self.parts {
            unpin(&mut pinned, *part);
        }
    }
}

fn unpin(pinned: &mut HashMap<PartId, u32>, part: PartId) {
    if let Some(count) = pinned.get_mut(&part) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            pinned.remove(&part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_pinned_until_its_last_reader_goes() {
        let pins = Pins::default();
        let part = PartId::from_u128(1);
        let first = pins.pin(part);
        let second = pins.pin(part);
        drop(first);
        assert!(pins.is_pinned(part));
        drop(second);
        assert!(!pins.is_pinned(part));
        let other = PartId::from_u128(2);
        let (all, one) = (pins.pin_all(vec![part, other, part]), pins.pin(other));
        drop(all);
        assert!(!pins.is_pinned(part) && pins.is_pinned(other));
        drop(one);
        assert!(!pins.is_pinned(other));
    }
}
