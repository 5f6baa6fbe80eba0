//! One HTTP/1.1 connection, driven by hand: a request is one or two writes, and
//! nothing is waited for but the answer.
//!
//! A general client library costs several times what the smallest requests cost
//! the server, and would be what a measurement measures.
//!
//! **Invariant**: a request goes out once. What the server has closed, or said that it
//! would close, is opened anew before a request is sent on it (RFC 9112, 9.3.1 and 9.6);
//! once a byte of a request may have arrived it is never repeated, since what it did
//! is unknown then.

use core::mem::MaybeUninit;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BytesMut};
use http::{Method, StatusCode};
use socket2::SockRef;
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
    /// Where it goes.
    address: String,
    /// The address of our own that it comes from, if it matters.
    from: Option<IpAddr>,
    /// None once it can carry no other request.
    stream: Option<TcpStream>,
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
    cut_off_since: Option<String>,
    framing: Framing,
    /// The server takes no other request on this connection.
    closes: bool,
}

impl Connection {
    /// Connects, without Nagle's delay.
    pub(crate) async fn open(address: &str) -> Result<Self> {
        Self::to(address, None).await
    }

    /// The same from this address of our own.
    pub(crate) async fn open_from(address: &str, from: IpAddr) -> Result<Self> {
        Self::to(address, Some(from)).await
    }

    async fn to(address: &str, from: Option<IpAddr>) -> Result<Self> {
        let stream = Some(connected(address, from).await?);
        Ok(Self { address: address.to_owned(), from, stream, read: BytesMut::new() })
    }

    /// Sends one request and reads its answer, keeping about `kept` bytes of the body.
    pub(crate) async fn exchange(
        &mut self,
        head: Vec<u8>,
        ask: &Ask,
        kept: usize,
    ) -> Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) if self.read.is_empty() && is_open(&stream) => stream,
            _ => {
                self.read.clear();
                connected(&self.address, self.from).await?
            }
        };
        let mut exchange = Exchange { stream: &mut stream, read: &mut self.read };
        let (answer, closes) = exchange.run(head, ask, kept).await?;
        if !closes {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

/// One connected stream.
async fn connected(address: &str, from: Option<IpAddr>) -> Result<TcpStream> {
    let stream = if let Some(from) = from {
        let address: SocketAddr = address.parse().context("an address with its port")?;
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(SocketAddr::new(from, 0))?;
        socket.connect(address).await?
    } else {
        TcpStream::connect(address).await?
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Whether the server still waits for a request here: it has neither closed the
/// connection nor said anything unasked. Asks the system, whatever tokio has noticed.
fn is_open(stream: &TcpStream) -> bool {
    let looked = SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]);
    looked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// A request under way.
struct Exchange<'a> {
    stream: &'a mut TcpStream,
    read: &'a mut BytesMut,
}

impl Exchange<'_> {
    /// The answer, and whether the connection ends with it.
    async fn run(&mut self, mut head: Vec<u8>, ask: &Ask, kept: usize) -> Result<(Answer, bool)> {
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
        let was_cut = sent.is_err();
        let mut head = match (self.head(&ask.method).await, sent) {
            (Ok(head), _) => head,
            (Err(_), Err(unsent)) => return Err(unsent).context("the request could not be sent"),
            (Err(error), Ok(())) => return Err(error),
        };
        let Head { status, etag, cut_off_since, .. } = &mut head;
        let (etag, cut_off_since) = (core::mem::take(etag), cut_off_since.take());
        let mut answer =
            Answer { status: *status, length: 0, etag, cut_off_since, body: Vec::new() };
        match head.framing {
            Framing::Length(length) => self.take(length, &mut answer, kept).await?,
            Framing::Chunks => self.chunks(&mut answer, kept).await?,
            Framing::UntilClosed => loop {
                self.take(self.read.len() as u64, &mut answer, kept).await?;
                if !self.more().await? {
                    break;
                }
            },
        }
        let closes = head.closes || was_cut || matches!(head.framing, Framing::UntilClosed);
        Ok((answer, closes))
    }

    /// Reads the head of the answer; interim answers are passed over.
    async fn head(&mut self, method: &Method) -> Result<Head> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut response = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(length) = response.parse(self.read)? else {
                ensure!(self.more().await?, "the connection ended before the answer");
                continue;
            };
            let status = StatusCode::from_u16(response.code.unwrap_or_default())?;
            let mut etag = String::new();
            let mut cut_off_since = None;
            let mut framing = Framing::UntilClosed;
            // Before HTTP/1.1 a connection carried one request.
            let mut closes = response.version == Some(0);
            for header in response.headers.iter() {
                let text = || String::from_utf8_lossy(header.value).trim().to_owned();
                if header.name.eq_ignore_ascii_case("content-length") {
                    framing = Framing::Length(text().parse().context("content-length")?);
                } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                    framing = Framing::Chunks;
                } else if header.name.eq_ignore_ascii_case("etag") {
                    etag = text();
                } else if header.name.eq_ignore_ascii_case("x-essaim-cut-off-since") {
                    cut_off_since = Some(text());
                } else if header.name.eq_ignore_ascii_case("connection") {
                    closes |=
                        text().split(',').any(|word| word.trim().eq_ignore_ascii_case("close"));
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
            return Ok(Head { status, etag, cut_off_since, framing, closes });
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
            match httparse::parse_chunk_size(self.read) {
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
        Ok(self.stream.read_buf(self.read).await? > 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::sync::Notify;

    use super::*;

    /// What a server does with a connection, one after the other; then it closes it.
    #[derive(Clone, Copy)]
    enum Step {
        /// Reads a request and answers so.
        Answers(&'static str),
        /// Reads a request and says nothing.
        SaysNothing,
        /// Waits for the client's end; if a request comes, it stays without an answer.
        Lingers,
    }

    use Step::{Answers, Lingers, SaysNothing};

    const GOES_ON: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    const CLOSES: &str =
        "HTTP/1.1 503 Slow Down\r\nconnection: Close, te\r\ncontent-length: 2\r\n\r\nno";
    const UNTIL_CLOSED: &str = "HTTP/1.1 200 OK\r\n\r\nall of it";
    const OLD: &str = "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok";

    /// Whether a whole head came.
    async fn request(socket: &mut TcpStream) -> bool {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            if socket.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    }

    async fn serve(socket: &mut TcpStream, steps: &[Step]) {
        for step in steps {
            let came = request(socket).await;
            match step {
                Answers(answer) if came => socket.write_all(answer.as_bytes()).await.unwrap(),
                _ => return,
            }
        }
    }

    /// What the client does.
    #[derive(Clone, Copy)]
    enum Turn {
        /// Asks, and gets this body.
        Gets(&'static str),
        /// Asks, and nobody answers.
        GetsNothing,
        /// Waits until the server has closed a connection.
        Waits,
    }

    use Turn::{Gets, GetsNothing, Waits};

    /// A server does this with its connections, in their order, while a client asks: there
    /// are exactly as many connections as are needed.
    async fn check(connections: &[&[Step]], turns: &[Turn]) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let closed = Notify::new();
        let server = async {
            for steps in connections {
                let (mut socket, _) = listener.accept().await.unwrap();
                serve(&mut socket, steps).await;
                drop(socket);
                closed.notify_one();
            }
            drop(listener);
        };
        let client = async {
            let mut connection = Connection::open(&address).await.unwrap();
            let ask = Ask::new(Method::GET, "/");
            for (n, turn) in turns.iter().enumerate() {
                let expected = match turn {
                    Gets(body) => Some(*body),
                    GetsNothing => None,
                    Waits => {
                        closed.notified().await;
                        continue;
                    }
                };
                let head = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n".to_vec();
                let found = connection.exchange(head, &ask, usize::MAX).await;
                assert_eq!(found.ok().map(|found| found.text()).as_deref(), expected, "turn {n}");
            }
        };
        tokio::join!(server, client);
    }

    #[tokio::test]
    async fn a_connection_is_used_again() {
        check(&[&[Answers(GOES_ON), Answers(GOES_ON), Lingers]], &[Gets("ok"), Gets("ok")]).await;
    }

    #[tokio::test]
    async fn no_request_follows_an_answer_that_ends_the_connection() {
        for (answer, body) in [(CLOSES, "no"), (UNTIL_CLOSED, "all of it"), (OLD, "ok")] {
            let first: &[Step] = &[Answers(answer), Lingers];
            let first = if answer == UNTIL_CLOSED { &first[..1] } else { first };
            check(&[first, &[Answers(GOES_ON)]], &[Gets(body), Gets("ok")]).await;
        }
    }

    #[tokio::test]
    async fn what_the_server_closed_meanwhile_is_opened_anew() {
        check(&[&[Answers(GOES_ON)], &[Answers(GOES_ON)]], &[Gets("ok"), Waits, Gets("ok")]).await;
    }

    #[tokio::test]
    async fn a_request_that_was_sent_is_not_repeated() {
        // Were it repeated, the second connection would answer it.
        let connections: &[&[Step]] = &[&[Answers(GOES_ON), SaysNothing], &[Answers(GOES_ON)]];
        check(connections, &[Gets("ok"), GetsNothing, Gets("ok")]).await;
    }
}
