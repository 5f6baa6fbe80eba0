//! The sweep: one pass over all buckets with rules, a page at a time.
//!
//! The sweep holds no promise over what it has seen: each command carries a
//! guard, so that a version that changed since the page was read is left alone.

use catalog::command::{
    BucketRef, Cause, DeleteCondition, DeleteGuard, DeleteItem, ObjectsDelete, UploadAbort,
};
use catalog::{
    AfterUpload, AfterVersion, Bucket, BucketName, Command, Found, LifecycleExpiration,
    LifecycleRule, LifecycleRules, ListAsk, ListedVersion, ObjectKey, ObjectVersion, ReadError,
    SettingKind, VersionAsk, View,
};
use units::{Random, ReferenceId, Timestamp};

use super::Days;
use super::matching::{expires_at, matches_plain, matches_tags};
use crate::limits::{LIFECYCLE_BUCKETS_MAX, LIFECYCLE_ROWS_MAX};

/// What one step wants done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifecycleStep {
    /// To be proposed, in order; refusals need no reaction.
    pub commands: Vec<Command>,
    /// The pass is over; the next step begins a new one.
    pub finished: bool,
}

/// Where a pass stands.
#[derive(Clone, Debug, Default)]
pub struct LifecycleSweep {
    /// Buckets up to this one are done.
    done: Option<BucketName>,
    /// Where the bucket after it stands.
    inside: Option<Inside>,
}

#[derive(Clone, Debug)]
struct Inside {
    bucket: BucketName,
    versions: Option<AfterVersion>,
    uploads: AfterUpload,
    /// How many non-current versions of the last key were seen, newest first.
    newer: (String, u32),
}

/// What a step looks at everything with.
struct Glass<'a> {
    view: &'a View,
    bucket: &'a Bucket,
    rules: Vec<&'a LifecycleRule>,
    now: Timestamp,
    days: Days,
    random: &'a dyn Random,
}

impl LifecycleSweep {
    /// Looks at one more page.
    pub fn step(
        &mut self,
        view: &View,
        now: Timestamp,
        days: Days,
        random: &dyn Random,
    ) -> Result<LifecycleStep, ReadError> {
        let Some(bucket) = self.bucket(view)? else {
            let finished = self.done.is_none();
            return Ok(LifecycleStep { commands: Vec::new(), finished });
        };
        let rules = view.lifecycle(&bucket)?.unwrap_or_default();
        let rules = enabled(&rules);
        let glass = Glass { view, bucket: &bucket, rules, now, days, random };
        let mut inside = self.inside.take().unwrap_or_else(|| Inside {
            bucket: bucket.name.clone(),
            versions: Some(AfterVersion::Start),
            uploads: AfterUpload::Start,
            newer: (String::new(), 0),
        });
        let mut commands = Vec::new();
        let more = match inside.versions.take() {
            Some(after) => {
                let next = glass.versions(&after, &mut inside.newer, &mut commands)?;
                inside.versions = next;
                true
            }
            None => match glass.uploads(&inside.uploads, &mut commands)? {
                Some(next) => {
                    inside.uploads = next;
                    true
                }
                None => false,
            },
        };
        if more {
            self.inside = Some(inside);
        } else {
            self.done = Some(bucket.name.clone());
        }
        Ok(LifecycleStep { commands, finished: false })
    }

    /// The bucket that the pass is in; `None` at the end of the pass (`done` is
    /// reset) or if too many buckets without rules were passed at once.
    fn bucket(&mut self, view: &View) -> Result<Option<Bucket>, ReadError> {
        if let Some(inside) = &self.inside {
            if let Some(bucket) = view.bucket(&inside.bucket)? {
                return Ok(Some(bucket));
            }
            self.done = Some(inside.bucket.clone());
            self.inside = None;
        }
        let buckets = view.buckets(self.done.as_ref(), LIFECYCLE_BUCKETS_MAX)?;
        let all = buckets.len() < LIFECYCLE_BUCKETS_MAX;
        for bucket in buckets {
            if bucket.settings.contains(SettingKind::Lifecycle) {
                return Ok(Some(bucket));
            }
            self.done = Some(bucket.name);
        }
        if all {
            self.done = None;
        }
        Ok(None)
    }
}

fn enabled(document: &LifecycleRules) -> Vec<&LifecycleRule> {
    document.rules.iter().filter(|rule| rule.enabled).collect()
}

fn page_ask() -> ListAsk {
    ListAsk { limit: LIFECYCLE_ROWS_MAX, ..ListAsk::default() }
}

/// What is to happen to a version.
enum End {
    /// As a client's delete without a version would.
    Expire,
    /// Out for good, if the guard holds.
    Remove(DeleteGuard),
}

impl Glass<'_> {
    fn reference(&self) -> BucketRef {
        self.bucket.reference()
    }

    fn versions(
        &self,
        after: &AfterVersion,
        newer: &mut (String, u32),
        commands: &mut Vec<Command>,
    ) -> Result<Option<AfterVersion>, ReadError> {
        let acts = |rule: &&LifecycleRule| rule.expiration.is_some() || rule.noncurrent.is_some();
        if !self.rules.iter().any(acts) {
            return Ok(None);
        }
        let page = self.view.list_versions(self.bucket.id, &page_ask(), after)?;
        let mut items = Vec::new();
        for (position, listed) in page.entries.iter().enumerate() {
            if listed.is_latest || newer.0 != listed.key.as_str() {
                *newer = (listed.key.as_str().to_owned(), 0);
            }
            let behind = page.entries.get(position + 1);
            let alone = behind.is_none_or(|next| next.key != listed.key);
            if let Some(end) = self.end_of(listed, newer.1, alone)? {
                items.push(self.item(listed, &end));
            }
            if !listed.is_latest {
                newer.1 = newer.1.saturating_add(1);
            }
        }
        if !items.is_empty() {
            commands.push(Command::ObjectsDelete(ObjectsDelete {
                bucket: self.reference(),
                items,
                bypass_governance: false,
                cause: Cause::Lifecycle,
            }));
        }
        Ok(page.next)
    }

    fn end_of(
        &self,
        listed: &ListedVersion,
        newer: u32,
        alone: bool,
    ) -> Result<Option<End>, ReadError> {
        let head = &listed.head;
        let size = (!head.is_delete_marker()).then_some(head.size);
        let mut detail: Option<ObjectVersion> = None;
        for rule in &self.rules {
            if !matches_plain(&rule.filter, listed.key.as_str(), size) {
                continue;
            }
            let Some(end) = self.rule_ends(rule, listed, newer, alone) else { continue };
            let must_look = !rule.filter.tags.is_empty() || self.bucket.object_lock.is_some();
            if must_look && !head.is_delete_marker() {
                if detail.is_none() {
                    let ask = VersionAsk::Exact(head.version);
                    match self.view.object(self.bucket.id, &listed.key, ask)? {
                        Found::Object(version) => detail = Some(*version),
                        Found::Marker(_) | Found::Missing => return Ok(None),
                    }
                }
                let Some(version) = &detail else { return Ok(None) };
                if !matches_tags(&rule.filter, &version.detail.tags) {
                    continue;
                }
                if matches!(end, End::Remove(_)) && self.is_locked(version) {
                    continue;
                }
            } else if head.is_delete_marker() && !rule.filter.tags.is_empty() {
                continue;
            }
            return Ok(Some(end));
        }
        Ok(None)
    }

    fn is_locked(&self, version: &ObjectVersion) -> bool {
        version.detail.legal_hold == Some(true)
            || version.detail.retention.is_some_and(|retention| retention.binds_at(self.now))
    }

    /// Whether a rule ends a version now, filter aside.
    fn rule_ends(
        &self,
        rule: &LifecycleRule,
        listed: &ListedVersion,
        newer: u32,
        alone: bool,
    ) -> Option<End> {
        let head = &listed.head;
        if !listed.is_latest {
            let noncurrent = rule.noncurrent?;
            let since = head.noncurrent_since.unwrap_or(head.modified);
            let due = self.days.due(since, noncurrent.days) <= self.now;
            let spare = noncurrent.newer_versions.is_none_or(|kept| newer >= kept);
            return (due && spare).then_some(End::Remove(DeleteGuard::Noncurrent));
        }
        let due = expires_at(rule, head.modified, self.days).is_some_and(|at| at <= self.now);
        if !head.is_delete_marker() {
            return due.then_some(End::Expire);
        }
        let markers = rule.expiration == Some(LifecycleExpiration::ExpiredObjectDeleteMarker);
        (alone && (due || markers)).then_some(End::Remove(DeleteGuard::LoneMarker))
    }

    fn item(&self, listed: &ListedVersion, end: &End) -> DeleteItem {
        let (version, guard) = match end {
            End::Expire => (VersionAsk::Current, DeleteGuard::CurrentIs(listed.head.version)),
            End::Remove(guard) => (VersionAsk::Exact(listed.head.version), *guard),
        };
        let marker_reference = ReferenceId::draw(self.random);
        let mut random = [0_u8; 8];
        self.random.fill(&mut random);
        DeleteItem {
            key: listed.key.clone(),
            version,
            condition: DeleteCondition::default(),
            guard,
            marker_random: u64::from_be_bytes(random),
            marker_reference,
        }
    }

    fn uploads(
        &self,
        after: &AfterUpload,
        commands: &mut Vec<Command>,
    ) -> Result<Option<AfterUpload>, ReadError> {
        if !self.rules.iter().any(|rule| rule.abort_uploads_days.is_some()) {
            return Ok(None);
        }
        let page = self.view.list_uploads(self.bucket.id, &page_ask(), after)?;
        for listed in page.entries {
            if self.upload_ends(&listed.key, listed.upload.created) {
                commands.push(Command::UploadAbort(UploadAbort {
                    bucket: self.reference(),
                    key: listed.key,
                    upload: listed.id,
                }));
            }
        }
        Ok(page.next)
    }

    fn upload_ends(&self, key: &ObjectKey, created: Timestamp) -> bool {
        self.rules.iter().any(|rule| {
            matches_plain(&rule.filter, key.as_str(), None)
                && rule
                    .abort_uploads_days
                    .is_some_and(|days| self.days.due(created, days) <= self.now)
        })
    }
}
