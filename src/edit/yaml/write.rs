//! New values as text.

use super::Value;
use super::scalar;
use super::style::Style;

/// A value on one line.
pub(super) fn inline(value: &Value, style: &Style<'_, '_>, in_flow: bool) -> String {
    match value {
        Value::Text(text) => scalar::write(text, style.quoting(), in_flow),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::List(items) => {
            let style = style.items();
            let items: Vec<String> = items.iter().map(|item| inline(item, &style, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Mapping(pairs) => {
            let pair = |(key, value): &(String, Value)| {
                format!("{}: {}", self::key(key, style, true), inline(value, &style.below(key), true))
            };
            let pairs: Vec<String> = pairs.iter().map(pair).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// A key.
pub(super) fn key(key: &str, style: &Style<'_, '_>, in_flow: bool) -> String {
    let quoting = scalar::Quoting { always: style.quoted_keys, ..style.quoting() };
    scalar::write(key, quoting, in_flow)
}

/// A key with its value below it or behind it; the key stands in a column, and is not indented here.
pub(super) fn pair(name: &str, value: &Value, style: &Style<'_, '_>, column: usize) -> String {
    format!("{}:{}", key(name, style, false), behind(value, style, column))
}

/// A value behind the colon of its key, which stands in a column.
pub(super) fn behind(value: &Value, style: &Style<'_, '_>, column: usize) -> String {
    if style.is_flow(value) {
        return format!(" {}", inline(value, style, false));
    }
    let column = column + if matches!(value, Value::List(_)) { style.dash } else { style.step };
    lines(value, style, column)
}

/// A mapping or list with an entry on each line, each behind a line break, in a column.
pub(super) fn lines(value: &Value, style: &Style<'_, '_>, column: usize) -> String {
    let indent = format!("{}{}", style.newline, " ".repeat(column));
    match value {
        Value::Mapping(pairs) => {
            let line =
                |(key, value): &(String, Value)| format!("{indent}{}", pair(key, value, &style.below(key), column));
            pairs.iter().map(line).collect()
        }
        Value::List(items) => {
            let style = style.items();
            items.iter().map(|value| format!("{indent}{}", item(value, &style, column))).collect()
        }
        Value::Text(_) | Value::Boolean(_) => format!("{indent}{}", inline(value, style, false)),
    }
}

/// An item of a list with its dash, which stands in a column, and is not indented here.
pub(super) fn item(value: &Value, style: &Style<'_, '_>, column: usize) -> String {
    if style.is_flow(value) {
        return format!("- {}", inline(value, style, false));
    }
    // The first line goes behind the dash.
    format!("- {}", lines(value, style, column + 2).trim_start())
}
