//! `portolan import artipie`: users, roles, storages and Docker repositories.
//!
//! The older generation keeps the users in one `_credentials.yaml` and the permissions in the
//! repositories' files; the newer one has a file for each user and each role, which hold the
//! permissions, and ignores those in the repositories' files.

mod files;
mod permissions;
mod policy;
mod repositories;
mod users;

use std::path::Path;

use super::draft::Draft;
use super::report::Report;
use crate::cli::Failure;

use files::{Kind, Source};
use repositories::Docker;

/// Reads a folder.
///
/// # Errors
/// The folder or one of its files cannot be read, or there is nothing of Artipie in it.
pub(super) fn import(folder: &Path, report: &mut Report) -> Result<Draft, Failure> {
    let sources = files::find(folder, report)?;
    let is_newer = sources.iter().any(|source| matches!(source.kind, Kind::User(_) | Kind::Role(_)));
    let has_any = |kind: fn(&Kind) -> bool| sources.iter().any(|source| kind(&source.kind));
    if !is_newer && !has_any(|kind| matches!(kind, Kind::Credentials | Kind::Repository(_))) {
        return Err(Failure::new(format!("`{}` holds nothing of Artipie", folder.display()))
            .with_hint("name the folder with `_credentials.yaml` or `users/`, and the repositories' files"));
    }
    let mut draft = Draft::new("Artipie");
    let mut dockers: Vec<Docker> = Vec::new();
    for source in &sources {
        match &source.kind {
            Kind::Storages => repositories::storages(source, &mut draft, report)?,
            Kind::Repository(name) => dockers.extend(repositories::docker(name, source, is_newer, report)),
            Kind::Settings => settings(source, report),
            Kind::Credentials if is_newer => {
                report.left_out(&source.path, 0, "there are `users/` and `roles/` as well, which were taken");
            }
            Kind::Credentials => users::of_one_file(source, &mut draft, report)?,
            Kind::User(_) | Kind::Role(_) => {}
        }
    }
    if is_newer {
        policy::import(&sources, &mut dockers, &mut draft, report);
    }
    repositories::finish(dockers, &mut draft, report);
    Ok(draft)
}

/// Artipie's own settings: only where users come from is of interest.
fn settings(source: &Source, report: &mut Report) {
    let Some(root) = source.root(report) else { return };
    let credentials = root.get("meta").and_then(|meta| meta.get("credentials"));
    for entry in credentials.and_then(|node| node.items()).unwrap_or_default() {
        let kind = entry.get("type").and_then(|kind| kind.text()).unwrap_or_default();
        if !matches!(kind, "artipie" | "local" | "file") {
            let what = format!("users that sign in through `{kind}` cannot be carried over");
            report.left_out(&source.path, entry.line, what);
        }
    }
}
