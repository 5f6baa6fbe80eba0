//! What a form upload is answered with: nothing, a document, or a redirection.

use http::{HeaderValue, Response, StatusCode, header};
use objects::PutOutcome;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::Body;

use super::form::Fields;
use crate::object::{answer, checksums, sse};

/// What is encoded in the redirection's query string.
const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What the form wants to be answered with.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    status: StatusCode,
    redirect: Option<String>,
    location: String,
    bucket: String,
    key: String,
}

impl Wanted {
    /// Reads `success_action_redirect` and `success_action_status`.
    pub(super) fn of(fields: &Fields, bucket: &str, host: &str) -> Self {
        let status = match fields.get("success_action_status") {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        let redirect = fields.get("success_action_redirect").or_else(|| fields.get("redirect"));
        let redirect = redirect.filter(|url| {
            url.parse::<http::Uri>().is_ok_and(|url| {
                url.authority().is_some() && matches!(url.scheme_str(), Some("http" | "https"))
            })
        });
        let key = fields.get("key").unwrap_or_default();
        Self {
            status,
            redirect: redirect.map(str::to_owned),
            location: format!("http://{host}/{bucket}/{}", utf8_percent_encode(key, QUERY)),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        }
    }

    /// The answer to an upload that was stored.
    pub(super) fn answer(&self, outcome: &PutOutcome) -> Response<Body> {
        let etag = answer::quoted(&outcome.etag.to_string());
        let mut answer = Response::new(Body::empty());
        let headers = answer.headers_mut();
        answer::put(headers, "etag", &etag);
        answer::version_written(headers, outcome.version);
        sse::answer(headers, &outcome.encryption);
        if let Some(checksum) = &outcome.checksum {
            checksums::answer(headers, checksum, None);
        }
        let location = match &self.redirect {
            Some(url) => self.redirection(url, &etag),
            None => self.location.clone(),
        };
        answer::put(headers, "location", &location);
        *answer.status_mut() =
            if self.redirect.is_some() { StatusCode::SEE_OTHER } else { self.status };
        if answer.status() == StatusCode::CREATED {
            let xml = HeaderValue::from_static("application/xml");
            answer.headers_mut().insert(header::CONTENT_TYPE, xml);
            *answer.body_mut() = Body::from(self.document(&etag));
        }
        answer
    }

    fn redirection(&self, url: &str, etag: &str) -> String {
        let mark = if url.contains('?') { '&' } else { '?' };
        format!(
            "{url}{mark}bucket={}&key={}&etag={}",
            utf8_percent_encode(&self.bucket, QUERY),
            utf8_percent_encode(&self.key, QUERY),
            utf8_percent_encode(etag, QUERY),
        )
    }

    fn document(&self, etag: &str) -> String {
        let escaped = |text: &str| {
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace(|c: char| c.is_control(), "\u{fffd}")
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{}</Location>\
             <Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag></PostResponse>",
            escaped(&self.location),
            escaped(&self.bucket),
            escaped(&self.key),
            escaped(etag),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(pairs: &[(&str, &str)]) -> Wanted {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.set(name, (*value).to_owned());
        }
        Wanted::of(&fields, "b", "localhost:9000")
    }

    #[test]
    fn statuses() {
        let status = |status| wanted(&[("success_action_status", status)]).status.as_u16();
        assert_eq!(status("200"), 200);
        assert_eq!(status("201"), 201);
        assert_eq!(status("204"), 204);
        assert_eq!(status("404"), 204);
        assert_eq!(wanted(&[]).status.as_u16(), 204);
    }

    #[test]
    fn redirections() {
        let found = wanted(&[("key", "a b&c"), ("success_action_redirect", "http://x/y?z=1")]);
        let url = found.redirect.as_deref().expect("a redirection");
        assert_eq!(
            found.redirection(url, "\"e\""),
            "http://x/y?z=1&bucket=b&key=a%20b%26c&etag=%22e%22"
        );
        for nonsense in ["", "/there", "javascript:alert(1)", "http://x y"] {
            assert_eq!(wanted(&[("success_action_redirect", nonsense)]).redirect, None);
        }
    }

    #[test]
    fn documents_escape_keys() {
        let document = wanted(&[("key", "<a>&\"b\"")]).document("\"e\"");
        assert!(document.contains("<Key>&lt;a&gt;&amp;&quot;b&quot;</Key>"), "{document}");
    }
}
