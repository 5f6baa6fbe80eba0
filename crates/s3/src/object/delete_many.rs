//! POST ?delete: up to a thousand objects at once, each on its own.

use catalog::command::{DeleteCondition, ETagMatch};
use catalog::{DeleteDone, ETag};
use objects::DeleteObject;
use s3s::dto::{
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Error as KeyError, ObjectIdentifier,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};
use units::ByteCount;

use super::{bucket_name, object_key, version_ask};
use crate::Face;
use crate::date;
use crate::error::failed;
use crate::gate::{self, DeleteGrant};
use crate::limits::DELETES_MAX;

/// Serves `DeleteObjects`.
pub(crate) async fn delete_objects(
    face: &Face,
    req: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let lines = &req.input.delete.objects;
    if lines.is_empty() || lines.len() > DELETES_MAX {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published \
             schema"
        ));
    }
    let quiet = req.input.delete.quiet.unwrap_or(false);
    let bucket = bucket_name(&req.input.bucket)?;
    let mut results: Vec<Option<S3Result<DeleteDone>>> = Vec::new();
    // Who may get round governance may do so for the keys it was decided for only.
    let (mut plain, mut bypassing) = (Batch::default(), Batch::default());
    for (index, line) in lines.iter().enumerate() {
        match allowed(face, &req, line).await {
            Err(error) => results.push(Some(Err(error))),
            Ok((granted, ask)) => {
                let batch = if granted.bypass_governance { &mut bypassing } else { &mut plain };
                batch.lines.push(index);
                batch.asks.push((granted.authorised, ask));
                results.push(None);
            }
        }
    }
    for (batch, bypass) in [(plain, false), (bypassing, true)] {
        if batch.asks.is_empty() {
            continue;
        }
        let outcomes = face.objects.objects_delete(&bucket, batch.asks, bypass).await;
        for (line, outcome) in batch.lines.into_iter().zip(outcomes.map_err(failed)?) {
            if let Some(slot) = results.get_mut(line) {
                *slot = Some(outcome.map_err(failed));
            }
        }
    }
    Ok(S3Response::new(output(lines, results, quiet)))
}

/// Deletions that are asked of `objects` together, with the lines they are from.
#[derive(Default)]
struct Batch {
    lines: Vec<usize>,
    asks: Vec<(access::Authorised, DeleteObject)>,
}

async fn allowed(
    face: &Face,
    req: &S3Request<DeleteObjectsInput>,
    line: &ObjectIdentifier,
) -> S3Result<(DeleteGrant, DeleteObject)> {
    let ask = ask(line)?;
    let granted = gate::authorise_delete(face, req, &line.key, ask.version).await?;
    Ok((granted, ask))
}

fn output(
    lines: &[ObjectIdentifier],
    results: Vec<Option<S3Result<DeleteDone>>>,
    quiet: bool,
) -> DeleteObjectsOutput {
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for (line, result) in lines.iter().zip(results) {
        match result {
            Some(Ok(_)) if quiet => {}
            Some(Ok(done)) => deleted.push(deleted_object(line, &done)),
            Some(Err(error)) => errors.push(key_error(line, &error)),
            None => errors.push(key_error(line, &s3_error!(InternalError))),
        }
    }
    DeleteObjectsOutput {
        deleted: (!deleted.is_empty()).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        ..DeleteObjectsOutput::default()
    }
}

fn ask(line: &ObjectIdentifier) -> S3Result<DeleteObject> {
    let size = line.size.map(|size| {
        u64::try_from(size)
            .map(ByteCount::new)
            .map_err(|_| s3_error!(InvalidArgument, "Size is not a number of bytes"))
    });
    let modified = line.last_modified_time.as_ref().map(date::from_dto);
    Ok(DeleteObject {
        key: object_key(&line.key)?,
        version: version_ask(line.version_id.as_deref())?,
        condition: DeleteCondition {
            if_match: line
                .e_tag
                .as_ref()
                .map(|tag| ETagMatch::OneOf(vec![ETag::parse(tag.value())])),
            size: size.transpose()?,
            modified,
        },
    })
}

fn deleted_object(line: &ObjectIdentifier, outcome: &DeleteDone) -> DeletedObject {
    let version = outcome.version.map(|version| version.to_string());
    // A marker made is told apart from a version (or marker) removed by its name.
    let named = line.version_id.is_some();
    DeletedObject {
        key: Some(line.key.clone()),
        version_id: line.version_id.clone(),
        delete_marker: outcome.delete_marker.then_some(true),
        delete_marker_version_id: version
            .filter(|_| outcome.delete_marker)
            .or_else(|| line.version_id.clone().filter(|_| named && outcome.delete_marker)),
    }
}

fn key_error(line: &ObjectIdentifier, error: &S3Error) -> KeyError {
    KeyError {
        code: Some(error.code().as_str().to_owned()),
        key: Some(line.key.clone()),
        message: error.message().map(str::to_owned),
        version_id: line.version_id.clone(),
    }
}
