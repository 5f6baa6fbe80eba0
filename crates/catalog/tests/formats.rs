//! Golden files: every record kind as it was first written must be read for ever.
//!
//! After a deliberate change of format, a new version byte and a new file come
//! beside the old ones: `ESSAIM_GOLDEN=write cargo test -p catalog --test formats`
//! writes the files that are missing, and never touches one that is there.

use std::path::PathBuf;

use catalog::command::{
    BucketClear, BucketRef, CustodyNote, CustodyNoted, DiskForget, InviteCreate, InviteRevoke,
    MapFound, NamedKeyCreate, NamedKeyRewrap, NewVersion, NodeJoin, NodeNew, NodeSet, ObjectPut,
    PartBucketsNote, PartChange, PartCopyAdd, PartCut, PartRecut, PartSlotMove, PartStep, Placed,
    PlacedCommand, PolicySet, PolicyTarget, PutCondition, PutOrigin, SiteDrain, SiteJoin, SiteNew,
    SiteRemove, SiteStatementSet, TenantCreate, TenantCreateWithEmail, TenantShredded,
};
use catalog::record::{Counters, DiskSearch, Disks, InlineBody, Map, Record, SiteSearch};
use catalog::*;
use units::hash::Md5;
use units::{
    BucketId, ByteCount, ClusterId, DiskId, Epoch, FragmentNumber, InviteId, NodeId, NodePublicKey,
    ObjectCount, PartId, PartNumber, ReferenceId, Sequence, Signature, SiteId, StripeNumber,
    TenantId, Timestamp, UserId,
};

fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if !path.exists() && std::env::var("ESSAIM_GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, written).expect("the golden file can be written");
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn check<R: Record + PartialEq + core::fmt::Debug>(name: &str, record: &R) {
    let stored = golden(name, &record.encode());
    let read = R::decode(&stored).unwrap_or_else(|damaged| panic!("{name}: {damaged}"));
    assert_eq!(&read, record, "{name}");
    assert_eq!(read.encode(), stored, "{name}");
}

/// A row of an older version: still read, no longer written.
#[track_caller]
fn check_old<R: Record + PartialEq + core::fmt::Debug>(name: &str, record: &R) {
    let stored = golden(name, &[]);
    assert_eq!(R::decode(&stored).as_ref(), Ok(record), "{name}");
    assert_ne!(record.encode(), stored, "{name}");
}

const TENANT: TenantId = TenantId::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
const AT: Timestamp = Timestamp::from_micros(1_795_296_896_123_456);

fn sealed(byte: u8) -> SealedBytes {
    SealedBytes::new(vec![byte; 5])
}

fn key() -> ObjectKey {
    ObjectKey::new("délibérations/2026/n° 12.pdf").expect("a valid key")
}

fn tag() -> Tag {
    Tag { key: "service".to_owned(), value: "état civil".to_owned() }
}

fn part() -> PartReference {
    PartReference {
        part: PartId::from_u128(3),
        number: PartNumber::new(7),
        size: ByteCount::new(5 << 20),
        md5: Md5([0x5a; 16]),
        checksum: Some(Checksum {
            algorithm: ChecksumAlgorithm::Crc64Nvme,
            kind: ChecksumKind::FullObject,
            value: vec![1, 2, 3, 4, 5, 6, 7, 8],
        }),
        modified: AT,
        wrapped_key: sealed(9),
    }
}

fn acl() -> Acl {
    Acl {
        owner: TENANT,
        canned: Some(Canned::PublicRead),
        grants: vec![Grant { grantee: Grantee::AllUsers, permission: Permission::Read }],
    }
}

fn version() -> ObjectVersion {
    ObjectVersion {
        head: VersionHead {
            version: VersionId::new(300, u64::MAX),
            is_null: false,
            kind: VersionKind::Object,
            modified: AT,
            size: ByteCount::new(12_345_678),
            etag: ETag::Multipart { digest: Md5([0xb2; 16]), parts: 3 },
            storage_class: Some("STANDARD_IA".to_owned()),
            owner: Some(TENANT),
            checksum: Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)),
            noncurrent_since: Some(AT),
            null_noncurrent: Some(VersionId::new(2, 1)),
        },
        detail: VersionDetail {
            reference: ReferenceId::from_u128(4),
            content: Content::Part(part()),
            headers: ObjectHeaders {
                content_type: Some("application/pdf".to_owned()),
                ..ObjectHeaders::default()
            },
            metadata: vec![("auteur".to_owned(), "Zoë".to_owned())],
            tags: vec![tag()],
            checksum: part().checksum,
            retention: Some(Retention { mode: RetentionMode::Compliance, until: AT }),
            legal_hold: Some(true),
            encryption: Encryption::Kms { key: "clé".to_owned(), context: None, bucket_key: true },
            acl: Some(acl()),
            website_redirect: Some("/ailleurs".to_owned()),
        },
    }
}

#[test]
fn tenants_users_and_keys_are_read_as_they_were_written() {
    let tenant = Tenant {
        id: TENANT,
        name: TenantName::new("mairie").expect("a valid name"),
        state: TenantState::Suspended,
        quota: Quota { bytes: Some(ByteCount::new(1 << 40)), objects: None },
        wrapped_key: sealed(1),
        created: AT,
        email: None,
    };
    check_old("tenant.1", &tenant);
    let email = EmailAddress::new("contact@mairie.example").expect("a valid address");
    check("tenant.2", &Tenant { email: Some(email), ..tenant });
    check(
        "named-key.1",
        &NamedKey {
            tenant: TENANT,
            name: NamedKeyName::new("archives-2026").expect("a valid name"),
            wrapped_key: sealed(7),
            created: AT,
        },
    );
    check(
        "user.1",
        &User {
            id: UserId::from_u128(5),
            tenant: TENANT,
            name: UserName::new("camille").expect("a valid name"),
            created: AT,
        },
    );
    let scope = KeyScope {
        buckets: Some(vec![BucketName::new("archives").expect("a valid name")]),
        read_only: true,
    };
    check(
        "access-key.1",
        &AccessKey {
            id: AccessKeyId::new("ESSAIM0123456789ABCD").expect("a valid id"),
            tenant: TENANT,
            user: Some(UserId::from_u128(5)),
            sealed_secret: sealed(2),
            scope,
            expires: Some(AT),
            revoked: None,
            created: AT,
        },
    );
}

#[test]
fn buckets_and_their_settings_are_read_as_they_were_written() {
    let default_retention = Some(DefaultRetention {
        mode: RetentionMode::Governance,
        period: DefaultRetentionPeriod::Years(10),
    });
    check(
        "bucket.1",
        &Bucket {
            id: BucketId::from_u128(6),
            name: BucketName::new("archives").expect("a valid name"),
            tenant: TENANT,
            created: AT,
            versioning: Versioning::Enabled,
            object_lock: Some(ObjectLock { default_retention }),
            ownership: Some(Ownership::BucketOwnerPreferred),
            wrapped_key: sealed(3),
            quota: Quota::default(),
            settings: SettingSet::default().with(SettingKind::Policy, true),
            settings_revision: 11,
        },
    );
    let setting = BucketSetting { revision: 11, modified: AT, bytes: sealed(4) };
    check("bucket-setting.1", &setting);
    check("acl.1", &acl());
    let filter = LifecycleFilter {
        prefix: Some("brouillons/".to_owned()),
        tags: vec![tag()],
        size_greater_than: Some(ByteCount::new(1)),
        size_less_than: None,
        legacy_prefix: false,
        and: true,
    };
    let rule = LifecycleRule {
        id: "ménage".to_owned(),
        enabled: true,
        filter,
        expiration: Some(LifecycleExpiration::Days(30)),
        noncurrent: Some(LifecycleNoncurrent { days: 7, newer_versions: Some(3) }),
        abort_uploads_days: Some(2),
    };
    check("lifecycle-rules.1", &LifecycleRules { rules: vec![rule] });
    check(
        "usage.1",
        &Usage {
            objects: ObjectCount::new(1),
            bytes: ByteCount::new(2),
            delete_markers: ObjectCount::new(3),
            uploads: ObjectCount::new(4),
            upload_bytes: ByteCount::new(5),
        },
    );
}

#[test]
fn objects_parts_and_uploads_are_read_as_they_were_written() {
    let mut named = version();
    named.detail.encryption = Encryption::Named {
        key: NamedKeyName::new("archives-2026").expect("a valid name"),
        context: None,
        bucket_key: true,
    };
    let stored = golden("object-version.1.named-key", &named.encode());
    assert_eq!((ObjectVersion::decode(&stored), named.encode()), (Ok(named.clone()), stored));
    let version = version();
    let stored = golden("object-version.1", &version.encode());
    assert_eq!(ObjectVersion::decode(&stored), Ok(version.clone()));
    assert_eq!(ObjectVersion::decode_head(&stored), Ok(version.head.clone()));
    assert_eq!(version.encode(), stored);
    check("part-reference.1", &part());
    let row = PartRow {
        size: ByteCount::new(5 << 20),
        stripe_bytes: 4 << 20,
        stripe_count: 2,
        codec: 1,
        data: 2,
        parity: 1,
        slots: (1..4).map(DiskId::from_u128).collect(),
        references: 2,
        created: AT,
        released: Some(8),
        buckets: Vec::new(),
    };
    check_old("part.1", &row);
    check("part.2", &PartRow { buckets: vec![BucketId::from_u128(6)], ..row });
    let (bucket, version_id) = (BucketId::from_u128(6), VersionId::new(1, 2));
    let run = ManifestRun {
        first: PartNumber::new(1),
        count: 9_999,
        part_bytes: ByteCount::new(8 << 20),
    };
    check("manifest.1", &Manifest { bucket, key: key(), version: version_id, runs: vec![run] });
    check("inline-body.1", &InlineBody { sealed: sealed(5) });
    check(
        "upload.1",
        &Upload {
            created: AT,
            initiator: Some(UserId::from_u128(5)),
            owner: None,
            storage_class: None,
            checksum: Some((ChecksumAlgorithm::Crc32c, ChecksumKind::FullObject)),
            parts: 3,
            bytes: ByteCount::new(15 << 20),
            detail: version.detail,
        },
    );
}

#[test]
fn queues_events_and_counters_are_read_as_they_were_written() {
    let kind = ReleaseKind::Manifest(ReferenceId::from_u128(4));
    check("release.1", &ReleaseEntry { at: AT, kind });
    check(
        "event.1",
        &Event {
            at: AT,
            kind: EventKind::ObjectCompleted,
            tenant: TENANT,
            bucket: Some(BucketId::from_u128(6)),
            key: Some(key()),
            version: Some(VersionName::Id(VersionId::new(1, 2))),
            size: ByteCount::new(9),
        },
    );
    check("job.1", &Job { updated: AT, state: sealed(6) });
    let disk = DiskId::from_u128;
    check(
        "disks.1",
        &Disks {
            forgotten: vec![ForgottenDisk { disk: disk(1), at: AT }],
            search: Some(DiskSearch { disk: disk(2), through: Some(PartId::from_u128(3)) }),
        },
    );
    check(
        "counters.1",
        &Counters {
            ordinal: 1,
            newest_event: Sequence::new(300),
            dropped_events: Sequence::new(2),
            release: 4,
        },
    );
}

#[test]
fn log_entries_are_read_as_they_were_written() {
    let name = BucketName::new("archives").expect("a valid name");
    let put = ObjectPut {
        bucket: BucketRef { name, id: BucketId::from_u128(6) },
        key: key(),
        version: NewVersion::empty(7, ReferenceId::from_u128(4), ETag::Md5(Md5([1; 16]))),
        condition: PutCondition::default(),
        origin: PutOrigin::Copy,
    };
    let entry = [
        Stamped { at: AT, command: Command::Nothing },
        Stamped { at: AT, command: Command::ObjectPut(Box::new(put)) },
        Stamped { at: AT, command: Command::PartForget { parts: vec![PartId::from_u128(3)] } },
    ];
    let stored = golden("log-entry.1", &Stamped::encode_entry(&entry));
    let read = Stamped::decode_entry(&stored).expect("a readable entry");
    assert_eq!(read, entry);
    assert_eq!(Stamped::encode_entry(&read), stored);

    let name = TenantName::new("mairie").expect("a valid name");
    let tenant = TenantCreate { id: TENANT, name, quota: Quota::default(), wrapped_key: sealed(1) };
    let email = EmailAddress::new("contact@mairie.example").expect("a valid address");
    let name = NamedKeyName::new("archives-2026").expect("a valid name");
    let create = NamedKeyCreate { tenant: TENANT, name: name.clone(), wrapped_key: sealed(7) };
    let rewrap = NamedKeyRewrap { tenant: TENANT, name, old: sealed(7), new: sealed(8) };
    let entry = [
        Command::TenantCreateWithEmail(TenantCreateWithEmail { tenant, email }),
        Command::NamedKeyCreate(create),
        Command::NamedKeyRewrap(rewrap),
    ]
    .map(|command| Stamped { at: AT, command });
    let stored = golden("log-entry.1.named-keys", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));

    let name = BucketName::new("archives").expect("a valid name");
    let bucket = BucketRef { name, id: BucketId::from_u128(6) };
    let clear = |from| BucketClear { bucket: bucket.clone(), from, versions: 1_000 };
    let entry = [
        Command::TenantShredded(TenantShredded { id: TENANT }),
        Command::BucketClear(clear(None)),
        Command::BucketClear(clear(Some(key()))),
    ]
    .map(|command| Stamped { at: AT, command });
    let stored = golden("log-entry.1.clearing", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));

    let command = Command::DiskForget(DiskForget { disk: DiskId::from_u128(2), rows: 1_000 });
    let entry = [Stamped { at: AT, command }];
    let stored = golden("log-entry.1.disk-forget", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));

    let (part, to) = (PartId::from_u128(3), DiskId::from_u128(2));
    let command = Command::PartCopyAdd(PartCopyAdd { part, copies: 1, to });
    let entry = [Stamped { at: AT, command }];
    let stored = golden("log-entry.1.copy-add", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));
}

#[test]
fn steps_of_parts_are_read_as_they_were_written() {
    let parts = vec![PartId::from_u128(3), PartId::from_u128(4)];
    let note = PartBucketsNote { bucket: BucketId::from_u128(6), parts };
    let step = |change| {
        let slots = vec![DiskId::from_u128(1), DiskId::from_u128(2)];
        PartStep { part: PartId::from_u128(3), slots, change }
    };
    let to = DiskId::from_u128(5);
    let moved = step(PartChange::Move { slot: FragmentNumber::new(1), to });
    let copied = PlacedCommand::PartStep(step(PartChange::Copy { to }));
    let placed = Placed { epoch: Epoch::new(7), command: copied };
    let entry = [
        Command::PartBucketsNote(note),
        Command::PartStep(moved),
        Command::Placed(Box::new(placed)),
    ]
    .map(|command| Stamped { at: AT, command });
    let stored = golden("log-entry.1.part-steps", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));
}

#[test]
fn parts_cut_anew_are_read_as_they_were_written() {
    let cut = |codec, data, slots: core::ops::Range<u128>| PartCut {
        codec,
        data,
        parity: 2,
        slots: slots.map(DiskId::from_u128).collect(),
    };
    let recut =
        PartRecut { part: PartId::from_u128(3), from: cut(1, 3, 1..6), to: cut(2, 2, 2..6) };
    let command = PlacedCommand::PartRecut(Box::new(recut.clone()));
    let placed = Placed { epoch: Epoch::new(7), command };
    let entry = [Command::PartRecut(Box::new(recut)), Command::Placed(Box::new(placed))]
        .map(|command| Stamped { at: AT, command });
    let stored = golden("log-entry.1.part-recut", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));
    assert_eq!(Stamped::encode_entry(&entry), stored);
}

const SITE: SiteId = SiteId::from_u128(21);
const NODE: NodeId = NodeId::from_u128(22);
const INVITE: InviteId = InviteId::from_u128(23);
const KEY: NodePublicKey = NodePublicKey([0x24; 32]);

fn site_name() -> SiteName {
    SiteName::new("école de musique: cave").expect("a valid name")
}

fn statement() -> SignedStatement {
    let other = NodeSignature { node: NodeId::from_u128(25), signature: Signature([0x26; 64]) };
    SignedStatement {
        bytes: StatementBytes::new(vec![1, 2, 3]),
        signed: NodeSignature { node: NODE, signature: Signature([0x27; 64]) },
        countersigned: Some(other),
        until: AT,
    }
}

fn addresses() -> Vec<NodeAddress> {
    ["ecole.example:7070", "[2001:db8::7]:7070"]
        .map(|text| NodeAddress::new(text).expect("a valid address"))
        .to_vec()
}

#[test]
fn the_site_map_is_read_as_it_was_written() {
    check("map.1", &Map { epoch: Epoch::new(300) });
    let site = Site {
        id: SITE,
        name: site_name(),
        statement: Some(statement()),
        state: SiteState::Draining { since: AT },
        joined: AT,
    };
    check("site.1", &site);
    check(
        "node.1",
        &Node {
            id: NODE,
            site: SITE,
            key: KEY,
            addresses: addresses(),
            role: NodeRole::Storage,
            disks: (1..4).map(DiskId::from_u128).collect(),
            joined: AT,
        },
    );
    check(
        "invite.1",
        &Invite {
            id: INVITE,
            key: KEY,
            role: NodeRole::Witness,
            made: AT,
            expires: AT,
            made_by: "camille".to_owned(),
            used: Some(InviteUse { node: NODE, at: AT }),
        },
    );
    let text = "permit (principal, action, resource);".to_owned();
    check("policy.1", &Policy { text, number: Epoch::new(7), set: AT });
    let through = Some(PartId::from_u128(3));
    check("site-search.1", &SiteSearch { site: SITE, epoch: Epoch::new(9), through });
}

#[test]
fn log_entries_about_the_site_map_are_read_as_they_were_written() {
    let site = SiteNew { id: SITE, name: site_name(), statement: Some(statement()) };
    let node = NodeNew {
        id: NODE,
        key: KEY,
        addresses: addresses(),
        role: NodeRole::Full,
        disks: vec![DiskId::from_u128(1)],
    };
    let join = |site| NodeJoin { invite: INVITE, site, node: node.clone() };
    let name = BucketName::new("archives").expect("a valid name");
    let bucket = BucketRef { name, id: BucketId::from_u128(6) };
    let policy = |target, text: Option<&str>| {
        Command::PolicySet(PolicySet { target, text: text.map(str::to_owned) })
    };
    let (part, to) = (PartId::from_u128(3), DiskId::from_u128(2));
    let slot_move =
        PartSlotMove { part, slot: FragmentNumber::new(1), from: DiskId::from_u128(1), to };
    let placed = |command| Command::Placed(Box::new(Placed { epoch: Epoch::new(300), command }));
    let entry = [
        Command::MapFound(Box::new(MapFound { site: site.clone(), node: node.clone() })),
        Command::InviteCreate(InviteCreate {
            id: INVITE,
            key: KEY,
            role: NodeRole::Full,
            expires: AT,
            made_by: "camille".to_owned(),
        }),
        Command::InviteRevoke(InviteRevoke { id: INVITE }),
        Command::NodeJoin(Box::new(join(SiteJoin::New(Box::new(site))))),
        Command::NodeJoin(Box::new(join(SiteJoin::Existing(SITE)))),
        Command::NodeSet(NodeSet {
            node: NODE,
            addresses: Some(addresses()),
            disks: Some(vec![DiskId::from_u128(1)]),
        }),
        Command::SiteStatementSet(Box::new(SiteStatementSet {
            site: SITE,
            name: site_name(),
            statement: statement(),
        })),
        Command::SiteDrain(SiteDrain { site: SITE, on: true }),
        Command::SiteRemove(SiteRemove { site: SITE, lost: false, rows: 1_000 }),
        policy(PolicyTarget::Cluster, Some("permit;")),
        policy(PolicyTarget::Tenant(TENANT), None),
        policy(PolicyTarget::Bucket(bucket), Some("")),
        placed(PlacedCommand::PartSlotMove(slot_move)),
        placed(PlacedCommand::PartCopyAdd(PartCopyAdd { part, copies: 1, to })),
    ]
    .map(|command| Stamped { at: AT, command });
    let stored = golden("log-entry.1.site-map", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));
    assert_eq!(Stamped::encode_entry(&entry), stored);

    let set = PolicySet { target: PolicyTarget::Cluster, text: Some("[spread]".to_owned()) };
    let entry = [Stamped { at: AT, command: placed(PlacedCommand::PolicySet(set)) }];
    let stored = golden("log-entry.1.policy-placed", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));
    assert_eq!(Stamped::encode_entry(&entry), stored);
}

fn custody_proof(answer: CustodyAnswer, verdict: CustodyVerdict) -> CustodyProof {
    let statement = CustodyStatement {
        cluster: ClusterId::from_u128(20),
        site: SITE,
        node: NODE,
        disk: DiskId::from_u128(1),
        part: PartId::from_u128(3),
        stripe: StripeNumber::new(300),
        fragment: FragmentNumber::new(4),
        start: 4_096,
        end: 8_192,
        nonce: [0x28; 32],
        epoch: Epoch::new(300),
        at: AT,
        answer,
    };
    CustodyProof {
        statement,
        signature: Signature([0x26; 64]),
        key: KEY,
        asked_by: NodeId::from_u128(25),
        asked: AT,
        due: Some([0x29; 32]),
        verdict,
    }
}

#[test]
fn what_nodes_answered_is_read_as_it_was_written() {
    let held = custody_proof(CustodyAnswer::Held([0x29; 32]), CustodyVerdict::Held);
    let failures = vec![
        custody_proof(CustodyAnswer::Missing, CustodyVerdict::Missing),
        custody_proof(CustodyAnswer::Damaged, CustodyVerdict::Damaged),
        custody_proof(CustodyAnswer::Held([0x2a; 32]), CustodyVerdict::Wrong),
        custody_proof(CustodyAnswer::Held([0x29; 32]), CustodyVerdict::Forged),
    ];
    check(
        "custody.1",
        &Custody {
            node: NODE,
            site: SITE,
            since: AT,
            held: 459,
            failed: 4,
            silent: 2,
            last: Some(held),
            failures: failures.clone(),
        },
    );
    let noted = CustodyNoted { node: NODE, held: 10, silent: 0, last: Some(held), failures };
    let command = Command::CustodyNote(CustodyNote { nodes: vec![noted] });
    let entry = [Stamped { at: AT, command }];
    let stored = golden("log-entry.1.custody", &Stamped::encode_entry(&entry));
    assert_eq!(Stamped::decode_entry(&stored).as_deref(), Ok(entry.as_slice()));
    assert_eq!(Stamped::encode_entry(&entry), stored);
    let messages: Vec<u8> =
        [CustodyAnswer::Held([0x29; 32]), CustodyAnswer::Missing, CustodyAnswer::Damaged]
            .into_iter()
            .flat_map(|answer| custody_proof(answer, CustodyVerdict::Held).statement.message())
            .collect();
    assert_eq!(golden("custody-message.1", &messages), messages, "signatures hold for ever");
}
