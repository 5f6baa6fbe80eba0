//! The real half alone: strangers, silence, restarts, and readers that do not read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use wire::limits::{HANDSHAKE_WITHIN, HANDSHAKES_MAX};
use wire::{Body, Call, CallError, Reply, Service, TcpTransport, Transport};

use super::suite::lab::{LONG, Lab, answers, call, echo, invite, node, pattern, silence, soon};
use super::suite::outsider;
use super::suite::relay::Relay;
use super::suite::tcp_lab::{TcpLab, identity, seed};

const ALPN: &[&[u8]] = &[b"essaim/1"];

async fn pair(lab: &TcpLab) -> [Arc<TcpTransport>; 2] {
    let roster = lab.roster(&[node(1), node(2)]);
    let started =
        [lab.start_tcp(node(1), roster.clone()).await, lab.start_tcp(node(2), roster).await];
    for node in &started {
        node.serve(Service::Status, echo());
    }
    started
}

async fn ask(one: &TcpTransport, within: Duration) -> Result<Reply, CallError> {
    one.call(node(2), call(Service::Status, "how"), within).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_get_no_further_than_the_handshake() {
    let lab = TcpLab::default();
    let [_one, two] = pair(&lab).await;
    let at = two.local_address();
    let member = identity(b'n', 1).public();
    assert!(outsider::is_let_in(at, outsider::raw(member, seed(b'n', 1), ALPN)).await);

    let stranger = identity(b'n', 66).public();
    let config = outsider::raw(stranger, seed(b'n', 66), ALPN);
    assert!(!outsider::is_let_in(at, config).await, "a key that nobody knows");
    let config = outsider::raw(member, seed(b'n', 66), ALPN);
    assert!(!outsider::is_let_in(at, config).await, "a key that it does not hold");
    let config = outsider::raw(member, seed(b'n', 1), &[b"h2"]);
    assert!(!outsider::is_let_in(at, config).await, "another protocol");
    let config = outsider::raw(member, seed(b'n', 1), &[]);
    assert!(!outsider::is_let_in(at, config).await, "no protocol");
    assert!(!outsider::is_let_in(at, outsider::x509(true)).await, "a certificate");
    assert!(!outsider::is_let_in(at, outsider::x509(false)).await, "nothing at all");
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let lab = TcpLab::default();
    let [_one, two] = pair(&lab).await;
    let mut tcp = TcpStream::connect(two.local_address()).await.unwrap();
    // A ClientHello of RFC 5246, section 7.4.1.2: version, random, no session, two
    // suites, no compression, and the extensions that servers ask for.
    let extensions = [
        &[0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x1d][..], // supported groups: x25519
        &[0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x08, 0x07],     // signatures: ed25519
    ]
    .concat();
    let mut hello = vec![0x03, 0x03];
    hello.extend([7; 32]);
    hello.extend([0x00, 0x00, 0x04, 0xc0, 0x2b, 0xc0, 0x2c, 0x01, 0x00]);
    hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend(extensions);
    let length = u16::try_from(hello.len()).unwrap();
    let mut record = vec![0x16, 0x03, 0x01];
    record.extend((length + 4).to_be_bytes());
    record.extend([0x01, 0x00]);
    record.extend(length.to_be_bytes());
    record.extend(hello);
    tcp.write_all(&record).await.unwrap();
    let mut answer = Vec::new();
    soon("the refusal", tcp.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer[0], 0x15, "an alert: {answer:02x?}");
    assert_eq!(answer[5..7], [2, 70], "fatal, protocol_version: {answer:02x?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_key_does_not_come_back_by_an_old_session() {
    let lab = TcpLab::default();
    let [_one, two] = pair(&lab).await;
    let config = Arc::new(outsider::raw(identity(b'n', 1).public(), seed(b'n', 1), ALPN));
    for time in 0..2 {
        let mut io = outsider::connect(two.local_address(), &config).await.unwrap();
        let mut first = [0];
        // Whatever else would have come comes before the first answer.
        io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        soon("an answer", io.read_exact(&mut first)).await.unwrap();
        let kind = io.get_ref().1.handshake_kind();
        assert_eq!(kind, Some(rustls::HandshakeKind::Full), "time {time}");
        assert_eq!(io.get_ref().1.tls13_tickets_received(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_half_handshakes_do_no_harm_and_are_bounded() {
    let lab = TcpLab::default();
    let [one, two] = pair(&lab).await;
    let at = two.local_address();
    let mut held = Vec::new();
    for number in 0..HANDSHAKES_MAX + 72 {
        let mut tcp = TcpStream::connect(at).await.unwrap();
        let bytes = match number % 5 {
            0 => Vec::new(),
            1 => pattern(4_000 + number).to_vec(),
            2 => [&[0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff][..], &vec![0; 100_000]].concat(),
            3 => b"GET / HTTP/1.1\r\nHost: anybody\r\n\r\n".to_vec(),
            _ => vec![0x16, 3, 1, 2, 0, 1, 0, 1],
        };
        // It may have been closed by then.
        let _ = timeout(Duration::from_millis(200), tcp.write_all(&bytes)).await;
        held.push(tcp);
    }
    let began = Instant::now();
    ask(&one, LONG).await.unwrap();
    assert!(began.elapsed() < HANDSHAKE_WITHIN, "nobody waits for strangers");
    let slow = async {
        let mut tcp = TcpStream::connect(at).await.unwrap();
        let began = Instant::now();
        while tcp.write_all(&[0x16]).await.is_ok() && began.elapsed() < 4 * HANDSHAKE_WITHIN {
            sleep(Duration::from_millis(100)).await;
        }
        assert!(began.elapsed() < 2 * HANDSHAKE_WITHIN, "{:?}", began.elapsed());
    };
    let closed = async {
        for mut tcp in held {
            let mut rest = Vec::new();
            // Closed or reset: only that it ends counts.
            let ended = timeout(2 * HANDSHAKE_WITHIN, tcp.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "a handshake was left open");
        }
    };
    tokio::join!(slow, closed);
    ask(&one, LONG).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_speaks_nonsense_ends_its_own_calls_only() {
    let lab = TcpLab::default();
    let [one, two] = pair(&lab).await;
    two.serve(Service::Catalog, echo());
    let config = Arc::new(outsider::raw(identity(b'n', 1).public(), seed(b'n', 1), ALPN));
    let mut io = outsider::connect(two.local_address(), &config).await.unwrap();
    io.write_all(&pattern(100_000)).await.unwrap();
    let mut rest = Vec::new();
    let _ = soon("the end", io.read_to_end(&mut rest)).await;

    let io = outsider::connect(two.local_address(), &config).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(io).await.unwrap();
    let driven = tokio::spawn(connection);
    let long = u32::MAX.to_le_bytes();
    for (place, sent) in
        [("catalog", &long[..]), ("catalog", &[0, 0]), ("nowhere", &[0; 4]), ("", &[0; 4])]
    {
        let request = http::Request::post(format!("https://essaim/{place}")).body(()).unwrap();
        let (response, mut stream) = requests.send_request(request, false).unwrap();
        // Who names no service may have its no before it has sent this.
        let _ = stream.send_data(Bytes::copy_from_slice(sent), true);
        let error = soon("a no", response).await.unwrap_err();
        assert!(error.is_reset(), "{place} {sent:?}: {error}");
    }
    let request = http::Request::post("https://essaim/catalog").body(()).unwrap();
    let (response, mut stream) = requests.send_request(request, false).unwrap();
    // One byte at a time.
    for byte in [2, 0, 0, 0, b'o', b'k', b'!'] {
        stream.send_data(Bytes::copy_from_slice(&[byte]), byte == b'!').unwrap();
        sleep(Duration::from_millis(5)).await;
    }
    let mut body = soon("an answer", response).await.unwrap().into_body();
    let mut got = Vec::new();
    while let Some(piece) = body.data().await {
        got.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(got, b"\x02\0\0\0ok!");
    driven.abort();
    ask(&one, LONG).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_nothing_holds_up_nobody_else() {
    let lab = TcpLab::default();
    let [one, two] = pair(&lab).await;
    two.serve(
        Service::Snapshot,
        answers(|_, _| async {
            Ok(Reply { head: Bytes::new(), body: Body::whole(pattern(32 << 20)) })
        }),
    );
    two.serve(Service::Fragments, echo());
    let mut unread = Vec::new();
    let snapshot = || one.call(node(2), call(Service::Snapshot, ""), LONG);
    for _ in 0..8 {
        unread.push(snapshot().await.unwrap());
    }
    // They have taken what they may. Other streams of the same connections go on.
    sleep(Duration::from_millis(300)).await;
    for _ in 0..4 {
        let body = Body::whole(pattern(4 << 20));
        let asked = Call { service: Service::Fragments, head: Bytes::new(), body };
        let reply = soon("a fragment", one.call(node(2), asked, LONG)).await.unwrap();
        assert_eq!(reply.body.collect(4 << 20).await.unwrap().len(), 4 << 20);
    }
    for reply in unread {
        let body = soon("a body", reply.body.collect(32 << 20)).await.unwrap();
        assert_eq!(body.len(), 32 << 20);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_calls_pass_where_long_ones_are_stuck() {
    let lab = TcpLab::default();
    let [one, two] = pair(&lab).await;
    two.serve(Service::Fragments, echo());
    two.serve(Service::Snapshot, silence(Arc::default(), Arc::default()));
    let mut stuck = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (one, body) = (one.clone(), Body::whole(pattern(8 << 20)));
        let asked = Call { service: Service::Snapshot, head: Bytes::new(), body };
        stuck.spawn(async move { one.call(node(2), asked, LONG).await });
    }
    sleep(Duration::from_millis(300)).await;
    // Well before the others give up.
    ask(&one, Duration::from_secs(3)).await.unwrap();
    let fragment = |within| {
        let body = Body::whole(pattern(100_000));
        let asked = Call { service: Service::Fragments, head: Bytes::new(), body };
        one.call(node(2), asked, within)
    };
    let late = fragment(Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(late, CallError::Late { .. }), "both connections are full: {late:?}");
    stuck.shutdown().await;
    soon("a long call", fragment(LONG)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_pass_again_soon_after_a_restart() {
    let lab = TcpLab::default();
    let [one, two] = pair(&lab).await;
    for _ in 0..2 {
        ask(&one, LONG).await.unwrap();
    }
    two.shutdown().await;
    drop(two);
    for _ in 0..100 {
        ask(&one, Duration::from_millis(200)).await.unwrap_err();
        sleep(Duration::from_millis(10)).await;
    }
    let again = lab.start_tcp(node(2), lab.roster(&[node(1), node(2)])).await;
    again.serve(Service::Status, echo());
    let back = Instant::now();
    while ask(&one, LONG).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(back.elapsed() < Duration::from_millis(2_500), "{:?}", back.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_refuses_is_not_stormed() {
    let lab = TcpLab::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut roster = lab.roster(&[node(2)]);
    for peer in roster.nodes.values_mut() {
        peer.addresses = vec![listener.local_addr().unwrap().to_string()];
    }
    let one = lab.start_tcp(node(1), roster).await;
    let refusing = tokio::spawn(async move {
        let mut count = 0_u32;
        let until = Instant::now() + Duration::from_secs(2);
        while tokio::time::timeout_at(until, listener.accept()).await.is_ok() {
            count += 1;
        }
        count
    });
    let (began, mut refused) = (Instant::now(), 0_u32);
    while began.elapsed() < Duration::from_millis(1_900) {
        let error = ask(&one, LONG).await.unwrap_err();
        assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
        refused += 1;
        sleep(Duration::from_millis(1)).await;
    }
    let dialled = refusing.await.unwrap();
    assert!((3..=8).contains(&dialled), "dialled {dialled} times for {refused} calls");
    assert!(refused > 100, "calls in between end at once: {refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_noticed_on_both_sides() {
    let lab = TcpLab::default();
    let [one, two] = pair(&lab).await;
    let relay = Relay::to(two.local_address()).await;
    let mut roster = lab.roster(&[node(1), node(2)]);
    for peer in roster.nodes.values_mut() {
        peer.addresses = vec![relay.address.to_string()];
    }
    one.roster_set(roster);
    ask(&one, LONG).await.unwrap();
    let [started, dropped] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    two.serve(Service::Catalog, silence(started.clone(), dropped.clone()));
    let asked = {
        let one = one.clone();
        tokio::spawn(async move { one.call(node(2), call(Service::Catalog, ""), LONG).await })
    };
    soon("the handler starts", started.notified()).await;
    relay.silence(true);
    let silent = Instant::now();
    let error = soon("the call", asked).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Broken { .. }), "{error:?}");
    soon("the handler is dropped", dropped.notified()).await;
    assert!(silent.elapsed() < Duration::from_secs(5), "{:?}", silent.elapsed());
    assert_eq!(one.contact(node(2)).reached, Some(false));
    assert!(one.contact(node(2)).heard_ago.unwrap() > Duration::from_millis(1_500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_are_tried_in_their_order() {
    let lab = TcpLab::default();
    let [one, two] = pair(&lab).await;
    let wrong = lab.start_tcp(node(3), lab.roster(&[node(1)])).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut roster = lab.roster(&[node(1), node(2)]);
    let addresses = [gone, wrong.local_address(), two.local_address()];
    for peer in roster.nodes.values_mut() {
        peer.addresses = addresses.iter().map(ToString::to_string).collect();
    }
    one.roster_set(roster.clone());
    ask(&one, LONG).await.unwrap();
    // An address that changes does not touch a connection that stands.
    roster.nodes.values_mut().for_each(|peer| peer.addresses = Vec::new());
    one.roster_set(roster);
    ask(&one, LONG).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_deadline_does_not_keep_a_connection_from_being_made() {
    let lab = TcpLab::default();
    let [one, _two] = pair(&lab).await;
    let began = Instant::now();
    while ask(&one, Duration::from_micros(300)).await.is_err() {
        assert!(began.elapsed() < LONG, "never connected");
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_nobody_sends_on_is_let_go_with_its_caller() {
    let lab = TcpLab::default();
    let [one, two] = pair(&lab).await;
    let dropped = Arc::new(Notify::new());
    two.serve(Service::Fragments, silence(Arc::new(Notify::new()), dropped.clone()));
    let asked = {
        let one = one.clone();
        tokio::spawn(async move {
            let body = Body::pieces(stream::pending());
            let asked = Call { service: Service::Fragments, head: Bytes::new(), body };
            one.call(node(2), asked, LONG).await
        })
    };
    sleep(Duration::from_millis(200)).await;
    asked.abort();
    soon("the handler is dropped", dropped.notified()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_is_not_invited_is_told_so_when_it_dials() {
    let lab = TcpLab::default();
    let [_one, two] = pair(&lab).await;
    let key = Arc::new(identity(b'i', invite(5).to_u128()));
    let peer = lab.peer(node(2));
    let dialled = wire::Guest::dial(&peer, key, LONG).await;
    assert!(matches!(dialled, Err(wire::GuestError::Unreachable { .. })));
    two.shutdown().await;
}
