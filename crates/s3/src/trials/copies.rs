//! Copies: the source is judged by its own bucket's rules, the tags by theirs.

use http::Method;

use super::site::{ADDRESS, Ask, Site};

const ELSEWHERE: [u8; 4] = [198, 51, 100, 7];

fn object(bucket: &str, key: &str) -> Ask {
    Ask::new(Method::PUT, &format!("/{bucket}/{key}"))
}

fn copy(bucket: &str, key: &str, source: &str) -> Ask {
    object(bucket, key).header("x-amz-copy-source", source)
}

/// Begins an upload and gives a copy into its first part.
async fn part_copy(site: &Site, bucket: &str, source: &str) -> Ask {
    let begun = Ask::new(Method::POST, &format!("/{bucket}/parts")).query("uploads", "");
    let upload = site.done(&begun).await.element("UploadId").to_owned();
    copy(bucket, "parts", source).query("partNumber", "1").query("uploadId", &upload)
}

fn deny(condition: &str) -> String {
    format!(
        r#"{{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::village/*","Condition":{{{condition}}}}}"#
    )
}

#[tokio::test]
async fn the_sources_policy_sees_the_request() {
    let site = Site::start().await;
    // The target has no policy at all.
    for ask in
        [copy("secrets", "copy", "/village/k"), part_copy(&site, "secrets", "/village/k").await]
    {
        site.policy("village", &deny(r#""NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}"#)).await;
        let answer = site.send_from(ADDRESS, ask.signed(&site.signer)).await;
        assert_eq!(answer.status, 200, "{ask:?}: {answer:?}");
        let answer = site.send_from(ELSEWHERE, ask.signed(&site.signer)).await;
        assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{ask:?}: {answer:?}");

        site.policy("village", &deny(r#""IpAddress":{"aws:SourceIp":"198.51.100.7"}"#)).await;
        let answer = site.send_from(ELSEWHERE, ask.signed(&site.signer)).await;
        assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{ask:?}: {answer:?}");

        let presigned = deny(r#""StringEquals":{"s3:authType":"REST-QUERY-STRING"}"#);
        site.policy("village", &presigned).await;
        let answer = site.send(&ask).await;
        assert_eq!(answer.status, 200, "{ask:?}: {answer:?}");
        // What a header says is said in the query of a presigned URL.
        let mut said = ask.clone();
        for (name, value) in core::mem::take(&mut said.headers) {
            said = said.query(&name, &value);
        }
        let answer = site.send_raw(said.presigned(&site.signer, "60")).await;
        assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{said:?}: {answer:?}");
    }
}

#[tokio::test]
async fn the_sources_version_is_a_version_of_the_source() {
    let site = Site::start().await;
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    site.done(&Ask::new(Method::PUT, "/village").query("versioning", "").body(versioning)).await;
    let versions = [
        site.done(&object("village", "v").body("1")).await.header("x-amz-version-id").to_owned(),
        site.done(&object("village", "v").body("2")).await.header("x-amz-version-id").to_owned(),
    ];
    let condition = format!(r#""StringEquals":{{"s3:VersionId":"{}"}}"#, versions[0]);
    let rule = deny(&condition).replace("s3:GetObject", "s3:GetObjectVersion");
    site.policy("village", &rule).await;
    for (version, status) in [(&versions[0], 403), (&versions[1], 200)] {
        let source = format!("/village/v?versionId={version}");
        let answer = site.send(&copy("secrets", "copy", &source)).await;
        assert_eq!(answer.status, status, "{source}: {answer:?}");
    }
}

#[tokio::test]
async fn a_key_for_one_bucket_copies_nothing_out_of_another() {
    let site = Site::start().await;
    site.done(&object("secrets", "k").body("hidden")).await;
    for ask in
        [copy("village", "copy", "/secrets/k"), part_copy(&site, "village", "/secrets/k").await]
    {
        let answer = site.send_as(&site.scoped, &ask).await;
        assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{ask:?}: {answer:?}");
        let answer = site.send_as(&site.other, &ask).await;
        assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{ask:?}: {answer:?}");
        assert_eq!(site.send(&ask).await.status, 200, "{ask:?}");
    }
}

#[tokio::test]
async fn whoever_may_write_and_not_read_copies_no_part() {
    let site = Site::start().await;
    // The stranger may write into one bucket, and read nothing of the other.
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::secrets/*"}"#;
    site.policy("secrets", statement).await;
    let part = part_copy(&site, "secrets", "/village/k").await;
    let answer = site.send_as(&site.other, &part).await;
    assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{answer:?}");
    let read = statement.replace("secrets", "village").replace("PutObject", "GetObject");
    site.policy("village", &read).await;
    let answer = site.send_as(&site.other, &part).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn allow(bucket: &str, actions: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":"*","Action":[{actions}],"Resource":"arn:aws:s3:::{bucket}/*"}}"#
    )
}

async fn tags_of(site: &Site, path: &str) -> String {
    let read = Ask::new(Method::GET, path).query("tagging", "");
    site.send_as(&site.other, &read).await.element("Key").to_owned()
}

#[tokio::test]
async fn tags_are_copied_by_who_may_read_and_write_them() {
    let site = Site::start().await;
    let bucket = site.send_as(&site.other, &Ask::new(Method::PUT, "/mill")).await;
    assert_eq!(bucket.status, 200, "{bucket:?}");
    site.done(&object("village", "tagged").body("t").header("x-amz-tagging", "secret=1")).await;
    let tagged = copy("mill", "copy", "/village/tagged");

    // To read the object is not to read its tags.
    site.policy("village", &allow("village", r#""s3:GetObject""#)).await;
    let answer = site.send_as(&site.other, &tagged).await;
    assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{answer:?}");
    let plain = site.send_as(&site.other, &copy("mill", "copy", "/village/k")).await;
    assert_eq!(plain.status, 200, "an object without tags needs no right to any: {plain:?}");
    let replaced = tagged.clone().header("x-amz-tagging-directive", "REPLACE");
    let replaced = site.send_as(&site.other, &replaced).await;
    assert_eq!(replaced.status, 200, "{replaced:?}");
    assert_eq!(tags_of(&site, "/mill/copy").await, "");

    site.policy("village", &allow("village", r#""s3:GetObject","s3:GetObjectTagging""#)).await;
    let answer = site.send_as(&site.other, &tagged).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(tags_of(&site, "/mill/copy").await, "secret");

    // To write an object is not to write its tags.
    site.policy("secrets", &allow("secrets", r#""s3:PutObject""#)).await;
    let out = copy("secrets", "copy", "/mill/copy");
    let answer = site.send_as(&site.other, &out).await;
    assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{answer:?}");
    site.policy("secrets", &allow("secrets", r#""s3:PutObject","s3:PutObjectTagging""#)).await;
    let answer = site.send_as(&site.other, &out).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let copied = site.done(&Ask::new(Method::GET, "/secrets/copy").query("tagging", "")).await;
    assert_eq!(copied.element("Key"), "secret", "{copied:?}");
}
