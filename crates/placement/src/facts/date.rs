//! Calendar dates, as certificates carry them.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use units::Timestamp;

use super::{Expected, WrongValue};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A day of the Gregorian calendar, from 1970-01-01 to 9999-12-31, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct Date {
    /// Days since 1970-01-01.
    days: i32,
}

/// Days since 1970-01-01 of 9999-12-31.
const DAYS_MAX: i32 = 2_932_896;

/// What a date is.
pub(crate) const EXPECTED: Expected = Expected::new(
    "une date entre 1970-01-01 et 9999-12-31, comme 2026-05-31",
    "a date between 1970-01-01 and 9999-12-31, as in 2026-05-31",
);

const WRONG: WrongValue = WrongValue { expected: EXPECTED };

impl Date {
    /// The day with this year, month (1 to 12) and day of the month.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, WrongValue> {
        let last = month_days(year, month).ok_or(WRONG)?;
        if !(1970..=9999).contains(&year) || !(1..=last).contains(&day) {
            return Err(WRONG);
        }
        let years: i32 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
        let months = (1..month).filter_map(|month| month_days(year, month));
        let months: i32 = months.map(i32::from).sum();
        Ok(Self { days: years + months + i32::from(day) - 1 })
    }

    /// The day of an instant; instants before 1970 and after 9999 count as the first
    /// and the last day.
    pub fn of(at: Timestamp) -> Self {
        let days = at.seconds().div_euclid(DAY_SECONDS).clamp(0, i64::from(DAYS_MAX));
        Self { days: i32::try_from(days).unwrap_or(DAYS_MAX) }
    }

    /// The first instant of the day.
    pub fn start(self) -> Timestamp {
        Timestamp::from_seconds(i64::from(self.days) * DAY_SECONDS)
    }

    /// The first instant after the day.
    pub fn end(self) -> Timestamp {
        Timestamp::from_seconds((i64::from(self.days) + 1) * DAY_SECONDS)
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn month_days(year: u16, month: u8) -> Option<u8> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if is_leap(year) => Some(29),
        2 => Some(28),
        _ => None,
    }
}

impl TryFrom<i32> for Date {
    type Error = WrongValue;

    fn try_from(days: i32) -> Result<Self, WrongValue> {
        if (0..=DAYS_MAX).contains(&days) { Ok(Self { days }) } else { Err(WRONG) }
    }
}

impl From<Date> for i32 {
    fn from(date: Date) -> Self {
        date.days
    }
}

impl FromStr for Date {
    type Err = WrongValue;

    /// Reads `2026-05-31`.
    fn from_str(text: &str) -> Result<Self, WrongValue> {
        let is_digit = |at: usize, byte: u8| at == 4 || at == 7 || byte.is_ascii_digit();
        let digits = text.bytes().enumerate().all(|(at, byte)| is_digit(at, byte));
        let mut fields = text.split('-');
        let (Some(year), Some(month), Some(day), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(WRONG);
        };
        if text.len() != 10 || !digits || year.len() != 4 || month.len() != 2 {
            return Err(WRONG);
        }
        let wrong = |_| WRONG;
        Self::new(
            year.parse().map_err(wrong)?,
            month.parse().map_err(wrong)?,
            day.parse().map_err(wrong)?,
        )
    }
}

impl fmt::Display for Date {
    /// Writes `2026-05-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut year, mut left) = (1970_u16, self.days);
        loop {
            let length = if is_leap(year) { 366 } else { 365 };
            if left < length {
                break;
            }
            left -= length;
            year += 1;
        }
        let mut month = 1_u8;
        while let Some(length) = month_days(year, month).map(i32::from).filter(|l| left >= *l) {
            left -= length;
            month += 1;
        }
        write!(f, "{year:04}-{month:02}-{:02}", left + 1)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        for days in (0..=DAYS_MAX).step_by(317).chain([0, 59, 60, 11_016, 11_017, DAYS_MAX]) {
            let date = Date { days };
            assert_eq!(date.to_string().parse(), Ok(date), "{date}");
        }
        assert_eq!("1970-01-01".parse(), Ok(Date { days: 0 }));
        assert_eq!("2000-03-01".parse(), Ok(Date { days: 11_017 }));
        assert_eq!("9999-12-31".parse(), Ok(Date { days: DAYS_MAX }));
        assert_eq!(Date::of(Timestamp::from_seconds(951_868_799)).to_string(), "2000-02-29");
        let day = Date { days: 11_017 };
        assert_eq!(Date::of(day.start()), day);
        assert!(Date::of(day.end()) > day);
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "2026",
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-01",
            "2026-001-1",
            "+026-01-01",
            "2026-01-01T00:00:00Z",
            "1969-12-31",
        ] {
            assert_eq!(text.parse::<Date>(), Err(WRONG), "{text:?}");
        }
    }
}
