//! Listings, uploads in parts, and what is said of objects.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::ChecksumAlgorithm;
use http::Method;

use super::site::{Answer, Ask, Site};

fn object(key: &str) -> String {
    format!("/village/{key}")
}

fn put(key: &str, text: &str) -> Ask {
    Ask::new(Method::PUT, &object(key)).body(text.to_owned())
}

fn list(query: &[(&str, &str)]) -> Ask {
    let ask = Ask::new(Method::GET, "/village");
    query.iter().fold(ask, |ask, (key, value)| ask.query(key, value))
}

/// What all elements of this name hold.
fn all(answer: &Answer, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let found = answer.body.split(&open).skip(1);
    found.map(|text| text.split(&close).next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn objects_are_listed_page_by_page() {
    let site = Site::start().await;
    for key in ["a b", "d/1", "d/2", "e"] {
        site.done(&put(key, "x")).await;
    }
    let mut keys = Vec::new();
    let mut token = String::new();
    for page in 0..9 {
        let mut ask = list(&[("list-type", "2"), ("max-keys", "2"), ("delimiter", "/")]);
        if page > 0 {
            ask = ask.query("continuation-token", &token);
        }
        let answer = site.done(&ask).await;
        let prefixes = all(&answer, "CommonPrefixes");
        keys.extend(all(&answer, "Key"));
        keys.extend(
            prefixes.iter().map(|text| text.replace("<Prefix>", "").replace("</Prefix>", "")),
        );
        answer.element("NextContinuationToken").clone_into(&mut token);
        if answer.element("IsTruncated") == "false" {
            break;
        }
    }
    assert_eq!(keys, ["a b", "d/", "e", "k"]);
    let after = site.done(&list(&[("list-type", "2"), ("start-after", "d/1")])).await;
    assert_eq!(all(&after, "Key"), ["d/2", "e", "k"]);
    let first = site.done(&list(&[("marker", "d/2"), ("max-keys", "1")])).await;
    assert_eq!(all(&first, "Key"), ["e"]);
    assert_eq!(first.element("IsTruncated"), "true");
    let none = site.done(&list(&[("list-type", "2"), ("max-keys", "0")])).await;
    assert_eq!((all(&none, "Key").len(), none.element("IsTruncated")), (0, "false"));
    let encoded = site.done(&list(&[("encoding-type", "url"), ("prefix", "a ")])).await;
    assert!(["a+b", "a%20b"].contains(&encoded.element("Key")), "{encoded:?}");
    assert_eq!(encoded.element("EncodingType"), "url");
    let unknown = site.send(&list(&[("encoding-type", "xml")])).await;
    assert_eq!((unknown.status, unknown.code()), (400, "InvalidArgument"), "{unknown:?}");
}

#[tokio::test]
async fn versions_are_listed_and_read() {
    let site = Site::start().await;
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    site.done(&Ask::new(Method::PUT, "/village").query("versioning", "").body(versioning)).await;
    let old = site.done(&put("v", "old")).await.header("x-amz-version-id").to_owned();
    let new = site.done(&put("v", "new")).await.header("x-amz-version-id").to_owned();
    let gone = site.done(&Ask::new(Method::DELETE, &object("v"))).await;
    assert_eq!(gone.header("x-amz-delete-marker"), "true", "{gone:?}");
    let marker = gone.header("x-amz-version-id").to_owned();
    assert_eq!(site.send(&Ask::new(Method::GET, &object("v"))).await.status, 404);

    let listed = site.done(&list(&[("versions", ""), ("prefix", "v")])).await;
    assert_eq!(all(&listed, "VersionId"), [marker.clone(), new, old.clone()], "{listed:?}");
    assert_eq!(all(&listed, "DeleteMarker").len(), 1);
    assert_eq!(all(&listed, "IsLatest"), ["true", "false", "false"]);
    let one = site.done(&list(&[("versions", ""), ("max-keys", "1"), ("prefix", "v")])).await;
    let next = list(&[
        ("versions", ""),
        ("key-marker", one.element("NextKeyMarker")),
        ("version-id-marker", one.element("NextVersionIdMarker")),
    ]);
    assert_eq!(all(&site.done(&next).await, "VersionId").len(), 2);
    let read = Ask::new(Method::GET, &object("v")).query("versionId", &old);
    assert_eq!(site.done(&read).await.body, "old");
    site.done(&Ask::new(Method::DELETE, &object("v")).query("versionId", &marker)).await;
    assert_eq!(site.done(&Ask::new(Method::GET, &object("v"))).await.body, "new");
}

fn crc(bytes: &[u8]) -> Vec<u8> {
    objects::checksum_of(ChecksumAlgorithm::Crc32, bytes)
}

#[tokio::test]
async fn uploads_and_parts_are_listed_and_make_an_object() {
    let site = Site::start().await;
    let begin = Ask::new(Method::POST, &object("parts")).query("uploads", "");
    let begun = site.done(&begin.header("x-amz-checksum-algorithm", "CRC32")).await;
    assert_eq!(begun.header("x-amz-checksum-type"), "COMPOSITE", "{begun:?}");
    let upload = begun.element("UploadId").to_owned();
    let other = Ask::new(Method::POST, &object("other")).query("uploads", "");
    let other = site.done(&other).await.element("UploadId").to_owned();
    let uploads = site.done(&list(&[("uploads", "")])).await;
    assert_eq!(all(&uploads, "Key"), ["other", "parts"], "{uploads:?}");
    let one = site.done(&list(&[("uploads", ""), ("max-uploads", "1")])).await;
    assert_eq!((all(&one, "UploadId"), one.element("IsTruncated")), (vec![other], "true"));

    let bodies = ["p".repeat(5 << 20), "last".to_owned()];
    let mut lines = String::new();
    for (number, body) in (1..).zip(&bodies) {
        let checksum = STANDARD.encode(crc(body.as_bytes()));
        let part = Ask::new(Method::PUT, &object("parts"))
            .query("partNumber", &number.to_string())
            .query("uploadId", &upload)
            .body(body.clone());
        let wrong = part.clone().header("x-amz-checksum-crc32", "AAAAAA==");
        let refused = site.send(&wrong).await;
        assert_eq!((refused.status, refused.code()), (400, "BadDigest"), "{refused:?}");
        let stored = site.done(&part.header("x-amz-checksum-crc32", &checksum)).await;
        let _ = write!(
            lines,
            "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag><ChecksumCRC32>{checksum}\
             </ChecksumCRC32></Part>",
            stored.header("etag")
        );
    }
    let in_upload = |method| Ask::new(method, &object("parts")).query("uploadId", &upload);
    let parts = site.done(&in_upload(Method::GET).query("max-parts", "1")).await;
    assert_eq!(all(&parts, "PartNumber"), ["1"], "{parts:?}");
    assert_eq!(parts.element("IsTruncated"), "true");
    let next = in_upload(Method::GET).query("part-number-marker", "1");
    assert_eq!(all(&site.done(&next).await, "Size"), ["4"]);

    let document = format!("<CompleteMultipartUpload>{lines}</CompleteMultipartUpload>");
    let complete = in_upload(Method::POST).body(document.clone());
    let digests: Vec<u8> = bodies.iter().flat_map(|body| crc(body.as_bytes())).collect();
    let whole = format!("{}-2", STANDARD.encode(crc(&digests)));
    // The checksum is the object's, not the document's.
    let wrong = complete.clone().header("x-amz-checksum-crc32", "AAAAAA==-2");
    let refused = site.send(&wrong).await;
    assert_eq!((refused.status, refused.code()), (400, "BadDigest"), "{refused:?}");
    let done = site.done(&complete.header("x-amz-checksum-crc32", &whole)).await;
    assert_eq!(done.element("ChecksumCRC32"), whole, "{done:?}");
    let head = Ask::new(Method::HEAD, &object("parts")).header("x-amz-checksum-mode", "ENABLED");
    let head = site.done(&head).await;
    assert_eq!(head.header("x-amz-checksum-crc32"), whole, "{head:?}");
    assert_eq!(head.header("x-amz-checksum-type"), "COMPOSITE", "{head:?}");
    assert!(head.header("etag").ends_with("-2\""), "{head:?}");
    let second = Ask::new(Method::GET, &object("parts")).query("partNumber", "2");
    let second = site.done(&second).await;
    assert_eq!((second.status, second.body.as_str()), (206, "last"));

    let attributes = Ask::new(Method::GET, &object("parts")).query("attributes", "");
    let wanted = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize";
    let told = attributes.clone().header("x-amz-object-attributes", wanted);
    let told = site.done(&told.header("x-amz-max-parts", "1")).await;
    assert_eq!(told.element("ObjectSize"), ((5 << 20) + 4).to_string(), "{told:?}");
    assert_eq!(told.element("ChecksumType"), "COMPOSITE", "{told:?}");
    assert_eq!(told.element("PartsCount"), "2", "{told:?}");
    assert_eq!(all(&told, "PartNumber"), ["1"], "{told:?}");
    assert_eq!(format!("\"{}\"", told.element("ETag")), head.header("etag"));
    let few = site.done(&attributes.clone().header("x-amz-object-attributes", "ObjectSize")).await;
    assert_eq!((few.element("ETag"), few.element("StorageClass")), ("", ""), "{few:?}");
    let unknown = site.send(&attributes.header("x-amz-object-attributes", "Colour")).await;
    assert_eq!((unknown.status, unknown.code()), (400, "InvalidArgument"), "{unknown:?}");
    assert_eq!(site.send(&in_upload(Method::GET)).await.code(), "NoSuchUpload");
}

#[tokio::test]
async fn writes_wait_for_their_condition() {
    let site = Site::start().await;
    let etag = site.done(&Ask::new(Method::HEAD, &object("k"))).await.header("etag").to_owned();
    let cases = [
        (put("k", "x").header("if-none-match", "*"), 412, "PreconditionFailed"),
        (put("k", "x").header("if-match", "\"00\""), 412, "PreconditionFailed"),
        (put("absent", "x").header("if-match", &etag), 404, "NoSuchKey"),
        (
            Ask::new(Method::DELETE, &object("k")).header("if-match", "\"00\""),
            412,
            "PreconditionFailed",
        ),
    ];
    for (ask, status, code) in cases {
        let answer = site.send(&ask).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{ask:?}: {answer:?}");
        assert_eq!(site.done(&Ask::new(Method::GET, &object("k"))).await.body, "one");
    }
    assert_eq!(site.send(&Ask::new(Method::HEAD, &object("absent"))).await.status, 404);
    site.done(&put("k", "two").header("if-match", &etag)).await;
    site.done(&put("new", "x").header("if-none-match", "*")).await;
    let lost = site.send(&put("k", "three").header("if-match", &etag)).await;
    assert_eq!(lost.status, 412, "the etag is another now: {lost:?}");
    assert_eq!(site.done(&Ask::new(Method::GET, &object("k"))).await.body, "two");
    let read = Ask::new(Method::GET, &object("k"));
    let etag = site.done(&read).await.header("etag").to_owned();
    let unchanged = site.send(&read.clone().header("if-none-match", &etag)).await;
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    assert_eq!(site.send(&read.header("if-match", "\"00\"")).await.status, 412);
}
