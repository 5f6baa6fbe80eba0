//! One call, from this side.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{Method, Request, StatusCode, Uri};
use tokio::time::{Sleep, sleep, timeout};

use super::incoming::Incoming;
use super::lane::{Lane, Open};
use super::link::{Link, SHORT_LANE};
use super::outgoing::{NotSent, send};
use crate::answer::refused;
use crate::{Body, BodyError, Call, CallError, Reply, Service};

type Sending = Pin<Box<dyn Future<Output = Result<(), NotSent>> + Send>>;

/// Asks a peer; ends within the deadline.
pub(super) async fn ask(
    link: &Arc<Link>,
    call: Call,
    within: Duration,
) -> Result<Reply, CallError> {
    let node = link.node;
    let sent = AtomicBool::new(false);
    let asked = timeout(within, ask_unbounded(link, call, within, &sent)).await;
    if let Ok(result) = asked {
        return result;
    }
    if sent.load(Ordering::Relaxed) {
        return Err(CallError::Late { node, within });
    }
    link.health.reached_set(false);
    Err(CallError::Unreachable { node, reason: format!("no connection within {within:?}") })
}

async fn ask_unbounded(
    link: &Arc<Link>,
    call: Call,
    within: Duration,
    sent: &AtomicBool,
) -> Result<Reply, CallError> {
    let node = link.node;
    let broken = |reason: String| CallError::Broken { node, reason };
    let Call { service, head, body } = call;
    let (response, stream) = begin(link, service).await?;
    sent.store(true, Ordering::Relaxed);
    let mut sending = Some(Box::pin(send(stream, head, body)) as Sending);
    let response = answered(response, &mut sending).await.map_err(|error| match error {
        // Said before anything was done.
        Unanswered::Lost(error) if error.reason() == Some(Reason::REFUSED_STREAM) => {
            CallError::Unreachable { node, reason: error.to_string() }
        }
        Unanswered::Lost(error) => broken(error.to_string()),
        Unanswered::Broken(reason) => broken(format!("what was sent broke off: {reason}")),
    })?;
    link.health.reached_set(true);
    let status = response.status();
    let mut incoming = Incoming::new(response.into_body(), link.cut.clone());
    let head = incoming.head().await.map_err(|error| broken(error.to_string()))?;
    match status {
        StatusCode::OK => {
            let body = if incoming.is_whole() {
                incoming.rest()
            } else {
                Body::pieces(ReplyBody { incoming, sending, within, still: None })
            };
            Ok(Reply { head, body })
        }
        StatusCode::FORBIDDEN => {
            let refused = refused(&String::from_utf8_lossy(&head));
            Err(CallError::Refused { node, refused })
        }
        other => Err(broken(format!("it answered with status {other}"))),
    }
}

/// Opens a stream. A connection that closed unnoticed costs one more try: nothing was
/// sent on it.
async fn begin(
    link: &Arc<Link>,
    service: Service,
) -> Result<(ResponseFuture, SendStream<Bytes>), CallError> {
    let node = link.node;
    let unreachable = |reason: String| CallError::Unreachable { node, reason };
    let at = link.lane(service);
    let mut again = true;
    loop {
        if link.cut.is_cancelled() {
            return Err(unreachable("it left the roster, or this node has shut down".to_owned()));
        }
        let opened = if service == Service::Upkeep {
            // By whose round trips it is known whether upkeep is in anybody's way.
            futures::join!(Lane::open(link, at), Lane::open(link, SHORT_LANE)).0
        } else {
            Lane::open(link, at).await
        };
        let open = opened.map_err(|reason| unreachable(reason.to_string()))?;
        match request(&open, service).await {
            Ok(begun) => return Ok(begun),
            Err(error) => {
                if let Some(lane) = link.lanes.get(at) {
                    lane.given_up(&open);
                }
                if !core::mem::take(&mut again) {
                    return Err(unreachable(error.to_string()));
                }
            }
        }
    }
}

async fn request(
    open: &Open,
    service: Service,
) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
    let ready: SendRequest<Bytes> = open.requests.clone();
    let mut requests = ready.ready().await?;
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(place(service));
    requests.send_request(request, false)
}

/// What is asked for: the names of the services, as HTTP wants them.
const fn place(service: Service) -> &'static str {
    match service {
        Service::Join => "https://essaim/join",
        Service::Consensus => "https://essaim/consensus",
        Service::Catalog => "https://essaim/catalog",
        Service::Fragments => "https://essaim/fragments",
        Service::Status => "https://essaim/status",
        Service::Snapshot => "https://essaim/snapshot",
        Service::Repair => "https://essaim/repair",
        Service::Upkeep => "https://essaim/upkeep",
    }
}

enum Unanswered {
    Lost(h2::Error),
    Broken(String),
}

/// Waits for the answer while the question is sent. The answer may come first.
async fn answered(
    mut response: ResponseFuture,
    sending: &mut Option<Sending>,
) -> Result<http::Response<h2::RecvStream>, Unanswered> {
    loop {
        let Some(underway) = sending else {
            return response.await.map_err(Unanswered::Lost);
        };
        tokio::select! {
            biased;
            response = &mut response => return response.map_err(Unanswered::Lost),
            sent = underway => {
                *sending = None;
                if let Err(NotSent::Broken(reason)) = sent {
                    return Err(Unanswered::Broken(reason));
                }
            }
        }
    }
}

/// The body of a reply; what is left of the question is sent while it is read.
struct ReplyBody {
    incoming: Incoming,
    sending: Option<Sending>,
    within: Duration,
    /// Runs while nothing comes.
    still: Option<Pin<Box<Sleep>>>,
}

impl Stream for ReplyBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.sending.as_mut().is_some_and(|sending| sending.as_mut().poll(cx).is_ready()) {
            self.sending = None;
        }
        if let Poll::Ready(next) = self.incoming.poll_next_unpin(cx) {
            self.still = None;
            return Poll::Ready(next);
        }
        let within = self.within;
        let still = self.still.get_or_insert_with(|| Box::pin(sleep(within)));
        core::task::ready!(still.as_mut().poll(cx));
        self.incoming.end();
        self.still = None;
        Poll::Ready(Some(Err(BodyError::Late)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_asked_for_by_their_names() {
        for service in Service::ALL {
            let uri = Uri::from_static(place(service));
            assert_eq!(uri.path().strip_prefix('/'), Some(service.name()));
        }
    }
}
