//! Carries packets between the devices of a network, each as its link says.
//!
//! One thread per device reads what leaves the place, decides ([`super::lane`]), and
//! writes what arrives at once to the other device.
//! What arrives later waits in one queue for all, for a thread that looks at the clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use tappers::Tun;

use super::lane::{Fate, Lane};
use super::link::Link;

/// The longest packet.
const PACKET_BYTES_MAX: usize = 65_535;
/// How long a thread rests whose device is down.
const REST: Duration = Duration::from_millis(20);

/// What one direction has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Packets that arrived.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets that were drawn to be lost, or met a cut.
    pub lost: u64,
    /// Packets for which there was no room in the queue.
    pub dropped: u64,
}

/// One direction, as all threads see it.
#[derive(Debug, Default)]
struct Direction {
    link: RwLock<Link>,
    packets: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    dropped: AtomicU64,
    queued_bytes: AtomicUsize,
}

impl Direction {
    fn link(&self) -> Link {
        *self.link.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A packet on its way; the earliest first, and of equals the one sent first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    arrives: Duration,
    number: u64,
    from: usize,
    to: usize,
    packet: Vec<u8>,
}

/// What arrives later.
#[derive(Default)]
struct Queue {
    waiting: BinaryHeap<Reverse<Waiting>>,
    number: u64,
}

/// What all threads see.
struct Shared {
    devices: Vec<(Ipv4Addr, Tun)>,
    /// Row by row, see [`Shared::direction`].
    directions: Vec<Direction>,
    queue: Mutex<Queue>,
    /// Something was put into the queue, or it is over.
    changed: Condvar,
    stop: AtomicBool,
    start: Instant,
}

impl Shared {
    fn direction(&self, from: usize, to: usize) -> Option<&Direction> {
        self.directions.get(from * self.devices.len() + to)
    }

    /// One packet arrives.
    fn deliver(&self, direction: &Direction, to: usize, packet: &[u8]) {
        let sent = self.devices.get(to).map(|(_, device)| device.send(packet));
        if matches!(sent, Some(Ok(_))) {
            direction.packets.fetch_add(1, Ordering::Relaxed);
            direction.bytes.fetch_add(packet.len() as u64, Ordering::Relaxed);
        } else {
            direction.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What leaves one place, until the device is gone.
    fn read(&self, from: usize, lanes: &mut [Lane]) {
        let Some((_, device)) = self.devices.get(from) else { return };
        let mut packet = vec![0; PACKET_BYTES_MAX];
        while !self.stop.load(Ordering::Relaxed) {
            match device.recv(&mut packet) {
                Ok(length) => self.carry(from, lanes, packet.get(..length).unwrap_or_default()),
                Err(_) => std::thread::sleep(REST),
            }
        }
    }

    /// A packet has left its place.
    fn carry(&self, from: usize, lanes: &mut [Lane], packet: &[u8]) {
        let Some(address) = destination(packet) else { return };
        let found = self.devices.iter().position(|(there, _)| *there == address);
        let Some(to) = found else { return };
        let Some(direction) = self.direction(from, to) else { return };
        let Some(lane) = lanes.get_mut(to) else { return };
        let queued = direction.queued_bytes.load(Ordering::Relaxed);
        let now = self.start.elapsed();
        match lane.sent(&direction.link(), packet.len(), queued, now) {
            Fate::Arrives(at) if at <= now => self.deliver(direction, to, packet),
            Fate::Arrives(arrives) => {
                direction.queued_bytes.fetch_add(packet.len(), Ordering::Relaxed);
                let packet = packet.to_vec();
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.number += 1;
                let number = queue.number;
                let is_next =
                    queue.waiting.peek().is_none_or(|Reverse(next)| arrives < next.arrives);
                queue.waiting.push(Reverse(Waiting { arrives, number, from, to, packet }));
                drop(queue);
                if is_next {
                    self.changed.notify_one();
                }
            }
            Fate::Lost => drop(direction.lost.fetch_add(1, Ordering::Relaxed)),
            Fate::Dropped => drop(direction.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Delivers what was held back, each at its time.
    fn pace(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.stop.load(Ordering::Relaxed) {
            let now = self.start.elapsed();
            let Some(Reverse(next)) = queue.waiting.peek() else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let time = next.arrives.saturating_sub(now);
            if !time.is_zero() {
                let woken = self.changed.wait_timeout(queue, time);
                queue = woken.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let Some(Reverse(due)) = queue.waiting.pop() else { continue };
            drop(queue);
            if let Some(direction) = self.direction(due.from, due.to) {
                direction.queued_bytes.fetch_sub(due.packet.len(), Ordering::Relaxed);
                if direction.link().is_cut {
                    direction.lost.fetch_add(1, Ordering::Relaxed);
                } else {
                    self.deliver(direction, due.to, &due.packet);
                }
            }
            queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The threads. A thread that reads ends only when its device is gone.
pub struct Relay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Begins to carry packets between these devices, by the addresses behind them.
    pub fn start(devices: Vec<(Ipv4Addr, Tun)>, seed: u64) -> Result<Self> {
        let count = devices.len();
        let shared = Arc::new(Shared {
            devices,
            directions: (0..count * count).map(|_| Direction::default()).collect(),
            queue: Mutex::default(),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            start: Instant::now(),
        });
        let mut threads = Vec::with_capacity(count + 1);
        let pacer = Arc::clone(&shared);
        let named = |name: String| std::thread::Builder::new().name(name);
        threads.push(named("relay-pacer".to_owned()).spawn(move || pacer.pace())?);
        for from in 0..count {
            let shared = Arc::clone(&shared);
            let mut lanes: Vec<Lane> =
                (0..count).map(|to| Lane::new(lane_seed(seed, from, to))).collect();
            let read = move || shared.read(from, &mut lanes);
            threads.push(named(format!("relay-{from}")).spawn(read)?);
        }
        Ok(Self { shared, threads })
    }

    /// Changes one direction, from now on; packets on their way keep their time, but do
    /// not get through a cut.
    pub fn set(&self, from: usize, to: usize, link: Link) {
        if let Some(direction) = self.shared.direction(from, to) {
            *direction.link.write().unwrap_or_else(PoisonError::into_inner) = link;
        }
    }

    /// What a direction is like.
    pub fn link(&self, from: usize, to: usize) -> Link {
        self.shared.direction(from, to).map_or_else(Link::default, Direction::link)
    }

    /// What a direction has carried so far.
    pub fn carried(&self, from: usize, to: usize) -> Carried {
        let direction = self.shared.direction(from, to);
        direction.map_or_else(Carried::default, |direction| Carried {
            packets: direction.packets.load(Ordering::Relaxed),
            bytes: direction.bytes.load(Ordering::Relaxed),
            lost: direction.lost.load(Ordering::Relaxed),
            dropped: direction.dropped.load(Ordering::Relaxed),
        })
    }

    /// Nothing more is carried; the threads end as their devices are deleted.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Under the lock, so that it does not fall between a look and the wait.
        let _queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.changed.notify_all();
    }

    /// Waits for the threads; the devices must have been deleted.
    pub fn join(&mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                eprintln!("a thread of the relay panicked");
            }
        }
    }
}

/// Directions draw apart from each other.
fn lane_seed(seed: u64, from: usize, to: usize) -> u64 {
    let direction = ((from as u64) << 32) | to as u64;
    seed ^ direction.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The destination of an IPv4 packet.
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let is_v4 = packet.first()? >> 4 == 4;
    let octets: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    is_v4.then(|| octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_packet_goes_stands_in_its_header() {
        let mut packet = vec![0; 40];
        assert_eq!(destination(&packet), None, "no version");
        packet[0] = 0x45;
        packet[16..20].copy_from_slice(&[198, 18, 3, 9]);
        assert_eq!(destination(&packet), Some(Ipv4Addr::new(198, 18, 3, 9)));
        assert_eq!(destination(&packet[..19]), None, "cut short");
        assert_eq!(destination(&[]), None);
        packet[0] = 0x60;
        assert_eq!(destination(&packet), None, "of version 6");
    }

    #[test]
    fn of_packets_due_at_once_the_first_goes_first() {
        let mut waiting = BinaryHeap::new();
        for (arrives, number) in [(5, 3), (4, 9), (5, 1), (5, 2)] {
            let arrives = Duration::from_millis(arrives);
            let packet = Vec::new();
            waiting.push(Reverse(Waiting { arrives, number, from: 0, to: 0, packet }));
        }
        let order: Vec<u64> =
            std::iter::from_fn(|| waiting.pop().map(|Reverse(next)| next.number)).collect();
        assert_eq!(order, [9, 1, 2, 3]);
    }
}
