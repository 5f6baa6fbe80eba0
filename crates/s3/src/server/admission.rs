//! Who is let in, how fast, and when it is their turn.
//!
//! | what | for whom | answer when it is too much |
//! |---|---|---|
//! | wrong signatures | an address, but loopback | `AccessDenied`, before anything is looked at |
//! | rates (off unless set) | an access key, a tenant | `SlowDown`, with `Retry-After` |
//! | rate of unsigned requests | an address | `SlowDown`, with `Retry-After` |
//! | uploads under way | a tenant | `SlowDown`: the object path has room for a few more than one may have |
//! | requests at once | all, fairly among tenants | they wait; then `SlowDown` |
//! | documents and signed chunks in memory | a tenant, and all | they wait; then `SlowDown` |
//!
//! **Invariant**: without rates and bans, a request costs no lock here but that of
//! its own work; with them, the lock of one shard.

use core::hash::{Hash, Hasher};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::hash::DefaultHasher;
use std::net::IpAddr;
use std::sync::Arc;

use access::limits::RATE_ENTRIES_MAX;
use access::{Caller, Lane, RateKey, RateLimiter, Rates, SignatureBans, peer_group};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use units::Clock;

use super::gathering::Gathering;
use super::settings::Bounds;
use super::turns::Turns;
use crate::limits::{RATE_SHARDS, UPLOADS_PER_TENANT_MAX};
use crate::request::RequestContext;

/// Requests that were told to slow down, by why.
const SLOWED: &str = "essaim_s3_slowed_requests_total";

/// Addresses that were shut out for wrong signatures.
const BANS: &str = "essaim_s3_address_bans_total";

/// How long a client is told to wait when there was no turn for it.
const NO_TURN_RETRY: Duration = Duration::from_secs(1);

/// Lets requests in; shared by all connections.
pub(crate) struct Admission {
    clock: Arc<dyn Clock>,
    rates: Rates,
    shards: Vec<Mutex<RateLimiter>>,
    uploads: Vec<Arc<Mutex<HashMap<Lane, usize>>>>,
    bans: Mutex<SignatureBans>,
    any_failed: AtomicBool,
    turns: Arc<Turns>,
    gathering: Arc<Gathering>,
}

impl Admission {
    /// Nobody has asked yet.
    pub(crate) fn new(clock: Arc<dyn Clock>, rates: Rates, bounds: Bounds) -> Self {
        let shard = || Mutex::new(RateLimiter::bounded(rates, RATE_ENTRIES_MAX / RATE_SHARDS));
        Self {
            clock,
            rates,
            shards: (0..RATE_SHARDS).map(|_| shard()).collect(),
            uploads: (0..RATE_SHARDS).map(|_| Arc::default()).collect(),
            bans: Mutex::new(SignatureBans::new(bounds.wrong_signatures)),
            any_failed: AtomicBool::new(false),
            turns: Turns::new(bounds.requests_at_once, bounds.requests_at_once_shared),
            gathering: Gathering::new(),
        }
    }

    /// The memory for documents and signed chunks.
    pub(crate) fn gathering(&self) -> &Arc<Gathering> {
        &self.gathering
    }

    /// Refuses an address that is shut out, before anything is looked at.
    pub(crate) fn check_ban(&self, address: IpAddr) -> S3Result {
        if !self.any_failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Some(left) = self.bans.lock().banned(address, self.clock.elapsed()) else {
            return Ok(());
        };
        let seconds = left.as_secs().max(1);
        let mut error = S3Error::with_message(
            S3ErrorCode::AccessDenied,
            format!("Too many wrong signatures came from your address; come back in {seconds} s"),
        );
        error.set_status_code(StatusCode::FORBIDDEN);
        error.set_headers(retry_after(left));
        Err(error)
    }

    /// An answer with this error code went to this address.
    pub(crate) fn note_refusal(&self, code: &str, address: IpAddr) {
        if !matches!(code, "SignatureDoesNotMatch" | "InvalidAccessKeyId") {
            return;
        }
        self.any_failed.store(true, Ordering::Relaxed);
        if let Some(ban) = self.bans.lock().failed(address, self.clock.elapsed()) {
            metrics::counter!(BANS).increment(1);
            tracing::warn!(
                peer = %address,
                seconds = ban.as_secs(),
                "an address is shut out for a while: too many wrong signatures"
            );
        }
    }

    /// Lets a request in once it is known who asks: at its rate, in its turn.
    pub(crate) async fn admit(&self, caller: &Caller, context: &RequestContext) -> S3Result {
        let lane = lane_of(caller, context);
        self.check_rates(caller, lane)?;
        let Ok(turn) = self.turns.take(lane).await else {
            metrics::counter!(SLOWED, "why" => "turn").increment(1);
            return Err(slow_down(NO_TURN_RETRY));
        };
        context.work_begin(&self.turns, lane, turn);
        Ok(())
    }

    /// Counts an upload whose body may be long in coming; given back when dropped.
    pub(crate) fn upload(&self, caller: &Caller, context: &RequestContext) -> S3Result<Upload> {
        let lane = lane_of(caller, context);
        let Some(shard) = self.uploads.get(shard_of(lane)) else {
            return Err(s3_error!(InternalError));
        };
        let mut uploads = shard.lock();
        let count = uploads.entry(lane).or_insert(0);
        if *count >= UPLOADS_PER_TENANT_MAX {
            drop(uploads);
            metrics::counter!(SLOWED, "why" => "uploads").increment(1);
            return Err(slow_down(NO_TURN_RETRY));
        }
        *count += 1;
        drop(uploads);
        Ok(Upload { lane, uploads: Arc::clone(shard) })
    }

    fn check_rates(&self, caller: &Caller, lane: Lane) -> S3Result {
        let mut keys = Vec::new();
        match (caller.identity(), lane) {
            (Some(identity), _) => {
                if self.rates.access_key.is_some() {
                    keys.push(RateKey::AccessKey(identity.access_key.clone()));
                }
                if self.rates.tenant.is_some() {
                    keys.push(RateKey::Tenant(identity.tenant));
                }
            }
            (None, Lane::Address(address)) if self.rates.address.is_some() => {
                keys.push(RateKey::Address(address));
            }
            (None, _) => {}
        }
        if keys.is_empty() {
            return Ok(());
        }
        // All that one request counts for is in one shard: a key is of one tenant.
        let Some(shard) = self.shards.get(shard_of(lane)) else { return Ok(()) };
        let admitted = shard.lock().admit(&keys, self.clock.elapsed());
        admitted.map_err(|too_fast| {
            metrics::counter!(SLOWED, "why" => "rate").increment(1);
            slow_down(too_fast.retry_after)
        })
    }
}

/// A request whose body found no memory is told to slow down: what it is told besides.
pub(super) fn crowded() -> HeaderMap {
    metrics::counter!(SLOWED, "why" => "memory").increment(1);
    retry_after(NO_TURN_RETRY)
}

/// One of the uploads that a tenant has under way.
#[derive(Debug)]
pub(crate) struct Upload {
    lane: Lane,
    uploads: Arc<Mutex<HashMap<Lane, usize>>>,
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut uploads = self.uploads.lock();
        if let Some(count) = uploads.get_mut(&self.lane) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                uploads.remove(&self.lane);
            }
        }
    }
}

fn lane_of(caller: &Caller, context: &RequestContext) -> Lane {
    match caller.identity() {
        Some(identity) => Lane::Tenant(identity.tenant),
        None => Lane::Address(peer_group(context.peer.ip())),
    }
}

fn shard_of(lane: Lane) -> usize {
    let mut hasher = DefaultHasher::new();
    lane.hash(&mut hasher);
    usize::try_from(hasher.finish() % RATE_SHARDS as u64).unwrap_or(0)
}

fn slow_down(after: Duration) -> S3Error {
    let mut error = s3_error!(SlowDown, "Please reduce your request rate.");
    error.set_headers(retry_after(after));
    error
}

/// `Retry-After`, in whole seconds and at least one (RFC 9110 §10.2.3).
fn retry_after(after: Duration) -> HeaderMap {
    let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).max(1);
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    headers
}
