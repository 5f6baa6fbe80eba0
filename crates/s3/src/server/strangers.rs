//! Strangers: connections over which no request of a key has come yet.
//!
//! Whoever reaches the port may open them, and what they keep (a head, the fields of a
//! form) is kept before anything is known of them. A quarter of all places is theirs
//! and nobody else's; one stranger more cuts another, so that who has no key neither
//! shuts out who has one nor grows the node. Who has one has the other places, but no
//! tenant more than half of all: what goes beyond stays a stranger.
//!
//! A link or a form that somebody else signed makes nobody known: it may be public.
//!
//! **Invariants**
//! - Who was made known is never cut, and there are never more of them than the places
//!   that are not the strangers'; so a newcomer always finds somebody to cut or room.
//! - The one that is cut is of the address that has most strangers, and among those the
//!   one that was served longest ago: a flood from one address cuts itself.
//! - None is cut within [`STRANGER_SPARED`] of being served or coming: that is the time
//!   a client has for its first signed head, and whoever comes waits for it.

use core::num::NonZeroUsize;
use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use access::peer_group;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use units::TenantId;

use crate::limits::{STRANGER_SPARED, STRANGERS_MIN, STRANGERS_PART};

/// Connections cut since there were too many of their kind.
const CUT: &str = "essaim_s3_strangers_cut_total";

/// Who is connected, known or not; shared by all connections.
#[derive(Clone, Debug)]
pub(crate) struct Strangers {
    crowd: Arc<Mutex<Crowd>>,
}

#[derive(Debug)]
struct Crowd {
    places: Places,
    next: u64,
    count: usize,
    /// By address, in the order in which they were served last.
    strangers: HashMap<IpAddr, BTreeMap<u64, Stranger>>,
    known: usize,
    known_of: HashMap<TenantId, usize>,
}

/// Most connections of each kind.
#[derive(Clone, Copy, Debug)]
struct Places {
    strangers: usize,
    known: usize,
    known_of_one: usize,
}

#[derive(Debug)]
struct Stranger {
    cut: CancellationToken,
    served: Instant,
}

/// A connection, for what is to be known of whoever is at its other end.
#[derive(Debug)]
pub(crate) struct Acquaintance {
    strangers: Strangers,
    address: IpAddr,
    standing: Mutex<Standing>,
    cut: CancellationToken,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    /// With a place in the line of its address.
    Stranger(u64),
    Known(TenantId),
}

impl Strangers {
    /// Nobody yet, of so many connections in all.
    pub(crate) fn new(connections: NonZeroUsize) -> Self {
        let all = connections.get();
        let kept = (all / STRANGERS_PART).max(1);
        let places = Places {
            strangers: kept.max(STRANGERS_MIN.min(all)),
            known: (all - kept).max(1),
            known_of_one: (all / 2).max(1),
        };
        let crowd = Crowd {
            places,
            next: 0,
            count: 0,
            strangers: HashMap::new(),
            known: 0,
            known_of: HashMap::new(),
        };
        Self { crowd: Arc::new(Mutex::new(crowd)) }
    }

    /// A connection from this address.
    pub(crate) fn enter(&self, address: IpAddr) -> Arc<Acquaintance> {
        let address = peer_group(address);
        let cut = CancellationToken::new();
        let place = self.crowd.lock().append(address, cut.clone());
        let standing = Mutex::new(Standing::Stranger(place));
        Arc::new(Acquaintance { strangers: self.clone(), address, standing, cut })
    }

    /// Whether there are as many strangers as there may be.
    pub(crate) fn are_many(&self) -> bool {
        let crowd = self.crowd.lock();
        crowd.count >= crowd.places.strangers
    }

    /// Cuts a stranger, as soon as one may be; there may be none.
    pub(crate) async fn cut_one(&self) {
        loop {
            let spared = match self.crowd.lock().cut(Instant::now()) {
                Ok(()) => return,
                Err(spared) => spared,
            };
            tokio::time::sleep(spared).await;
        }
    }
}

impl Crowd {
    fn append(&mut self, address: IpAddr, cut: CancellationToken) -> u64 {
        let place = self.next;
        self.next += 1;
        self.count += 1;
        let stranger = Stranger { cut, served: Instant::now() };
        self.strangers.entry(address).or_default().insert(place, stranger);
        place
    }

    fn remove(&mut self, address: IpAddr, place: u64) -> Option<CancellationToken> {
        let line = self.strangers.get_mut(&address)?;
        let found = line.remove(&place)?;
        if line.is_empty() {
            self.strangers.remove(&address);
        }
        self.count -= 1;
        Some(found.cut)
    }

    /// Cuts the one that was served longest ago of the address that has most; or says
    /// how long that one is spared.
    fn cut(&mut self, now: Instant) -> Result<(), Duration> {
        let most = self.strangers.iter().max_by_key(|(_, line)| line.len());
        let Some((&address, line)) = most else { return Ok(()) };
        let Some((&place, oldest)) = line.first_key_value() else { return Ok(()) };
        let age = now.saturating_duration_since(oldest.served);
        if let Some(spared) = STRANGER_SPARED.checked_sub(age).filter(|left| !left.is_zero()) {
            return Err(spared);
        }
        if let Some(cut) = self.remove(address, place) {
            metrics::counter!(CUT).increment(1);
            cut.cancel();
        }
        Ok(())
    }

    /// A place among the known, if the tenant may have one more.
    fn know(&mut self, tenant: TenantId) -> bool {
        let own = self.known_of.get(&tenant).copied().unwrap_or(0);
        if self.known >= self.places.known || own >= self.places.known_of_one {
            return false;
        }
        self.known += 1;
        self.known_of.insert(tenant, own + 1);
        true
    }

    fn forget(&mut self, tenant: TenantId) {
        self.known -= 1;
        if let Some(own) = self.known_of.get_mut(&tenant) {
            *own -= 1;
            if *own == 0 {
                self.known_of.remove(&tenant);
            }
        }
    }
}

impl Acquaintance {
    /// A request signed by a key of this tenant's came over it.
    pub(crate) fn known(&self, tenant: TenantId) {
        let mut standing = self.standing.lock();
        let Standing::Stranger(place) = *standing else { return };
        let mut crowd = self.strangers.crowd.lock();
        // Who was cut already stays so.
        if !self.cut.is_cancelled() && crowd.know(tenant) {
            crowd.remove(self.address, place);
            *standing = Standing::Known(tenant);
        }
    }

    /// It was given something; others have waited longer since.
    pub(crate) fn served(&self) {
        let mut standing = self.standing.lock();
        let Standing::Stranger(place) = &mut *standing else { return };
        let mut crowd = self.strangers.crowd.lock();
        if let Some(cut) = crowd.remove(self.address, *place) {
            *place = crowd.append(self.address, cut);
        }
    }

    /// Whether somebody's key has signed over it.
    #[cfg(test)]
    pub(crate) fn is_known(&self) -> bool {
        matches!(*self.standing.lock(), Standing::Known(_))
    }

    /// Ends when it is cut.
    pub(crate) async fn until_cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Acquaintance {
    fn drop(&mut self) {
        let mut crowd = self.strangers.crowd.lock();
        match *self.standing.get_mut() {
            Standing::Stranger(place) => drop(crowd.remove(self.address, place)),
            Standing::Known(tenant) => crowd.forget(tenant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn strangers(connections: usize) -> Strangers {
        Strangers::new(NonZeroUsize::new(connections).unwrap())
    }

    fn cut_later(strangers: &Strangers) {
        strangers.crowd.lock().cut(Instant::now() + STRANGER_SPARED).unwrap();
    }

    fn standing(all: &[Arc<Acquaintance>]) -> Vec<bool> {
        all.iter().map(|one| !one.cut.is_cancelled()).collect()
    }

    #[test]
    fn the_one_served_longest_ago_is_cut_but_not_at_once() {
        let strangers = strangers(16);
        let all: Vec<_> = (0..3).map(|_| strangers.enter(HERE)).collect();
        all[0].served();
        let spared = strangers.crowd.lock().cut(Instant::now()).unwrap_err();
        assert!(!spared.is_zero() && spared <= STRANGER_SPARED);
        assert_eq!(standing(&all), [true, true, true]);
        cut_later(&strangers);
        assert_eq!(standing(&all), [true, false, true]);
        all[1].served();
        all[1].known(TenantId::from_u128(1));
        assert_eq!(strangers.crowd.lock().count, 2, "who was cut does not come back");
        assert_eq!(strangers.crowd.lock().known, 0);
    }

    #[test]
    fn a_flood_from_one_address_cuts_itself() {
        let strangers = strangers(64);
        let other = strangers.enter(THERE);
        let flood: Vec<_> = (0..8).map(|_| strangers.enter(HERE)).collect();
        (0..7).for_each(|_| cut_later(&strangers));
        assert!(!other.cut.is_cancelled());
        assert_eq!(standing(&flood).iter().filter(|stands| **stands).count(), 1);
    }

    #[test]
    fn who_is_known_is_never_cut_and_one_tenant_has_half() {
        let strangers = strangers(16);
        let (one, other) = (TenantId::from_u128(1), TenantId::from_u128(2));
        let all: Vec<_> = (0..16).map(|_| strangers.enter(HERE)).collect();
        all.iter().take(10).for_each(|connection| connection.known(one));
        assert_eq!(strangers.crowd.lock().known, 8, "half of all");
        all.iter().skip(8).for_each(|connection| connection.known(other));
        assert_eq!(strangers.crowd.lock().known, 12, "a quarter is the strangers'");
        (0..9).for_each(|_| cut_later(&strangers));
        assert_eq!(standing(&all), [[true; 12].as_slice(), &[false; 4]].concat());
        drop(all);
        let crowd = strangers.crowd.lock();
        assert_eq!((crowd.count, crowd.known), (0, 0), "who has gone is forgotten");
        assert!(crowd.strangers.is_empty() && crowd.known_of.is_empty());
    }

    #[test]
    fn few_connections_may_all_be_strangers() {
        let strangers = strangers(16);
        let all: Vec<_> = (0..15).map(|_| strangers.enter(HERE)).collect();
        assert!(!strangers.are_many());
        let more = strangers.enter(HERE);
        assert!(strangers.are_many());
        drop((all, more));
    }
}
