//! Errors as a browser shows them.

use http::{HeaderValue, Response, StatusCode, header};
use s3s::{Body, S3Error};

/// A small page for an error that has no page of its own.
pub(super) fn of_error(error: &S3Error, request_id: &str) -> Response<Body> {
    let status = error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         </head><body><h1>{title}</h1><ul><li>Code: {}</li><li>Message: {}</li>\
         <li>RequestId: {}</li></ul></body></html>\n",
        escaped(error.code().as_str()),
        escaped(error.message().unwrap_or_default()),
        escaped(request_id),
    );
    let mut answer = Response::new(Body::from(html));
    *answer.status_mut() = status;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, html);
    answer
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3s::s3_error;

    #[test]
    fn pages_escape_what_they_say() {
        let error = s3_error!(NoSuchKey, "no <script> & no \"quotes\"");
        let answer = of_error(&error, "id");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let html = answer.body().bytes().expect("bytes");
        let html = core::str::from_utf8(&html).expect("text");
        assert!(html.contains("no &lt;script&gt; &amp; no &quot;quotes&quot;"), "{html}");
    }
}
