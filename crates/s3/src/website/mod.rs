//! Static websites: buckets as browsers see them, under the website domain.
//!
//! Anonymous GET and HEAD only; what a visitor may see is what the bucket's
//! policy or grants give to everybody. Errors are pages, not documents of the
//! S3 protocol.

mod page;
mod route;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use objects::{GetObject, ObjectReader};
use s3s::dto::WebsiteConfiguration;
use s3s::{Body, S3Error, S3Result, s3_error};

use self::route::{Elsewhere, Route, Site};
use crate::Face;
use crate::error::{custom, failed};
use crate::gate::{self, Judge};
use crate::object::{answer, body, conditional, object_name};
use crate::request::RequestContext;
use crate::settings::website;

/// What a browser asks of a website.
pub(crate) struct Visit<'v> {
    /// GET or HEAD.
    pub method: &'v Method,
    /// The bucket that the host names.
    pub bucket: &'v str,
    /// The host that the browser asked for.
    pub host: &'v str,
    /// The path, decoded, without its leading slash.
    pub path: &'v str,
    /// The request's headers.
    pub headers: &'v HeaderMap,
    /// Where the request comes from.
    pub context: &'v Arc<RequestContext>,
}

/// Serves one visit; errors become pages.
pub(crate) async fn serve(face: &Face, visit: Visit<'_>) -> Response<Body> {
    if visit.method != Method::GET && visit.method != Method::HEAD {
        let error = s3_error!(MethodNotAllowed);
        return page::of_error(&error, &visit.context.id);
    }
    match visited(face, &visit).await {
        Ok(answer) => answer,
        Err(error) => page::of_error(&error, &visit.context.id),
    }
}

async fn visited(face: &Face, visit: &Visit<'_>) -> S3Result<Response<Body>> {
    let judge = gate::judge_visit(face, visit.bucket, visit.headers, visit.context).await?;
    let document = document(&judge)?;
    let site = Site { document: &document, host: visit.host };
    let key = match site.route(visit.path) {
        Route::Elsewhere(elsewhere) => return Ok(redirection(&elsewhere)),
        Route::Object { key } => key,
    };
    let error = match object(face, &judge, visit, &key).await {
        Ok(reader) => return Ok(given(reader, StatusCode::OK)),
        Err(error) => error,
    };
    let status = error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::NOT_MODIFIED {
        return Ok(not_modified(&error));
    }
    if status == StatusCode::NOT_FOUND
        && let Some(index) = site.folder_index(visit.path)
        && object(face, &judge, visit, &index).await.is_ok()
    {
        let location = format!("/{}/", visit.path);
        return Ok(redirection(&Elsewhere { status: StatusCode::FOUND, location }));
    }
    if let Some(elsewhere) = site.after_error(visit.path, status) {
        return Ok(redirection(&elsewhere));
    }
    if let Some(error_document) = &document.error_document
        && status.is_client_error()
        && let Ok(reader) = object(face, &judge, visit, &error_document.key).await
    {
        return Ok(given(reader, status));
    }
    Err(error)
}

/// The bucket's website document.
fn document(judge: &Judge) -> S3Result<WebsiteConfiguration> {
    let bucket = judge.bucket.as_ref().ok_or_else(|| s3_error!(NoSuchBucket))?;
    website::of_bucket(bucket)?.ok_or_else(|| {
        custom(
            "NoSuchWebsiteConfiguration",
            StatusCode::NOT_FOUND,
            "The specified bucket does not have a website configuration",
        )
    })
}

async fn object(
    face: &Face,
    judge: &Judge,
    visit: &Visit<'_>,
    key: &str,
) -> S3Result<ObjectReader> {
    let authorised = gate::authorise_visit(face, judge, key).await?;
    let ask = GetObject {
        range: conditional::range(visit.headers),
        conditions: conditional::read_conditions(visit.headers, ""),
        ..GetObject::whole(object_name(visit.bucket, key)?)
    };
    face.objects.object_get(&authorised, ask).await.map_err(failed)
}

/// An object as a browser gets it.
fn given(reader: ObjectReader, status: StatusCode) -> Response<Body> {
    if let Some(location) = &reader.head.version.detail.website_redirect {
        return redirection(&Elsewhere {
            status: StatusCode::MOVED_PERMANENTLY,
            location: location.clone(),
        });
    }
    let partial = reader.head.partial && status == StatusCode::OK;
    let headers = answer::of_head(&reader.head, false, false);
    let mut answer = Response::new(Body::from(body::outgoing(reader.body)));
    *answer.headers_mut() = headers;
    *answer.status_mut() = if partial { StatusCode::PARTIAL_CONTENT } else { status };
    answer
}

fn redirection(elsewhere: &Elsewhere) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = elsewhere.status;
    if let Ok(location) = HeaderValue::from_str(&elsewhere.location) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

fn not_modified(error: &S3Error) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    *answer.headers_mut() = error.headers().cloned().unwrap_or_default();
    answer
}
