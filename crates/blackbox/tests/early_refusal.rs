//! An upload that is refused before its body has come: a client that does not wait for
//! `100 Continue` is still sending, and reads afterwards why it was refused.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use blackbox::Node;

/// Sends a whole body under a key that nobody has, and only then reads.
fn refused(node: &Node, bytes: usize) -> Result<String> {
    let address = node.endpoint().trim_start_matches("http://");
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let now = time::OffsetDateTime::now_utc();
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    let date = format!("{year:04}{month:02}{day:02}");
    let (hour, minute, second) = now.to_hms();
    let head = format!(
        "PUT /plans/roof.pdf HTTP/1.1\r\nHost: {address}\r\nContent-Length: {bytes}\r\n\
         X-Amz-Date: {date}T{hour:02}{minute:02}{second:02}Z\r\n\
         X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=GK0000000000000000000000/{date}/{}/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={}\r\n\r\n",
        node.region(),
        "0".repeat(64),
    );
    socket.write_all(head.as_bytes())?;
    // Whoever sends at the pace of a line is still at it when the answer is there.
    let piece = vec![7; 256 * 1024];
    for sent in (0..bytes).step_by(piece.len()) {
        let left = piece.len().min(bytes - sent);
        let piece = piece.get(..left).unwrap_or_default();
        socket.write_all(piece).with_context(|| format!("cut off after {sent} bytes"))?;
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).context("the answer was lost")?;
    Ok(answer)
}

#[test]
fn a_client_that_still_sends_reads_why_it_was_refused() -> Result<()> {
    let node = Node::start()?;
    for bytes in [64 * 1024, 1024 * 1024, 16 * 1024 * 1024] {
        let answer = refused(&node, bytes)?;
        let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
        ensure!(head.starts_with("http/1.1 403 "), "{bytes} bytes: {answer}");
        ensure!(head.contains("connection: close"), "{bytes} bytes: {head}");
        ensure!(answer.contains("<Code>InvalidAccessKeyId</Code>"), "{bytes} bytes: {answer}");
    }
    Ok(())
}

/// As many connections at once as would have places on two threads.
const CONNECTIONS: usize = 150;

/// Connections that are read on after their end, in all.
const LINGERING_MAX: usize = 64;

#[test]
fn only_so_many_are_listened_to_after_their_answer() -> Result<()> {
    let node = Node::start()?;
    let address = node.endpoint().trim_start_matches("http://");
    let mut sockets = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        let length = 1 << 30;
        write!(
            socket,
            "PUT /plans/roof.pdf HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n"
        )?;
        sockets.push(socket);
    }
    // Each is answered, and hears no more.
    for socket in &mut sockets {
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    // Of one that is closed, the first byte learns it and the second tells.
    for socket in &mut sockets {
        drop(socket.write_all(b"more"));
    }
    let listened = sockets.iter_mut().filter_map(|socket| socket.write_all(b"more").ok()).count();
    ensure!(listened <= LINGERING_MAX, "{listened} are listened to");
    Ok(())
}
