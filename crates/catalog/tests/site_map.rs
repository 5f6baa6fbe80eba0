//! Rules of the site map, one by one; that they hold together is for the trials.

use core::time::Duration;
use std::sync::Arc;

use catalog::command::{
    BucketCreate, BucketDelete, BucketRef, ContentPut, DiskForget, InviteCreate, InviteRevoke,
    MapFound, NewVersion, NodeJoin, NodeNew, NodeSet, ObjectPut, PartBucketsNote, PartChange,
    PartCopyAdd, PartCut, PartLayout, PartRecut, PartSlotMove, PartStep, Placed, PlacedCommand,
    PolicySet, PolicyTarget, PutCondition, PutOrigin, SiteDrain, SiteJoin, SiteNew, SiteRemove,
    TenantCreate, TenantDelete,
};
use catalog::limits::{
    DISKS_PER_NODE_MAX, INVITE_CLOSED_KEPT, INVITE_LIFE_MAX, INVITES_CLOSED_MAX, INVITES_OPEN_MAX,
    NODE_ADDRESSES_MAX, PART_BUCKETS_MAX, PART_BUCKETS_NOTE_MAX, POLICY_BYTES_MAX, SITES_MAX,
};
use catalog::{
    Command, ETag, MemoryRows, NodeAddress, NodeRole, Outcome, PartReference, PolicyScope, Quota,
    Refusal, SealedBytes, SiteName, Stamped, Success, View, apply, table,
};
use units::hash::Md5;
use units::{
    BucketId, ByteCount, DiskId, Epoch, FragmentNumber, InviteId, NodeId, NodePublicKey, PartId,
    PartNumber, ReferenceId, SiteId, TenantId, Timestamp,
};

const TENANT: TenantId = TenantId::from_u128(1);

fn disk(number: u128) -> DiskId {
    DiskId::from_u128(number)
}

fn site(number: u128) -> SiteId {
    SiteId::from_u128(number)
}

fn part(number: u128) -> PartId {
    PartId::from_u128(number)
}

fn key(number: u128) -> NodePublicKey {
    NodePublicKey([u8::try_from(number).expect("a small number"); 32])
}

fn bucket() -> BucketRef {
    let name = "archives".parse().expect("a valid name");
    BucketRef { name, id: BucketId::from_u128(2) }
}

fn site_new(number: u128) -> SiteNew {
    let name = SiteName::new(format!("site {number}")).expect("a valid name");
    SiteNew { id: site(number), name, statement: None }
}

/// The node of this number, with the disks `10 * number + 1` and so on.
fn node_new(number: u128, disks: u128) -> NodeNew {
    NodeNew {
        id: NodeId::from_u128(number),
        key: key(number),
        addresses: vec![NodeAddress::new("host:7070").expect("a valid address")],
        role: NodeRole::Full,
        disks: (1..=disks).map(|at| disk(10 * number + at)).collect(),
    }
}

fn join(invite: u128, node: NodeNew) -> Command {
    let site = SiteJoin::New(Box::new(site_new(node.id.to_u128())));
    Command::NodeJoin(Box::new(NodeJoin { invite: InviteId::from_u128(invite), site, node }))
}

fn drain(number: u128, on: bool) -> Command {
    Command::SiteDrain(SiteDrain { site: site(number), on })
}

fn remove(number: u128, rows: u32) -> Command {
    Command::SiteRemove(SiteRemove { site: site(number), lost: false, rows })
}

fn slot_move(of: u128, from: u128, to: u128) -> PartSlotMove {
    let slot = FragmentNumber::new(0);
    PartSlotMove { part: part(of), slot, from: disk(from), to: disk(to) }
}

fn placed(epoch: u64, command: PlacedCommand) -> Command {
    Command::Placed(Box::new(Placed { epoch: Epoch::new(epoch), command }))
}

fn policy(target: PolicyTarget, text: Option<&str>) -> Command {
    Command::PolicySet(PolicySet { target, text: text.map(str::to_owned) })
}

fn put(of: u128, slots: &[u128]) -> PlacedCommand {
    let reference = PartReference {
        part: part(of),
        number: PartNumber::new(1),
        size: ByteCount::new(9_000),
        md5: Md5([1; 16]),
        checksum: None,
        modified: Timestamp::EPOCH,
        wrapped_key: SealedBytes::default(),
    };
    let layout = PartLayout {
        stripe_bytes: 1 << 20,
        stripe_count: 1,
        codec: 1,
        data: 1,
        parity: u8::try_from(slots.len()).expect("few slots") - 1,
        slots: slots.iter().copied().map(disk).collect(),
    };
    let mut version = NewVersion::empty(1, ReferenceId::from_u128(of), ETag::Md5(Md5([1; 16])));
    version.size = reference.size;
    version.content = ContentPut::NewPart { reference, layout };
    PlacedCommand::ObjectPut(Box::new(ObjectPut {
        bucket: bucket(),
        key: format!("key {of}").parse().expect("a valid key"),
        version,
        condition: PutCondition::default(),
        origin: PutOrigin::Body,
    }))
}

/// A copy that shares a part.
fn shared(of: u128, reference: u128) -> Box<ObjectPut> {
    let PlacedCommand::ObjectPut(mut copy) = put(of, &[11]) else { panic!("a put") };
    let content = core::mem::replace(&mut copy.version.content, ContentPut::Empty);
    let ContentPut::NewPart { reference: part, .. } = content else { panic!("a part") };
    copy.version.content = ContentPut::SharedPart(part);
    copy.version.reference = ReferenceId::from_u128(reference);
    copy
}

fn bucket_create(bucket: &BucketRef) -> Command {
    Command::BucketCreate(BucketCreate {
        id: bucket.id,
        name: bucket.name.clone(),
        tenant: TENANT,
        wrapped_key: SealedBytes::new(vec![1]),
        object_lock: false,
        ownership: None,
        acl: None,
    })
}

struct Cluster {
    rows: Arc<MemoryRows>,
    now: Timestamp,
}

impl Cluster {
    /// One tenant, one bucket, no map.
    fn alone() -> Self {
        let mut cluster = Self { rows: Arc::default(), now: Timestamp::from_seconds(1_000) };
        cluster.done(Command::TenantCreate(TenantCreate {
            id: TENANT,
            name: "mairie".parse().expect("a valid name"),
            quota: Quota::default(),
            wrapped_key: SealedBytes::new(vec![1]),
        }));
        cluster.done(bucket_create(&bucket()));
        cluster
    }

    /// The sites 1 to `sites`, each with a node of the same number with two disks.
    fn of(sites: u128) -> Self {
        let mut cluster = Self::alone();
        let (site, node) = (site_new(1), node_new(1, 2));
        cluster.done(Command::MapFound(Box::new(MapFound { site, node })));
        for number in 2..=sites {
            cluster.invite(number, NodeRole::Full);
            cluster.done(join(number, node_new(number, 2)));
        }
        assert_eq!(cluster.epoch(), u64::try_from(sites).expect("few sites"));
        cluster
    }

    fn say(&mut self, command: Command) -> Outcome {
        let stamped = Stamped { at: self.now, command };
        let applied = apply(&*self.rows, &[stamped]).expect("rows in memory can be read");
        Arc::make_mut(&mut self.rows).commit(applied.batch);
        applied.outcomes.into_iter().next().expect("one outcome per command")
    }

    #[track_caller]
    fn done(&mut self, command: Command) -> Success {
        self.say(command).expect("not refused")
    }

    #[track_caller]
    fn refused(&mut self, command: Command, expected: &Refusal) {
        let before = self.rows.clone();
        assert_eq!(self.say(command).as_ref(), Err(expected));
        assert!(before == self.rows, "a refused command leaves no trace");
    }

    #[track_caller]
    fn too_large(&mut self, command: Command) {
        let outcome = self.say(command);
        assert!(matches!(outcome, Err(Refusal::TooLarge { .. })), "{outcome:?}");
    }

    fn view(&self) -> View {
        View::new(self.rows.clone())
    }

    fn epoch(&self) -> u64 {
        self.view().map_epoch().expect("readable rows").get()
    }

    fn invite_command(&self, number: u128, role: NodeRole) -> Command {
        Command::InviteCreate(InviteCreate {
            id: InviteId::from_u128(number),
            key: key(100 + number),
            role,
            expires: self.now.after(Duration::from_hours(1)),
            made_by: "camille".to_owned(),
        })
    }

    fn invite(&mut self, number: u128, role: NodeRole) {
        self.done(self.invite_command(number, role));
    }
}

#[test]
fn a_site_that_has_been_alone_founds_the_map_once() {
    let mut cluster = Cluster::alone();
    cluster.done(put(1, &[77]).into());
    assert!(!cluster.view().site_map().expect("readable rows").is_founded());
    cluster.refused(drain(1, true), &Refusal::NoMap);
    cluster.refused(cluster.invite_command(1, NodeRole::Full), &Refusal::NoMap);
    cluster.refused(policy(PolicyTarget::Cluster, Some("x")), &Refusal::NoMap);
    let found = |number, disks| {
        let (site, node) = (site_new(number), node_new(number, disks));
        Command::MapFound(Box::new(MapFound { site, node }))
    };
    let epoch = Epoch::new(1);
    assert_eq!(cluster.done(found(1, 2)), Success::Mapped { epoch });
    let map = cluster.view().site_map().expect("readable rows");
    assert_eq!(map.site_of(disk(12)).map(|site| site.name.as_str()), Some("site 1"));
    assert_eq!(map.node_of(disk(77)), None);
    // Again, also with other disks: those are for NodeSet to say.
    assert_eq!(cluster.done(found(1, 5)), Success::Mapped { epoch });
    assert_eq!(cluster.view().site_map().expect("readable rows"), map);
    cluster.refused(found(2, 2), &Refusal::MapFounded);
}

#[test]
fn a_placement_on_another_map_is_refused_and_says_on_which() {
    let mut cluster = Cluster::alone();
    cluster.refused(placed(1, put(1, &[11])), &Refusal::MapChanged { now: Epoch::ZERO });
    cluster.done(placed(0, put(1, &[11])));
    let mut cluster = Cluster::of(2);
    let now = Epoch::new(2);
    for epoch in [0, 1, 3] {
        cluster.refused(placed(epoch, put(1, &[11, 21])), &Refusal::MapChanged { now });
    }
    cluster.done(placed(2, put(1, &[11, 21])));
    cluster.done(drain(2, true));
    let now = Epoch::new(3);
    let step = PlacedCommand::PartSlotMove(slot_move(1, 11, 12));
    cluster.refused(placed(2, step.clone()), &Refusal::MapChanged { now });
    cluster.done(placed(3, step));
    let add = PartCopyAdd { part: part(1), copies: 2, to: disk(11) };
    cluster.done(placed(3, PlacedCommand::PartCopyAdd(add)));
    // An address is nothing that a placement rests on.
    let set = NodeSet { node: NodeId::from_u128(1), addresses: Some(Vec::new()), disks: None };
    assert_eq!(cluster.done(Command::NodeSet(set)), Success::Mapped { epoch: now });
}

#[test]
fn a_step_is_refused_if_the_part_lies_elsewhere_by_then() {
    let mut cluster = Cluster::of(4);
    cluster.done(put(1, &[11, 21]).into());
    let step = |slots: &[u128], change| {
        let slots = slots.iter().copied().map(disk).collect();
        placed(4, PlacedCommand::PartStep(PartStep { part: part(1), slots, change }))
    };
    let to = |slot, to| PartChange::Move { slot: FragmentNumber::new(slot), to: disk(to) };
    // Two at a time, each of which would be right alone: the second is refused.
    cluster.done(step(&[11, 21], to(0, 31)));
    cluster.refused(step(&[11, 21], to(1, 32)), &Refusal::SlotMoved);
    cluster.refused(step(&[11, 21], PartChange::Copy { to: disk(32) }), &Refusal::SlotMoved);
    cluster.refused(step(&[31, 21], to(2, 41)), &Refusal::SlotMoved);
    cluster.done(step(&[31, 21], PartChange::Copy { to: disk(41) }));
    cluster.done(step(&[31, 21, 41], to(2, 42)));
    let row = cluster.view().part(part(1)).expect("readable rows").expect("a part");
    assert_eq!((row.slots, row.parity), (vec![disk(31), disk(21), disk(42)], 2));
}

#[test]
fn a_part_is_cut_anew_if_it_is_as_it_was_and_the_map_too() {
    let mut cluster = Cluster::of(4);
    cluster.done(put(1, &[11, 21]).into());
    let cut = |codec, (data, parity), slots: &[u128]| PartCut {
        codec,
        data,
        parity,
        slots: slots.iter().copied().map(disk).collect(),
    };
    let recut = |epoch, from: PartCut, to: PartCut| {
        placed(epoch, PlacedCommand::PartRecut(Box::new(PartRecut { part: part(1), from, to })))
    };
    let row =
        |cluster: &Cluster| cluster.view().part(part(1)).expect("readable rows").expect("a part");
    let before = row(&cluster);
    let was = PartCut::of(&before);
    let to = cut(2, (2, 1), &[11, 31, 41]);
    let moved = &Refusal::SlotMoved;
    // Another code, codec or slots than it has; or such as it cannot get.
    for from in [
        PartCut { data: 2, ..was.clone() },
        PartCut { parity: 2, ..was.clone() },
        PartCut { codec: 2, ..was.clone() },
        PartCut { slots: vec![disk(21), disk(11)], ..was.clone() },
    ] {
        cluster.refused(recut(4, from, to.clone()), moved);
    }
    for wrong in [
        cut(1, (2, 1), &[11, 31, 41]),
        cut(2, (2, 2), &[11, 31, 41]),
        cut(2, (0, 3), &[11, 31, 41]),
        cut(2, (1, 1), &[11, 21]),
    ] {
        cluster.refused(recut(4, was.clone(), wrong), moved);
    }
    let unknown = Refusal::DiskUnknown { disk: disk(77) };
    cluster.refused(recut(4, was.clone(), cut(2, (1, 1), &[11, 77])), &unknown);
    cluster.done(drain(4, true));
    let now = Epoch::new(5);
    cluster.refused(recut(4, was.clone(), to.clone()), &Refusal::MapChanged { now });
    let draining = Refusal::SiteDraining { site: site(4) };
    cluster.refused(recut(5, was.clone(), to), &draining);
    let to = cut(2, (2, 1), &[31, 11, 21]);
    cluster.done(recut(5, was.clone(), to.clone()));
    let after = row(&cluster);
    assert_eq!(PartCut::of(&after), to);
    assert_eq!(was.applied(&after), before, "all else is as it was");
    // Once: who decided on what it was comes too late.
    cluster.refused(recut(5, was.clone(), to.clone()), moved);
    let step = PartStep {
        part: part(1),
        slots: was.slots,
        change: PartChange::Move { slot: FragmentNumber::new(1), to: disk(32) },
    };
    cluster.refused(placed(5, PlacedCommand::PartStep(step)), moved);
    // And back to a code that it had.
    cluster.done(recut(5, to, cut(2, (1, 1), &[11, 21])));
}

#[test]
fn slots_lie_on_disks_of_the_map_and_do_not_move_to_what_is_emptied() {
    let mut cluster = Cluster::of(3);
    cluster.refused(put(1, &[11, 77]).into(), &Refusal::DiskUnknown { disk: disk(77) });
    cluster.done(put(1, &[11, 21]).into());
    let to_unknown = Command::PartSlotMove(slot_move(1, 11, 77));
    cluster.refused(to_unknown, &Refusal::DiskUnknown { disk: disk(77) });
    cluster.done(drain(2, true));
    let draining = Refusal::SiteDraining { site: site(2) };
    cluster.refused(Command::PartSlotMove(slot_move(1, 11, 22)), &draining);
    let copy = |to| Command::PartCopyAdd(PartCopyAdd { part: part(1), copies: 2, to: disk(to) });
    cluster.refused(copy(22), &draining);
    cluster.done(copy(31));
    // A bad fragment is written again where it is, and a put that was under way ends.
    let step = PartSlotMove { slot: FragmentNumber::new(1), ..slot_move(1, 21, 21) };
    cluster.done(Command::PartSlotMove(step));
    cluster.done(put(2, &[11, 22]).into());
    cluster.done(drain(2, false));
    cluster.done(Command::PartSlotMove(slot_move(1, 11, 22)));
}

#[test]
fn a_part_names_every_bucket_that_has_referred_to_it() {
    let mut cluster = Cluster::of(2);
    cluster.done(put(1, &[11, 21]).into());
    let buckets = |cluster: &Cluster, of| {
        cluster.view().part(part(of)).expect("readable rows").expect("a part").buckets
    };
    assert_eq!(buckets(&cluster, 1), [bucket().id]);
    let other =
        BucketRef { name: "copies".parse().expect("a valid name"), id: BucketId::from_u128(3) };
    cluster.done(bucket_create(&other));
    for number in [10, 11] {
        let mut copy = shared(1, number);
        copy.bucket = other.clone();
        cluster.done(Command::ObjectPut(copy));
    }
    assert_eq!(buckets(&cluster, 1), [bucket().id, other.id], "each once");
    // Of older parts it is noted later; never of what is gone.
    let note = |of: &[u128]| {
        let parts = of.iter().copied().map(part).collect();
        Command::PartBucketsNote(PartBucketsNote { bucket: BucketId::from_u128(4), parts })
    };
    cluster.done(Command::PartCondemn { parts: vec![part(7)] });
    cluster.done(note(&[1, 7, 8]));
    cluster.done(note(&[1]));
    assert_eq!(buckets(&cluster, 1).len(), 3);
    assert_eq!(buckets(&cluster, 7), []);
    cluster.too_large(note(&[1; PART_BUCKETS_NOTE_MAX + 1]));
    for number in 100..100 + PART_BUCKETS_MAX as u128 {
        let (bucket, parts) = (BucketId::from_u128(number), vec![part(1)]);
        cluster.done(Command::PartBucketsNote(PartBucketsNote { bucket, parts }));
    }
    let third =
        BucketRef { name: "third".parse().expect("a valid name"), id: BucketId::from_u128(5) };
    cluster.done(bucket_create(&third));
    let mut copy = shared(1, 12);
    copy.bucket = third;
    cluster.too_large(Command::ObjectPut(copy));
}

#[test]
fn an_emptied_site_leaves_in_steps_and_what_comes_between_them_counts() {
    let mut cluster = Cluster::of(3);
    let finished = |finished| Success::SiteRemove { finished };
    for of in 1..=4 {
        cluster.done(put(of, &[11, 21]).into());
    }
    cluster.refused(remove(2, 9), &Refusal::SiteInUse { site: site(2), part: part(1) });
    assert_eq!(cluster.done(remove(3, 2)), finished(false));
    // Behind the search, by a move; then by a new part.
    cluster.done(Command::PartSlotMove(slot_move(1, 11, 31)));
    let here = Refusal::SiteInUse { site: site(3), part: part(1) };
    cluster.refused(remove(3, 9), &here);
    cluster.done(Command::PartSlotMove(slot_move(1, 31, 11)));
    assert_eq!(cluster.done(remove(3, 3)), finished(false));
    cluster.done(put(0, &[11, 32]).into());
    cluster.refused(remove(3, 9), &Refusal::SiteInUse { site: site(3), part: part(0) });
    cluster.done(Command::PartSlotMove(PartSlotMove {
        slot: FragmentNumber::new(1),
        ..slot_move(0, 32, 21)
    }));
    // A disk that comes to the site behind the search, with what lies on it.
    assert_eq!(cluster.done(remove(3, 3)), finished(false));
    let disks = Some(vec![disk(31), disk(32), disk(21)]);
    let set = NodeSet { node: NodeId::from_u128(3), addresses: None, disks };
    cluster.done(Command::NodeSet(set));
    cluster.refused(remove(3, 9), &Refusal::SiteInUse { site: site(3), part: part(0) });
    for of in 0..=4 {
        cluster.done(Command::PartSlotMove(PartSlotMove {
            slot: FragmentNumber::new(1),
            ..slot_move(of, 21, 12)
        }));
    }
    assert_eq!(cluster.done(remove(3, 3)), finished(false));
    let before = cluster.epoch();
    assert_eq!(cluster.done(remove(3, 3)), finished(true));
    assert_eq!(cluster.epoch(), before + 1);
    cluster.refused(remove(3, 3), &Refusal::NoSuchSite);
    let map = cluster.view().site_map().expect("readable rows");
    assert_eq!(map.nodes.iter().map(|node| node.id.to_u128()).collect::<Vec<_>>(), [1, 2]);
    cluster.refused(put(9, &[11, 31]).into(), &Refusal::DiskUnknown { disk: disk(31) });
}

#[test]
fn a_lost_site_goes_at_once_and_the_last_one_never() {
    let mut cluster = Cluster::of(2);
    cluster.done(put(1, &[11, 21]).into());
    let lost = |number| Command::SiteRemove(SiteRemove { site: site(number), lost: true, rows: 0 });
    assert_eq!(cluster.done(lost(2)), Success::SiteRemove { finished: true });
    cluster.refused(lost(1), &Refusal::LastSite);
    cluster.refused(remove(1, 9), &Refusal::LastSite);
    cluster.refused(drain(1, true), &Refusal::LastSite);
    // Nor is it enough that another has a vote.
    cluster.invite(8, NodeRole::Witness);
    cluster.done(join(8, NodeNew { role: NodeRole::Witness, ..node_new(8, 0) }));
    cluster.refused(lost(1), &Refusal::LastSite);
    cluster.refused(drain(1, true), &Refusal::LastSite);
    // Repair goes on: away from what is lost, not back to it.
    let slot = FragmentNumber::new(1);
    cluster.done(Command::PartSlotMove(PartSlotMove { slot, ..slot_move(1, 21, 12) }));
    let back = PartSlotMove { slot, ..slot_move(1, 12, 21) };
    cluster.refused(Command::PartSlotMove(back), &Refusal::DiskUnknown { disk: disk(21) });
    // Its machine comes back as one that joins, by another invitation.
    let by = NodeId::from_u128(2);
    cluster.refused(join(2, node_new(2, 2)), &Refusal::InviteUsed { by });
    cluster.invite(9, NodeRole::Full);
    cluster.done(join(9, node_new(2, 2)));
}

#[test]
fn an_invitation_lets_one_node_in_once_and_in_time() {
    let mut cluster = Cluster::of(1);
    cluster.refused(join(5, node_new(2, 1)), &Refusal::NoSuchInvite);
    cluster.invite(5, NodeRole::Storage);
    assert_eq!(cluster.epoch(), 1, "an invitation is nothing that a placement rests on");
    cluster.refused(join(5, node_new(2, 1)), &Refusal::InviteForRole { role: NodeRole::Storage });
    let storage = |number| NodeNew { role: NodeRole::Storage, ..node_new(number, 1) };
    let opened = cluster.now;
    cluster.now = opened.after(Duration::from_hours(1));
    let expired = Refusal::InviteExpired { at: cluster.now };
    cluster.refused(join(5, storage(2)), &expired);
    cluster.now = opened;
    let first = cluster.done(join(5, storage(2)));
    // The answer was lost: the same node asks again, also late, and changes nothing.
    cluster.now = opened.after(Duration::from_hours(2));
    let rows = cluster.rows.clone();
    assert_eq!(cluster.done(join(5, storage(2))), first);
    assert!(rows == cluster.rows);
    let by = NodeId::from_u128(2);
    cluster.refused(join(5, storage(3)), &Refusal::InviteUsed { by });
    cluster.refused(join(5, NodeNew { key: key(9), ..storage(2) }), &Refusal::InviteUsed { by });
    let revoke = |number| Command::InviteRevoke(InviteRevoke { id: InviteId::from_u128(number) });
    cluster.refused(revoke(5), &Refusal::InviteUsed { by });
    cluster.invite(6, NodeRole::Storage);
    cluster.done(revoke(6));
    cluster.refused(join(6, storage(3)), &Refusal::NoSuchInvite);
    let late = InviteCreate {
        id: InviteId::from_u128(7),
        key: key(7),
        role: NodeRole::Full,
        expires: cluster.now.after(INVITE_LIFE_MAX + Duration::from_secs(1)),
        made_by: String::new(),
    };
    cluster.too_large(Command::InviteCreate(late.clone()));
    let at = cluster.now;
    let late = InviteCreate { expires: at, ..late };
    cluster.refused(Command::InviteCreate(late), &Refusal::InviteExpired { at });
}

#[test]
fn what_joins_is_not_there_already() {
    let mut cluster = Cluster::of(2);
    cluster.invite(5, NodeRole::Full);
    let new = |change: fn(&mut NodeJoin)| {
        let node = node_new(5, 2);
        let site = SiteJoin::New(Box::new(site_new(5)));
        let mut join = NodeJoin { invite: InviteId::from_u128(5), site, node };
        change(&mut join);
        Command::NodeJoin(Box::new(join))
    };
    cluster.refused(
        new(|join| join.site = SiteJoin::New(Box::new(SiteNew { id: site(5), ..site_new(2) }))),
        &Refusal::SiteNameTaken,
    );
    cluster.refused(
        new(|join| join.site = SiteJoin::New(Box::new(SiteNew { id: site(2), ..site_new(5) }))),
        &Refusal::SiteExists,
    );
    cluster.refused(new(|join| join.site = SiteJoin::Existing(site(9))), &Refusal::NoSuchSite);
    cluster.refused(new(|join| join.node.id = NodeId::from_u128(2)), &Refusal::NodeExists);
    cluster.refused(new(|join| join.node.key = key(2)), &Refusal::NodeKeyTaken);
    cluster.refused(new(|join| join.node.key = key(105)), &Refusal::NodeKeyTaken);
    let listed = Refusal::DiskListed { disk: disk(21) };
    cluster.refused(new(|join| join.node.disks = vec![disk(21)]), &listed);
    let twice = Refusal::DiskListed { disk: disk(99) };
    cluster.refused(new(|join| join.node.disks = vec![disk(99); 2]), &twice);
    cluster.too_large(new(|join| {
        join.node.disks = (0..=DISKS_PER_NODE_MAX as u128).map(|at| disk(900 + at)).collect();
    }));
    cluster.too_large(new(|join| {
        let address = join.node.addresses.first().cloned().expect("an address");
        join.node.addresses = vec![address; NODE_ADDRESSES_MAX + 1];
    }));
    cluster.done(drain(2, true));
    let draining = Refusal::SiteDraining { site: site(2) };
    cluster.refused(new(|join| join.site = SiteJoin::Existing(site(2))), &draining);
    cluster.done(new(|join| join.site = SiteJoin::Existing(site(1))));
    let map = cluster.view().site_map().expect("readable rows");
    assert_eq!(map.nodes_at(site(1)).count(), 2);
    cluster.invite(6, NodeRole::Witness);
    let witness = |disks| NodeNew { role: NodeRole::Witness, ..node_new(6, disks) };
    cluster.refused(join(6, witness(1)), &Refusal::WitnessWithDisks);
    cluster.done(join(6, witness(0)));
    // A site without a disk keeps nothing: there is nothing to search for.
    assert_eq!(cluster.done(remove(6, 1)), Success::SiteRemove { finished: true });
}

#[test]
fn a_cluster_has_only_so_many_sites() {
    let mut cluster = Cluster::of(SITES_MAX as u128);
    cluster.invite(60, NodeRole::Full);
    cluster.too_large(join(60, node_new(60, 1)));
}

#[test]
fn invitations_are_few_and_are_forgotten_in_time() {
    let mut cluster = Cluster::of(1);
    let count = |cluster: &Cluster| cluster.view().invites().expect("readable rows").len();
    let mut made = 0;
    for _ in 0..INVITES_OPEN_MAX {
        made += 1;
        cluster.invite(made, NodeRole::Full);
    }
    cluster.too_large(cluster.invite_command(made + 1, NodeRole::Full));
    // What expires makes room, and is remembered: the youngest of it.
    cluster.now = cluster.now.after(Duration::from_hours(1));
    while made < 3 * INVITES_CLOSED_MAX as u128 / 2 {
        cluster.now = cluster.now.after(Duration::from_mins(2));
        made += 1;
        cluster.invite(made, NodeRole::Full);
    }
    cluster.now = cluster.now.after(Duration::from_hours(1));
    made += 1;
    cluster.invite(made, NodeRole::Full);
    assert_eq!(count(&cluster), INVITES_CLOSED_MAX + 1);
    let oldest = cluster.view().invite(InviteId::from_u128(1)).expect("readable rows");
    assert_eq!(oldest, None);
    cluster.now = cluster.now.after(INVITE_CLOSED_KEPT);
    made += 1;
    cluster.invite(made, NodeRole::Full);
    // Itself, and the one before, which expired an hour later than its making.
    assert_eq!(count(&cluster), 2);
}

#[test]
fn a_disk_goes_with_its_machine_and_leaves_when_it_is_forgotten() {
    let mut cluster = Cluster::of(2);
    cluster.done(put(1, &[11, 21]).into());
    let set = |node, disks: &[u128]| {
        let disks = Some(disks.iter().copied().map(disk).collect());
        Command::NodeSet(NodeSet { node: NodeId::from_u128(node), addresses: None, disks })
    };
    cluster.refused(set(9, &[]), &Refusal::NoSuchNode);
    cluster.refused(set(2, &[22]), &Refusal::DiskNotForgotten { disk: disk(21) });
    cluster.done(set(1, &[11, 12, 21]));
    let at = |cluster: &Cluster, of| {
        let map = cluster.view().site_map().expect("readable rows");
        map.site_of(disk(of)).map(|site| site.id.to_u128())
    };
    assert_eq!((at(&cluster, 21), at(&cluster, 22)), (Some(1), Some(2)));
    let forget = |number| Command::DiskForget(DiskForget { disk: disk(number), rows: 100 });
    let before = cluster.epoch();
    cluster.done(forget(22));
    assert_eq!((at(&cluster, 22), cluster.epoch()), (None, before + 1));
    cluster.done(forget(22));
    assert_eq!(cluster.epoch(), before + 1);
    cluster.refused(set(2, &[22]), &Refusal::DiskForgotten { disk: disk(22) });
}

#[test]
fn a_policy_goes_with_what_it_is_for() {
    let mut cluster = Cluster::of(1);
    let of_bucket = PolicyTarget::Bucket(bucket());
    let of_tenant = PolicyTarget::Tenant(TENANT);
    let epoch = |epoch| Success::Mapped { epoch: Epoch::new(epoch) };
    assert_eq!(cluster.done(policy(of_bucket.clone(), Some("a"))), epoch(2));
    assert_eq!(cluster.done(policy(of_bucket.clone(), Some("a"))), epoch(2), "the same");
    assert_eq!(cluster.done(policy(of_tenant.clone(), Some("b"))), epoch(3));
    assert_eq!(cluster.done(policy(PolicyTarget::Cluster, Some("c"))), epoch(4));
    assert_eq!(cluster.done(policy(PolicyTarget::Cluster, None)), epoch(5));
    assert_eq!(cluster.done(policy(PolicyTarget::Cluster, Some("c"))), epoch(6), "another number");
    let long = "x".repeat(POLICY_BYTES_MAX + 1);
    cluster.too_large(policy(PolicyTarget::Cluster, Some(&long)));
    let stranger = PolicyTarget::Tenant(TenantId::from_u128(9));
    cluster.refused(policy(stranger, Some("x")), &Refusal::NoSuchTenant);
    let other = PolicyTarget::Bucket(BucketRef { id: BucketId::from_u128(9), ..bucket() });
    cluster.refused(policy(other, Some("x")), &Refusal::NoSuchBucket);
    let scopes = |cluster: &Cluster| {
        let policies = cluster.view().policies(None, 10).expect("readable rows");
        policies.into_iter().map(|(scope, policy)| (scope, policy.text)).collect::<Vec<_>>()
    };
    let [of_bucket, of_cluster, of_tenant] = [
        (PolicyScope::Bucket(bucket().id), "a".to_owned()),
        (PolicyScope::Cluster, "c".to_owned()),
        (PolicyScope::Tenant(TENANT), "b".to_owned()),
    ];
    assert_eq!(scopes(&cluster), [of_bucket, of_cluster.clone(), of_tenant.clone()]);
    cluster.done(Command::BucketDelete(BucketDelete { bucket: bucket() }));
    assert_eq!(scopes(&cluster), [of_cluster.clone(), of_tenant]);
    cluster.done(Command::TenantDelete(TenantDelete { id: TENANT }));
    assert_eq!(scopes(&cluster), [of_cluster]);
    assert_eq!(cluster.epoch(), 8);
}

#[test]
fn caches_are_told_of_the_map_and_not_of_searches() {
    for table in [0x01, 0x12, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55] {
        assert!(table::is_directory(&[table, 7]), "{table:#x}");
    }
    for table in [0x13, 0x30, 0x43, 0x44, 0x56] {
        assert!(!table::is_directory(&[table, 7]), "{table:#x}");
    }
}
