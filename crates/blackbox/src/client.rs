//! A small signed S3 client: one connection, one request at a time.
//!
//! It spends as little as it can, so that it can measure, and it distinguishes
//! what a fault test must tell apart: an answer that says no, and no answer,
//! after which the outcome is unknown.

use std::fmt::Write as _;
use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::connection::Connection;
use crate::signer::Signer;

/// Where a server listens and with which key.
#[derive(Clone, Debug)]
pub struct Target {
    /// `HOST:PORT`.
    pub address: String,
    /// S3 region.
    pub region: String,
    /// Access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// A signed connection.
pub struct Client {
    connection: Connection,
    signer: Signer,
    host: String,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// HTTP method.
    pub method: Method,
    /// `/bucket` or `/bucket/key`, in canonical encoding.
    pub path: String,
    /// Canonical query, without `?`.
    pub query: String,
    /// First and last byte of a ranged read.
    pub range: Option<(u64, u64)>,
    /// Further headers, in lower case; they are signed.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Bytes,
}

impl Ask {
    /// A request without query, range or body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            range: None,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The same request with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The same request with a query.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same request for a range of bytes.
    #[must_use]
    pub fn range(mut self, first: u64, last: u64) -> Self {
        self.range = Some((first, last));
        self
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: StatusCode,
    /// Length of the body.
    pub length: u64,
    /// The entity tag, with its quotes; empty if there is none.
    pub etag: String,
    /// Since when the site that answered is cut off from the others, if it says so.
    pub cut_off_since: Option<String>,
    /// The body, or its first [`Client::KEPT_BYTES`] when it was only to be counted.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// No answer came: the outcome of the request is unknown.
pub type Unknown = anyhow::Error;

impl Client {
    /// What is kept of a body that is only counted.
    pub const KEPT_BYTES: usize = 4 * 1024;

    /// Connects, without Nagle's delay.
    pub async fn connect(target: &Target) -> Result<Self, Unknown> {
        Self::connect_for(target, &target.address).await
    }

    /// Connects, and asks for this host there, as where a bucket is named by its host.
    pub async fn connect_for(target: &Target, host: &str) -> Result<Self, Unknown> {
        Ok(Self::over(Connection::open(&target.address).await?, target, host))
    }

    /// Connects from this address of our own.
    pub async fn connect_from(target: &Target, from: IpAddr) -> Result<Self, Unknown> {
        let connection = Connection::open_from(&target.address, from).await?;
        Ok(Self::over(connection, target, &target.address))
    }

    fn over(connection: Connection, target: &Target, host: &str) -> Self {
        let signer =
            Signer::new(&target.access_key_id, &target.secret_access_key, &target.region, host);
        Self { connection, signer, host: host.to_owned() }
    }

    /// Sends one request and reads the answer whole.
    pub async fn call(&mut self, ask: Ask) -> Result<Answer, Unknown> {
        self.exchange(ask, usize::MAX).await
    }

    /// Sends one request and counts the bytes of the answer, keeping the first.
    pub async fn count(&mut self, ask: Ask) -> Result<Answer, Unknown> {
        self.exchange(ask, Self::KEPT_BYTES).await
    }

    async fn exchange(&mut self, ask: Ask, kept: usize) -> Result<Answer, Unknown> {
        let method = ask.method.as_str();
        let (stamp, authorization) =
            self.signer.sign_with(method, &ask.path, &ask.query, &ask.headers);
        let mark = if ask.query.is_empty() { "" } else { "?" };
        let mut head = format!(
            "{} {}{mark}{} HTTP/1.1\r\nhost: {}\r\nx-amz-date: {stamp}\r\n\
             x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nauthorization: {authorization}\r\n",
            ask.method, ask.path, ask.query, self.host
        );
        for (name, value) in &ask.headers {
            write!(head, "{name}: {value}\r\n")?;
        }
        if let Some((first, last)) = ask.range {
            write!(head, "range: bytes={first}-{last}\r\n")?;
        }
        if !ask.body.is_empty() || ask.method == Method::PUT || ask.method == Method::POST {
            write!(head, "content-length: {}\r\n", ask.body.len())?;
        }
        head.push_str("\r\n");
        self.connection.exchange(head.into_bytes(), &ask, kept).await
    }
}
