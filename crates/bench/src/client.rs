//! One connection, one request at a time: what a worker of the bench holds.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::signer::Signer;

/// The bucket every work uses.
pub const BUCKET: &str = "bench";

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
    sender: SendRequest<Full<Bytes>>,
    signer: Signer,
    host: String,
}

impl Client {
    /// Connects, without Nagle's delay.
    pub async fn connect(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(&target.address)
            .await
            .with_context(|| format!("no connection to {}", target.address))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends by itself when the sender is dropped.
        let _driver = tokio::spawn(connection);
        let signer = Signer::new(
            &target.access_key_id,
            &target.secret_access_key,
            &target.region,
            &target.address,
        );
        Ok(Self { sender, signer, host: target.address.clone() })
    }

    /// Sends one request and reads the answer whole; counts its bytes.
    pub async fn call(
        &mut self,
        method: Method,
        key: &str,
        query: &str,
        range: Option<(u64, u64)>,
        body: Bytes,
    ) -> Result<Answer> {
        let path = if key.is_empty() { format!("/{BUCKET}") } else { format!("/{BUCKET}/{key}") };
        let (stamp, authorization) = self.signer.sign(method.as_str(), &path, query);
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let mut request = Request::builder()
            .method(&method)
            .uri(&target)
            .header("host", &self.host)
            .header("x-amz-date", stamp)
            .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
            .header("authorization", authorization);
        if let Some((first, last)) = range {
            request = request.header("range", format!("bytes={first}-{last}"));
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        let mut incoming = response.into_body();
        let mut answer = Answer { bytes: 0, start: Vec::new(), keys: 0 };
        while let Some(frame) = incoming.frame().await {
            if let Ok(data) = frame?.into_data() {
                answer.take(&data, method == Method::GET && key.is_empty());
            }
        }
        if !(status.is_success() || status == StatusCode::PARTIAL_CONTENT) {
            let text = String::from_utf8_lossy(&answer.start).into_owned();
            bail!("{method} {target}: {status} {text}");
        }
        Ok(answer)
    }
}

/// What came back: only counted, but for its first bytes.
pub struct Answer {
    /// Length of the body.
    pub bytes: u64,
    /// The body of a list, else the first part, for messages and continuation tokens.
    pub start: Vec<u8>,
    /// Keys in a list answer.
    pub keys: u64,
}

impl Answer {
    /// Most bytes of an answer that are kept.
    const KEPT_MAX: usize = 4 * 1024;

    fn take(&mut self, data: &[u8], whole: bool) {
        self.bytes += data.len() as u64;
        if whole || self.start.len() < Self::KEPT_MAX {
            self.start.extend_from_slice(data);
        }
    }

    /// Counts the keys of a list and finds its continuation token.
    pub fn continuation(&mut self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.start);
        self.keys = text.matches("<Key>").count() as u64;
        let token = text.split("<NextContinuationToken>").nth(1)?.split('<').next()?;
        Some(token.to_owned())
    }
}

/// Makes the bucket the works use, unless it is there.
pub async fn bucket_create(target: &Target) -> Result<()> {
    let mut client = Client::connect(target).await?;
    if client.call(Method::HEAD, "", "", None, Bytes::new()).await.is_err() {
        client.call(Method::PUT, "", "", None, Bytes::new()).await?;
    }
    Ok(())
}
