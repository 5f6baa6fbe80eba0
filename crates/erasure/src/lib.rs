//! Stripes: cut into k data fragments, guarded by m parity fragments, rebuilt
//! from any k of the k+m. Knows no site and no disk.
//!
//! # The cut
//! A stripe of `L` bytes and a code k+m give a *fragment length*
//! `F = ceil(L / k)`, rounded up to an even number when `k > 1` (the arithmetic
//! works on 16-bit words). Data fragment `i` is the stripe's bytes
//! `i·F .. min((i+1)·F, L)`: the cut is contiguous, so a short range of the
//! stripe lies in one fragment or two, and a data fragment is a slice of the
//! stripe, not a copy. The last data fragments may be shorter than `F` or empty.
//!
//! # The padding rule
//! For the arithmetic alone, short data fragments are thought of as filled with
//! zeros up to `F`. The zeros are never stored: whoever rebuilds knows `L`. All
//! parity fragments are `F` bytes long.
//!
//! # Cheap paths
//! With `m = 0` nothing is computed. With `k = 1` every fragment is the stripe
//! itself (`F = L`), so parity is a reference-counted clone.
//!
//! # Codec
//! The rule above with the Reed-Solomon code of `reed-solomon-simd` 3 is
//! [`CodecId::ContiguousLeopard16`]; the id is recorded with every part and every
//! fragment, so that a later codec can live beside it. [`CodecId::NamedLeopard16`] is the
//! same rule with other names for the fragments ([`Cut`]): what a part gets that is cut anew.
//!
//! **Invariants**
//! - Any k of k+m fragments give back the stripe, byte for byte.
//! - No input panics: wrong counts and lengths are errors.

mod code;
mod codec;
mod cut;
mod error;
mod stripe;

pub use code::{Code, CodeError};
pub use codec::{CodecId, UnknownCodec};
pub use cut::{Cut, STRIPES_NAMED_MAX};
pub use error::{EncodeError, RebuildError};
pub use stripe::{COLUMN_BYTES, Piece, encode, join, locate, rebuild, rebuild_data, rebuild_range};
