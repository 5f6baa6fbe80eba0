//! A look at the administrator's address without any library.

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result};

/// Asks a URL of a node for a path, unsigned and without a token: status and body.
pub fn plain_get(url: &str, path: &str) -> Result<(u16, String)> {
    let address = url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no end of the head")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}
