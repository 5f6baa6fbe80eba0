//! Conditions: comparisons of what the request says with what the policy says
//! (IAM User Guide, "IAM JSON policy elements: Condition operators").

use core::net::IpAddr;

use ipnet::IpNet;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::PolicyError;
use super::context::{Context, is_known};
use super::json::Json;
use crate::limits::POLICY_VALUES_MAX;
use crate::wildcard::Pattern;

/// What the values of a key are compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    String,
    StringIgnoreCase,
    Like,
    Numeric(Order),
    Date(Order),
    Bool,
    Ip,
    Null,
}

/// How two ordered values must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd>(self, found: &T, wanted: &T) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
        }
    }
}

/// How several values of a key count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// The key has one value.
    One,
    /// Every value must fit; true if there is none.
    All,
    /// One value must fit; false if there is none.
    Any,
}

/// A value of the policy, ready to compare with.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Pattern(Pattern),
    Number(f64),
    /// Seconds since the epoch.
    Date(i64),
    Bool(bool),
    Net(IpNet),
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub compare: Compare,
    pub negated: bool,
    pub if_exists: bool,
    pub quantifier: Quantifier,
    /// As it was written; the case of a tag's name counts.
    pub key: String,
    wanted: Vec<Wanted>,
}

impl Condition {
    /// Reads the value of `Condition`.
    pub fn parse_all(value: &Json, variables: bool) -> Result<Vec<Self>, PolicyError> {
        let invalid = PolicyError::InvalidField { field: "Condition" };
        let Json::Object(operators) = value else { return Err(invalid) };
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let Json::Object(keys) = keys else { return Err(invalid) };
            for (key, values) in keys {
                if conditions.len() >= POLICY_VALUES_MAX {
                    return Err(invalid);
                }
                conditions.push(Self::parse(operator, key, values, variables)?);
            }
        }
        Ok(conditions)
    }

    fn parse(
        operator: &str,
        key: &str,
        values: &Json,
        variables: bool,
    ) -> Result<Self, PolicyError> {
        let unknown = || PolicyError::ConditionOperator { operator: operator.to_owned() };
        let (quantifier, rest) = match operator.split_once(':') {
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(_) => return Err(unknown()),
            None => (Quantifier::One, operator),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let (compare, negated) = operator_of(name).ok_or_else(unknown)?;
        if compare == Compare::Null && (if_exists || quantifier != Quantifier::One) {
            return Err(unknown());
        }
        if !is_known(&key.to_lowercase()) {
            return Err(PolicyError::ConditionKey { key: key.to_owned() });
        }
        let values = match values {
            Json::Array(values) => values.as_slice(),
            one => core::slice::from_ref(one),
        };
        let bad_value = || PolicyError::ConditionValue { key: key.to_owned() };
        if values.is_empty() || values.len() > POLICY_VALUES_MAX {
            return Err(bad_value());
        }
        let wanted = values
            .iter()
            .map(|value| wanted(compare, value, variables).ok_or_else(bad_value))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { compare, negated, if_exists, quantifier, key: key.to_owned(), wanted })
    }

    /// Whether it says what holds where the request does not have the key.
    pub fn minds_absence(&self) -> bool {
        self.if_exists || self.compare == Compare::Null
    }

    /// Whether it holds for a request.
    pub fn holds(&self, context: &Context<'_>) -> bool {
        let found = context.values(&self.key);
        if self.compare == Compare::Null {
            let absent = found.is_none_or(|values| values.is_empty());
            return self.wanted.contains(&Wanted::Bool(absent));
        }
        let Some(found) = found.filter(|values| !values.is_empty()) else {
            return match self.quantifier {
                Quantifier::All => true,
                Quantifier::Any => self.if_exists,
                Quantifier::One => self.if_exists || self.negated,
            };
        };
        let fits = |value: &String| {
            self.wanted.iter().any(|wanted| self.fits(value, wanted, context)) != self.negated
        };
        match (self.quantifier, self.negated) {
            (Quantifier::All, _) | (Quantifier::One, true) => found.iter().all(fits),
            (Quantifier::Any, _) | (Quantifier::One, false) => found.iter().any(fits),
        }
    }

    fn fits(&self, found: &str, wanted: &Wanted, context: &Context<'_>) -> bool {
        match (wanted, self.compare) {
            (Wanted::Pattern(pattern), Compare::StringIgnoreCase) => {
                pattern.matches_ignoring_case(found, context)
            }
            (Wanted::Pattern(pattern), _) => pattern.matches_in(found, context),
            (Wanted::Number(wanted), Compare::Numeric(order)) => {
                number(found).is_some_and(|found| order.holds(&found, wanted))
            }
            (Wanted::Date(wanted), Compare::Date(order)) => {
                date(found).is_some_and(|found| order.holds(&found, wanted))
            }
            (Wanted::Bool(wanted), _) => found.eq_ignore_ascii_case(&wanted.to_string()),
            (Wanted::Net(net), _) => {
                found.parse::<IpAddr>().is_ok_and(|ip| net.contains(&ip.to_canonical()))
            }
            _ => false,
        }
    }

    /// Whether it ties access to something fixed, by AWS's definition of "not
    /// public" (S3 User Guide, "The meaning of public").
    pub fn ties(&self) -> bool {
        if self.negated || self.if_exists || self.quantifier == Quantifier::All {
            return false;
        }
        let key = self.key.to_lowercase();
        if key == "aws:sourceip" {
            return self.compare == Compare::Ip && self.wanted.iter().all(is_narrow);
        }
        let tying = [
            "aws:principalaccount",
            "aws:principalarn",
            "aws:principalorgid",
            "aws:sourceaccount",
            "aws:sourcearn",
            "aws:sourceowner",
            "aws:sourcevpc",
            "aws:sourcevpce",
            "aws:userid",
            "s3:dataaccesspointaccount",
            "s3:dataaccesspointarn",
            "s3:x-amz-server-side-encryption-aws-kms-key-id",
        ];
        let fixed = |wanted: &Wanted| match wanted {
            Wanted::Pattern(pattern) => pattern.is_fixed(),
            _ => false,
        };
        tying.contains(&key.as_str())
            && matches!(self.compare, Compare::String | Compare::StringIgnoreCase | Compare::Like)
            && self.wanted.iter().all(fixed)
    }
}

/// Ranges wider than /8 (IPv4) or /32 (IPv6) count as public, private ones never.
fn is_narrow(wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Net(IpNet::V4(net)) => net.prefix_len() >= 8,
        Wanted::Net(IpNet::V6(net)) => net.prefix_len() >= 32,
        _ => false,
    }
}

fn operator_of(name: &str) -> Option<(Compare, bool)> {
    Some(match name {
        "StringEquals" | "BinaryEquals" => (Compare::String, false),
        "StringNotEquals" => (Compare::String, true),
        "StringEqualsIgnoreCase" => (Compare::StringIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Compare::StringIgnoreCase, true),
        // ArnEquals and ArnLike are the same comparison (IAM User Guide).
        "StringLike" | "ArnEquals" | "ArnLike" => (Compare::Like, false),
        "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => (Compare::Like, true),
        "NumericEquals" => (Compare::Numeric(Order::Equal), false),
        "NumericNotEquals" => (Compare::Numeric(Order::Equal), true),
        "NumericLessThan" => (Compare::Numeric(Order::Less), false),
        "NumericLessThanEquals" => (Compare::Numeric(Order::LessOrEqual), false),
        "NumericGreaterThan" => (Compare::Numeric(Order::Greater), false),
        "NumericGreaterThanEquals" => (Compare::Numeric(Order::GreaterOrEqual), false),
        "DateEquals" => (Compare::Date(Order::Equal), false),
        "DateNotEquals" => (Compare::Date(Order::Equal), true),
        "DateLessThan" => (Compare::Date(Order::Less), false),
        "DateLessThanEquals" => (Compare::Date(Order::LessOrEqual), false),
        "DateGreaterThan" => (Compare::Date(Order::Greater), false),
        "DateGreaterThanEquals" => (Compare::Date(Order::GreaterOrEqual), false),
        "Bool" => (Compare::Bool, false),
        "IpAddress" => (Compare::Ip, false),
        "NotIpAddress" => (Compare::Ip, true),
        "Null" => (Compare::Null, false),
        _ => return None,
    })
}

fn wanted(compare: Compare, value: &Json, variables: bool) -> Option<Wanted> {
    let text = match value {
        Json::String(text) | Json::Number(text) => text.clone(),
        Json::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    Some(match compare {
        Compare::String | Compare::StringIgnoreCase => Wanted::Pattern(if variables {
            Pattern::literal_with_variables(&text)?
        } else {
            Pattern::literal(&text)
        }),
        Compare::Like => Wanted::Pattern(if variables {
            Pattern::with_variables(&text)?
        } else {
            Pattern::plain(&text)
        }),
        Compare::Numeric(_) => Wanted::Number(number(&text)?),
        Compare::Date(_) => Wanted::Date(date(&text)?),
        Compare::Bool | Compare::Null => Wanted::Bool(match text.to_lowercase().as_str() {
            "true" => true,
            "false" => false,
            _ => return None,
        }),
        Compare::Ip => Wanted::Net(
            text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?,
        ),
    })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

fn date(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    OffsetDateTime::parse(&whole, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}
