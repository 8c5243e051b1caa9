//! The core schema of YAML 1.2: which plain scalars are not texts.

/// The type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarType {
    /// `null`, `~`, or nothing.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// Another number.
    Float,
    /// Everything else, and all that is quoted.
    String,
    /// Not known: an alias without an anchor, or a value that the text was not read up to. It was
    /// reported.
    Unknown,
}

/// The type of a plain scalar (YAML 1.2.2, section 10.3.2).
pub fn resolve(text: &str) -> ScalarType {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarType::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return ScalarType::Boolean,
        ".nan" | ".NaN" | ".NAN" => return ScalarType::Float,
        _ => {}
    }
    // Most scalars are words, and a number begins with one of these.
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return ScalarType::String;
    }
    if is_integer(text) {
        ScalarType::Integer
    } else if is_float(text) {
        ScalarType::Float
    } else {
        ScalarType::String
    }
}

fn is_integer(text: &str) -> bool {
    let all = |digits: &str, is_digit: fn(&u8) -> bool| !digits.is_empty() && digits.bytes().all(|b| is_digit(&b));
    if let Some(octal) = text.strip_prefix("0o") {
        return all(octal, |b| matches!(b, b'0'..=b'7'));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return all(hexadecimal, u8::is_ascii_hexdigit);
    }
    all(text.strip_prefix(['+', '-']).unwrap_or(text), u8::is_ascii_digit)
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let good_exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    has_digits && digits(whole) && digits(fraction) && good_exponent
}

/// The value of a scalar of type [`ScalarType::Integer`]; `None` where it is too large.
pub(super) fn integer(text: &str) -> Option<i64> {
    if let Some(octal) = text.strip_prefix("0o") {
        i64::from_str_radix(octal, 8).ok()
    } else if let Some(hexadecimal) = text.strip_prefix("0x") {
        i64::from_str_radix(hexadecimal, 16).ok()
    } else {
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_as_the_core_schema_says() {
        for (texts, kind) in [
            (&["", "~", "null", "Null", "NULL"][..], ScalarType::Null),
            (&["true", "False", "TRUE"], ScalarType::Boolean),
            (&["0", "-1", "+12", "0o17", "0xfF", "007"], ScalarType::Integer),
            (&["1.5", ".5", "1.", "1e3", "-1.5E-3", ".inf", "-.INF", ".NaN"], ScalarType::Float),
            (
                &[
                    "yes",
                    "no",
                    "on",
                    "nUll",
                    "tRUE",
                    "0o8",
                    "0xg",
                    "-",
                    "+",
                    ".",
                    "1.2.3",
                    "1e",
                    "2026-12-01",
                    "5m",
                    "v1",
                    "0o",
                    "1_000",
                    "e3",
                    "-0x1",
                ],
                ScalarType::String,
            ),
        ] {
            for text in texts {
                assert_eq!(resolve(text), kind, "{text}");
            }
        }
    }

    #[test]
    fn integers_have_values() {
        assert_eq!(integer("+12"), Some(12));
        assert_eq!(integer("0o17"), Some(15));
        assert_eq!(integer("0xff"), Some(255));
        assert_eq!(integer("99999999999999999999"), None);
    }
}
