//! Requests that must be refused before their signature is looked at.

use proptest::prelude::*;
use units::Timestamp;

use crate::{SignatureRefusal, SignedFacts, Signing, signature_check};

/// 2026-03-01T12:00:00Z
const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);
const STAMP: &str = "20260301T120000Z";
const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260301/eu-west-3/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=ab";

fn presigned() -> Vec<(String, String)> {
    [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "AKID/20260301/eu-west-3/s3/aws4_request"),
        ("X-Amz-Date", STAMP),
        ("X-Amz-Expires", "600"),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Signature", "ab"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

fn with(key: &str, value: &str) -> Vec<(String, String)> {
    let mut query = presigned();
    for pair in &mut query {
        if pair.0 == key {
            value.clone_into(&mut pair.1);
        }
    }
    query
}

fn facts<'a>(
    query: &'a [(String, String)],
    authorization: &'a [&'a str],
    headers: &'a [&'a str],
) -> SignedFacts<'a> {
    SignedFacts {
        query,
        authorization,
        headers,
        date: Some(STAMP),
        regions: &["eu-west-3", "us-east-1"],
        now: NOW,
    }
}

fn check_header(value: &str) -> Result<Signing, SignatureRefusal> {
    signature_check(&facts(&[], &[value], &["host", "x-amz-date"]))
}

fn check_query(query: &[(String, String)]) -> Result<Signing, SignatureRefusal> {
    signature_check(&facts(query, &[], &["host"]))
}

#[test]
fn good_requests_pass() {
    assert_eq!(check_header(GOOD), Ok(Signing::Header));
    assert_eq!(check_header(&GOOD.replace("eu-west-3", "us-east-1")), Ok(Signing::Header));
    assert_eq!(check_query(&presigned()), Ok(Signing::Query { age_seconds: 0 }));
    assert_eq!(check_query(&[]), Ok(Signing::None));
    let late =
        SignedFacts { date: Some("Sun, 01 Mar 2026 12:14:00 GMT"), ..facts(&[], &[GOOD], &[]) };
    assert_eq!(signature_check(&late), Ok(Signing::Header));
}

#[test]
fn bad_headers_are_refused_with_their_code() {
    let no_host = GOOD.replace("host;", "");
    for (header, code) in [
        (GOOD.replace("eu-west-3", "eu-west-9"), "AuthorizationHeaderMalformed"),
        (GOOD.replace("/s3/", "/sts/"), "AuthorizationHeaderMalformed"),
        (GOOD.replace("aws4_request", "aws5_request"), "AuthorizationHeaderMalformed"),
        (GOOD.replace("AKID/", ""), "AuthorizationHeaderMalformed"),
        (GOOD.replace("20260301", "20260302"), "AuthorizationHeaderMalformed"),
        (GOOD.replace("20260301", "2026"), "AuthorizationHeaderMalformed"),
        (GOOD.replace("Signature=ab", "Signature"), "AuthorizationHeaderMalformed"),
        (GOOD.replace(", Signature=ab", ""), "AuthorizationHeaderMalformed"),
        (format!("{GOOD}, Signature=cd"), "AuthorizationHeaderMalformed"),
        (no_host, "AccessDenied"),
        (GOOD.replace(";x-amz-date", ""), "AccessDenied"),
        ("AWS AKID:signature".to_owned(), "InvalidRequest"),
        ("Bearer token".to_owned(), "InvalidRequest"),
        (GOOD.replace("SHA256", "SHA256X"), "InvalidRequest"),
        (String::new(), "InvalidRequest"),
    ] {
        assert_eq!(check_header(&header).unwrap_err().code(), code, "{header}");
    }
}

#[test]
fn skew_has_an_edge_at_fifteen_minutes() {
    for (seconds, fits) in [(900, true), (-900, true), (901, false), (-901, false)] {
        let now = Timestamp::from_seconds(NOW.seconds() + seconds);
        let facts = SignedFacts { now, ..facts(&[], &[GOOD], &["host"]) };
        assert_eq!(signature_check(&facts).is_ok(), fits, "{seconds}");
    }
    let none = SignedFacts { date: None, ..facts(&[], &[GOOD], &["host"]) };
    assert_eq!(signature_check(&none), Err(SignatureRefusal::NoDate));
}

#[test]
fn bad_queries_are_refused_with_their_code() {
    for (key, value, code) in [
        ("X-Amz-Expires", "0", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires", "-5", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires", "604801", "AuthorizationQueryParametersError"),
        ("X-Amz-Expires", "x", "AuthorizationQueryParametersError"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA1", "AuthorizationQueryParametersError"),
        ("X-Amz-Date", "yesterday", "AuthorizationQueryParametersError"),
        ("X-Amz-Date", "20260301T110000Z", "AccessDenied"),
        ("X-Amz-Date", "20260301T130000Z", "AccessDenied"),
        ("X-Amz-SignedHeaders", "x-amz-date", "AccessDenied"),
        ("X-Amz-Credential", "AKID", "AuthorizationQueryParametersError"),
    ] {
        let refused = check_query(&with(key, value)).unwrap_err();
        assert_eq!(refused.code(), code, "{key}={value}: {refused}");
    }
    assert!(check_query(&with("X-Amz-Expires", "604800")).is_ok());
    for missing in 0..presigned().len() {
        let mut query = presigned();
        query.remove(missing);
        assert!(check_query(&query).is_err(), "without {missing}");
    }
}

#[test]
fn a_presigned_request_ends_when_it_says() {
    for (age, fits) in [(600, true), (601, false), (-900, true), (-901, false)] {
        let now = Timestamp::from_seconds(NOW.seconds() + age);
        let query = presigned();
        let facts = SignedFacts { now, ..facts(&query, &[], &["host"]) };
        assert_eq!(signature_check(&facts).is_ok(), fits, "{age}");
    }
}

#[test]
fn two_ways_at_once_and_keys_given_twice_are_refused() {
    let query = presigned();
    let both = facts(&query, &[GOOD], &["host"]);
    assert_eq!(signature_check(&both), Err(SignatureRefusal::TwoMechanisms));
    let twice = facts(&[], &[GOOD, GOOD], &["host"]);
    assert_eq!(signature_check(&twice), Err(SignatureRefusal::TwoMechanisms));
    let mut query = presigned();
    query.push(("prefix".to_owned(), "a".to_owned()));
    query.push(("prefix".to_owned(), "b".to_owned()));
    assert!(matches!(check_query(&query), Err(SignatureRefusal::DuplicateQuery { .. })));
    let old = [("AWSAccessKeyId", "a"), ("Signature", "b"), ("Expires", "1")];
    let old = old.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(check_query(&old), Err(SignatureRefusal::Unsupported));
}

#[test]
fn unsigned_amz_headers_are_refused() {
    let query = presigned();
    let facts = facts(&query, &[], &["host", "content-type", "x-amz-acl"]);
    let unsigned = SignatureRefusal::Unsigned { header: "x-amz-acl".to_owned() };
    assert_eq!(signature_check(&facts), Err(unsigned));
}

proptest! {
    #[test]
    fn nothing_a_client_sends_panics(
        header in ".{0,80}",
        tail in "[A-Za-z0-9=/;, -]{0,80}",
        query in prop::collection::vec(("(X-Amz-(Date|Expires|Credential|Algorithm|SignedHeaders|Signature)|[a-z]{0,3})", ".{0,30}"), 0..8),
        date in prop::option::of(".{0,20}"),
    ) {
        let tail = format!("AWS4-HMAC-SHA256 {tail}");
        for authorization in [vec![], vec![header.as_str()], vec![tail.as_str()]] {
            let date = date.as_deref();
            let facts = SignedFacts { date, ..facts(&query, &authorization, &["host"]) };
            let _ = signature_check(&facts);
        }
    }
}
