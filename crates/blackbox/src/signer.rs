//! Signature version 4 for a client that measures: one signing key for the whole run,
//! and usually the payload unsigned, so that the client spends as little as it can.
//!
//! Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference.

use aws_lc_rs::{digest, hmac};
use time::OffsetDateTime;
use time::macros::format_description;

/// What stands for the digest of a payload that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Signs requests for one key.
pub struct Signer {
    access_key_id: String,
    scope: String,
    key: hmac::Key,
    host: String,
    stamp: String,
}

impl Signer {
    /// A signer whose date is now; good for the fifteen minutes of a run's round.
    pub fn new(access_key_id: &str, secret: &str, region: &str, host: &str) -> Self {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let stamp = OffsetDateTime::now_utc().format(&format).unwrap_or_default();
        let date = stamp.split('T').next().unwrap_or_default().to_owned();
        let mut key = format!("AWS4{secret}").into_bytes();
        for word in [date.as_str(), region, "s3", "aws4_request"] {
            let step = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&step, word.as_bytes()).as_ref().to_vec();
        }
        Self {
            access_key_id: access_key_id.to_owned(),
            scope: format!("{date}/{region}/s3/aws4_request"),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            host: host.to_owned(),
            stamp,
        }
    }

    /// The `x-amz-date` and `Authorization` headers of a request.
    /// `path` and `query` are already in canonical form; the payload is unsigned.
    pub fn sign(&self, method: &str, path: &str, query: &str) -> (&str, String) {
        self.sign_with(method, path, query, &[])
    }

    /// The same for a request with further headers, named in lower case.
    pub fn sign_with(
        &self,
        method: &str,
        path: &str,
        query: &str,
        further: &[(&'static str, String)],
    ) -> (&str, String) {
        self.sign_payload(method, path, query, further, UNSIGNED)
    }

    /// A link that reads this path for ten minutes, from the path on.
    pub fn link(&self, path: &str) -> String {
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}%2F{}&X-Amz-Date={}\
             &X-Amz-Expires=600&X-Amz-SignedHeaders=host",
            self.access_key_id,
            self.scope.replace('/', "%2F"),
            self.stamp
        );
        let canonical = format!("GET\n{path}\n{query}\nhost:{}\n\nhost\n{UNSIGNED}", self.host);
        let digest = digest::digest(&digest::SHA256, canonical.as_bytes());
        let signature = self.sign_text("AWS4-HMAC-SHA256", &hex::encode(digest));
        format!("{path}?{query}&X-Amz-Signature={signature}")
    }

    /// As [`Self::sign_with`], with what `x-amz-content-sha256` says of the payload.
    pub(crate) fn sign_payload(
        &self,
        method: &str,
        path: &str,
        query: &str,
        further: &[(&'static str, String)],
        payload: &str,
    ) -> (&str, String) {
        let mut headers = vec![
            ("host", self.host.as_str()),
            ("x-amz-content-sha256", payload),
            ("x-amz-date", self.stamp.as_str()),
        ];
        headers.extend(further.iter().map(|(name, value)| (*name, value.as_str())));
        headers.sort_unstable();
        let mut canonical = format!("{method}\n{path}\n{query}\n");
        for (name, value) in &headers {
            canonical.extend([name, ":", value, "\n"]);
        }
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        canonical.extend(["\n", &names, "\n", payload]);
        let digest = digest::digest(&digest::SHA256, canonical.as_bytes());
        let signature = self.sign_text("AWS4-HMAC-SHA256", &hex::encode(digest));
        let header = format!(
            "AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={names},Signature={signature}",
            self.access_key_id, self.scope
        );
        (&self.stamp, header)
    }

    /// The signature of what is left of a text behind its algorithm, date and scope.
    pub(crate) fn sign_text(&self, algorithm: &str, rest: &str) -> String {
        let text = format!("{algorithm}\n{}\n{}\n{rest}", self.stamp, self.scope);
        hex::encode(hmac::sign(&self.key, text.as_bytes()))
    }

    /// The host that is signed for.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}
