//! How the fragments of a part are named, so that two codes of one part can lie side by
//! side.
//!
//! A fragment is named by its part, a stripe number and its slot. As a part was first
//! written, that number is the stripe's. When it is cut anew with another code, the number
//! says the code as well:
//!
//! ```text
//!  bit  31   30..26   25..21   20..0
//!        0    ──── the stripe ────     CodecId::ContiguousLeopard16
//!        1    k - 1      m     stripe  CodecId::NamedLeopard16; m is 0 if k is 1
//! ```
//! With one data fragment every fragment is the stripe, whatever m is: copies keep their
//! names when there are more of them.
//!
//! **Invariant**: what a fragment holds follows from its name, and from nothing else. So
//! whoever writes one that another has written changes nothing, in whatever order, and one
//! that was left behind by an earlier code is never taken for one of a later code.

use units::StripeNumber;

use crate::{Code, CodecId};

/// Says that the rest of the number has a code in it.
const NAMED: u32 = 1 << 31;

const DATA_AT: u32 = 26;
const PARITY_AT: u32 = 21;

/// Most stripes of a part whose names say the code.
pub const STRIPES_NAMED_MAX: u32 = 1 << PARITY_AT;

/// The code of a part and how its fragments are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cut {
    codec: CodecId,
    code: Code,
}

impl Cut {
    /// The cut of a part that says this of itself.
    pub const fn new(codec: CodecId, code: Code) -> Self {
        Self { codec, code }
    }

    /// The code.
    pub const fn code(self) -> Code {
        self.code
    }

    /// The codec that is recorded with it.
    pub const fn codec(self) -> CodecId {
        self.codec
    }

    /// The number that stands for a stripe in the names of its fragments; of one of
    /// [`STRIPES_NAMED_MAX`] stripes if it says the code.
    pub const fn named(self, stripe: StripeNumber) -> StripeNumber {
        match self.codec {
            CodecId::ContiguousLeopard16 => stripe,
            CodecId::NamedLeopard16 => {
                StripeNumber::new(self.tag() | (stripe.get() & (STRIPES_NAMED_MAX - 1)))
            }
        }
    }

    /// The stripe that such a number stands for; nothing if it is of another cut.
    pub const fn stripe(self, named: StripeNumber) -> Option<StripeNumber> {
        let number = named.get();
        let (tag, stripe) = match self.codec {
            CodecId::ContiguousLeopard16 => (number & NAMED, number),
            CodecId::NamedLeopard16 => {
                let stripe = number & (STRIPES_NAMED_MAX - 1);
                ((number ^ stripe) ^ self.tag(), stripe)
            }
        };
        if tag == 0 { Some(StripeNumber::new(stripe)) } else { None }
    }

    /// The data and parity fragments that a number in a fragment's name says, of copies 1
    /// and 0 however many there are; nothing if it says no code.
    pub const fn said_by(named: StripeNumber) -> Option<(u8, u8)> {
        let number = named.get();
        if number & NAMED == 0 {
            return None;
        }
        // Five bits each.
        let data = (number >> DATA_AT & 31) as u8 + 1;
        let parity = (number >> PARITY_AT & 31) as u8;
        Some((data, parity))
    }

    /// What of the number says the code.
    const fn tag(self) -> u32 {
        let data = self.code.data() as u32;
        let parity = if data == 1 { 0 } else { self.code.parity() as u32 };
        NAMED | ((data - 1) << DATA_AT) | (parity << PARITY_AT)
    }
}

const _: () = assert!(units::limits::FRAGMENTS_MAX <= 32, "five bits for each count");

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn cut(codec: CodecId, data: u8, parity: u8) -> Cut {
        Cut::new(codec, Code::new(data, parity).unwrap())
    }

    #[test]
    fn a_number_says_one_code_and_one_stripe() {
        let mut seen = BTreeMap::new();
        let first = cut(CodecId::ContiguousLeopard16, 3, 2);
        assert_eq!(Cut::said_by(StripeNumber::new(77)), None);
        for stripe in [0, 1, 77, STRIPES_NAMED_MAX - 1].map(StripeNumber::new) {
            assert_eq!(first.named(stripe), stripe);
            assert_eq!(first.stripe(stripe), Some(stripe));
            seen.insert(stripe, (1, 0, stripe));
            for data in 1..=32_u8 {
                for parity in 0..=32 - data {
                    let cut = cut(CodecId::NamedLeopard16, data, parity);
                    let named = cut.named(stripe);
                    assert_eq!(cut.stripe(named), Some(stripe));
                    assert_eq!(first.stripe(named), None);
                    assert_eq!(cut.stripe(stripe), None);
                    let said = (data, if data == 1 { 0 } else { parity });
                    assert_eq!(Cut::said_by(named), Some(said));
                    // Copies are the same however many there are.
                    let holds = (data, if data == 1 { 0 } else { parity }, stripe);
                    let before = seen.insert(named, holds);
                    assert!(before.is_none_or(|before| before == holds), "{cut:?}");
                }
            }
        }
    }

    #[test]
    fn the_numbers_are_as_drawn() {
        let number = |data, parity, stripe| {
            cut(CodecId::NamedLeopard16, data, parity).named(StripeNumber::new(stripe)).get()
        };
        assert_eq!(number(2, 2, 5), 0x8440_0005);
        assert_eq!(number(1, 0, 0), 0x8000_0000);
        assert_eq!(number(1, 31, 1), 0x8000_0001);
        assert_eq!(number(32, 0, 0), 0xfc00_0000);
    }
}
