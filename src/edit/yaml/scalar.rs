//! A text as a scalar, quoted where it must be.

use crate::config::{ScalarType, resolve};

/// How texts are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quoting {
    /// Also where no quotes are needed.
    pub always: bool,
    /// With `'`, where that can be.
    pub single: bool,
}

/// Writes a text so that it reads as just this text.
pub(super) fn write(text: &str, quoting: Quoting, in_flow: bool) -> String {
    if !quoting.always && can_be_plain(text, in_flow) {
        return text.to_owned();
    }
    if quoting.single && text.chars().all(is_visible) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c if is_visible(c) => written.push(c),
            c if u32::from(c) <= 0xff => written.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) <= 0xffff => written.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => written.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    written.push('"');
    written
}

/// Whether a character stands for itself, and everybody sees it.
fn is_visible(c: char) -> bool {
    match c {
        ' ' => true,
        // Directions and marks of bytes: YAML allows them, but nobody sees them.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => false,
        '\u{ad}' | '\u{61c}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'.. => false,
        c => !c.is_control() && !c.is_whitespace(),
    }
}

pub(super) fn can_be_plain(text: &str, in_flow: bool) -> bool {
    if resolve(text) != ScalarType::String || text.starts_with(' ') || text.ends_with(' ') {
        return false;
    }
    if !text.chars().all(is_visible) || text == "<<" || text.starts_with("---") || text.starts_with("...") {
        return false;
    }
    let mut chars = text.chars();
    let is_good_start = match chars.next() {
        Some(',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`') => false,
        Some('-' | '?' | ':' | '=') => chars.next().is_some_and(char::is_alphanumeric),
        _ => true,
    };
    let is_broken = text.contains(": ") || text.contains(" #") || text.ends_with(':');
    let is_bracketed = in_flow && text.contains([',', '[', ']', '{', '}']);
    is_good_start && !is_broken && !is_bracketed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_foreign;

    const PLAIN: Quoting = Quoting { always: false, single: false };

    #[test]
    fn quotes_stand_where_they_are_needed() {
        for text in ["jane", "a b", "é", "2026-12-01", "a:b", "x#y", "$argon2id$v=19$", "-x", "/team", "yes", "it's"] {
            assert_eq!(write(text, PLAIN, true), text);
        }
        for text in [
            "",
            " ",
            "~",
            "null",
            "true",
            "1",
            "1e3",
            "0x1",
            ".5",
            "*",
            "/x: y",
            "a #b",
            "a:",
            "-",
            "- a",
            "?",
            "&a",
            "[a]",
            "{",
            "a\nb",
            "\t",
            "'a'",
            "\"",
            "#",
            "%",
            "@a",
            "`a`",
            "!a",
            "|",
            ">",
            "---",
            "...",
            "<<",
            " a",
            "a ",
            "\u{feff}",
            "\u{85}",
            "\u{7}",
            "\u{202e}x",
            "\u{1f600}\n",
            "\u{e0001}",
            "a,b",
            "a]",
        ] {
            let written = write(text, PLAIN, true);
            assert!(written.starts_with('"'), "{written}");
        }
        assert_eq!(write("a,b", PLAIN, false), "a,b");
        assert_eq!(write("it's", Quoting { always: true, single: true }, false), "'it''s'");
        assert_eq!(write("a\n", Quoting { always: true, single: true }, false), "\"a\\n\"");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_as_the_text(text in "[ -~]{0,6}|\\PC{0,4}|[\\x00-\\x{2030}]{0,3}", always: bool, single: bool) {
            let quoting = Quoting { always, single };
            for (document, in_flow) in [
                (format!("[{}]", write(&text, quoting, true)), true),
                (format!("- {}\n", write(&text, quoting, false)), false),
                (format!("{{{}: 1}}", write(&text, quoting, true)), true),
                (format!("{}: 1\n", write(&text, quoting, false)), false),
            ] {
                let root = read_foreign(&document).unwrap_or_else(|bad| panic!("{document:?}: {bad}"));
                let read = root.items().map(|items| &items[0]).or(root.pairs().map(|pairs| &pairs[0].0)).unwrap();
                assert_eq!(read.string(), Some(text.as_str()), "{document:?} {in_flow}");
            }
        }
    }
}
