//! What a test can do to the simulated network, and what the calls then say.

use std::sync::Arc;
use std::time::Duration;

use super::suite::lab::{answers, call, echo, node, silence, soon};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use wire::{Body, CallError, Reply, Service, SimNetwork, SimTransport, Transport};

const WITHIN: Duration = Duration::from_secs(5);

fn started(network: &Arc<SimNetwork>, count: u128) -> Vec<Arc<SimTransport>> {
    let roster = SimNetwork::roster((1..=count).map(node));
    let start = |number| {
        let transport = network.join(node(number), roster.clone());
        transport.serve(Service::Status, echo());
        transport
    };
    (1..=count).map(start).collect()
}

async fn ask(from: &SimTransport, to: u128, within: Duration) -> Result<Reply, CallError> {
    from.call(node(to), call(Service::Status, "how"), within).await
}

#[tokio::test(start_paused = true)]
async fn messages_take_their_time_in_each_direction() {
    let network = SimNetwork::new(1);
    let nodes = started(&network, 3);
    let ms = Duration::from_millis;
    network.delay_set_all(ms(10), Duration::ZERO);
    network.delay_set(node(1), node(2), ms(50), ms(20));
    let asked = Instant::now();
    ask(&nodes[0], 3, WITHIN).await.unwrap();
    assert_eq!(asked.elapsed(), ms(20));
    for _ in 0..20 {
        let asked = Instant::now();
        ask(&nodes[0], 2, WITHIN).await.unwrap();
        assert!((ms(60)..=ms(82)).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    }
    assert!(nodes[0].contact(node(2)).round_trip.unwrap() >= ms(60));
    assert_eq!(network.calls(node(1), node(2), Service::Status).arrived, 20);
    assert_eq!(network.calls_of(Service::Status).asked, 21);
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_silence_first_and_a_refusal_then() {
    let network = SimNetwork::new(1);
    let nodes = started(&network, 5);
    let [left, right] = [[1, 2, 3].map(node), [3, 4, 5].map(node)];
    network.partition(&[&left, &right]);
    let broken = ask(&nodes[0], 5, WITHIN).await.unwrap_err();
    assert!(matches!(broken, CallError::Broken { .. }), "{broken:?}");
    let asked = Instant::now();
    let refused = ask(&nodes[0], 5, WITHIN).await.unwrap_err();
    assert!(matches!(refused, CallError::Unreachable { .. }), "{refused:?}");
    assert!(asked.elapsed() < Duration::from_millis(10), "no retry storm, no wait either");
    for to in [2, 3] {
        ask(&nodes[0], to, WITHIN).await.unwrap();
    }
    ask(&nodes[2], 5, WITHIN).await.unwrap();
    network.heal();
    ask(&nodes[0], 5, WITHIN).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_one_way_cut_may_still_carry_calls_out() {
    let network = SimNetwork::new(1);
    let nodes = started(&network, 2);
    network.cut(node(2), node(1));
    let within = Duration::from_secs(1);
    let late = ask(&nodes[0], 2, within).await.unwrap_err();
    assert_eq!(late, CallError::Late { node: node(2), within });
    assert_eq!(network.calls(node(1), node(2), Service::Status).arrived, 1);
    network.heal();
    network.cut(node(1), node(2));
    ask(&nodes[0], 2, within).await.unwrap_err();
    assert_eq!(network.calls(node(1), node(2), Service::Status).arrived, 1);
}

#[tokio::test(start_paused = true)]
async fn a_short_cut_only_delays() {
    let network = SimNetwork::new(1);
    let nodes = started(&network, 2);
    network.flap(node(1), node(2), Duration::from_millis(700));
    let asked = Instant::now();
    ask(&nodes[0], 2, WITHIN).await.unwrap();
    assert_eq!(asked.elapsed(), Duration::from_millis(700));
}

#[tokio::test(start_paused = true)]
async fn whoever_hears_nothing_of_the_caller_goes_on_for_a_while() {
    let network = SimNetwork::new(1);
    let nodes = started(&network, 2);
    let [started, dropped] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    nodes[1].serve(Service::Status, silence(started.clone(), dropped.clone()));
    tokio::select! {
        reply = ask(&nodes[0], 2, WITHIN) => panic!("{reply:?}"),
        () = async { started.notified().await; network.cut(node(1), node(2)); } => {}
    }
    let cut = Instant::now();
    soon("the handler is dropped", dropped.notified()).await;
    assert_eq!(cut.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn lost_messages_leave_a_caller_in_the_dark_and_nothing_is_doubled() {
    let network = SimNetwork::new(7);
    let nodes = started(&network, 2);
    network.delay_set_all(Duration::from_millis(5), Duration::ZERO);
    network.loss_set_all(200);
    let carried_out = Arc::new(parking_lot::Mutex::new(0));
    let counted = carried_out.clone();
    nodes[1].serve(
        Service::Status,
        answers(move |_, call| {
            *counted.lock() += 1;
            async { Ok(Reply { head: call.head, body: Body::empty() }) }
        }),
    );
    let (mut answered, mut late, mut broken) = (0, 0, 0);
    for _ in 0..1_000 {
        match ask(&nodes[0], 2, Duration::from_millis(100)).await {
            Ok(_) => answered += 1,
            Err(CallError::Late { .. }) => late += 1,
            Err(CallError::Broken { .. }) => broken += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    let carried_out = *carried_out.lock();
    assert!((550..750).contains(&answered), "{answered} answered");
    assert!(late > 50 && broken > 50, "{late} late, {broken} broken");
    assert!((answered + 50..=1_000 - 50).contains(&carried_out), "{carried_out} carried out");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_down_comes_back_as_another_process() {
    let network = SimNetwork::new(1);
    let nodes = started(&network, 2);
    let [started_handler, dropped] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    nodes[1].serve(Service::Catalog, silence(started_handler.clone(), dropped.clone()));
    let asked = {
        let one = nodes[0].clone();
        tokio::spawn(async move { one.call(node(2), call(Service::Catalog, ""), WITHIN).await })
    };
    soon("the handler starts", started_handler.notified()).await;
    network.down(node(2));
    let error = soon("the call", asked).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Broken { .. }), "{error:?}");
    soon("the handler is dropped", dropped.notified()).await;
    let error = ask(&nodes[0], 2, WITHIN).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    let error = ask(&nodes[1], 1, WITHIN).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "the dead do not call: {error:?}");
    let again = network.join(node(2), SimNetwork::roster([node(1), node(2)]));
    again.serve(Service::Status, echo());
    ask(&nodes[0], 2, WITHIN).await.unwrap();
    ask(&again, 1, WITHIN).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run() {
    async fn run(seed: u64) -> (Duration, Vec<bool>) {
        let network = SimNetwork::new(seed);
        let nodes = started(&network, 2);
        network.delay_set_all(Duration::from_millis(3), Duration::from_millis(9));
        network.loss_set_all(300);
        let began = Instant::now();
        let mut results = Vec::new();
        for _ in 0..50 {
            results.push(ask(&nodes[0], 2, Duration::from_millis(50)).await.is_ok());
            sleep(Duration::from_millis(1)).await;
        }
        (began.elapsed(), results)
    }
    assert_eq!(run(3).await, run(3).await);
    assert_ne!(run(3).await, run(4).await);
}
