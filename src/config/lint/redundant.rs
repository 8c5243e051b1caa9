//! Grants that add nothing to others.

use super::super::codes;
use super::Found;
use super::shelf::{Shelf, Sought};
use super::view::{Entry, Section};
use crate::policy::{What, Who};

pub(super) fn lint(shelf: &Shelf<'_, '_>, found: &mut Found) {
    let view = shelf.view;
    for (at, section) in view.sections.iter().enumerate() {
        match (section.who, section.user) {
            // Of those it is told that nothing should be granted to them at all.
            (Who::User(_), None) if view.whole.users_known => continue,
            (_, Some(user)) if !user.enabled => continue,
            (_, Some(user)) if user.admin => {
                let diagnostic = found.add(
                    codes::REDUNDANT_GRANT,
                    view.place(section.key),
                    format!("`{}` is an admin, who may do everything: this adds nothing", user.name),
                );
                diagnostic.help("remove the entry");
                if let Some(place) = view.whole.user_place(user.name.as_str(), |mark| mark.admin) {
                    diagnostic.also(place, "an admin");
                }
                continue;
            }
            _ => {}
        }
        let givers = shelf.givers(at);
        for index in section.entries.clone() {
            let entry = &view.entries[index];
            if let Some(other) = covering(shelf, givers, index, entry) {
                let message = match &view.sections[other.section].who {
                    _ if other.section == at => "this adds nothing to another entry".to_owned(),
                    who => format!("{} may do this already", everybody_in(who)),
                };
                found
                    .add(codes::REDUNDANT_GRANT, view.place(entry.span), message)
                    .also(view.place(other.span), "allows it, too")
                    .help(help(section, &view.sections[other.section]));
            }
        }
    }
}

/// Another entry that allows all that an entry allows.
fn covering<'s>(shelf: &'s Shelf<'_, '_>, givers: &[usize], index: usize, entry: &Entry<'_>) -> Option<&'s Entry<'s>> {
    // What is hardest to be covered says where to look: images, if there are any.
    let hardest = entry.grants.first()?;
    let entries = &shelf.view.entries;
    if matches!(hardest.what, What::Base) {
        let others = givers.iter().flat_map(|giver| shelf.view.sections[*giver].entries.clone());
        let mut others = others.filter(|other| *other != index);
        let covers = |other: usize| {
            let is_base = matches!(entries[other].grants, [one] if matches!(one.what, What::Base));
            (!is_base || other < index) && shelf.covers(&entries[other], hardest)
        };
        return others.find(|other| covers(*other)).map(|other| &entries[other]);
    }
    let is_covered_by = |entry: &Entry<'_>, by: &Entry<'_>| entry.grants.iter().all(|grant| shelf.covers(by, grant));
    let mut others = shelf.candidates(givers, Sought::from(&hardest.what)).filter(|other| *other != index);
    let other = others.find(|other| {
        let by = &entries[*other];
        // Of two equal ones the first stays.
        is_covered_by(entry, by) && !(*other > index && by.section == entry.section && is_covered_by(by, entry))
    })?;
    Some(&entries[other])
}

fn everybody_in(who: &Who) -> String {
    match who {
        Who::Anyone => "anybody (`*`)".to_owned(),
        Who::SignedIn => "anybody who is signed in (`/*`)".to_owned(),
        Who::Group(group) => format!("everybody in the group `{group}`"),
        Who::User(user) => format!("`{user}`"),
    }
}

fn help(section: &Section<'_>, other: &Section<'_>) -> &'static str {
    match section.who == other.who {
        true => "remove one of the two",
        false => "remove this entry, or narrow the other one",
    }
}
