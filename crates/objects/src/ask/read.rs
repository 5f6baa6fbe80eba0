//! Reading one object.

use catalog::command::ETagMatch;
use catalog::{ETag, VersionAsk};
use units::{PartNumber, Timestamp};

use super::ObjectName;
use crate::{CustomerKey, ObjectError, RangeAsk};

/// `GetObject` and `HeadObject`.
#[derive(Clone, Debug)]
pub struct GetObject {
    /// Which object.
    pub name: ObjectName,
    /// Which version.
    pub version: VersionAsk,
    /// `Range`, if there is one that can be served.
    pub range: Option<RangeAsk>,
    /// `partNumber`; excludes a range.
    pub part: Option<PartNumber>,
    /// Conditional headers.
    pub conditions: ReadConditions,
    /// The key of an SSE-C object.
    pub customer_key: Option<CustomerKey>,
}

impl GetObject {
    /// The whole newest version, unconditionally.
    pub fn whole(name: ObjectName) -> Self {
        Self {
            name,
            version: VersionAsk::Current,
            range: None,
            part: None,
            conditions: ReadConditions::default(),
            customer_key: None,
        }
    }
}

/// Conditions of a read (RFC 9110, section 13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadConditions {
    /// `If-Match`: one of these.
    pub if_match: Option<ETagMatch>,
    /// `If-None-Match`: none of these.
    pub if_none_match: Option<ETagMatch>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<Timestamp>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// Holds the conditions against an object, in the order the RFC gives.
    pub fn check(&self, etag: &ETag, modified: Timestamp) -> Result<(), ObjectError> {
        let named = |tags: &ETagMatch| match tags {
            ETagMatch::Any => true,
            ETagMatch::OneOf(tags) => tags.contains(etag),
        };
        let modified = modified.whole_seconds();
        if let Some(tags) = &self.if_match {
            if !named(tags) {
                return Err(ObjectError::PreconditionFailed { condition: "If-Match" });
            }
        } else if self.if_unmodified_since.is_some_and(|since| modified > since) {
            return Err(ObjectError::PreconditionFailed { condition: "If-Unmodified-Since" });
        }
        let unchanged = match &self.if_none_match {
            Some(tags) => named(tags),
            None => self.if_modified_since.is_some_and(|since| modified <= since),
        };
        if unchanged {
            return Err(ObjectError::NotModified { etag: etag.clone(), modified });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(conditions: &ReadConditions, expected: &str) {
        let outcome =
            match conditions.check(&ETag::parse("abc"), Timestamp::from_micros(10_500_000)) {
                Ok(()) => "ok",
                Err(ObjectError::NotModified { .. }) => "304",
                Err(_) => "412",
            };
        assert_eq!(outcome, expected, "{conditions:?}");
    }

    #[test]
    fn conditions_follow_the_rfc() {
        let tags = |tag: &str| match tag {
            "*" => Some(ETagMatch::Any),
            tag => Some(ETagMatch::OneOf(vec![ETag::parse(tag)])),
        };
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        let none = ReadConditions::default();
        check(&none, "ok");
        check(&ReadConditions { if_match: tags("abc"), ..none.clone() }, "ok");
        check(&ReadConditions { if_match: tags("x"), ..none.clone() }, "412");
        check(&ReadConditions { if_match: tags("*"), ..none.clone() }, "ok");
        check(&ReadConditions { if_none_match: tags("abc"), ..none.clone() }, "304");
        check(&ReadConditions { if_none_match: tags("x"), ..none.clone() }, "ok");
        check(&ReadConditions { if_modified_since: at(10), ..none.clone() }, "304");
        check(&ReadConditions { if_modified_since: at(9), ..none.clone() }, "ok");
        check(&ReadConditions { if_unmodified_since: at(10), ..none.clone() }, "ok");
        check(&ReadConditions { if_unmodified_since: at(9), ..none.clone() }, "412");
        let both =
            ReadConditions { if_match: tags("abc"), if_unmodified_since: at(1), ..none.clone() };
        check(&both, "ok");
        let both = ReadConditions { if_none_match: tags("x"), if_modified_since: at(99), ..none };
        check(&both, "ok");
    }
}
