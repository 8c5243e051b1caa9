//! Images that a grant can never reach, or that are hardly those that were meant.

use std::sync::Arc;

use super::super::codes;
use super::Found;
use super::view::{Entry, View};
use crate::diagnostic::Place;
use crate::oci::NAME_MAX_CHARS;
use crate::policy::coverage::Prefixes;
use crate::policy::{ImageGlob, Repository, What};

pub(super) fn lint(view: &View<'_>, prefixes: &Prefixes<'_>, found: &mut Found) {
    let has_nested = !prefixes.below(&view.repository.prefix).is_empty();
    for entry in &view.entries {
        for grant in entry.grants {
            if let What::Images { images, .. } = &grant.what
                && !images.is_everything()
                && !images.is_prefix_itself()
            {
                look_at(view, entry, images, has_nested, found);
            }
        }
    }
}

fn look_at(view: &View<'_>, entry: &Entry<'_>, images: &ImageGlob, has_nested: bool, found: &mut Found) {
    let Repository { prefix, .. } = view.repository;
    let pattern = images.as_str();
    let literal = literal_head(pattern);
    if let Some(nested) = has_nested.then(|| nested(view, literal)).flatten() {
        found
            .add(
                codes::UNMATCHED_IMAGES,
                view.place(entry.span),
                format!("all images of `{pattern}` belong to another repository: this grants nothing"),
            )
            .also(
                Place { file: Arc::clone(&nested.file), span: None },
                format!("serves `{}` and all below it", nested.prefix),
            )
            .help(format!("grant it in `{}`, or remove the entry", nested.file));
        return;
    }
    if prefix.len() + 1 + pattern.len() > NAME_MAX_CHARS
        && prefix.len() + shortest(pattern) > NAME_MAX_CHARS + usize::from(prefix.is_empty())
    {
        found
            .add(
                codes::UNMATCHED_IMAGES,
                view.place(entry.span),
                format!("no image's name can be so long: with the prefix, it has at most {NAME_MAX_CHARS} characters"),
            )
            .help("shorten the name, or remove the entry");
        return;
    }
    if let Some(rest) = literal.strip_prefix(&**prefix).filter(|_| !prefix.is_empty())
        && (rest.is_empty() || rest.starts_with('/'))
    {
        let meant = pattern.get(prefix.len()..).map_or("", |rest| rest.trim_start_matches('/'));
        let meant = if meant.is_empty() { "." } else { meant };
        found
            .add(
                codes::REPEATED_PREFIX,
                view.place(entry.span),
                format!("names are relative to the prefix: this is `{prefix}/{pattern}`"),
            )
            .help(match meant {
                "." => format!("write `.` for the image `{prefix}`"),
                _ => format!("write `{meant}` for `{prefix}/{meant}`"),
            });
    }
}

/// How long a matching name is at least, with a slash before each component. What a `*` stands for may be
/// nothing; components have at least one character.
fn shortest(pattern: &str) -> usize {
    let components = pattern.split('/').filter(|component| *component != "**");
    components.map(|component| component.replace('*', "").len().max(1) + 1).sum()
}

/// The components at the beginning of a pattern that every matching name has.
fn literal_head(pattern: &str) -> &str {
    let star = pattern.find('*').unwrap_or(pattern.len());
    if star == pattern.len() { pattern } else { pattern[..star].rfind('/').map_or("", |slash| &pattern[..slash]) }
}

/// Another repository to which all names belong that begin so.
fn nested<'c>(view: &View<'c>, literal: &str) -> Option<&'c Repository> {
    if literal.is_empty() {
        return None;
    }
    let prefix = &*view.repository.prefix;
    let whole = if prefix.is_empty() { literal.to_owned() } else { format!("{prefix}/{literal}") };
    let ends = whole.match_indices('/').map(|(slash, _)| slash).chain([whole.len()]);
    ends.rev().filter(|end| *end > prefix.len()).find_map(|end| view.whole.prefixes.get(&whole[..end]).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_what_every_name_has() {
        for (pattern, head) in
            [("a/b", "a/b"), ("a/*", "a"), ("a/b*", "a"), ("a*", ""), ("**/a", ""), ("a/**", "a"), ("a/b/*/c", "a/b")]
        {
            assert_eq!(literal_head(pattern), head, "{pattern}");
        }
    }
}
