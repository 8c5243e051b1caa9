//! Problems in a configuration, as data. Printing them is the business of the command line.

use std::sync::Arc;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The server refuses the file.
    Error,
    /// Probably not what was meant.
    Warning,
}

impl Severity {
    /// The word that is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A piece of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one; never before `start`.
    pub end: usize,
}

/// A place in the configuration folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path below the configuration folder, with `/` between its parts.
    pub file: Arc<str>,
    /// Where in the file; `None` for the file as a whole.
    pub span: Option<Span>,
}

/// A place that belongs to a problem, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// A short note that stands beside the underlined text; may be empty.
    pub text: String,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, such as `unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it depends on the day, and not on the texts alone: then it is not counted against a change.
    pub timely: bool,
    /// What is wrong, without a final full stop, and never with a secret in it.
    pub message: String,
    /// The place where it is wrong.
    pub primary: Label,
    /// Other places that take part, such as the other end of a conflict.
    pub secondary: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// How many problems of a file it stands for that are not told each by itself; 0 for a problem of its own.
    pub left_out: usize,
}

impl Diagnostic {
    /// The order in which problems are told: that of files and places, and then what is left out.
    pub fn order(&self) -> impl Ord + '_ {
        let place = &self.primary.place;
        (&*place.file, self.left_out > 0, place.span, self.code, &*self.message)
    }

    /// How many problems it is.
    pub fn count(&self) -> usize {
        self.left_out.max(1)
    }

    /// Adds what to do about it.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a note beside the underlined text.
    pub fn note(&mut self, text: impl Into<String>) -> &mut Self {
        self.primary.text = text.into();
        self
    }

    /// Adds another place that takes part.
    pub fn also(&mut self, place: Place, text: impl Into<String>) -> &mut Self {
        self.secondary.push(Label { place, text: text.into() });
        self
    }
}
