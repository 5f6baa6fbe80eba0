//! One connection from a node or an invited machine, and the calls on it.

use core::future::poll_fn;
use core::pin::pin;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{Method, Request, Response, StatusCode};
use parking_lot::RwLock;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use units::NodeId;

use super::accept::Proven;
use super::health::{Health, Heard};
use super::inbound::{Inbound, Inbounds};
use super::incoming::Incoming;
use super::keep::keep;
use super::line::{Line, OverTcp as _, Upkeep};
use super::link::Shared;
use super::outgoing::send;
use crate::answer::{Answer, Services, refused};
use crate::limits::{
    BODY_STILL_MAX, CALLS_WINDOW_BYTES, FIELDS_BYTES_MAX, FRAME_BYTES_MAX, HANDSHAKE_WITHIN,
    HEAD_WITHIN, SEND_BUFFER_BYTES_MAX, SPENT_INVITE_WITHIN, STREAM_WINDOW_BYTES, STREAMS_MAX,
};
use crate::{Body, BodyError, Call, Caller, Reply, Service};

/// What answers on this node.
pub(super) struct Server {
    pub shared: Arc<Shared>,
    pub inbounds: Inbounds,
    pub services: Services,
    /// The way to a node, over all connections with it.
    pub ways: RwLock<BTreeMap<NodeId, Arc<Health>>>,
}

type Io = Line<TlsStream<BufReader<TcpStream>>>;

impl Server {
    /// Answers on a connection whose other end has proven this key, until it ends.
    pub(super) async fn serve(self: Arc<Self>, number: u64, Proven { io, key, is_upkeep }: Proven) {
        let cut = self.shared.end.child_token();
        let Some(inbound) = self.inbounds.let_in(number, key, cut.clone()) else { return };
        let noted = Noted(&self.inbounds, &inbound);
        let way = match inbound.caller {
            Caller::Node(node) => self.ways.read().get(&node).cloned(),
            Caller::Invited(_) => None,
        };
        let upkeep = way.clone().filter(|_| is_upkeep);
        let Ok(upkeep) = upkeep.map(|way| Upkeep::begin(io.tcp(), way)).transpose() else { return };
        let heard = Arc::new(Heard::never());
        let of_node = way.map(|way| way.heard.clone());
        let line = Line { io, cut, heard: heard.clone(), of_node, upkeep };
        let shaken = Builder::new()
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CALLS_WINDOW_BYTES)
            .max_concurrent_streams(STREAMS_MAX)
            .max_frame_size(FRAME_BYTES_MAX)
            .max_header_list_size(FIELDS_BYTES_MAX)
            .max_send_buffer_size(SEND_BUFFER_BYTES_MAX)
            .handshake::<_, Bytes>(line);
        let shaken = tokio::select! {
            biased;
            () = inbound.cut.cancelled() => return,
            shaken = timeout(HANDSHAKE_WITHIN, shaken) => shaken,
        };
        match shaken {
            Ok(Ok(connection)) => self.answer_all(connection, heard, &inbound).await,
            Ok(Err(error)) => tracing::debug!(%error, "a peer does not speak HTTP/2"),
            Err(_) => tracing::debug!("a peer says nothing"),
        }
        drop(noted);
    }

    async fn answer_all(
        &self,
        mut connection: Connection<Io, Bytes>,
        heard: Arc<Heard>,
        inbound: &Inbound,
    ) {
        let Some(pings) = connection.ping_pong() else { return };
        let mut silence = pin!(keep(pings, heard, None));
        let mut spent = pin!(spent(&inbound.spent));
        let mut is_spent = false;
        // Dropped with the connection, and the handlers with it.
        let mut calls = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = inbound.cut.cancelled() => return,
                accepted = connection.accept() => match accepted {
                    Some(Ok((request, response))) => self.begin(request, response, inbound, &mut calls),
                    Some(Err(_)) | None => return,
                },
                Some(_) = calls.join_next() => {}
                _ = &mut silence => return,
                () = inbound.spent.cancelled(), if !is_spent => {
                    is_spent = true;
                    connection.graceful_shutdown();
                }
                () = &mut spent => return,
            }
        }
    }

    fn begin(
        &self,
        request: Request<RecvStream>,
        mut response: SendResponse<Bytes>,
        inbound: &Inbound,
        calls: &mut JoinSet<()>,
    ) {
        if !self.inbounds.is_in(inbound) {
            return response.send_reset(Reason::REFUSED_STREAM);
        }
        let called = service(&request).filter(|_| request.method() == Method::POST);
        let Some(service) = called else {
            return response.send_reset(Reason::REFUSED_STREAM);
        };
        let incoming = Incoming::new(request.into_body(), inbound.cut.clone());
        calls.spawn(answer(self.services.clone(), inbound.caller, service, incoming, response));
    }
}

/// Strikes a connection off the list when it ends.
struct Noted<'a>(&'a Inbounds, &'a Inbound);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.0.ended(self.1);
    }
}

async fn spent(token: &CancellationToken) {
    token.cancelled().await;
    sleep(SPENT_INVITE_WITHIN).await;
}

fn service(request: &Request<RecvStream>) -> Option<Service> {
    let name = request.uri().path().strip_prefix('/')?;
    Service::ALL.into_iter().find(|service| service.name() == name)
}

/// Answers one call; dropped handler and all when the caller goes.
async fn answer(
    services: Services,
    caller: Caller,
    service: Service,
    mut incoming: Incoming,
    mut response: SendResponse<Bytes>,
) {
    let answered = async {
        let head = timeout(HEAD_WITHIN, incoming.head()).await.ok()?.ok()?;
        let body =
            if incoming.is_whole() { incoming.rest() } else { Body::pieces(patient(incoming)) };
        Some(services.answer(caller, Call { service, head, body }).await)
    };
    let answer = tokio::select! {
        biased;
        _ = poll_fn(|cx| response.poll_reset(cx)) => return,
        answer = answered => answer,
    };
    let (status, Reply { head, body }) = match answer {
        Some(Answer::Reply(reply)) => (StatusCode::OK, reply),
        Some(Answer::Refused(no)) => {
            let head = Bytes::from(refused(&no.reason).reason);
            (StatusCode::FORBIDDEN, Reply { head, body: Body::empty() })
        }
        Some(Answer::Failed(reason)) => {
            tracing::warn!(service = service.name(), reason, "a call failed");
            return response.send_reset(Reason::INTERNAL_ERROR);
        }
        None => return response.send_reset(Reason::PROTOCOL_ERROR),
    };
    let mut fields = Response::new(());
    *fields.status_mut() = status;
    if let Ok(stream) = response.send_response(fields, false) {
        // What is not sent to its end is reset, which the caller cannot take for the end.
        let _ = send(stream, head, body).await;
    }
}

/// A body that ends as late if nothing comes for too long.
fn patient(
    incoming: Incoming,
) -> impl futures::Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
    futures::stream::unfold(Some(incoming), |incoming| async {
        let mut incoming = incoming?;
        match timeout(BODY_STILL_MAX, incoming.next()).await {
            Ok(Some(piece)) => Some((piece, Some(incoming))),
            Ok(None) => None,
            Err(_) => Some((Err(BodyError::Late), None)),
        }
    })
}
