//! The signatures that Amazon publishes, asked of the whole front.
//!
//! The requests, bodies and signatures are those of the examples in the Amazon S3 API
//! Reference, so nothing here was signed by our own signer:
//! - "Signature Calculations for the Authorization Header: Transferring Payload in a
//!   Single Chunk (AWS Signature Version 4)";
//! - "… Transferring Payload in Multiple Chunks (Chunked Upload)";
//! - "… Including Trailing Headers (Chunked Upload)";
//! - "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)";
//! - "Example: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)".
//!
//! They date from 2013 and 2015: the catalog's clock shows that day, and the protocol
//! library, which verifies the headers, takes any. It takes no presigned URL that has
//! ended, so that one shows two things apart: the published URL is refused for its age
//! alone, and [`Signer`], which the front believes today, computes what was published.

use std::sync::Arc;

use access::Authorised;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use catalog::command::KeyCreate;
use catalog::{AccessKeyId, Command, KeyScope, Quota, SealedBytes, TenantName};
use http::{Method, Request};
use http_body_util::Full;
use units::{Clock, SimClock, Timestamp};

use super::signer::Signer;
use super::site::{ADDRESS, Answer, Ask, Store, peer};
use crate::server::{Bounds, Domain, Front, Region, Settings};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const DOMAIN: &str = "s3.amazonaws.com";
const BUCKET: &str = "examplebucket.s3.amazonaws.com";
const SCOPE: &str = "20130524/us-east-1/s3/aws4_request";
const AT: &str = "20130524T000000Z";
const MAY_2013: i64 = 1_369_353_600;
const DECEMBER_2015: i64 = 1_451_347_200;

/// A store of which the examples are true: its region, its domain, its key.
struct Amazon {
    front: Front,
}

impl Amazon {
    async fn on(seconds: i64) -> Self {
        let clock: Arc<dyn Clock> =
            Arc::new(SimClock::starting_at(Timestamp::from_seconds(seconds)));
        let store = Store::open(&clock).await;
        key_published(&store).await;
        let settings = Settings {
            region: Region::new("us-east-1"),
            base_domain: Some(Domain::new(DOMAIN)),
            website_domain: None,
            // As buckets were then: the form grants to everybody.
            default_ownership: catalog::Ownership::ObjectWriter,
            default_customer_keys: false,
            rates: access::Rates::default(),
            bounds: Bounds { wrong_signatures: 0, ..Bounds::default() },
            node: store.node,
        };
        let random = Arc::clone(&store.random);
        let front =
            crate::server::front_with_skew(store.objects, clock, &*random, settings, u32::MAX);
        let amazon = Self { front };
        for name in ["examplebucket", "sigv4examplebucket"] {
            let bucket = Ask::new(Method::PUT, "/").host(&format!("{name}.{DOMAIN}"));
            assert_eq!(amazon.ask(&bucket).await.status, 200, "{name}");
        }
        let object = Ask::new(Method::PUT, "/test.txt").host(BUCKET).body("0123456789abcdef");
        assert_eq!(amazon.ask(&object).await.status, 200);
        amazon
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        Answer::of(self.front.handle(request, peer(ADDRESS)).await).await
    }

    /// Asks with a signature of our own, for what stands around an example.
    async fn ask(&self, ask: &Ask) -> Answer {
        self.send(ask.signed(&signer(AT))).await
    }
}

fn signer(at: &str) -> Signer {
    Signer {
        key: KEY.to_owned(),
        secret: SECRET.to_owned(),
        region: "us-east-1".to_owned(),
        service: "s3".to_owned(),
        at: at.to_owned(),
    }
}

/// Keys are drawn, so the published one is put into the catalog by hand.
async fn key_published(store: &Store) {
    let steward = Authorised::steward("trial");
    let name = TenantName::new("amazon").unwrap_or_else(|error| panic!("{error}"));
    let tenant = store.objects.tenant_create(&steward, name, Quota::default()).await;
    let tenant = tenant.unwrap_or_else(|error| panic!("{error}"));
    let sealed = store.vault.secret_seal(tenant.id, tenant.wrapped_key.as_slice(), KEY, SECRET);
    let create = KeyCreate {
        id: AccessKeyId::new(KEY).unwrap_or_else(|error| panic!("{error}")),
        tenant: tenant.id,
        user: None,
        sealed_secret: SealedBytes::new(sealed.unwrap_or_else(|error| panic!("{error}"))),
        scope: KeyScope::default(),
        expires: None,
    };
    let made = store.consensus.propose(Command::KeyCreate(create)).await;
    made.unwrap_or_else(|error| panic!("{error}"));
}

/// A published request.
#[derive(Clone)]
struct Published<'a> {
    method: Method,
    host: &'a str,
    uri: &'a str,
    /// Beside the host, in the order of their names; the date and the digest too.
    headers: &'a [(&'a str, &'a str)],
    signature: &'a str,
}

impl Published<'_> {
    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut names: Vec<&str> = self.headers.iter().map(|&(name, _)| name).collect();
        names.push("host");
        names.sort_unstable();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/{SCOPE},SignedHeaders={},Signature={}",
            names.join(";"),
            self.signature
        );
        let mut request = Request::builder()
            .method(&self.method)
            .uri(self.uri)
            .header("host", self.host)
            .header("authorization", authorization);
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        if !self.headers.iter().any(|&(name, _)| name == "content-length") {
            request = request.header("content-length", body.len());
        }
        request.body(Full::new(body)).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The signature with its last digit changed.
fn spoilt(signature: &str) -> String {
    let (start, last) = signature.split_at(signature.len() - 1);
    format!("{start}{}", if last == "0" { "1" } else { "0" })
}

const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const GET: Published<'_> = Published {
    method: Method::GET,
    host: BUCKET,
    uri: "/test.txt",
    headers: &[("range", "bytes=0-9"), ("x-amz-content-sha256", NOTHING), ("x-amz-date", AT)],
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
};
const PUT: Published<'_> = Published {
    method: Method::PUT,
    host: BUCKET,
    uri: "/test%24file.text",
    headers: &[
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        (
            "x-amz-content-sha256",
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        ),
        ("x-amz-date", AT),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ],
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
};
const LIFECYCLE: Published<'_> = Published {
    method: Method::GET,
    host: BUCKET,
    uri: "/?lifecycle",
    headers: &[("x-amz-content-sha256", NOTHING), ("x-amz-date", AT)],
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
};
const LIST: Published<'_> = Published {
    method: Method::GET,
    host: BUCKET,
    uri: "/?max-keys=2&prefix=J",
    headers: &[("x-amz-content-sha256", NOTHING), ("x-amz-date", AT)],
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
};

#[tokio::test]
async fn the_four_examples_of_a_single_chunk() {
    let amazon = Amazon::on(MAY_2013).await;
    for (example, body, status, code) in [
        (GET, "", 206, ""),
        (PUT, "Welcome to Amazon S3.", 200, ""),
        (LIFECYCLE, "", 404, "NoSuchLifecycleConfiguration"),
        (LIST, "", 200, ""),
    ] {
        let body = Bytes::from_static(body.as_bytes());
        let uri = example.uri;
        let answer = amazon.send(example.request(body.clone())).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{uri}: {answer:?}");
        let signature = spoilt(example.signature);
        let other = Published { signature: &signature, ..example };
        let answer = amazon.send(other.request(body)).await;
        assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"), "{uri}");
    }
    let part = amazon.send(GET.request(Bytes::new())).await;
    assert_eq!(part.body, "0123456789");
    let stored = amazon.ask(&Ask::new(Method::GET, "/test$file.text").host(BUCKET)).await;
    assert_eq!(stored.body, "Welcome to Amazon S3.");
}

/// 65 KiB of the letter a, in chunks of 64 KiB, 1 KiB and nothing.
const CHUNKS: [usize; 3] = [65_536, 1_024, 0];

/// The body of the examples with these chunk signatures, and what follows the chunks.
fn chunked(signatures: &[String], rest: &str) -> Bytes {
    let mut wire = Vec::new();
    for (bytes, signature) in CHUNKS.iter().zip(signatures) {
        wire.extend(format!("{bytes:x};chunk-signature={signature}\r\n").into_bytes());
        if *bytes > 0 {
            wire.extend(vec![b'a'; *bytes]);
            wire.extend(b"\r\n");
        }
    }
    wire.extend(rest.as_bytes());
    Bytes::from(wire)
}

fn owned(signatures: [&str; 3]) -> Vec<String> {
    signatures.map(str::to_owned).to_vec()
}

/// What was stored under the name of the examples; none if nothing was.
async fn stored(amazon: &Amazon) -> Option<String> {
    let answer = amazon.ask(&Ask::new(Method::GET, "/chunkObject.txt").host(BUCKET)).await;
    (answer.status == 200).then_some(answer.body)
}

#[tokio::test]
async fn the_example_of_many_chunks() {
    let example = Published {
        method: Method::PUT,
        host: DOMAIN,
        uri: "/examplebucket/chunkObject.txt",
        headers: &[
            ("content-encoding", "aws-chunked"),
            ("content-length", "66824"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            ("x-amz-date", AT),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    };
    let signatures = owned([
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]);
    let amazon = Amazon::on(MAY_2013).await;
    for chunk in 0..CHUNKS.len() {
        let mut wrong = signatures.clone();
        wrong[chunk] = spoilt(&wrong[chunk]);
        let answer = amazon.send(example.request(chunked(&wrong, "\r\n"))).await;
        assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"), "{chunk}");
        assert_eq!(stored(&amazon).await, None, "{chunk}");
    }
    let wire = chunked(&signatures, "\r\n");
    assert_eq!(wire.len(), 66_824, "as published");
    let answer = amazon.send(example.request(wire)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stored(&amazon).await, Some("a".repeat(66_560)));
}

#[tokio::test]
async fn the_example_of_trailing_headers() {
    let example = Published {
        method: Method::PUT,
        host: DOMAIN,
        uri: "/examplebucket/chunkObject.txt",
        headers: &[
            ("content-encoding", "aws-chunked"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            ("x-amz-date", AT),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ],
        signature: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    };
    let signatures = owned([
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ]);
    let trailers = |signature: &str| {
        format!("x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:{signature}\r\n\r\n")
    };
    let signature = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
    let amazon = Amazon::on(MAY_2013).await;
    let wrong = chunked(&signatures, &trailers(&spoilt(signature)));
    let answer = amazon.send(example.request(wrong)).await;
    assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"), "{answer:?}");
    assert_eq!(stored(&amazon).await, None);
    let right = chunked(&signatures, &trailers(signature));
    let answer = amazon.send(example.request(right)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-amz-checksum-crc32c"), "sOO8/Q==");
    assert_eq!(stored(&amazon).await, Some("a".repeat(66_560)));
}

#[tokio::test]
async fn the_example_of_a_presigned_url() {
    let ask = Ask::new(Method::GET, "/test.txt").host(BUCKET);
    let ours = ask.presigned(&signer(AT), "86400");
    let published = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert_eq!(ours.uri().to_string(), published, "what we sign is what is published");

    let amazon = Amazon::on(MAY_2013).await;
    let answer = amazon.send(ours).await;
    assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{answer:?}");
    assert_eq!(answer.element("Message"), "Request has expired");
    let today = signer(&super::site::now(0));
    let answer = amazon.send(ask.presigned(&today, "86400")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "0123456789abcdef"));
}

/// The policy of the form; its lines end as they were signed.
const POLICY: [&str; 15] = [
    r#"{ "expiration": "2015-12-30T12:00:00.000Z","#,
    r#"  "conditions": ["#,
    r#"    {"bucket": "sigv4examplebucket"},"#,
    r#"    ["starts-with", "$key", "user/user1/"],"#,
    r#"    {"acl": "public-read"},"#,
    r#"    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},"#,
    r#"    ["starts-with", "$Content-Type", "image/"],"#,
    r#"    {"x-amz-meta-uuid": "14365123651274"},"#,
    r#"    {"x-amz-server-side-encryption": "AES256"},"#,
    r#"    ["starts-with", "$x-amz-meta-tag", ""],"#,
    "",
    r#"    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},"#,
    r#"    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},"#,
    r#"    {"x-amz-date": "20151229T000000Z" }"#,
    "  ]\r\n}",
];

/// The published form with this signature.
fn form(signature: &str) -> Request<Full<Bytes>> {
    let policy = STANDARD.encode(POLICY.join("\r\n"));
    let fields = [
        ("key", "user/user1/${filename}"),
        ("acl", "public-read"),
        (
            "success_action_redirect",
            "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        ),
        ("Content-Type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-server-side-encryption", "AES256"),
        ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", "20151229T000000Z"),
        ("x-amz-meta-tag", ""),
        ("Policy", &policy),
        ("X-Amz-Signature", signature),
    ];
    let part = |(name, value): (&str, &str)| {
        format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"MyPhoto.jpg\"\
        \r\n\r\na photo\r\n--xx--\r\n";
    let body = Bytes::from(fields.map(part).concat() + file);
    Request::builder()
        .method(Method::POST)
        .uri("/")
        .header("host", format!("sigv4examplebucket.{DOMAIN}"))
        .header("content-type", "multipart/form-data; boundary=xx")
        .header("content-length", body.len())
        .body(Full::new(body))
        .unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn the_example_of_a_form() {
    let signature = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e";
    let amazon = Amazon::on(DECEMBER_2015).await;
    let answer = amazon.send(form(&spoilt(signature))).await;
    assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"), "{answer:?}");
    let answer = amazon.send(form(signature)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    // Granted to everybody, so anybody may read it.
    let read = Ask::new(Method::GET, "/user/user1/MyPhoto.jpg");
    let read = read.host(&format!("sigv4examplebucket.{DOMAIN}")).unsigned();
    assert_eq!(amazon.send(read).await.body, "a photo");

    let late = Amazon::on(DECEMBER_2015 + 86_400 * 3 / 2).await;
    let answer = late.send(form(signature)).await;
    assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{answer:?}");
    assert!(answer.body.contains("Policy expired"), "{answer:?}");
}
