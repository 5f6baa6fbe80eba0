//! The handle, as far as it tells the time: what the rest of a node goes by, and what an
//! operator is told of the clocks and says about them.

use std::sync::Arc;

use units::{Clock, Timestamp};

use crate::clocks::ClockOff;
use crate::consensus::Consensus;
use crate::stamps::{ClockAhead, ClockConfirmError};

impl Consensus {
    /// Why commands are refused for what the clock says, if they are; reads go on.
    pub fn clock_trouble(&self) -> Option<ClockAhead> {
        self.shared.stamps.trouble()
    }

    /// The cluster's time as far as this node knows it: that of the clocks of all voters, of
    /// which no minority pushes it ahead; while too few of them are known, as it went on by
    /// the stop-watch. Before they were known for the first time, and where one node is
    /// alone, it is the clock of this machine.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clocks) as Arc<dyn Clock>
    }

    /// A time that has surely come, to judge by what may be done away with: the same, but
    /// never that of this machine's clock alone, unless the node is alone. Before the
    /// cluster's time is known it is when the last command was ordered that was applied here.
    pub fn time_come(&self) -> Timestamp {
        let shared = &self.shared;
        let stamped = shared.machine.stamped();
        shared.clocks.time_so_far().map_or(stamped, |time| time.max(stamped))
    }

    /// When the last command was ordered that was applied here.
    pub fn stamped(&self) -> Timestamp {
        self.shared.machine.stamped()
    }

    /// Whether the clock of this machine differs from those of the other voters.
    pub fn clock_off(&self) -> Option<ClockOff> {
        self.shared.clocks.off()
    }

    /// The clock is right, says an operator who saw it say `shown`: commands are taken
    /// again, and what was to be judged by time is judged by this one. Says what it was
    /// about; refused unless the clock is in trouble and still says that.
    pub fn clock_confirm(&self, shown: Timestamp) -> Result<ClockAhead, ClockConfirmError> {
        self.shared.stamps.confirm(shown)
    }
}
