//! Peers that mean no good, or know no better.

use core::time::Duration;
use std::future::pending;

use disk::{Disk, SimDisk};
use erasure::{Code, CodecId};
use futures::stream;
use proptest::prelude::*;
use serde::Serialize;
use units::{ByteCount, ClusterId, FragmentNumber, NodeId, PartId, SimRandom, StripeNumber};
use wire::{BodyError, Service};

use super::*;
use crate::FragmentHeader;

const PEER: Caller = Caller::Node(NodeId::from_u128(2));

fn name(part: u128) -> FragmentName {
    let (stripe, fragment) = (StripeNumber::ZERO, FragmentNumber::ZERO);
    FragmentName { part: PartId::from_u128(part), stripe, fragment }
}

fn fragment(part: u128, length: usize) -> Fragment {
    let stripe_bytes = ByteCount::new(length as u64);
    let (codec, code) = (CodecId::default(), Code::PLAIN);
    let header = FragmentHeader { name: name(part), codec, code, stripe_bytes };
    Fragment { header, payload: vec![7; length].into() }
}

async fn service() -> (FragmentService, DiskId) {
    let disks = vec![SimDisk::new() as Arc<dyn Disk>];
    let random = SimRandom::seeded(1);
    let store = FragmentStore::open(ClusterId::from_u128(1), disks, &random).await.unwrap();
    let disk = store.disks()[0];
    (FragmentService::new(store), disk)
}

async fn asked(
    service: &FragmentService,
    words: &impl Serialize,
    body: Body,
) -> Result<Answer, Refused> {
    let head = protocol::encode(words).unwrap();
    let call = Call { service: Service::Fragments, head, body };
    let reply = service.handle(PEER, call).await?;
    Ok(protocol::decode(&reply.head).unwrap())
}

fn append(disk: DiskId, fragments: &[Fragment]) -> Question {
    let arriving = fragments.iter().map(|one| Arriving::of(one).unwrap()).collect();
    Question::Append { disk, arriving }
}

#[tokio::test]
async fn nothing_is_stored_that_does_not_fit_its_head() {
    let (service, disk) = service().await;
    let one = fragment(1, 1_000);
    let whole = || Body::whole(one.payload.clone());
    let question = append(disk, core::slice::from_ref(&one));

    let short = Body::whole(one.payload.slice(..999));
    assert!(asked(&service, &question, short).await.is_err());
    let long = Body::whole(vec![7; 1_001].into());
    assert!(asked(&service, &question, long).await.is_err());
    assert!(asked(&service, &question, Body::empty()).await.is_err());
    let broken = BodyError::Broken { reason: "cut".to_owned() };
    let broken = stream::iter([Ok(one.payload.slice(..500)), Err(broken)]);
    assert!(asked(&service, &question, Body::pieces(broken)).await.is_err());
    let other = Body::whole(vec![8; 1_000].into());
    let garbled = Answer::failed(Fault::Garbled);
    assert_eq!(asked(&service, &question, other).await, Ok(garbled));

    // Its length is that of its stripe, or the header is wrong.
    let mut liar = one.clone();
    liar.header.stripe_bytes = ByteCount::new(1_001);
    assert!(asked(&service, &append(disk, &[liar]), whole()).await.is_err());
    // Nobody reads a body for a disk that is not here.
    let strange = append(DiskId::from_u128(9), core::slice::from_ref(&one));
    let never = Body::pieces(stream::once(pending()));
    let unknown = Answer::failed(Fault::NoSuchDisk);
    assert_eq!(asked(&service, &strange, never).await, Ok(unknown));

    assert_eq!(service.store.list(disk, None, 10), [], "nothing was stored");
    assert_eq!(asked(&service, &question, whole()).await, Ok(Answer::Stored));
    service.store.shutdown().await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_before_it_is_received() {
    let (service, disk) = service().await;
    let never = || Body::pieces(stream::once(pending()));
    let long = fragment(1, FRAGMENT_BYTES_MAX);
    let three = [long.clone(), long.clone(), long];
    assert!(asked(&service, &append(disk, &three), never()).await.is_err());
    let many = vec![fragment(1, 0); CALL_NAMES_MAX + 1];
    assert!(asked(&service, &append(disk, &many), never()).await.is_err());
    let names = vec![name(1).into(); CALL_NAMES_MAX + 1];
    assert!(
        asked(&service, &Question::Remove { disk, names: names.clone() }, never()).await.is_err()
    );
    assert!(asked(&service, &Question::Lengths { disk, names }, never()).await.is_err());
    let beyond = Question::Read { disk, name: name(1).into(), start: 0, end: u32::MAX };
    let absent = Answer::failed(Fault::NotFound);
    assert_eq!(asked(&service, &beyond, Body::empty()).await, Ok(absent.clone()));
    let range = Some((u32::MAX, 0));
    let prove = Question::Prove { disk, name: name(1).into(), nonce: [0; 32], range };
    assert_eq!(asked(&service, &prove, Body::empty()).await, Ok(absent));
    let list = Question::List { disk, after: None, limit: u32::MAX };
    let empty = Answer::Listed { page: Vec::new() };
    assert_eq!(asked(&service, &list, Body::empty()).await, Ok(empty));
    service.store.shutdown().await;
}

#[tokio::test]
async fn bodies_that_never_come_take_no_more_than_their_room() {
    let (service, disk) = service().await;
    let service = Arc::new(service);
    let asked_for = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut calls = Vec::new();
    for part in 0..50 {
        let (service, asked_for) = (Arc::clone(&service), Arc::clone(&asked_for));
        calls.push(tokio::spawn(async move {
            let question = append(disk, &[fragment(part, FRAGMENT_BYTES_MAX)]);
            let body = stream::once(async move {
                asked_for.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                pending().await
            });
            asked(&service, &question, Body::pieces(body)).await
        }));
    }
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let most = RECEIVING_BYTES_MAX / FRAGMENT_BYTES_MAX;
    assert_eq!(asked_for.load(std::sync::atomic::Ordering::SeqCst), most);
    // Those who go make room for others.
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    let (question, body) = (append(disk, &[fragment(99, 9)]), fragment(99, 9).payload);
    let stored = asked(&service, &question, Body::whole(body)).await;
    assert_eq!(stored, Ok(Answer::Stored));
    service.store.shutdown().await;
}

#[tokio::test]
async fn replies_that_nobody_takes_hold_no_more_than_their_room() {
    let (service, disk) = service().await;
    service.store.append(disk, fragment(1, FRAGMENT_BYTES_MAX)).await.unwrap();
    let question = Question::ReadWhole { disk, name: name(1).into() };
    let head = protocol::encode(&question).unwrap();
    let most = ANSWERING_BYTES_MAX / FRAGMENT_BYTES_MAX;
    let mut held = Vec::new();
    for count in 0..=most {
        let call = Call { service: Service::Fragments, head: head.clone(), body: Body::empty() };
        let reply = tokio::time::timeout(Duration::from_millis(200), service.handle(PEER, call));
        match reply.await {
            Ok(reply) => held.push(reply.unwrap().body),
            Err(_) => assert_eq!(count, most),
        }
    }
    assert_eq!(held.len(), most);
    held.pop();
    let answer = asked(&service, &question, Body::empty()).await;
    assert!(matches!(answer, Ok(Answer::Whole { .. })), "{answer:?}");
    service.store.shutdown().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn heads_that_nobody_vouches_for_are_no_harm(
        heads in proptest::collection::vec(
            (0_u8..12, proptest::collection::vec(any::<u8>(), 0..120)), 1..30,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (service, disk) = service().await;
            service.store.append(disk, fragment(1, 10)).await.unwrap();
            for (kind, bytes) in heads {
                // A question of each kind about the disk that is here, then anything.
                let head = protocol::encode(&(kind, disk, Plain(bytes))).unwrap();
                let body = Body::whole(vec![1; 20].into());
                let call = Call { service: Service::Fragments, head, body };
                if let Ok(reply) = service.handle(PEER, call).await {
                    let mut body = reply.body;
                    while body.next().await.is_some() {}
                }
            }
            service.store.shutdown().await;
        });
    }
}

/// Bytes as they are, without their count.
struct Plain(Vec<u8>);

impl Serialize for Plain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple as _;
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for byte in &self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}
