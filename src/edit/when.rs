//! The moments that requests name: dates, times, and durations from now.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Refused;
use super::near::shown;
use super::refused::form;
use crate::identity::End;

/// An end as it is written into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    /// A date, or a time.
    pub(super) text: String,
    /// What it means.
    pub(super) end: End,
}

impl When {
    /// Reads a date, an RFC 3339 time, or a duration from now: whole hours (`12h`), which give a time, whole days
    /// (`90d`) or weeks (`2w`), which give a date.
    ///
    /// # Errors
    /// Where it has another form, or is past.
    pub(super) fn parse(text: &str, now: Timestamp) -> Result<Self, Refused> {
        let when = match End::parse(text) {
            Ok(end) => Self { text: text.to_owned(), end },
            Err(_) => Self::after(text, now).ok_or_else(|| {
                form(
                    format!("`{}` is neither a date, nor a time, nor a duration", shown(text)),
                    "write a date as `2026-12-31`, a time as `2026-12-31T18:00:00Z`, or a duration as `12h`, `90d` or `2w`",
                )
            })?,
        };
        if when.end.is_past(now) {
            let message = format!("`{}` is past", shown(text));
            return Err(form(message, "name a day or a time that is still to come"));
        }
        Ok(when)
    }

    /// The moment that is a duration from now, to the second: where something holds on for exactly so long.
    ///
    /// # Errors
    /// Where it is no duration.
    pub(super) fn exactly_after(text: &str, now: Timestamp) -> Result<Self, Refused> {
        let found = duration(text).and_then(|(duration, _)| Self::at(now.checked_add(duration).ok()?));
        found.ok_or_else(|| {
            form(
                format!("`{}` is no duration", shown(text)),
                "write a whole number and its unit: `30m`, `24h`, `7d` or `2w`",
            )
        })
    }

    fn after(text: &str, now: Timestamp) -> Option<Self> {
        let (duration, unit) = duration(text)?;
        let moment = now.checked_add(duration).ok()?;
        match unit {
            'h' => Self::at(moment),
            'd' | 'w' => {
                let text = moment.to_zoned(TimeZone::UTC).date().to_string();
                let end = End::parse(&text).ok()?;
                Some(Self { text, end })
            }
            _ => None,
        }
    }

    fn at(moment: Timestamp) -> Option<Self> {
        let text = Timestamp::from_second(moment.as_second()).ok()?.to_string();
        let end = End::parse(&text).ok()?;
        Some(Self { text, end })
    }
}

/// Reads a whole number and its unit; it is never nothing.
fn duration(text: &str) -> Option<(SignedDuration, char)> {
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?;
    let number: i64 = number.parse().ok().filter(|parsed| *parsed > 0 && number.bytes().all(|b| b.is_ascii_digit()))?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        'w' => 7 * 86400,
        _ => return None,
    };
    Some((SignedDuration::from_secs(number.checked_mul(seconds)?), unit))
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
        ] {
            let when = When::parse(text, now()).unwrap();
            assert_eq!((when.text.as_str(), when.end), (written, End::parse(written).unwrap()), "{text}");
        }
    }

    #[test]
    fn other_forms_and_what_is_past_are_refused() {
        for text in
            ["", "soon", "90", "d", "0d", "-3d", "+3d", "1.5h", "3m", "3y", "99999999999999999999d", "9999999w", "d9"]
        {
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
            assert_eq!(When::exactly_after(text, now()).unwrap().text, written, "{text}");
        }
        for text in ["", "0h", "2026-12-01", "x", "9999999999w"] {
            assert!(When::exactly_after(text, now()).is_err(), "{text}");
        }
    }
}
