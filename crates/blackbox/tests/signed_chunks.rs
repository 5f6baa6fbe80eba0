//! Bodies in signed chunks, as the clients of the measurements send them: taken when
//! every signature is right, refused when one is not.

use anyhow::Result;
use blackbox::{Ask, Client, Cut, Node, SignedChunks, Signer};
use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CHUNK: &[u8] = b"123456789";
/// CRC-32 of `CHUNK` twice, in base64.
const CHECKSUM: &str = "S4N65A==";

/// Sends two chunks, the second with one bit wrong if so wished; the status line.
async fn put(node: &Node, path: &str, trailer: Option<&str>, spoil: bool) -> Result<String> {
    let target = node.target();
    let signer = Signer::new(
        &target.access_key_id,
        &target.secret_access_key,
        &target.region,
        &target.address,
    );
    let cut =
        Cut { object_bytes: 2 * CHUNK.len(), chunk_bytes: CHUNK.len(), trailer: trailer.is_some() };
    let (mut chain, head) = SignedChunks::begin(&signer, path, cut);
    let mut wire = head.into_bytes();
    wire.extend(chain.chunk(CHUNK));
    let mut second = chain.chunk(CHUNK);
    if spoil && let Some(byte) = second.iter_mut().rev().nth(2) {
        *byte ^= 1;
    }
    wire.extend(second);
    wire.extend(chain.end(trailer));
    let mut stream = TcpStream::connect(&target.address).await?;
    stream.write_all(&wire).await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn chunks_are_taken_with_right_signatures_only() -> Result<()> {
    let node = Node::start()?;
    let mut client = Client::connect(&node.target()).await?;
    client.call(Ask::new(Method::PUT, "/village")).await?;
    assert_eq!(put(&node, "/village/plain", None, false).await?, "HTTP/1.1 200");
    assert_eq!(put(&node, "/village/summed", Some(CHECKSUM), false).await?, "HTTP/1.1 200");
    assert_eq!(put(&node, "/village/missummed", Some("AAAAAA=="), false).await?, "HTTP/1.1 400");
    assert_eq!(put(&node, "/village/spoilt", None, true).await?, "HTTP/1.1 403");
    let read = client.call(Ask::new(Method::GET, "/village/summed")).await?;
    assert_eq!(read.body, CHUNK.repeat(2));
    let spoilt = client.call(Ask::new(Method::GET, "/village/spoilt")).await?;
    assert_eq!(spoilt.status, StatusCode::NOT_FOUND);
    Ok(())
}
