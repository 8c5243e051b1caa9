//! The moments that requests name: dates, times, and durations from now.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Refused;
use super::refused::form;
use crate::config::shown;
use crate::identity::End;

/// How durations are written, as hints and helps tell it.
const FORMS: &str = "`30m`, `12h`, `90d` or `2w`";

/// An end as it is written into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    /// A date, or a time.
    pub(super) text: String,
    /// What it means.
    pub(super) end: End,
}

/// The longest time that an old secret may hold on beside a new one.
const OVERLAP_DAYS_MAX: i64 = 366;
/// What lies farther ahead is to be a date, so that somebody reads it.
const DAYS_MAX: i64 = 3660;
const DAY_SECONDS: i64 = 86400;

/// Reads a duration: a whole number of minutes, hours, days or weeks.
///
/// # Errors
/// Where it has another form, is nothing, or is too long to be meant.
pub fn parse_duration(text: &str) -> Result<Duration, Refused> {
    let (seconds, _) = at_most(text, DAYS_MAX)?;
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}

impl When {
    /// Reads a date, an RFC 3339 time, or a duration from now: minutes or hours, which give a time, days or weeks,
    /// which give a date.
    ///
    /// # Errors
    /// Where it has another form, or is past.
    pub(super) fn parse(text: &str, now: Timestamp) -> Result<Self, Refused> {
        let when = match End::parse(text) {
            Ok(end) => Self { text: text.to_owned(), end },
            Err(_) if duration(text).is_none() => {
                return Err(form(
                    format!("`{}` is neither a date, nor a time, nor a duration", shown(text)),
                    format!("write a date as `2026-12-31`, a time as `2026-12-31T18:00:00Z`, or a duration as {FORMS}"),
                ));
            }
            Err(_) => Self::after(at_most(text, DAYS_MAX)?, now).ok_or_else(|| too_long(text, DAYS_MAX))?,
        };
        if when.end.is_past(now) {
            let message = format!("`{}` is past", shown(text));
            return Err(form(message, "name a day or a time that is still to come"));
        }
        Ok(when)
    }

    /// The moment that is an overlap from now, to the second: where something holds on for exactly so long.
    ///
    /// # Errors
    /// Where it is no duration, or too long for that.
    pub(super) fn overlap(text: &str, now: Timestamp) -> Result<Self, Refused> {
        let (seconds, _) = at_most(text, OVERLAP_DAYS_MAX)?;
        let moment = now.checked_add(SignedDuration::from_secs(seconds)).ok();
        moment.and_then(Self::at).ok_or_else(|| too_long(text, OVERLAP_DAYS_MAX))
    }

    fn after((seconds, unit): (i64, char), now: Timestamp) -> Option<Self> {
        let moment = now.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        if matches!(unit, 'm' | 'h') {
            return Self::at(moment);
        }
        let text = moment.to_zoned(TimeZone::UTC).date().to_string();
        let end = End::parse(&text).ok()?;
        Some(Self { text, end })
    }

    fn at(moment: Timestamp) -> Option<Self> {
        let text = Timestamp::from_second(moment.as_second()).ok()?.to_string();
        let end = End::parse(&text).ok()?;
        Some(Self { text, end })
    }
}

/// A duration in seconds, with its unit.
fn at_most(text: &str, days: i64) -> Result<(i64, char), Refused> {
    match duration(text) {
        Some((seconds, unit)) if seconds <= days * DAY_SECONDS => Ok((seconds, unit)),
        Some(_) => Err(too_long(text, days)),
        None => Err(form(
            format!("`{}` is no duration", shown(text)),
            format!("write a whole number of minutes, hours, days or weeks: {FORMS}"),
        )),
    }
}

fn too_long(text: &str, days: i64) -> Refused {
    form(format!("`{}` is too long", shown(text)), format!("it may be {days} days at most"))
}

/// Reads a whole number and its unit; it is never nothing, and where it is too large to count it is just very long.
fn duration(text: &str) -> Option<(i64, char)> {
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) || number.bytes().all(|byte| byte == b'0')
    {
        return None;
    }
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => DAY_SECONDS,
        'w' => 7 * DAY_SECONDS,
        _ => return None,
    };
    Some((number.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(seconds), unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T17:30:15.5Z".parse().unwrap()
    }

    #[test]
    fn every_form_is_written_as_a_date_or_a_time() {
        for (text, written) in [
            ("2026-11-22", "2026-11-22"),
            ("2026-11-22T18:00:00+00:00", "2026-11-22T18:00:00+00:00"),
            ("90d", "2027-02-20"),
            ("2w", "2026-12-06"),
            ("12h", "2026-11-23T05:30:15Z"),
            ("30m", "2026-11-22T18:00:15Z"),
        ] {
            let when = When::parse(text, now()).unwrap();
            assert_eq!((when.text.as_str(), when.end), (written, End::parse(written).unwrap()), "{text}");
        }
    }

    #[test]
    fn other_forms_and_what_is_past_are_refused() {
        for text in ["", "soon", "90", "d", "0d", "00h", "-3d", "+3d", "1.5h", "3s", "3y", "d9", "12 h"] {
            let refused = When::parse(text, now()).unwrap_err();
            assert!(
                refused.to_string().ends_with("is neither a date, nor a time, nor a duration"),
                "{text}: {refused}"
            );
        }
        assert_eq!(When::parse("2026-11-21", now()).unwrap_err().to_string(), "`2026-11-21` is past");
        assert_eq!(
            When::parse("2026-11-22T17:30:15Z", now()).unwrap_err().to_string(),
            "`2026-11-22T17:30:15Z` is past"
        );
    }

    #[test]
    fn an_overlap_is_exact() {
        for (text, written) in
            [("30m", "2026-11-22T18:00:15Z"), ("24h", "2026-11-23T17:30:15Z"), ("1w", "2026-11-29T17:30:15Z")]
        {
            assert_eq!(When::overlap(text, now()).unwrap().text, written, "{text}");
        }
        for text in ["", "0h", "2026-12-01", "x", "3s"] {
            assert!(When::overlap(text, now()).unwrap_err().to_string().ends_with("is no duration"), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_said_to_be_so() {
        assert!(When::overlap("366d", now()).is_ok() && When::parse("3660d", now()).is_ok());
        for text in ["367d", "53w", "99999d", "99999999999999999999d", "9999999999999999999w"] {
            let refused = When::overlap(text, now()).unwrap_err();
            assert_eq!(
                (refused.to_string(), refused.hint()),
                (format!("`{text}` is too long"), "it may be 366 days at most")
            );
        }
        for text in ["3661d", "9999999d", "9999999w", "99999999999999999999m"] {
            let refused = When::parse(text, now()).unwrap_err();
            assert_eq!(refused.to_string(), format!("`{text}` is too long"));
            assert_eq!(parse_duration(text).unwrap_err().hint(), "it may be 3660 days at most");
        }
    }

    #[test]
    fn all_durations_are_written_alike() {
        for (text, minutes) in [("30m", 30), ("12h", 12 * 60), ("90d", 90 * 1440), ("2w", 14 * 1440)] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_secs(minutes * 60), "{text}");
            assert!(When::parse(text, now()).is_ok() && When::overlap(text, now()).is_ok(), "{text}");
        }
        assert_eq!(
            parse_duration("30s").unwrap_err().hint(),
            "write a whole number of minutes, hours, days or weeks: `30m`, `12h`, `90d` or `2w`"
        );
    }
}
