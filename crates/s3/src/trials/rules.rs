//! Rules of buckets as requests meet them: policies, public access, key scopes.

use http::Method;

use super::signer::Signer;
use super::site::{ADDRESS, Answer, Ask, Site, now};

const ELSEWHERE: [u8; 4] = [198, 51, 100, 7];

fn get() -> Ask {
    Ask::new(Method::GET, "/village/k")
}

fn policy_of(document: &str) -> Ask {
    Ask::new(Method::PUT, "/village").query("policy", "").body(document.to_owned())
}

fn statement(effect: &str, action: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"{effect}","Principal":"*","Action":"{action}","Resource":"arn:aws:s3:::village/*","Condition":{{{condition}}}}}"#
    )
}

fn denied(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{answer:?}");
}

#[tokio::test]
async fn an_address_is_the_sockets_and_never_a_headers() {
    let site = Site::start().await;
    let near = r#""NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}"#;
    site.policy("village", &statement("Deny", "s3:GetObject", near)).await;
    for header in ["x-forwarded-for", "x-real-ip", "forwarded"] {
        let from_afar = get().header(header, "192.0.2.1").signed(&site.signer);
        denied(&site.send_from(ELSEWHERE, from_afar).await);
        let from_near = get().header(header, "198.51.100.7").signed(&site.signer);
        assert_eq!(site.send_from(ADDRESS, from_near).await.status, 200, "{header}");
    }
}

#[tokio::test]
async fn old_signatures_are_known_by_their_age() {
    let site = Site::start().await;
    let old = r#""NumericGreaterThan":{"s3:signatureAge":"300000"}"#;
    site.policy("village", &statement("Deny", "s3:GetObject", old)).await;
    let early = Signer { at: now(-600), ..site.signer.clone() };
    denied(&site.send_raw(get().presigned(&early, "3600")).await);
    denied(&site.send_raw(get().signed(&early)).await);
    assert_eq!(site.send_raw(get().presigned(&site.signer, "3600")).await.status, 200);
    assert_eq!(site.send(&get()).await.status, 200);
}

#[tokio::test]
async fn a_policy_may_ask_for_conditional_writes() {
    let site = Site::start().await;
    let creates =
        r#""Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}"#;
    site.policy("village", &statement("Deny", "s3:PutObject", creates)).await;
    let put = Ask::new(Method::PUT, "/village/new").body("x");
    denied(&site.send(&put).await);
    assert_eq!(site.send(&put.header("if-none-match", "*")).await.status, 200);
    denied(
        &site
            .send(&Ask::new(Method::PUT, "/village/c").header("x-amz-copy-source", "/village/k"))
            .await,
    );
    let begun = site.done(&Ask::new(Method::POST, "/village/m").query("uploads", "")).await;
    let part = Ask::new(Method::PUT, "/village/m").query("partNumber", "1").body("x");
    let part = part.query("uploadId", begun.element("UploadId"));
    assert_eq!(site.send(&part).await.status, 200);
}

#[tokio::test]
async fn conditions_that_nothing_could_meet_are_refused() {
    let site = Site::start().await;
    for key in ["s3:LocationConstraint", "aws:SourceVpc", "s3:nonsense"] {
        let condition = format!(r#""StringEquals":{{"{key}":"1"}}"#);
        let statement = statement("Deny", "s3:GetObject", &condition);
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let answer = site.send(&policy_of(&document)).await;
        assert_eq!((answer.status, answer.code()), (400, "MalformedPolicy"), "{key}: {answer:?}");
    }
    let answer = site.send(&Ask::new(Method::GET, "/village").query("policy", "")).await;
    assert_eq!((answer.status, answer.code()), (404, "NoSuchBucketPolicy"), "{answer:?}");
}

#[tokio::test]
async fn conditions_on_what_is_absent_are_kept_and_followed() {
    let site = Site::start().await;
    // Plain HTTP has no version of TLS, and no request comes through a VPC.
    for (condition, denies) in [
        (r#""NumericLessThan":{"s3:TlsVersion":"1.2"}"#, false),
        (r#""NumericLessThanIfExists":{"s3:TlsVersion":1.2}"#, true),
        (r#""Null":{"s3:TlsVersion":"true"}"#, true),
        (r#""Null":{"s3:TlsVersion":"false"}"#, false),
        (r#""Null":{"aws:SourceVpc":"false"}"#, false),
        (r#""StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-1"}"#, true),
    ] {
        let principal = r#""Principal":"*""#;
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny",{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::village/*","Condition":{{{condition}}}}},{{"Effect":"Allow",{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::village/*"}}]}}"#
        );
        let answer = site.send(&policy_of(&document)).await;
        assert_eq!(answer.status, 204, "{condition}: {answer:?}");
        let expected = if denies { 403 } else { 200 };
        assert_eq!(site.send_raw(get().unsigned()).await.status, expected, "{condition}");
    }
}

#[tokio::test]
async fn policies_let_in_keep_out_and_are_read_back() {
    let site = Site::start().await;
    let status = Ask::new(Method::GET, "/village").query("policyStatus", "");
    denied(&site.send_raw(get().unsigned()).await);
    denied(&site.send_as(&site.other, &get()).await);
    assert_eq!(site.done(&status).await.element("IsPublic"), "false");

    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::village/*"}]}"#;
    assert_eq!(site.send(&policy_of(open)).await.status, 204);
    let read = site.send(&Ask::new(Method::GET, "/village").query("policy", "")).await;
    assert_eq!((read.status, read.body.as_str()), (200, open));
    assert_eq!(site.done(&status).await.element("IsPublic"), "true");
    let anonymous = site.send_raw(get().unsigned()).await;
    assert_eq!((anonymous.status, anonymous.body.as_str()), (200, "one"));
    assert_eq!(site.send_as(&site.other, &get()).await.status, 200);
    denied(&site.send_raw(Ask::new(Method::PUT, "/village/k").body("x").unsigned()).await);
    denied(&site.send_raw(Ask::new(Method::GET, "/village").unsigned()).await);
    // Whoever may not list is not told what is not there.
    denied(&site.send_raw(Ask::new(Method::GET, "/village/absent").unsigned()).await);

    let block = "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true\
        </RestrictPublicBuckets><BlockPublicPolicy>true</BlockPublicPolicy>\
        </PublicAccessBlockConfiguration>";
    let blocked = Ask::new(Method::PUT, "/village").query("publicAccessBlock", "");
    site.done(&blocked.body(block)).await;
    denied(&site.send_raw(get().unsigned()).await);
    denied(&site.send(&policy_of(open)).await);
    assert_eq!(site.send(&get()).await.status, 200, "the owner is no public");

    site.done(&Ask::new(Method::DELETE, "/village").query("publicAccessBlock", "")).await;
    let closed = statement("Deny", "s3:GetObject", r#""StringEquals":{"aws:username":"nobody"}"#);
    let everybody =
        closed.replace(r#","Condition":{"StringEquals":{"aws:username":"nobody"}}"#, "");
    site.policy("village", &everybody).await;
    denied(&site.send(&get()).await);
    assert_eq!(
        site.send(&Ask::new(Method::DELETE, "/village").query("policy", "")).await.status,
        204
    );
    assert_eq!(site.send(&get()).await.status, 200);
    denied(&site.send_raw(get().unsigned()).await);
}

#[tokio::test]
async fn a_key_for_one_bucket_sees_one_bucket() {
    let site = Site::start().await;
    let list = Ask::new(Method::GET, "/");
    let names = |answer: &Answer| {
        let names: Vec<&str> = answer.body.split("<Name>").skip(1).collect();
        let name = |text: &str| text.split('<').next().unwrap_or_default().to_owned();
        names.into_iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&site.done(&list).await), ["secrets", "village"]);
    assert_eq!(names(&site.send_as(&site.scoped, &list).await), ["village"]);
    // A page is filled with what the key reaches, and its end does not name the rest.
    let page = site.send_as(&site.scoped, &list.query("max-buckets", "1")).await;
    assert_eq!(names(&page), ["village"]);
    assert_eq!(page.element("ContinuationToken"), "", "{page:?}");
    for ask in [
        Ask::new(Method::HEAD, "/secrets"),
        Ask::new(Method::GET, "/secrets"),
        Ask::new(Method::PUT, "/secrets/k").body("x"),
        Ask::new(Method::PUT, "/another"),
    ] {
        assert_eq!(site.send_as(&site.scoped, &ask).await.status, 403, "{ask:?}");
    }
}

#[tokio::test]
async fn one_key_for_the_gate_and_the_store() {
    let site = Site::start().await;
    let inside = |effect: &str, key: &str| {
        format!(
            r#"{{"Effect":"{effect}","Principal":"*","Action":"s3:*Object","Resource":"arn:aws:s3:::village/{key}"}}"#
        )
    };
    // The same key, with its slash as it is and as `%2F`: one object, one decision.
    let path = "/village/a/b";
    let raw = |method: Method| Ask {
        wire_path: Some("/village/a%2Fb".to_owned()),
        ..Ask::new(method, path)
    };
    let written = site.send(&raw(Method::PUT).body("slash")).await;
    assert_eq!(written.status, 200, "{written:?}");
    let plain = site.send(&Ask::new(Method::GET, path)).await;
    assert_eq!((plain.status, plain.body.as_str()), (200, "slash"), "{plain:?}");
    let listed = site.done(&Ask::new(Method::GET, "/village").query("prefix", "a")).await;
    assert_eq!(listed.element("Key"), "a/b", "{listed:?}");
    site.policy("village", &inside("Deny", "a/*")).await;
    for ask in [raw(Method::GET), Ask::new(Method::GET, path), raw(Method::PUT).body("other")] {
        denied(&site.send(&ask).await);
    }
    // Encoded twice it is another key, for both.
    let twice = Ask::new(Method::PUT, "/village/a%2Fb").body("percent");
    assert_eq!(site.send(&twice).await.status, 200);
    site.policy("village", &inside("Deny", "a%2Fb")).await;
    denied(&site.send(&Ask::new(Method::GET, "/village/a%2Fb")).await);
    let plain = site.send(&raw(Method::GET)).await;
    assert_eq!((plain.status, plain.body.as_str()), (200, "slash"), "{plain:?}");
}
