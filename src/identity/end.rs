//! When something stops to hold.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use jiff::Timestamp;
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;

/// A moment up to which something holds: a date through its last second in UTC, or an RFC 3339 time.
/// Two are equal where they are the same moment, however they are written.
#[derive(Debug, Clone, Copy)]
pub struct End {
    moment: Timestamp,
    /// The date, where it was written as one: people are to read what they wrote.
    date: Option<Date>,
}

/// The text is neither a date nor a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a date as `2026-12-31` or a time as `2026-12-31T18:00:00Z`")]
pub struct BadEnd;

impl End {
    /// Reads a date or a time.
    ///
    /// # Errors
    /// [`BadEnd`] for every other form.
    pub fn parse(text: &str) -> Result<Self, BadEnd> {
        if text.len() == 10 {
            let date: Date = text.parse().map_err(|_| BadEnd)?;
            // The last days that can be written have no end that can be: they never end.
            let midnight = date.tomorrow().map(|next| next.to_datetime(time(0, 0, 0, 0)));
            let moment = midnight.and_then(|midnight| midnight.to_zoned(TimeZone::UTC));
            let moment = moment.map_or(Timestamp::MAX, |moment| moment.timestamp());
            return Ok(Self { moment, date: Some(date) });
        }
        text.parse().map(|moment| Self { moment, date: None }).map_err(|_| BadEnd)
    }

    /// Whether the end has come.
    pub fn is_past(self, now: Timestamp) -> bool {
        now >= self.moment
    }

    /// The first moment that is too late.
    pub fn moment(self) -> Timestamp {
        self.moment
    }

    /// The same for a sentence: `at` a time, or `at the end of` a date.
    pub fn at(self) -> String {
        let of = if self.date.is_some() { "the end of " } else { "" };
        format!("at {of}{self}")
    }
}

impl PartialEq for End {
    fn eq(&self, other: &Self) -> bool {
        self.moment == other.moment
    }
}

impl Eq for End {}

impl Hash for End {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.moment.hash(state);
    }
}

impl PartialOrd for End {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for End {
    fn cmp(&self, other: &Self) -> Ordering {
        self.moment.cmp(&other.moment)
    }
}

/// Reads a moment: a date, which is its first moment in UTC, or an RFC 3339 time.
///
/// # Errors
/// [`BadEnd`] for every other form.
pub fn moment(text: &str) -> Result<Timestamp, BadEnd> {
    if text.len() == 10 {
        let date: Date = text.parse().map_err(|_| BadEnd)?;
        return date.to_zoned(TimeZone::UTC).map(|midnight| midnight.timestamp()).map_err(|_| BadEnd);
    }
    text.parse().map_err(|_| BadEnd)
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date {
            Some(date) => date.fmt(f),
            None => self.moment.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_holds_through_its_last_second() {
        let end = End::parse("2026-12-01").unwrap();
        assert!(!end.is_past("2026-12-01T23:59:59Z".parse().unwrap()));
        assert!(end.is_past("2026-12-02T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_date_is_shown_as_it_is_written() {
        let (date, time) = (End::parse("2026-12-01").unwrap(), End::parse("2026-12-02T02:00:00+02:00").unwrap());
        assert_eq!((date.to_string().as_str(), date.at().as_str()), ("2026-12-01", "at the end of 2026-12-01"));
        assert_eq!(time.at(), "at 2026-12-02T00:00:00Z");
        assert!(date == time && date.cmp(&time).is_eq(), "the same moment is the same end");
        assert_eq!(End::parse("9999-12-31").unwrap().to_string(), "9999-12-31");
    }

    #[test]
    fn the_last_days_never_end() {
        assert_eq!(End::parse("9999-12-31").unwrap().moment(), Timestamp::MAX);
        assert_eq!(End::parse("9999-12-30").unwrap().moment(), Timestamp::MAX);
        assert!(End::parse("9999-12-28").unwrap() < End::parse("9999-12-31").unwrap());
    }

    #[test]
    fn a_time_is_exact() {
        let end = End::parse("2026-12-01T12:00:00+02:00").unwrap();
        assert!(!end.is_past("2026-12-01T09:59:59Z".parse().unwrap()));
        assert!(end.is_past("2026-12-01T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_day_begins_before_what_ends_with_it() {
        let day = moment("2026-12-01").unwrap();
        assert_eq!(day, moment("2026-12-01T01:00:00+01:00").unwrap());
        assert!(!End::parse("2026-12-01").unwrap().is_past(day) && End::parse("2026-11-30").unwrap().is_past(day));
        assert_eq!(moment("2026-12-1"), Err(BadEnd));
        assert_eq!(moment("2026-12-01T01:00:00"), Err(BadEnd));
    }

    #[test]
    fn refuses_other_forms() {
        for text in ["", "tomorrow", "2026-13-01", "2026-02-30", "01.12.2026", "2026-12-01T12:00:00"] {
            assert_eq!(End::parse(text), Err(BadEnd), "{text}");
        }
    }
}
