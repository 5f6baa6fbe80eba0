//! Bodies in signed and unsigned chunks, with trailing headers; objects and parts.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use catalog::ChecksumAlgorithm;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;

use super::signer::{Signer, sha256};
use super::site::{Answer, Ask, Site};

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const TEXT: &str = "a body in two chunks";
const CRC: &str = "x-amz-checksum-crc32";

fn crc_of(text: &str) -> String {
    STANDARD.encode(objects::checksum_of(ChecksumAlgorithm::Crc32, text.as_bytes()))
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoil {
    Nothing,
    Checksum,
    NoTrailer,
    TrailerSignature,
    NoTrailerSignature,
    ChunkSignature,
    Cut,
}

/// The request with the text in two chunks and its checksum behind them.
fn streamed(signer: &Signer, ask: &Ask, payload: &str, spoil: Spoil) -> Request<Full<Bytes>> {
    let ask = ask
        .clone()
        .payload(payload)
        .header("x-amz-trailer", CRC)
        .header("x-amz-decoded-content-length", &TEXT.len().to_string());
    let mut request = ask.signed(signer);
    let claim = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let seed = claim.and_then(|claim| claim.split_once("Signature=")).map(|(_, seed)| seed);
    let mut previous = seed.unwrap_or_default().to_owned();
    let (at, scope) = (&signer.at, signer.scope());
    let mut wire = String::new();
    let (first, second) = TEXT.split_at(7);
    for chunk in [first, second, ""] {
        let head = format!("{:x}", chunk.len());
        if payload == SIGNED {
            let (nothing, digest) = (sha256(b""), sha256(chunk.as_bytes()));
            let text =
                format!("AWS4-HMAC-SHA256-PAYLOAD\n{at}\n{scope}\n{previous}\n{nothing}\n{digest}");
            previous = signer.sign(&text);
            let shown =
                if spoil == Spoil::ChunkSignature { "0".repeat(64) } else { previous.clone() };
            let _ = write!(wire, "{head};chunk-signature={shown}\r\n");
        } else {
            let _ = write!(wire, "{head}\r\n");
        }
        if !chunk.is_empty() {
            let _ = write!(wire, "{chunk}\r\n");
        }
    }
    let value = crc_of(if spoil == Spoil::Checksum { "another" } else { TEXT });
    if spoil != Spoil::NoTrailer {
        let _ = write!(wire, "{CRC}:{value}\r\n");
    }
    if payload == SIGNED && spoil != Spoil::NoTrailerSignature {
        let digest = sha256(format!("{CRC}:{value}\n").as_bytes());
        let text = format!("AWS4-HMAC-SHA256-TRAILER\n{at}\n{scope}\n{previous}\n{digest}");
        let signature = signer.sign(&text);
        let shown = if spoil == Spoil::TrailerSignature { "0".repeat(64) } else { signature };
        let _ = write!(wire, "x-amz-trailer-signature:{shown}\r\n");
    }
    wire.push_str("\r\n");
    if spoil == Spoil::Cut {
        wire.truncate(wire.find(second).unwrap_or_default());
    }
    request.headers_mut().insert("content-length", HeaderValue::from(wire.len()));
    *request.body_mut() = Full::new(Bytes::from(wire));
    request
}

/// The bodies of one mode: whether and with which code each is refused.
const CASES: [(&str, Spoil, u16, &str); 11] = [
    (SIGNED, Spoil::Nothing, 200, ""),
    (SIGNED, Spoil::Checksum, 400, "BadDigest"),
    (SIGNED, Spoil::NoTrailer, 403, "SignatureDoesNotMatch"),
    (SIGNED, Spoil::TrailerSignature, 403, "SignatureDoesNotMatch"),
    (SIGNED, Spoil::NoTrailerSignature, 400, "InvalidRequest"),
    (SIGNED, Spoil::ChunkSignature, 403, "SignatureDoesNotMatch"),
    (SIGNED, Spoil::Cut, 400, "IncompleteBody"),
    (UNSIGNED, Spoil::Nothing, 200, ""),
    (UNSIGNED, Spoil::Checksum, 400, "BadDigest"),
    (UNSIGNED, Spoil::NoTrailer, 400, "InvalidRequest"),
    (UNSIGNED, Spoil::Cut, 400, "IncompleteBody"),
];

fn check(name: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{name}: {answer:?}");
}

#[tokio::test]
async fn objects_in_chunks_with_trailers() {
    for (payload, spoil, status, code) in CASES {
        let site = Site::start().await;
        let put = Ask::new(Method::PUT, "/village/new");
        let answer = site.send_raw(streamed(&site.signer, &put, payload, spoil)).await;
        check(&format!("{payload} {spoil:?}"), &answer, status, code);
        let read = site.send(&Ask::new(Method::GET, "/village/new")).await;
        if status == 200 {
            assert_eq!((read.status, read.body.as_str()), (200, TEXT), "{payload} {spoil:?}");
            assert_eq!(answer.header(CRC), crc_of(TEXT));
        } else {
            assert_eq!(read.status, 404, "{payload} {spoil:?}");
        }
    }
}

#[tokio::test]
async fn parts_in_chunks_with_trailers() {
    for (payload, spoil, status, code) in CASES {
        let site = Site::start().await;
        let begun = Ask::new(Method::POST, "/village/new").query("uploads", "");
        let begun = begun.header("x-amz-checksum-algorithm", "CRC32");
        let upload = site.done(&begun).await.element("UploadId").to_owned();
        let part = Ask::new(Method::PUT, "/village/new").query("partNumber", "1");
        let part = part.query("uploadId", &upload);
        let answer = site.send_raw(streamed(&site.signer, &part, payload, spoil)).await;
        check(&format!("{payload} {spoil:?}"), &answer, status, code);
        let parts = Ask::new(Method::GET, "/village/new").query("uploadId", &upload);
        let parts = site.done(&parts).await;
        let expected = if status == 200 { crc_of(TEXT) } else { String::new() };
        assert_eq!(parts.element("ChecksumCRC32"), expected, "{payload} {spoil:?}: {parts:?}");
    }
}

/// The request as a client sends it that does not say how long its body is.
fn without_length(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().remove("content-length");
    request.headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
    request
}

#[tokio::test]
async fn bodies_without_a_length_are_small_or_framed() {
    let site = Site::start().await;
    let put = Ask::new(Method::PUT, "/village/new");
    let most = crate::limits::UNMEASURED_BYTES_MAX;
    for (bytes, status, code) in [(most, 200, ""), (most + 1, 411, "MissingContentLength")] {
        let ask = put.clone().body(vec![b'x'; bytes]);
        let answer = site.send_raw(without_length(ask.signed(&site.signer))).await;
        check(&format!("{bytes} bytes"), &answer, status, code);
    }
    // Those that say the length of what is in their chunks need say no other.
    for payload in [SIGNED, UNSIGNED] {
        let request = streamed(&site.signer, &put, payload, Spoil::Nothing);
        let answer = site.send_raw(without_length(request)).await;
        check(payload, &answer, 200, "");
        let read = site.send(&Ask::new(Method::GET, "/village/new")).await;
        assert_eq!(read.body, TEXT, "{payload}");
    }
}
