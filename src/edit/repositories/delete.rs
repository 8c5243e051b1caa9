//! A repository that goes.

use std::sync::Arc;

use crate::edit::draft::Draft;
use crate::edit::{Folder, Plan, Refused};

/// Deletes a repository's file, never its data. Where another repository then serves its images, a note says so.
pub fn delete_repository(folder: &Folder, name: &str) -> Result<Plan, Refused> {
    let file = Arc::clone(folder.repository(name)?);
    let mut draft = Draft::new(folder)?;
    if !folder.compiled.sources.contains_key(&file) {
        // What cannot be read could not be put back.
        folder.good_text(&file)?;
    }
    draft.remove(&file);
    draft.note(format!("the images of `{name}` stay in the storage, where nobody reaches them through this name"));
    let snapshot = &draft.model.snapshot;
    let gone = snapshot.repositories().binary_search_by(|repository| (*repository.name).cmp(name)).ok();
    let gone = gone.and_then(|at| snapshot.repositories().get(at));
    let outer = gone.and_then(|gone| {
        let above = gone.prefix.match_indices('/').map(|(slash, _)| &gone.prefix[..slash]);
        let mut above: Vec<&str> = above.chain((!gone.prefix.is_empty()).then_some("")).collect();
        above.sort_unstable_by_key(|prefix| std::cmp::Reverse(prefix.len()));
        above.into_iter().find_map(|prefix| snapshot.repository_at(prefix))
    });
    if let Some(outer) = outer {
        draft.note(format!(
            "from now on `{}` serves the names at and below `{name}`: who may do something there may do it here",
            outer.name
        ));
    }
    draft.finish(format!("Delete the repository `{name}`"), None)
}
