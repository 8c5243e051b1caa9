//! One repository.

use std::sync::Arc;

use super::super::codes;
use super::super::report::{Report, nearest, one_of, shown};
use super::super::shape::REPOSITORY;
use super::super::yaml::Node;
use super::storages::{Aliases, Storage, storage};
use super::{claims, grants, read};
use crate::diagnostic::{Place, Span};
use crate::oci::ImageName;
use crate::policy::{Access, Repository, Rule, TagGlob};

/// What a repository's file says, as far as it can be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Parsed {
    /// The prefix, and where it is written; the default where no other is known. `None` where neither
    /// could be the beginning of image names.
    pub(super) prefix: Option<(Arc<str>, Option<Span>)>,
    /// Further prefixes that a file with errors may mean.
    pub(super) claims: Vec<Arc<str>>,
    /// The port, and where it is written.
    pub(super) port: Option<(u16, Span)>,
    /// Where the images are.
    pub(super) storage: Option<Arc<Storage>>,
    /// Whether the storage is written in place.
    pub(super) in_place: bool,
    /// The repository; `None` where the file has errors.
    pub(super) repository: Option<Arc<Repository>>,
}

/// What holds for all repositories.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'s> {
    /// The storages that can be named; `None` where the storages file is broken and none are known.
    pub(super) aliases: Option<&'s Aliases>,
    /// The server's main port, where the settings name it. Where they do not, the command line may, and a
    /// clash shows when the server binds its ports.
    pub(super) main_port: Option<&'s (u16, Place)>,
    /// Whether lints need to know where things stand.
    pub(super) lints: bool,
}

/// Compiles the file of the repository `name`; what is wrong is in the report.
pub(super) fn compile(name: &str, text: &str, around: Surroundings<'_>, report: &mut Report) -> Parsed {
    let file = read::read(text, &REPOSITORY, report);
    let mut parsed = Parsed::default();
    let repo = file.root.as_ref().and_then(|root| root.get("repo"));
    let mut claimed = match report.has_errors() {
        true => claims::claims(file.root.as_ref(), Some(text).filter(|_| !file.complete)).into_iter(),
        false => Vec::new().into_iter(),
    };
    parsed.prefix = match repo.and_then(|repo| repo.get("prefix")) {
        Some(node) => prefix(node, report).or_else(|| default_prefix(name)),
        None => claimed.next().or_else(|| {
            let default = default_prefix(name);
            if let (None, true, Err(error)) = (&default, file.complete, ImageName::parse(name)) {
                report
                    .add(codes::BAD_REPOSITORY_NAME, None, format!("the file's name is no image name: {error}"))
                    .help("rename the file, or set `prefix`");
            }
            default
        }),
    };
    parsed.claims = claimed.map(|(prefix, _)| prefix).collect();
    if parsed.claims.len() > claims::CLAIMS_MAX {
        let message = format!("this file may mean {} prefixes", parsed.claims.len());
        report
            .add(codes::BAD_PREFIX, None, message)
            .help("mend it: until then, new repositories with names around these prefixes stay closed");
    }
    let Some(repo) = repo.filter(|repo| repo.pairs().is_some()) else {
        return parsed;
    };
    parsed.port = repo.get("port").and_then(|node| port(node, around.main_port, report));
    match repo.get("storage") {
        Some(node) if node.pairs().is_some() => {
            parsed.in_place = true;
            parsed.storage = storage(node, report);
        }
        Some(node) => {
            parsed.storage = node.string().and_then(|name| {
                let unknown = match report.may_repeat(name) {
                    true => format!("there is no storage `{}`", shown(name)),
                    false => "there is no storage of this name".to_owned(),
                };
                named(name, node.span, around.aliases, &unknown, report)
            });
        }
        None if !file.complete => {}
        None => {
            let key = file.root.as_ref().and_then(|root| root.pair("repo")).map(|(key, _)| key.span);
            let unnamed = "no `storage` is named, and there is none of the name `default`";
            parsed.storage = key.and_then(|span| named(DEFAULT_STORAGE, span, around.aliases, unnamed, report));
        }
    }
    let immutable_tags = immutable_tags(repo.get("immutable_tags"), report);
    let no_prefix = parsed.prefix.as_ref().filter(|(prefix, _)| prefix.is_empty());
    let no_prefix = no_prefix.map(|(_, span)| report.place(*span));
    let access = match repo.pair("permissions") {
        None => {
            // Who reads of an error need not hear of an openness that is not: the repository is held or closed.
            if file.complete && !report.has_errors() {
                let span = file.root.as_ref().and_then(|root| root.pair("repo")).map(|(key, _)| key.span);
                report
                    .add(codes::NO_PERMISSIONS, span, "no `permissions`: everybody may do everything here")
                    .help("grant what is meant, or write `permissions: {}` to allow nothing");
            }
            Access::Open(Rule::NoSection { file: Arc::clone(&report.file) })
        }
        Some((_, section)) => Access::granted(grants::compile(section, no_prefix.as_ref(), report)),
    };
    let readable = file.complete && !report.has_errors();
    if let (true, Some((prefix, _)), Some(storage)) = (readable, &parsed.prefix, &parsed.storage) {
        parsed.repository = Some(Arc::new(Repository {
            name: name.into(),
            file: Arc::clone(&report.file),
            prefix: Arc::clone(prefix),
            storage: storage.key.clone(),
            port: parsed.port.map(|(port, _)| port),
            immutable_tags,
            access,
        }));
    }
    parsed
}

/// The prefix of a repository that names none.
pub(super) fn default_prefix(name: &str) -> Option<(Arc<str>, Option<Span>)> {
    ImageName::parse(name).is_ok().then(|| (name.into(), None))
}

fn prefix(node: &Node<'_>, report: &mut Report) -> Option<(Arc<str>, Option<Span>)> {
    let text = node.string()?;
    if let Err(error) = ImageName::parse(text)
        && !text.is_empty()
    {
        let may_repeat = report.may_repeat(text);
        let why = if may_repeat { format!(": {error}") } else { String::new() };
        report.add(codes::BAD_PREFIX, node.span, format!("this is no beginning of image names{why}")).help(
            match ImageName::parse(&text.to_lowercase()) {
                Ok(lower) if may_repeat => format!("write `{lower}`"),
                _ => "write one such as `team-a/backend`, or `\"\"` for all names that nobody else claims".to_owned(),
            },
        );
        return None;
    }
    Some((text.into(), Some(node.span)))
}

fn port(node: &Node<'_>, main_port: Option<&(u16, Place)>, report: &mut Report) -> Option<(u16, Span)> {
    let port = u16::try_from(node.integer()?).ok().filter(|port| *port > 0)?;
    if let Some((_, main)) = main_port.filter(|(main, _)| *main == port) {
        let found = report.add(codes::PORT_IS_MAIN, node.span, format!("port {port} is the server's main one"));
        let mut help = "give the repository another port, or none".to_owned();
        if !main.file.is_empty() {
            found.also(main.clone(), "this is the main one");
        } else {
            help.push_str("; the main one is the default, since no `server.listen` in registry.yaml names another");
        }
        found.help(help);
        return None;
    }
    Some((port, node.span))
}

/// The storage of a repository that names none.
const DEFAULT_STORAGE: &str = "default";

/// The storage of a name; `unknown` is said where there is none.
fn named(
    name: &str,
    span: Span,
    aliases: Option<&Aliases>,
    unknown: &str,
    report: &mut Report,
) -> Option<Arc<Storage>> {
    let aliases = aliases?;
    let storage = aliases.get(name, || report.place(span));
    if storage.is_none() {
        let help = match nearest(name, aliases.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if aliases.names().next().is_none() => "define it in storages.yaml".to_owned(),
            None => format!("name a storage that is defined: {}", one_of(aliases.names().take(10))),
        };
        report.add(codes::UNKNOWN_STORAGE, span, unknown).help(help);
    }
    storage
}

fn immutable_tags(node: Option<&Node<'_>>, report: &mut Report) -> Vec<TagGlob> {
    let mut globs = Vec::new();
    for item in node.and_then(Node::items).unwrap_or_default() {
        let Some(text) = item.string() else {
            continue;
        };
        match TagGlob::parse(text) {
            Ok(glob) => {
                globs.push(glob);
                if let Some(marks) = &mut report.marks {
                    marks.immutable_tags.push(item.span.into());
                }
            }
            Err(error) => {
                let why = if report.may_repeat(text) { format!(": {error}") } else { String::new() };
                report
                    .add(codes::BAD_TAG_PATTERN, item.span, format!("this is no pattern for tags{why}"))
                    .help("write letters, digits, `.`, `_`, `-`, and `*` for any of them, such as `v*`");
            }
        }
    }
    globs
}
