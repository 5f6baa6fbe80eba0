//! Byte ranges as HTTP asks for them (RFC 9110, section 14).

use core::ops::Range;

use units::ByteCount;

/// One range of bytes of an object whose size is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeAsk {
    /// `bytes=first-last`, both included.
    Bounded {
        /// First byte wanted.
        first: u64,
        /// Last byte wanted; may lie beyond the end.
        last: u64,
    },
    /// `bytes=first-`.
    From {
        /// First byte wanted.
        first: u64,
    },
    /// `bytes=-length`: the last bytes.
    Suffix {
        /// How many bytes.
        length: u64,
    },
}

impl RangeAsk {
    /// The half-open range of bytes in an object of `size`, or `None` if it
    /// cannot be satisfied (416).
    pub fn within(self, size: ByteCount) -> Option<Range<u64>> {
        let size = size.get();
        let (start, end) = match self {
            Self::Bounded { first, last } => (first, last.saturating_add(1).min(size)),
            Self::From { first } => (first, size),
            Self::Suffix { length } => (size.saturating_sub(length), size),
        };
        (start < end).then_some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ask: RangeAsk, size: u64, expected: Option<Range<u64>>) {
        assert_eq!(ask.within(ByteCount::new(size)), expected, "{ask:?} of {size}");
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        check(RangeAsk::Bounded { first: 0, last: 0 }, 10, Some(0..1));
        check(RangeAsk::Bounded { first: 4, last: 99 }, 10, Some(4..10));
        check(RangeAsk::Bounded { first: 10, last: 12 }, 10, None);
        check(RangeAsk::Bounded { first: 5, last: 2 }, 10, None);
        check(RangeAsk::Bounded { first: 0, last: u64::MAX }, 10, Some(0..10));
        check(RangeAsk::From { first: 9 }, 10, Some(9..10));
        check(RangeAsk::From { first: 10 }, 10, None);
        check(RangeAsk::Suffix { length: 3 }, 10, Some(7..10));
        check(RangeAsk::Suffix { length: 30 }, 10, Some(0..10));
        check(RangeAsk::Suffix { length: 0 }, 10, None);
        check(RangeAsk::From { first: 0 }, 0, None);
    }
}
