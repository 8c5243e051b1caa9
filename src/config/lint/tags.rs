//! Patterns for tags that have no effect.

use super::super::codes;
use super::Found;
use super::view::View;
use crate::policy::{Action, ActionSet, Repository, coverage};

/// More patterns are not compared with one another.
const PATTERNS_MAX: usize = 64;

pub(super) fn lint(view: &View<'_>, found: &mut Found) {
    let Repository { immutable_tags, .. } = view.repository;
    let spans = &view.marks.immutable_tags;
    if immutable_tags.is_empty() || immutable_tags.len() > PATTERNS_MAX || spans.len() != immutable_tags.len() {
        return;
    }
    for (at, pattern) in immutable_tags.iter().enumerate() {
        // A pattern that names signatures reaches tags that the others leave out.
        let signatures = |text: &str| text.starts_with("sha256-");
        let mut others = immutable_tags.iter().enumerate().filter(|(other, by)| {
            *other != at
                && signatures(by.as_str()) == signatures(pattern.as_str())
                && coverage::tag(&[pattern], &[by]).is_nothing()
                && (*other < at || !coverage::tag(&[by], &[pattern]).is_nothing())
        });
        if let Some((other, by)) = others.next() {
            found
                .add(codes::UNMATCHED_TAGS, view.place(spans[at].span()), "this pattern adds no tag to another one")
                .also(view.place(spans[other].span()), format!("`{}` matches them all", by.as_str()))
                .help("remove one of the two");
        }
    }
    for entry in &view.entries {
        let Some((_, Some(tags), _)) = entry.images().filter(is_delete_alone) else {
            continue;
        };
        if coverage::unprotected_tag(Some(tags), immutable_tags).is_nothing() {
            let diagnostic = found.add(
                codes::UNMATCHED_TAGS,
                view.place(entry.span),
                "all these tags are immutable: nobody but an admin deletes them",
            );
            if let Some(first) = spans.first() {
                diagnostic.also(view.place(first.span()), "these patterns begin here");
            }
            diagnostic.help("remove the entry, or take the pattern out of `immutable_tags`");
        }
    }
}

fn is_delete_alone<I, T>((_, _, actions): &(I, T, ActionSet)) -> bool {
    *actions == ActionSet::of(&[Action::Delete])
}
