//! Threads that serve connections, each with those it was given.
//!
//! A connection stays on its thread from the first byte to the last, so that a
//! small request is read, decided, looked up and answered without waking another
//! thread; on few cores those wake-ups cost more than the request itself. Work
//! that takes long (hashing, sealing, waiting for a disk to sync) is done
//! elsewhere and does not hold the thread up.

use std::io;
use std::net::TcpStream as BlockingTcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Accepted, Front, LingerPlaces, Peer, Place, serve_connection};
use crate::limits::{EVENT_INTERVAL, SHUTDOWN_GRACE, WORKER_BLOCKING_THREADS_MAX};

/// The threads and the ways to them.
pub(super) struct Workers {
    workers: Vec<Worker>,
    /// Cuts all connections when dropped.
    cut: DropGuard,
}

struct Worker {
    queue: mpsc::Sender<Handed>,
    /// Connections it has.
    load: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

/// A connection between two threads.
struct Handed {
    socket: BlockingTcpStream,
    peer: Peer,
    place: Place,
}

impl Workers {
    /// Starts a thread for each core.
    pub(super) fn start(front: &Arc<Front>, stop: &CancellationToken) -> io::Result<Self> {
        let cut = CancellationToken::new();
        let count = std::thread::available_parallelism()?.get();
        let places = LingerPlaces::new();
        let workers = (0..count).map(|_| Worker::start(front, &places, stop, &cut));
        Ok(Self { workers: workers.collect::<io::Result<_>>()?, cut: cut.drop_guard() })
    }

    /// Gives a connection to the thread that has the fewest.
    pub(super) fn hand(&self, accepted: Accepted) -> io::Result<()> {
        let gone = || io::Error::other("a thread that serves connections has ended");
        let least = self.workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed));
        let least = least.ok_or_else(gone)?;
        let Accepted { socket, peer, place } = accepted;
        let handed = Handed { socket: socket.into_std()?, peer, place };
        least.load.fetch_add(1, Ordering::Relaxed);
        // There is room for as many as there are places.
        least.queue.try_send(handed).map_err(|_| gone())
    }

    /// Lets requests in flight end; cuts those that take too long.
    pub(super) async fn end(self) {
        let Self { workers, cut } = self;
        let join = move || {
            for Worker { queue, thread, .. } in workers {
                drop(queue);
                if thread.join().is_err() {
                    tracing::error!("a thread that serves connections panicked");
                }
            }
        };
        let _ended = tokio::task::spawn_blocking(join).await;
        drop(cut);
    }
}

impl Worker {
    fn start(
        front: &Arc<Front>,
        places: &LingerPlaces,
        stop: &CancellationToken,
        cut: &CancellationToken,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(WORKER_BLOCKING_THREADS_MAX)
            .event_interval(EVENT_INTERVAL)
            .global_queue_interval(EVENT_INTERVAL)
            .thread_name("s3-work")
            .build()?;
        let (queue, incoming) = mpsc::channel(front.bounds().connections.get());
        let load = Arc::new(AtomicUsize::new(0));
        let run = Run {
            front: Arc::clone(front),
            incoming,
            load: Arc::clone(&load),
            places: places.clone(),
            stop: stop.clone(),
            cut: cut.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("s3".to_owned())
            .spawn(move || runtime.block_on(run.until_ended()))?;
        Ok(Self { queue, load, thread })
    }
}

/// What a thread has.
struct Run {
    front: Arc<Front>,
    incoming: mpsc::Receiver<Handed>,
    load: Arc<AtomicUsize>,
    places: LingerPlaces,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Run {
    async fn until_ended(mut self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = self.cut.cancelled() => return,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                handed = self.incoming.recv() => match handed {
                    Some(handed) => self.serve(&mut connections, handed),
                    None => break,
                },
            }
        }
        let ended = async { while connections.join_next().await.is_some() {} };
        tokio::select! {
            () = self.cut.cancelled() => {}
            ended = tokio::time::timeout(SHUTDOWN_GRACE, ended) => if ended.is_err() {
                tracing::warn!("requests still in flight were cut at shutdown");
            }
        }
    }

    fn serve(&self, connections: &mut JoinSet<()>, handed: Handed) {
        let (front, stop) = (Arc::clone(&self.front), self.stop.clone());
        let places = self.places.clone();
        let counted = Counted(Arc::clone(&self.load));
        connections.spawn(async move {
            let _counted = counted;
            let Handed { socket, peer, place } = handed;
            match TcpStream::from_std(socket) {
                Ok(socket) => serve_connection(front, socket, peer, places, stop).await,
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            }
            drop(place);
        });
    }
}

/// One of the connections of a thread, however it ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
