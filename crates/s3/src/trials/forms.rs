//! Uploads from a browser's form, through the handler: who signed them, what their
//! policy says, and that nothing is stored that breaks either.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use super::signer::Signer;
use super::site::{Answer, Ask, Site};

const BOUNDARY: &str = "village-form";

/// What a form upload of this key must be, until 2099.
const CONDITIONS: &str = r#"{"bucket":"village"},["starts-with","$key","form/"],["content-length-range",2,8],{"x-amz-algorithm":"AWS4-HMAC-SHA256"},["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]"#;

/// A form, its fields in order.
#[derive(Clone)]
struct Form {
    fields: Vec<(String, String)>,
    file: String,
}

impl Form {
    fn new(key: &str) -> Self {
        Self { fields: vec![("key".to_owned(), key.to_owned())], file: "file".to_owned() }
    }

    fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }

    /// Signed by version 4 over a policy of these conditions, which ends then.
    fn signed_until(self, signer: &Signer, conditions: &str, end: &str) -> Self {
        let policy = format!(r#"{{"expiration":"{end}","conditions":[{conditions}]}}"#);
        let policy = STANDARD.encode(policy);
        let credential = format!("{}/{}", signer.key, signer.scope());
        self.field("x-amz-algorithm", "AWS4-HMAC-SHA256")
            .field("x-amz-credential", &credential)
            .field("x-amz-date", &signer.at)
            .field("x-amz-signature", &signer.sign(&policy))
            .field("policy", &policy)
    }

    fn signed(self, signer: &Signer) -> Self {
        self.signed_until(signer, CONDITIONS, "2099-01-01T00:00:00Z")
    }

    /// Signed by version 2.
    fn signed_v2(self, signer: &Signer) -> Self {
        let policy = r#"{"expiration":"2099-01-01T00:00:00Z","conditions":[{"bucket":"village"},["starts-with","$key","form/"]]}"#;
        let policy = STANDARD.encode(policy);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, signer.secret.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, policy.as_bytes()).as_ref());
        self.field("AWSAccessKeyId", &signer.key)
            .field("signature", &signature)
            .field("policy", &policy)
    }

    fn body(&self) -> String {
        let mut body = String::new();
        for (name, value) in &self.fields {
            let _ = write!(
                body,
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        let _ = write!(
            body,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n\
             {}\r\n--{BOUNDARY}--\r\n",
            self.file
        );
        body
    }

    fn ask(&self) -> Ask {
        posted(self.body())
    }
}

fn posted(body: String) -> Ask {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    Ask::new(Method::POST, "/village").header("content-type", &kind).body(body)
}

async fn send(site: &Site, form: &Form) -> Answer {
    site.send_raw(form.ask().unsigned()).await
}

/// Nothing of the form was kept.
async fn refused(site: &Site, name: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{name}: {answer:?}");
    let listed = site.done(&Ask::new(Method::GET, "/village").query("prefix", "form/")).await;
    assert_eq!(listed.element("Key"), "", "{name}");
}

#[tokio::test]
async fn a_signed_form_is_stored() {
    let site = Site::start().await;
    let answer = send(&site, &Form::new("form/${filename}").signed(&site.signer)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let read = site.done(&Ask::new(Method::GET, "/village/form/f")).await;
    assert_eq!(read.body, "file");
}

#[tokio::test]
async fn a_form_is_held_to_its_policy() {
    let site = Site::start().await;
    let signer = &site.signer;
    let good = || Form::new("form/a");
    for (name, form, status, code) in [
        ("another key", Form::new("other").signed(signer), 403, "AccessDenied"),
        (
            "a field of no condition",
            good().field("x-amz-meta-a", "b").signed(signer),
            403,
            "AccessDenied",
        ),
        ("too long", good().file("123456789").signed(signer), 400, "EntityTooLarge"),
        ("too short", good().file("1").signed(signer), 400, "EntityTooSmall"),
        (
            "expired",
            good().signed_until(signer, CONDITIONS, "2020-01-01T00:00:00Z"),
            403,
            "AccessDenied",
        ),
        (
            "another bucket",
            good().signed_until(
                signer,
                &CONDITIONS.replace("\"village\"", "\"secrets\""),
                "2099-01-01T00:00:00Z",
            ),
            403,
            "AccessDenied",
        ),
        ("no policy", good().signed_until(signer, "&", ""), 400, "InvalidPolicyDocument"),
    ] {
        refused(&site, name, &send(&site, &form).await, status, code).await;
        let other = site.send(&Ask::new(Method::HEAD, "/village/other")).await;
        assert_eq!(other.status, 404, "{name}");
    }
}

#[tokio::test]
async fn a_form_is_held_to_its_signature() {
    let site = Site::start().await;
    let signer = site.signer.clone();
    let changed = |change: fn(&mut Signer)| {
        let mut signer = signer.clone();
        change(&mut signer);
        Form::new("form/a").signed(&signer)
    };
    let mut policy = Form::new("form/a").signed(&signer);
    for (name, value) in &mut policy.fields {
        if name == "policy" {
            *value = STANDARD.encode(r#"{"expiration":"2099-01-01T00:00:00Z","conditions":[]}"#);
        }
    }
    let mut unsigned = Form::new("form/a").signed(&signer);
    unsigned.fields.retain(|(name, _)| !name.starts_with("x-amz-"));
    let mut no_policy = Form::new("form/a").signed(&signer);
    no_policy.fields.retain(|(name, _)| name != "policy");
    let wrong_v2 = Signer { secret: "wrong".to_owned(), ..signer.clone() };
    for (name, form, status, code) in [
        ("a wrong secret", changed(|s| s.secret = "w".to_owned()), 403, "SignatureDoesNotMatch"),
        (
            "another region",
            changed(|s| s.region = "us-east-1".to_owned()),
            400,
            "AuthorizationHeaderMalformed",
        ),
        ("another service", changed(|s| s.service = "sts".to_owned()), 400, "InvalidArgument"),
        ("nobody's key", changed(|s| s.key = "AKIANOBODY".to_owned()), 403, "InvalidAccessKeyId"),
        ("another policy than was signed", policy, 403, "SignatureDoesNotMatch"),
        ("a policy that nobody signed", unsigned, 400, "InvalidArgument"),
        ("a signature without policy", no_policy, 400, "InvalidArgument"),
        (
            "a wrong secret, version 2",
            Form::new("form/a").signed_v2(&wrong_v2),
            403,
            "SignatureDoesNotMatch",
        ),
        ("nobody", Form::new("form/a"), 403, "AccessDenied"),
        ("a stranger", Form::new("form/a").signed(&site.other), 403, "AccessDenied"),
    ] {
        refused(&site, name, &send(&site, &form).await, status, code).await;
    }
}

#[tokio::test]
async fn a_form_that_breaks_off_is_no_object() {
    let site = Site::start().await;
    let whole = Form::new("form/a").signed(&site.signer).body();
    let end = whole.len() - format!("\r\n--{BOUNDARY}--\r\n").len();
    for length in [40, end - 30, end - 2, end, end + 4] {
        let cut = whole.get(..length).unwrap_or_default().to_owned();
        let answer = site.send_raw(posted(cut).unsigned()).await;
        assert_eq!(answer.status, 400, "cut at {length}: {answer:?}");
        refused(&site, "a cut form", &answer, 400, answer.code()).await;
    }
}

#[tokio::test]
async fn a_field_is_given_once() {
    let site = Site::start().await;
    for name in ["key", "x-amz-date", "Policy"] {
        let form = Form::new("form/a").signed(&site.signer).field(name, "other");
        refused(&site, name, &send(&site, &form).await, 400, "InvalidArgument").await;
    }
    // One by the form's name for it, one by the header's.
    let conditions = format!(r#"{CONDITIONS},{{"acl":"private"}},["starts-with","$x-amz-acl",""]"#);
    let form = Form::new("form/a").field("acl", "private").field("x-amz-acl", "public-read");
    let form = form.signed_until(&site.signer, &conditions, "2099-01-01T00:00:00Z");
    refused(&site, "acl", &send(&site, &form).await, 400, "InvalidArgument").await;
}

fn rule(effect: &str, action: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"{effect}","Principal":"*","Action":"{action}","Resource":"arn:aws:s3:::village/*"{condition}}}"#
    )
}

#[tokio::test]
async fn rules_see_how_a_form_was_signed_and_sent() {
    let site = Site::start().await;
    let v2 = r#","Condition":{"StringNotEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256"}}"#;
    site.policy("village", &rule("Deny", "s3:PutObject", v2)).await;
    let (new, old) = (Form::new("form/a").signed(&site.signer), Form::new("form/b"));
    let old = old.signed_v2(&site.signer);
    let answer = send(&site, &old).await;
    refused(&site, "version 2", &answer, 403, "AccessDenied").await;
    assert_eq!(send(&site, &new).await.status, 204);
    let named = v2.replace("StringNotEquals", "StringEquals").replace("AWS4-HMAC-SHA256", "AWS");
    site.policy("village", &rule("Deny", "s3:PutObject", &named)).await;
    assert_eq!(send(&site, &old).await.status, 403);
    site.policy("village", &rule("Deny", "s3:GetObject", "")).await;
    assert_eq!(send(&site, &old).await.status, 204, "version 2 is served where no rule forbids it");

    // The referer is the request's, not a field's.
    let referer = r#","Condition":{"StringNotEquals":{"aws:Referer":"http://village.example"}}"#;
    site.policy("village", &rule("Deny", "s3:PutObject", referer)).await;
    let conditions = format!(r#"{CONDITIONS},["starts-with","$referer",""]"#);
    let form = Form::new("form/c").field("referer", "http://village.example");
    let form = form.signed_until(&site.signer, &conditions, "2099-01-01T00:00:00Z");
    assert_eq!(send(&site, &form).await.status, 403);
    let from = new.ask().header("referer", "http://village.example").unsigned();
    assert_eq!(site.send_raw(from).await.status, 204);
}

#[tokio::test]
async fn tags_of_a_form_are_a_right_of_their_own() {
    let site = Site::start().await;
    let document =
        "<Tagging><TagSet><Tag><Key>a &amp; b</Key><Value>c</Value></Tag></TagSet></Tagging>";
    site.policy("village", &rule("Allow", "s3:PutObject", "")).await;
    let tagged = Form::new("form/a").field("tagging", document);
    let answer = send(&site, &tagged).await;
    refused(&site, "tags", &answer, 403, "AccessDenied").await;
    site.policy("village", &rule("Allow", "s3:PutObject*", "")).await;
    assert_eq!(send(&site, &tagged).await.status, 204);
    let read = site.done(&Ask::new(Method::GET, "/village/form/a").query("tagging", "")).await;
    assert_eq!(read.element("Key"), "a &amp; b", "{read:?}");
    let secret = r#","Condition":{"StringEquals":{"s3:RequestObjectTag/a & b":"c"}}"#;
    site.policy("village", &rule("Deny", "s3:PutObject", secret)).await;
    let signed = tagged.signed_until(
        &site.signer,
        &format!(r#"{CONDITIONS},["starts-with","$tagging",""]"#),
        "2099-01-01T00:00:00Z",
    );
    assert_eq!(send(&site, &signed).await.status, 403);
}
