//! Documents: held against the digests that were sent with them, and kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::ChecksumAlgorithm;
use http::{HeaderValue, Method};
use md5::Digest as _;

use super::site::{Ask, DOMAIN, Site, WEB_DOMAIN};

const ALGORITHMS: [(ChecksumAlgorithm, &str); 5] = [
    (ChecksumAlgorithm::Crc32, "x-amz-checksum-crc32"),
    (ChecksumAlgorithm::Crc32c, "x-amz-checksum-crc32c"),
    (ChecksumAlgorithm::Crc64Nvme, "x-amz-checksum-crc64nvme"),
    (ChecksumAlgorithm::Sha1, "x-amz-checksum-sha1"),
    (ChecksumAlgorithm::Sha256, "x-amz-checksum-sha256"),
];

fn setting(method: Method, name: &str) -> Ask {
    Ask::new(method, "/village").query(name, "")
}

#[tokio::test]
async fn documents_are_held_against_their_checksums() {
    let site = Site::start().await;
    let delete = "<Delete><Object><Key>k</Key></Object></Delete>";
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let asks = [
        (setting(Method::PUT, "tagging"), tags),
        (Ask::new(Method::PUT, "/village/k").query("tagging", ""), tags),
        (setting(Method::POST, "delete"), delete),
    ];
    for (ask, document) in asks {
        for (algorithm, header) in ALGORITHMS {
            let value =
                |text: &str| STANDARD.encode(objects::checksum_of(algorithm, text.as_bytes()));
            let asked = |value: &str| ask.clone().body(document).header(header, value);
            let other = site.send(&asked(&value("another"))).await;
            assert_eq!((other.status, other.code()), (400, "BadDigest"), "{header}: {other:?}");
            let nonsense = site.send(&asked("AAAA")).await;
            let found = (nonsense.status, nonsense.code());
            assert_eq!(found, (400, "InvalidRequest"), "{header}: {nonsense:?}");
            let left = site.send(&Ask::new(Method::HEAD, "/village/k")).await;
            assert_eq!(left.status, 200, "{header}: nothing was deleted");
            let right = site.send(&asked(&value(document))).await;
            assert!(right.status < 300, "{header}: {right:?}");
            site.done(&Ask::new(Method::PUT, "/village/k").body("one")).await;
        }
    }
}

#[tokio::test]
async fn a_document_without_a_length_is_held_against_its_digest() {
    let site = Site::start().await;
    let document = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let send = async |text: &str| {
        let digest = STANDARD.encode(md5::Md5::digest(text));
        let ask = setting(Method::PUT, "tagging").body(document).header("content-md5", &digest);
        let mut request = ask.signed(&site.signer);
        request.headers_mut().remove("content-length");
        request.headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
        site.send_raw(request).await
    };
    let other = send("another").await;
    assert_eq!((other.status, other.code()), (400, "BadDigest"), "{other:?}");
    assert_eq!(site.send(&setting(Method::GET, "tagging")).await.code(), "NoSuchTagSet");
    let right = send(document).await;
    assert!(right.status < 300, "{right:?}");
}

#[tokio::test]
async fn a_posted_document_says_its_length() {
    let site = Site::start().await;
    let send = async |ask: &Ask| {
        let mut request = ask.signed(&site.signer);
        request.headers_mut().remove("content-length");
        request.headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
        site.send_raw(request).await
    };
    let delete = "<Delete><Object><Key>k</Key></Object></Delete>";
    let md5 = STANDARD.encode(md5::Md5::digest(delete));
    let ask = setting(Method::POST, "delete").body(delete).header("content-md5", &md5);
    let unmeasured = send(&ask).await;
    assert_eq!((unmeasured.status, unmeasured.code()), (411, "MissingContentLength"));
    assert_eq!(site.send(&Ask::new(Method::HEAD, "/village/k")).await.status, 200);
    let none = Ask::new(Method::POST, "/village/new").query("uploads", "");
    assert_eq!(send(&none).await.status, 200, "no document at all");
    site.done(&ask).await;
}

#[tokio::test]
async fn pages_of_other_origins_are_told_what_the_bucket_says() {
    let site = Site::start().await;
    let preflight = |origin: &str, method: &str| {
        Ask::new(Method::OPTIONS, "/village/k")
            .header("origin", origin)
            .header("access-control-request-method", method)
            .unsigned()
    };
    let here = "https://app.village.example";
    let none = site.send_raw(preflight(here, "PUT")).await;
    assert_eq!((none.status, none.code()), (403, "AccessForbidden"), "{none:?}");
    let document = "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.village.example\
        </AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>\
        <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule>\
        </CORSConfiguration>";
    site.done(&setting(Method::PUT, "cors").body(document)).await;
    let read = site.done(&setting(Method::GET, "cors")).await;
    assert_eq!(read.element("AllowedOrigin"), "https://*.village.example");
    let allowed = site.send_raw(preflight(here, "PUT")).await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, here));
    assert_eq!(allowed.header("access-control-max-age"), "60");
    for (origin, method) in [(here, "DELETE"), ("https://village.example.org", "PUT")] {
        let refused = site.send_raw(preflight(origin, method)).await;
        assert_eq!((refused.status, refused.code()), (403, "AccessForbidden"), "{origin} {method}");
    }
    let get = |origin: &str| Ask::new(Method::GET, "/village/k").header("origin", origin);
    let answer = site.done(&get(here)).await;
    assert_eq!(answer.header("access-control-allow-origin"), here, "{answer:?}");
    assert_eq!(answer.header("access-control-expose-headers"), "ETag", "{answer:?}");
    let answer = site.done(&get("https://elsewhere.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "", "{answer:?}");
    site.done(&setting(Method::DELETE, "cors")).await;
    assert_eq!(site.done(&get(here)).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_website_shows_what_everybody_may_see() {
    let site = Site::start().await;
    let host = format!("village.{WEB_DOMAIN}");
    let visit = |path: &str| Ask::new(Method::GET, path).host(&host).unsigned();
    assert_eq!(site.send_raw(visit("/")).await.status, 404, "there is no website yet");
    let document = "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix>\
        </IndexDocument><ErrorDocument><Key>error.html</Key></ErrorDocument>\
        </WebsiteConfiguration>";
    site.done(&setting(Method::PUT, "website").body(document)).await;
    for (key, text) in [("index.html", "welcome"), ("error.html", "lost"), ("a/index.html", "a")] {
        site.done(&Ask::new(Method::PUT, &format!("/village/{key}")).body(text)).await;
    }
    let closed = site.send_raw(visit("/")).await;
    assert_eq!(closed.status, 403, "{closed:?}");
    assert!(!closed.body.contains("welcome"), "{closed:?}");
    site.policy("village", r#"{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::village","arn:aws:s3:::village/*"]}"#).await;
    for (path, status, text) in
        [("/", 200, "welcome"), ("/a/", 200, "a"), ("/absent", 404, "lost"), ("/k", 200, "one")]
    {
        let answer = site.send_raw(visit(path)).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, text), "{path}: {answer:?}");
    }
    let folder = site.send_raw(visit("/a")).await;
    assert_eq!((folder.status, folder.header("location")), (302, "/a/"), "{folder:?}");
    let post = Ask::new(Method::POST, "/").host(&host).unsigned();
    assert_eq!(site.send_raw(post).await.status, 405);
}

#[tokio::test]
async fn buckets_are_hosts() {
    let site = Site::start().await;
    let host = format!("village.{DOMAIN}");
    let read = site.send(&Ask::new(Method::GET, "/k").host(&host)).await;
    assert_eq!((read.status, read.body.as_str()), (200, "one"), "{read:?}");
    let listed = site.send(&Ask::new(Method::GET, "/").host(&host)).await;
    assert_eq!(listed.element("Key"), "k", "{listed:?}");
    // The host is signed: a request for one bucket is none for another.
    let mut moved = Ask::new(Method::GET, "/k").host(&host).signed(&site.signer);
    let other = format!("secrets.{DOMAIN}");
    let other = HeaderValue::from_str(&other).unwrap_or_else(|error| panic!("{error}"));
    moved.headers_mut().insert("host", other);
    let answer = site.send_raw(moved).await;
    assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"), "{answer:?}");
    let scoped = Ask::new(Method::GET, "/k").host(&format!("secrets.{DOMAIN}"));
    assert_eq!(site.send_as(&site.scoped, &scoped).await.status, 403);
}

#[tokio::test]
async fn lifecycle_documents_are_kept_and_told() {
    let site = Site::start().await;
    let none = site.send(&setting(Method::GET, "lifecycle")).await;
    assert_eq!((none.status, none.code()), (404, "NoSuchLifecycleConfiguration"), "{none:?}");
    let document = |rule: &str| {
        let rule = format!("<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>");
        setting(Method::PUT, "lifecycle").body(rule)
    };
    let rule = "<ID>old</ID><Filter><Prefix>log/</Prefix></Filter><Status>Enabled</Status>\
        <Expiration><Days>30</Days></Expiration>";
    for wrong in [
        rule.replace("<Days>30", "<Days>0"),
        rule.replace("Enabled", "Perhaps"),
        rule.replace("<Expiration><Days>30</Days></Expiration>", ""),
    ] {
        let answer = site.send(&document(&wrong)).await;
        assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
    }
    site.done(&document(rule)).await;
    let read = site.done(&setting(Method::GET, "lifecycle")).await;
    assert_eq!((read.element("ID"), read.element("Days")), ("old", "30"), "{read:?}");
    for (key, told) in [("log/a", true), ("a", false)] {
        let written = site.done(&Ask::new(Method::PUT, &format!("/village/{key}")).body("x")).await;
        let expiration = written.header("x-amz-expiration");
        assert_eq!(expiration.contains("rule-id=\"old\""), told, "{key}: {written:?}");
    }
    site.done(&setting(Method::DELETE, "lifecycle")).await;
    assert_eq!(site.send(&setting(Method::GET, "lifecycle")).await.status, 404);
}

#[tokio::test]
async fn a_locked_version_stays() {
    let site = Site::start().await;
    let bucket = Ask::new(Method::PUT, "/locked");
    site.done(&bucket.header("x-amz-bucket-object-lock-enabled", "true")).await;
    let rule = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>\
        <DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>\
        </ObjectLockConfiguration>";
    let lock = |method| Ask::new(method, "/locked").query("object-lock", "");
    site.done(&lock(Method::PUT).body(rule)).await;
    assert_eq!(site.done(&lock(Method::GET)).await.element("Mode"), "GOVERNANCE");
    let put = |key: &str| Ask::new(Method::PUT, &format!("/locked/{key}")).body("x");
    let remove = |key: &str, version: &str| {
        Ask::new(Method::DELETE, &format!("/locked/{key}")).query("versionId", version)
    };
    let bypass = "x-amz-bypass-governance-retention";

    let version = site.done(&put("governance")).await.header("x-amz-version-id").to_owned();
    let kept = site.send(&remove("governance", &version)).await;
    assert_eq!((kept.status, kept.code()), (403, "AccessDenied"), "{kept:?}");
    site.done(&remove("governance", &version).header(bypass, "true")).await;

    let until = "2099-01-01T00:00:00Z";
    let compliance = put("compliance")
        .header("x-amz-object-lock-mode", "COMPLIANCE")
        .header("x-amz-object-lock-retain-until-date", until);
    let version = site.done(&compliance).await.header("x-amz-version-id").to_owned();
    let kept = site.send(&remove("compliance", &version).header(bypass, "true")).await;
    assert_eq!((kept.status, kept.code()), (403, "AccessDenied"), "{kept:?}");
    let shorter = "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2098-01-01T00:00:00Z\
        </RetainUntilDate></Retention>";
    let shorter = Ask::new(Method::PUT, "/locked/compliance").query("retention", "").body(shorter);
    assert_eq!(site.send(&shorter.header(bypass, "true")).await.status, 403);

    let held = put("held").header("x-amz-object-lock-legal-hold", "ON");
    let version = site.done(&held).await.header("x-amz-version-id").to_owned();
    let kept = site.send(&remove("held", &version).header(bypass, "true")).await;
    assert_eq!((kept.status, kept.code()), (403, "AccessDenied"), "{kept:?}");
    let hold = Ask::new(Method::PUT, "/locked/held").query("legal-hold", "");
    site.done(&hold.body("<LegalHold><Status>OFF</Status></LegalHold>")).await;
    site.done(&remove("held", &version).header(bypass, "true")).await;
    let read = site.send(&Ask::new(Method::HEAD, "/locked/compliance")).await;
    assert_eq!((read.status, read.header("x-amz-object-lock-mode")), (200, "COMPLIANCE"));
}

#[tokio::test]
async fn a_full_bucket_says_so() {
    let site = Site::start().await;
    site.quota("village", 2).await;
    let put = |key: &str| Ask::new(Method::PUT, &format!("/village/{key}")).body("x");
    site.done(&put("a")).await;
    let full = site.send(&put("b")).await;
    assert_eq!(full.code(), "QuotaExceeded", "{full:?}");
    assert!((400..500).contains(&full.status), "{full:?}");
    let copy = Ask::new(Method::PUT, "/village/c").header("x-amz-copy-source", "/village/k");
    assert_eq!(site.send(&copy).await.code(), "QuotaExceeded");
    assert_eq!(site.send(&Ask::new(Method::HEAD, "/village/b")).await.status, 404);
    site.done(&Ask::new(Method::DELETE, "/village/a")).await;
    site.done(&put("b")).await;
}
