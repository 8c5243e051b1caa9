//! The repositories' files and the storages.

use std::collections::BTreeMap;

use super::Source;
use super::permissions;
use crate::cli::Failure;
use crate::cli::import::draft::{Draft, Entry, KeyNames, NewRepository, Storage, StorageOf};
use crate::cli::import::report::Report;
use crate::config::Node;
use crate::oci::ImageName;
use crate::policy::Who;

/// A Docker repository, and what is granted in it.
#[derive(Debug)]
pub(super) struct Docker {
    pub(super) repository: NewRepository,
    /// Where it is written, for the report.
    pub(super) file: String,
    storage_line: u32,
    /// `None`: everybody may do everything.
    grants: Option<BTreeMap<Who, Vec<Entry>>>,
}

impl Docker {
    /// Adds an entry, once.
    pub(super) fn grant(&mut self, who: &Who, text: String) {
        let entries = self.grants.get_or_insert_default().entry(who.clone()).or_default();
        if !entries.iter().any(|entry| entry.text == text) {
            entries.push(Entry::new(text));
        }
    }
}

/// Reads a repository's file; `None` where it cannot be carried over.
pub(super) fn docker(name: &str, source: &Source, is_newer: bool, report: &mut Report) -> Option<Docker> {
    let root = source.root(report)?;
    let file = &source.path;
    let Some(repo) = root.get("repo").filter(|repo| repo.pairs().is_some()) else {
        report.left_out(file, 0, "the file has no `repo`");
        return None;
    };
    match repo.get("type").and_then(Node::text) {
        Some("docker") => {}
        kind => {
            let kind = kind.unwrap_or_default();
            report.left_out(
                file,
                repo.line,
                format!("the repository is of the type `{kind}`; only `docker` is served here"),
            );
            return None;
        }
    }
    if let Err(error) = ImageName::parse(name) {
        report.left_out(file, 0, format!("the repository's name cannot begin the names of images: {error}"));
        return None;
    }
    let mut docker = Docker {
        repository: NewRepository::new(name),
        file: file.clone(),
        storage_line: 0,
        grants: is_newer.then(BTreeMap::new),
    };
    for (key, value) in repo.pairs().unwrap_or_default() {
        match key.text().unwrap_or_default() {
            "type" => {}
            "storage" => {
                docker.storage_line = key.line;
                docker.repository.storage = Some(match value.text() {
                    Some(alias) => StorageOf::Alias(alias.to_owned()),
                    None => StorageOf::InPlace(storage(value, &variable(name), file, report)?),
                });
            }
            "port" => match value.text().and_then(|text| text.parse::<u16>().ok()).filter(|port| *port > 0) {
                Some(port) => docker.repository.port = Some(port),
                None => report.left_out(file, key.line, "this is no port"),
            },
            "permissions" if is_newer => {
                report.note(file, key.line, "with users and roles, Artipie ignores these permissions");
            }
            "permissions" => older_grants(value, file, &mut docker, report),
            other => report.left_out(file, key.line, format!("`{other}` means nothing here")),
        }
    }
    if docker.grants.is_none() {
        report.note(file, 0, "without `permissions` everybody may do everything, there and here");
    }
    Some(docker)
}

fn older_grants(section: &Node<'_>, file: &str, docker: &mut Docker, report: &mut Report) {
    docker.grants.get_or_insert_default();
    for (key, entries) in section.pairs().unwrap_or_default() {
        let name = key.text().unwrap_or_default();
        // `/*` is no group there.
        let Some(who) = Who::parse(name).filter(|who| *who != Who::SignedIn) else {
            report.left_out(file, key.line, format!("`{name}` names nobody"));
            continue;
        };
        for entry in entries.items().unwrap_or(std::slice::from_ref(entries)) {
            let text = entry.text().unwrap_or_default();
            match permissions::older(text) {
                Ok(text) => {
                    if text == "*" || text.starts_with("repository:") && text.ends_with(":*") {
                        report.note(file, entry.line, permissions::ALSO_DELETES);
                    }
                    docker.grant(&who, text);
                }
                Err(why) => report.left_out(file, entry.line, format!("`{text}` for `{name}`: {why}")),
            }
        }
    }
}

/// Reads the aliases.
pub(super) fn storages(source: &Source, draft: &mut Draft, report: &mut Report) -> Result<(), Failure> {
    let root = source.required_root()?;
    for (key, value) in root.get("storages").and_then(Node::pairs).unwrap_or_default() {
        let alias = key.text().unwrap_or_default();
        if let Some(storage) = storage(value, &variable(alias), &source.path, report) {
            draft.storages.push((alias.to_owned(), storage));
        }
    }
    Ok(())
}

/// Reads a definition. Keys are not written in place: they will come from the environment.
fn storage(node: &Node<'_>, variable: &str, file: &str, report: &mut Report) -> Option<Storage> {
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let kind = text("type").unwrap_or_default();
    let mut left_out = |what: String| report.left_out(file, node.line, what);
    match kind.as_str() {
        "fs" => match text("path").filter(|path| !path.is_empty()) {
            Some(path) => Some(Storage::Fs { path }),
            None => {
                left_out("this storage has no `path`".to_owned());
                None
            }
        },
        "s3" => {
            let Some(bucket) = text("bucket") else {
                left_out("this storage has no `bucket`".to_owned());
                return None;
            };
            let keys = node.get("credentials").filter(|node| !node.is_null()).map(|_| KeyNames {
                id: format!("{variable}_ACCESS_KEY_ID"),
                secret: format!("{variable}_SECRET_ACCESS_KEY"),
            });
            if let Some(keys) = &keys {
                let what = format!(
                    "set `{}` and `{}` for `portolan serve`: keys are not written into files",
                    keys.id, keys.secret
                );
                report.note(file, node.line, what);
            }
            for (key, _) in node.pairs().unwrap_or_default() {
                let key_text = key.text().unwrap_or_default();
                if !matches!(key_text, "type" | "bucket" | "region" | "endpoint" | "credentials") {
                    report.left_out(file, key.line, format!("`{key_text}` of a storage means nothing here"));
                }
            }
            Some(Storage::S3 { bucket, region: text("region"), endpoint: text("endpoint"), keys })
        }
        other => {
            left_out(format!("there is no storage of the type `{other}` here"));
            None
        }
    }
}

/// The beginning of the names of environment variables.
fn variable(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    format!("S3_{}", letters.collect::<String>())
}

/// Adds the repositories whose storages are known.
pub(super) fn finish(dockers: Vec<Docker>, draft: &mut Draft, report: &mut Report) {
    for docker in dockers {
        let Docker { mut repository, file, storage_line, grants } = docker;
        if let Some(StorageOf::Alias(alias)) = &repository.storage {
            let is_known = draft.storages.iter().any(|(known, _)| known == alias);
            if !is_known {
                report.left_out(
                    &file,
                    storage_line,
                    format!("the repository's storage `{alias}` was not carried over"),
                );
                continue;
            }
        }
        repository.permissions = grants.map(|grants| {
            let sections = grants.into_iter().map(|(who, entries)| (who.to_string(), entries));
            sections.collect()
        });
        draft.repositories.push(repository);
    }
}
