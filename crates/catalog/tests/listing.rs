//! Listings against a plain oracle, and what they cost in rows.

use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use catalog::command::{
    BucketCreate, BucketRef, BucketVersioningSet, Cause, DeleteCondition, DeleteGuard, DeleteItem,
    NewVersion, ObjectDelete, ObjectPut, PutCondition, PutOrigin, TenantCreate,
};
use catalog::{
    After, AfterVersion, BucketName, Command, ETag, ListAsk, MemoryRows, ObjectKey, ObjectVersion,
    Quota, Row, Rows, RowsError, SealedBytes, Stamped, TenantName, VersionAsk, VersionDetail,
    VersionHead, VersionId, VersionKind, Versioning, View, apply,
};
use units::hash::Md5;
use units::{BucketId, ByteCount, Random, ReferenceId, SimRandom, TenantId, Timestamp};

const TENANT: TenantId = TenantId::from_u128(1);
const BUCKET: BucketId = BucketId::from_u128(2);

fn bucket() -> BucketRef {
    BucketRef { name: BucketName::new("bucket").expect("a valid name"), id: BUCKET }
}

fn opening() -> Vec<Command> {
    vec![
        Command::TenantCreate(TenantCreate {
            id: TENANT,
            name: TenantName::new("mairie").expect("a valid name"),
            quota: Quota::default(),
            wrapped_key: SealedBytes::default(),
        }),
        Command::BucketCreate(BucketCreate {
            id: BUCKET,
            name: bucket().name,
            tenant: TENANT,
            wrapped_key: SealedBytes::default(),
            object_lock: false,
            ownership: None,
            acl: None,
        }),
        Command::BucketVersioningSet(BucketVersioningSet {
            bucket: bucket(),
            versioning: Versioning::Enabled,
        }),
    ]
}

fn put(key: &str) -> Command {
    Command::ObjectPut(Box::new(ObjectPut {
        bucket: bucket(),
        key: ObjectKey::new(key).expect("a valid key"),
        version: NewVersion::empty(1, ReferenceId::from_u128(1), ETag::Md5(Md5([0; 16]))),
        condition: PutCondition::default(),
        origin: PutOrigin::Body,
    }))
}

fn delete(key: &str) -> Command {
    Command::ObjectDelete(ObjectDelete {
        bucket: bucket(),
        item: DeleteItem {
            key: ObjectKey::new(key).expect("a valid key"),
            version: VersionAsk::Current,
            condition: DeleteCondition::default(),
            guard: DeleteGuard::None,
            marker_random: 2,
            marker_reference: ReferenceId::from_u128(2),
        },
        bypass_governance: false,
        cause: Cause::Client,
    })
}

fn commit(rows: &mut MemoryRows, commands: Vec<Command>) {
    let stamp = |command| Stamped { at: Timestamp::EPOCH, command };
    let commands: Vec<Stamped> = commands.into_iter().map(stamp).collect();
    let applied = apply(rows, &commands).expect("rows in memory can be read");
    for outcome in applied.outcomes {
        outcome.expect("nothing here is refused");
    }
    rows.commit(applied.batch);
}

fn draw(random: &SimRandom, below: u64) -> u64 {
    let mut bytes = [0_u8; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes) % below.max(1)
}

fn word(random: &SimRandom, most: u64) -> String {
    let letters = ["a", "b", "/", "//", "é", "\0", "~"];
    let length = 1 + draw(random, most);
    let letter = |_| letters[usize::try_from(draw(random, 7)).unwrap_or(0)];
    (0..length).map(letter).collect()
}

/// What a page of the oracle holds.
type Plain = (Vec<String>, Vec<String>, bool);

/// S3's rule, word for word: filter, roll up, cut.
fn oracle(keys: &BTreeSet<String>, ask: &ListAsk, marker: &str) -> Plain {
    let mut entries = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    for key in keys.iter().filter(|key| key.as_str() > marker && key.starts_with(&ask.prefix)) {
        let delimiter = ask.delimiter.as_deref().unwrap_or("\u{10ffff}");
        let rest = &key[ask.prefix.len()..];
        let rolled = rest
            .find(delimiter)
            .map(|at| key[..ask.prefix.len() + at + delimiter.len()].to_owned());
        if rolled.as_deref() == Some(marker)
            || (rolled.is_some() && rolled == prefixes.last().cloned())
        {
            continue;
        }
        if entries.len() + prefixes.len() == ask.limit {
            return (entries, prefixes, true);
        }
        match rolled {
            Some(rolled) => prefixes.push(rolled),
            None => entries.push(key.clone()),
        }
    }
    (entries, prefixes, false)
}

#[test]
fn pages_of_current_objects_are_what_the_rule_says() {
    let random = SimRandom::seeded(5);
    for _ in 0..40 {
        let mut rows = MemoryRows::default();
        commit(&mut rows, opening());
        let mut keys = BTreeSet::new();
        for _ in 0..draw(&random, 60) {
            let key = word(&random, 5);
            commit(&mut rows, vec![put(&key)]);
            keys.insert(key);
        }
        let gone: Vec<String> = keys.iter().filter(|_| draw(&random, 4) == 0).cloned().collect();
        for key in gone {
            commit(&mut rows, vec![delete(&key)]);
            keys.remove(&key);
        }
        let view = View::new(Arc::new(rows));
        for _ in 0..40 {
            let ask = ListAsk {
                prefix: if draw(&random, 2) == 0 { String::new() } else { word(&random, 2) },
                delimiter: [None, Some("/"), Some("é"), Some("a/")]
                    [usize::try_from(draw(&random, 4)).unwrap_or(0)]
                .map(str::to_owned),
                limit: usize::try_from(1 + draw(&random, 6)).unwrap_or(1),
                rows_max: None,
            };
            let mut marker = if draw(&random, 2) == 0 { String::new() } else { word(&random, 3) };
            loop {
                let after = After::from_marker(&marker, &ask);
                let page = view.list_current(BUCKET, &ask, &after).expect("readable rows");
                let keys_shown = page.entries.iter().map(|e| e.key.to_string()).collect();
                let next = page.next.as_ref().map(|next| next.marker().to_owned());
                let shown = (keys_shown, page.prefixes, next.is_some());
                assert_eq!(shown, oracle(&keys, &ask, &marker), "{ask:?} after {marker:?}");
                match next {
                    Some(next) => marker = next,
                    None => break,
                }
            }
        }
    }
}

#[test]
fn pages_of_versions_put_together_are_all_versions() {
    let random = SimRandom::seeded(6);
    let mut rows = MemoryRows::default();
    commit(&mut rows, opening());
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..300 {
        let key = word(&random, 3);
        commit(&mut rows, vec![if draw(&random, 3) == 0 { delete(&key) } else { put(&key) }]);
        *expected.entry(key).or_default() += 1;
    }
    let view = View::new(Arc::new(rows));
    for limit in [1, 2, 7, 1_000] {
        let ask = ListAsk { limit, ..ListAsk::default() };
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let mut after = AfterVersion::Start;
        let mut last: Option<(String, u64)> = None;
        loop {
            let page = view.list_versions(BUCKET, &ask, &after).expect("readable rows");
            for entry in page.entries {
                let key = entry.key.to_string();
                let ordinal = entry.head.version.ordinal();
                let same_key = last.as_ref().is_some_and(|(before, _)| *before == key);
                assert_eq!(entry.is_latest, !same_key, "{key}");
                let in_order = last
                    .as_ref()
                    .is_none_or(|(before, newer)| *before < key || same_key && *newer > ordinal);
                assert!(in_order, "{key} {ordinal} after {last:?}");
                last = Some((key.clone(), ordinal));
                *found.entry(key).or_default() += 1;
            }
            let Some(next) = page.next else { break };
            let (key, version) = next.markers();
            after = AfterVersion::from_markers(key, version, &ask);
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    let ask = ListAsk { delimiter: Some("/".to_owned()), limit: 1_000, ..ListAsk::default() };
    let page = view.list_versions(BUCKET, &ask, &AfterVersion::Start).expect("readable rows");
    let rolled: BTreeSet<&str> =
        expected.keys().filter_map(|key| Some(&key[..=key.find('/')?])).collect();
    assert_eq!(page.prefixes.iter().map(String::as_str).collect::<BTreeSet<_>>(), rolled);
}

#[test]
fn pages_that_end_early_put_together_are_the_whole() {
    let random = SimRandom::seeded(7);
    let mut rows = MemoryRows::default();
    commit(&mut rows, opening());
    for _ in 0..300 {
        let key = word(&random, 4);
        commit(&mut rows, vec![if draw(&random, 3) == 0 { delete(&key) } else { put(&key) }]);
    }
    let view = View::new(Arc::new(rows));
    let mut early = 0;
    for delimiter in [None, Some("/"), Some("a/")] {
        let whole =
            ListAsk { delimiter: delimiter.map(str::to_owned), limit: 1_000, ..ListAsk::default() };
        for rows_max in [1, 2, 3, 7, 50] {
            let ask = ListAsk { rows_max: Some(rows_max), ..whole.clone() };
            let (mut entries, mut prefixes, mut after) = (Vec::new(), Vec::new(), After::Start);
            loop {
                let page = view.list_current(BUCKET, &ask, &after).expect("readable rows");
                assert!(page.entries.len() + page.prefixes.len() <= rows_max);
                assert_eq!(page.ended_early, page.next.is_some());
                entries.extend(page.entries);
                prefixes.extend(page.prefixes);
                let Some(next) = page.next else { break };
                (after, early) = (next, early + 1);
            }
            let page = view.list_current(BUCKET, &whole, &After::Start).expect("readable rows");
            assert_eq!((entries, prefixes), (page.entries, page.prefixes), "{rows_max} rows");

            let (mut entries, mut prefixes) = (Vec::new(), Vec::new());
            let mut after = AfterVersion::Start;
            loop {
                let page = view.list_versions(BUCKET, &ask, &after).expect("readable rows");
                assert!(page.entries.len() + page.prefixes.len() <= rows_max);
                entries.extend(page.entries);
                prefixes.extend(page.prefixes);
                let Some(next) = page.next else { break };
                (after, early) = (next, early + 1);
            }
            let page = view.list_versions(BUCKET, &whole, &AfterVersion::Start);
            let page = page.expect("readable rows");
            assert_eq!((entries, prefixes), (page.entries, page.prefixes), "{rows_max} rows");
        }
    }
    assert!(early > 1_000, "pages ended early {early} times");
}

/// A bucket of a million keys that exist only while they are looked at.
struct Million {
    reads: AtomicUsize,
    seeks: AtomicUsize,
    row: Vec<u8>,
}

const KEYS: usize = 1_000_000;

fn key_of(position: usize) -> Vec<u8> {
    let name = match position {
        0 => "a".to_owned(),
        KEYS.. => "z".to_owned(),
        _ => format!("big/{position:07}"),
    };
    [&[0x20], &BUCKET.to_bytes()[..], name.as_bytes()].concat()
}

impl Million {
    fn new() -> Self {
        let version = ObjectVersion {
            head: VersionHead {
                version: VersionId::new(1, 1),
                is_null: true,
                kind: VersionKind::Object,
                modified: Timestamp::from_seconds(1_700_000_000),
                size: ByteCount::new(4_096),
                etag: ETag::Md5(Md5([7; 16])),
                storage_class: None,
                owner: None,
                checksum: None,
                noncurrent_since: None,
                null_noncurrent: None,
            },
            detail: VersionDetail::empty(ReferenceId::from_u128(1)),
        };
        Self { reads: AtomicUsize::new(0), seeks: AtomicUsize::new(0), row: version.encode() }
    }
}

impl Rows for Million {
    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Ok(None)
    }

    fn scan<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        self.seeks.fetch_add(1, Ordering::SeqCst);
        let (mut low, mut high) = (0, KEYS + 1);
        while low < high {
            let middle = usize::midpoint(low, high);
            let before = match from {
                Bound::Included(from) => key_of(middle).as_slice() < from,
                Bound::Excluded(from) => key_of(middle).as_slice() <= from,
                Bound::Unbounded => false,
            };
            if before { low = middle + 1 } else { high = middle }
        }
        let end = match to {
            Bound::Included(to) | Bound::Excluded(to) => Some(to.to_vec()),
            Bound::Unbounded => None,
        };
        let rows = (low..=KEYS).map(key_of);
        let rows = rows.take_while(move |key| end.as_ref().is_none_or(|end| key < end));
        Box::new(rows.map(|key| {
            self.reads.fetch_add(1, Ordering::SeqCst);
            Ok((key, self.row.clone()))
        }))
    }

    fn scan_back<'a>(
        &'a self,
        _: Bound<&[u8]>,
        _: Bound<&[u8]>,
    ) -> Box<dyn Iterator<Item = Result<Row, RowsError>> + 'a> {
        Box::new(core::iter::empty())
    }
}

#[test]
fn a_million_keys_below_a_common_prefix_are_one_seek() {
    let rows = Arc::new(Million::new());
    let view = View::new(rows.clone());
    let ask = ListAsk { delimiter: Some("/".to_owned()), limit: 1_000, ..ListAsk::default() };
    let page = view.list_current(BUCKET, &ask, &After::Start).expect("readable rows");
    assert_eq!(page.entries.len(), 2);
    assert_eq!(page.prefixes, ["big/"]);
    assert_eq!(page.next, None);
    let (reads, seeks) = (rows.reads.load(Ordering::SeqCst), rows.seeks.load(Ordering::SeqCst));
    assert!(reads <= 8 && seeks == 2, "{reads} rows read after {seeks} seeks");
}

#[test]
fn a_page_reads_no_more_than_it_shows() {
    let rows = Arc::new(Million::new());
    let view = View::new(rows.clone());
    let ask = ListAsk { prefix: "big/0500".to_owned(), limit: 1_000, ..ListAsk::default() };
    let after = After::Key("big/0500499".to_owned());
    let page = view.list_current(BUCKET, &ask, &after).expect("readable rows");
    assert_eq!(page.entries.len(), 500);
    assert_eq!(page.entries[0].key.as_str(), "big/0500500");
    let (reads, seeks) = (rows.reads.load(Ordering::SeqCst), rows.seeks.load(Ordering::SeqCst));
    assert!(reads == 500 && seeks == 1, "{reads} rows read after {seeks} seeks");
}
