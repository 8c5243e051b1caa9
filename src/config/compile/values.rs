//! Words that several files share: dates, durations, secrets.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::super::codes;
use super::super::model::SecretSource;
use super::super::report::{Report, is_variable};
use super::super::yaml::Node;
use crate::identity::End;

/// A date or time; reports what is neither.
pub(super) fn end(node: &Node<'_>, report: &mut Report) -> Option<End> {
    let text = node.string()?;
    match End::parse(text) {
        Ok(end) => Some(end),
        Err(error) => {
            report.add(codes::BAD_DATE, node.span, "this is neither a date nor a time").help(error.to_string());
            None
        }
    }
}

/// A duration within bounds.
pub(super) fn duration(node: &Node<'_>, bounds: &RangeInclusive<Duration>, report: &mut Report) -> Option<Duration> {
    let text = node.string()?;
    match parse_duration(text) {
        None => {
            report
                .add(codes::BAD_DURATION, node.span, "this is no duration")
                .help("write a whole number and its unit: `500ms`, `30s`, `5m`, `12h` or `1d`");
            None
        }
        Some(duration) if !bounds.contains(&duration) => {
            let message = format!("this must be {} to {}", written(*bounds.start()), written(*bounds.end()));
            report.add(codes::OUT_OF_RANGE, node.span, message).help("choose a value between the two");
            None
        }
        Some(duration) => Some(duration),
    }
}

/// Reads a duration: a whole number and its unit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// The shortest way to write a duration.
fn written(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_millis()) {
        (seconds, 0) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (seconds, 0) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        (seconds, 0) => format!("{seconds}s"),
        _ => format!("{}ms", duration.as_millis()),
    }
}

/// A secret of the server itself: warns where it stands in place.
pub(super) fn secret(node: &Node<'_>, name: &str, report: &mut Report) -> Option<SecretSource> {
    if let Some(text) = node.string() {
        if text.is_empty() {
            report
                .add(codes::BAD_SECRET, node.span, format!("`{name}` is empty"))
                .help("write `{env: NAME}` or `{file: PATH}`");
            return None;
        }
        report
            .add(codes::SECRET_IN_PLACE, node.span, format!("`{name}` stands in the configuration"))
            .help("let it come from the environment, `{env: NAME}`, or from a file, `{file: PATH}`");
        let source = SecretSource::InPlace(text.to_owned());
        report.references.push((source.clone(), name.to_owned(), node.span));
        return Some(source);
    }
    let source = match node.get("env") {
        // What is no name was reported with the shape.
        Some(name) => SecretSource::Env(name.string().filter(|name| is_variable(name))?.to_owned()),
        None => SecretSource::File(path(node.get("file")?, report)?),
    };
    report.references.push((source.clone(), name.to_owned(), node.span));
    Some(source)
}

/// A path that a system can hold.
pub(super) fn path(node: &Node<'_>, report: &mut Report) -> Option<PathBuf> {
    let text = node.string()?;
    if text.is_empty() || text.contains('\0') {
        report
            .add(codes::BAD_PATH, node.span, "this is no path")
            .help("write a path such as `/var/lib/portolan`, or one relative to the folder it belongs to");
        return None;
    }
    Some(PathBuf::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, duration) in [
            ("500ms", Some(Duration::from_millis(500))),
            ("5m", Some(Duration::from_secs(300))),
            ("2h", Some(Duration::from_secs(7200))),
            ("1d", Some(Duration::from_secs(86400))),
            ("0s", Some(Duration::ZERO)),
            ("5", None),
            ("s", None),
            ("", None),
            ("-5s", None),
            ("5 m", None),
            ("1.5h", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(parse_duration(text), duration, "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["100ms", "1500ms", "59s", "90s", "1m", "24h"] {
            assert_eq!(written(parse_duration(text).unwrap()), text);
        }
    }
}
