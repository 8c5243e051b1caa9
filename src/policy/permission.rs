//! The words of a permissions section: simple operations and granular permissions.

use std::ops::Range;

use super::{Action, ActionSet, BadGlob, ImageGlob, TagGlob, What};

/// The words of the simple form, each with the actions that it allows on every image of a repository.
/// `push` is a synonym of `write` here and means both pushing and overwriting.
const SIMPLE: [(&str, &[Action]); 14] = [
    ("read", READ),
    ("r", READ),
    ("download", READ),
    ("install", READ),
    ("pull", READ),
    ("write", WRITE),
    ("w", WRITE),
    ("publish", WRITE),
    ("push", WRITE),
    ("deploy", WRITE),
    ("upload", WRITE),
    ("delete", DELETE),
    ("d", DELETE),
    ("remove", DELETE),
];

const READ: &[Action] = &[Action::Pull];
const WRITE: &[Action] = &[Action::Push, Action::Overwrite];
const DELETE: &[Action] = &[Action::Delete];

/// Every word of the simple form, for proposals.
pub const OPERATION_WORDS: [&str; 15] = [
    "read", "r", "download", "install", "pull", "write", "w", "publish", "push", "deploy", "upload", "delete", "d",
    "remove", "*",
];

/// The words that can end a granular permission.
const ACTION_WORDS: [&str; 5] = ["pull", "push", "overwrite", "delete", "*"];

/// Why a text is not a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct BadPermission {
    /// What is wrong.
    pub kind: BadPermissionKind,
    /// The bytes of the text that are wrong.
    pub range: Range<usize>,
    /// What could stand there instead of them.
    pub suggestion: Option<String>,
}

/// What is wrong with a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPermissionKind {
    /// Nothing is written.
    #[error("a permission cannot be empty")]
    Empty,
    /// No colon, and none of [`OPERATION_WORDS`].
    #[error("unknown operation `{0}`")]
    UnknownOperation(String),
    /// Neither `repository` nor `registry` stands before the first colon.
    #[error("unknown scope `{0}`: a granular permission begins with `repository:` or `registry:`")]
    UnknownScope(String),
    /// `repository:` with too few or too many parts.
    #[error("malformed permission: write `repository:NAME:ACTION` or `repository:NAME:TAG:ACTION`")]
    RepositoryForm,
    /// `registry:` with something else than two more parts, the second `*`.
    #[error("malformed permission: write `registry:base:*` or `registry:catalog:*`")]
    RegistryForm,
    /// The name of images is no pattern.
    #[error("bad image name: {0}")]
    BadImageGlob(BadGlob),
    /// The tag is no pattern.
    #[error("bad tag: {0}")]
    BadTagGlob(BadGlob),
    /// The last part is no action.
    #[error("unknown action `{0}`: an action is `pull`, `push`, `overwrite`, `delete` or `*`")]
    UnknownAction(String),
    /// A tag stands before `pull`.
    #[error("`pull` cannot be limited to tags: an image can also be pulled by digest")]
    TagLimitedPull,
    /// Neither `base` nor `catalog` follows `registry:`.
    #[error("unknown registry permission `{0}`: it is `base` or `catalog`")]
    UnknownRegistryPermission(String),
}

/// Reads a word of the simple form: what it allows on a whole repository, `None` where there is no
/// such word.
pub fn simple_operation(word: &str) -> Option<Vec<What>> {
    let mut allowed = Vec::new();
    read_simple(word, &mut allowed).then_some(allowed)
}

fn read_simple(word: &str, allowed: &mut Vec<What>) -> bool {
    let on_everything = |actions| What::Images { images: ImageGlob::everything(), tags: None, actions };
    if word == "*" {
        allowed.extend([on_everything(ActionSet::ALL), What::Catalog, What::Base]);
        return true;
    }
    let Some((_, actions)) = SIMPLE.iter().find(|(known, _)| *known == word) else { return false };
    allowed.push(on_everything(ActionSet::of(actions)));
    true
}

/// Reads one entry of a permissions section: a simple operation or a granular permission.
///
/// # Errors
/// Says what is wrong, where, and what was probably meant.
pub fn parse_permission(text: &str) -> Result<Vec<What>, BadPermission> {
    let mut allowed = Vec::new();
    read_permission(text, &mut allowed)?;
    Ok(allowed)
}

/// The same for a million entries: what it allows is added to a list that can be used again for the next one.
///
/// # Errors
/// As above; nothing is added then.
pub fn read_permission(text: &str, allowed: &mut Vec<What>) -> Result<(), BadPermission> {
    if text.is_empty() {
        return Err(bad(BadPermissionKind::Empty, 0..0, None));
    }
    // Most entries are such a word.
    if read_simple(text, allowed) {
        return Ok(());
    }
    let parts = Part::split(text);
    allowed.push(granular(text, &parts)?);
    Ok(())
}

fn granular(text: &str, parts: &[Part<'_>]) -> Result<What, BadPermission> {
    match parts {
        [word] => {
            let suggestion = match word.text {
                "overwrite" => Some("write"),
                other => nearest(other, &OPERATION_WORDS),
            };
            Err(bad(BadPermissionKind::UnknownOperation(shown(word.text)), word.range(), suggestion))
        }
        [scope, rest @ ..] if scope.text == "repository" => repository(text, rest),
        [scope, rest @ ..] if scope.text == "registry" => registry(text, rest),
        [scope, ..] => {
            let suggestion = nearest(scope.text, &["repository", "registry"]);
            Err(bad(BadPermissionKind::UnknownScope(shown(scope.text)), scope.range(), suggestion))
        }
        [] => Err(bad(BadPermissionKind::Empty, 0..0, None)),
    }
}

fn repository(text: &str, parts: &[Part<'_>]) -> Result<What, BadPermission> {
    let (name, tag, action) = match parts {
        [name, action] => (name, None, action),
        [name, tag, action] => (name, Some(tag), action),
        _ => return Err(bad(BadPermissionKind::RepositoryForm, 0..text.len(), None)),
    };
    let images =
        ImageGlob::parse(name.text).map_err(|error| bad(BadPermissionKind::BadImageGlob(error), name.range(), None))?;
    let tags = tag
        .map(|tag| {
            TagGlob::parse(tag.text).map_err(|error| bad(BadPermissionKind::BadTagGlob(error), tag.range(), None))
        })
        .transpose()?;
    let actions = match (Action::parse(action.text), &tags) {
        (Some(Action::Pull), Some(_)) => {
            let whole = format!("repository:{}:pull", name.text);
            return Err(bad(BadPermissionKind::TagLimitedPull, 0..text.len(), Some(&whole)));
        }
        (Some(action), _) => ActionSet::of(&[action]),
        (None, None) if action.text == "*" => ActionSet::ALL,
        (None, Some(_)) if action.text == "*" => ActionSet::of(&[Action::Push, Action::Overwrite, Action::Delete]),
        (None, _) => {
            return Err(bad(
                BadPermissionKind::UnknownAction(shown(action.text)),
                action.range(),
                action_for(action.text),
            ));
        }
    };
    Ok(What::Images { images, tags, actions })
}

fn registry(text: &str, parts: &[Part<'_>]) -> Result<What, BadPermission> {
    let [name, action] = parts else {
        return Err(bad(BadPermissionKind::RegistryForm, 0..text.len(), None));
    };
    let what = match name.text {
        "base" => What::Base,
        "catalog" => What::Catalog,
        other => {
            let suggestion = nearest(other, &["base", "catalog"]);
            return Err(bad(BadPermissionKind::UnknownRegistryPermission(shown(other)), name.range(), suggestion));
        }
    };
    if action.text != "*" {
        return Err(bad(BadPermissionKind::RegistryForm, action.range(), Some("*")));
    }
    Ok(what)
}

/// A part between colons.
struct Part<'a> {
    text: &'a str,
    start: usize,
}

impl<'a> Part<'a> {
    fn split(text: &'a str) -> Vec<Self> {
        let mut start = 0;
        // For a single character, the library prepares itself for longer texts; for one of several, it does not.
        text.split([':'])
            .map(|part| {
                let found = Self { text: part, start };
                start += part.len() + 1;
                found
            })
            .collect()
    }

    fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

fn bad(kind: BadPermissionKind, range: Range<usize>, suggestion: Option<&str>) -> BadPermission {
    BadPermission { kind, range, suggestion: suggestion.map(str::to_owned) }
}

/// The action that was probably meant; a word of the simple form gives the action that covers it.
fn action_for(word: &str) -> Option<&'static str> {
    match SIMPLE.iter().find(|(known, _)| *known == word) {
        Some((_, [action])) => Some(action.as_str()),
        Some(_) => Some(Action::Overwrite.as_str()),
        None => nearest(word, &ACTION_WORDS),
    }
}

/// The known word that is most like this one, if any is like it.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: String = word.trim().to_lowercase().chars().take(40).collect();
    let similar = known.iter().map(|candidate| (strsim::jaro_winkler(&word, candidate), *candidate));
    let best = similar.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 >= 0.8).then_some(best.1)
}

/// A word as it can be shown: without control characters, and not for ever.
fn shown(word: &str) -> String {
    let short: String = word.chars().take(60).collect();
    short.escape_debug().to_string()
}
