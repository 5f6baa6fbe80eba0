//! A client that signs, so that requests can be right in all but one thing.
//!
//! AWS Signature Version 4; checked against the published examples below.

use aws_lc_rs::{digest, hmac};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What signing leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PLAIN_PATH: &AsciiSet = &PLAIN.remove(b'/');

/// Who signs, for where and when.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub key: String,
    pub secret: String,
    pub region: String,
    pub service: String,
    /// `yyyymmddThhmmssZ`.
    pub at: String,
}

pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

pub(super) fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, PLAIN_PATH).to_string()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

impl Signer {
    /// The day of the scope; nothing where there is no date.
    fn day(&self) -> &str {
        self.at.get(..8).unwrap_or_default()
    }

    pub(super) fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day(), self.region, self.service)
    }

    /// The signature of a request; `headers` are the signed ones, in lower case.
    pub(super) fn signature(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        headers: &[(String, String)],
        payload: &str,
    ) -> String {
        let mut pairs: Vec<String> =
            query.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        pairs.sort();
        let mut headers = headers.to_vec();
        headers.sort();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let lines = lines.concat();
        let canonical = format!(
            "{method}\n{}\n{}\n{lines}\n{}\n{payload}",
            encode_path(path),
            pairs.join("&"),
            names.join(";")
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{}\n{}",
            self.at,
            self.scope(),
            sha256(canonical.as_bytes())
        );
        self.sign(&text)
    }

    /// The signature of a text, under the key of the scope.
    pub(super) fn sign(&self, text: &str) -> String {
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for step in [self.day(), &self.region, &self.service, "aws4_request"] {
            key = keyed(&key, step);
        }
        hex::encode(keyed(&key, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Amazon S3 API Reference, "Signature Calculations for the Authorization
    /// Header", examples of 24 May 2013.
    fn example() -> Signer {
        Signer {
            key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            region: "us-east-1".to_owned(),
            service: "s3".to_owned(),
            at: "20130524T000000Z".to_owned(),
        }
    }

    fn check(
        method: &Method,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
        expected: &str,
    ) {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect()
        };
        let payload = sha256(body);
        let mut headers = own(headers);
        headers.push(("host".to_owned(), "examplebucket.s3.amazonaws.com".to_owned()));
        headers.push(("x-amz-content-sha256".to_owned(), payload.clone()));
        headers.push(("x-amz-date".to_owned(), example().at));
        let found = example().signature(method, path, &own(query), &headers, &payload);
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn the_published_examples() {
        check(
            &Method::GET,
            "/test.txt",
            &[],
            &[("range", "bytes=0-9")],
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        );
        check(
            &Method::PUT,
            "/test$file.text",
            &[],
            &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        );
        check(
            &Method::GET,
            "/",
            &[("lifecycle", "")],
            &[],
            b"",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        );
        check(
            &Method::GET,
            "/",
            &[("max-keys", "2"), ("prefix", "J")],
            &[],
            b"",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        );
    }
}
