//! Lets connections in: bounded in number and time until they have proven a key.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use units::NodePublicKey;

use super::credentials::{ALPN, ALPN_UPKEEP, key_in};
use super::line::buffered;
use super::serve::Server;
use crate::limits::{ACCEPT_AGAIN_AFTER, HANDSHAKE_WITHIN, HANDSHAKES_MAX};

/// A connection that has proven a key.
pub(super) struct Proven {
    pub io: TlsStream<BufReader<TcpStream>>,
    pub key: NodePublicKey,
    pub is_upkeep: bool,
}

/// Accepts connections until the node ends.
pub(super) async fn accept(listener: TcpListener, acceptor: TlsAcceptor, server: Arc<Server>) {
    let handshakes = Arc::new(Handshakes::default());
    loop {
        let accepted = tokio::select! {
            biased;
            () = server.shared.end.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, from)) => {
                let number = server.shared.number();
                let given_up = handshakes.begin(number, from.ip(), &server.shared.end);
                let task = prove_and_serve(
                    tcp,
                    acceptor.clone(),
                    server.clone(),
                    Underway { handshakes: handshakes.clone(), number, given_up },
                );
                server.shared.tasks.spawn(task);
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted now");
                sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

async fn prove_and_serve(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    server: Arc<Server>,
    underway: Underway,
) {
    let number = underway.number;
    let proven = tokio::select! {
        biased;
        () = underway.given_up.cancelled() => return,
        proven = timeout(HANDSHAKE_WITHIN, prove(tcp, acceptor)) => proven,
    };
    drop(underway);
    match proven {
        Ok(Ok(proven)) => server.serve(number, proven).await,
        Ok(Err(reason)) => tracing::debug!(reason, "a connection was refused"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}

/// The handshake; nothing is read beyond it.
async fn prove(tcp: TcpStream, acceptor: TlsAcceptor) -> Result<Proven, String> {
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let io = acceptor.accept(buffered(tcp)).await.map_err(|error| error.to_string())?;
    let (_, session) = io.get_ref();
    let is_upkeep = match session.alpn_protocol() {
        Some(ALPN) => false,
        Some(ALPN_UPKEEP) => true,
        _ => return Err("it speaks another protocol".to_owned()),
    };
    let presented = session.peer_certificates().and_then(|presented| presented.first());
    let key = presented.and_then(|presented| key_in(presented));
    let key = key.ok_or("it has no key")?;
    Ok(Proven { io, key, is_upkeep })
}

/// The handshakes under way, oldest first.
#[derive(Default)]
struct Handshakes(Mutex<VecDeque<Handshake>>);

struct Handshake {
    number: u64,
    from: IpAddr,
    given_up: CancellationToken,
}

/// One of them; it is over when this is dropped.
struct Underway {
    handshakes: Arc<Handshakes>,
    number: u64,
    given_up: CancellationToken,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.handshakes.0.lock().retain(|handshake| handshake.number != self.number);
    }
}

impl Handshakes {
    /// Notes one more. If there are too many, the oldest of the address that has most is
    /// given up.
    fn begin(&self, number: u64, from: IpAddr, end: &CancellationToken) -> CancellationToken {
        let mut underway = self.0.lock();
        let given_up = end.child_token();
        underway.push_back(Handshake { number, from, given_up: given_up.clone() });
        if underway.len() > HANDSHAKES_MAX {
            let of = |from: IpAddr| underway.iter().filter(|other| other.from == from).count();
            // Of equals the first, which is the oldest.
            let worst =
                underway.iter().map(|handshake| handshake.from).rev().max_by_key(|a| of(*a));
            let at = underway.iter().position(|handshake| Some(handshake.from) == worst);
            if let Some(oldest) = at.and_then(|at| underway.remove(at)) {
                oldest.given_up.cancel();
            }
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_opens_many_handshakes_pushes_out_its_own() {
        let handshakes = Handshakes::default();
        let end = CancellationToken::new();
        let [good, bad] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let begin = |number, from| handshakes.begin(number, from, &end);
        let kept: Vec<_> = (0..5).map(|number| begin(number, good)).collect();
        let many: Vec<_> = (5..2_000).map(|number| begin(number, bad)).collect();
        let later = begin(2_000, good);
        assert!(!kept.iter().chain([&later]).any(CancellationToken::is_cancelled));
        assert_eq!(many.iter().filter(|given_up| !given_up.is_cancelled()).count(), 122);
        assert!(many.iter().rev().take(122).all(|given_up| !given_up.is_cancelled()));
        assert_eq!(handshakes.0.lock().len(), HANDSHAKES_MAX);
    }
}
