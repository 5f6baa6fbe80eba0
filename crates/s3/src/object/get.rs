//! GET object.

use http::{HeaderMap, HeaderValue};
use objects::GetObject;
use s3s::dto::{GetObjectInput, GetObjectOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use units::PartNumber;

use super::answer::OVERRIDES;
use super::{answer, body, conditional, expiration, header_text, object_name, sse, version_ask};
use crate::Face;
use crate::error::failed;
use crate::gate;

/// Serves `GetObject`.
pub(crate) async fn get_object(
    face: &Face,
    req: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let input = &req.input;
    let ask = Read {
        bucket: &input.bucket,
        key: &input.key,
        version: input.version_id.as_deref(),
        part: input.part_number,
        headers: &req.headers,
    };
    let get = ask.question()?;
    let overrides = overrides(&req.uri, req.credentials.is_none())?;
    let authorised = gate::authorised(&req.extensions)?;
    let reader = face.objects.object_get(authorised, get).await.map_err(failed)?;

    let mut headers = ask.answer(&reader.head);
    let judge = gate::judge(&req.extensions)?;
    expiration::answer_version(&mut headers, judge, &input.key, &reader.head.version);
    headers.extend(overrides);
    let output = GetObjectOutput {
        // Naming the range makes the answer 206.
        content_range: headers
            .get("content-range")
            .and_then(|range| range.to_str().ok())
            .map(str::to_owned),
        body: Some(body::outgoing(reader.body)),
        ..GetObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// What GET and HEAD have in common.
pub(crate) struct Read<'r> {
    /// Bucket name.
    pub bucket: &'r str,
    /// Object key.
    pub key: &'r str,
    /// `versionId`.
    pub version: Option<&'r str>,
    /// `partNumber`.
    pub part: Option<i32>,
    /// The request's headers.
    pub headers: &'r HeaderMap,
}

impl Read<'_> {
    /// The question to `objects`.
    pub(crate) fn question(&self) -> S3Result<GetObject> {
        sse::refuse_on_read(self.headers)?;
        let range = conditional::range(self.headers);
        let part = self.part.map(part_number).transpose()?;
        if part.is_some() && range.is_some() {
            return Err(s3_error!(
                InvalidRequest,
                "Cannot specify both Range header and partNumber query parameter"
            ));
        }
        Ok(GetObject {
            name: object_name(self.bucket, self.key)?,
            version: version_ask(self.version)?,
            range,
            part,
            conditions: conditional::read_conditions(self.headers, ""),
            customer_key: sse::customer_key(self.headers, "x-amz-")?,
        })
    }

    /// The headers of the answer.
    pub(crate) fn answer(&self, head: &objects::ObjectHead) -> HeaderMap {
        let mode = header_text(self.headers, "x-amz-checksum-mode");
        let checksum = mode.is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"));
        // The digest of a whole object says nothing of a range of it.
        let checksum = checksum && (!head.partial || self.part.is_some());
        answer::of_head(head, self.part.is_some(), checksum)
    }
}

/// A part number from a query string.
pub(crate) fn part_number(number: i32) -> S3Result<PartNumber> {
    let in_range = u16::try_from(number)
        .ok()
        .filter(|number| (1..=units::limits::PARTS_MAX).contains(&usize::from(*number)));
    in_range.map(PartNumber::new).ok_or_else(|| {
        s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive")
    })
}

/// The `response-*` parameters as headers; nobody but a signer may ask them.
pub(crate) fn overrides(uri: &http::Uri, anonymous: bool) -> S3Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some((_, header)) = OVERRIDES.iter().find(|(parameter, _)| *parameter == name) else {
            continue;
        };
        if anonymous {
            return Err(s3_error!(
                InvalidRequest,
                "Request specific response headers cannot be used for anonymous GET requests."
            ));
        }
        let value = value.replace('+', " ");
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(&value).collect();
        let value = HeaderValue::from_bytes(&decoded)
            .map_err(|_| s3_error!(InvalidArgument, "{name} is no header value"))?;
        headers.insert(*header, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_become_headers() {
        let uri: http::Uri = "/b/k?response-content-type=text%2Fplain%3B+charset%3Dutf-8&\
                              response-expires=Thu%2C%2001&x=y"
            .parse()
            .expect("a URI");
        let headers = overrides(&uri, false).expect("headers");
        assert_eq!(headers.get("content-type").expect("a type"), "text/plain; charset=utf-8");
        assert_eq!(headers.get("expires").expect("a date"), "Thu, 01");
        assert_eq!(headers.len(), 2);
        assert!(overrides(&uri, true).is_err());
        let injected: http::Uri = "/b/k?response-content-type=a%0d%0ab".parse().expect("a URI");
        assert!(overrides(&injected, false).is_err());
    }

    #[test]
    fn part_numbers() {
        for (number, expected) in
            [(1, true), (10_000, true), (0, false), (-1, false), (10_001, false)]
        {
            assert_eq!(part_number(number).is_ok(), expected, "{number}");
        }
    }
}
