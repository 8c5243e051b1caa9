//! Who gains and who loses what by a change, in lines for people.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::policy::coverage::NamePattern;
use crate::policy::difference::{Because, Change, Doing, Whose, difference};
use crate::policy::{Snapshot, TagGlob};

/// As many lines are told.
const LINES_MAX: usize = 20;

/// What differs, a line for each subject and pattern of images: gains first.
pub(super) fn lines(old: &Snapshot, new: &Snapshot, at: Timestamp) -> Vec<String> {
    let found = difference(old, new, at);
    let mut lines = grouped(&found.gains, true);
    lines.extend(grouped(&found.losses, false));
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Changes that differ in nothing but what is done share a line.
fn grouped(changes: &[Change], is_gain: bool) -> Vec<String> {
    let mut rows: Vec<(&Change, Vec<&'static str>, String)> = Vec::new();
    let mut known: HashMap<(Whose, String), usize> = HashMap::new();
    for change in changes {
        let words: Vec<&str> = match &change.doing {
            Doing::SigningIn => vec!["sign in"],
            Doing::With(facets) => facets.iter().map(|facet| facet.as_str()).collect(),
        };
        let rest = rest(change, is_gain);
        let at = *known.entry((change.whose.clone(), rest.clone())).or_insert_with(|| {
            rows.push((change, Vec::new(), rest));
            rows.len() - 1
        });
        if let Some((_, all, _)) = rows.get_mut(at) {
            all.extend(words.into_iter().filter(|word| !all.contains(word)).collect::<Vec<_>>());
        }
    }
    rows.iter().map(|(change, words, rest)| line(change, words, rest, is_gain)).collect()
}

fn line(change: &Change, words: &[&str], rest: &str, is_gain: bool) -> String {
    let may = if is_gain { "may now" } else { "may no longer" };
    let whose = match &change.whose {
        Whose::Anonymous => "whoever is not signed in".to_owned(),
        Whose::SignedIn => "whoever is signed in".to_owned(),
        Whose::User(name) => format!("`{name}`"),
    };
    match (&change.because, &change.doing) {
        (Because::Admin, _) if is_gain => format!("{whose} is now an admin, who may do everything"),
        (Because::Admin, _) => format!("{whose} is no longer an admin, who may do everything"),
        _ => format!("{whose} {may} {}{rest}", words.join(", ")),
    }
}

/// What is said behind the actions.
fn rest(change: &Change, is_gain: bool) -> String {
    let mut rest = String::new();
    if let Some(images) = &change.images {
        rest.push_str(&match change.below.as_deref().map(|below| (below, NamePattern::all_below(below))) {
            Some((_, all_below)) if images.plainly_covers(&all_below) => format!(" `{all_below}`"),
            Some((below, _)) => format!(" `{images}` at and below `{below}`"),
            None => format!(" `{images}`"),
        });
    }
    if let Some(tags) = &change.tags {
        rest.push_str(&format!(" with tags `{tags}`"));
    }
    if let Because::Immutable(globs) = &change.because {
        let word = if is_gain { "no longer immutable" } else { "now immutable" };
        rest.push_str(&format!(" with tags `{}`, {word}", globs.join("`, `")));
    }
    let immutable: Vec<&str> = change.immutable.iter().map(TagGlob::as_str).collect();
    if !immutable.is_empty() {
        rest.push_str(&format!(", but for the immutable tags `{}`", immutable.join("`, `")));
    }
    match (change.until, change.only_longer) {
        (Some(end), false) if is_gain => rest.push_str(&format!(" until {end}")),
        (Some(end), true) if is_gain => rest.push_str(&format!(" for longer, until {end}")),
        (None, true) if is_gain => rest.push_str(" for longer, without an end"),
        (_, true) => rest.push_str(" for as long as before"),
        (_, false) => {}
    }
    if change.undecided {
        rest.push_str(" (or not: the patterns are too difficult to compare)");
    }
    rest
}
