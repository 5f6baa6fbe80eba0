//! PUT object.

use http::HeaderMap;
use objects::PutObject;
use s3s::dto::{PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Response, S3Result};

use super::chunked::ChunkFindings;
use super::expiration::{self, Subject};
use super::metadata::LatinHeaders;
use super::stored::{self, Stored};
use super::{answer, body, checksums, object_name, owner, sse};
use crate::Face;
use crate::error::failed;
use crate::gate;

/// Serves `PutObject`.
pub(crate) async fn put_object(
    face: &Face,
    mut req: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let findings = req.extensions.get::<ChunkFindings>().cloned();
    let latin = req.extensions.get::<LatinHeaders>();
    let stored = Stored::of(&req.headers, latin, face.now())?;
    let ask = PutObject {
        name: object_name(&req.input.bucket, &req.input.key)?,
        length: stored::decoded_length(&req.headers)?,
        md5: stored::content_md5(&req.headers)?,
        checksum: checksums::asked(&req.headers, checksums::trailers_of(&req))?,
        condition: stored::put_condition(&req.headers),
        headers: stored.headers,
        metadata: stored.metadata,
        tags: stored.tags.unwrap_or_default(),
        retention: stored.retention,
        legal_hold: stored.legal_hold,
        encryption: sse::asked_in(face, &req.headers, gate::judge(&req.extensions)?)?,
        storage_class: stored.storage_class,
        acl: gate::acl_asked(&req.extensions)?,
        website_redirect: stored.website_redirect,
        owner: owner::of_writer(gate::judge(&req.extensions)?, &req.headers),
    };
    let rules = expiration::rules(gate::judge(&req.extensions)?);
    let lifecycle = rules.map(|rules| (rules, ask.tags.clone()));
    let bytes = body::incoming(req.input.body.take(), findings);
    let authorised = gate::authorised(&req.extensions)?;
    let outcome = face.objects.object_put(authorised, ask, bytes).await.map_err(failed)?;

    let mut headers = HeaderMap::new();
    answer::put(&mut headers, "etag", &answer::quoted(&outcome.etag.to_string()));
    answer::version_written(&mut headers, outcome.version);
    sse::answer(&mut headers, &outcome.encryption);
    if let Some(checksum) = &outcome.checksum {
        checksums::answer(&mut headers, checksum, None);
    }
    if let Some((rules, tags)) = &lifecycle {
        let key = &req.input.key;
        let subject = Subject { key, size: outcome.size, tags, modified: outcome.modified };
        expiration::answer(&mut headers, rules, subject);
    }
    Ok(S3Response::with_headers(PutObjectOutput::default(), headers))
}
