//! One HTTP/1.1 connection, driven by hand: a request is one or two writes, and
//! nothing is waited for but the answer.
//!
//! A general client library costs several times what the smallest requests cost
//! the server, and would be what a measurement measures.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BytesMut};
use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::{Answer, Ask};

/// Bodies up to this are sent with the head in one write.
const JOINED_BYTES_MAX: usize = 16 * 1024;

/// Room made for each read.
const READ_BYTES: usize = 128 * 1024;

/// Most headers in an answer.
const HEADERS_MAX: usize = 64;

/// A connection and what was read ahead on it.
pub(crate) struct Connection {
    stream: TcpStream,
    read: BytesMut,
}

/// How the end of a body is known.
enum Framing {
    Length(u64),
    Chunks,
    UntilClosed,
}

/// What the head of an answer says.
struct Head {
    status: StatusCode,
    etag: String,
    framing: Framing,
}

impl Connection {
    /// Connects, without Nagle's delay.
    pub(crate) async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: BytesMut::new() })
    }

    /// The same from this address of our own.
    pub(crate) async fn open_from(address: &str, from: IpAddr) -> Result<Self> {
        let address: SocketAddr = address.parse().context("an address with its port")?;
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: BytesMut::new() })
    }

    /// Sends one request and reads its answer, keeping about `kept` bytes of the body.
    pub(crate) async fn exchange(
        &mut self,
        mut head: Vec<u8>,
        ask: &Ask,
        kept: usize,
    ) -> Result<Answer> {
        let sent = if ask.body.len() <= JOINED_BYTES_MAX {
            head.extend_from_slice(&ask.body);
            self.stream.write_all(&head).await
        } else {
            match self.stream.write_all(&head).await {
                Ok(()) => self.stream.write_all(&ask.body).await,
                failed => failed,
            }
        };
        // A server that refuses early answers and closes: its answer may be there.
        let head = match (self.head(&ask.method).await, sent) {
            (Ok(head), _) => head,
            (Err(_), Err(unsent)) => return Err(unsent).context("the request could not be sent"),
            (Err(error), Ok(())) => return Err(error),
        };
        let mut answer =
            Answer { status: head.status, length: 0, etag: head.etag, body: Vec::new() };
        match head.framing {
            Framing::Length(length) => self.take(length, &mut answer, kept).await?,
            Framing::Chunks => self.chunks(&mut answer, kept).await?,
            Framing::UntilClosed => {
                while self.more().await? {
                    self.take(self.read.len() as u64, &mut answer, kept).await?;
                }
            }
        }
        Ok(answer)
    }

    /// Reads the head of the answer; interim answers are passed over.
    async fn head(&mut self, method: &Method) -> Result<Head> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut response = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(length) = response.parse(&self.read)? else {
                ensure!(self.more().await?, "the connection ended before the answer");
                continue;
            };
            let status = StatusCode::from_u16(response.code.unwrap_or_default())?;
            let mut etag = String::new();
            let mut framing = Framing::UntilClosed;
            for header in response.headers.iter() {
                let text = || String::from_utf8_lossy(header.value).trim().to_owned();
                if header.name.eq_ignore_ascii_case("content-length") {
                    framing = Framing::Length(text().parse().context("content-length")?);
                } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                    framing = Framing::Chunks;
                } else if header.name.eq_ignore_ascii_case("etag") {
                    etag = text();
                }
            }
            self.read.advance(length);
            if status.is_informational() {
                continue;
            }
            let bodiless = *method == Method::HEAD
                || status == StatusCode::NO_CONTENT
                || status == StatusCode::NOT_MODIFIED;
            if bodiless {
                framing = Framing::Length(0);
            }
            return Ok(Head { status, etag, framing });
        }
    }

    /// Takes exactly this much of a body.
    async fn take(&mut self, length: u64, answer: &mut Answer, kept: usize) -> Result<()> {
        let mut left = length;
        while left > 0 {
            if self.read.is_empty() {
                ensure!(self.more().await?, "the connection ended {left} bytes early");
            }
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(self.read.len());
            if answer.body.len() < kept {
                answer.body.extend_from_slice(self.read.get(..taken).unwrap_or_default());
            }
            self.read.advance(taken);
            answer.length += taken as u64;
            left -= taken as u64;
        }
        Ok(())
    }

    /// Takes a body in chunks.
    async fn chunks(&mut self, answer: &mut Answer, kept: usize) -> Result<()> {
        loop {
            match httparse::parse_chunk_size(&self.read) {
                Ok(httparse::Status::Complete((head, size))) => {
                    self.read.advance(head);
                    if size == 0 {
                        return self.trailer().await;
                    }
                    self.take(size, answer, kept).await?;
                    while self.read.len() < 2 {
                        ensure!(self.more().await?, "the connection ended inside a chunk");
                    }
                    self.read.advance(2);
                }
                Ok(httparse::Status::Partial) => {
                    ensure!(self.more().await?, "the connection ended between chunks");
                }
                Err(_) => bail!("a chunk has no size"),
            }
        }
    }

    /// The lines after the last chunk, up to the empty one.
    async fn trailer(&mut self) -> Result<()> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                self.read.advance(end + 2);
                if end == 0 {
                    return Ok(());
                }
            } else {
                ensure!(self.more().await?, "the connection ended inside a trailer");
            }
        }
    }

    /// Reads what there is; `false` at the end.
    async fn more(&mut self) -> Result<bool> {
        self.read.reserve(READ_BYTES);
        Ok(self.stream.read_buf(&mut self.read).await? > 0)
    }
}
