//! What an access test says.

use std::sync::Arc;

use jiff::Timestamp;

use super::codes;
use super::report::diagnostic;
use crate::diagnostic::{Diagnostic, Place, Span};
use crate::identity::UserName;
use crate::oci::{ImageName, Tag};
use crate::policy::Action;

/// Something, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<T> {
    /// What it is.
    pub value: T,
    /// Where it stands in its file.
    pub span: Span,
}

/// An image, alone or with a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestImage {
    /// Its full name.
    pub name: ImageName,
    /// The tag.
    pub tag: Option<Tag>,
}

impl std::fmt::Display for TestImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.tag {
            Some(tag) => write!(f, "{}:{tag}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// That an action must be allowed, or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The action.
    pub action: Action,
    /// Whether it must be allowed.
    pub allowed: bool,
}

/// One entry of a file below `tests/`: each subject, with each claim, on each image is a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTest {
    /// The file, relative to the configuration folder.
    pub file: Arc<str>,
    /// Who asks; `None` is anonymous.
    pub subjects: Vec<Written<Option<UserName>>>,
    /// What must be allowed or refused.
    pub claims: Vec<Written<Claim>>,
    /// On which images.
    pub images: Vec<Written<TestImage>>,
    /// When; `None` is now.
    pub at: Option<Timestamp>,
}

/// A test that failed, as a problem at the place of what it wants.
pub fn test_failure(place: Place, message: impl Into<String>) -> Diagnostic {
    diagnostic(codes::TEST_FAILED, place, message)
}
