//! The limits of the steward, each with its reason.

use core::time::Duration;

use units::ByteCount;

/// How long a shutdown waits for the duties: they are cut at their next await, and only
/// one that does not come to it, a disk that hangs under it, takes any time.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// How often a duty that panics is started again; with one more the node is stopped,
/// since what it should do is not done.
pub const DUTY_RESTARTS_MAX: u32 = 5;

/// How long a duty pauses after its first panic: what brought it about may pass.
pub const DUTY_PAUSE_MIN: Duration = Duration::from_secs(5);

/// So many times longer is the pause after each further panic: the last one is 21
/// minutes, and a duty that always panics stops the node after 28, not at each start.
pub const DUTY_PAUSE_FACTOR: u32 = 4;

/// A duty that has run so long since its last panic begins anew.
pub const DUTY_HEALED_AFTER: Duration = Duration::from_hours(1);

/// Parts condemned with one command.
pub const CONDEMN_BATCH_MAX: usize = 256;

/// Names taken from a disk's listing at once by the orphan sweep; as many rows are
/// looked up before others get the thread.
pub const SWEEP_PAGE: usize = 256;

/// How long the orphan sweep rests between two pages.
pub const SWEEP_REST: Duration = Duration::from_millis(1);

/// Unknown parts remembered between two sweeps; more are met again.
pub const SUSPECTS_MAX: usize = 100_000;

/// Released parts remembered while readers that began before may need them.
pub const RELEASED_MAX: usize = 100_000;

/// Released parts that leave the disks at once. Each waits for a sync on every disk, and one
/// sync serves all that wait: one after the other they left more slowly than clients write.
pub const REMOVALS_AT_ONCE: usize = 32;

/// Bytes verified by one scrub step; bounds what a shutdown waits for.
pub const SCRUB_STEP_BYTES: ByteCount = ByteCount::new(8 * 1024 * 1024);

/// Scrub steps after which its place is written down: what is read once more after a
/// restart is at most so many times [`SCRUB_STEP_BYTES`], a quarter of a GiB.
pub const SCRUB_SAVE_STEPS: u32 = 32;

/// Disks whose place in a round is kept; a row must hold them.
pub const SCRUB_DISKS_MAX: usize = 1_000;

/// Parts looked at by one step of the presence walk.
pub const PRESENCE_PAGE: usize = 256;

/// How long a task rests when it has nothing to do.
pub const REST: Duration = Duration::from_millis(500);

/// How long a task rests after a failed step.
pub const REST_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How often disks on which nothing is written any more are told that their last
/// commit is durable; decay of that commit is known for what it is from then on.
pub const SETTLE_EVERY: Duration = Duration::from_secs(5);

/// How often keys are looked for that were to be destroyed and were not, since the
/// node stopped in between; the first time is right after a start.
pub const SHRED_EVERY: Duration = Duration::from_mins(1);

/// How often compaction looks for segments worth it.
pub const COMPACTION_EVERY: Duration = Duration::from_secs(30);

/// How often all parts are walked again while some are on lost disks: those that
/// had nowhere to go are tried once more.
pub const LOST_WALK_EVERY: Duration = Duration::from_mins(1);

/// A disk that was full has room again, and what had nowhere to go is tried, when this
/// share of it is free.
pub const ROOM_AGAIN_SHARE: u64 = 64;

/// Fragments remembered that verify but do not open, until they are rewritten; more
/// are met again by their readers.
pub const DISTRUSTED_MAX: usize = 10_000;

/// How long repair rests between two pages of parts, for whoever else needs the rows.
pub const WALK_REST: Duration = Duration::from_millis(10);

/// How long clearing rests between two batches of what erased tenants left, for whoever
/// else needs the log.
pub const CLEARING_REST: Duration = Duration::from_millis(10);

/// Parts that one node repairs at a time: many small ones together fill a commit, so that
/// one sync makes several MiB durable, and while one waits for a far site others go on.
pub const REPAIRS_AT_ONCE: usize = 16;

/// Nodes that repair for one at a time: each part is worked on by one of those that have
/// fragments of it, and what is under way is bounded however many sites there are.
pub const HANDS_MAX: usize = 8;

/// Parts taken by one step: then it is looked anew which are the most endangered.
pub const REPAIRS_PER_STEP: usize = 256;

/// How often a node that repairs for another says that it is still at work.
pub const HELP_SIGN_EVERY: Duration = Duration::from_secs(1);

/// How long such a node may be silent before its part is repaired by who asked: longer than
/// a busy node takes to say something, shorter than anybody would wait.
pub const HELP_SILENCE_MAX: Duration = Duration::from_secs(6);

/// Bytes of the answer about one part, signs of work included: one a second, of a part that
/// takes a whole day.
pub const HELP_ANSWER_BYTES_MAX: usize = 128 * 1024;

/// How long a repair is put off that met a catalog which takes no command: as long as
/// until lost disks are next looked for.
pub const REPAIR_PUT_OFF: Duration = LOST_WALK_EVERY;

/// How long a part is put off whose repair panicked: longer than it takes the duty to
/// begin anew, so that one such part does not stop the node.
pub const REPAIR_PANIC_PAUSE: Duration = Duration::from_hours(2);

/// Slots remembered whose repair a scrub saw deferred; of more it is known only how many
/// fragments of theirs are bad.
pub const DEFERRED_SLOTS_MAX: usize = 10_000;

/// Parts counted that have nowhere to go; of more it is known only that there are.
pub const HOMELESS_MAX: usize = 100_000;

/// Of them, those that one step holds against the catalog.
pub const HOMELESS_LOOKED_AT: usize = 256;

/// Bytes of rebuilt fragments that wait for their sync, of all repairs together. On top
/// come [`REPAIR_STRIPES_BYTES_MAX`] and [`REPAIR_LOOK_BYTES_MAX`].
pub const REPAIR_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of stripes that are being rebuilt, with all their fragments: three long ones of
/// 3+2, or many small ones, so that one far site does not make the others wait.
pub const REPAIR_STRIPES_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Stripes of a part that are looked at for one batch.
pub const BATCH_STRIPES_MAX: usize = 64;

/// Bytes of fragments that are read to see whether they are good, and let go, of all
/// repairs together: one of the longest, or many small ones at a time.
pub const REPAIR_LOOK_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of fragments of one slot that are written with one sync: half of the room, so
/// that the next are rebuilt while a disk works on these.
pub const REPAIR_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Rows looked at by one step of a key rotation.
pub const ROTATION_PAGE: usize = 256;

/// Rotations looked for in the catalog; each is one row.
pub const ROTATIONS_SHOWN_MAX: usize = 1_000;

/// Parts looked at by one step of the walks in search of single copies.
pub const SECOND_COPIES_PAGE: usize = 256;

/// Parts that get a second copy at a time: fewer than are repaired, for nothing is in
/// more danger than before.
pub const COPIES_AT_A_TIME: usize = 4;

/// The share of a disk, one in so many, that second copies leave free: a small second
/// disk that they filled would take the writes of the whole site away.
pub const SECOND_COPIES_LEAVE: u64 = 8;

/// Parts remembered whose copying panicked; more are tried again by the next walk.
pub const COPIES_PANICKED_MAX: usize = 1_000;

/// Parts looked at by one step of the survey.
pub const SURVEY_PAGE: usize = 1_000;

/// How often all parts are surveyed again while something is to be rebuilt that lay on a
/// missing disk: repairs count down meanwhile, deletes do not.
pub const SURVEY_EVERY: Duration = Duration::from_mins(1);

/// Disks of which it is said what lies on them; no site has so many.
pub const HOLDINGS_DISKS_MAX: usize = 10_000;

/// How old it may be when it is said: a million parts are a walk of seconds, and those
/// who look again and again must not walk all the time.
pub const HOLDINGS_AGE_MAX: Duration = Duration::from_secs(2);

/// Parts that one step of forgetting a disk looks at: a few milliseconds, in which no
/// other command is applied.
pub const FORGET_PAGE: u32 = 1_000;

/// Unreadable parts that are listed; more are counted only.
pub const UNREADABLE_PARTS_MAX: usize = 1_000;

/// Bytes of their list: a catalog's job row, with some to spare.
pub const UNREADABLE_BYTES_MAX: usize = 60 * 1024;

/// Unreadable parts that one step looks at once more: each may be read whole, at the
/// rate of the scrub.
pub const UNREADABLE_CHECKS_PER_STEP: usize = 4;

/// Versions looked at by one step of the search for the names of unreadable parts.
pub const UNREADABLE_NAMES_PAGE: usize = 256;

/// How often unreadable parts are looked at once more, a few at a time.
pub const UNREADABLE_EVERY: Duration = Duration::from_secs(30);

/// Fragments whose lengths are asked for with one call.
pub const LENGTHS_PAGE: u32 = 1_024;

/// How often another disk is drawn for a slot when the one that was drawn does not suit all
/// policies that bind a part.
pub const GOAL_DRAWS_MAX: usize = 8;

/// Uploads, versions or parts of a manifest that are looked at together for the parts they
/// refer to; as many parts are noted with one command.
pub const BUCKETS_PAGE: usize = 256;

/// Parts that one step of the moves looks at.
pub const MOVES_PAGE: usize = 256;

/// Parts that move at a time: fewer than are repaired, for nothing is in more danger than
/// before, and the lines between sites are there for clients first.
pub const MOVES_AT_A_TIME: usize = 4;

/// Steps of one part in one turn: each of its slots has moved twice by then, and what is
/// left has its turn in the next walk.
pub const MOVES_STEPS_MAX: usize = 32;

/// How often parts are looked at for drift and for balance while the site map is as it is:
/// new ones were placed as it says, and sites fill slowly.
pub const MOVES_LOOK_EVERY: Duration = Duration::from_mins(15);

/// How often it is tried again while parts drift that no move mends: a site may answer
/// again, or have room.
pub const MOVES_STUCK_EVERY: Duration = Duration::from_mins(5);

/// Bytes that a batch of stripes takes which are cut anew together, with the fragments they
/// have and get: more only for one long stripe. Four parts are cut at a time, and share the
/// room of repairs.
pub const RECUT_BATCH_BYTES: usize = 6 * 1024 * 1024;

/// How long a part is left alone that could not be cut anew: what stood in its way is mended
/// meanwhile, or lasts.
pub const RECUT_PUT_OFF: Duration = Duration::from_mins(5);

/// Parts that are remembered to be left alone; more are tried again by the next walk.
pub const RECUTS_PUT_OFF_MAX: usize = 4_096;

/// How often it is looked at while somebody waits for the end of it: a site takes another's
/// place, or one that is empty has deleted data that is not cleared away yet.
pub const MOVES_AWAITED_EVERY: Duration = Duration::from_secs(10);

/// How often a site that is replaced is asked whether it can leave, once nothing of what
/// is kept lies there: what was deleted a moment ago still does, for the ten seconds that
/// its readers have; to ask is a command and no walk.
pub const REPLACED_ASKED_EVERY: Duration = Duration::from_secs(2);

/// How often it is written down how far the moves are: all nodes know it from there, and
/// whoever leads next goes on from there.
pub const MOVES_SAVE_EVERY: Duration = Duration::from_secs(10);

/// Over which time the rate of moves is taken.
pub const RATE_WINDOW: Duration = Duration::from_mins(1);

/// Moves that the rate remembers; when more than that end in the window it is a shorter one.
pub const RATE_SAMPLES_MAX: usize = 4_096;

/// How often a node that does not lead looks whether it does by now.
pub const LEAD_LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long the disks of a node that does not answer are waited for before what they
/// hold is rebuilt elsewhere: longer than a restart, a power cut in a village or an
/// evening without a line; `essaim site remove --lost` waits for nothing.
pub const AWAY_LOST_AFTER: Duration = Duration::from_mins(30);

/// How often each site is asked for one of its fragments: the 459 questions that find 1 %
/// with 99 % take 7 hours 39 minutes, and cost a site one read of a disk in a minute.
pub const CUSTODY_EVERY: Duration = Duration::from_mins(1);

/// Questions to each site that one walk over all parts draws: those of an hour.
pub const CUSTODY_DRAWN: usize = 60;

/// Fragments that were drawn and are not there any more that one turn passes over.
pub const CUSTODY_STALE_MAX: usize = 4;

/// How old a part must be that is asked for: a write is answered when enough fragments are
/// durable, and the last ones may come later.
pub const CUSTODY_SETTLED: Duration = Duration::from_mins(2);

/// How often the catalog is told of answers that held; of others it is told at once.
pub const CUSTODY_SAVE_EVERY: Duration = Duration::from_mins(10);

const _: () = assert!(FORGET_PAGE <= catalog::limits::DISK_FORGET_ROWS_MAX, "all are looked at");
const _: () = assert!(BUCKETS_PAGE <= catalog::limits::PART_BUCKETS_NOTE_MAX, "one command");
const _: () = assert!(UNREADABLE_BYTES_MAX <= catalog::limits::JOB_BYTES_MAX, "it fits its row");
const _: () = assert!(
    DUTY_PAUSE_MIN.as_secs() * (DUTY_PAUSE_FACTOR as u64).pow(DUTY_RESTARTS_MAX - 1)
        < DUTY_HEALED_AFTER.as_secs(),
    "no pause is as long as it takes to begin anew"
);
const _: () = assert!(
    REPAIR_PANIC_PAUSE.as_secs() > DUTY_HEALED_AFTER.as_secs(),
    "a part whose repair always panics does not stop the node"
);
const _: () = assert!(
    caretaker::limits::CUSTODY_RANGE_BYTES.is_multiple_of(erasure::COLUMN_BYTES),
    "ranges are of whole columns"
);
const _: () = assert!(REPAIR_BATCH_BYTES < REPAIR_BYTES_MAX, "two batches at least");
const _: () = assert!(
    fragments::limits::FRAGMENT_BYTES_MAX <= REPAIR_BATCH_BYTES,
    "any fragment is found room for"
);
const _: () = assert!(
    fragments::limits::FRAGMENT_BYTES_MAX <= REPAIR_LOOK_BYTES_MAX,
    "and any is looked at within the room"
);
const _: () = assert!(
    REPAIR_BYTES_MAX <= fragments::limits::COMMIT_BYTES_MAX,
    "what waits is made durable by one sync"
);
