//! The geometry of a stripe: how many fragments, how long.

use core::fmt;

use thiserror::Error;
use units::limits::FRAGMENTS_MAX;

/// Erasure geometry k+m: any k of the k+m fragments rebuild the stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    data: u8,
    parity: u8,
}

/// A geometry that cannot be.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("no code has {data} data and {parity} parity fragments")]
pub struct CodeError {
    /// Data fragments asked for.
    pub data: u8,
    /// Parity fragments asked for.
    pub parity: u8,
}

impl Code {
    /// One fragment, no parity: what a single disk gets.
    pub const PLAIN: Self = Self { data: 1, parity: 0 };

    /// At least one data fragment, at most [`FRAGMENTS_MAX`] in all.
    pub fn new(data: u8, parity: u8) -> Result<Self, CodeError> {
        if data == 0 || usize::from(data) + usize::from(parity) > FRAGMENTS_MAX {
            return Err(CodeError { data, parity });
        }
        Ok(Self { data, parity })
    }

    /// k: how many fragments are needed.
    pub const fn data(self) -> u8 {
        self.data
    }

    /// m: how many fragments may be lost.
    pub const fn parity(self) -> u8 {
        self.parity
    }

    /// k+m.
    pub const fn total(self) -> u8 {
        self.data + self.parity
    }

    /// `F`: length of a full fragment of a stripe of this many bytes.
    pub const fn fragment_bytes(self, stripe_bytes: usize) -> usize {
        if self.data == 1 {
            return stripe_bytes;
        }
        // Rounded up without an addition that could overflow.
        let long = stripe_bytes.div_ceil(self.data as usize);
        long.saturating_add(long & 1)
    }

    /// Stored length of one fragment (numbered from 0, data first) of a stripe of
    /// this many bytes; `None` if the code has no such fragment.
    pub fn stored_bytes(self, stripe_bytes: usize, fragment: u8) -> Option<usize> {
        if fragment >= self.total() {
            return None;
        }
        let full = self.fragment_bytes(stripe_bytes);
        if fragment >= self.data {
            return Some(full);
        }
        let start = full.saturating_mul(usize::from(fragment)).min(stripe_bytes);
        Some((stripe_bytes - start).min(full))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.data, self.parity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_lengths_add_up() {
        for k in 1..=6_u8 {
            let code = Code::new(k, 2).unwrap();
            for stripe in [1_usize, 2, 3, 7, 63, 64, 65, 1000, 65_552] {
                let data: usize = (0..k).filter_map(|i| code.stored_bytes(stripe, i)).sum();
                assert_eq!(data, stripe, "{code} {stripe}");
                assert_eq!(code.stored_bytes(stripe, k), Some(code.fragment_bytes(stripe)));
                assert_eq!(code.stored_bytes(stripe, k + 2), None);
            }
        }
    }

    #[test]
    fn impossible_codes_are_refused() {
        assert!(Code::new(0, 2).is_err());
        assert!(Code::new(30, 3).is_err());
        assert!(Code::new(255, 255).is_err());
    }
}
