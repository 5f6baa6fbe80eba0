//! Policies, by tables: what is refused, and what the rest says.

use proptest::prelude::*;

use super::{Policy, PolicyError, Verdict};
use crate::fixtures::{BUCKET, OTHER, OWNER, allow_if, ask, bucket_with, caller, policy, request};
use crate::{Action, Caller};

const ALLOW: &str = r#""Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::archives/*""#;

/// What a statement says to an action on a key by the neighbour's user `alice`.
fn check(fields: &str, action: Action, key: Option<&str>, words: &str, expected: Verdict) {
    let document = policy(fields);
    let bucket = bucket_with(&document);
    let request = request(words);
    let found = bucket
        .policy
        .as_ref()
        .unwrap()
        .evaluate(&caller(OTHER, Some("alice")), &ask(action, &bucket, key, &request));
    assert_eq!(found, expected, "{fields}\n{action} {key:?} {words}");
}

fn holds(condition: &str, words: &str) -> bool {
    let document = allow_if(condition);
    let bucket = bucket_with(&document);
    let request = request(words);
    let ask = ask(Action::GetObject, &bucket, Some("rapports/2026.pdf"), &request);
    bucket.policy.as_ref().unwrap().evaluate(&caller(OTHER, Some("alice")), &ask) == Verdict::Allow
}

fn refused(document: &str) -> PolicyError {
    Policy::parse(document, BUCKET).expect_err(document)
}

#[test]
fn what_is_refused_says_why() {
    for (document, message) in [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ("{", "Policies must be valid JSON and the first byte must be '{'"),
        (
            r#"{"Statement":[],"Statement":[]}"#,
            "Policies must be valid JSON and the first byte must be '{'",
        ),
        ("{}", "Missing required field Statement"),
        (r#"{"Statement":[]}"#, "Missing required field Statement"),
        (
            r#"{"Version":"2020-01-01","Statement":[{}]}"#,
            "The policy must contain a valid version string",
        ),
        (r#"{"Statment":[{}]}"#, "Unknown field Statment"),
        (r#"{"Statement":[{}]}"#, "Missing required field Effect"),
    ] {
        assert_eq!(refused(document).to_string(), message, "{document}");
    }
    for (from, to, message) in [
        (r#""Effect":"Allow""#, r#""Effect":"Perhaps""#, "Invalid effect: Perhaps"),
        (r#","Action":"s3:GetObject""#, "", "Missing required field Action"),
        (r#""Principal":"*","#, "", "Missing required field Principal"),
        (r#","Resource":"arn:aws:s3:::archives/*""#, "", "Missing required field Resource"),
        ("s3:GetObject", "s3:GetObjekt", "Policy has invalid action"),
        ("s3:GetObject", "ec2:*", "Policy has invalid action"),
        ("s3:GetObject", "essaim:*", "Policy has invalid action"),
        ("archives/*", "autres/*", "Policy has invalid resource"),
        ("arn:aws:s3:::archives/*", "*", "Policy has invalid resource"),
        ("archives/*", "${aws:username}/*", "Policy has invalid resource"),
        ("archives/*", "archives", "Action does not apply to any resource(s) in statement"),
        ("s3:GetObject", "s3:ListBucket", "Action does not apply to any resource(s) in statement"),
        (r#""Principal":"*""#, r#""Principal":"bob""#, "Invalid principal in policy"),
        (r#""Principal":"*""#, r#""Principal":{}"#, "Invalid principal in policy"),
        (r#""Principal":"*""#, r#""Principal":{"AWS":[]}"#, "Invalid principal in policy"),
        (
            r#""Principal":"*""#,
            r#""Principal":{"AWS":"arn:aws:iam::x:user/a*"}"#,
            "Invalid principal in policy",
        ),
        (
            r#""Principal":"*""#,
            r#""Principal":{"AWS":"arn:aws:iam::x:group/a"}"#,
            "Invalid principal in policy",
        ),
        (
            r#""Principal":"*""#,
            r#""NotPrincipal":{"AWS":"arn:aws:iam::x:root"}"#,
            "Allow with NotPrincipal is not allowed.",
        ),
        (
            r#""Principal":"*""#,
            r#""Principal":"*","NotPrincipal":"*""#,
            "Statement has both Principal and NotPrincipal",
        ),
        (r#""Principal":"*""#, r#""Principal":"*","Extra":1"#, "Unknown field Extra"),
        (
            r#""Principal":"*""#,
            r#""Principal":"*","Condition":{"StringSame":{"aws:username":"a"}}"#,
            "Invalid Condition type : StringSame",
        ),
        (
            r#""Principal":"*""#,
            r#""Principal":"*","Condition":{"NullIfExists":{"aws:username":"true"}}"#,
            "Invalid Condition type : NullIfExists",
        ),
        (
            r#""Principal":"*""#,
            r#""Principal":"*","Condition":{"StringEquals":{"s3:nonsense":"a"}}"#,
            "Policy has an invalid condition key",
        ),
        (
            r#""Principal":"*""#,
            r#""Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"300.1.1.1"}}"#,
            "Invalid value for condition key aws:SourceIp",
        ),
        (
            r#""Principal":"*""#,
            r#""Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"maybe"}}"#,
            "Invalid value for condition key aws:SecureTransport",
        ),
    ] {
        assert!(ALLOW.contains(from), "{from}");
        let document = policy(&ALLOW.replace(from, to));
        assert_eq!(refused(&document).to_string(), message, "{document}");
    }
    let long = policy(&format!(r#"{ALLOW},"Sid":"{}""#, "a".repeat(20 * 1024)));
    assert_eq!(refused(&long), PolicyError::TooLarge);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(matches!(refused(&deep), PolicyError::NotJson { .. }));
}

#[test]
fn forms_that_are_taken() {
    for (from, to) in [
        (r#""Principal":"*""#, r#""Principal":{"AWS":"*"}"#),
        (
            r#""Principal":"*""#,
            r#""Principal":{"AWS":["arn:aws:iam::voisine:root","arn:aws:iam::x:user/a/b"]}"#,
        ),
        (
            r#""Principal":"*""#,
            r#""Principal":{"CanonicalUser":"0000000000000000000000000000000b"}"#,
        ),
        (r#""Principal":"*""#, r#""Principal":{"Service":"logging.s3.amazonaws.com"}"#),
        ("s3:GetObject", "*"),
        ("s3:GetObject", "S3:getobject"),
        ("s3:GetObject", "s3:Get*"),
        (r#""s3:GetObject""#, r#"["s3:GetObject","s3:ListBucket"]"#),
        ("archives/*", "*/*"),
        ("archives/*", "*"),
        ("archives/*", "archives*"),
        (r#""Principal":"*""#, r#""Principal":"*","Sid":"any name""#),
        (r#""Action""#, r#""NotAction""#),
    ] {
        let document = policy(&ALLOW.replace(from, to));
        assert!(Policy::parse(&document, BUCKET).is_ok(), "{document}");
    }
    let single = format!(r#"{{"Id":"x","Statement":{{{ALLOW}}}}}"#);
    assert!(Policy::parse(&single, BUCKET).is_ok());
}

#[test]
fn actions_and_resources_select() {
    use Action::{DeleteObject, GetObject, GetObjectAcl, ListBucket, PutObject};
    use Verdict::{Allow, Silent};
    check(ALLOW, GetObject, Some("a/b"), "", Allow);
    check(ALLOW, GetObjectAcl, Some("a/b"), "", Silent);
    check(&ALLOW.replace("s3:GetObject", "s3:Get*"), GetObjectAcl, Some("a"), "", Allow);
    let under = ALLOW.replace("archives/*", "archives/public/*");
    check(&under, GetObject, Some("public/a"), "", Allow);
    check(&under, GetObject, Some("private/a"), "", Silent);
    check(&under, GetObject, Some("public"), "", Silent);
    let list = ALLOW.replace("s3:GetObject", "*");
    check(&list, ListBucket, None, "", Silent);
    check(&list.replace("archives/*", "*"), ListBucket, None, "", Allow);
    let not_action = ALLOW.replace("Action", "NotAction");
    check(&not_action, GetObject, Some("a"), "", Silent);
    check(&not_action, PutObject, Some("a"), "", Allow);
    let not_resource =
        ALLOW.replace("Resource", "NotResource").replace("archives/*", "archives/p/*");
    check(&not_resource, GetObject, Some("p/a"), "", Silent);
    check(&not_resource, GetObject, Some("q/a"), "", Allow);
    check(&not_resource, DeleteObject, Some("q/a"), "", Silent);
}

#[test]
fn principals_select() {
    let verdict = |principal: &str, who: &Caller| {
        let deny = ALLOW.replace("Allow", "Deny").replace(r#""Principal":"*""#, principal);
        let document = policy(&deny);
        let bucket = bucket_with(&document);
        let request = request("");
        let ask = ask(Action::GetObject, &bucket, Some("a"), &request);
        bucket.policy.as_ref().unwrap().evaluate(who, &ask) == Verdict::Deny
    };
    let alice = caller(OTHER, Some("alice"));
    let root = caller(OTHER, None);
    let mayor = caller(OWNER, Some("mayor"));
    let anonymous = Caller::Anonymous;
    for (principal, expected) in [
        // alice, her root, mayor, anonymous
        (r#""Principal":"*""#, [true, true, true, true]),
        (r#""Principal":{"AWS":"arn:aws:iam::voisine:root"}"#, [true, true, false, false]),
        (
            r#""Principal":{"AWS":"arn:aws:iam::0000000000000000000000000000000b:user/alice"}"#,
            [true, false, false, false],
        ),
        (
            r#""Principal":{"AWS":"arn:aws:iam::voisine:user/path/alice"}"#,
            [true, false, false, false],
        ),
        (r#""Principal":{"AWS":"0000000000000000000000000000000a"}"#, [false, false, true, false]),
        (
            r#""Principal":{"CanonicalUser":"0000000000000000000000000000000b"}"#,
            [true, true, false, false],
        ),
        (r#""Principal":{"Service":"logging.s3.amazonaws.com"}"#, [false, false, false, false]),
        (r#""NotPrincipal":{"AWS":"arn:aws:iam::voisine:user/alice"}"#, [false, true, true, true]),
    ] {
        let found = [&alice, &root, &mayor, &anonymous].map(|who| verdict(principal, who));
        assert_eq!(found, expected, "{principal}");
    }
}

#[test]
pub(crate) fn a_deny_wins_in_any_order() {
    let deny = ALLOW.replace("Allow", "Deny");
    for statements in [format!("{{{ALLOW}}},{{{deny}}}"), format!("{{{deny}}},{{{ALLOW}}}")] {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let bucket = bucket_with(&document);
        let request = request("");
        let ask = ask(Action::GetObject, &bucket, Some("a"), &request);
        let verdict = bucket.policy.as_ref().unwrap().evaluate(&Caller::Anonymous, &ask);
        assert_eq!(verdict, Verdict::Deny);
    }
}

#[test]
pub(crate) fn every_condition_must_hold() {
    let both = r#""StringEquals":{"s3:prefix":"a","aws:username":"alice"}"#;
    assert!(holds(both, "?prefix=a"));
    assert!(!holds(both, "?prefix=b"));
    let two =
        r#""StringEquals":{"aws:username":"alice"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#;
    assert!(holds(two, "ip=10.1.2.3"));
    assert!(!holds(two, "ip=11.1.2.3"));
}

#[test]
fn operators() {
    for (condition, words, expected) in [
        (r#""StringEquals":{"s3:prefix":["a","b"]}"#, "?prefix=b", true),
        (r#""StringEquals":{"s3:prefix":"a*"}"#, "?prefix=ab", false),
        (r#""StringEquals":{"s3:prefix":"a*"}"#, "?prefix=a*", true),
        (r#""StringEquals":{"s3:prefix":"a"}"#, "", false),
        (r#""StringEqualsIfExists":{"s3:prefix":"a"}"#, "", true),
        (r#""StringEqualsIfExists":{"s3:prefix":"a"}"#, "?prefix=b", false),
        (r#""StringNotEquals":{"s3:prefix":["a","b"]}"#, "?prefix=b", false),
        (r#""StringNotEquals":{"s3:prefix":["a","b"]}"#, "?prefix=c", true),
        (r#""StringNotEquals":{"s3:prefix":"a"}"#, "", true),
        (r#""StringEqualsIgnoreCase":{"s3:prefix":"AÉ"}"#, "?prefix=aé", true),
        (r#""StringNotEqualsIgnoreCase":{"s3:prefix":"A"}"#, "?prefix=a", false),
        (r#""StringLike":{"s3:prefix":"a/*/c?"}"#, "?prefix=a/b/b/cd", true),
        (r#""StringNotLike":{"s3:prefix":"a*"}"#, "?prefix=ab", false),
        (r#""NumericLessThanEquals":{"s3:max-keys":"10"}"#, "?max-keys=10", true),
        (r#""NumericLessThan":{"s3:max-keys":10}"#, "?max-keys=10", false),
        (r#""NumericEquals":{"s3:max-keys":10}"#, "?max-keys=10.0", true),
        (r#""NumericEquals":{"s3:max-keys":10}"#, "?max-keys=ten", false),
        (r#""NumericNotEquals":{"s3:max-keys":10}"#, "?max-keys=11", true),
        (r#""NumericGreaterThan":{"s3:max-keys":10}"#, "?max-keys=11", true),
        (r#""NumericGreaterThanEquals":{"s3:max-keys":12}"#, "?max-keys=11", false),
        (r#""DateLessThan":{"aws:CurrentTime":"2026-03-01T12:00:01Z"}"#, "", true),
        (r#""DateLessThan":{"aws:CurrentTime":"2026-03-01T12:00:00Z"}"#, "", false),
        (r#""DateGreaterThan":{"aws:CurrentTime":"2026-03-01"}"#, "", true),
        (r#""DateGreaterThanEquals":{"aws:EpochTime":"1772366400"}"#, "", true),
        (r#""Bool":{"aws:SecureTransport":"true"}"#, "tls=true", true),
        (r#""Bool":{"aws:SecureTransport":true}"#, "tls=false", false),
        (r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.7"]}"#, "ip=192.0.2.7", true),
        (r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, "ip=::ffff:10.1.1.1", true),
        (r#""IpAddress":{"aws:SourceIp":"2001:db8::/32"}"#, "ip=2001:db8::1", true),
        (r#""NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, "ip=10.1.1.1", false),
        (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/al*"}"#, "", true),
        (r#""ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/al*"}"#, "", false),
        (r#""Null":{"s3:prefix":"true"}"#, "", true),
        (r#""Null":{"s3:prefix":"true"}"#, "?prefix=a", false),
        (r#""Null":{"s3:prefix":false}"#, "?prefix=a", true),
        (r#""ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["a","b"]}"#, "tag:a=1", true),
        (
            r#""ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["a","b"]}"#,
            "tag:a=1 tag:c=2",
            false,
        ),
        (r#""ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["a","b"]}"#, "", true),
        (
            r#""ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":["a","b"]}"#,
            "tag:a=1 tag:c=2",
            true,
        ),
        (r#""ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":["a","b"]}"#, "tag:c=2", false),
        (r#""ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":["a","b"]}"#, "", false),
        (
            r#""ForAnyValue:StringNotEquals":{"s3:RequestObjectTagKeys":["a"]}"#,
            "tag:a=1 tag:c=2",
            true,
        ),
        (
            r#""ForAllValues:StringNotEquals":{"s3:RequestObjectTagKeys":["a"]}"#,
            "tag:a=1 tag:c=2",
            false,
        ),
    ] {
        assert_eq!(holds(condition, words), expected, "{condition} {words}");
    }
}

/// Every operator on a key that the request has, and that it does not have (IAM User
/// Guide, "IAM JSON policy elements: Condition operators", "...IfExists", "Null").
#[test]
fn operators_on_a_key_that_may_be_absent() {
    // (operator, value, with TLS 1.1, with TLS 1.3, without TLS)
    for (operator, value, old, new, none) in [
        ("NumericLessThan", "1.2", true, false, false),
        ("NumericLessThanIfExists", "1.2", true, false, true),
        ("NumericLessThanEquals", "1.3", true, true, false),
        ("NumericGreaterThan", "1.2", false, true, false),
        ("NumericGreaterThanIfExists", "1.2", false, true, true),
        ("NumericGreaterThanEquals", "1.1", true, true, false),
        ("NumericEquals", "1.3", false, true, false),
        ("NumericEqualsIfExists", "1.3", false, true, true),
        ("NumericNotEquals", "1.3", true, false, true),
        ("NumericNotEqualsIfExists", "1.3", true, false, true),
        ("StringEquals", "1.3", false, true, false),
        ("StringEqualsIfExists", "1.3", false, true, true),
        ("StringNotEquals", "1.3", true, false, true),
        ("StringLike", "1.*", true, true, false),
        ("StringNotLikeIfExists", "1.*", false, false, true),
        ("Null", "true", false, false, true),
        ("Null", "false", true, true, false),
        ("ForAnyValue:NumericLessThan", "1.2", true, false, false),
        ("ForAnyValue:NumericLessThanIfExists", "1.2", true, false, true),
        ("ForAllValues:NumericLessThan", "1.2", true, false, true),
        ("ForAllValues:NumericLessThanIfExists", "1.2", true, false, true),
    ] {
        let condition = format!(r#""{operator}":{{"s3:TlsVersion":"{value}"}}"#);
        for (words, expected) in [("tls-version=1.1", old), ("tls-version=1.3", new), ("", none)] {
            assert_eq!(holds(&condition, words), expected, "{condition} {words}");
        }
    }
    // A key that no request has is one that is always absent.
    for (condition, expected) in [
        (r#""Null":{"aws:SourceVpc":"true"}"#, true),
        (r#""Null":{"aws:SourceVpc":"false"}"#, false),
        (r#""Null":{"aws:SourceVpc":["true","false"]}"#, true),
        (r#""StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}"#, true),
        (r#""StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-1"}"#, true),
        (r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}"#, true),
        (r#""ForAnyValue:StringLikeIfExists":{"aws:TagKeys":"a*"}"#, true),
    ] {
        assert_eq!(holds(condition, ""), expected, "{condition}");
    }
}

#[test]
fn keys() {
    for (key, value, words) in [
        ("aws:SourceIp", "10.0.0.1", "ip=10.0.0.1"),
        ("aws:Referer", "http://e.fr", "referer=http://e.fr"),
        ("aws:UserAgent", "curl", "user-agent=curl"),
        ("aws:username", "alice", ""),
        ("aws:userid", "0000000000000000000000000000000b:alice", ""),
        ("aws:PrincipalAccount", "0000000000000000000000000000000b", ""),
        ("aws:PrincipalType", "User", ""),
        ("aws:ResourceAccount", "0000000000000000000000000000000a", ""),
        ("s3:delimiter", "/", "?delimiter=/"),
        ("s3:max-keys", "5", "?max-keys=5"),
        ("s3:VersionId", "v1", "?versionId=v1"),
        ("s3:x-amz-acl", "public-read", "x-amz-acl=public-read"),
        ("s3:x-amz-copy-source", "source/k", "x-amz-copy-source=/source/k"),
        ("s3:x-amz-copy-source", "/source/k", "x-amz-copy-source=source/k"),
        ("s3:x-amz-copy-source", "source/clé", "x-amz-copy-source=/%73ource/cl%C3%A9?versionId=1"),
        ("s3:x-amz-metadata-directive", "COPY", "x-amz-metadata-directive=COPY"),
        ("s3:x-amz-server-side-encryption", "aws:kms", "x-amz-server-side-encryption=aws:kms"),
        ("s3:x-amz-grant-full-control", "id=x", "x-amz-grant-full-control=id=x"),
        ("s3:ExistingObjectTag/Secret", "no", "has:Secret=no"),
        ("s3:RequestObjectTag/Secret", "no", "tag:Secret=no"),
        ("S3:REQUESTOBJECTTAG/Secret", "no", "tag:Secret=no"),
        ("aws:RequestTag/Secret", "no", "tag:Secret=no"),
        ("s3:object-lock-mode", "GOVERNANCE", "x-amz-object-lock-mode=GOVERNANCE"),
        ("s3:object-lock-legal-hold", "ON", "x-amz-object-lock-legal-hold=ON"),
        (
            "s3:object-lock-remaining-retention-days",
            "2",
            "x-amz-object-lock-retain-until-date=2026-03-03T00:00:00Z",
        ),
        ("s3:if-none-match", "*", "if-none-match=*"),
        ("s3:signatureAge", "60000", "age=60"),
        ("s3:ObjectCreationOperation", "false", "creates=false"),
        ("s3:authType", "REST-HEADER", "auth=header"),
        ("s3:authType", "REST-QUERY-STRING", "auth=query"),
        ("s3:authType", "POST", "auth=form-v2"),
        ("s3:signatureversion", "AWS4-HMAC-SHA256", "auth=form"),
        ("s3:signatureversion", "AWS", "auth=form-v2"),
    ] {
        let condition = format!(r#""StringEquals":{{"{key}":"{value}"}}"#);
        assert!(holds(&condition, words), "{key} {words}");
        assert!(words.is_empty() || !holds(&condition, ""), "{key} without");
    }
    // The case of a tag's name counts.
    assert!(!holds(r#""StringEquals":{"s3:RequestObjectTag/secret":"no"}"#, "tag:Secret=no"));
}

#[test]
fn keys_that_no_request_has() {
    let first = |condition: &str| {
        let policy = Policy::parse(&allow_if(condition), BUCKET).unwrap();
        policy.key_without_source().map(str::to_owned)
    };
    for key in ["s3:LocationConstraint", "aws:SourceVpc", "aws:RequestTag/"] {
        let with = |operator: &str, value: &str| {
            first(&format!(r#""{operator}":{{"s3:prefix":"{value}","{key}":"{value}"}}"#))
        };
        for operator in ["StringEquals", "StringNotEquals", "ForAllValues:StringLike"] {
            assert_eq!(with(operator, "1").as_deref(), Some(key), "{operator}");
        }
        // What is said of its absence has a meaning.
        for operator in ["StringEqualsIfExists", "ForAnyValue:StringLikeIfExists"] {
            assert_eq!(with(operator, "1"), None, "{operator} {key}");
        }
        assert_eq!(with("Null", "true"), None, "{key}");
        // But only where it is said.
        let both = format!(r#""Null":{{"{key}":"false"}},"StringEquals":{{"{key}":"a"}}"#);
        assert_eq!(first(&both).as_deref(), Some(key));
    }
    for key in [
        "s3:TlsVersion",
        "s3:signatureAge",
        "s3:authType",
        "s3:ObjectCreationOperation",
        "aws:SourceIp",
        "aws:RequestTag/a",
        "AWS:UserName",
        "s3:ExistingObjectTag/a",
    ] {
        assert_eq!(first(&format!(r#""StringEquals":{{"{key}":"1"}}"#)), None, "{key}");
    }
}

#[test]
fn variables_follow_the_caller_and_need_the_new_version() {
    let home = ALLOW.replace("archives/*", "archives/home/${aws:username}/*");
    check(&home, Action::GetObject, Some("home/alice/a"), "", Verdict::Allow);
    check(&home, Action::GetObject, Some("home/bob/a"), "", Verdict::Silent);
    let document = policy(&home).replace("2012-10-17", "2008-10-17");
    let bucket = bucket_with(&document);
    let request = request("");
    let ask = ask(Action::GetObject, &bucket, Some("home/alice/a"), &request);
    let old = bucket.policy.as_ref().unwrap().evaluate(&caller(OTHER, Some("alice")), &ask);
    assert_eq!(old, Verdict::Silent);
    assert!(holds(
        r#""StringLike":{"s3:prefix":["home/${aws:username}/*"]}"#,
        "?prefix=home/alice/x"
    ));
    assert!(!holds(
        r#""StringLike":{"s3:prefix":["home/${aws:username}/*"]}"#,
        "?prefix=home/bob/x"
    ));
}

#[test]
fn what_is_public() {
    let public = |document: &str| Policy::parse(document, BUCKET).unwrap().is_public();
    assert!(public(&policy(ALLOW)));
    assert!(!public(&policy(&ALLOW.replace("Allow", "Deny"))));
    let fixed = ALLOW.replace(r#""*","Action"#, r#"{"AWS":"arn:aws:iam::voisine:root"},"Action"#);
    assert!(!public(&policy(&fixed)));
    for (condition, expected) in [
        (r#""IpAddress":{"aws:SourceIp":"10.0.0.0/32"}"#, false),
        (r#""IpAddress":{"aws:SourceIp":"0.0.0.0/0"}"#, true),
        (r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/1"]}"#, true),
        (r#""NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, true),
        (r#""IpAddressIfExists":{"aws:SourceIp":"10.0.0.0/8"}"#, true),
        (r#""StringEquals":{"aws:SourceVpc":"vpc-1"}"#, false),
        (r#""StringLike":{"aws:SourceVpc":"vpc-*"}"#, true),
        (r#""StringLike":{"aws:PrincipalArn":"arn:aws:iam::x:root"}"#, false),
        (r#""StringEquals":{"aws:Referer":"http://e.fr"}"#, true),
        (r#""Bool":{"aws:SecureTransport":"true"}"#, true),
    ] {
        assert_eq!(public(&allow_if(condition)), expected, "{condition}");
    }
}

/// Actions on objects of which one does not stand for another.
const ACTIONS: [Action; 4] =
    [Action::GetObject, Action::PutObject, Action::DeleteObject, Action::GetObjectTagging];

proptest! {
    #[test]
    fn no_document_panics(text in ".{0,200}") {
        let _ = Policy::parse(&text, BUCKET);
    }

    /// Documents that are nearly policies: words of the grammar in any order.
    #[test]
    fn no_near_policy_panics(words in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"Statement\"", "\"Effect\"", "\"Allow\"", "\"Deny\"",
        "\"Principal\"", "\"*\"", "\"Action\"", "\"s3:*\"", "\"Resource\"", "\"Version\"",
        "\"arn:aws:s3:::archives/*\"", "\"Condition\"", "\"StringLike\"", "\"s3:prefix\"",
        "\"${aws:username\"", "1e999", "null", "true", "\"2012-10-17\"", "\"AWS\"",
    ]), 0..40)) {
        let _ = Policy::parse(&words.concat(), BUCKET);
    }

    /// What is taken is evaluated without a panic, whatever the values.
    #[test]
    fn no_value_panics(
        operator in prop::sample::select(vec![
            "StringLike", "StringEquals", "NumericLessThan", "DateEquals", "Bool", "IpAddress",
            "ForAllValues:StringLike", "ForAnyValue:StringNotLike", "Null", "ArnLikeIfExists",
        ]),
        key in prop::sample::select(vec![
            "s3:prefix", "aws:SourceIp", "s3:max-keys", "aws:CurrentTime", "s3:RequestObjectTag/é",
        ]),
        value in "[a-z0-9*?${}:,'./-]{0,20}",
        found in "[^ =]{0,20}",
    ) {
        let condition = serde_json::json!({ operator: { key: value } }).to_string();
        let inner = condition.trim_start_matches('{').trim_end_matches('}');
        let document = allow_if(&format!("{inner}}}"));
        if let Ok(policy) = Policy::parse(&document, BUCKET) {
            let bucket = bucket_with(&document);
            let request = request(&format!("?prefix={found} ?max-keys={found} tag:é={found}"));
            let ask = ask(Action::GetObject, &bucket, Some(&found), &request);
            let _ = policy.evaluate(&Caller::Anonymous, &ask);
        }
    }

    /// Nothing is read that is longer than a policy may be, or nested deeper.
    #[test]
    fn what_is_read_is_bounded(
        open in prop::sample::select(vec!["[", "{\"a\":", "{\"Statement\":[", " ", "\"", "é"]),
        times in 0..30_000_usize,
    ) {
        let document = open.repeat(times);
        let read = Policy::parse(&document, BUCKET);
        prop_assert!(read.is_err());
        let too_large = read == Err(PolicyError::TooLarge);
        prop_assert_eq!(too_large, document.len() > crate::limits::POLICY_BYTES_MAX);
    }

    /// Statements mean what they say, in any order: a deny, else an allow, else nothing.
    #[test]
    fn statements_mean_what_they_say(
        statements in prop::collection::vec(
            (any::<bool>(), prop::sample::subsequence(ACTIONS.to_vec(), 1..3), "[ab]{0,2}"), 1..6,
        ),
        asked in prop::sample::select(ACTIONS.to_vec()),
        key in "[ab]{1,3}",
    ) {
        let of = |allows: bool, actions: &[Action], start: &str| {
            let actions: Vec<&str> = actions.iter().map(|action| action.name()).collect();
            serde_json::json!({
                "Effect": if allows { "Allow" } else { "Deny" },
                "Principal": "*",
                "Action": actions,
                "Resource": format!("arn:aws:s3:::{BUCKET}/{start}*"),
            })
        };
        let list: Vec<_> =
            statements.iter().map(|(allows, actions, start)| of(*allows, actions, start)).collect();
        let document = serde_json::json!({ "Statement": list }).to_string();
        let says = |wanted: bool| {
            statements.iter().any(|(allows, actions, start)| {
                *allows == wanted && actions.contains(&asked) && key.starts_with(start.as_str())
            })
        };
        let expected = match (says(false), says(true)) {
            (true, _) => Verdict::Deny,
            (false, true) => Verdict::Allow,
            (false, false) => Verdict::Silent,
        };
        let bucket = bucket_with(&document);
        let request = request("");
        let ask = ask(asked, &bucket, Some(&key), &request);
        let policy = Policy::parse(&document, BUCKET).expect("a policy");
        prop_assert_eq!(policy.evaluate(&caller(OTHER, Some("alice")), &ask), expected);
    }

    /// A resource names what a slow and simple reading of its stars names.
    #[test]
    fn wildcards_match_what_they_say(pattern in "[ab?*/]{1,7}", text in "[ab/é]{0,7}") {
        let found = crate::wildcard::Pattern::plain(&pattern).matches(&text);
        let letters: Vec<char> = pattern.chars().collect();
        let expected = is_like(&letters, &text.chars().collect::<Vec<_>>());
        prop_assert_eq!(found, expected);
        // The same within a policy, where it begins behind the bucket's name.
        let document = policy(&ALLOW.replace("archives/*", &format!("archives/{pattern}")));
        let bucket = bucket_with(&document);
        let request = request("");
        let ask = ask(Action::GetObject, &bucket, Some(&text), &request);
        let said = bucket.policy.as_ref().unwrap().evaluate(&Caller::Anonymous, &ask);
        prop_assert_eq!(said, if expected { Verdict::Allow } else { Verdict::Silent });
    }

    /// A condition holds for what it names and for nothing else: not for what cannot be
    /// read as what it is compared with, nor for what is not there.
    #[test]
    fn conditions_mean_what_they_say(
        comparison in 0..COMPARISONS.len(),
        wanted in -3..4_i32,
        found in prop_oneof![
            3 => (-3..4_i32).prop_map(|found| Some(found.to_string())),
            1 => "[a-z*?.:/-]{1,6}".prop_map(Some),
            1 => Just(None),
        ],
        allows in any::<bool>(),
    ) {
        let (operator, fits) = COMPARISONS[comparison];
        let value = found.as_deref().and_then(|found| found.parse().ok());
        let expected = value.is_some_and(|value| fits(value, wanted));
        let condition = format!(r#""{operator}":{{"s3:max-keys":"{wanted}"}}"#);
        let words = found.map(|found| format!("?max-keys={found}")).unwrap_or_default();
        prop_assert_eq!(holds(&condition, &words), expected, "{} {}", &condition, &words);
        // Beside a condition that holds, or does not, it is no other.
        let both = format!(r#"{condition},"StringEqualsIgnoreCase":{{"aws:username":"alice"}}"#);
        prop_assert_eq!(holds(&both, &words), expected, "{} {}", &both, &words);
        let both = format!(r#"{condition},"StringEqualsIgnoreCase":{{"aws:username":"bob"}}"#);
        prop_assert!(!holds(&both, &words), "{both} {words}");
        // And it narrows a denial as it narrows an allowance.
        let effect = if allows { "Allow" } else { "Deny" };
        let document = allow_if(&condition).replace("Allow", effect);
        let bucket = bucket_with(&document);
        let request = request(&words);
        let ask = ask(Action::GetObject, &bucket, Some("rapports/2026.pdf"), &request);
        let said = bucket.policy.as_ref().unwrap().evaluate(&caller(OTHER, Some("alice")), &ask);
        prop_assert_eq!(said, match (expected, allows) {
            (true, true) => Verdict::Allow,
            (true, false) => Verdict::Deny,
            (false, _) => Verdict::Silent,
        });
    }
}

/// Whether a number that is found fits the one that is wanted.
type Fits = fn(i32, i32) -> bool;

/// Operators, and what they say of a number that is there.
const COMPARISONS: [(&str, Fits); 7] = [
    ("StringEquals", |found, wanted| found == wanted),
    ("StringLike", |found, wanted| found == wanted),
    ("NumericEquals", |found, wanted| found == wanted),
    ("NumericLessThan", |found, wanted| found < wanted),
    ("NumericLessThanEquals", |found, wanted| found <= wanted),
    ("NumericGreaterThan", |found, wanted| found > wanted),
    ("NumericGreaterThanEquals", |found, wanted| found >= wanted),
];

/// Whether a text is what a pattern says, by trying everything.
fn is_like(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=text.len()).any(|taken| is_like(rest, &text[taken..])),
        (['?', rest @ ..], [_, text @ ..]) => is_like(rest, text),
        ([wanted, rest @ ..], [found, text @ ..]) => wanted == found && is_like(rest, text),
        _ => false,
    }
}
