//! Bounds of everything here that could grow.

use core::time::Duration;

/// Nominal length of a log segment: purging frees whole segments, so this is
/// how coarse it is; small, so that a small disk loses little to the log.
pub const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

/// Share of the file system that a segment may take: on a small disk it is shorter.
pub const SEGMENT_SHARE: u64 = 64;

/// Least nominal length of a segment: a shorter one would soon be one command.
pub const SEGMENT_BYTES_MIN: u64 = 1024 * 1024;

/// Zeros are written ahead of the log's end in steps of this, so that an append only
/// changes bytes, and a full disk is met before records are written. Large, so that few
/// syncs have to make a step durable; small, so that it takes them little time.
pub const FILL_STEP_BYTES: u64 = 256 * 1024;

/// Most bytes in one log record; a longer length is damage, not a record.
pub const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Decoded entries kept in memory for the state machine to take up.
pub const ENTRY_CACHE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Entries handed to the state machine at once when the tail is replayed.
pub const READ_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Appends waiting for the log's writer; openraft has one in flight.
pub const LOG_QUEUE_MAX: usize = 64;

/// Commands packed into one log entry: bounds the work of one apply.
pub const PACK_COMMANDS_MAX: usize = 512;

/// Encoded bytes packed into one log entry; one larger command travels alone.
pub const PACK_BYTES_MAX: usize = 1024 * 1024;

/// Most bytes in one encoded command: a completed upload of 10,000 parts fits.
pub const COMMAND_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Commands waiting to be packed; more are refused at once.
pub const QUEUE_COMMANDS_MAX: usize = 4096;

/// Encoded bytes waiting to be packed; proposers beyond that are refused.
pub const QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Entries proposed and not yet answered. With more than one, the commands of
/// the same proposers are spread over more entries, and each waits for more syncs.
pub const ENTRIES_IN_FLIGHT_MAX: usize = 1;

/// How often the packer lets other tasks run before it packs fewer commands than
/// the time before: some tens of microseconds, little beside a sync.
pub const GATHER_YIELDS_MAX: usize = 100;

/// What part of the time that an entry took the packer waits at the most for those who were
/// just answered to propose again.
pub const GATHER_PART: u32 = 8;

/// The most that is waited so: what a request takes to come again over a socket.
pub const GATHER_WITHIN: Duration = Duration::from_millis(2);

/// Less is not waited for: timers are no finer, and an entry is soon done.
pub const GATHER_LEAST: Duration = Duration::from_millis(1);

/// How long a proposal may take before its proposer is told that its outcome is unknown.
pub const PROPOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a start may take to catch up with the log's tail.
pub const OPEN_TIMEOUT: Duration = Duration::from_mins(1);

/// Log bytes after which the engine is persisted and the log purged: bounds the
/// log's room on disk and the tail to replay after a power cut.
pub const CHECKPOINT_BYTES: u64 = 16 * 1024 * 1024;

/// Share of the file system that the log may take between two checkpoints.
pub const CHECKPOINT_SHARE: u64 = 16;

/// Where room is short, the log takes no more than this share of what is left between two
/// checkpoints.
pub const CHECKPOINT_ROOM_SHARE: u64 = 4;

/// Log entries after which the same happens, however small they are.
pub const CHECKPOINT_ENTRIES: u64 = 20_000;

/// How long a checkpoint waits for the snapshot it asked for before it asks again.
pub const CHECKPOINT_RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// How often the checkpoint rule is looked at.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// How often the log and the engine, when they met a full disk, look for room.
pub const FULL_RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// How often the engine is opened again, between two persists that succeed, for a
/// fault that is not for want of room: a disk that fails again is given up.
pub const ENGINE_REOPENS_MAX: u32 = 3;

/// How long a backup or a snapshot, which may block, waits for the rows while a
/// reopened engine takes up what it forgot; that is at most a checkpoint's worth of log.
pub const CATCH_UP_PATIENCE: Duration = Duration::from_secs(10);

/// How far the clock may be ahead of the time that passed since it was read at the
/// start of the process, all its jumps together: a small board without a battery for
/// its clock starts with the time of its last stop, and learns the right one when the
/// network comes.
pub const CLOCK_AHEAD_MAX: Duration = Duration::from_hours(31 * 24);

/// How far the clock may be ahead of the last stamp at the start of a process: how
/// long a node may have been off before an operator is asked. Longer than any holiday,
/// much shorter than what a clock that lost its mind shows.
pub const CLOCK_AHEAD_AT_START_MAX: Duration = Duration::from_hours(180 * 24);

/// How far the clock may have gone on since the operator who confirms it looked at it:
/// time enough to compare it with another clock.
pub const CLOCK_CONFIRM_WITHIN: Duration = Duration::from_mins(1);

/// How often a node asks the others what their clocks say: so soon one that was set is
/// believed.
pub const CLOCK_ASK_EVERY: Duration = Duration::from_secs(5);

/// The same while fewer than half of the voters are known, and a leader has to wait.
pub const CLOCK_ASK_AGAIN: Duration = Duration::from_millis(200);

/// How often it is looked whether somebody is to be asked.
pub const CLOCK_LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long an answer about a clock may take to count. Half of it is what the reading may be
/// off by; a line so slow carries no leader's heartbeats.
pub const CLOCK_ASK_WITHIN: Duration = Duration::from_secs(2);

/// How long it is known what a clock says, by one's own stop-watch, which goes wrong by some
/// tens of microseconds in a second: longer than a restart, and than it takes until another
/// votes instead of one that is away.
pub const CLOCK_KNOWN_FOR: Duration = Duration::from_mins(10);

/// How far a machine's clock may be from those of the others before the operator is told.
/// Clocks that are kept by a time server differ by much less, and no promise depends on it.
pub const CLOCK_APART_MAX: Duration = Duration::from_mins(1);

/// How often a stop that waits for an answer looks whether the disk is full.
pub const STOP_LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long the reading of free space is believed.
pub const SPACE_READING_AGE_MAX: Duration = Duration::from_millis(100);

/// Free bytes below which commands that take room are refused, so that the log
/// and the engine themselves never meet a full disk. On a small disk an eighth.
pub const ROOM_RESERVE_BYTES: u64 = 64 * 1024 * 1024;

/// Free bytes below which even commands that free room are refused; a quarter
/// of the reserve above on a small disk.
pub const ROOM_FLOOR_BYTES: u64 = 16 * 1024 * 1024;

/// How often an entry that a voter takes up is on its disk for a while: in the log, and in
/// the engine's journal.
pub const ENTRY_COPIES: u64 = 2;

/// How often a voter without room for a leader's entries looks for it before it says that
/// it took none. All together shorter than the silence after which it would stand for
/// election, long enough that what is sent again and again costs a line little.
pub const APPEND_LOOKS_MAX: u32 = 3;

/// Rows are grouped into blocks of about this many bytes in a backup, each with a checksum.
pub const BACKUP_BLOCK_BYTES: usize = 256 * 1024;

/// Longest block accepted when a backup is read: one row may exceed the nominal length.
pub const BACKUP_BLOCK_BYTES_MAX: usize = 80 * 1024 * 1024;

const _: () = assert!(SEGMENT_BYTES <= CHECKPOINT_BYTES, "a checkpoint frees at least a segment");
const _: () = assert!(CHECKPOINT_SHARE <= SEGMENT_SHARE, "so it does on a small disk");
const _: () = assert!(PACK_BYTES_MAX < COMMAND_BYTES_MAX, "any command fits an entry");
const _: () = assert!(COMMAND_BYTES_MAX < RECORD_BYTES_MAX, "any entry fits a record");

/// How often a leader is heard from at least. A message with entries takes as long at
/// most before it is asked for again, so this is also how patient openraft is.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);

/// Shortest silence of a leader, beyond [`ELECTION_TIMEOUT_MAX`], after which a voter
/// stands for election.
pub const ELECTION_TIMEOUT_MIN: Duration = Duration::from_millis(500);

/// Longest of these; and for how long a voter that hears from a leader gives nobody
/// else its vote. Shorter, and a slow disk costs a leader its seat; longer, and the
/// death of a leader stops reads and writes for longer.
pub const ELECTION_TIMEOUT_MAX: Duration = Duration::from_millis(700);

/// For how long a leader counts on a promise of [`ELECTION_TIMEOUT_MAX`]: stop-watches
/// of two machines differ by far less than a tenth.
pub const LEASE: Duration = Duration::from_millis(600);

/// How long a node that does not answer is left alone by replication.
pub const REPLICATION_BACKOFF: Duration = Duration::from_millis(200);

/// How long it counts that a node accepted a message: so long openraft need not wait for
/// its answer to one that says nothing new. A node that missed two heartbeats is waited for.
pub const ANSWER_KNOWN_FOR: Duration = Duration::from_millis(400);

/// Messages without entries under way to one node: one for each entry that is committed
/// while one travels there and back, as far as lines have it.
pub const WORDS_IN_FLIGHT_MAX: usize = 8;

/// How long one message with entries may be under way: a slow line carries
/// [`READ_BYTES_MAX`] in that time at 1 Mbit/s.
pub const APPEND_WITHIN: Duration = Duration::from_mins(1);

/// How long a node may take to give its vote, which it has to sync.
pub const VOTE_WITHIN: Duration = Duration::from_secs(2);

/// Most bytes of one message of the consensus: the entries of one read of the log, the
/// longest entry besides, and what is around them.
pub const MESSAGE_BYTES_MAX: usize = READ_BYTES_MAX + RECORD_BYTES_MAX + 64 * 1024;

/// How long a snapshot may be under way and be installed. A line that breaks is noticed
/// long before; this bounds what nobody notices.
pub const SNAPSHOT_WITHIN: Duration = Duration::from_hours(12);

/// Pieces in which a snapshot travels.
pub const SNAPSHOT_PIECE_BYTES: usize = 256 * 1024;

/// Pieces of a snapshot made ahead of the network.
pub const SNAPSHOT_PIECES_AHEAD: usize = 4;

/// Batches of commands under way to the leader at once from a node that does not lead.
pub const FORWARDS_IN_FLIGHT_MAX: usize = 4;

/// Bytes of one batch to the leader: any command, and a pack of small ones.
pub const FORWARD_BYTES_MAX: usize = COMMAND_BYTES_MAX + PACK_BYTES_MAX;

/// How often somebody who waits for a leader looks again.
pub const LEADER_LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// How long a linearizable read waits for word from a leader, and for this node to have
/// applied what it must show. By then a node that is cut off knows that it is.
pub const READ_WITHIN: Duration = Duration::from_secs(8);

/// How long a node may learn nothing of what is new before it is cut off: its reads then
/// show what it knew and say so, and its clients' writes are refused at once. Far longer than the
/// election of a leader takes, so that this is no way around the newest.
pub const CUT_OFF_AFTER: Duration = Duration::from_secs(5);

/// How often a node that nobody reads asks what is new, to know that it is in touch.
pub const TOUCH_EVERY: Duration = Duration::from_secs(1);

/// How often a node that is cut off asks the others whom they know: those who joined while
/// it was away may be the ones that could tell it more.
pub const ACQUAINT_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether a node is in touch.
pub const TOUCH_LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How long the leader may take to answer one question about reads before it is asked
/// again, or another is.
pub const READ_POINT_WITHIN: Duration = Duration::from_secs(1);

/// Questions about reads under way to the leader at once; those who come meanwhile
/// share the next.
pub const READ_POINTS_IN_FLIGHT_MAX: usize = 2;

/// Reads that wait for word from the leader.
pub const READS_WAITING_MAX: usize = 16 * 1024;

const _: () = assert!(LEASE.as_millis() < ELECTION_TIMEOUT_MAX.as_millis(), "a promise is kept");
const _: () = assert!(
    HEARTBEAT_INTERVAL.as_millis() * 2 < LEASE.as_millis(),
    "a lost heartbeat ends no lease"
);

const _: () = assert!(
    FULL_RETRY_INTERVAL.as_millis() * (APPEND_LOOKS_MAX as u128 - 1)
        < ELECTION_TIMEOUT_MAX.as_millis(),
    "a voter without room still hears its leader"
);

const _: () = assert!(
    ANSWER_KNOWN_FOR.as_millis() == 2 * HEARTBEAT_INTERVAL.as_millis(),
    "a lost heartbeat is noticed by the second"
);

const _: () = assert!(
    CUT_OFF_AFTER.as_millis() >= 5 * ELECTION_TIMEOUT_MAX.as_millis(),
    "an election cuts nobody off"
);
const _: () = assert!(
    CUT_OFF_AFTER.as_millis() + 2 * READ_POINT_WITHIN.as_millis() + TOUCH_LOOK_INTERVAL.as_millis()
        < READ_WITHIN.as_millis(),
    "who waits to read is told that this node is cut off"
);

/// Most nodes that vote, each at another site: of five any two may be away.
pub const VOTERS_MAX: usize = 5;

/// How long a voter may be away before another takes its place. Longer than a restart
/// or a power cut in a village; a change of voters costs little but is not for nothing.
pub const VOTER_AWAY_MAX: Duration = Duration::from_mins(5);

const _: () = assert!(
    CLOCK_KNOWN_FOR.as_secs() > VOTER_AWAY_MAX.as_secs(),
    "a voter that is away is known until another votes instead"
);
const _: () = assert!(
    CLOCK_ASK_EVERY.as_secs() * 10 < CLOCK_KNOWN_FOR.as_secs(),
    "who answers now and then is known"
);

/// How often a leader compares who votes with who should.
pub const SEATS_INTERVAL: Duration = Duration::from_millis(250);

/// How many entries behind the leader a node may be that is to vote.
pub const VOTER_BEHIND_MAX: u64 = 1000;

/// How long commands are counted together of which it is known where they came in.
pub const LEAD_SLICE: Duration = Duration::from_secs(10);

/// So many of these are looked at: a minute, so that the lead follows where people work and
/// not a burst.
pub const LEAD_SLICES_MAX: usize = 6;

/// Fewer commands than this in that time are no load: two a second.
pub const LEAD_LOAD_MIN: u64 = 120;

/// The lead goes where more than two thirds of the load come in. Going back takes as clear
/// a majority elsewhere, so it does not swing.
pub const LEAD_SHARE_OVER: u64 = 2;

/// The other half of that fraction.
pub const LEAD_SHARE_OF: u64 = 3;

/// How often it is looked at.
pub const LEAD_LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a node leads at least before it hands the lead over: each time commands wait for
/// some round trips, and readers ask anew.
pub const LEAD_STAYS_MIN: Duration = Duration::from_mins(5);

/// How many entries behind the leader a node may be that is to lead.
pub const LEAD_BEHIND_MAX: u64 = 64;

/// How long one step of a hand-over may take, and so how long commands wait for one that
/// does not come off.
pub const HAND_OVER_STEP_WITHIN: Duration = Duration::from_millis(300);

/// How often it is looked whether the next leader has all of the log.
pub const HAND_OVER_LOOK: Duration = Duration::from_millis(5);

/// How long it is waited for the next leader's election.
pub const HAND_OVER_WITHIN: Duration = Duration::from_secs(2);

/// How long a leader that is stopped tries to hand the lead over: the first voter asked may
/// not take it, and the election takes a few round trips. Less than a supervisor that kills
/// after ten seconds leaves.
pub const HAND_OVER_AT_STOP_WITHIN: Duration = Duration::from_secs(3);

/// How long after a hand-over that did not come off the next one is tried.
pub const HAND_OVER_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// For how long a voter that was released votes for the next leader without waiting.
pub const RELEASE_FOR: Duration = Duration::from_secs(1);

/// How often a voter looks whether its leader's process has ended.
pub const VIGIL_INTERVAL: Duration = Duration::from_millis(50);

/// By how much the voters that miss a leader stand for election one after the other.
pub const VIGIL_STAGGER: Duration = Duration::from_millis(75);
