//! Policies that anybody may send, drawn at random.
//!
//! `PROPTEST_CASES` says how many of each are drawn; a few hundred if it says nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;

const END: i64 = 1_893_456_000;

/// A condition of a policy of which we know what it asks.
#[derive(Clone, Debug)]
enum Asked {
    Object(String),
    Equals(String),
    StartsWith(String, String),
}

impl Asked {
    fn to_json(&self, field: &str) -> Value {
        match self {
            Self::Object(value) => json!({ field: value }),
            Self::Equals(value) => json!(["Eq", format!("${field}"), value]),
            Self::StartsWith(prefix, _) => json!(["starts-WITH", format!("${field}"), prefix]),
        }
    }

    /// A value that it takes.
    fn value(&self) -> String {
        match self {
            Self::Object(value) | Self::Equals(value) => value.clone(),
            Self::StartsWith(prefix, rest) => format!("{prefix}{rest}"),
        }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let text = "[ -~é]{1,12}";
    prop_oneof![
        text.prop_map(Asked::Object),
        text.prop_map(Asked::Equals),
        (text, text).prop_map(|(prefix, rest)| Asked::StartsWith(prefix, rest)),
    ]
}

fn ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
    vec((0..1_000_u64, 0..1_000_u64), 0..3)
}

/// Values of JSON with the words of a policy in them.
fn values() -> impl Strategy<Value = Value> {
    let word = select(vec![
        json!("eq"),
        json!("starts-with"),
        json!("content-length-range"),
        json!("$key"),
        json!("key"),
        json!(""),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(null),
        json!(true),
    ]);
    let text = ".{0,8}".prop_map(Value::from);
    prop_oneof![4 => word, 1 => text].prop_recursive(3, 24, 4, |inner| {
        let name = "(key|bucket|acl|[a-z$é]{0,4})";
        let object = proptest::collection::btree_map(name, inner.clone(), 0..3);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn name_of(number: usize) -> String {
    format!("x-amz-meta-{number}")
}

proptest! {
    #[test]
    fn no_document_panics(bytes in vec(any::<u8>(), 0..200), text in ".{0,80}") {
        let _ = Policy::parse(&STANDARD.encode(&bytes));
        let _ = Policy::parse(&String::from_utf8_lossy(&bytes));
        let _ = Policy::parse(&text);
        let dated = json!({ "expiration": text, "conditions": [] }).to_string();
        let _ = Policy::parse(&STANDARD.encode(dated));
    }

    /// Documents that are nearly policies; what is taken is held against any form.
    #[test]
    fn no_near_policy_panics(conditions in vec(values(), 0..4), value in ".{0,12}") {
        let policy = json!({ "expiration": "2030-01-01T00:00:00Z", "conditions": conditions });
        if let Ok(policy) = Policy::parse(&STANDARD.encode(policy.to_string())) {
            let mut fields = Fields::default();
            fields.set("key", value.clone());
            let _ = policy.check(&fields, &value, Timestamp::from_seconds(0));
            let _ = policy.length().is_some_and(|length| length.contains(&1));
        }
    }

    /// A policy takes what it asks for, and nothing else.
    #[test]
    fn a_policy_is_held_to_the_letter(
        asked in vec(asked(), 1..6), ranges in ranges(), other in any::<prop::sample::Index>(),
    ) {
        let mut conditions: Vec<Value> =
            asked.iter().enumerate().map(|(n, asked)| asked.to_json(&name_of(n))).collect();
        let length = |range: &(u64, u64)| json!(["content-length-range", range.0, range.1]);
        conditions.extend(ranges.iter().map(length));
        conditions.push(json!({ "bucket": "village" }));
        let document = json!({ "expiration": "2030-01-01T00:00:00.000Z", "conditions": conditions });
        let policy = Policy::parse(&STANDARD.encode(document.to_string())).expect("a policy");

        let within = |bytes: u64| ranges.iter().all(|&(least, most)| (least..=most).contains(&bytes));
        for bytes in 0..1_000 {
            let found = policy.length().is_none_or(|length| length.contains(&bytes));
            prop_assert_eq!(found, within(bytes), "{} bytes", bytes);
        }

        let mut fields = Fields::default();
        for (number, asked) in asked.iter().enumerate() {
            fields.set(&name_of(number), asked.value());
        }
        let now = Timestamp::from_seconds(END - 1);
        prop_assert_eq!(policy.check(&fields, "village", now), Ok(()));
        let ended = policy.check(&fields, "village", Timestamp::from_seconds(END));
        prop_assert_eq!(ended, Err(PolicyBreach::Expired));
        prop_assert!(policy.check(&fields, "mill", now).is_err(), "another bucket");

        let number = other.index(asked.len());
        let mut changed = fields.clone();
        changed.set(&name_of(number), format!("\u{1}{}", asked[number].value()));
        prop_assert!(policy.check(&changed, "village", now).is_err(), "another value");
        let mut more = fields;
        more.set("acl", "public-read".to_owned());
        let extra = PolicyBreach::ExtraField { field: "acl".to_owned() };
        prop_assert_eq!(policy.check(&more, "village", now), Err(extra));
    }
}
