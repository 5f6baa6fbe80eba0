//! Signatures of POST forms.
//!
//! A form is signed by signing its policy, a base64 document that says what the
//! other fields may be. Two schemes are in use:
//! - version 4: `x-amz-algorithm`, `x-amz-credential`, `x-amz-date`, `x-amz-signature`;
//! - version 2: `AWSAccessKeyId`, `signature` (HMAC-SHA1). Requests signed by
//!   version 2 are refused everywhere else; here nothing but the policy is
//!   signed, the policy ends by itself, and form generators still use it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::form::Fields;

/// What a form says about who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FormSignature {
    /// Nobody did.
    None,
    /// Somebody did, but fields are missing or malformed.
    Incomplete {
        /// Which field.
        field: &'static str,
    },
    /// Version 4.
    V4(SignatureV4),
    /// Version 2.
    V2 {
        /// `AWSAccessKeyId`.
        access_key: String,
        /// `signature`, base64.
        signature: String,
    },
}

/// The fields of a version 4 signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignatureV4 {
    /// First part of `x-amz-credential`.
    pub access_key: String,
    /// Second part, `yyyymmdd`.
    pub date: String,
    /// Third part.
    pub region: String,
    /// `x-amz-signature`, hexadecimal.
    pub signature: String,
}

impl FormSignature {
    /// Reads the fields; `policy` must be present if anything is signed.
    pub(crate) fn of(fields: &Fields) -> Self {
        let v4 = ["x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-date"];
        if v4.iter().any(|name| fields.get(name).is_some()) {
            return Self::v4(fields);
        }
        match (fields.get("awsaccesskeyid"), fields.get("signature")) {
            (Some(access_key), Some(signature)) => {
                Self::V2 { access_key: access_key.to_owned(), signature: signature.to_owned() }
            }
            (Some(_), None) => Self::Incomplete { field: "signature" },
            (None, Some(_)) => Self::Incomplete { field: "AWSAccessKeyId" },
            (None, None) if fields.get("policy").is_some() => {
                Self::Incomplete { field: "AWSAccessKeyId" }
            }
            (None, None) => Self::None,
        }
    }

    fn v4(fields: &Fields) -> Self {
        if fields.get("x-amz-algorithm") != Some("AWS4-HMAC-SHA256") {
            return Self::Incomplete { field: "x-amz-algorithm" };
        }
        let Some(signature) = fields.get("x-amz-signature") else {
            return Self::Incomplete { field: "x-amz-signature" };
        };
        let Some(when) = fields.get("x-amz-date") else {
            return Self::Incomplete { field: "x-amz-date" };
        };
        let credential = fields.get("x-amz-credential").unwrap_or_default();
        let parts: Vec<&str> = credential.split('/').collect();
        let &[access_key, date, region, "s3", "aws4_request"] = parts.as_slice() else {
            return Self::Incomplete { field: "x-amz-credential" };
        };
        if !when.starts_with(date) {
            return Self::Incomplete { field: "x-amz-date" };
        }
        Self::V4(SignatureV4 {
            access_key: access_key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            signature: signature.to_owned(),
        })
    }
}

impl SignatureV4 {
    /// Whether `secret` signed this base64 policy.
    pub(crate) fn verifies(&self, secret: &str, policy: &str) -> bool {
        let mut key = format!("AWS4{secret}").into_bytes();
        for step in [self.date.as_str(), self.region.as_str(), "s3", "aws4_request"] {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), step.as_bytes());
            key = tag.as_ref().to_vec();
        }
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), policy.as_bytes());
        hex::encode(tag.as_ref()).as_bytes().ct_eq(self.signature.as_bytes()).into()
    }
}

/// Whether `secret` signed this base64 policy by version 2.
pub(crate) fn v2_verifies(secret: &str, policy: &str, signature: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let tag = hmac::sign(&key, policy.as_bytes());
    STANDARD.encode(tag.as_ref()).as_bytes().ct_eq(signature.trim().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.set(name, (*value).to_owned());
        }
        fields
    }

    #[test]
    fn a_version_4_signature_is_checked() {
        let signature = SignatureV4 {
            access_key: "AKIAEXAMPLE".to_owned(),
            date: "20151229".to_owned(),
            region: "us-east-1".to_owned(),
            signature: String::new(),
        };
        let mut key = b"AWS4secret".to_vec();
        for step in ["20151229", "us-east-1", "s3", "aws4_request"] {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), step.as_bytes());
            key = tag.as_ref().to_vec();
        }
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), b"cG9saWN5");
        let signature = SignatureV4 { signature: hex::encode(tag.as_ref()), ..signature };
        assert!(signature.verifies("secret", "cG9saWN5"));
        assert!(!signature.verifies("Secret", "cG9saWN5"));
        assert!(!signature.verifies("secret", "cG9saWN6"));
        let other = SignatureV4 { region: "eu-west-1".to_owned(), ..signature };
        assert!(!other.verifies("secret", "cG9saWN5"));
    }

    #[test]
    fn a_version_2_signature_is_checked() {
        // RFC 2202, test case 2.
        let digest = hex::decode("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79").expect("hex");
        let signature = STANDARD.encode(digest);
        assert!(v2_verifies("Jefe", "what do ya want for nothing?", &signature));
        assert!(!v2_verifies("Jeff", "what do ya want for nothing?", &signature));
        assert!(!v2_verifies("Jefe", "what do ya want for nothing?", ""));
    }

    #[test]
    fn forms_say_who_signed() {
        let check = |pairs: &[(&str, &str)], expected: &str| {
            let found = match FormSignature::of(&fields(pairs)) {
                FormSignature::None => "none".to_owned(),
                FormSignature::Incomplete { field } => format!("no {field}"),
                FormSignature::V4(v4) => format!("v4 {}", v4.access_key),
                FormSignature::V2 { access_key, .. } => format!("v2 {access_key}"),
            };
            assert_eq!(found, expected, "{pairs:?}");
        };
        check(&[("key", "a")], "none");
        check(&[("policy", "a")], "no AWSAccessKeyId");
        check(&[("awsaccesskeyid", "A"), ("signature", "s")], "v2 A");
        check(&[("awsaccesskeyid", "A"), ("policy", "p")], "no signature");
        check(&[("signature", "s")], "no AWSAccessKeyId");
        let v4 = [
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", "A/20151229/us-east-1/s3/aws4_request"),
            ("x-amz-date", "20151229T000000Z"),
            ("x-amz-signature", "00"),
        ];
        check(&v4, "v4 A");
        check(&v4[..3], "no x-amz-signature");
        check(&v4[1..], "no x-amz-algorithm");
        let mut other_day = v4;
        other_day[2].1 = "20151230T000000Z";
        check(&other_day, "no x-amz-date");
        let mut other_service = v4;
        other_service[1].1 = "A/20151229/us-east-1/sts/aws4_request";
        check(&other_service, "no x-amz-credential");
    }
}
