//! Speaks to a node: over the socket in its data directory, or to its URL with a
//! token.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use admin::ErrorBody;
use node::Language;
use reqwest::header::ACCEPT_LANGUAGE;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::Connect;
use crate::failure::{Failure, Kind};

/// A node that does not answer within this time is stuck; long work is polled.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// The same for a question that is answered from memory.
const LOOK_MAX: Duration = Duration::from_secs(10);

/// A connection to a node.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    place: String,
    language: Option<Language>,
}

impl Client {
    /// Prepares a connection; nothing is sent yet.
    pub fn new(connect: &Connect) -> Result<Self, Failure> {
        let builder = reqwest::Client::builder().read_timeout(ANSWER_MAX).no_proxy();
        let (builder, base, token, place) = if let Some(url) = &connect.admin_url {
            if !(url.starts_with("http://") || url.starts_with("https://")) {
                return Err(Failure::new(
                    Kind::Usage,
                    format!("{url:?} is no URL"),
                    format!("give it its scheme: --admin-url http://{url}"),
                ));
            }
            let url = url.trim_end_matches('/').to_owned();
            (builder, url.clone(), Some(token(connect)?), url)
        } else {
            let socket = socket(connect);
            let place = socket.display().to_string();
            match socket.try_exists() {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    return Err(not_ours(&place));
                }
                Ok(true) => {}
                Ok(false) | Err(_) => return Err(not_running(&place)),
            }
            let base = "http://essaim".to_owned();
            (builder.unix_socket(socket), base, None, place)
        };
        let http = builder
            .build()
            .map_err(|error| Failure::failed(format!("no connection can be made: {error}"), ""))?;
        Ok(Self { http, base, token, place, language: None })
    }

    /// The same, asking for sentences in this language.
    #[must_use]
    pub fn speaking(self, language: Language) -> Self {
        Self { language: Some(language), ..self }
    }

    /// Asks for a value.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.request(Method::GET, path);
        decode(self.send_within(request, LOOK_MAX).await?).await
    }

    /// Asks for a value that the node has to count first.
    pub async fn get_counted<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        decode(self.send(self.request(Method::GET, path)).await?).await
    }

    /// Sends a value and gets one back.
    pub async fn send_json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        decode(self.send(self.request(method, path).json(body)).await?).await
    }

    /// Sends a value; there is no answer but that it is done.
    pub async fn send_empty(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(), Failure> {
        self.send(self.request(method, path).json(body)).await.map(|_| ())
    }

    /// Asks for something to be done, without a body, and gets a value back.
    pub async fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        decode(self.send(self.request(Method::POST, path)).await?).await
    }

    /// Removes something.
    pub async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(self.request(Method::DELETE, path)).await.map(|_| ())
    }

    /// Removes something, and gets what it was.
    pub async fn delete_shown<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        decode(self.send(self.request(Method::DELETE, path)).await?).await
    }

    /// Asks for a stream of bytes.
    pub async fn stream(&self, path: &str) -> Result<Response, Failure> {
        self.send(self.request(Method::GET, path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = match self.language {
            Some(language) => request.header(ACCEPT_LANGUAGE, language.tag()),
            None => request,
        };
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        self.send_within(request, ANSWER_MAX).await
    }

    /// Sends and waits so long for an answer to begin.
    async fn send_within(
        &self,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<Response, Failure> {
        let answered = tokio::time::timeout(patience, request.send()).await;
        let answer = answered.map_err(|_| self.silent(patience))?.map_err(|error| {
            if is_denied(&error) {
                not_ours(&self.place)
            } else if error.is_connect() {
                not_running(&self.place)
            } else if error.is_timeout() {
                self.silent(patience)
            } else {
                Failure::failed(
                    format!("{} did not answer: {error}", self.place),
                    "see the node's log",
                )
            }
        })?;
        if let Some(since) = answer.headers().get(admin::CUT_OFF_SINCE) {
            let since = String::from_utf8_lossy(since.as_bytes());
            eprintln!(
                "warning: {} is cut off from the other sites: this is what it knew at {since}",
                self.place
            );
        }
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        match answer.json::<ErrorBody>().await {
            Ok(body) => Err(Failure::refused(body)),
            Err(_) => Err(Failure::failed(
                format!("{} answered {status}", self.place),
                "is it the address of an Essaim node's administration?",
            )),
        }
    }
}

impl Client {
    /// The node took the connection and says nothing.
    fn silent(&self, patience: Duration) -> Failure {
        Failure::failed(
            format!("the node at {} did not answer within {} s", self.place, patience.as_secs()),
            "it is stopped, overloaded or stuck: look at its log, and start it again if that says nothing",
        )
    }
}

async fn decode<T: DeserializeOwned>(answer: Response) -> Result<T, Failure> {
    answer.json().await.map_err(|error| {
        Failure::failed(
            format!("the node's answer is not understood: {error}"),
            "use the essaim command of the same version as the node",
        )
    })
}

/// The socket of the node whose data directory is meant.
fn socket(connect: &Connect) -> PathBuf {
    let data = connect.data.clone().unwrap_or_else(node::data_default);
    data.join(node::SOCKET_NAME)
}

fn not_running(place: &str) -> Failure {
    Failure::new(
        Kind::NotRunning,
        format!("no node answers at {place}"),
        "start one with: essaim up, or say where it is with --data DIR or --admin-url URL",
    )
}

fn not_ours(place: &str) -> Failure {
    Failure::failed(
        format!("{place} belongs to another user"),
        "use sudo, or run this as the user the node runs as",
    )
}

/// Whether a connection was refused for who asks.
fn is_denied(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let system = error.downcast_ref::<io::Error>();
        if system.is_some_and(|error| error.kind() == ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The token for a node that is asked over the network.
fn token(connect: &Connect) -> Result<String, Failure> {
    let hint = "set ESSAIM_ADMIN_TOKEN or give --token-file FILE; make a token on the node with: \
                essaim token create NAME --scopes read,manage";
    match &connect.token_file {
        Some(file) => match node::file_read(file) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(trouble) => Err(trouble.into()),
        },
        None => match std::env::var("ESSAIM_ADMIN_TOKEN") {
            Ok(token) if !token.trim().is_empty() => Ok(token.trim().to_owned()),
            _ => Err(Failure::new(Kind::Usage, "--admin-url needs a token", hint)),
        },
    }
}

/// A name as one segment of a path.
pub fn segment(name: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(segment("mairie-1"), "mairie-1");
        assert_eq!(segment("../a?b"), "%2E%2E%2Fa%3Fb");
    }
}
