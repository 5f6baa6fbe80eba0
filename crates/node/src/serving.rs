//! The tasks that serve: S3, the administration over TCP, and the local socket.

mod witness;

use core::num::NonZeroUsize;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use admin::auth::{Peer, Transport};
use admin::{Admin, router};
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use insight::Insight;
use s3::server::{Domain, Region, Server};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_HEAD_MAX};
use crate::listeners::Listeners;
use crate::parts::Parts;
use crate::process;
use crate::settings::{ClientLimits, DefaultOwnership, Settings};
use crate::supervision::Tasks;
use crate::trouble::chain;

/// How long to wait when the system has no room for one more connection.
const BREATH: Duration = Duration::from_millis(50);

/// Starts all that serves.
pub(crate) fn start(
    tasks: &mut Tasks,
    settings: &Settings,
    parts: &Parts,
    listeners: Listeners,
    admin: Admin,
    insight: Insight,
) {
    let clock = Arc::clone(&parts.clock);
    let s3 = Server::new(
        parts.objects.clone(),
        clock,
        parts.random.as_ref(),
        s3_settings(settings, parts),
    );
    let stop = tasks.stop_token();
    if parts.identity.witness {
        tasks.start("what a witness says to clients", witness::refuse(listeners.s3, stop));
    } else {
        tasks.start("the S3 server", async move {
            s3.serve(listeners.s3, stop).await.map_err(|error| chain(&error))
        });
    }

    let observed = insight::router(insight);
    let pages = console::router(admin.clone());
    let tcp = router(admin.clone(), Transport::Tcp).merge(observed.clone()).merge(pages);
    let (stop, listener) = (tasks.stop_token(), listeners.admin);
    tasks.start("the administration", async move {
        let accept = || async {
            let (stream, address) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((stream, Some(Peer(address.ip()))))
        };
        serve(accept, tcp, stop).await;
        Ok(())
    });

    let local = router(admin, Transport::Socket).merge(observed);
    let (stop, listener) = (tasks.stop_token(), listeners.socket);
    tasks.start("the local socket", async move {
        let accept = || async { listener.accept().await.map(|(stream, _)| (stream, None)) };
        serve(accept, local, stop).await;
        Ok(())
    });
}

fn s3_settings(settings: &Settings, parts: &Parts) -> s3::server::Settings {
    s3::server::Settings {
        region: Region::new(settings.region.clone()),
        base_domain: settings.virtual_host_domain.clone().map(Domain::new),
        website_domain: settings.website_domain.clone().map(Domain::new),
        default_ownership: match settings.default_object_ownership {
            DefaultOwnership::BucketOwnerEnforced => catalog::Ownership::BucketOwnerEnforced,
            DefaultOwnership::BucketOwnerPreferred => catalog::Ownership::BucketOwnerPreferred,
            DefaultOwnership::ObjectWriter => catalog::Ownership::ObjectWriter,
        },
        default_customer_keys: settings.default_sse_c,
        rates: rates(&settings.limits),
        bounds: bounds(&settings.limits),
        node: parts.identity.node,
    }
}

/// Two seconds' worth may come at once.
fn rates(limits: &ClientLimits) -> access::Rates {
    let rate = |per_second: u32| {
        let burst = per_second.saturating_mul(2);
        (per_second > 0).then_some(access::Rate { per_second, burst })
    };
    access::Rates {
        access_key: rate(limits.rate_per_access_key),
        tenant: rate(limits.rate_per_tenant),
        address: rate(limits.rate_per_address),
    }
}

/// Connections are no more than the system gives files for.
fn bounds(limits: &ClientLimits) -> s3::server::Bounds {
    let usual = s3::server::Bounds::default();
    let count = |count: u32| usize::try_from(count).ok().and_then(NonZeroUsize::new);
    let mut connections = count(limits.connections).unwrap_or(usual.connections);
    if let Some(files) = process::open_files()
        && let room = process::connections_fitting(files)
        && room < connections.get()
    {
        tracing::warn!(
            files,
            wanted = connections,
            connections = room,
            "the system allows few open files: fewer clients may connect (see ulimit -Hn)"
        );
        connections = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
    }
    s3::server::Bounds {
        connections,
        connections_per_address: count(limits.connections_per_address)
            .unwrap_or(usual.connections_per_address),
        requests_at_once: count(limits.requests_at_once).unwrap_or(usual.requests_at_once),
        requests_at_once_shared: usual.requests_at_once_shared,
        wrong_signatures: limits.wrong_signatures,
    }
}

/// Serves connections until told to stop, then lets requests in flight end.
pub(super) async fn serve<S, A, F>(accept: A, routes: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn() -> F,
    F: Future<Output = io::Result<(S, Option<Peer>)>>,
{
    let room = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((accept().await?, permit))
        };
        let ((stream, peer), permit) = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = next => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
        };
        let (routes, stop) = (routes.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, peer, routes, stop).await;
            drop(permit);
        });
    }
    while connections.join_next().await.is_some() {}
}

async fn connection<S>(stream: S, peer: Option<Peer>, routes: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let routes = routes.clone();
        async move { Ok::<_, Infallible>(answer(routes, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ADMIN_HEAD_MAX);
    let served = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the administration ended early");
    }
}

async fn answer(
    routes: Router,
    request: hyper::Request<hyper::body::Incoming>,
) -> axum::response::Response {
    match routes.oneshot(request.map(axum::body::Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
