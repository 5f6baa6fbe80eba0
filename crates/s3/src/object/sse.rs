//! Server-side encryption headers.
//!
//! At rest everything is sealed whatever is asked; the headers choose which key
//! seals besides (SSE-C) and what the answers say (SSE-S3, SSE-KMS).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::Encryption;
use http::{HeaderMap, HeaderName, HeaderValue};
use objects::{CustomerKey, EncryptionAsk};
use s3s::{S3Result, s3_error};
use zeroize::Zeroizing;

use super::header_text;
use crate::Face;
use crate::gate::{Bucket, Judge};
use crate::settings::encryption;

const ALGORITHM: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const CUSTOMER_ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";
const CUSTOMER_KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-md5";

/// What a write asks for, or else the bucket's default.
pub(crate) fn asked_in(face: &Face, headers: &HeaderMap, judge: &Judge) -> S3Result<EncryptionAsk> {
    match (asked(headers)?, &judge.bucket) {
        (EncryptionAsk::Unasked, Some(bucket)) => default_of(bucket),
        (EncryptionAsk::Customer(_), Some(bucket))
            if !bucket.facts.customer_keys().unwrap_or(face.default_customer_keys()) =>
        {
            Err(s3_error!(
                AccessDenied,
                "Server Side Encryption with Customer provided keys is not allowed in this bucket"
            ))
        }
        (asked, _) => Ok(asked),
    }
}

fn default_of(bucket: &Bucket) -> S3Result<EncryptionAsk> {
    let Some(document) = encryption::of_bucket(bucket)? else {
        return Ok(EncryptionAsk::Unasked);
    };
    let rule = document.rules.first();
    let default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default.as_ref());
    Ok(match default {
        Some(default) if default.sse_algorithm.as_str().starts_with("aws:kms") => {
            EncryptionAsk::TenantKey {
                name: default.kms_master_key_id.clone(),
                context: None,
                bucket_key: rule.and_then(|rule| rule.bucket_key_enabled).unwrap_or(false),
            }
        }
        Some(_) => EncryptionAsk::SiteManaged,
        None => EncryptionAsk::Unasked,
    })
}

/// What the headers of a write ask for.
fn asked(headers: &HeaderMap) -> S3Result<EncryptionAsk> {
    let algorithm = header_text(headers, ALGORITHM);
    let kms_key = header_text(headers, KMS_KEY);
    let customer = customer_key(headers, "x-amz-")?;
    match (algorithm, kms_key, customer) {
        (None, None, None) => Ok(EncryptionAsk::Unasked),
        (None, None, Some(key)) => Ok(EncryptionAsk::Customer(key)),
        (_, _, Some(_)) => Err(s3_error!(
            InvalidArgument,
            "Server Side Encryption with Customer provided key is incompatible with the \
             encryption method specified"
        )),
        (Some("AES256"), None, None) => Ok(EncryptionAsk::SiteManaged),
        (Some("aws:kms" | "aws:kms:dsse"), Some(name), None) => {
            let text = |name: &str| header_text(headers, name);
            Ok(EncryptionAsk::TenantKey {
                name: Some(name.to_owned()),
                context: text("x-amz-server-side-encryption-context").map(str::to_owned),
                bucket_key: text("x-amz-server-side-encryption-bucket-key-enabled")
                    .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            })
        }
        (Some("aws:kms" | "aws:kms:dsse"), None, None) => Err(s3_error!(
            InvalidArgument,
            "Server Side Encryption with aws:kms needs the name of a key in {KMS_KEY}"
        )),
        (Some("AES256") | None, Some(_), None) => Err(s3_error!(
            InvalidArgument,
            "Server Side Encryption with AWS KMS managed key requires HTTP header \
             x-amz-server-side-encryption : aws:kms"
        )),
        (Some(_), _, None) => {
            Err(s3_error!(InvalidArgument, "The encryption method specified is not supported"))
        }
    }
}

/// A read names no key but the customer's: the others are found with the object.
pub(crate) fn refuse_on_read(headers: &HeaderMap) -> S3Result {
    if header_text(headers, ALGORITHM).is_some() || header_text(headers, KMS_KEY).is_some() {
        return Err(s3_error!(
            InvalidArgument,
            "x-amz-server-side-encryption header is not supported for this operation."
        ));
    }
    Ok(())
}

/// The key that a customer brings; `prefix` is `x-amz-` or `x-amz-copy-source-`.
pub(crate) fn customer_key(headers: &HeaderMap, prefix: &str) -> S3Result<Option<CustomerKey>> {
    let text = |name: &str| {
        header_text(headers, &format!("{prefix}server-side-encryption-customer-{name}"))
    };
    match (text("algorithm"), text("key"), text("key-md5")) {
        (None, None, None) => Ok(None),
        (None, _, _) => Err(s3_error!(
            InvalidArgument,
            "Requests specifying Server Side Encryption with Customer provided keys must provide \
             a valid encryption algorithm."
        )),
        (Some(algorithm), _, _) if algorithm != "AES256" => Err(s3_error!(
            InvalidEncryptionAlgorithmError,
            "The Encryption request you specified is not valid. Supported value: AES256."
        )),
        (Some(_), None, _) => Err(s3_error!(
            InvalidArgument,
            "Requests specifying Server Side Encryption with Customer provided keys must provide \
             an appropriate secret key."
        )),
        (Some(_), Some(_), None) => Err(s3_error!(
            InvalidArgument,
            "Requests specifying Server Side Encryption with Customer provided keys must provide \
             the client calculated MD5 of the secret key."
        )),
        (Some(_), Some(key), Some(md5)) => parse_customer_key(key, md5).map(Some),
    }
}

fn parse_customer_key(key: &str, md5: &str) -> S3Result<CustomerKey> {
    let invalid =
        || s3_error!(InvalidArgument, "The secret key was invalid for the specified algorithm.");
    let decoded = Zeroizing::new(STANDARD.decode(key).map_err(|_| invalid())?);
    let mut bytes = Zeroizing::new([0_u8; 32]);
    if decoded.len() != bytes.len() {
        return Err(invalid());
    }
    bytes.copy_from_slice(&decoded);
    let mismatch = || {
        s3_error!(
            InvalidArgument,
            "The calculated MD5 hash of the key did not match the hash that was provided."
        )
    };
    let md5 = STANDARD.decode(md5).ok().and_then(|md5| <[u8; 16]>::try_from(md5).ok());
    CustomerKey::new(bytes, md5.ok_or_else(mismatch)?).ok_or_else(mismatch)
}

fn kms(add: &mut impl FnMut(&'static str, &str), key: &str, bucket_key: bool) {
    add(ALGORITHM, "aws:kms");
    add(KMS_KEY, key);
    if bucket_key {
        add("x-amz-server-side-encryption-bucket-key-enabled", "true");
    }
}

/// Says in an answer how the object is sealed.
pub(crate) fn answer(headers: &mut HeaderMap, encryption: &Encryption) {
    let mut add = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    match encryption {
        Encryption::Unasked | Encryption::Managed => add(ALGORITHM, "AES256"),
        Encryption::Kms { key, bucket_key, .. } => kms(&mut add, key, *bucket_key),
        Encryption::Named { key, bucket_key, .. } => kms(&mut add, key.as_str(), *bucket_key),
        Encryption::Customer { key_md5, .. } => {
            add(CUSTOMER_ALGORITHM, "AES256");
            add(CUSTOMER_KEY_MD5, &STANDARD.encode(key_md5.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = (
        "x-amz-server-side-encryption-customer-key",
        "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=",
    );
    const KEY_MD5: (&str, &str) = (CUSTOMER_KEY_MD5, "DWygnHRtgiJ77HCm+1rvHw==");
    const CUSTOMER: (&str, &str) = (CUSTOMER_ALGORITHM, "AES256");

    fn check(pairs: &[(&'static str, &'static str)], expected: &str) {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let found = match asked(&headers) {
            Err(error) => error.code().as_str().to_owned(),
            Ok(EncryptionAsk::Unasked) => "unasked".to_owned(),
            Ok(EncryptionAsk::SiteManaged) => "site".to_owned(),
            Ok(EncryptionAsk::TenantKey { name, .. }) => {
                format!("key {}", name.unwrap_or_default())
            }
            Ok(EncryptionAsk::Customer(_)) => "customer".to_owned(),
        };
        assert_eq!(found, expected, "{pairs:?}");
    }

    #[test]
    fn what_can_be_asked() {
        check(&[], "unasked");
        check(&[(ALGORITHM, "AES256")], "site");
        check(&[(ALGORITHM, "aws:kms"), (KMS_KEY, "k1")], "key k1");
        check(&[CUSTOMER, KEY, KEY_MD5], "customer");
    }

    #[test]
    fn contradictions_and_omissions_are_refused() {
        for pairs in [
            &[(ALGORITHM, "aes:kms")][..],
            &[(ALGORITHM, "aws:kms")],
            &[(ALGORITHM, "AES256"), (KMS_KEY, "k1")],
            &[(KMS_KEY, "k1")],
            &[(ALGORITHM, "AES256"), CUSTOMER, KEY, KEY_MD5],
            &[(ALGORITHM, "aws:kms"), (KMS_KEY, "k1"), CUSTOMER, KEY, KEY_MD5],
            &[CUSTOMER],
            &[CUSTOMER, KEY],
            &[KEY, KEY_MD5],
            &[CUSTOMER, KEY, (CUSTOMER_KEY_MD5, "AAAAAAAAAAAAAAAAAAAAAA==")],
            &[CUSTOMER, KEY, (CUSTOMER_KEY_MD5, "nonsense")],
            &[CUSTOMER, ("x-amz-server-side-encryption-customer-key", "AAAA"), KEY_MD5],
        ] {
            check(pairs, "InvalidArgument");
        }
        check(&[(CUSTOMER_ALGORITHM, "AES192"), KEY, KEY_MD5], "InvalidEncryptionAlgorithmError");
    }
}
