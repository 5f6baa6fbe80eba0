//! Calls: who answers, when they end, what a broken handler breaks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use units::NodeId;
use wire::limits::{HEAD_BYTES_MAX, REASON_BYTES_MAX};
use wire::{Body, Call, CallError, Caller, Refused, Reply, Service};

use super::lab::*;

pub async fn calls_reach_the_service_they_name(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    for service in Service::ALL {
        let missing = one.call(two.me(), call(service, "early"), LONG).await;
        assert!(matches!(missing, Err(CallError::Refused { .. })), "{service:?}: {missing:?}");
        two.serve(
            service,
            answers(move |caller, call: Call| async move {
                assert_eq!((caller, call.service), (Caller::Node(node(1)), service));
                let head = format!("{} {:?}", service.name(), call.head);
                let body = call.body.collect(1_000).await.unwrap();
                Ok(Reply { head: head.into(), body: Body::whole(body) })
            }),
        );
    }
    for service in Service::ALL {
        let body = Body::whole(Bytes::from_static(b"what it is about"));
        let asked = Call { service, head: Bytes::from_static(b"asked"), body };
        let reply = one.call(two.me(), asked, LONG).await.unwrap();
        assert_eq!(reply.head, format!("{} b\"asked\"", service.name()));
        assert_eq!(reply.body.collect(1_000).await.unwrap(), "what it is about");
    }
    let contact = one.contact(two.me());
    assert_eq!(contact.reached, Some(true));
    assert!(contact.round_trip.is_some() && contact.heard_ago.unwrap() < LONG, "{contact:?}");
}

pub async fn a_node_asks_itself_without_the_network(lab: &dyn Lab) {
    let alone = lab.start(node(1), lab.roster(&[])).await;
    alone.serve(
        Service::Status,
        answers(|caller, call| async move {
            assert_eq!(caller, Caller::Node(node(1)));
            assert_ne!(call.head, "panic", "as planned");
            if call.head == "hang" {
                futures::future::pending::<()>().await;
            }
            Ok(Reply { head: call.head, body: call.body })
        }),
    );
    let reply = alone.call(node(1), call(Service::Status, "self"), LONG).await.unwrap();
    assert_eq!(reply.head, "self");
    let within = Duration::from_millis(50);
    let late = alone.call(node(1), call(Service::Status, "hang"), within).await;
    assert!(matches!(late, Err(CallError::Late { .. })), "{late:?}");
    let broken = alone.call(node(1), call(Service::Status, "panic"), LONG).await;
    assert!(matches!(broken, Err(CallError::Broken { .. })), "{broken:?}");
}

pub async fn what_cannot_be_reached_is_said(lab: &dyn Lab) {
    let roster = lab.roster(&[node(1), node(2), node(3)]);
    let one = lab.start(node(1), roster).await;
    let stranger: NodeId = node(9);
    let unknown = one.call(stranger, call(Service::Status, ""), LONG).await;
    assert_eq!(unknown.unwrap_err(), CallError::NoSuchNode { node: stranger });
    assert_eq!(one.contact(stranger).reached, None);
    let within = Duration::from_secs(1);
    let away = one.call(node(3), call(Service::Status, ""), within).await.unwrap_err();
    assert!(matches!(away, CallError::Unreachable { .. }) && !away.is_unknown(), "{away:?}");
    assert_eq!(one.contact(node(3)).reached, Some(false));
}

pub async fn a_refusal_says_why(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    two.serve(
        Service::Catalog,
        answers(|_, _| async { Err(Refused { reason: "ünwilling ".repeat(1_000) }) }),
    );
    let body = Body::whole(pattern(3 << 20));
    let asked = Call { service: Service::Catalog, head: Bytes::new(), body };
    let error = one.call(two.me(), asked, LONG).await.unwrap_err();
    let CallError::Refused { node, refused } = error else { panic!("{error:?}") };
    assert_eq!(node, two.me());
    assert!(refused.reason.starts_with("ünwilling ünwilling"), "{refused:?}");
    assert!(refused.reason.len() <= REASON_BYTES_MAX);
}

pub async fn heads_have_a_limit(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    two.serve(Service::Fragments, echo());
    for length in [0, 1, 3_000, 16_384, HEAD_BYTES_MAX] {
        let head = pattern(length);
        let asked = Call { service: Service::Fragments, head: head.clone(), body: Body::empty() };
        assert_eq!(one.call(two.me(), asked, LONG).await.unwrap().head, head);
    }
    let head = pattern(HEAD_BYTES_MAX + 1);
    let asked = Call { service: Service::Fragments, head, body: Body::empty() };
    let error = one.call(two.me(), asked, LONG).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { .. }), "{error:?}");
    two.serve(
        Service::Fragments,
        answers(|_, _| async {
            Ok(Reply { head: pattern(HEAD_BYTES_MAX + 1), body: Body::empty() })
        }),
    );
    let error = one.call(two.me(), call(Service::Fragments, ""), LONG).await.unwrap_err();
    assert!(error.is_unknown(), "it was carried out: {error:?}");
}

pub async fn a_call_ends_by_its_deadline(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    let [started, dropped] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    two.serve(Service::Consensus, silence(started.clone(), dropped.clone()));
    let within = Duration::from_millis(200);
    let asked = Instant::now();
    let error = one.call(two.me(), call(Service::Consensus, ""), within).await.unwrap_err();
    assert_eq!(error, CallError::Late { node: two.me(), within });
    assert!(asked.elapsed() < within + Duration::from_secs(2), "{:?}", asked.elapsed());
    soon("the handler starts", started.notified()).await;
    soon("the handler is dropped", dropped.notified()).await;
    two.serve(Service::Status, echo());
    one.call(two.me(), call(Service::Status, "still here"), LONG).await.unwrap();
}

pub async fn a_dropped_call_is_dropped_on_the_other_side(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    for service in [Service::Catalog, Service::Fragments] {
        let [started, dropped] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        two.serve(service, silence(started.clone(), dropped.clone()));
        let asked = one.call(two.me(), call(service, ""), LONG);
        tokio::select! {
            reply = asked => panic!("{reply:?}"),
            () = started.notified() => {}
        }
        soon("the handler is dropped", dropped.notified()).await;
    }
}

pub async fn a_handler_that_panics_ends_its_own_call_only(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    let goes_on = Arc::new(Notify::new());
    let waits = goes_on.clone();
    two.serve(
        Service::Catalog,
        answers(move |_, call| {
            let waits = waits.clone();
            async move {
                assert_ne!(call.head, "panic", "as planned");
                waits.notified().await;
                Ok(Reply { head: call.head, body: Body::empty() })
            }
        }),
    );
    let beside = {
        let (one, to) = (one.clone(), two.me());
        tokio::spawn(async move { one.call(to, call(Service::Catalog, "beside"), LONG).await })
    };
    let error = one.call(two.me(), call(Service::Catalog, "panic"), LONG).await.unwrap_err();
    assert!(matches!(error, CallError::Broken { .. }), "{error:?}");
    goes_on.notify_one();
    assert_eq!(soon("the call beside", beside).await.unwrap().unwrap().head, "beside");
    goes_on.notify_one();
    one.call(two.me(), call(Service::Catalog, "after"), LONG).await.unwrap();
}

pub async fn many_calls_at_once_are_all_answered(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    two.serve(Service::Status, echo());
    two.serve(Service::Fragments, echo());
    let calls = (0..2_000_u32).map(|number| {
        let one = one.clone();
        async move {
            let service = if number % 4 == 0 { Service::Fragments } else { Service::Status };
            let head = Bytes::copy_from_slice(&number.to_le_bytes());
            let asked = Call { service, head: head.clone(), body: Body::whole(head.clone()) };
            let reply = one.call(node(2), asked, LONG).await.unwrap();
            assert_eq!(reply.head, head);
            assert_eq!(reply.body.collect(4).await.unwrap(), head);
        }
    });
    soon("all calls", futures::future::join_all(calls)).await;
}

pub async fn after_a_shutdown_nothing_is_answered(lab: &dyn Lab) {
    let [one, two] = lab.pair().await;
    let [started, dropped] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    two.serve(Service::Status, silence(started.clone(), dropped.clone()));
    let asked = {
        let one = one.clone();
        tokio::spawn(async move { one.call(node(2), call(Service::Status, ""), LONG).await })
    };
    soon("the handler starts", started.notified()).await;
    soon("the shutdown", two.shutdown()).await;
    let error = soon("the call", asked).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Broken { .. }), "{error:?}");
    soon("the handler is dropped", dropped.notified()).await;
    let within = Duration::from_millis(300);
    let error = one.call(two.me(), call(Service::Status, ""), within).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    let error = two.call(one.me(), call(Service::Status, ""), within).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    assert!(timeout(LONG, two.shutdown()).await.is_ok(), "twice is once");
}
