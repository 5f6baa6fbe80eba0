//! Bodies: as long as they like, as they come, and whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _, stream};
use parking_lot::Mutex;
use tokio::sync::Notify;
use wire::{Body, BodyError, Call, Reply, Service};

use super::lab::*;

const MIB: usize = 1 << 20;

/// How long a body is, if it comes to its end.
async fn length(body: Body, most: usize) -> Result<usize, BodyError> {
    body.collect(most).await.map(|bytes| bytes.len())
}

pub async fn big_bodies_pass_both_ways(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    two.serve(Service::Fragments, echo());
    two.serve(Service::Status, echo());
    for (service, length) in
        [(Service::Fragments, 23 * MIB + 7), (Service::Status, 9 * MIB), (Service::Fragments, 1)]
    {
        let bytes = pattern(length);
        let asked = Call { service, head: Bytes::new(), body: Body::whole(bytes.clone()) };
        let reply = one.call(two.me(), asked, LONG).await.unwrap();
        let back = soon("the echo", reply.body.collect(32 * MIB)).await.unwrap();
        assert!(back == bytes, "{service:?} {length}");
        let cut: Vec<_> = bytes.chunks(100_003).map(|piece| Ok(bytes.slice_ref(piece))).collect();
        let asked = Call { service, head: Bytes::new(), body: Body::pieces(stream::iter(cut)) };
        let reply = one.call(two.me(), asked, LONG).await.unwrap();
        let back = soon("the echo", reply.body.collect(32 * MIB)).await.unwrap();
        assert!(back == bytes, "{service:?} {length} in pieces");
    }
}

pub async fn pieces_come_as_they_are_sent(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    two.serve(Service::Snapshot, echo());
    let (mut tx, rx) = futures::channel::mpsc::channel::<Result<Bytes, BodyError>>(1);
    let asked = Call { service: Service::Snapshot, head: Bytes::new(), body: Body::pieces(rx) };
    let mut reply = one.call(two.me(), asked, LONG).await.unwrap();
    for number in 0..20_u32 {
        let piece = Bytes::from(format!("piece {number}"));
        tx.send(Ok(piece.clone())).await.unwrap();
        let mut back = Vec::new();
        while back.len() < piece.len() {
            let next = soon("the piece", reply.body.next()).await.unwrap().unwrap();
            back.extend_from_slice(&next);
        }
        assert_eq!(back, piece);
    }
    drop(tx);
    assert!(soon("the end", reply.body.next()).await.is_none());
}

pub async fn a_body_that_stands_still_is_late(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    let dropped = Arc::new(Notify::new());
    let tells = dropped.clone();
    two.serve(
        Service::Fragments,
        answers(move |_, _| {
            let tells = Tells(tells.clone());
            async move {
                let first = stream::iter([Ok(Bytes::from_static(b"first"))]);
                let body = first.chain(stream::pending()).inspect(move |_| {
                    let _keeps = &tells;
                });
                Ok(Reply { head: Bytes::new(), body: Body::pieces(body) })
            }
        }),
    );
    let within = Duration::from_millis(300);
    let mut reply = one.call(two.me(), call(Service::Fragments, ""), within).await.unwrap();
    assert_eq!(reply.body.next().await.unwrap().unwrap(), "first");
    let late = soon("the deadline", reply.body.next()).await;
    assert_eq!(late, Some(Err(BodyError::Late)));
    assert_eq!(reply.body.next().await, None);
    drop(reply);
    soon("the other side lets go", dropped.notified()).await;
}

pub async fn a_call_body_that_breaks_off_is_never_whole(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    two.serve(
        Service::Fragments,
        answers(move |_, call: Call| {
            let tx = tx.clone();
            async move {
                // Not the call's own task: a dropped handler would prove nothing.
                tokio::spawn(async move { tx.send(length(call.body, 8 * MIB).await) });
                futures::future::pending().await
            }
        }),
    );
    for pieces in [0, 1, 5] {
        let sent = (0..pieces).map(|_| Ok(pattern(200_000)));
        let cut = Err(BodyError::Broken { reason: "cut by the test".to_owned() });
        let body = Body::pieces(stream::iter(sent.chain([cut])));
        let asked = Call { service: Service::Fragments, head: Bytes::new(), body };
        let error = one.call(two.me(), asked, Duration::from_secs(1)).await.unwrap_err();
        assert!(error.is_unknown(), "{error:?}");
        // A call that broke off so early may not have reached the handler at all.
        let got = tokio::time::timeout(Duration::from_secs(1), rx.recv()).await;
        if let Ok(got) = got {
            assert!(matches!(got, Some(Err(_))), "{pieces} pieces and a cut: {got:?}");
        }
        // The caller goes amid the body.
        let first = stream::iter([Ok(pattern(100_000))]);
        let body = Body::pieces(first.chain(stream::pending()));
        let asked = Call { service: Service::Fragments, head: Bytes::new(), body };
        let within = Duration::from_millis(200);
        one.call(two.me(), asked, within).await.unwrap_err();
        let got = soon("the body ends", rx.recv()).await;
        assert!(matches!(got, Some(Err(_))), "a caller that went: {got:?}");
    }
}

pub async fn a_reply_body_that_breaks_off_is_never_whole(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    two.serve(
        Service::Fragments,
        answers(|_, call: Call| async move {
            let pieces = usize::from(call.head.first().copied().unwrap_or_default());
            let sent = (0..pieces).map(|_| Ok(pattern(200_000)));
            let cut = Err(BodyError::Broken { reason: "cut by the test".to_owned() });
            Ok(Reply { head: call.head, body: Body::pieces(stream::iter(sent.chain([cut]))) })
        }),
    );
    for pieces in [0_u8, 1, 5, 40] {
        let head = Bytes::copy_from_slice(&[pieces]);
        let asked = Call { service: Service::Fragments, head, body: Body::empty() };
        if let Ok(reply) = one.call(two.me(), asked, LONG).await {
            let got = soon("the end", length(reply.body, 16 * MIB)).await;
            assert!(matches!(got, Err(BodyError::Broken { .. })), "{pieces}: {got:?}");
        }
    }
}

pub async fn a_node_that_ends_breaks_its_bodies(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    let got = Arc::new(Mutex::new(None));
    two.serve(
        Service::Snapshot,
        answers(|_, _| async {
            let first = stream::iter([Ok(pattern(150_000))]);
            let body = Body::pieces(first.chain(stream::pending()));
            Ok(Reply { head: Bytes::new(), body })
        }),
    );
    let reply = one.call(two.me(), call(Service::Snapshot, ""), LONG).await.unwrap();
    let collected = got.clone();
    let collecting = tokio::spawn(async move {
        *collected.lock() = Some(length(reply.body, MIB).await);
    });
    soon("the shutdown", two.shutdown()).await;
    soon("the body ends", collecting).await.unwrap();
    let got = got.lock().take();
    assert!(matches!(got, Some(Err(BodyError::Broken { .. }))), "{got:?}");
}

pub async fn an_early_reply_leaves_the_rest_of_the_question(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    two.serve(
        Service::Fragments,
        answers(|_, _| async {
            Ok(Reply { head: Bytes::from_static(b"no need"), body: Body::empty() })
        }),
    );
    for _ in 0..20 {
        let body = Body::whole(pattern(16 * MIB));
        let asked = Call { service: Service::Fragments, head: Bytes::new(), body };
        let reply = soon("the reply", one.call(two.me(), asked, LONG)).await.unwrap();
        assert_eq!(reply.head, "no need");
        assert_eq!(reply.body.collect(10).await.unwrap(), "");
    }
}
