//! How fast the real half is over the loopback, both ends in this process.
//!
//! `cargo run --release -p wire --example wire_throughput`
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use units::NodeId;
use vault::NodeIdentity;
use wire::{
    Body, Call, Caller, Handler, Peer, Refused, Reply, Roster, Service, TcpParts, TcpTransport,
    Transport,
};

const WITHIN: Duration = Duration::from_secs(10);
const FRAGMENT_BYTES: usize = 4 * 1024 * 1024;
const FRAGMENTS: usize = 500;
const CALLS: usize = 20_000;

/// Takes a body, or gives one: the first byte of the head says which.
struct Fragments(Bytes);

#[async_trait]
impl Handler for Fragments {
    async fn handle(&self, _: Caller, mut call: Call) -> Result<Reply, Refused> {
        let mut taken = 0;
        while let Some(Ok(piece)) = call.body.next().await {
            taken += piece.len();
        }
        let gives = call.head.first() == Some(&b'g');
        let body = if gives { Body::whole(self.0.clone()) } else { Body::empty() };
        Ok(Reply { head: Bytes::copy_from_slice(&taken.to_le_bytes()), body })
    }
}

#[tokio::main]
async fn main() {
    let nodes = [1, 2].map(NodeId::from_u128);
    let identities = [1, 2]
        .map(|byte| Arc::new(NodeIdentity::from_seed(&[byte; 32]).expect("any seed makes a key")));
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let mut roster = Roster::default();
    for ((node, identity), listener) in nodes.iter().zip(&identities).zip(&listeners) {
        let address = listener.local_addr().expect("it is bound").to_string();
        let peer = Peer { key: identity.public(), addresses: vec![address] };
        roster.nodes.insert(*node, peer);
    }
    let mut started = BTreeMap::new();
    for ((me, identity), listen) in nodes.into_iter().zip(identities).zip(listeners) {
        let parts = TcpParts { me, identity, listen, roster: roster.clone() };
        started.insert(me, TcpTransport::start(parts).expect("nothing is in the way"));
    }
    let [one, two] = nodes.map(|node| started[&node].clone());
    let fragment = Bytes::from(vec![7; FRAGMENT_BYTES]);
    two.serve(Service::Fragments, Arc::new(Fragments(fragment.clone())));
    two.serve(Service::Status, Arc::new(Fragments(Bytes::new())));

    small(&one, 1_000).await;
    let alone = small(&one, CALLS).await;
    println!("small calls, one after another: p50 {:?}, p99 {:?}", alone[0], alone[1]);
    let began = Instant::now();
    futures::future::join_all((0..64).map(|_| small(&one, CALLS / 64))).await;
    let rate = CALLS * 1_000 / usize::try_from(began.elapsed().as_millis()).unwrap_or(1);
    println!("small calls, 64 at once: {rate} a second");
    for at_once in [1, 4, 16] {
        for (what, head) in [("put", "p"), ("get", "g")] {
            let rate = bulk(&one, head, at_once, &fragment).await;
            println!("{what} 4 MiB, {at_once} at once: {rate} MiB/s");
        }
    }
    let busy = tokio::spawn({
        let (one, fragment) = (one.clone(), fragment.clone());
        async move {
            loop {
                bulk(&one, "p", 8, &fragment).await;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let beside = small(&one, 2_000).await;
    println!("small calls beside 8 puts: p50 {:?}, p99 {:?}", beside[0], beside[1]);
    busy.abort();
    for transport in started.values() {
        transport.shutdown().await;
    }
}

/// The median and the 99th percentile.
async fn small(one: &TcpTransport, count: usize) -> [Duration; 2] {
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        let head = Bytes::from_static(&[b'p'; 64]);
        let call = Call { service: Service::Status, head, body: Body::empty() };
        one.call(NodeId::from_u128(2), call, WITHIN).await.expect("an answer");
        took.push(began.elapsed());
    }
    took.sort_unstable();
    [took[count / 2], took[count * 99 / 100]]
}

/// MiB a second.
async fn bulk(one: &TcpTransport, head: &'static str, at_once: usize, fragment: &Bytes) -> u128 {
    let began = Instant::now();
    let each = |_| async move {
        for _ in 0..FRAGMENTS / at_once {
            let body = if head == "p" { Body::whole(fragment.clone()) } else { Body::empty() };
            let head = Bytes::from_static(head.as_bytes());
            let call = Call { service: Service::Fragments, head, body };
            let reply = one.call(NodeId::from_u128(2), call, WITHIN).await;
            let mut body = reply.expect("an answer").body;
            while let Some(piece) = body.next().await {
                piece.expect("all of it");
            }
        }
    };
    futures::future::join_all((0..at_once).map(each)).await;
    let mib = FRAGMENTS / at_once * at_once * (FRAGMENT_BYTES >> 20);
    mib as u128 * 1_000 / began.elapsed().as_millis().max(1)
}
