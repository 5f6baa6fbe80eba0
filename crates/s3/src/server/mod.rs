//! The HTTP server: connections, limits, and the checks that need no storage.
//!
//! HTTP/1.1 with keep-alive. Every wait has an end: for a request head, inside a
//! body, for a client that does not read its answer, for requests in flight at
//! shutdown.

mod address;
mod body;
mod build;
mod claim;
mod cors;
mod digest;
mod document;
mod front;
mod measures;
mod query;
mod request_id;
mod settings;
mod stall;
mod subresource;
mod workers;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use objects::Objects;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use units::{Clock, Random};

#[cfg(test)]
pub(crate) use self::build::front;
pub(crate) use self::front::{Front, Peer};
pub(crate) use self::query::Query;
pub use self::settings::{Domain, Region, Settings};
use self::stall::StallGuard;
use self::workers::Workers;
use crate::limits::{CONNECTIONS_MAX, HEAD_TIMEOUT, READ_BUFFER_BYTES_MAX};

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
    /// Connections are spread over threads of their own (see [`workers`]).
    ///
    /// Cancel-safety: dropping the future cuts all connections at once.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let workers = Workers::start(&self.front, &stop).map_err(|source| ServeError { source })?;
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&listener, &room) => accepted,
            };
            match accepted.and_then(|accepted| workers.hand(accepted)) {
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
    permit: OwnedSemaphorePermit,
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (socket, address) = listener.accept().await?;
    socket.set_nodelay(true)?;
    Ok(Accepted { socket, peer: Peer { address, secure: false }, permit })
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
    stop: CancellationToken,
) {
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, core::convert::Infallible>(front.handle(request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        .keep_alive(true)
        .half_close(false)
        .serve_connection(TokioIo::new(StallGuard::new(socket)), service);
    let mut connection = core::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %peer.address, %error, "a connection ended early");
    }
}
