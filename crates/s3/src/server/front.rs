//! The front: what happens to every request before and after the protocol library.
//!
//! Before: an id, the address, the query string, the sub-resources, the form of
//! the signature; none of it touches storage. After: the ids and the complete
//! error document.
//!
//! **Invariant**: every answer leaves through [`Front::finish`], so that none is
//! without its request id, and no answer to HEAD has a body.

use core::panic::AssertUnwindSafe;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use metrics::Counter;
use objects::CutOff;
use s3s::service::S3Service;
use s3s::{Body, S3Error, S3ErrorCode, S3Result, StdError, s3_error};
use units::LogIndex;

use super::Acquaintance;
use super::address::{Address, Level, host_bucket};
use super::admission;
use super::body::PacedBody;
use super::claim::Claim;
use super::cors::{self, Origin};
use super::digest::{self, DigestBody};
use super::document::{self, ErrorDocument};
use super::gathered::GatheredBody;
use super::gathering::Asking;
use super::haste;
use super::measures::Measures;
use super::query::Query;
use super::request_id::RequestIds;
use super::settings::{Bounds, Settings};
use super::subresource;
use super::work::TurnBody;
use crate::Face;
use crate::date::iso_date;
use crate::error::{failed, invalid_argument};
use crate::limits::HEAD_BYTES_MAX;
use crate::object::attributes::UnquotedETag;
use crate::object::{chunked, metadata};
use crate::post;
use crate::request::{BodyFault, RequestContext};
use crate::website::{self, Visit};
use crate::xml::Document;

/// Body bytes from clients.
const RECEIVED: &str = "essaim_s3_received_bytes_total";

/// Body bytes to clients.
const SENT: &str = "essaim_s3_sent_bytes_total";

/// Of a request that reads: [`CURRENT`] if no answer will do but the newest.
const READ: &str = "x-essaim-read";

/// The newest, or a refusal.
const CURRENT: &str = "current";

/// Of an answer by a site that is cut off from the others: what was written elsewhere since
/// then is not in it.
const CUT_OFF_SINCE: &str = "x-essaim-cut-off-since";

/// Where a request came in.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The other end of the socket.
    pub address: SocketAddr,
    /// The connection is encrypted.
    pub secure: bool,
    /// What is known of it.
    pub acquaintance: Arc<Acquaintance>,
}

/// Handles requests; shared by all connections.
pub(crate) struct Front {
    service: S3Service,
    face: Face,
    settings: Settings,
    ids: RequestIds,
    host_id: String,
    measures: Measures,
    received: Counter,
    sent: Counter,
}

/// What is kept of a request to finish its answer.
struct Asked {
    method: Method,
    path: String,
    address: Address,
    origin: Option<Origin>,
    /// Its form is right; before that nothing is looked up for it, rules for pages of
    /// other origins included.
    well_formed: bool,
    /// This site is cut off from the others, and the answer is what it knew then.
    cut_off: Option<CutOff>,
    context: Arc<RequestContext>,
}

impl Front {
    /// A front over the protocol library.
    pub(crate) fn new(service: S3Service, face: Face, settings: Settings, ids: RequestIds) -> Self {
        use base64::Engine as _;
        let host_id = base64::engine::general_purpose::STANDARD.encode(settings.node.to_bytes());
        let measures = Measures::default();
        let (received, sent) = (metrics::counter!(RECEIVED), metrics::counter!(SENT));
        Self { service, face, settings, ids, host_id, measures, received, sent }
    }

    /// How much is served at once.
    pub(crate) fn bounds(&self) -> Bounds {
        self.settings.bounds
    }

    /// Answers one request; never fails and never panics.
    pub(crate) async fn handle<B>(&self, request: Request<B>, peer: Peer) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<StdError>,
    {
        let start = std::time::Instant::now();
        let (id, as_of) = (self.ids.draw(), self.as_of(&request));
        let context = RequestContext::new(id, peer.address, peer.secure).deciding_as_of(as_of);
        let context = Arc::new(context.of_connection(Arc::clone(&peer.acquaintance)));
        let mut asked = Asked {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            address: Address::default(),
            origin: Origin::of(request.method(), request.headers()),
            well_formed: false,
            cut_off: None,
            context,
        };
        let expects = request.headers().contains_key(header::EXPECT);
        let served = async {
            match as_of {
                None => self.serve(request, &mut asked).await,
                Some(_) => self.serve_hastily(request, &mut asked, &peer).await,
            }
        };
        let served = AssertUnwindSafe(served).catch_unwind().await;
        let answer = served.unwrap_or_else(|_| {
            tracing::error!(request_id = %asked.context.id, "a verb panicked");
            Err(s3_error!(InternalError))
        });
        let mut answer = answer.unwrap_or_else(|error| self.render(&error, &asked));
        let further_turns = asked.context.work_end();
        if answer.status() == StatusCode::NOT_FOUND && asked.context.is_hidden() {
            answer = self.render(&s3_error!(AccessDenied), &asked);
        }
        if let Some(origin) = &asked.origin
            && asked.well_formed
            && asked.method != Method::OPTIONS
            && let Some(headers) = origin.headers(&self.face, &asked.address).await
        {
            answer.headers_mut().extend(headers);
        }
        let mut answer = self.finish(answer, &asked);
        if expects && !asked.context.is_body_asked() {
            // The client waits for `100 Continue` and gets the answer in its place, for an
            // empty body too. One that is confused by it (botocore takes the next answer on
            // the connection for more of this one, and waits a minute) shall begin anew.
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if answer.status().is_success() {
            peer.acquaintance.served();
        }
        let answer = match (further_turns, answer.body().bytes()) {
            (_, Some(bytes)) => {
                self.sent.increment(bytes.len() as u64);
                answer
            }
            (Some((turns, lane)), None) => answer.map(|body| {
                let body = TurnBody::new(body, turns, lane, self.sent.clone());
                Body::http_body_unsync(body.over(Arc::clone(&peer.acquaintance)))
            }),
            (None, None) => answer,
        };
        self.measures.note(asked.context.verb(), answer.status(), start.elapsed());
        answer
    }

    /// What a request may be decided as of without catching up.
    fn as_of<B>(&self, request: &Request<B>) -> Option<LogIndex> {
        if haste::may_be_hasty(request) { self.face.objects.as_of() } else { None }
    }

    /// Decides on what this node knows; and if that is refused, on the newest.
    async fn serve_hastily<B>(
        &self,
        request: Request<B>,
        asked: &mut Asked,
        peer: &Peer,
    ) -> S3Result<Response<Body>>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<StdError>,
    {
        let (parts, body) = request.into_parts();
        let body = haste::Kept::new(body);
        let first = Request::from_parts(parts.clone(), body.again());
        let served = self.serve(first, asked).await;
        if haste::is_final(&served) {
            return served;
        }
        drop(served);
        drop(asked.context.work_end());
        let context = RequestContext::new(asked.context.id.clone(), peer.address, peer.secure);
        asked.context = Arc::new(context.of_connection(Arc::clone(&peer.acquaintance)));
        asked.well_formed = false;
        self.serve(Request::from_parts(parts, body), asked).await
    }

    /// Checks, then hands on.
    async fn serve<B>(&self, request: Request<B>, asked: &mut Asked) -> S3Result<Response<Body>>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<StdError>,
    {
        let (mut parts, body) = request.into_parts();
        self.face.admission().check_ban(asked.context.peer.ip())?;
        check_head(&parts)?;
        let host = host(&parts)?;
        if asked.context.decided_as_of().is_none() {
            asked.cut_off = self.catch_up(&parts).await?;
        }
        if let Some(bucket) = self.website(host) {
            let path = percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8_lossy();
            let visit = Visit {
                method: &parts.method,
                bucket,
                host,
                path: path.strip_prefix('/').unwrap_or(&path),
                headers: &parts.headers,
                context: &asked.context,
            };
            return Ok(website::serve(&self.face, visit).await);
        }
        let domain = self.settings.base_domain.as_ref().map(super::settings::Domain::as_str);
        asked.address = Address::parse(parts.uri.path(), host, domain)?;
        if parts.method == Method::OPTIONS {
            return cors::preflight(&self.face, &parts.headers, &asked.address).await;
        }
        let level = asked.address.level();
        let (added, claims, is_object) = {
            let query = Query::parse(parts.uri.query())?;
            subresource::check_verb(&parts.method, level, &query)?;
            let claim = Claim::read(&parts.headers, &query)?;
            claim.check(&parts.headers, self.settings.region.as_str(), &asked.context)?;
            let added = claim.headers_instead(&parts.headers, &query)?;
            let claims = digest::of_document(&parts.method, level, &query, &parts.headers)?;
            (added, claims, digest::is_object(&parts.method, level, &query))
        };
        for (name, value) in added {
            parts.headers.entry(name).or_insert(value);
        }
        check_length(&parts, asked.address.level())?;
        asked.well_formed = true;
        parts.extensions.insert(Arc::clone(&asked.context));
        let body = PacedBody::new(body, Arc::clone(&asked.context), self.received.clone());
        let body = DigestBody::new(body, claims, Arc::clone(&asked.context));
        let gathering = self.face.admission().gathering();
        let is_form = post::is_form(&parts) && level == Level::Bucket;
        let body = if lacks_length(&parts) {
            chunked::measured(&mut parts, body).await?
        } else if is_object || is_form {
            let asking = Asking::new(Arc::clone(gathering), Arc::clone(&asked.context));
            chunked::guarded(&mut parts, body, asking)
        } else {
            let context = Arc::clone(&asked.context);
            chunked::refused(&parts)?;
            document_body(GatheredBody::new(
                body,
                length_said(&parts.headers),
                Arc::clone(gathering),
                context,
            ))
        };
        if is_form {
            let target = post::Target {
                bucket: asked.address.bucket.as_deref().unwrap_or_default(),
                region: self.settings.region.as_str(),
            };
            return post::post_object(&self.face, &asked.context, target, &parts, body).await;
        }
        metadata::latin_to_utf8(&mut parts);
        let answer = self.service.call(Request::from_parts(parts, body)).await;
        answer.map_err(|error| {
            let error: StdError = error.into();
            S3Error::with_source(S3ErrorCode::InternalError, error)
        })
    }

    /// What is decided and read from here on is as of now in the whole cluster; or, of a
    /// site that is cut off from the others, as of then, unless the client says that this
    /// will not do. Nothing is written there.
    async fn catch_up(&self, parts: &http::request::Parts) -> S3Result<Option<CutOff>> {
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let objects = &self.face.objects;
        let caught_up = match parts.headers.get(READ) {
            Some(which) if which != CURRENT => {
                let message = format!("The header {READ} takes one value: {CURRENT}.");
                return Err(invalid_argument(message));
            }
            None if reads => objects.catch_up_if_in_touch().await,
            Some(_) | None => objects.catch_up().await.map(|()| None),
        };
        caught_up.map_err(failed)
    }

    /// The bucket whose website a host is.
    fn website<'h>(&self, host: &'h str) -> Option<&'h str> {
        host_bucket(host, self.settings.website_domain.as_ref()?.as_str())
    }

    /// An answer for an error that arose here.
    fn render(&self, error: &S3Error, asked: &Asked) -> Response<Body> {
        let status = error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = error.headers().cloned().unwrap_or_default();
        let xml = self.document(error.code().as_str(), error.message().unwrap_or_default(), asked);
        let mut answer = Response::new(Body::from(xml));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        answer
    }

    fn document(&self, code: &str, message: &str, asked: &Asked) -> String {
        self.face.admission().note_refusal(code, asked.context.peer.ip());
        ErrorDocument {
            code,
            message,
            address: &asked.address,
            path: &asked.path,
            details: &asked.context.take_details(),
            request_id: &asked.context.id,
            host_id: &self.host_id,
        }
        .to_xml()
    }

    /// Completes error documents and adds the headers that every answer has.
    fn finish(&self, answer: Response<Body>, asked: &Asked) -> Response<Body> {
        let (mut head, mut body) = answer.into_parts();
        let is_error = head.status.is_client_error() || head.status.is_server_error();
        if is_error {
            body = self.complete(&mut head, body, asked);
        }
        if head.status == StatusCode::NOT_MODIFIED || is_error && asked.method == Method::HEAD {
            body = Body::empty();
            head.headers.remove(header::CONTENT_LENGTH);
            head.headers.remove(header::CONTENT_TYPE);
        }
        if let Some(Document(xml)) = head.extensions.remove() {
            body = Body::from(xml);
        }
        if head.extensions.remove::<UnquotedETag>().is_some()
            && let Some(xml) = body.bytes()
        {
            body = Body::from(UnquotedETag::correct(&xml));
        }
        if head.status == StatusCode::OK && head.headers.contains_key(header::CONTENT_RANGE) {
            head.status = StatusCode::PARTIAL_CONTENT;
        }
        if let Some(cut_off) = asked.cut_off {
            head.headers.insert(CUT_OFF_SINCE, text(&iso_date(cut_off.since)));
        }
        head.headers.insert("x-amz-request-id", text(&asked.context.id));
        head.headers.insert("x-amz-id-2", text(&self.host_id));
        head.headers.insert(header::SERVER, HeaderValue::from_static("Essaim"));
        Response::from_parts(head, body)
    }

    /// What is said of a body that was given up.
    fn given_up(
        &self,
        head: &mut http::response::Parts,
        fault: BodyFault,
        asked: &Asked,
    ) -> String {
        let (status, code) = match fault {
            BodyFault::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
            BodyFault::TooLong => (StatusCode::BAD_REQUEST, "MaxMessageLengthExceeded"),
            BodyFault::Unmeasured => (StatusCode::LENGTH_REQUIRED, "MissingContentLength"),
        };
        head.status = status;
        if fault == BodyFault::Crowded {
            head.headers.extend(admission::crowded());
        }
        self.document(code, "", asked)
    }

    /// The whole error document in the place of what the library wrote.
    fn complete(&self, head: &mut http::response::Parts, body: Body, asked: &Asked) -> Body {
        let xml = if asked.context.is_too_slow() {
            head.status = StatusCode::BAD_REQUEST;
            self.document("RequestTimeout", "", asked)
        } else if let Some(fault) = asked.context.fault() {
            self.given_up(head, fault, asked)
        } else if let Some(digest) = asked.context.bad_digest() {
            head.status = StatusCode::BAD_REQUEST;
            let message = format!("The {digest} you specified did not match what we received.");
            self.document("BadDigest", &message, asked)
        } else {
            let Some(bytes) = body.bytes() else { return body };
            if bytes.windows(b"<RequestId>".len()).any(|window| window == b"<RequestId>") {
                return Body::from(bytes);
            }
            match document::read(&bytes) {
                Some((code, message)) => self.document(&code, &message, asked),
                None if bytes.is_empty() => self.document("InternalError", "", asked),
                None => return Body::from(bytes),
            }
        };
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        head.headers.remove(header::CONTENT_LENGTH);
        Body::from(xml)
    }
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The request line and headers together must be short.
fn check_head(parts: &http::request::Parts) -> S3Result {
    let headers: usize =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let uri = parts.uri.path().len() + parts.uri.query().map_or(0, str::len);
    if headers + uri > HEAD_BYTES_MAX {
        let mut error = S3Error::with_message(
            S3ErrorCode::Custom("RequestHeaderSectionTooLarge".into()),
            "Your request header and query parameters used to make the request exceed the maximum allowed size.",
        );
        error.set_status_code(StatusCode::BAD_REQUEST);
        return Err(error);
    }
    Ok(())
}

/// The one host that the request is for.
fn host(parts: &http::request::Parts) -> S3Result<&str> {
    let invalid = || s3_error!(InvalidRequest, "Missing or invalid Host header");
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(invalid()) };
    host.to_str().map_err(|_| invalid())
}

/// A body that is written must say how long it is.
fn check_length(parts: &http::request::Parts, level: Level) -> S3Result {
    let writes = level == Level::Object && parts.method == Method::PUT;
    let chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    let length = parts.headers.contains_key(header::CONTENT_LENGTH);
    if writes && !length && !chunked && !is_copy(&parts.headers) {
        return Err(s3_error!(MissingContentLength));
    }
    Ok(())
}

/// The length that the head says.
fn length_said(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A document as the protocol library takes it.
fn document_body<B>(body: GatheredBody<B>) -> Body
where
    B: http_body::Body<Data = Bytes, Error = StdError> + Send + 'static,
{
    use http_body::Body as _;
    if body.is_end_stream() { Body::empty() } else { Body::http_body_unsync(body) }
}

/// A body in chunks of HTTP that does not say how long it is.
fn lacks_length(parts: &http::request::Parts) -> bool {
    let framed = parts.headers.contains_key("x-amz-decoded-content-length");
    let chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    let length = parts.headers.contains_key(header::CONTENT_LENGTH);
    parts.method == Method::PUT && chunked && !length && !framed
}

fn is_copy(headers: &HeaderMap) -> bool {
    headers.contains_key("x-amz-copy-source")
}
