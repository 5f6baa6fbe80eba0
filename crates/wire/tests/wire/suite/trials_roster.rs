//! The roster: who is let in, and who is cut off.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use tokio::sync::Notify;
use wire::{
    Body, BodyError, CallError, Caller, GuestError, Refused, Reply, Roster, Service, Transport,
};

use super::lab::*;

const BRIEFLY: Duration = Duration::from_secs(2);

/// Which of the two forgets the other.
#[derive(Clone, Copy, Debug)]
pub enum Forgets {
    Asked,
    Asking,
}

pub async fn whoever_leaves_the_roster_is_cut_off(lab: &dyn Lab) {
    for forgets in [Forgets::Asked, Forgets::Asking] {
        cut_amid_a_call(lab, forgets, lab.roster(&[])).await;
        let mut rekeyed = lab.roster(&[node(1), node(2)]);
        for peer in rekeyed.nodes.values_mut() {
            peer.key = lab.peer(node(99)).key;
        }
        cut_amid_a_call(lab, forgets, rekeyed).await;
    }
}

async fn cut_amid_a_call(lab: &dyn Lab, forgets: Forgets, then: Roster) {
    let [one, two] = lab.pair().await;
    let [started, dropped] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    two.serve(Service::Catalog, silence(started.clone(), dropped.clone()));
    two.serve(
        Service::Snapshot,
        answers(|_, _| async {
            let first = stream::iter([Ok(Bytes::from_static(b"first"))]);
            let body = Body::pieces(first.chain(stream::pending()));
            Ok(Reply { head: Bytes::new(), body })
        }),
    );
    let mut reply = one.call(two.me(), call(Service::Snapshot, ""), LONG).await.unwrap();
    assert_eq!(reply.body.next().await.unwrap().unwrap(), "first");
    let asked = {
        let one = one.clone();
        tokio::spawn(async move { one.call(node(2), call(Service::Catalog, ""), LONG).await })
    };
    soon("the handler starts", started.notified()).await;
    match forgets {
        Forgets::Asked => two.roster_set(then.clone()),
        Forgets::Asking => one.roster_set(then.clone()),
    }
    let cut = tokio::time::Instant::now();
    let error = soon("the call ends", asked).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Broken { .. }), "{forgets:?}: {error:?}");
    let body = soon("the body ends", reply.body.next()).await;
    assert!(matches!(body, Some(Err(BodyError::Broken { .. }))), "{forgets:?}: {body:?}");
    soon("the handler is dropped", dropped.notified()).await;
    assert!(cut.elapsed() < BRIEFLY, "{forgets:?}: {:?}", cut.elapsed());

    two.serve(Service::Catalog, echo());
    let error = one.call(node(2), call(Service::Catalog, ""), BRIEFLY).await.unwrap_err();
    match (forgets, then.nodes.is_empty()) {
        (Forgets::Asking, true) => assert_eq!(error, CallError::NoSuchNode { node: node(2) }),
        _ => assert!(matches!(error, CallError::Unreachable { .. }), "{forgets:?}: {error:?}"),
    }
    let roster = lab.roster(&[node(1), node(2)]);
    one.roster_set(roster.clone());
    two.roster_set(roster);
    until_answered(&*one).await;
    one.shutdown().await;
    two.shutdown().await;
}

/// Asks until there is an answer, which must be within four seconds.
pub async fn until_answered(one: &dyn Transport) {
    let since = tokio::time::Instant::now();
    while let Err(error) = one.call(node(2), call(Service::Catalog, ""), BRIEFLY).await {
        assert!(since.elapsed() < 2 * BRIEFLY, "{error:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub async fn a_roster_that_still_has_a_node_leaves_it_alone(lab: &dyn Lab) {
    let roster = lab.roster(&[node(1), node(2), node(3)]);
    let [one, two] = [lab.start(node(1), roster.clone()).await, lab.start(node(2), roster).await];
    two.serve(Service::Snapshot, echo());
    let (tx, rx) = tokio::sync::mpsc::unbounded_channel::<Result<Bytes, BodyError>>();
    let pieces = stream::unfold(rx, |mut rx| async move { Some((rx.recv().await?, rx)) });
    let mut asked = call(Service::Snapshot, "");
    asked.body = Body::pieces(pieces);
    let mut reply = one.call(two.me(), asked, LONG).await.unwrap();
    let mut less = lab.roster(&[node(1), node(2)]);
    less.invites.insert(invite(5), lab.invite_key(invite(5)));
    one.roster_set(less.clone());
    two.roster_set(less);
    tx.send(Ok(Bytes::from_static(b"goes on"))).unwrap();
    drop(tx);
    assert_eq!(soon("the body", reply.body.next()).await.unwrap().unwrap(), "goes on");
    assert_eq!(soon("the end", reply.body.next()).await, None);
}

pub async fn an_unknown_key_is_refused(lab: &dyn Lab) {
    let stranger = lab.start(node(3), lab.roster(&[node(1), node(2), node(3)])).await;
    let [one, two] = lab.pair().await;
    let called = Arc::new(Notify::new());
    let dropped = Arc::new(Notify::new());
    two.serve(Service::Join, silence(called.clone(), dropped));
    stranger.serve(Service::Status, echo());
    let error = stranger.call(two.me(), call(Service::Join, ""), BRIEFLY).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    assert_eq!(stranger.contact(two.me()).reached, Some(false));
    assert!(tokio::time::timeout(Duration::from_millis(50), called.notified()).await.is_err());
    // The right place, another key than expected: nothing is asked there.
    let mut wrong = lab.roster(&[node(2), node(3)]);
    for peer in wrong.nodes.values_mut() {
        peer.key = lab.peer(node(77)).key;
    }
    one.roster_set(wrong);
    let error = one.call(node(3), call(Service::Status, ""), BRIEFLY).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
}

pub async fn an_invitation_is_for_joining(lab: &dyn Lab) {
    let [_, two] = lab.pair().await;
    let mut roster = lab.roster(&[node(1), node(2)]);
    roster.invites.insert(invite(5), lab.invite_key(invite(5)));
    two.roster_set(roster);
    for service in Service::ALL {
        two.serve(
            service,
            answers(move |caller, _| async move {
                if service == Service::Join && caller == Caller::Invited(invite(5)) {
                    return Ok(Reply { head: Bytes::from_static(b"welcome"), body: Body::empty() });
                }
                Err(Refused { reason: format!("{service:?} was reached by {caller:?}") })
            }),
        );
    }
    let guest = lab.guest(invite(5), node(2)).await;
    let reply = guest.ask(call(Service::Join, "let me in"), LONG).await.unwrap();
    assert_eq!(reply.head, "welcome");
    for service in Service::ALL.into_iter().filter(|service| *service != Service::Join) {
        let error = guest.ask(call(service, ""), LONG).await.unwrap_err();
        let GuestError::Refused(refused) = error else { panic!("{error:?}") };
        assert!(!refused.reason.contains("reached"), "{refused:?}");
    }
    two.roster_set(lab.roster(&[node(1), node(2)]));
    let error = guest.ask(call(Service::Join, ""), BRIEFLY).await.unwrap_err();
    assert!(!matches!(error, GuestError::Refused(_)), "{error:?}");
}

pub async fn who_joins_hears_the_answer_that_closes_the_invitation(lab: &dyn Lab) {
    let [_, two] = lab.pair().await;
    let mut roster = lab.roster(&[node(1), node(2)]);
    roster.invites.insert(invite(5), lab.invite_key(invite(5)));
    two.roster_set(roster);
    let closes = (two.clone(), lab.roster(&[node(1), node(2)]));
    two.serve(
        Service::Join,
        answers(move |_, call| {
            let (two, closed) = closes.clone();
            async move {
                two.roster_set(closed);
                Ok(Reply { head: call.head, body: Body::whole(pattern(300_000)) })
            }
        }),
    );
    let guest = lab.guest(invite(5), node(2)).await;
    let reply = guest.ask(call(Service::Join, "once"), LONG).await.unwrap();
    assert_eq!(reply.head, "once");
    assert_eq!(reply.body.collect(400_000).await.unwrap(), pattern(300_000));
    let error = guest.ask(call(Service::Join, "twice"), BRIEFLY).await.unwrap_err();
    assert!(!matches!(error, GuestError::Refused(_)), "{error:?}");
    two.shutdown().await;
}
