//! POST object: an upload from a browser's form.
//!
//! The form is read here and not by the protocol library, which would hold the
//! whole file in memory. Its fields become headers, so that what is kept with the
//! bytes is read by the same code as for PUT; the file is a stream.
//!
//! In this order: the fields; who signed them; the policy; the decision of
//! `access`; the bytes. Nothing is stored before the last byte has come and the
//! policy's length holds.

mod answer;
mod form;
mod length;
mod policy;
mod signature;

use std::sync::Arc;

use access::Caller;
use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use objects::{BodyError, BodyStream, ObjectName, PutObject};
use s3s::{Body, S3Result, s3_error};

use self::form::{Fields, Form, FormError};
use self::length::Length;
use self::policy::Policy;
use self::signature::FormSignature;
use crate::Face;
use crate::auth;
use crate::error::failed;
use crate::gate::{self, FormAsk, Judge};
use crate::object::checksums::{self, TrailerSource};
use crate::object::stored::{self, Stored};
use crate::object::{header_text, object_name, owner, sse, tags};
use crate::request::RequestContext;

/// Whether a request is an upload from a form.
pub(crate) fn is_form(parts: &http::request::Parts) -> bool {
    let plain = parts.uri.query().is_none_or(str::is_empty);
    parts.method == http::Method::POST && plain && boundary(&parts.headers).is_some()
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    form::boundary(headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?)
}

/// Serves `PostObject` on a bucket.
pub(crate) async fn post_object(
    face: &Face,
    context: &Arc<RequestContext>,
    bucket: &str,
    parts: &http::request::Parts,
    body: Body,
) -> S3Result<Response<Body>> {
    let boundary = boundary(&parts.headers).ok_or_else(malformed)?;
    let host = header_text(&parts.headers, "host").unwrap_or_default();
    let bytes = body.map(|piece: Result<Bytes, s3s::StdError>| {
        piece.map_err(|error| BodyError::Broken { reason: error.to_string() })
    });
    let mut form = Form::read(bytes, &boundary).await.map_err(unreadable)?;
    let file_name = base_name(&form.file_name).to_owned();
    let key = form.fields.get("key").filter(|key| !key.is_empty()).ok_or_else(|| missing("key"))?;
    let key = key.replace("${filename}", &file_name);
    form.fields.set("key", key.clone());

    let (caller, policy) = signer(face, &form.fields, bucket).await?;
    let name = object_name(bucket, &key)?;
    let fields = as_headers(&form.fields);
    let ask = FormAsk { caller, bucket, key: &key, fields: &fields, context };
    let granted = gate::authorise_form(face, ask).await?;
    let put = PutObject {
        acl: granted.acl,
        owner: owner::of_writer(&granted.judge, &fields),
        ..question(face, &form.fields, &fields, &granted.judge, name)?
    };
    let length = Length::new(policy.as_ref().and_then(Policy::length).cloned());
    let answer = answer::Wanted::of(&form.fields, bucket, host);
    let file: BodyStream = Box::pin(length.watch(form.into_file()));
    let outcome = face.objects.object_put(&granted.authorised, put, file).await;
    let outcome = outcome.map_err(|error| length.breach().unwrap_or_else(|| failed(error)))?;
    Ok(answer.answer(&outcome))
}

/// Who signed the form, and the policy that was signed.
async fn signer(face: &Face, fields: &Fields, bucket: &str) -> S3Result<(Caller, Option<Policy>)> {
    let encoded = fields.get("policy");
    let claim = FormSignature::of(fields);
    let access_key = match &claim {
        FormSignature::None => return Ok((Caller::Anonymous, None)),
        FormSignature::Incomplete { field } => return Err(missing(field)),
        FormSignature::V4(v4) => &v4.access_key,
        FormSignature::V2 { access_key, .. } => access_key,
    };
    let encoded = encoded.ok_or_else(|| missing("policy"))?;
    let credential = auth::credential(face, access_key).await?;
    let verified = match &claim {
        FormSignature::V4(v4) => v4.verifies(&credential.secret, encoded),
        FormSignature::V2 { signature, .. } => {
            signature::v2_verifies(&credential.secret, encoded, signature)
        }
        FormSignature::None | FormSignature::Incomplete { .. } => false,
    };
    if !verified {
        return Err(s3_error!(SignatureDoesNotMatch));
    }
    let policy = Policy::parse(encoded)
        .map_err(|error| s3_error!(InvalidPolicyDocument, "Invalid Policy: {error}"))?;
    policy
        .check(fields, bucket, face.now())
        .map_err(|breach| s3_error!(AccessDenied, "{breach}"))?;
    Ok((gate::caller_of(&credential), Some(policy)))
}

/// What the fields ask of `objects`.
fn question(
    face: &Face,
    form: &Fields,
    fields: &HeaderMap,
    judge: &Judge,
    name: ObjectName,
) -> S3Result<PutObject> {
    let stored = Stored::of(fields, None, face.now())?;
    let tags = match form.get("tagging") {
        Some(document) => tags::from_document(document)?,
        None => stored.tags.unwrap_or_default(),
    };
    Ok(PutObject {
        md5: stored::content_md5(fields)?,
        checksum: checksums::asked(fields, TrailerSource::None)?,
        headers: stored.headers,
        metadata: stored.metadata,
        tags,
        retention: stored.retention,
        legal_hold: stored.legal_hold,
        encryption: sse::asked_in(face, fields, judge)?,
        storage_class: stored.storage_class,
        website_redirect: stored.website_redirect,
        ..PutObject::plain(name)
    })
}

/// The fields as headers, for the code that reads those of a PUT.
fn as_headers(fields: &Fields) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter() {
        let name = match name {
            "acl" => "x-amz-acl",
            // These belong to the form, not to the object.
            "key" | "policy" | "bucket" | "file" | "x-amz-trailer" => continue,
            other => other,
        };
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// The last part of a path, as browsers of all systems write them.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

fn malformed() -> s3s::S3Error {
    s3_error!(
        MalformedPOSTRequest,
        "The body of your POST request is not well-formed multipart/form-data."
    )
}

fn missing(field: &str) -> s3s::S3Error {
    s3_error!(
        InvalidArgument,
        "Bucket POST must contain a field named '{field}'. If it is specified, please check the \
         order of the fields."
    )
}

fn unreadable(error: FormError) -> s3s::S3Error {
    match error {
        FormError::NoFile => s3_error!(
            IncorrectNumberOfFilesInPostRequest,
            "POST requires exactly one file upload per request."
        ),
        FormError::TooLarge => s3_error!(
            MaxPostPreDataLengthExceededError,
            "Your POST request fields preceding the upload file were too large."
        ),
        FormError::Broken { reason } => failed(BodyError::Broken { reason }.into()),
        FormError::Malformed { .. } => malformed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_from_other_posts() {
        let check = |method: &str, uri: &str, content_type: &str, expected| {
            let request = http::Request::builder().method(method).uri(uri);
            let request = request.header("content-type", content_type).body(());
            let (parts, ()) = request.expect("a request").into_parts();
            assert_eq!(is_form(&parts), expected, "{method} {uri} {content_type}");
        };
        let form = "multipart/form-data; boundary=x";
        check("POST", "/b", form, true);
        check("POST", "/b?delete", form, false);
        check("POST", "/b", "application/xml", false);
        check("PUT", "/b", form, false);
    }

    #[test]
    fn file_names_lose_their_folders() {
        for (path, name) in [("a.txt", "a.txt"), ("C:\\x\\a.txt", "a.txt"), ("/x/a", "a"), ("", "")]
        {
            assert_eq!(base_name(path), name);
        }
    }
}
