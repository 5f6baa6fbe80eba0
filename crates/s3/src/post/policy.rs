//! The policy of a POST form: what the fields of an upload may be.
//!
//! ```text
//! { "expiration": "2030-01-01T00:00:00Z",
//!   "conditions": [ {"acl": "private"},
//!                   ["eq", "$key", "a"], ["starts-with", "$key", "user/"],
//!                   ["content-length-range", 0, 1024] ] }
//! ```
//! Names of fields and operators are compared without regard to case, the two
//! names at the top with it. Every field of the form must be in a condition,
//! except those that carry the signature, digests, and `x-ignore-*`.

use core::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use thiserror::Error;
use units::Timestamp;

use super::form::Fields;
use crate::limits::POLICY_CONDITIONS_MAX;

/// A policy that is no policy.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("invalid policy: {what}")]
pub(crate) struct PolicyError {
    /// What is wrong.
    pub what: String,
}

/// A form that its policy does not allow.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum PolicyBreach {
    /// The policy has ended.
    #[error("Invalid according to Policy: Policy expired.")]
    Expired,
    /// A condition does not hold.
    #[error("Invalid according to Policy: Policy Condition failed: {condition}")]
    Condition {
        /// The condition as it is written.
        condition: String,
    },
    /// A field is in no condition.
    #[error("Invalid according to Policy: Extra input fields: {field}")]
    ExtraField {
        /// The field.
        field: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Equals { field: String, value: String },
    StartsWith { field: String, prefix: String },
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
    length: Option<RangeInclusive<u64>>,
}

/// Fields that need no condition.
const EXEMPT: [&str; 6] =
    ["policy", "signature", "awsaccesskeyid", "x-amz-signature", "file", "submit"];

impl Policy {
    /// Reads the base64 document of the form's `policy` field.
    pub(crate) fn parse(encoded: &str) -> Result<Self, PolicyError> {
        let invalid = |what: &str| PolicyError { what: what.to_owned() };
        let json = STANDARD.decode(encoded.trim()).map_err(|_| invalid("it is not base64"))?;
        let document: Value =
            serde_json::from_slice(&json).map_err(|_| invalid("it is not JSON"))?;
        let expiration = document
            .get("expiration")
            .and_then(Value::as_str)
            .ok_or_else(|| invalid("it has no expiration"))?;
        let expiration = iso_date(expiration)
            .ok_or_else(|| invalid("its expiration is not an ISO 8601 date"))?;
        let list = document
            .get("conditions")
            .and_then(Value::as_array)
            .ok_or_else(|| invalid("it has no conditions"))?;
        if list.len() > POLICY_CONDITIONS_MAX {
            return Err(invalid("it has too many conditions"));
        }
        let mut policy = Self { expiration, conditions: Vec::new(), length: None };
        for condition in list {
            policy.add(condition).ok_or_else(|| PolicyError {
                what: format!("a condition is not understood: {condition}"),
            })?;
        }
        Ok(policy)
    }

    fn add(&mut self, condition: &Value) -> Option<()> {
        match condition {
            Value::Object(pairs) => {
                if pairs.is_empty() {
                    return None;
                }
                for (field, value) in pairs {
                    let field = field.trim_start_matches('$').to_lowercase();
                    self.conditions
                        .push(Condition::Equals { field, value: value.as_str()?.to_owned() });
                }
                Some(())
            }
            Value::Array(parts) => {
                let [operator, first, second] = parts.as_slice() else { return None };
                let operator = operator.as_str()?.to_lowercase();
                if operator == "content-length-range" {
                    let (least, most) = (first.as_u64()?, second.as_u64()?);
                    self.length = Some(match self.length.take() {
                        None => least..=most,
                        Some(other) => least.max(*other.start())..=most.min(*other.end()),
                    });
                    return Some(());
                }
                let field = first.as_str()?.strip_prefix('$')?.to_lowercase();
                let text = second.as_str()?.to_owned();
                self.conditions.push(match operator.as_str() {
                    "eq" => Condition::Equals { field, value: text },
                    "starts-with" => Condition::StartsWith { field, prefix: text },
                    _ => return None,
                });
                Some(())
            }
            _ => None,
        }
    }

    /// How long the file may be.
    pub(crate) fn length(&self) -> Option<&RangeInclusive<u64>> {
        self.length.as_ref()
    }

    /// Holds the policy against the form. `bucket` is the one in the address.
    pub(crate) fn check(
        &self,
        fields: &Fields,
        bucket: &str,
        now: Timestamp,
    ) -> Result<(), PolicyBreach> {
        if now >= self.expiration {
            return Err(PolicyBreach::Expired);
        }
        let value = |field: &str| match field {
            "bucket" => bucket,
            _ => fields.get(field).unwrap_or_default(),
        };
        for condition in &self.conditions {
            let (holds, written) = match condition {
                Condition::Equals { field, value: expected } => {
                    (value(field) == expected, format!("[\"eq\", \"${field}\", \"{expected}\"]"))
                }
                Condition::StartsWith { field, prefix } => (
                    starts_with(field, value(field), prefix),
                    format!("[\"starts-with\", \"${field}\", \"{prefix}\"]"),
                ),
            };
            if !holds {
                return Err(PolicyBreach::Condition { condition: written });
            }
        }
        let extra = fields.iter().map(|(name, _)| name).find(|name| !self.covers(name));
        match extra {
            Some(field) => Err(PolicyBreach::ExtraField { field: field.to_owned() }),
            None => Ok(()),
        }
    }

    fn covers(&self, name: &str) -> bool {
        EXEMPT.contains(&name)
            || name.starts_with("x-ignore-")
            || name.starts_with("x-amz-checksum-")
            || name == "x-amz-sdk-checksum-algorithm"
            || self.conditions.iter().any(|condition| match condition {
                Condition::Equals { field, .. } | Condition::StartsWith { field, .. } => {
                    field == name
                }
            })
    }
}

/// A content type may be a list, of which each must match.
fn starts_with(field: &str, value: &str, prefix: &str) -> bool {
    match field {
        "content-type" => value.split(',').all(|part| part.starts_with(prefix)),
        _ => value.starts_with(prefix),
    }
}

/// `yyyy-mm-ddThh:mm:ss[.fraction]Z` and nothing else.
fn iso_date(text: &str) -> Option<Timestamp> {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    if !text.contains('T') || !text.ends_with('Z') {
        return None;
    }
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(Timestamp::from_seconds(date.unix_timestamp()))
}

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Policy, PolicyError> {
        Policy::parse(&STANDARD.encode(json))
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.set(name, (*value).to_owned());
        }
        fields
    }

    const POLICY: &str = r#"{"expiration": "2030-01-01T00:00:00Z", "conditions": [
        {"bUcKeT": "b"}, ["StArTs-WiTh", "$KeY", "foo"], {"acl": "private"},
        ["starts-with", "$x-amz-meta-tag", ""], ["content-length-range", 1, 1024]]}"#;

    #[test]
    fn forms_are_held_against_the_policy() {
        let check = |pairs: &[(&str, &str)], bucket: &str, expected: &str| {
            let policy = parse(POLICY).expect("a policy");
            let now = Timestamp::from_seconds(1_700_000_000);
            let found = match policy.check(&fields(pairs), bucket, now) {
                Ok(()) => "ok".to_owned(),
                Err(PolicyBreach::Expired) => "expired".to_owned(),
                Err(PolicyBreach::Condition { condition }) => condition,
                Err(PolicyBreach::ExtraField { field }) => format!("extra {field}"),
            };
            assert_eq!(found, expected, "{pairs:?}");
        };
        let good = [("key", "foo.txt"), ("acl", "private"), ("policy", "…"), ("signature", "…")];
        check(&good, "b", "ok");
        check(&good, "c", "[\"eq\", \"$bucket\", \"b\"]");
        check(&[("key", "bar"), ("acl", "private")], "b", "[\"starts-with\", \"$key\", \"foo\"]");
        check(&[("key", "foo")], "b", "[\"eq\", \"$acl\", \"private\"]");
        let ignored = [("key", "foo"), ("acl", "private"), ("x-ignore-a", "1")];
        check(&ignored, "b", "ok");
        let digest = [("key", "foo"), ("acl", "private"), ("x-amz-checksum-sha256", "1")];
        check(&digest, "b", "ok");
        let extra = [("key", "foo"), ("acl", "private"), ("x-amz-meta-b", "1")];
        check(&extra, "b", "extra x-amz-meta-b");
        assert_eq!(parse(POLICY).expect("a policy").length(), Some(&(1..=1024)));
    }

    #[test]
    fn policies_end() {
        let policy = parse(POLICY).expect("a policy");
        let end = Timestamp::from_seconds(1_893_456_000);
        assert_eq!(policy.check(&Fields::default(), "b", end), Err(PolicyBreach::Expired));
    }

    #[test]
    fn what_is_no_policy() {
        let date = r#""expiration": "2030-01-01T00:00:00Z""#;
        for json in [
            "",
            "{",
            "[]",
            &format!("{{{date}}}"),
            r#"{"conditions": []}"#,
            r#"{"EXPIRATION": "2030-01-01T00:00:00Z", "conditions": []}"#,
            &format!(r#"{{{date}, "CONDITIONS": []}}"#),
            r#"{"expiration": "2030-01-01 00:00:00.5+00:00", "conditions": []}"#,
            &format!(r#"{{{date}, "conditions": [{{}}]}}"#),
            &format!(r#"{{{date}, "conditions": [["eq", "$key"]]}}"#),
            &format!(r#"{{{date}, "conditions": [["eq", "key", "a"]]}}"#),
            &format!(r#"{{{date}, "conditions": [["like", "$key", "a"]]}}"#),
            &format!(r#"{{{date}, "conditions": [["content-length-range", 0]]}}"#),
            &format!(r#"{{{date}, "conditions": [["content-length-range", -1, 0]]}}"#),
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
        assert!(Policy::parse("&&&").is_err());
        assert!(parse(&format!(r#"{{{date}, "conditions": []}}"#)).is_ok());
    }
}
