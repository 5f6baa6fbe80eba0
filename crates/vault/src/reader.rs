//! Reading fields from bytes that may be damaged.

use crate::VaultError;

/// A position in bytes; every read is checked.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

const SHORT: VaultError = VaultError::Damaged { reason: "it is cut short" };

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], VaultError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], VaultError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn byte(&mut self) -> Result<u8, VaultError> {
        let [byte] = self.array::<1>()?;
        Ok(byte)
    }

    pub fn word(&mut self) -> Result<u32, VaultError> {
        Ok(u32::from_le_bytes(self.array::<4>()?))
    }

    pub fn finish(self) -> Result<(), VaultError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(VaultError::Damaged { reason: "something follows its end" })
        }
    }
}
