//! The census: every row counted, and compared with the model.

use std::collections::{BTreeMap, BTreeSet};

use core::ops::Bound;

use catalog::{
    AfterUpload, AfterVersion, Content as Stored, Found, Invite, ListAsk, Node, ObjectVersion,
    ReleaseKind, Rows, Site, Usage, VersionAsk, View,
};
use units::{BucketId, DiskId, PartId, PartNumber, ReferenceId, UploadId};

use super::map_model;
use super::model::{Bucket, Content, Model, Version};
use super::world::{TENANT, World, bucket};

/// What the rows were found to hold.
#[derive(Default)]
struct Census {
    references: BTreeMap<PartId, u32>,
    manifest_rows: usize,
    inline_rows: usize,
    upload_rows: usize,
    tenant: Usage,
}

/// Checks every invariant; the first that does not hold is told.
pub fn check(world: &World, model: &Model) -> Result<(), String> {
    let view = world.view();
    let mut census = Census::default();
    for number in 0..3 {
        let reference = bucket(number);
        let name = reference.name.as_str();
        let row = view.bucket(&reference.name).map_err(text)?;
        match (model.buckets.get(name), row) {
            (None, None) => {}
            (Some(expected), Some(row)) => {
                ensure(row.versioning == expected.versioning, || format!("{name}: versioning"))?;
                check_bucket(&view, row.id, expected, &mut census)
                    .map_err(|error| format!("{name}: {error}"))?;
            }
            (expected, row) => return Err(format!("{name}: {expected:?} but {row:?}")),
        }
    }
    ensure(view.tenant_usage(TENANT).map_err(text)? == census.tenant, || {
        "the tenant's usage is not the sum of its buckets".to_owned()
    })?;
    count_queue(&view, world, &mut census)?;
    check_parts(&view, &census)?;
    check_map(&view, world, model)?;
    check_leftovers(world, &census)
}

/// The site map is what the model says, and every slot is on it or known not to be.
fn check_map(view: &View, world: &World, model: &Model) -> Result<(), String> {
    let (map, expected) = (view.site_map().map_err(text)?, &model.map);
    ensure(map.epoch.get() == expected.epoch, || format!("epoch {}", map.epoch))?;
    let sites = map.sites.iter().map(|site| {
        let Site { name, statement, .. } = site;
        let (name, statement) = (name.to_string(), statement.clone());
        (site.id, map_model::Site { name, statement, is_draining: site.is_draining() })
    });
    ensure(sites.collect::<BTreeMap<_, _>>() == expected.sites, || format!("{:?}", map.sites))?;
    let nodes = map.nodes.iter().map(|node| {
        let Node { site, key, role, addresses, disks, .. } = node.clone();
        (node.id, map_model::Node { site, key, role, addresses, disks })
    });
    ensure(nodes.collect::<BTreeMap<_, _>>() == expected.nodes, || format!("{:?}", map.nodes))?;
    let invites = view.invites().map_err(text)?;
    let found = invites.iter().map(|invite| {
        let Invite { key, role, expires, .. } = *invite;
        let used = invite.used.map(|used| (used.node, used.at));
        (invite.id, map_model::Invite { key, role, expires, used })
    });
    ensure(found.collect::<BTreeMap<_, _>>() == expected.invites, || format!("{invites:?}"))?;
    let policies = view.policies(None, 100).map_err(text)?;
    let found = policies.iter().map(|(scope, one)| (*scope, (one.text.clone(), one.number.get())));
    ensure(found.collect::<BTreeMap<_, _>>() == expected.policies, || format!("{policies:?}"))?;
    let listed: BTreeSet<_> = map.nodes.iter().flat_map(|node| &node.disks).copied().collect();
    let rows = keys_of(world, 0x53, &[]).len();
    let each = map.nodes.iter().map(|node| node.disks.len()).sum::<usize>();
    ensure((rows, each) == (listed.len(), rows), || format!("{rows} rows of {each} disks"))?;
    if map.is_founded() {
        for (part, row) in view.parts(None, 100_000).map_err(text)? {
            let known = |disk: &DiskId| listed.contains(disk) || expected.adrift.contains(disk);
            let astray = row.slots.iter().find(|disk| !known(disk));
            ensure(astray.is_none(), || format!("part {part} lies on {astray:?}"))?;
        }
    }
    Ok(())
}

fn text(error: impl core::fmt::Display) -> String {
    error.to_string()
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn check_bucket(
    view: &View,
    id: BucketId,
    expected: &Bucket,
    census: &mut Census,
) -> Result<(), String> {
    let mut usage = Usage::default();
    let mut listed = Vec::new();
    let mut after = AfterVersion::Start;
    loop {
        let ask = ListAsk { limit: 3, ..ListAsk::default() };
        let page = view.list_versions(id, &ask, &after).map_err(text)?;
        listed.extend(page.entries);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    let mut rows = listed.iter();
    for (key, versions) in &expected.keys {
        for (position, version) in versions.iter().enumerate() {
            let Some(row) = rows.next() else { return Err(format!("{key}: {version:?} missing")) };
            let same = row.key.as_str() == key
                && row.head.version == version.id
                && row.head.name() == version.name()
                && row.head.is_delete_marker() == version.is_marker
                && row.head.size.get() == version.size
                && row.head.etag == version.etag
                && row.head.modified == version.modified
                && row.is_latest == (position == 0)
                && row.head.noncurrent_since.is_some() == (position > 0);
            ensure(same, || format!("{key}: expected {version:?}, got {row:?}"))?;
            check_version(view, id, key, version, census)?;
            if version.is_marker {
                usage.delete_markers = usage.delete_markers.next();
            } else {
                usage.objects = usage.objects.next();
                usage.bytes = usage.bytes.plus(row.head.size);
            }
        }
    }
    ensure(rows.next().is_none(), || "a version that should not be there".to_owned())?;
    count_uploads(view, id, expected, &mut usage, census)?;
    ensure(view.bucket_usage(id).map_err(text)? == usage, || {
        format!("usage {:?} but counted {usage:?}", view.bucket_usage(id))
    })?;
    let tenant = &mut census.tenant;
    tenant.objects = tenant.objects.plus(usage.objects);
    tenant.bytes = tenant.bytes.plus(usage.bytes);
    tenant.delete_markers = tenant.delete_markers.plus(usage.delete_markers);
    tenant.uploads = tenant.uploads.plus(usage.uploads);
    tenant.upload_bytes = tenant.upload_bytes.plus(usage.upload_bytes);
    Ok(())
}

fn count_uploads(
    view: &View,
    id: BucketId,
    expected: &Bucket,
    usage: &mut Usage,
    census: &mut Census,
) -> Result<(), String> {
    let ask = ListAsk { limit: 1_000, ..ListAsk::default() };
    let uploads = view.list_uploads(id, &ask, &AfterUpload::Start).map_err(text)?.entries;
    ensure(uploads.len() == expected.uploads.len(), || "another number of uploads".to_owned())?;
    for upload in uploads {
        let name = (upload.key.to_string(), upload.id);
        let Some(expected) = expected.uploads.get(&name) else {
            return Err(format!("{name:?} should not be there"));
        };
        let reference = ReferenceId::from_u128(upload.id.to_u128());
        let parts = view.manifest_parts(reference, PartNumber::ZERO, 100).map_err(text)?;
        let found: Vec<_> =
            parts.iter().map(|part| (part.number.get(), part.part, part.size.get())).collect();
        let wanted: Vec<_> =
            expected.parts.iter().map(|(number, (part, size))| (*number, *part, *size)).collect();
        ensure(found == wanted, || format!("{name:?}: parts {found:?}, not {wanted:?}"))?;
        for part in &parts {
            *census.references.entry(part.part).or_default() += 1;
            usage.upload_bytes = usage.upload_bytes.plus(part.size);
        }
        census.manifest_rows += parts.len();
        census.upload_rows += 1;
        usage.uploads = usage.uploads.next();
    }
    Ok(())
}

fn check_version(
    view: &View,
    bucket: BucketId,
    key: &str,
    expected: &Version,
    census: &mut Census,
) -> Result<(), String> {
    let stored_key = catalog::ObjectKey::new(key).map_err(text)?;
    let named = VersionAsk::Named(expected.name());
    let found = view.object(bucket, &stored_key, named).map_err(text)?;
    let version = match found {
        Found::Object(version) => version,
        Found::Marker(_) if expected.is_marker => return Ok(()),
        other => return Err(format!("{key}: {expected:?} found as {other:?}")),
    };
    let detail = &version.detail;
    let same = version.head.version == expected.id
        && detail.tags == expected.tags
        && detail.retention == expected.retention
        && detail.legal_hold == expected.legal_hold;
    ensure(same, || format!("{key}: expected {expected:?}, got {version:?}"))?;
    match (&detail.content, &expected.content) {
        (Stored::Empty, Content::Nothing) => {}
        (Stored::Inline { .. }, Content::Inline) => {
            let body = view.inline_body(detail.reference).map_err(text)?;
            ensure(body.is_some(), || format!("{key}: the inline body is missing"))?;
            census.inline_rows += 1;
        }
        (Stored::Part(part), Content::One(id)) if part.part == *id => {
            *census.references.entry(*id).or_default() += 1;
        }
        (Stored::Manifest { .. }, Content::Many(parts)) => {
            check_manifest(view, &version, parts, census)
                .map_err(|error| format!("{key}: {error}"))?;
        }
        (stored, wanted) => return Err(format!("{key}: content {stored:?}, not {wanted:?}")),
    }
    Ok(())
}

fn check_manifest(
    view: &View,
    version: &ObjectVersion,
    expected: &[(u16, PartId, u64)],
    census: &mut Census,
) -> Result<(), String> {
    let reference = version.detail.reference;
    let Some(manifest) = view.manifest(reference).map_err(text)? else {
        return Err("the manifest is missing".to_owned());
    };
    let parts = view.manifest_parts(reference, PartNumber::ZERO, 100).map_err(text)?;
    let found: Vec<_> = parts.iter().map(|p| (p.number.get(), p.part, p.size.get())).collect();
    ensure(found == expected, || format!("manifest {found:?}, not {expected:?}"))?;
    let runs: Vec<_> = manifest.parts().map(|(number, _, size)| (number, size)).collect();
    let rows: Vec<_> = parts.iter().map(|part| (part.number, part.size)).collect();
    ensure(runs == rows, || format!("runs {runs:?}, but rows {rows:?}"))?;
    for part in &parts {
        *census.references.entry(part.part).or_default() += 1;
    }
    census.manifest_rows += parts.len() + 1;
    Ok(())
}

/// Queued manifests, and uploads of deleted buckets, still hold their parts.
fn count_queue(view: &View, world: &World, census: &mut Census) -> Result<(), String> {
    let mut manifests = Vec::new();
    for (_, entry) in view.release_groups(10_000).map_err(text)? {
        match entry.kind {
            ReleaseKind::Manifest(reference) => manifests.push(reference),
            ReleaseKind::Bucket(id) => {
                for key in keys_of(world, 0x24, &id.to_bytes()) {
                    let upload = key.last_chunk::<16>().map(|id| UploadId::from_bytes(*id));
                    let Some(upload) = upload else { return Err("a short upload row".to_owned()) };
                    manifests.push(ReferenceId::from_u128(upload.to_u128()));
                    census.upload_rows += 1;
                }
            }
            ReleaseKind::Part(part) => return Err(format!("part {part} among the groups")),
        }
    }
    for reference in manifests {
        let parts = view.manifest_parts(reference, PartNumber::ZERO, 100).map_err(text)?;
        census.manifest_rows += parts.len();
        for part in parts {
            *census.references.entry(part.part).or_default() += 1;
        }
    }
    Ok(())
}

fn check_parts(view: &View, census: &Census) -> Result<(), String> {
    let mut queued: BTreeSet<PartId> = BTreeSet::new();
    for (place, entry) in view.releases(None, 100_000).map_err(text)? {
        let ReleaseKind::Part(part) = entry.kind else { return Err("not a part".to_owned()) };
        let row = view.part(part).map_err(text)?;
        ensure(row.is_some_and(|row| row.released == Some(place)), || {
            format!("part {part} is queued at {place} and does not know it")
        })?;
        queued.insert(part);
    }
    let forgotten = view.disks_forgotten().map_err(text)?;
    let mut known = 0;
    for (part, row) in view.parts(None, 100_000).map_err(text)? {
        let counted = census.references.get(&part).copied().unwrap_or(0);
        ensure(row.references == counted, || {
            format!("part {part} has {} references, counted {counted}", row.references)
        })?;
        ensure((counted == 0) == queued.contains(&part), || {
            format!("part {part} with {counted} references is queued or not, wrongly")
        })?;
        let lost = forgotten.iter().find(|one| row.slots.contains(&one.disk));
        ensure(lost.is_none(), || format!("part {part} lies on {lost:?}"))?;
        known += usize::from(counted > 0);
    }
    ensure(known == census.references.len(), || "a reference to no part".to_owned())
}

fn keys_of(world: &World, table: u8, prefix: &[u8]) -> Vec<Vec<u8>> {
    let from = [&[table], prefix].concat();
    let rows = world.rows.scan(Bound::Included(&from), Bound::Unbounded);
    let keys = rows.filter_map(|row| row.ok().map(|(key, _)| key));
    keys.take_while(|key| key.starts_with(&from)).collect()
}

fn check_leftovers(world: &World, census: &Census) -> Result<(), String> {
    let tables = [
        ("inline", 0x22, census.inline_rows),
        ("manifest", 0x23, census.manifest_rows),
        ("upload", 0x24, census.upload_rows),
    ];
    for (name, table, counted) in tables {
        let rows = keys_of(world, table, &[]).len();
        ensure(rows == counted, || format!("{rows} {name} rows, but {counted} are referred to"))?;
    }
    Ok(())
}
