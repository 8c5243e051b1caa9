//! Users who can do more than is good, or whom nobody can reach.

use std::sync::Arc;

use super::super::codes;
use super::{Found, Whole};
use crate::diagnostic::Place;

pub(super) fn lint(whole: &Whole<'_>, found: &mut Found) {
    for (user, file, mark) in whole.marked_users().filter(|(user, ..)| user.admin) {
        let place = |span: super::marks::Short| Place { file: Arc::clone(file), span: Some(span.span()) };
        let admin = place(mark.admin.unwrap_or(mark.key));
        if !user.enabled {
            found
                .add(codes::DISABLED_USER, admin, format!("`{}` is disabled, and still an admin", user.name))
                .also(place(mark.enabled.unwrap_or(mark.key)), "disabled here")
                .help("remove `admin`: enabling the user again is then no more than that");
        } else if user.email.is_none() {
            found
                .add(
                    codes::ADMIN_WITHOUT_EMAIL,
                    place(mark.key),
                    format!("the admin `{}` has no e-mail address", user.name),
                )
                .also(admin, "an admin")
                .help("add `email: NAME@example.com` to the entry");
        }
    }
}
