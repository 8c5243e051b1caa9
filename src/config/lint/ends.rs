//! Grants that end soon, or have ended.

use super::super::codes;
use super::view::View;
use super::{Dormant, Found};

pub(super) fn lint(view: &View<'_>, found: &mut Found) {
    for entry in &view.entries {
        let (Some(span), Some(end)) = (entry.until, entry.grants.first().and_then(|grant| grant.until)) else {
            continue;
        };
        let place = view.place(span);
        let (code, message, help) = if end.is_past(view.whole.at) {
            (codes::GRANT_ENDED, "this grant has ended", "remove the entry, or move the date")
        } else if end.moment() <= view.whole.soon {
            (codes::GRANT_ENDS, "this grant ends within 14 days", "move the date, or let the grant end")
        } else {
            if view.marks.may_allow {
                for code in [codes::GRANT_ENDS, codes::GRANT_ENDED] {
                    found.dormant.push(Dormant { code, place: place.clone() });
                }
            }
            continue;
        };
        if view.marks.may_allow && code == codes::GRANT_ENDS {
            found.dormant.push(Dormant { code: codes::GRANT_ENDED, place: place.clone() });
        }
        found.add(code, place, message).also(view.place(entry.span), "what it allows").help(help);
    }
}
