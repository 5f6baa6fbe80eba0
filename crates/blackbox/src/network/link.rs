//! What the way from one place to another does to packets.

use std::time::Duration;

/// One direction between two places; the default carries everything at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Link {
    /// From being sent to arriving, one way.
    pub delay: Duration,
    /// Up to so much more, drawn for each packet; packets keep their order.
    pub jitter: Duration,
    /// Share of packets that never arrive, from 0 to 1. A packet is up to 64 KiB here,
    /// see [`super::Network`], so that a loss hurts more than one of 1,500 bytes would.
    pub loss: f64,
    /// What fits through in a second; no bound if none is given.
    pub bytes_per_second: Option<u64>,
    /// Nothing gets through, and nobody is told.
    pub is_cut: bool,
}

impl Link {
    /// Delay alone, of which half falls on each direction.
    #[must_use]
    pub fn round_trip(time: Duration) -> Self {
        Self { delay: time / 2, ..Self::default() }
    }

    /// Nothing gets through.
    #[must_use]
    pub fn cut(self) -> Self {
        Self { is_cut: true, ..self }
    }
}
