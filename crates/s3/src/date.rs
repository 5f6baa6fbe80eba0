//! Instants as HTTP headers and the protocol library's documents take them.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use units::Timestamp;

/// The end of the year 9999, the last that the format can tell.
const LAST_SECOND: u64 = 253_402_300_799;

/// An instant as S3's documents write it, in milliseconds; empty beyond the calendar.
pub(crate) fn iso_date(at: Timestamp) -> String {
    let mut text = String::with_capacity(24);
    iso_date_into(&mut text, at);
    text
}

/// As [`iso_date`], behind what is there: a listing has a thousand of them.
pub(crate) fn iso_date_into(text: &mut String, at: Timestamp) {
    let seconds = at.micros().div_euclid(1_000_000);
    let millis = at.micros().rem_euclid(1_000_000).unsigned_abs() / 1_000;
    let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds) else { return };
    let Ok(year) = u64::try_from(at.year()) else { return };
    digits(text, year, 4);
    for (mark, value) in [('-', u8::from(at.month())), ('-', at.day()), ('T', at.hour())] {
        text.push(mark);
        digits(text, value.into(), 2);
    }
    for value in [at.minute(), at.second()] {
        text.push(':');
        digits(text, value.into(), 2);
    }
    text.push('.');
    digits(text, millis, 3);
    text.push('Z');
}

/// The last `count` decimal digits.
fn digits(text: &mut String, value: u64, count: u32) {
    for place in (0..count).rev() {
        let digit = value / 10_u64.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
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

/// The instant that a signature's date names.
pub(crate) fn of_basic(text: &str) -> Option<Timestamp> {
    let at = time::PrimitiveDateTime::parse(text, BASIC_DATE).ok()?;
    Some(Timestamp::from_seconds(at.assume_utc().unix_timestamp()))
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
        assert_eq!(iso_date(at), "1994-11-06T08:49:37.250Z");
        assert_eq!(iso_date(Timestamp::from_micros(-1)), "1969-12-31T23:59:59.999Z");
        assert_eq!(iso_date(Timestamp::from_micros(i64::MAX)), "");
        assert_eq!(http_date(Timestamp::from_micros(i64::MAX)), "");
        let basic = basic_of_http("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(basic.as_deref(), Some("19941106T084937Z"));
        assert_eq!(basic_of_http("yesterday"), None);
    }
}
