//! Bounds of everything here that could grow.

use core::time::Duration;

/// Most bytes in the head of a call or a reply.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Most bytes of a body that is collected in memory.
pub const BODY_COLLECTED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most bytes in the reason of a refusal.
pub const REASON_BYTES_MAX: usize = 1024;

/// A connection on which nothing was heard for so long is given up: a heartbeat's
/// follower must not wait longer for a node that vanished without a word.
pub const SILENCE_NOTICED_AFTER: Duration = Duration::from_secs(2);

/// Most bytes that the simulated half hands on at once: whoever takes a body for one
/// piece meets several in a test.
pub const SIM_PIECE_BYTES_MAX: usize = 64 * 1024;

/// How long the simulated half takes to say that nobody is there: a caller that asks
/// again at once must not stop a paused clock.
pub const SIM_REFUSED_AFTER: Duration = Duration::from_millis(1);

/// How often a connection is asked whether it lives, and its round trip measured.
pub const PING_EVERY: Duration = Duration::from_millis(500);

/// How often silence is looked for while an answer is awaited.
pub const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Longest silence of a connection that was asked whether it lives.
pub const SILENCE_MAX: Duration = Duration::from_millis(1_750);

const _: () = assert!(
    SILENCE_MAX.as_millis() + LOOK_EVERY.as_millis() <= SILENCE_NOTICED_AFTER.as_millis(),
    "a silent connection is given up in time"
);

/// Bytes of one stream that may be under way without being read: a fragment of 4 MiB
/// with its head crosses a long way without waiting for word from the other side.
pub const STREAM_WINDOW_BYTES: u32 = 5 * 1024 * 1024;

/// Bytes of the calls on one connection that may be under way without being read. It
/// bounds what a peer can make this node hold: six calls that no handler reads fill it.
pub const CALLS_WINDOW_BYTES: u32 = 32 * 1024 * 1024;

/// The same for the replies on one connection. Only what this node asked for comes; the
/// limit is so high because replies that are read slowly, one for each slow client, must
/// not hold up the others: fifty of the longest fit.
pub const REPLIES_WINDOW_BYTES: u32 = 256 * 1024 * 1024;

/// Bytes of one stream that wait to be sent. They are shared with whoever sends them.
pub const SEND_BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that the operating system keeps of a connection for upkeep at first, sent and not
/// yet acknowledged or not yet sent; it takes up to twice as much: 30 ms of 8 MB/s.
pub const UPKEEP_WINDOW_BYTES: usize = 128 * 1024;

/// Least of that: a few packets, so that upkeep gets on beside others who fill a line.
pub const UPKEEP_WINDOW_BYTES_MIN: usize = 48 * 1024;

/// Most of that, where no queue is seen: 10 ms away it carries 50 to 100 MB/s. It is also
/// what comes at once where a line has become narrow that was wide.
pub const UPKEEP_WINDOW_BYTES_MAX: usize = 512 * 1024;

/// By how much it changes with one measurement, at the most: from the first to the least
/// takes a quarter of a second.
pub const UPKEEP_WINDOW_STEP_BYTES: usize = 8 * 1024;

/// What upkeep may add to the round trip of short calls: a line is full if its queue is
/// never empty, so there has to be some.
pub const UPKEEP_QUEUE_TARGET: Duration = Duration::from_millis(10);

/// How often the round trip of short calls is measured while there is upkeep.
pub const UPKEEP_PING_EVERY: Duration = Duration::from_millis(25);

/// Upkeep that has not filled its window for so long is over, or rests.
pub const UPKEEP_REST_AFTER: Duration = Duration::from_millis(500);

/// How long the shortest round trip is believed while there is upkeep, at least; it is
/// forgotten after twice as long, since a way may become longer for good (RFC 6817 has ten
/// minutes).
pub const SHORTEST_KNOWN_FOR: Duration = Duration::from_mins(5);

/// The same while there is none: then nothing of it stands in a queue, and a few round
/// trips say how long the way is now.
pub const SHORTEST_AT_REST_FOR: Duration = Duration::from_secs(5);

/// Bytes sent at once for one stream, before another has its turn.
pub const FRAME_BYTES_MAX: u32 = 64 * 1024;

/// Bytes taken from the operating system at once: TLS by itself would ask for 4 KiB.
pub const READ_BUFFER_BYTES: usize = 128 * 1024;

/// A body of so many bytes goes along with its head: one message for a small call.
pub const JOINED_BYTES_MAX: usize = 8 * 1024;

/// Streams on one connection: more calls wait for their turn on the caller's side.
pub const STREAMS_MAX: u32 = 512;

/// Bytes of HTTP header fields: there is a path, or a status, and nothing else.
pub const FIELDS_BYTES_MAX: u32 = 1024;

/// Connections that one node may have open to this one: four, and as many again while
/// it starts anew. The oldest is closed for one more.
pub const CONNECTIONS_OF_NODE_MAX: usize = 8;

/// Connections that the holder of one invitation may have open: as many as a node, not
/// started anew.
pub const CONNECTIONS_OF_INVITED_MAX: usize = 4;

/// Handshakes under way at once. One more ends the oldest of the address that has most:
/// so whoever opens many pushes out its own.
pub const HANDSHAKES_MAX: usize = 128;

/// How long a handshake may take: two round trips on the longest way, and some patience.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(3);

/// How long an accepted stream may take to bring its head.
pub const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long a body may stand still before it is taken for abandoned. The caller's own
/// deadline is shorter; this bounds what a node without one can hold open.
pub const BODY_STILL_MAX: Duration = Duration::from_mins(1);

/// How long the holder of an invitation that is no longer open may wait for the answer to
/// what it asked before.
pub const SPENT_INVITE_WITHIN: Duration = Duration::from_secs(5);

/// How long one address may take to be connected to, proven, and to answer.
pub const DIAL_WITHIN: Duration = Duration::from_secs(2);

/// Addresses of one peer that are tried.
pub const ADDRESSES_MAX: usize = 8;

/// Pause after the first connection that failed; it doubles with each more.
pub const REDIAL_AFTER_MIN: Duration = Duration::from_millis(25);

/// Longest pause before a peer is dialled again: it is back for calls within a second.
pub const REDIAL_AFTER_MAX: Duration = Duration::from_millis(800);

/// A connection that lasted so long was a good one: the pause begins anew.
pub const PROVEN_AFTER: Duration = Duration::from_secs(1);

/// Pause after the operating system had no connection to hand over.
pub const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Connections to one peer for long bodies: two processors can seal at once.
pub const BULK_LANES: usize = 2;
