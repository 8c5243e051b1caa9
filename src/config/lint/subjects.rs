//! To whom is granted: to nobody, to everybody, to somebody who is locked out.

use super::super::codes;
use super::view::{Section, View};
use super::{Dormant, Found};
use crate::identity::User;
use crate::policy::{Action, ActionSet, What, Who};

pub(super) fn lint(view: &View<'_>, found: &mut Found) {
    for section in &view.sections {
        match section.who {
            Who::Anyone => world_writable(view, section, found),
            Who::SignedIn => {}
            Who::Group(group) if view.whole.users_known && view.whole.members(group.as_str()).is_empty() => {
                let diagnostic = found.add(
                    codes::UNMATCHED_GROUP,
                    view.place(section.key),
                    format!("nobody is in the group `{group}`"),
                );
                diagnostic.help(match view.whole.near_group(group.as_str()) {
                    Some(near) => format!("did you mean `/{near}`?"),
                    None => format!("put somebody into the group, `groups: [{group}]`, or remove the entry"),
                });
            }
            Who::Group(group) if view.whole.users_known => all_locked_out(view, section, group.as_str(), found),
            Who::Group(_) => {}
            Who::User(name) if view.whole.users_known => match section.user {
                Some(user) => locked_out(view, section, user, found),
                None => {
                    let diagnostic =
                        found.add(codes::UNMATCHED_USER, view.place(section.key), format!("there is no user `{name}`"));
                    diagnostic.help(match view.whole.near_user(name.as_str()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None if !view.whole.members(name.as_str()).is_empty() => {
                            format!("a group is written `/{name}`")
                        }
                        None => "add the user to the credentials file, or remove the entry".to_owned(),
                    });
                }
            },
            Who::User(_) => {}
        }
    }
}

/// Whether anybody may push or delete.
fn world_writable(view: &View<'_>, section: &Section<'_>, found: &mut Found) {
    for entry in view.entries_of(section) {
        let actions = entry.grants.iter().fold(ActionSet::NONE, |all, grant| match &grant.what {
            What::Images { actions, .. } => actions.iter().fold(all, ActionSet::with),
            What::Base | What::Catalog => all,
        });
        let pushes = actions.contains(Action::Push) || actions.contains(Action::Overwrite);
        let what = match (pushes, actions.contains(Action::Delete)) {
            (true, true) => "push and delete",
            (true, false) => "push",
            (false, true) => "delete",
            (false, false) => continue,
        };
        found
            .add(codes::WORLD_WRITABLE, view.place(entry.span), format!("anybody may {what}, also without signing in"))
            .also(view.place(section.key), "`*` is anybody")
            .help("grant it to `\"/*\"`, who is signed in, to a group, or to a user");
    }
}

/// Whether the user cannot sign in.
fn locked_out(view: &View<'_>, section: &Section<'_>, user: &User, found: &mut Found) {
    let whole = view.whole;
    let place = view.place(section.key);
    if !user.enabled {
        let diagnostic = found.add(
            codes::DISABLED_USER,
            place,
            format!("`{}` is disabled, and still granted rights here", user.name),
        );
        diagnostic.help("remove the entry, or the user");
        if let Some(other) = whole.user_place(user.name.as_str(), |mark| mark.enabled) {
            diagnostic.also(other, "disabled here");
        }
        return;
    }
    match user.expires {
        Some(end) if end.is_past(whole.at) => {
            let diagnostic = found.add(
                codes::EXPIRED_USER,
                place,
                format!("`{}` has expired, and is still granted rights here", user.name),
            );
            diagnostic.help("remove the entry, or move the date of the user");
            if let Some(other) = whole.user_place(user.name.as_str(), |mark| mark.expires) {
                diagnostic.also(other, "expired");
            }
        }
        Some(_) if view.marks.may_allow => found.dormant.push(Dormant { code: codes::EXPIRED_USER, place }),
        _ => {}
    }
}

/// Whether nobody in a group can sign in.
fn all_locked_out(view: &View<'_>, section: &Section<'_>, group: &str, found: &mut Found) {
    let whole = view.whole;
    let members = whole.members(group);
    let is_past = |user: &&User| user.enabled && user.expires.is_some_and(|end| end.is_past(whole.at));
    let ends = |user: &&User| !user.enabled || user.expires.is_some();
    let place = view.place(section.key);
    if members.iter().any(|user| user.enabled && !is_past(user)) {
        if view.marks.may_allow && members.iter().all(ends) {
            found.dormant.push(Dormant { code: codes::EXPIRED_USER, place });
        }
        return;
    }
    // What depends on the day is told as such.
    let expired = members.iter().find(|user| is_past(user));
    let (code, what) = match expired {
        None => (codes::DISABLED_USER, "is disabled"),
        Some(_) if members.iter().all(is_past) => (codes::EXPIRED_USER, "has expired"),
        Some(_) => (codes::EXPIRED_USER, "is disabled or has expired"),
    };
    let diagnostic =
        found.add(code, place, format!("everybody in the group `{group}` {what}, and rights are still granted to it"));
    diagnostic.help("remove the entry, or put somebody into the group who can sign in");
    let (example, label) = match (expired, members.first()) {
        (Some(user), _) => (whole.user_place(user.name.as_str(), |mark| mark.expires), "expired"),
        (None, Some(user)) => (whole.user_place(user.name.as_str(), |mark| mark.enabled), "disabled here"),
        (None, None) => (None, ""),
    };
    if let Some(other) = example {
        diagnostic.also(other, label);
    }
}
