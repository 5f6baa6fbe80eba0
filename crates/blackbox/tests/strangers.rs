//! Connections over which nobody has shown a signature take no place from those over
//! which somebody has, however many there are.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, ensure};
use blackbox::{Ask, Client, Node, Start};
use http::Method;

/// Connections of the node: so few that all may be strangers, as long as nobody who has
/// a key needs the places.
const CONNECTIONS: usize = 16;

/// The start of a form, which may be sent without a signature.
const FORM: &[u8] = b"POST /plans HTTP/1.1\r\nHost: x\r\n\
    Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 3000000\r\n\r\n\
    --B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nname";

fn node() -> Result<Node> {
    let arguments = ["--connections", "16", "--connections-per-address", "16"];
    Node::start_with(Start { arguments: arguments.map(Into::into).to_vec(), ..Start::default() })
}

/// A connection that begins a form and says no more.
fn stranger(node: &Node) -> Result<TcpStream> {
    let mut socket =
        TcpStream::connect(node.credential("s3_endpoint").trim_start_matches("http://"))?;
    socket.write_all(FORM)?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    Ok(socket)
}

/// Nothing came, and the other end is still there.
fn stands(socket: &mut TcpStream) -> bool {
    matches!(
        socket.read(&mut [0]),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
    )
}

#[tokio::test]
async fn strangers_make_room_for_each_other_and_for_who_has_a_key() -> Result<()> {
    let node = node()?;
    let mut known = Client::connect(&node.target()).await?;
    ensure!(known.call(Ask::new(Method::PUT, "/plans")).await?.status == 200);
    let mut strangers = Vec::new();
    for _ in 0..3 * CONNECTIONS {
        strangers.push(stranger(&node)?);
    }
    // Who comes last is a stranger too until its first request is signed.
    let mut newcomer = Client::connect(&node.target()).await?;
    let answer = newcomer.call(Ask::new(Method::GET, "/plans")).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    let answer = known.call(Ask::new(Method::GET, "/plans")).await?;
    ensure!(answer.status == 200, "who was known before is still: {}", answer.text());
    let standing: Vec<usize> = strangers
        .iter_mut()
        .enumerate()
        .filter_map(|(index, socket)| stands(socket).then_some(index))
        .collect();
    // Two of the places are of those who have a key.
    let expected: Vec<usize> = (2 * CONNECTIONS + 2..3 * CONNECTIONS).collect();
    ensure!(standing == expected, "{standing:?}");
    Ok(())
}
