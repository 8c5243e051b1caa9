//! Pushing without pulling, and pushing with deleting.

use std::collections::BTreeSet;

use super::super::codes;
use super::Found;
use super::shelf::{Shelf, Sought};
use super::view::{Entry, Section};
use crate::policy::coverage::{self, Example, Search};
use crate::policy::{Action, ActionSet, ImageGlob, TagGlob, What, Who};

/// So many members of a group are looked at.
const MEMBERS_MAX: usize = 256;

pub(super) fn lint(shelf: &Shelf<'_, '_>, found: &mut Found) {
    let view = shelf.view;
    let has = |wanted: fn(ActionSet) -> bool| {
        view.entries.iter().filter_map(Entry::images).any(|(_, _, actions)| wanted(actions))
    };
    let deletes_matter = has(creates_only) && has(|actions| actions.contains(Action::Delete));
    for (at, section) in view.sections.iter().enumerate() {
        match section.user {
            Some(user) if user.admin || !user.enabled => continue,
            None if matches!(section.who, Who::User(_)) && view.whole.users_known => continue,
            _ => {}
        }
        let givers = shelf.givers(at);
        for entry in view.entries_of(section) {
            without_pull(shelf, section, givers, entry, found);
        }
        if deletes_matter {
            let mut told = BTreeSet::new();
            let is_own = |push: &Entry<'_>, delete: &Entry<'_>| push.section == at || delete.section == at;
            with_delete(shelf, givers, is_own, &mut told, found);
            if let Who::Group(group) = section.who {
                by_two_groups(shelf, at, group.as_str(), &mut told, found);
            }
        }
    }
}

fn creates_only(actions: ActionSet) -> bool {
    actions.contains(Action::Push) && !actions.contains(Action::Overwrite)
}

fn pushes(actions: ActionSet) -> bool {
    actions.contains(Action::Push) || actions.contains(Action::Overwrite)
}

/// Tells where an entry lets somebody push what nothing lets them pull.
fn without_pull(shelf: &Shelf<'_, '_>, section: &Section<'_>, givers: &[usize], entry: &Entry<'_>, found: &mut Found) {
    let Some((images, _, actions)) = entry.images().filter(|(_, _, actions)| pushes(*actions)) else {
        return;
    };
    if actions.contains(Action::Pull) && entry.images().is_some_and(|(_, tags, _)| tags.is_none()) {
        return;
    }
    let Some((image, who)) = lacking(shelf, section, givers, images) else {
        return;
    };
    let view = shelf.view;
    let shown = match image {
        Some(image) if images.as_str().contains('*') => format!("`{image}`, for instance,"),
        Some(image) => format!("`{image}`"),
        None => "images".to_owned(),
    };
    let help = match images.is_everything() {
        true => "add `read`".to_owned(),
        false => format!("add `repository:{}:pull`, or `read` for all images", images.as_str()),
    };
    let message = match section.who {
        Who::User(user) => format!("`{user}` may push {shown} and not pull it"),
        Who::Anyone => format!("anybody may push {shown} and not everybody may pull it"),
        Who::SignedIn | Who::Group(_) => match &who {
            Some(user) => format!("`{user}` may push {shown} by this and not pull it"),
            None => format!("whoever is signed in may push {shown} by this and not pull it"),
        },
    };
    found
        .add(codes::PUSH_WITHOUT_PULL, view.place(entry.span), message)
        .also(view.place(section.key), "granted to")
        .help(help);
}

/// An image that somebody of a section may not pull, and who that is.
fn lacking(
    shelf: &Shelf<'_, '_>,
    section: &Section<'_>,
    givers: &[usize],
    images: &ImageGlob,
) -> Option<(Option<String>, Option<String>)> {
    let whole = shelf.view.whole;
    let image = unpulled(shelf, givers, images)?;
    let members: Box<dyn Iterator<Item = &crate::identity::User>> = match section.who {
        Who::Group(group) => Box::new(whole.members(group.as_str()).iter().copied()),
        Who::SignedIn => Box::new(whole.users.iter().copied()),
        Who::Anyone | Who::User(_) => return Some((image, None)),
    };
    // Whoever is meant may have the right in another way.
    let mut members = members.filter(|user| user.enabled && !user.admin).take(MEMBERS_MAX).peekable();
    members.peek()?;
    members.find_map(|user| Some((unpulled(shelf, &shelf.givers_of(user), images)?, Some(user.name.to_string()))))
}

/// An image that some sections do not let pull, where its name is known.
fn unpulled(shelf: &Shelf<'_, '_>, givers: &[usize], images: &ImageGlob) -> Option<Option<String>> {
    // One entry is mostly enough, and easily found.
    let sought = Sought::pull(images);
    if shelf.candidates(givers, sought).any(|other| shelf.allows(&shelf.view.entries[other], sought)) {
        return None;
    }
    if shelf.gave_up() {
        return None;
    }
    if !images.as_str().contains('*') {
        let prefix = shelf.territory.prefix;
        return Some(Some(match (images.as_str(), prefix) {
            (".", _) => prefix.to_owned(),
            (name, "") => name.to_owned(),
            (name, _) => format!("{prefix}/{name}"),
        }));
    }
    let allowed: Vec<&What> = shelf.allowed(givers, Action::Pull).collect();
    let pull = What::Images { images: images.clone(), tags: None, actions: ActionSet::of(&[Action::Pull]) };
    match shelf.may_compare().then(|| coverage::beyond(shelf.territory, &pull, &allowed)) {
        Some(Search::Found(Example { image, .. })) => Some(image.map(|image| image.to_string())),
        Some(Search::Nothing | Search::GaveUp) | None => None,
    }
}

/// Tells where members of a group may delete by it what they may create by another group.
fn by_two_groups(shelf: &Shelf<'_, '_>, at: usize, group: &str, told: &mut BTreeSet<usize>, found: &mut Found) {
    let view = shelf.view;
    let deletes = |entry: &Entry<'_>| entry.images().is_some_and(|(.., actions)| actions.contains(Action::Delete));
    if !view.entries_of(&view.sections[at]).iter().any(deletes) {
        return;
    }
    // What a user may by an entry of their own is told there.
    let is_by_group = |push: &Entry<'_>, delete: &Entry<'_>| {
        delete.section == at && matches!(view.sections[push.section].who, Who::Group(_))
    };
    // Who is in the same groups is looked at once.
    let mut seen: BTreeSet<Vec<usize>> = BTreeSet::new();
    let members = view.whole.members(group).iter().filter(|user| user.enabled && !user.admin);
    for member in members.take(MEMBERS_MAX) {
        let mut givers = shelf.givers_of(member);
        givers.sort_unstable();
        if givers.len() > 1 && seen.insert(givers.clone()) {
            with_delete(shelf, &givers, is_by_group, told, found);
        }
    }
}

/// Tells where somebody may create tags and delete them, but not overwrite them, by two entries of which something
/// is true: of each that deletes once.
fn with_delete(
    shelf: &Shelf<'_, '_>,
    givers: &[usize],
    is_meant: impl Fn(&Entry<'_>, &Entry<'_>) -> bool,
    told: &mut BTreeSet<usize>,
    found: &mut Found,
) {
    let view = shelf.view;
    let of_givers = |wanted: fn(ActionSet) -> bool| -> Vec<&Entry<'_>> {
        let entries = givers.iter().flat_map(|giver| view.entries_of(&view.sections[*giver]));
        entries.filter(|entry| entry.images().is_some_and(|(_, _, actions)| wanted(actions))).collect()
    };
    let (creating, deleting) = (of_givers(creates_only), of_givers(|actions| actions.contains(Action::Delete)));
    let overwriting = of_givers(|actions| actions.contains(Action::Overwrite));
    for delete in deleting {
        let meets =
            |push: &&&Entry<'_>| is_meant(push, delete) && amount_to_overwrite(shelf, push, delete, &overwriting);
        if told.contains(&delete.span.start) {
            continue;
        }
        if let Some(push) = creating.iter().find(meets) {
            told.insert(delete.span.start);
            found
                .add(
                    codes::DELETE_WITH_PUSH,
                    view.place(delete.span),
                    "with this, tags that may not be overwritten can be deleted and pushed again",
                )
                .also(view.place(push.span), "lets create tags, and replace none")
                .help("take one of the two away, grant `overwrite`, or list the tags in `immutable_tags`");
        }
    }
}

/// Whether there is a tag that two entries let create and delete, that no other lets overwrite, and that is not
/// immutable.
fn amount_to_overwrite(
    shelf: &Shelf<'_, '_>,
    push: &Entry<'_>,
    delete: &Entry<'_>,
    overwriting: &[&Entry<'_>],
) -> bool {
    let (Some((pushed, push_tags, _)), Some((deleted, delete_tags, _))) = (push.images(), delete.images()) else {
        return false;
    };
    let mut images_elsewhere: Vec<&ImageGlob> = Vec::new();
    let mut tags_elsewhere: Vec<&TagGlob> = shelf.view.repository.immutable_tags.iter().collect();
    for (images, tags, _) in overwriting.iter().filter_map(|entry| entry.images()) {
        match tags {
            None => images_elsewhere.push(images),
            Some(tags) if images.is_everything() || images == pushed => tags_elsewhere.push(tags),
            Some(_) => {}
        }
    }
    let limits: Vec<&TagGlob> = push_tags.into_iter().chain(delete_tags).collect();
    let tags_meet = match limits.as_slice() {
        [] | [_] if tags_elsewhere.is_empty() => true,
        limits => shelf.may_compare() && matches!(coverage::tag(limits, &tags_elsewhere), Search::Found(_)),
    };
    match Shelf::meet(pushed, deleted) {
        _ if !tags_meet => false,
        Some(meet) if !meet || images_elsewhere.is_empty() => meet,
        _ => {
            let image = || coverage::image(shelf.territory, &[pushed, deleted], &images_elsewhere);
            shelf.may_compare() && matches!(image(), Search::Found(_))
        }
    }
}
