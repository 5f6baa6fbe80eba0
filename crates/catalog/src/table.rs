//! Row keys: a table byte, then components whose byte order is their order.
//!
//! ```text
//! T tenant          01 | tenant
//! tenant_name       02 | name                                -> tenant id
//! user              03 | tenant | name
//! key               04 | access key id
//! tenant_key        05 | tenant | access key id              -> nothing
//! named_key         06 | tenant | name
//! tenant_email      07 | e-mail address                      -> tenant id
//! bucket            10 | name
//! tenant_bucket     11 | tenant | name                       -> nothing
//! setting           12 | bucket | kind
//! usage             13 | 'b' bucket, or 't' tenant
//! current           20 | bucket | key
//! noncurrent        21 | bucket | escaped key 00 00 | ordinal, inverted
//! inline            22 | reference
//! manifest          23 | reference | part number (0: the head)
//! upload            24 | bucket | escaped key 00 00 | upload
//! part              30 | part
//! release           31 | place                               parts
//! release_group     32 | place                               manifests and buckets
//! event             40 | sequence
//! job               41 | name
//! counters          42
//! disks             43
//! site_search       44
//! map               50
//! site              51 | site
//! node              52 | node
//! map_disk          53 | disk                                -> node id
//! invite            54 | invite
//! policy            55 | 'c' cluster, or 't' tenant, or 'b' bucket
//! custody           56 | node
//! ```
//! Ids are 16 bytes, numbers big-endian. In an escaped key a zero byte is
//! written `00 ff`, so that the terminator `00 00` sorts before any
//! continuation: the order of escaped keys is the byte order of keys, which is
//! the order S3 lists in. `current` needs no escape since the key comes last.

use units::{
    BucketId, DiskId, InviteId, NodeId, PartId, PartNumber, ReferenceId, Sequence, SiteId,
    TenantId, UploadId,
};

use crate::name::{
    AccessKeyId, BucketName, EmailAddress, JobName, NamedKeyName, ObjectKey, TenantName, UserName,
    VersionId,
};
use crate::record::{Damaged, PolicyScope, SettingKind};

pub(crate) const TENANT: u8 = 0x01;
pub(crate) const TENANT_NAME: u8 = 0x02;
pub(crate) const USER: u8 = 0x03;
pub(crate) const KEY: u8 = 0x04;
pub(crate) const TENANT_KEY: u8 = 0x05;
pub(crate) const NAMED_KEY: u8 = 0x06;
pub(crate) const TENANT_EMAIL: u8 = 0x07;
pub(crate) const BUCKET: u8 = 0x10;
pub(crate) const TENANT_BUCKET: u8 = 0x11;
pub(crate) const SETTING: u8 = 0x12;
pub(crate) const USAGE: u8 = 0x13;
pub(crate) const CURRENT: u8 = 0x20;
pub(crate) const NONCURRENT: u8 = 0x21;
pub(crate) const INLINE: u8 = 0x22;
pub(crate) const MANIFEST: u8 = 0x23;
pub(crate) const UPLOAD: u8 = 0x24;
pub(crate) const PART: u8 = 0x30;
pub(crate) const RELEASE: u8 = 0x31;
pub(crate) const RELEASE_GROUP: u8 = 0x32;
pub(crate) const EVENT: u8 = 0x40;
pub(crate) const JOB: u8 = 0x41;
pub(crate) const COUNTERS: u8 = 0x42;
pub(crate) const DISKS: u8 = 0x43;
pub(crate) const SITE_SEARCH: u8 = 0x44;
pub(crate) const MAP: u8 = 0x50;
pub(crate) const SITE: u8 = 0x51;
pub(crate) const NODE: u8 = 0x52;
pub(crate) const MAP_DISK: u8 = 0x53;
pub(crate) const INVITE: u8 = 0x54;
pub(crate) const POLICY: u8 = 0x55;
pub(crate) const CUSTODY: u8 = 0x56;

/// Whether a row is of the directory: tenants, users, access keys, buckets and
/// their settings; and the site map with invitations and policies. These rows are read
/// for every request and change seldom.
pub fn is_directory(key: &[u8]) -> bool {
    let is_directory = |table| (TENANT..=SETTING).contains(table) || (MAP..=POLICY).contains(table);
    key.first().is_some_and(is_directory)
}

/// Whether a row says which sites, nodes and disks there are, or is an invitation.
pub fn is_site_map(key: &[u8]) -> bool {
    key.first().is_some_and(|table| (MAP..=INVITE).contains(table))
}

fn join(table: u8, components: &[&[u8]]) -> Vec<u8> {
    let length: usize = components.iter().map(|component| component.len()).sum();
    let mut key = Vec::with_capacity(1 + length);
    key.push(table);
    for component in components {
        key.extend_from_slice(component);
    }
    key
}

/// Appends a key so that its end sorts before any continuation.
fn push_escaped(to: &mut Vec<u8>, key: &[u8]) {
    push_escaped_prefix(to, key);
    to.extend_from_slice(&[0, 0]);
}

fn push_escaped_prefix(to: &mut Vec<u8>, key: &[u8]) {
    for byte in key {
        to.push(*byte);
        if *byte == 0 {
            to.push(0xff);
        }
    }
}

/// Takes an escaped key off the front; gives the key and what follows it.
pub(crate) fn take_escaped(mut from: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut key = Vec::with_capacity(from.len());
    loop {
        match from {
            [0, 0, rest @ ..] => return Some((key, rest)),
            [0, 0xff, rest @ ..] => {
                key.push(0);
                from = rest;
            }
            [0, ..] | [] => return None,
            [byte, rest @ ..] => {
                key.push(*byte);
                from = rest;
            }
        }
    }
}

/// The first key after every key that starts with `prefix`; `None` if there is none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < 0xff {
            *last += 1;
            return Some(end);
        }
        end.pop();
    }
    None
}

pub(crate) fn tenant(id: TenantId) -> Vec<u8> {
    join(TENANT, &[&id.to_bytes()])
}

pub(crate) fn tenant_name(name: &TenantName) -> Vec<u8> {
    join(TENANT_NAME, &[name.as_str().as_bytes()])
}

pub(crate) fn user(tenant: TenantId, name: &UserName) -> Vec<u8> {
    join(USER, &[&tenant.to_bytes(), name.as_str().as_bytes()])
}

pub(crate) fn users(tenant: TenantId) -> Vec<u8> {
    join(USER, &[&tenant.to_bytes()])
}

pub(crate) fn key(id: &AccessKeyId) -> Vec<u8> {
    join(KEY, &[id.as_str().as_bytes()])
}

pub(crate) fn tenant_key(tenant: TenantId, id: &AccessKeyId) -> Vec<u8> {
    join(TENANT_KEY, &[&tenant.to_bytes(), id.as_str().as_bytes()])
}

pub(crate) fn tenant_keys(tenant: TenantId) -> Vec<u8> {
    join(TENANT_KEY, &[&tenant.to_bytes()])
}

pub(crate) fn named_key(tenant: TenantId, name: &NamedKeyName) -> Vec<u8> {
    join(NAMED_KEY, &[&tenant.to_bytes(), name.as_str().as_bytes()])
}

pub(crate) fn named_keys(tenant: TenantId) -> Vec<u8> {
    join(NAMED_KEY, &[&tenant.to_bytes()])
}

pub(crate) fn tenant_email(email: &EmailAddress) -> Vec<u8> {
    join(TENANT_EMAIL, &[email.as_str().as_bytes()])
}

pub(crate) fn bucket(name: &BucketName) -> Vec<u8> {
    join(BUCKET, &[name.as_str().as_bytes()])
}

pub(crate) fn tenant_bucket(tenant: TenantId, name: &BucketName) -> Vec<u8> {
    join(TENANT_BUCKET, &[&tenant.to_bytes(), name.as_str().as_bytes()])
}

pub(crate) fn tenant_buckets(tenant: TenantId) -> Vec<u8> {
    join(TENANT_BUCKET, &[&tenant.to_bytes()])
}

pub(crate) fn setting(bucket: BucketId, kind: SettingKind) -> Vec<u8> {
    join(SETTING, &[&bucket.to_bytes(), &[kind.number()]])
}

pub(crate) fn bucket_usage(bucket: BucketId) -> Vec<u8> {
    join(USAGE, &[b"b", &bucket.to_bytes()])
}

pub(crate) fn tenant_usage(tenant: TenantId) -> Vec<u8> {
    join(USAGE, &[b"t", &tenant.to_bytes()])
}

pub(crate) fn current(bucket: BucketId, key: &ObjectKey) -> Vec<u8> {
    current_prefix(bucket, key.as_str())
}

pub(crate) fn current_prefix(bucket: BucketId, prefix: &str) -> Vec<u8> {
    join(CURRENT, &[&bucket.to_bytes(), prefix.as_bytes()])
}

/// How many bytes of a `current` row key come before the object key.
pub(crate) const CURRENT_KEY_AT: usize = 17;

pub(crate) fn noncurrent(bucket: BucketId, key: &ObjectKey, version: VersionId) -> Vec<u8> {
    let mut row = noncurrent_of(bucket, key);
    row.extend_from_slice(&(!version.ordinal()).to_be_bytes());
    row
}

pub(crate) fn noncurrent_of(bucket: BucketId, key: &ObjectKey) -> Vec<u8> {
    let mut row = join(NONCURRENT, &[&bucket.to_bytes()]);
    push_escaped(&mut row, key.as_str().as_bytes());
    row
}

pub(crate) fn noncurrent_prefix(bucket: BucketId, prefix: &str) -> Vec<u8> {
    let mut row = join(NONCURRENT, &[&bucket.to_bytes()]);
    push_escaped_prefix(&mut row, prefix.as_bytes());
    row
}

pub(crate) fn inline(reference: ReferenceId) -> Vec<u8> {
    join(INLINE, &[&reference.to_bytes()])
}

pub(crate) fn manifest(reference: ReferenceId) -> Vec<u8> {
    manifest_part(reference, PartNumber::ZERO)
}

pub(crate) fn manifest_part(reference: ReferenceId, number: PartNumber) -> Vec<u8> {
    join(MANIFEST, &[&reference.to_bytes(), &number.get().to_be_bytes()])
}

pub(crate) fn manifest_rows(reference: ReferenceId) -> Vec<u8> {
    join(MANIFEST, &[&reference.to_bytes()])
}

pub(crate) fn upload(bucket: BucketId, key: &ObjectKey, upload: UploadId) -> Vec<u8> {
    let mut row = join(UPLOAD, &[&bucket.to_bytes()]);
    push_escaped(&mut row, key.as_str().as_bytes());
    row.extend_from_slice(&upload.to_bytes());
    row
}

pub(crate) fn uploads_of(bucket: BucketId, key: &str) -> Vec<u8> {
    let mut row = join(UPLOAD, &[&bucket.to_bytes()]);
    push_escaped(&mut row, key.as_bytes());
    row
}

pub(crate) fn upload_prefix(bucket: BucketId, prefix: &str) -> Vec<u8> {
    let mut row = join(UPLOAD, &[&bucket.to_bytes()]);
    push_escaped_prefix(&mut row, prefix.as_bytes());
    row
}

pub(crate) fn part(id: PartId) -> Vec<u8> {
    join(PART, &[&id.to_bytes()])
}

/// The part whose row this is the key of.
pub(crate) fn part_of(key: &[u8]) -> Result<PartId, Damaged> {
    let id = key.get(1..).and_then(|id| <[u8; 16]>::try_from(id).ok());
    id.map(PartId::from_bytes).ok_or(Damaged { kind: "part" })
}

pub(crate) fn release(place: u64) -> Vec<u8> {
    join(RELEASE, &[&place.to_be_bytes()])
}

pub(crate) fn release_group(place: u64) -> Vec<u8> {
    join(RELEASE_GROUP, &[&place.to_be_bytes()])
}

pub(crate) fn uploads(bucket: BucketId) -> Vec<u8> {
    join(UPLOAD, &[&bucket.to_bytes()])
}

pub(crate) fn event(sequence: Sequence) -> Vec<u8> {
    join(EVENT, &[&sequence.get().to_be_bytes()])
}

pub(crate) fn job(name: &JobName) -> Vec<u8> {
    join(JOB, &[name.as_str().as_bytes()])
}

pub(crate) fn counters() -> Vec<u8> {
    vec![COUNTERS]
}

pub(crate) fn disks() -> Vec<u8> {
    vec![DISKS]
}

pub(crate) fn site_search() -> Vec<u8> {
    vec![SITE_SEARCH]
}

pub(crate) fn map() -> Vec<u8> {
    vec![MAP]
}

pub(crate) fn site(id: SiteId) -> Vec<u8> {
    join(SITE, &[&id.to_bytes()])
}

pub(crate) fn node(id: NodeId) -> Vec<u8> {
    join(NODE, &[&id.to_bytes()])
}

pub(crate) fn map_disk(id: DiskId) -> Vec<u8> {
    join(MAP_DISK, &[&id.to_bytes()])
}

pub(crate) fn invite(id: InviteId) -> Vec<u8> {
    join(INVITE, &[&id.to_bytes()])
}

pub(crate) fn custody(id: NodeId) -> Vec<u8> {
    join(CUSTODY, &[&id.to_bytes()])
}

pub(crate) fn policy(scope: PolicyScope) -> Vec<u8> {
    match scope {
        PolicyScope::Cluster => join(POLICY, &[b"c"]),
        PolicyScope::Tenant(id) => join(POLICY, &[b"t", &id.to_bytes()]),
        PolicyScope::Bucket(id) => join(POLICY, &[b"b", &id.to_bytes()]),
    }
}

/// For what the policy holds whose row this is the key of.
pub(crate) fn policy_of(key: &[u8]) -> Result<PolicyScope, Damaged> {
    let damaged = Damaged { kind: "placement policy" };
    let (kind, id) = key.get(1..).and_then(<[u8]>::split_first).ok_or(damaged)?;
    match (kind, <[u8; 16]>::try_from(id)) {
        (b'c', _) if id.is_empty() => Ok(PolicyScope::Cluster),
        (b't', Ok(id)) => Ok(PolicyScope::Tenant(TenantId::from_bytes(id))),
        (b'b', Ok(id)) => Ok(PolicyScope::Bucket(BucketId::from_bytes(id))),
        _ => Err(damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_keys_keep_their_order() {
        let keys = ["a", "a\0", "a\0b", "a\u{1}", "a/", "ab", "b", "é"];
        let escaped: Vec<Vec<u8>> = keys
            .iter()
            .map(|key| {
                let mut row = Vec::new();
                push_escaped(&mut row, key.as_bytes());
                row
            })
            .collect();
        assert!(escaped.is_sorted(), "{escaped:?}");
        for (key, row) in keys.iter().zip(&escaped) {
            let (taken, rest) = take_escaped(row).expect("an escaped key");
            assert_eq!((taken.as_slice(), rest), (key.as_bytes(), &[][..]));
        }
        assert_eq!(take_escaped(b"abc"), None);
        assert_eq!(take_escaped(b"abc\0"), None);
        assert_eq!(take_escaped(b"abc\0\x01"), None);
    }

    #[test]
    fn after_prefix_skips_exactly_the_prefix() {
        assert_eq!(after_prefix(b"a/"), Some(b"a0".to_vec()));
        assert_eq!(after_prefix(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(after_prefix(b"\xff\xff"), None);
        assert_eq!(after_prefix(b""), None);
    }
}
