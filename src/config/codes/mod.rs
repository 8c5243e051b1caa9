//! Every kind of problem that a configuration can have, with the long text that `portolan explain` prints.

use crate::diagnostic::Severity;

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable name, such as `unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it depends on the day, and not on the texts alone.
    pub timely: bool,
    /// What it is, in one line.
    pub title: &'static str,
    /// What it means, an example, and how to mend it: Markdown, with examples indented by four blanks.
    pub explanation: &'static str,
}

/// The kind of problem with this code.
pub fn code(name: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.code == name).copied()
}

/// What an entry of the tables says of a problem's gravity.
enum Kind {
    Error,
    Warning,
    /// A warning that depends on the day.
    Timely,
}

const fn entry(kind: Kind, code: &'static str, title: &'static str, explanation: &'static str) -> Code {
    let (severity, timely) = match kind {
        Kind::Error => (Severity::Error, false),
        Kind::Warning => (Severity::Warning, false),
        Kind::Timely => (Severity::Warning, true),
    };
    Code { code, severity, timely, title, explanation }
}

macro_rules! codes {
    ($($name:ident = $kind:ident $code:literal, $title:literal, $explanation:literal;)*) => {
        $(pub(in super::super) const $name: &super::Code =
            &super::entry(super::Kind::$kind, $code, $title, $explanation);)*

        /// All of them.
        pub(super) const ALL: &[&super::Code] = &[$($name),*];
    };
}

mod errors;
mod warnings;

pub(super) use errors::*;
pub(super) use warnings::*;

/// All kinds of problems: errors, then warnings.
pub const ALL: &[&Code] = &joined::<{ errors::ALL.len() + warnings::ALL.len() }>();

const fn joined<const N: usize>() -> [&'static Code; N] {
    let mut all = [errors::ALL[0]; N];
    let mut at = 0;
    while at < N {
        let errors = errors::ALL.len();
        all[at] = if at < errors { errors::ALL[at] } else { warnings::ALL[at - errors] };
        at += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kebab_case_and_unique() {
        let mut seen = std::collections::HashSet::new();
        for code in ALL {
            assert!(
                code.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                code.code
            );
            assert!(seen.insert(code.code), "{}", code.code);
            assert!(!code.title.ends_with('.') && code.explanation.len() > 60, "{}", code.code);
            assert!(!code.explanation.contains("     \n"), "{}", code.code);
            assert_eq!(super::code(code.code), Some(*code));
            assert!(!code.timely || code.severity == Severity::Warning, "{}", code.code);
        }
    }
}
