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

use access::{Caller, SignatureAuth};
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
use crate::object::checksums;
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

/// Where a form is sent to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// The bucket in the address.
    pub bucket: &'a str,
    /// The region that signatures must be made for.
    pub region: &'a str,
}

/// Serves `PostObject` on a bucket.
pub(crate) async fn post_object(
    face: &Face,
    context: &Arc<RequestContext>,
    target: Target<'_>,
    parts: &http::request::Parts,
    body: Body,
) -> S3Result<Response<Body>> {
    let bucket = target.bucket;
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

    let Signer { caller, auth, policy } = signer(face, context, &form.fields, target).await?;
    let name = object_name(bucket, &key)?;
    let fields = as_headers(&form.fields, &parts.headers)?;
    let ask = FormAsk { caller, auth, bucket, key: &key, fields: &fields, context };
    let granted = gate::authorise_form(face, ask).await?;
    let put = PutObject {
        acl: granted.acl,
        owner: owner::of_writer(&granted.judge, &fields),
        ..question(face, &fields, &granted.judge, name)?
    };
    let length = Length::new(policy.as_ref().and_then(Policy::length).cloned());
    let answer = answer::Wanted::of(&form.fields, bucket, host);
    let file: BodyStream = Box::pin(length.watch(form.into_file()));
    let outcome = face.objects.object_put(&granted.authorised, put, file).await;
    let outcome = outcome.map_err(|error| length.breach().unwrap_or_else(|| failed(error)))?;
    Ok(answer.answer(&outcome))
}

/// Who signed a form, how, and the policy that was signed.
struct Signer {
    caller: Caller,
    auth: SignatureAuth,
    policy: Option<Policy>,
}

/// Verifies the signature, then holds the policy against the form.
async fn signer(
    face: &Face,
    context: &RequestContext,
    fields: &Fields,
    target: Target<'_>,
) -> S3Result<Signer> {
    let encoded = fields.get("policy");
    let claim = FormSignature::of(fields);
    let (access_key, auth) = match &claim {
        FormSignature::None => {
            let (caller, auth) = (Caller::Anonymous, SignatureAuth::None);
            return Ok(Signer { caller, auth, policy: None });
        }
        FormSignature::Incomplete { field } => return Err(missing(field)),
        FormSignature::V4(v4) => {
            check_region(&v4.region, target.region, context)?;
            (&v4.access_key, SignatureAuth::Form)
        }
        FormSignature::V2 { access_key, .. } => (access_key, SignatureAuth::FormV2),
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
        .check(fields, target.bucket, face.now())
        .map_err(|breach| s3_error!(AccessDenied, "{breach}"))?;
    Ok(Signer { caller: gate::caller_of(&credential), auth, policy: Some(policy) })
}

/// A signature made for another region was made for somebody else.
fn check_region(found: &str, expected: &str, context: &RequestContext) -> S3Result {
    if found == expected || units::planted::is_on("s3-trust-any-scope") {
        return Ok(());
    }
    context.detail("Region", expected);
    Err(s3_error!(
        AuthorizationHeaderMalformed,
        "The authorization header is malformed; the region '{found}' is wrong; expecting \
         '{expected}'"
    ))
}

/// What the fields ask of `objects`.
fn question(
    face: &Face,
    fields: &HeaderMap,
    judge: &Judge,
    name: ObjectName,
) -> S3Result<PutObject> {
    let stored = Stored::of(fields, None, face.now())?;
    Ok(PutObject {
        md5: stored::content_md5(fields)?,
        checksum: checksums::asked(fields, None)?,
        headers: stored.headers,
        metadata: stored.metadata,
        tags: stored.tags.unwrap_or_default(),
        retention: stored.retention,
        legal_hold: stored.legal_hold,
        encryption: sse::asked_in(face, fields, judge)?,
        storage_class: stored.storage_class,
        website_redirect: stored.website_redirect,
        ..PutObject::plain(name)
    })
}

/// The fields as headers, for the code that reads those of a PUT, and the headers of
/// the request itself that rules look at: a field cannot stand for them.
fn as_headers(fields: &Fields, request: &HeaderMap) -> S3Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter() {
        let (name, value) = match name {
            "acl" => ("x-amz-acl", value.to_owned()),
            "tagging" => ("x-amz-tagging", tags::header_of(&tags::from_document(value)?)),
            // These belong to the form, not to the object, or to the request; and a
            // form has no conditions.
            "key" | "policy" | "bucket" | "file" | "x-amz-trailer" | "referer" | "user-agent"
            | "if-match" | "if-none-match" => continue,
            other => (other, value.to_owned()),
        };
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    for name in [http::header::REFERER, http::header::USER_AGENT] {
        if let Some(value) = request.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    Ok(headers)
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
        FormError::Twice { field } => {
            s3_error!(InvalidArgument, "The form names the field '{field}' more than once.")
        }
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
