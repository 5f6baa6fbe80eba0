//! Connections: how many there are, and how many of them are of one address.
//!
//! All together are bounded by cutting strangers ([`super::strangers`]), and while
//! there are none by leaving further ones in the listen queue; those of one address by
//! telling further ones to come back, since in the queue they would keep the others
//! out.

use core::net::IpAddr;
use core::num::NonZeroUsize;
use std::collections::HashMap;
use std::sync::Arc;

use access::peer_group;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::settings::Bounds;

/// Open connections.
const CONNECTIONS: &str = "essaim_s3_connections";

/// Connections that were turned away because their address has too many.
const TURNED_AWAY: &str = "essaim_s3_connections_turned_away_total";

/// What a connection is told that is one too many of its address.
pub(super) const COME_BACK: &[u8] = b"HTTP/1.1 503 Slow Down\r\n\
    Server: Essaim\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Counts connections.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    room: Arc<Semaphore>,
    per_address: NonZeroUsize,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// Room for one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    address: IpAddr,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// None yet.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            room: Arc::new(Semaphore::new(bounds.connections.get())),
            per_address: bounds.connections_per_address,
            addresses: Arc::default(),
        }
    }

    /// Room for one more, if there is any.
    pub(super) fn room_now(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }

    /// Waits until there is room for one more.
    pub(super) async fn room(&self) -> std::io::Result<OwnedSemaphorePermit> {
        Arc::clone(&self.room).acquire_owned().await.map_err(std::io::Error::other)
    }

    /// Counts a connection that was accepted; none if its address has too many.
    pub(super) fn place(&self, address: IpAddr, permit: OwnedSemaphorePermit) -> Option<Place> {
        let address = peer_group(address);
        let mut addresses = self.addresses.lock();
        let count = addresses.entry(address).or_insert(0);
        if *count >= self.per_address.get() {
            drop(addresses);
            metrics::counter!(TURNED_AWAY).increment(1);
            return None;
        }
        *count += 1;
        drop(addresses);
        metrics::gauge!(CONNECTIONS).increment(1.0);
        Some(Place { address, addresses: Arc::clone(&self.addresses), _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!(CONNECTIONS).decrement(1.0);
        let mut addresses = self.addresses.lock();
        if let Some(count) = addresses.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_has_its_share_and_gets_it_back() {
        let two = NonZeroUsize::new(2).unwrap();
        let bounds = Bounds { connections_per_address: two, ..Bounds::default() };
        let connections = Connections::new(bounds);
        let place = async |last: u8| {
            let permit = connections.room().await.unwrap();
            connections.place(IpAddr::from([192, 0, 2, last]), permit)
        };
        let (one, two) = (place(1).await, place(1).await);
        assert!(one.is_some() && two.is_some());
        assert!(place(1).await.is_none(), "one too many");
        assert!(place(2).await.is_some(), "others are unharmed");
        drop(one);
        assert!(place(1).await.is_some());
        drop(two);
        assert!(connections.addresses.lock().is_empty(), "who has gone is forgotten");
    }
}
