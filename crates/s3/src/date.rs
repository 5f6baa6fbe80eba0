//! Instants as HTTP headers and the protocol library's documents take them.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use units::Timestamp;

/// The end of the year 9999, the last that the format can tell.
const LAST_SECOND: u64 = 253_402_300_799;

/// How S3 writes dates in documents, and the date of a retention in its header.
const ISO_DATE: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// An instant as the S3 documents write it; empty beyond the calendar.
pub(crate) fn iso_date(at: Timestamp) -> String {
    let nanos = i128::from(at.micros()).saturating_mul(1_000);
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    at.and_then(|at| at.format(ISO_DATE).ok()).unwrap_or_default()
}

/// An instant as HTTP writes it (RFC 9110, section 5.6.7); empty beyond the calendar.
pub(crate) fn http_date(at: Timestamp) -> String {
    let seconds = u64::try_from(at.seconds()).ok().filter(|seconds| *seconds <= LAST_SECOND);
    let at = seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    at.map(httpdate::fmt_http_date).unwrap_or_default()
}

/// ISO 8601, basic form: how signatures write an instant.
const BASIC_DATE: &[FormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// The instant of an HTTP date, as signatures write it.
pub(crate) fn basic_of_http(text: &str) -> Option<String> {
    let at: OffsetDateTime = httpdate::parse_http_date(text).ok()?.into();
    at.format(BASIC_DATE).ok()
}

/// An instant as the protocol library's documents take it, in whole milliseconds.
pub(crate) fn dto(at: Timestamp) -> s3s::dto::Timestamp {
    let nanos = i128::from(at.micros().div_euclid(1_000)).saturating_mul(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH).into()
}

/// An instant from the protocol library's documents, in whole microseconds.
pub(crate) fn from_dto(at: &s3s::dto::Timestamp) -> Timestamp {
    let at: OffsetDateTime = at.clone().into();
    let micros = at.unix_timestamp_nanos().div_euclid(1_000);
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let at = Timestamp::from_micros(784_111_777_250_000);
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(from_dto(&dto(at)), at);
        assert_eq!(http_date(Timestamp::from_micros(i64::MAX)), "");
        let basic = basic_of_http("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(basic.as_deref(), Some("19941106T084937Z"));
        assert_eq!(basic_of_http("yesterday"), None);
    }
}
