//! `x-amz-checksum-*`: what a request claims, and what an answer repeats.
//!
//! A claim comes in a header or, announced by `x-amz-trailer`, behind the body.
//! Composite checksums of multipart objects are written with a dash and the
//! number of parts behind the digest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{Checksum, ChecksumAlgorithm, ChecksumKind};
use http::{HeaderMap, HeaderName, HeaderValue};
use objects::{BodyError, ChecksumAsk, ChecksumClaim, TrailingChecksum, checksum_name};
use s3s::{S3Request, S3Result, s3_error};

use super::header_text;

/// The algorithms with the header that carries each.
const ALGORITHMS: [(ChecksumAlgorithm, &str); 5] = [
    (ChecksumAlgorithm::Crc32, "x-amz-checksum-crc32"),
    (ChecksumAlgorithm::Crc32c, "x-amz-checksum-crc32c"),
    (ChecksumAlgorithm::Crc64Nvme, "x-amz-checksum-crc64nvme"),
    (ChecksumAlgorithm::Sha1, "x-amz-checksum-sha1"),
    (ChecksumAlgorithm::Sha256, "x-amz-checksum-sha256"),
];

/// The header that carries an algorithm's value.
pub(crate) fn header_of(algorithm: ChecksumAlgorithm) -> &'static str {
    ALGORITHMS.iter().find(|(a, _)| *a == algorithm).map_or("", |(_, header)| header)
}

/// The algorithm of this name, in any case.
pub(crate) fn algorithm_named(name: &str) -> S3Result<ChecksumAlgorithm> {
    ALGORITHMS
        .iter()
        .map(|(algorithm, _)| *algorithm)
        .find(|algorithm| checksum_name(*algorithm).eq_ignore_ascii_case(name.trim()))
        .ok_or_else(|| {
            s3_error!(
                InvalidRequest,
                "Checksum algorithm provided is unsupported. Please try again with any of the \
                 valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
            )
        })
}

/// The kind named by `x-amz-checksum-type`.
pub(crate) fn kind_named(name: &str) -> S3Result<ChecksumKind> {
    match name.trim() {
        "FULL_OBJECT" => Ok(ChecksumKind::FullObject),
        "COMPOSITE" => Ok(ChecksumKind::Composite),
        _ => Err(s3_error!(InvalidRequest, "Value for x-amz-checksum-type header is invalid.")),
    }
}

/// How S3 writes a kind.
pub(crate) fn kind_name(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::FullObject => "FULL_OBJECT",
        ChecksumKind::Composite => "COMPOSITE",
    }
}

/// The field of a protocol struct that holds an algorithm's value.
macro_rules! slot {
    ($target:expr, $algorithm:expr) => {
        match $algorithm {
            catalog::ChecksumAlgorithm::Crc32 => &mut $target.checksum_crc32,
            catalog::ChecksumAlgorithm::Crc32c => &mut $target.checksum_crc32c,
            catalog::ChecksumAlgorithm::Crc64Nvme => &mut $target.checksum_crc64nvme,
            catalog::ChecksumAlgorithm::Sha1 => &mut $target.checksum_sha1,
            catalog::ChecksumAlgorithm::Sha256 => &mut $target.checksum_sha256,
        }
    };
}
pub(crate) use slot;

/// A digest as S3 writes it.
pub(crate) fn value_text(checksum: &Checksum, parts: Option<u16>) -> String {
    let digest = STANDARD.encode(&checksum.value);
    match (checksum.kind, parts) {
        (ChecksumKind::Composite, Some(parts)) => format!("{digest}-{parts}"),
        _ => digest,
    }
}

/// A digest as a client writes it, without the dash and number of a composite.
/// What is not base64 becomes a value that matches nothing.
pub(crate) fn value_bytes(text: &str) -> Vec<u8> {
    let digest = text.trim().split_once('-').map_or(text.trim(), |(digest, _)| digest);
    STANDARD.decode(digest).unwrap_or_default()
}

/// The one claim in the headers.
pub(crate) fn claimed(headers: &HeaderMap) -> S3Result<Option<(ChecksumAlgorithm, Vec<u8>)>> {
    let mut found = None;
    for (algorithm, header) in ALGORITHMS {
        let Some(text) = header_text(headers, header) else { continue };
        if found.is_some() {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not \
                 allowed."
            ));
        }
        found = Some((algorithm, value_bytes(text)));
    }
    Ok(found)
}

/// Reads a trailing header once the body has ended.
pub(crate) type ReadTrailer = Box<dyn FnOnce(&str) -> Option<HeaderValue> + Send>;

/// The trailers of a request; `None` if its body is not sent in chunks with some.
pub(crate) fn trailers_of<T>(req: &S3Request<T>) -> Option<ReadTrailer> {
    let trailers = req.trailing_headers.clone()?;
    Some(Box::new(move |name| trailers.read(|trailers| trailers.get(name).cloned()).flatten()))
}

/// What the headers ask and claim; a trailing claim is read from `trailers`.
pub(crate) fn asked(headers: &HeaderMap, trailers: Option<ReadTrailer>) -> S3Result<ChecksumAsk> {
    let named = header_text(headers, "x-amz-sdk-checksum-algorithm")
        .or_else(|| header_text(headers, "x-amz-checksum-algorithm"))
        .map(algorithm_named)
        .transpose()?;
    if let Some((algorithm, value)) = claimed(headers)? {
        if named.is_some_and(|named| named != algorithm) {
            return Err(mismatch());
        }
        let claim = ChecksumClaim::Value(value);
        return Ok(ChecksumAsk { algorithm: Some(algorithm), claim });
    }
    let Some(algorithm) = announced(headers)? else {
        return Ok(ChecksumAsk { algorithm: named, claim: ChecksumClaim::None });
    };
    if named.is_some_and(|named| named != algorithm) {
        return Err(mismatch());
    }
    let claim = ChecksumClaim::Trailing(trailing(algorithm, trailers)?);
    Ok(ChecksumAsk { algorithm: Some(algorithm), claim })
}

fn mismatch() -> s3s::S3Error {
    s3_error!(
        InvalidRequest,
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or \
         x-amz-trailer headers were found."
    )
}

/// The algorithm that `x-amz-trailer` announces.
fn announced(headers: &HeaderMap) -> S3Result<Option<ChecksumAlgorithm>> {
    let mut found = None;
    for value in headers.get_all("x-amz-trailer") {
        for name in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if name.is_empty() {
                continue;
            }
            let known = ALGORITHMS.iter().find(|(_, header)| header.eq_ignore_ascii_case(name));
            let Some((algorithm, _)) = known else {
                return Err(s3_error!(
                    InvalidRequest,
                    "The value specified in the x-amz-trailer header is not supported"
                ));
            };
            if found.replace(*algorithm).is_some() {
                return Err(s3_error!(InvalidRequest, "Expecting a single checksum trailer."));
            }
        }
    }
    Ok(found)
}

fn trailing(
    algorithm: ChecksumAlgorithm,
    trailers: Option<ReadTrailer>,
) -> S3Result<TrailingChecksum> {
    let header = header_of(algorithm);
    let Some(read) = trailers else {
        return Err(s3_error!(
            InvalidRequest,
            "x-amz-trailer needs a body that is sent in chunks with trailers"
        ));
    };
    Ok(TrailingChecksum(Box::new(move || {
        let value = read(header).ok_or_else(|| BodyError::Malformed {
            reason: format!("the announced trailer {header} did not come"),
        })?;
        Ok(value_bytes(value.to_str().unwrap_or_default()))
    })))
}

/// Adds a part's digest to an answer's headers.
pub(crate) fn answer_value(headers: &mut HeaderMap, checksum: &Checksum, parts: Option<u16>) {
    let value = value_text(checksum, parts);
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(HeaderName::from_static(header_of(checksum.algorithm)), value);
    }
}

/// Adds an object's digest and its kind to an answer's headers.
pub(crate) fn answer(headers: &mut HeaderMap, checksum: &Checksum, parts: Option<u16>) {
    answer_value(headers, checksum, parts);
    headers.insert(
        HeaderName::from_static("x-amz-checksum-type"),
        HeaderValue::from_static(kind_name(checksum.kind)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn check(pairs: &[(&'static str, &'static str)], expected: &str) {
        let found = match asked(&headers(pairs), Some(Box::new(|_| None))) {
            Err(error) => error.code().as_str().to_owned(),
            Ok(ChecksumAsk { algorithm, claim }) => {
                let algorithm = algorithm.map_or("default", checksum_name);
                match claim {
                    ChecksumClaim::None => algorithm.to_owned(),
                    ChecksumClaim::Value(value) => format!("{algorithm} {}", hex::encode(value)),
                    ChecksumClaim::Trailing(_) => format!("{algorithm} trailing"),
                }
            }
        };
        assert_eq!(found, expected, "{pairs:?}");
    }

    #[test]
    fn claims() {
        check(&[], "default");
        check(&[("x-amz-checksum-crc32", "AAAAAQ==")], "CRC32 00000001");
        check(&[("x-amz-checksum-sha256", "bad")], "SHA256 ");
        check(&[("x-amz-sdk-checksum-algorithm", "sha1")], "SHA1");
        check(
            &[("x-amz-sdk-checksum-algorithm", "CRC32"), ("x-amz-checksum-crc32", "AAAAAQ==")],
            "CRC32 00000001",
        );
        check(&[("x-amz-trailer", "x-amz-checksum-crc64nvme")], "CRC64NVME trailing");
        check(&[("x-amz-trailer", "X-Amz-Checksum-Crc32c")], "CRC32C trailing");
    }

    #[test]
    fn contradictions_are_refused() {
        check(&[("x-amz-sdk-checksum-algorithm", "MD5")], "InvalidRequest");
        check(&[("x-amz-trailer", "x-other")], "InvalidRequest");
        check(
            &[("x-amz-checksum-crc32", "AAAAAQ=="), ("x-amz-checksum-sha1", "AAAA")],
            "InvalidRequest",
        );
        check(
            &[("x-amz-sdk-checksum-algorithm", "SHA256"), ("x-amz-checksum-crc32", "AAAAAQ==")],
            "InvalidRequest",
        );
        let announced = headers(&[("x-amz-trailer", "x-amz-checksum-crc32")]);
        assert!(asked(&announced, None).is_err());
    }

    #[test]
    fn a_trailer_that_does_not_come_is_a_fault() {
        let announced = headers(&[("x-amz-trailer", "x-amz-checksum-crc32")]);
        let ask = asked(&announced, Some(Box::new(|_| None))).expect("asked");
        let ChecksumClaim::Trailing(TrailingChecksum(read)) = ask.claim else { panic!("{ask:?}") };
        assert!(matches!(read(), Err(BodyError::Malformed { .. })));
    }

    #[test]
    fn composite_values_lose_their_count() {
        assert_eq!(value_bytes("AAAAAQ==-3"), [0, 0, 0, 1]);
        assert_eq!(value_bytes("AAAAAQ=="), [0, 0, 0, 1]);
        assert!(value_bytes("sailorjerry").is_empty());
    }
}
