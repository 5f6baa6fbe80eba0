//! Requests drawn at random: whatever a client sends, nothing panics and nothing
//! is our fault (no answer of 5xx but `NotImplemented`).

use http::Method;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::site::{Ask, Site};

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE, Method::OPTIONS];

const KEYS: [&str; 24] = [
    "acl",
    "cors",
    "delete",
    "encryption",
    "lifecycle",
    "list-type",
    "location",
    "logging",
    "marker",
    "max-keys",
    "object-lock",
    "partNumber",
    "policy",
    "prefix",
    "retention",
    "tagging",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
    "continuation-token",
    "encoding-type",
];

const HEADERS: [&str; 14] = [
    "content-md5",
    "content-type",
    "if-match",
    "if-none-match",
    "origin",
    "range",
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-grant-read",
    "x-amz-meta-a",
    "x-amz-object-lock-mode",
    "x-amz-server-side-encryption",
    "x-amz-tagging",
    "x-amz-checksum-crc32",
];

const VALUES: [&str; 14] = [
    "",
    "1",
    "0",
    "-1",
    "url",
    "2",
    "null",
    "bytes=0-1",
    "public-read",
    "/village/k",
    "a=b",
    "AES256",
    "*",
    "id=\"\u{7e}\"",
];

fn asks() -> impl Strategy<Value = Ask> {
    let path = prop_oneof![
        Just("/".to_owned()),
        Just("/village".to_owned()),
        Just("/village/k".to_owned()),
        Just("/no-such-bucket".to_owned()),
        "/[a-zA-Z0-9._-]{0,8}/?[ -~]{0,12}",
    ];
    let pairs = |names: &'static [&'static str], max: usize| {
        proptest::collection::btree_map(
            proptest::sample::select(names),
            prop_oneof![
                proptest::sample::select(&VALUES[..]).prop_map(str::to_owned),
                "[!-~]{0,8}"
            ],
            0..max,
        )
    };
    let body = prop_oneof![
        Just(String::new()),
        Just("<a>".to_owned()),
        Just("{}".to_owned()),
        Just("<Tagging><TagSet></TagSet></Tagging>".to_owned()),
        "[ -~]{0,40}",
    ];
    let method = proptest::sample::select(&METHODS[..]);
    (method, path, pairs(&KEYS, 3), pairs(&HEADERS, 4), body).prop_map(
        |(method, path, query, headers, body)| {
            let own = |(name, value): (&str, String)| (name.to_owned(), value);
            Ask {
                query: query.into_iter().map(own).collect(),
                headers: headers.into_iter().map(own).collect(),
                body: body.into(),
                ..Ask::new(method, &path)
            }
        },
    )
}

#[test]
fn no_request_is_our_fault() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let site = runtime.block_on(Site::start());
    let mut runner = TestRunner::new(ProptestConfig { cases: 600, ..ProptestConfig::default() });
    let ran = runner.run(&asks(), |ask| {
        for signed in [true, false] {
            let request = if signed { ask.signed(&site.signer) } else { ask.unsigned() };
            let answer = runtime.block_on(site.send_raw(request));
            let ours = answer.status >= 500 && answer.status != 501;
            prop_assert!(!ours, "{ask:?} is answered by {answer:?}");
        }
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}
