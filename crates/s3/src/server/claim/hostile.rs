//! Claims that anybody may make, drawn at random.
//!
//! `PROPTEST_CASES` says how many of each are drawn; a few hundred if it says nothing.

use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const REGION: &str = "eu-village";

fn context() -> RequestContext {
    RequestContext::new("id".to_owned(), SocketAddr::from(([192, 0, 2, 1], 4)), false)
}

/// Words of an `Authorization` header in any order, and noise.
fn authorizations() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&str; 18] = [
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256",
        "AWS ",
        "Credential=",
        "SignedHeaders=",
        "Signature=",
        "Credential=ESSA/20260101/eu-village/s3/aws4_request",
        "Credential=ESSA/20260101/us-east-1/s3/aws4_request",
        "Credential=a/b/20260101/eu-village/s3/aws4_request",
        "SignedHeaders=host;x-amz-date",
        "SignedHeaders=host",
        "Signature=00",
        ",",
        ", ",
        "/",
        ";",
        "=",
        " ",
    ];
    let word = select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec());
    let noise = vec(any::<u8>(), 0..6);
    let words = vec(prop_oneof![8 => word, 1 => noise], 0..10).prop_map(|words| words.concat());
    // One in two is nearly whole.
    let whole = |end: Vec<u8>| {
        let start: &[u8] = b"AWS4-HMAC-SHA256 \
            Credential=ESSA/20260101/eu-village/s3/aws4_request, Signature=00, ";
        [start, &end].concat()
    };
    prop_oneof![words.clone(), words.prop_map(whole)]
}

/// Headers of requests, signed or not.
fn headers() -> impl Strategy<Value = HeaderMap> {
    let name = select(&["host", "x-amz-date", "x-amz-acl", "x-amz-content-sha256", "range"][..]);
    let value = select(&["", "20260101T000000Z", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"][..]);
    let others = vec((name, value), 0..5);
    (vec(authorizations(), 0..2), others, any::<bool>()).prop_map(|(claims, others, dated)| {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("localhost"));
        if dated {
            headers.insert("x-amz-date", HeaderValue::from_static("20260101T000000Z"));
        }
        for claim in claims {
            if let Ok(claim) = HeaderValue::from_bytes(&claim) {
                headers.append("authorization", claim);
            }
        }
        for (name, value) in others {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    })
}

/// Query strings with the words of a presigned URL in them.
fn queries() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        6 => select(&QUERY_CLAIM[..]).prop_map(str::to_owned),
        1 => select(&["AWSAccessKeyId", "x-amz-acl", "X-Amz-Security-Token"][..])
            .prop_map(str::to_owned),
        1 => "[ -~é]{0,6}",
    ];
    let value = prop_oneof![
        Just("AWS4-HMAC-SHA256".to_owned()),
        Just("ESSA%2F20260101%2Feu-village%2Fs3%2Faws4_request".to_owned()),
        Just("host".to_owned()),
        Just("3600".to_owned()),
        "[ -~é]{0,12}",
    ];
    let pairs = proptest::collection::btree_map(key, value, 0..8);
    let pairs = pairs.prop_map(|pairs| {
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join("&")
    });
    prop_oneof![2 => Just(String::new()), 1 => pairs]
}

/// What must hold of a request that is let through to the check of its signature.
fn is_covered(signed: &Signed<'_>, headers: &HeaderMap) -> bool {
    let names: Vec<&str> = signed.signed_headers.split(';').collect();
    signed.credential.ends_with("/eu-village/s3/aws4_request")
        && names.contains(&"host")
        && names.iter().all(|name| headers.contains_key(*name))
        && headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-amz-"))
            .all(|name| names.contains(&name.as_str()))
}

proptest! {
    /// Whatever comes, nothing panics; and what is let through covers what it must.
    #[test]
    fn what_passes_is_signed_for_us(headers in headers(), query in queries()) {
        let Ok(query) = Query::parse(Some(&query)) else { return Ok(()) };
        let Ok(claim) = Claim::read(&headers, &query) else { return Ok(()) };
        let _ = claim.headers_instead(&headers, &query);
        if claim.check(&headers, REGION, &context()).is_err() {
            return Ok(());
        }
        match &claim {
            Claim::Anonymous => {
                prop_assert!(!headers.contains_key("authorization"));
                prop_assert!(!query.iter().any(|(key, _)| key.starts_with("X-Amz-")));
            }
            Claim::Header(signed) | Claim::Query(signed) => {
                prop_assert!(is_covered(signed, &headers), "{:?} {:?}", signed, headers);
            }
        }
    }

    /// A claim is read as it was written, in whatever order and with whatever blanks.
    #[test]
    fn a_claim_is_read_as_written(
        key in "[A-Z0-9/]{1,20}",
        names in vec("[a-z-]{1,12}", 1..5),
        turn in 0..6_usize,
        blanks in vec(" {0,3}", 4),
    ) {
        let credential = format!("{key}/20260101/{REGION}/s3/aws4_request");
        let names = names.join(";");
        let mut parts = [
            format!("Credential={credential}"),
            format!("SignedHeaders={names}"),
            "Signature=00".to_owned(),
        ];
        parts.rotate_left(turn % 3);
        if turn >= 3 {
            parts.swap(0, 1);
        }
        let parts: Vec<String> =
            parts.iter().zip(&blanks).map(|(part, blank)| format!("{blank}{part}{blank}")).collect();
        let value = format!("{}AWS4-HMAC-SHA256 {}", blanks[3], parts.join(","));
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&value).expect("a header"));
        let query = Query::default();
        let expected = Signed { credential: &credential, signed_headers: &names };
        prop_assert_eq!(Claim::read(&headers, &query).ok(), Some(Claim::Header(expected)));

        headers.append("authorization", HeaderValue::from_static("AWS4-HMAC-SHA256 "));
        prop_assert!(Claim::read(&headers, &query).is_err(), "one claim, not two");
    }

    /// No query string panics, and none is read with a key twice.
    #[test]
    fn no_query_panics(raw in ".{0,80}", pairs in "([a-c%&=+4é]{0,3}&?){0,12}") {
        for raw in [raw, pairs] {
            if let Ok(query) = Query::parse(Some(&raw)) {
                let mut keys: Vec<&str> = query.iter().map(|(key, _)| key).collect();
                let all = keys.len();
                keys.sort_unstable();
                keys.dedup();
                prop_assert_eq!(keys.len(), all);
            }
        }
    }
}
