//! The HTTP server: connections, limits, and the checks that need no storage.
//!
//! HTTP/1.1 with keep-alive. Every wait has an end: for a request head, inside a
//! body, for a client that does not read its answer, for requests in flight at
//! shutdown.

mod address;
mod admission;
mod body;
mod build;
mod claim;
mod connections;
mod cors;
mod digest;
mod document;
mod front;
mod gathered;
mod gathering;
mod haste;
mod linger;
mod measures;
mod query;
mod request_id;
mod settings;
mod stall;
mod strangers;
mod subresource;
mod turns;
mod work;
mod workers;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use objects::Objects;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use units::{Clock, Random};

pub(crate) use self::admission::{Admission, Upload};
#[cfg(test)]
pub(crate) use self::build::{front, front_with_skew};
use self::connections::{Connections, Place};
pub(crate) use self::front::{Front, Peer};
#[cfg(test)]
pub(crate) use self::gathering::Gathering;
pub(crate) use self::gathering::{Asking, Crowd, Crowded, Share, held};
use self::linger::{LingerPlaces, Lingering, NotedBody, Unread};
pub(crate) use self::query::Query;
pub use self::settings::{Bounds, Domain, Region, Settings};
use self::stall::StallGuard;
pub(crate) use self::strangers::{Acquaintance, Strangers};
pub(crate) use self::turns::{NoTurn, Turn, Turns};
pub(crate) use self::work::{Taking, Work};
use self::workers::Workers;
use crate::limits::{CONNECTION_BUFFER_BYTES_MAX, HEAD_TIMEOUT};

/// The listener broke.
#[derive(Debug, Error)]
#[error("no more connections can be accepted")]
pub struct ServeError {
    #[source]
    source: io::Error,
}

/// The S3 server.
#[derive(Clone)]
pub struct Server {
    front: Arc<Front>,
}

impl Server {
    /// A server for this store.
    pub fn new(
        objects: Objects,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
        settings: Settings,
    ) -> Self {
        Self { front: Arc::new(build::front(objects, clock, random, settings)) }
    }

    /// Serves connections until told to stop, then lets requests in flight end.
    ///
    /// Connections are spread over threads of their own, one for each core.
    ///
    /// Cancel-safety: dropping the future cuts all connections at once.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let room = Connections::new(self.front.bounds());
        let strangers = Strangers::new(self.front.bounds().connections);
        let workers = Workers::start(&self.front, &stop).map_err(|source| ServeError { source })?;
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&listener, &room, &strangers) => accepted,
            };
            match accepted.and_then(|accepted| accepted.map_or(Ok(()), |one| workers.hand(one))) {
                Ok(()) => {}
                Err(source) if is_passing(&source) => {
                    tracing::warn!(error = %source, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(source) => return Err(ServeError { source }),
            }
        }
        drop(listener);
        workers.end().await;
        Ok(())
    }
}

/// A connection, who is at its other end, and its place among all.
struct Accepted {
    socket: TcpStream,
    peer: Peer,
    place: Place,
}

/// The next connection; none if its address has too many.
async fn accept(
    listener: &TcpListener,
    room: &Connections,
    strangers: &Strangers,
) -> io::Result<Option<Accepted>> {
    let (socket, address) = listener.accept().await?;
    socket.set_nodelay(true)?;
    let permit = match room.room_now() {
        Some(permit) if !strangers.are_many() => permit,
        permit => {
            strangers.cut_one().await;
            match permit {
                Some(permit) => permit,
                None => room.room().await?,
            }
        }
    };
    let Some(place) = room.place(address.ip(), permit) else {
        // What does not fit into the socket's buffer at once is not worth a wait.
        let _ = socket.try_write(connections::COME_BACK);
        return Ok(None);
    };
    let peer = Peer { address, secure: false, acquaintance: strangers.enter(address.ip()) };
    Ok(Some(Accepted { socket, peer, place }))
}

/// Errors of one connection, or of a moment, rather than of the listener.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
        || matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
        || error.kind() == io::ErrorKind::InvalidInput
}

async fn serve_connection(
    front: Arc<Front>,
    socket: TcpStream,
    peer: Peer,
    places: LingerPlaces,
    stop: CancellationToken,
) {
    let (address, acquaintance) = (peer.address, Arc::clone(&peer.acquaintance));
    let unread = Arc::new(Unread::default());
    let noted = Arc::clone(&unread);
    let service = service_fn(move |request: Request<Incoming>| {
        let (front, peer, noted) = (Arc::clone(&front), peer.clone(), Arc::clone(&noted));
        async move {
            noted.begin();
            let request = request.map(|body| NotedBody::new(body, Arc::clone(&noted)));
            let mut answer = front.handle(request, peer).await;
            if noted.ends_connection(answer.status()) {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, core::convert::Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(CONNECTION_BUFFER_BYTES_MAX)
        .keep_alive(true)
        .half_close(false)
        .serve_connection(
            TokioIo::new(Lingering::new(StallGuard::new(socket), Arc::clone(&unread), places)),
            service,
        );
    let mut connection = core::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = acquaintance.until_cut() => {
            tracing::debug!(peer = %address, "a connection was cut: there were too many without a key");
            return;
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // A stop waits for answers, and not for what nobody reads any more.
            unread.begin();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %address, %error, "a connection ended early");
    }
}
