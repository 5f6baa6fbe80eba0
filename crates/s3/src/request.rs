//! What is known of a request beside what it asks for: its id, where it comes
//! from, and the elements to add to its error document.
//!
//! The server puts it into the request's extensions; verbs take it out with
//! [`RequestContext::of`].

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use access::{Lane, peer_group};
use http::Extensions;
use parking_lot::Mutex;
use units::{LogIndex, TenantId};

use crate::server::{Acquaintance, Crowd, NoTurn, Taking, Turn, Turns, Upload, Work};

/// Why a body was given up, for which the answer is another than what the verb makes
/// of a broken body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// There was no memory for it.
    Crowded,
    /// It is longer than any document.
    TooLong,
    /// It is a document and does not say how long it is.
    Unmeasured,
}

/// Carried by every request from the first byte to the last.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// Shown to the client and written to the log.
    pub id: String,
    /// The other end of the socket; never what a header says.
    pub peer: SocketAddr,
    /// The connection is encrypted.
    pub secure: bool,
    details: Mutex<Vec<(&'static str, String)>>,
    too_slow: AtomicBool,
    bad_digest: OnceLock<&'static str>,
    fault: OnceLock<BodyFault>,
    body_asked: AtomicBool,
    hidden: AtomicBool,
    verb: OnceLock<&'static str>,
    work: Mutex<Work>,
    upload: Mutex<Option<Upload>>,
    acquaintance: Option<Arc<Acquaintance>>,
    /// How long the client is still waited for while others wait behind it, and who
    /// does, while memory is held for its bytes.
    share: Mutex<Option<(Duration, Crowd)>>,
    /// What it is decided as of; none if on the newest rows.
    as_of: Option<LogIndex>,
}

impl RequestContext {
    /// The context of a new request.
    pub(crate) fn new(id: String, peer: SocketAddr, secure: bool) -> Self {
        Self {
            id,
            peer,
            secure,
            details: Mutex::new(Vec::new()),
            too_slow: AtomicBool::new(false),
            bad_digest: OnceLock::new(),
            fault: OnceLock::new(),
            body_asked: AtomicBool::new(false),
            hidden: AtomicBool::new(false),
            verb: OnceLock::new(),
            work: Mutex::new(Work::None),
            upload: Mutex::new(None),
            acquaintance: None,
            share: Mutex::new(None),
            as_of: None,
        }
    }

    /// It is known who asks, and a turn was taken for it.
    pub(crate) fn work_begin(&self, turns: &Arc<Turns>, lane: Lane, turn: Turn) {
        let before = {
            let work = Work::Turn { turns: Arc::clone(turns), lane, turn };
            core::mem::replace(&mut *self.work.lock(), work)
        };
        drop(before);
    }

    /// Its body may be long in coming.
    pub(crate) fn upload_begin(&self, upload: Upload) {
        let before = self.upload.lock().replace(upload);
        drop(before);
    }

    /// Memory is held for what comes now: the client is waited for so long in all while
    /// somebody waits behind it.
    pub(crate) fn share_begin(&self, longest: Duration, crowd: Crowd) {
        *self.share.lock() = Some((longest, crowd));
    }

    /// All of it has come.
    pub(crate) fn share_end(&self) {
        *self.share.lock() = None;
    }

    /// The client was waited for; how long it still is when somebody waits behind it,
    /// and who does, if memory is held for it.
    pub(crate) fn share_left(&self, waited: Duration) -> Option<(Duration, Crowd)> {
        let mut share = self.share.lock();
        let (left, crowd) = share.as_mut()?;
        *left = left.saturating_sub(waited);
        Some((*left, crowd.clone()))
    }

    /// Came over this connection.
    pub(crate) fn of_connection(self, acquaintance: Arc<Acquaintance>) -> Self {
        Self { acquaintance: Some(acquaintance), ..self }
    }

    /// Decided as of this entry; see `server::haste`.
    pub(crate) fn deciding_as_of(self, entry: Option<LogIndex>) -> Self {
        Self { as_of: entry, ..self }
    }

    /// What it is decided as of; none if on the newest rows.
    pub(crate) const fn decided_as_of(&self) -> Option<LogIndex> {
        self.as_of
    }

    /// A key of this tenant's signed its head.
    pub(crate) fn note_known(&self, tenant: TenantId) {
        if let Some(connection) = &self.acquaintance {
            connection.known(tenant);
        }
    }

    /// The client is waited for: others may have the turn.
    pub(crate) fn work_pause(&self) {
        let turn = self.work.lock().pause();
        drop(turn);
    }

    /// The client has done its part; what to wait for, if there is no turn at once.
    pub(crate) fn work_resume(&self) -> Option<Taking> {
        self.work.lock().resume()
    }

    /// The turn that was waited for.
    pub(crate) fn work_resumed(&self, turn: Turn) {
        self.work.lock().resumed(turn);
    }

    /// Lets others that wait have the turn and the thread, in the middle of long work.
    ///
    /// Cancel-safety: whoever gives up here has given the turn back.
    pub(crate) async fn let_others(&self) -> Result<(), NoTurn> {
        if self.is_in_company() {
            self.work_pause();
            if let Some(taking) = self.work_resume() {
                self.work_resumed(taking.await?);
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Whether others ask as well.
    pub(crate) fn is_in_company(&self) -> bool {
        match &*self.work.lock() {
            Work::Turn { turns, .. } | Work::Paused { turns, .. } => turns.is_in_company(),
            Work::None => false,
        }
    }

    /// Whose request it is, as far as is known.
    pub(crate) fn lane(&self) -> Lane {
        match &*self.work.lock() {
            Work::Turn { lane, .. } | Work::Paused { lane, .. } => *lane,
            Work::None => Lane::Address(peer_group(self.peer.ip())),
        }
    }

    /// The answer's head is there; gives where further turns come from, for its body.
    pub(crate) fn work_end(&self) -> Option<(Arc<Turns>, Lane)> {
        let upload = self.upload.lock().take();
        drop(upload);
        let work = core::mem::take(&mut *self.work.lock());
        match work {
            Work::None => None,
            Work::Paused { turns, lane } => Some((turns, lane)),
            Work::Turn { turns, lane, turn } => {
                drop(turn);
                Some((turns, lane))
            }
        }
    }

    /// The context that the server put into the request.
    pub(crate) fn of(extensions: &Extensions) -> Option<&Arc<Self>> {
        extensions.get::<Arc<Self>>()
    }

    /// Adds an element to the error document, should the request end in one.
    pub(crate) fn detail(&self, name: &'static str, value: &str) {
        self.details.lock().push((name, value.to_owned()));
    }

    /// The elements added so far.
    pub(crate) fn take_details(&self) -> Vec<(&'static str, String)> {
        core::mem::take(&mut *self.details.lock())
    }

    /// The client was too slow; whatever the verb makes of the broken body, the
    /// answer says so.
    pub(crate) fn note_too_slow(&self) {
        self.too_slow.store(true, Ordering::Relaxed);
    }

    /// Whether the client was too slow.
    pub(crate) fn is_too_slow(&self) -> bool {
        self.too_slow.load(Ordering::Relaxed)
    }

    /// The body was given up.
    pub(crate) fn note_fault(&self, fault: BodyFault) {
        let _ = self.fault.set(fault);
    }

    /// Why the body was given up, if it was.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.fault.get().copied()
    }

    /// Somebody wants the body: a client that waits to be told so is told.
    pub(crate) fn note_body_asked(&self) {
        self.body_asked.store(true, Ordering::Relaxed);
    }

    /// Whether somebody wanted the body.
    pub(crate) fn is_body_asked(&self) -> bool {
        self.body_asked.load(Ordering::Relaxed)
    }

    /// The document is not the one that this digest speaks of; whatever the library
    /// makes of the broken body, the answer says so.
    pub(crate) fn note_bad_digest(&self, digest: &'static str) {
        let _ = self.bad_digest.set(digest);
    }

    /// The digest that the document does not have, if it was found to be another.
    pub(crate) fn bad_digest(&self) -> Option<&'static str> {
        self.bad_digest.get().copied()
    }

    /// The caller may not list the bucket: a missing key is told as forbidden.
    pub(crate) fn note_hidden(&self) {
        self.hidden.store(true, Ordering::Relaxed);
    }

    /// Whether a missing key is told as forbidden.
    pub(crate) fn is_hidden(&self) -> bool {
        self.hidden.load(Ordering::Relaxed)
    }

    /// The request was resolved to this verb.
    pub(crate) fn note_verb(&self, verb: &'static str) {
        let _ = self.verb.set(verb);
    }

    /// The verb, once it is known.
    pub(crate) fn verb(&self) -> &'static str {
        self.verb.get().copied().unwrap_or("none")
    }
}
