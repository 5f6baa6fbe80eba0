//! The signature and request cases of `docs/reliability.md`: each a request that
//! is right in all but one thing, and must be refused before storage is touched.

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use units::Clock as _;

use super::site::{Answer, Ask, Site, now};

type Sent = Request<Full<Bytes>>;

fn get() -> Ask {
    Ask::new(Method::GET, "/village/k")
}

fn put() -> Ask {
    Ask::new(Method::PUT, "/village/new").body("two")
}

fn changed(mut request: Sent, name: &'static str, value: &str) -> Sent {
    let value = HeaderValue::from_str(value).unwrap_or_else(|error| panic!("{value}: {error}"));
    request.headers_mut().insert(HeaderName::from_static(name), value);
    request
}

/// With other text in its query.
fn queried(mut request: Sent, from: &str, to: &str) -> Sent {
    let uri = request.uri().to_string();
    assert!(uri.contains(from), "{uri}");
    let uri = uri.replace(from, to).parse();
    *request.uri_mut() = uri.unwrap_or_else(|error| panic!("{error}"));
    request
}

fn authorization(request: &Sent) -> String {
    let value = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// A body in signed chunks whose signatures are what they are.
fn chunked(signature: &str, length: &str, text: &str) -> Ask {
    let last = "0".repeat(64);
    let body =
        format!("3;chunk-signature={signature}\r\n{text}\r\n0;chunk-signature={last}\r\n\r\n");
    Ask::new(Method::PUT, "/village/new")
        .body(body)
        .payload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        .header("x-amz-decoded-content-length", length)
}

/// Requests whose form alone is refused: not even a key is looked up.
fn malformed(site: &Site) -> Vec<(&'static str, Sent, u16, &'static str)> {
    let signer = &site.signer;
    let other_region = super::signer::Signer { region: "us-east-1".to_owned(), ..signer.clone() };
    let other_service = super::signer::Signer { service: "sts".to_owned(), ..signer.clone() };
    let valid = get().signed(signer);
    let host_unsigned = authorization(&valid).replace("SignedHeaders=host;", "SignedHeaders=");
    let query_claim = |key: &str, value: &str| get().query(key, value).unsigned();
    let over = |expires: &str| get().presigned(signer, expires);
    let trailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    vec![
        (
            "an unsigned streaming payload",
            put().header("x-amz-content-sha256", trailer).unsigned(),
            400,
            "InvalidRequest",
        ),
        (
            "a streaming payload in a presigned request",
            changed(put().presigned(signer, "60"), "x-amz-content-sha256", trailer),
            400,
            "InvalidRequest",
        ),
        (
            "a credential in the query without signature",
            query_claim("X-Amz-Credential", "a"),
            400,
            "AuthorizationQueryParametersError",
        ),
        (
            "a credential in the query, in another case",
            query_claim("x-amz-credential", "a"),
            400,
            "AuthorizationQueryParametersError",
        ),
        (
            "a claim in header and query",
            changed(over("60"), "authorization", &authorization(&valid)),
            400,
            "InvalidArgument",
        ),
        ("an expiry of zero", over("0"), 403, "AuthorizationQueryParametersError"),
        ("an expiry below zero", over("-1"), 403, "AuthorizationQueryParametersError"),
        ("an expiry over a week", over("604801"), 403, "AuthorizationQueryParametersError"),
        ("an expiry that is no number", over("1e3"), 403, "AuthorizationQueryParametersError"),
        (
            "host unsigned",
            changed(get().signed(signer), "authorization", &host_unsigned),
            403,
            "AccessDenied",
        ),
        (
            "an x-amz header unsigned",
            changed(put().signed(signer), "x-amz-acl", "public-read"),
            403,
            "AccessDenied",
        ),
        (
            "an x-amz header unsigned in a presigned request",
            changed(put().presigned(signer, "60"), "x-amz-meta-a", "b"),
            403,
            "AccessDenied",
        ),
        (
            "a duplicate query key",
            get().query("versionId", "a").query("versionId", "b").signed(signer),
            400,
            "InvalidArgument",
        ),
        ("another region", get().signed(&other_region), 400, "AuthorizationHeaderMalformed"),
        ("another service", get().signed(&other_service), 400, "AuthorizationHeaderMalformed"),
        (
            "another region, presigned",
            get().presigned(&other_region, "60"),
            400,
            "AuthorizationQueryParametersError",
        ),
        (
            "another service, presigned",
            get().presigned(&other_service, "60"),
            400,
            "AuthorizationQueryParametersError",
        ),
        (
            "host unsigned, presigned",
            queried(over("60"), "SignedHeaders=host", "SignedHeaders=range"),
            403,
            "AccessDenied",
        ),
        (
            "signature version 2",
            changed(get().unsigned(), "authorization", "AWS AKIA:c2ln"),
            501,
            "NotImplemented",
        ),
        (
            "signature version 2, presigned",
            query_claim("AWSAccessKeyId", "a"),
            501,
            "NotImplemented",
        ),
        (
            "another scheme",
            changed(get().unsigned(), "authorization", "Bearer token"),
            400,
            "InvalidArgument",
        ),
        (
            "a session token nobody gave",
            get().header("x-amz-security-token", "t").signed(signer),
            400,
            "InvalidToken",
        ),
        (
            "a sub-resource that is another verb's",
            del("notification").signed(signer),
            501,
            "NotImplemented",
        ),
        ("a sub-resource nobody knows", del("unheard-of").signed(signer), 501, "NotImplemented"),
        ("a key too long", long_key().signed(signer), 400, "KeyTooLongError"),
        ("a path that is not text", not_text(), 400, "InvalidURI"),
    ]
}

fn del(subresource: &str) -> Ask {
    Ask::new(Method::DELETE, "/village").query(subresource, "")
}

fn long_key() -> Ask {
    Ask::new(Method::GET, &format!("/village/{}", "k".repeat(1_025)))
}

fn not_text() -> Sent {
    let mut request = get().unsigned();
    *request.uri_mut() = http::Uri::from_static("/village/%ff");
    request
}

/// Requests that only the verified signature, or the body, gives away.
fn forged(site: &Site) -> Vec<(&'static str, Sent, u16, &'static str)> {
    let signer = &site.signer;
    let early = super::signer::Signer { at: now(-901), ..signer.clone() };
    let late = super::signer::Signer { at: now(960), ..signer.clone() };
    let wrong = super::signer::Signer { secret: "wrong".to_owned(), ..signer.clone() };
    let nobody = super::signer::Signer { key: "AKIANOBODY".to_owned(), ..signer.clone() };
    let expired = super::signer::Signer { at: now(-600), ..signer.clone() };
    let mut moved = get().signed(signer);
    *moved.uri_mut() = http::Uri::from_static("/village/other");
    let mut verb = get().signed(signer);
    *verb.method_mut() = Method::DELETE;
    let mut cut = put().signed(signer);
    *cut.body_mut() = Full::new(Bytes::from_static(b"tw"));
    let mut unsigned = put().payload("UNSIGNED-PAYLOAD").signed(signer);
    *unsigned.body_mut() = Full::new(Bytes::from_static(b"tw"));
    let mut body = put().signed(signer);
    *body.body_mut() = Full::new(Bytes::from_static(b"owt"));
    let copy = Ask::new(Method::PUT, "/village/copy").header("x-amz-copy-source", "/nowhere/k");
    let zeros = "0".repeat(64);
    let secret = Ask::new(Method::PUT, "/village/copy").header("x-amz-copy-source", "/secrets/k");
    vec![
        ("a copy without the right to read", secret.signed(&site.scoped), 403, "AccessDenied"),
        ("a clock 15 minutes behind", get().signed(&early), 403, "RequestTimeTooSkewed"),
        ("a clock 16 minutes ahead", get().signed(&late), 403, "RequestTimeTooSkewed"),
        ("a wrong secret", get().signed(&wrong), 403, "SignatureDoesNotMatch"),
        ("a wrong secret, presigned", get().presigned(&wrong, "60"), 403, "SignatureDoesNotMatch"),
        ("a key nobody has", get().signed(&nobody), 403, "InvalidAccessKeyId"),
        (
            "a presigned request that has expired",
            get().presigned(&expired, "60"),
            403,
            "AccessDenied",
        ),
        (
            "a presigned request of the future",
            get().presigned(&late, "60"),
            403,
            "RequestTimeTooSkewed",
        ),
        ("another path than was signed", moved, 403, "SignatureDoesNotMatch"),
        ("another method than was signed", verb, 403, "SignatureDoesNotMatch"),
        ("a body cut short", cut, 400, "IncompleteBody"),
        ("a body cut short that nobody signed", unsigned, 400, "IncompleteBody"),
        ("another body than was signed", body, 400, "XAmzContentSHA256Mismatch"),
        (
            "a wrong chunk signature",
            chunked(&zeros, "3", "two").signed(signer),
            403,
            "SignatureDoesNotMatch",
        ),
        ("a decoded length that is wrong", chunked(&zeros, "4", "two").signed(signer), 400, ""),
        ("a copy from a bucket that is not there", copy.signed(signer), 404, "NoSuchBucket"),
        ("nobody reads a private object", get().unsigned(), 403, "AccessDenied"),
        ("nobody writes a private bucket", put().unsigned(), 403, "AccessDenied"),
    ]
}

fn check(name: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    if !code.is_empty() {
        assert_eq!(answer.code(), code, "{name}: {answer:?}");
    }
    for header in ["x-amz-request-id", "x-amz-id-2", "server"] {
        assert!(answer.headers.contains_key(header), "{name}: no {header}");
    }
    let id = answer.headers.get("x-amz-request-id").and_then(|id| id.to_str().ok());
    let id = id.unwrap_or_default();
    assert!(answer.body.contains(&format!("<RequestId>{id}</RequestId>")), "{name}: {answer:?}");
}

#[tokio::test]
async fn malformed_requests_are_refused_before_storage() {
    let site = Site::start().await;
    let cases = malformed(&site);
    println!("{} malformed requests", cases.len());
    for (name, request, status, code) in cases {
        // Nor are the rules for pages of other origins looked up for it.
        let from_page = changed(request.clone(), "origin", "https://app.village.example");
        for request in [request, from_page] {
            let before = site.touched();
            let answer = site.send_raw(request).await;
            assert_eq!(site.touched(), before, "{name} touched storage: {answer:?}");
            check(name, &answer, status, code);
        }
    }
}

#[tokio::test]
async fn forged_requests_change_nothing() {
    let site = Site::start().await;
    let cases = forged(&site);
    println!("{} forged requests", cases.len());
    for (name, request, status, code) in cases {
        let before = site.touched();
        let answer = site.send_raw(request).await;
        check(name, &answer, status, code);
        assert_eq!(site.touched().commits, before.commits, "{name} wrote to the catalog");
        let read = site.send(&Ask::new(Method::HEAD, "/village/new")).await;
        assert_eq!((read.status, read.body.as_str()), (404, ""), "{name}: the object is there");
    }
    let read = site.send(&get()).await;
    assert_eq!((read.status, read.body.as_str()), (200, "one"));
}

#[tokio::test]
async fn a_date_header_signs_as_well_as_ours() {
    let site = Site::start().await;
    let date = |seconds: i64| {
        let at = host::SystemClock.now().seconds().saturating_add(seconds);
        crate::date::http_date(units::Timestamp::from_seconds(at))
    };
    let signed = |at: &str, names: &str| {
        let mut request = get().header("date", at).signed(&site.signer);
        request.headers_mut().remove("x-amz-date");
        let payload = super::signer::sha256(b"");
        let basic = crate::date::basic_of_http(at);
        let at = basic.unwrap_or_else(|| site.signer.at.clone());
        let signer = super::signer::Signer { at, ..site.signer.clone() };
        let value = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            (name.to_owned(), value.unwrap_or_default().to_owned())
        };
        let headers: Vec<_> = names.split(';').map(value).collect();
        let signature = signer.signature(&Method::GET, "/village/k", &[], &headers, &payload);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={signature}",
            signer.key,
            signer.scope()
        );
        changed(request, "authorization", &authorization)
    };
    let names = "date;host;x-amz-content-sha256";
    let answer = site.send_raw(signed(&date(0), names)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "one"), "{answer:?}");
    let answer = site.send_raw(signed(&date(-901), names)).await;
    check("an old date", &answer, 403, "RequestTimeTooSkewed");
    let answer = site.send_raw(signed(&date(0), "host;x-amz-content-sha256")).await;
    check("an unsigned date", &answer, 403, "AccessDenied");
    let answer = site.send_raw(signed("yesterday", names)).await;
    check("no date", &answer, 403, "AccessDenied");
}

#[tokio::test]
async fn a_presigned_url_says_headers_in_its_query() {
    let site = Site::start().await;
    let put = put()
        .query("x-amz-meta-a", "b")
        .query("X-Amz-Storage-Class", "STANDARD_IA")
        .presigned(&site.signer, "60");
    assert_eq!(site.send_raw(put).await.status, 200);
    let read = site.send(&Ask::new(Method::HEAD, "/village/new")).await;
    let header = |name: &str| read.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("x-amz-meta-a"), Some("b"), "{read:?}");
    assert_eq!(header("x-amz-storage-class"), Some("STANDARD_IA"), "{read:?}");
    let copy = Ask::new(Method::PUT, "/village/copy").query("x-amz-copy-source", "/secrets/k");
    let answer = site.send_raw(copy.presigned(&site.scoped, "60")).await;
    check("a copy said in the query", &answer, 403, "AccessDenied");
    // A query that nobody signed says nothing.
    let answer =
        site.send(&Ask::new(Method::PUT, "/village/other").query("x-amz-meta-a", "b")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let read = site.send(&Ask::new(Method::HEAD, "/village/other")).await;
    assert!(!read.headers.contains_key("x-amz-meta-a"), "{read:?}");
}

#[tokio::test]
async fn a_document_is_held_against_its_digest() {
    let site = Site::start().await;
    let document = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let other = document.replace("<Value>b", "<Value>c");
    for path in ["/village", "/village/k"] {
        let ask = |body: &str| {
            let digest = md5_of(document);
            Ask::new(Method::PUT, path)
                .query("tagging", "")
                .body(body.to_owned())
                .header("content-md5", &digest)
        };
        let before = site.touched();
        check(path, &site.send(&ask(&other)).await, 400, "BadDigest");
        assert_eq!(site.touched().commits, before.commits, "{path}");
        let answer = site.send(&ask(document)).await;
        assert!(answer.status < 300, "{path}: {answer:?}");
        let wrong = Ask::new(Method::PUT, path).query("tagging", "").body(document);
        let answer = site.send(&wrong.header("content-md5", "nonsense")).await;
        check(path, &answer, 400, "InvalidDigest");
    }
}

fn md5_of(text: &str) -> String {
    use md5::Digest as _;
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(text))
}

#[tokio::test]
async fn keys_that_clients_bring_need_the_buckets_leave() {
    let site = Site::start().await;
    let sealed = put()
        .header("x-amz-server-side-encryption-customer-algorithm", "AES256")
        .header(
            "x-amz-server-side-encryption-customer-key",
            "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=",
        )
        .header("x-amz-server-side-encryption-customer-key-md5", "DWygnHRtgiJ77HCm+1rvHw==");
    check("not allowed", &site.send(&sealed).await, 403, "AccessDenied");
    site.allow_customer_keys(true).await;
    assert_eq!(site.send(&sealed).await.status, 200);
    site.allow_customer_keys(false).await;
    check("forbidden again", &site.send(&sealed).await, 403, "AccessDenied");
    let read = Ask { method: Method::GET, body: Bytes::new(), ..sealed };
    let read = site.send(&read).await;
    assert_eq!((read.status, read.body.as_str()), (200, "two"), "what is there is still read");
}

#[tokio::test]
async fn named_keys_and_email_addresses_are_looked_up() {
    let site = Site::start().await;
    let under = |name: &str| {
        put()
            .header("x-amz-server-side-encryption", "aws:kms")
            .header("x-amz-server-side-encryption-aws-kms-key-id", name)
    };
    check("an unknown key", &site.send(&under("nobody")).await, 400, "KMS.NotFoundException");
    let written = site.send(&under("archives")).await;
    assert_eq!(written.status, 200, "{written:?}");
    let named = written.headers.get("x-amz-server-side-encryption-aws-kms-key-id");
    assert_eq!(named, Some(&HeaderValue::from_static("archives")));
    let read = site.send(&Ask::new(Method::GET, "/village/new")).await;
    assert_eq!((read.status, read.body.as_str()), (200, "two"));
    let bucket =
        Ask::new(Method::PUT, "/granting").header("x-amz-object-ownership", "ObjectWriter");
    assert_eq!(site.send(&bucket).await.status, 200);
    let grant = |email: &str| {
        let grantee = format!("emailAddress=\"{email}\"");
        Ask::new(Method::PUT, "/granting").query("acl", "").header("x-amz-grant-read", &grantee)
    };
    let unknown = site.send(&grant("nobody@village.example")).await;
    check("an unknown address", &unknown, 400, "UnresolvableGrantByEmailAddress");
    assert_eq!(site.send(&grant("Contact@Village.example")).await.status, 200);
    let acl = site.send(&Ask::new(Method::GET, "/granting").query("acl", "")).await;
    assert!(acl.body.contains("<DisplayName>village</DisplayName>"), "{acl:?}");
}

#[tokio::test]
async fn who_expects_to_be_told_to_continue_and_is_not_begins_anew() {
    let site = Site::start().await;
    let closes = async |ask: Ask, status: u16| {
        let answer = site.send(&ask.header("expect", "100-continue")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        answer.headers.contains_key("connection")
    };
    assert!(!closes(put(), 200).await);
    assert!(closes(put().body(""), 200).await);
    assert!(closes(Ask::new(Method::PUT, "/nowhere/k").body("two"), 404).await);
    let answer = site.send(&put().body("")).await;
    assert!(!answer.headers.contains_key("connection"), "{answer:?}");
}

#[tokio::test]
async fn a_checksum_is_kept_where_none_was_asked() {
    let site = Site::start().await;
    let written = site.send(&put()).await;
    let read = Ask::new(Method::HEAD, "/village/new").header("x-amz-checksum-mode", "ENABLED");
    for answer in [written, site.send(&read).await] {
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let value = objects::checksum_of(catalog::ChecksumAlgorithm::Crc64Nvme, b"two");
        let value = base64::engine::general_purpose::STANDARD.encode(value);
        assert_eq!(header("x-amz-checksum-crc64nvme"), Some(value.as_str()), "{answer:?}");
        assert_eq!(header("x-amz-checksum-type"), Some("FULL_OBJECT"), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_right_passes() {
    let site = Site::start().await;
    let listed = site.send(&Ask::new(Method::GET, "/village").query("list-type", "2")).await;
    assert!(listed.body.contains("<Key>k</Key>"), "{listed:?}");
    let read = site.send_raw(get().presigned(&site.signer, "60")).await;
    assert_eq!((read.status, read.body.as_str()), (200, "one"));
    for key in ["a/../b", "a//b", "/a", "%2e%2e", "a b+c", "é"] {
        let path = format!("/village/{key}");
        let written = site.send(&Ask::new(Method::PUT, &path).body("x")).await;
        assert_eq!(written.status, 200, "{key}: {written:?}");
        let read = site.send(&Ask::new(Method::GET, &path)).await;
        assert_eq!((read.status, read.body.as_str()), (200, "x"), "{key}");
    }
}

#[cfg(feature = "planted")]
#[tokio::test]
async fn every_planted_bug_is_caught() {
    for bug in crate::PLANTED {
        units::planted::select(Some(bug.name));
        let site = Site::start().await;
        let mut noticed = false;
        for (_, request, status, code) in malformed(&site).into_iter().chain(forged(&site)) {
            let before = site.touched();
            let answer = site.send_raw(request).await;
            noticed |= answer.status != status
                || !code.is_empty() && answer.code() != code
                || site.touched().commits != before.commits;
        }
        units::planted::select(None);
        assert!(noticed, "{} is not noticed", bug.name);
    }
}
