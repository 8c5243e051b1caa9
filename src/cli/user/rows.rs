//! How lists tell what is granted to users.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::edit::{Attached, UserRow};

/// What is granted to a user by name, a text for each repository, or part of one.
pub(super) fn attached_texts(attached: &[Attached]) -> Vec<String> {
    let mut texts: Vec<(String, Vec<&str>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for entry in attached {
        let mut place = entry.repository.to_string();
        if let Some(images) = &entry.images {
            place.push_str(&format!(" {images}"));
        }
        if let Some(tags) = &entry.tags {
            place.push_str(&format!(":{tags}"));
        }
        match (&entry.until, entry.has_ended) {
            (Some(until), true) => place.push_str(&format!(" (ended {until})")),
            (Some(until), false) => place.push_str(&format!(" (until {until})")),
            (None, _) => {}
        }
        let at = *known.entry(place.clone()).or_insert(texts.len());
        match texts.get_mut(at) {
            Some((_, actions)) => actions.extend(&entry.actions),
            None => texts.push((place, entry.actions.clone())),
        }
    }
    let text = |(place, mut actions): (String, Vec<&str>)| {
        let mut seen = std::collections::BTreeSet::new();
        actions.retain(|action| seen.insert(*action));
        format!("{place}: {}", actions.join(" "))
    };
    texts.into_iter().map(text).collect()
}

/// The same for machines.
fn attached_json(attached: &[Attached]) -> Vec<Value> {
    let entry = |entry: &Attached| {
        json!({
            "repository": &*entry.repository,
            "images": entry.images,
            "tags": entry.tags,
            "actions": entry.actions,
            "until": entry.until.map(|end| end.to_string()),
            "has_ended": entry.has_ended,
        })
    };
    attached.iter().map(entry).collect()
}

/// A user for machines. No secret is in it.
pub(super) fn user_json(row: &UserRow) -> Value {
    let user = &row.user;
    json!({
        "name": user.name.as_str(),
        "state": row.state.as_str(),
        "admin": user.admin,
        "groups": user.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
        "email": user.email,
        "description": user.description,
        "expires": user.expires.map(|end| end.to_string()),
        "attached": attached_json(&row.attached),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::End;

    #[test]
    fn entries_of_a_repository_stand_together() {
        let entry =
            |images: Option<&str>, tags: Option<&str>, actions: &[&'static str], until: Option<&str>| Attached {
                repository: "team/app".into(),
                images: images.map(str::to_owned),
                tags: tags.map(str::to_owned),
                actions: actions.to_vec(),
                until: until.map(|text| End::parse(text).unwrap()),
                has_ended: until == Some("2020-01-01"),
            };
        let all = [
            entry(None, None, &["pull"], None),
            entry(None, None, &["pull", "push", "overwrite"], None),
            entry(Some("api"), Some("v*"), &["push"], Some("2099-01-01")),
            entry(None, None, &["delete"], Some("2020-01-01")),
        ];
        assert_eq!(
            attached_texts(&all),
            [
                "team/app: pull push overwrite",
                "team/app api:v* (until 2099-01-01): push",
                "team/app (ended 2020-01-01): delete",
            ]
        );
    }
}
