//! Users and roles of the newer generation, and the permissions that they hold.

use super::files::Kind;
use super::repositories::Docker;
use super::{Source, permissions, users};
use crate::cli::import::draft::Draft;
use crate::cli::import::report::Report;
use crate::config::Node;
use crate::identity::UserName;
use crate::policy::Who;

/// The role that everybody has who signs in with a password of Artipie's own.
const DEFAULT_ROLE: &str = "default/artipie";

/// Reads all users and roles, and grants in the repositories what they hold.
pub(super) fn import(sources: &[Source], dockers: &mut [Docker], draft: &mut Draft, report: &mut Report) {
    for source in sources {
        let root = match &source.kind {
            Kind::User(_) | Kind::Role(_) => source.root(report),
            _ => None,
        };
        let Some(root) = root else { continue };
        let is_enabled = root.get("enabled").and_then(Node::text).is_none_or(|text| text != "false");
        let who = match &source.kind {
            Kind::User(name) => {
                let Some(mut user) = users::user(name, 0, &root, &source.path, draft, report) else { continue };
                user.groups = users::groups(root.get("roles"), &source.path, report);
                for item in root.get("roles").and_then(Node::items).unwrap_or_default() {
                    let role = item.text().unwrap_or_default();
                    let is_there =
                        sources.iter().any(|source| matches!(&source.kind, Kind::Role(name) if name == role));
                    if !is_there && UserName::parse(role).is_ok() {
                        let what = format!("there is no role `{role}`: it becomes a group to which nothing is granted");
                        report.note(&source.path, item.line, what);
                    }
                }
                user.is_enabled = is_enabled;
                let who = Who::User(user.name.clone());
                draft.users.push(user);
                who
            }
            Kind::Role(name) if !is_enabled => {
                report.note(&source.path, 0, format!("the role `{name}` is disabled and was given nothing"));
                continue;
            }
            Kind::Role(name) if name == DEFAULT_ROLE => Who::SignedIn,
            Kind::Role(name) => match UserName::parse(name) {
                Ok(group) => Who::Group(group),
                Err(_) => {
                    report.left_out(&source.path, 0, format!("the role `{name}` cannot be a group here"));
                    continue;
                }
            },
            _ => continue,
        };
        let mut grants = Grants { who, file: &source.path, dockers, report };
        for (key, value) in root.get("permissions").and_then(Node::pairs).unwrap_or_default() {
            grants.block(key, value);
        }
    }
}

/// Grants to a user or a role.
struct Grants<'a> {
    who: Who,
    file: &'a str,
    dockers: &'a mut [Docker],
    report: &'a mut Report,
}

impl Grants<'_> {
    fn block(&mut self, key: &Node<'_>, value: &Node<'_>) {
        match key.text().unwrap_or_default() {
            "all_permission" | "adapter_all_permission" => {
                let who = self.who.clone();
                self.report.note(self.file, key.line, permissions::ALSO_DELETES);
                self.dockers.iter_mut().for_each(|docker| docker.grant(&who, "*".to_owned()));
            }
            "docker_repository_permissions" => {
                for (repository, images) in value.pairs().unwrap_or_default() {
                    for (image, actions) in images.pairs().unwrap_or_default() {
                        self.image(repository, image, actions);
                    }
                }
            }
            "docker_registry_permissions" => {
                for (repository, actions) in value.pairs().unwrap_or_default() {
                    self.each(repository, actions, permissions::registry);
                }
            }
            "adapter_basic_permissions" | "adapter_basic_permission" | "artipie_basic_permission" => {
                for (repository, _) in value.pairs().unwrap_or_default() {
                    self.basic(repository);
                }
            }
            other if other.starts_with("api_") => {
                self.report.note(
                    self.file,
                    key.line,
                    format!("`{other}` is about an interface that does not exist here"),
                );
            }
            other => self.report.left_out(self.file, key.line, format!("`{other}` is not known")),
        }
    }

    fn image(&mut self, repository: &Node<'_>, image: &Node<'_>, actions: &Node<'_>) {
        let name = image.text().unwrap_or_default();
        match permissions::image(name) {
            Ok(name) => {
                let mut actions_in = actions.items().unwrap_or(std::slice::from_ref(actions)).iter();
                if let Some(all) = actions_in.find(|action| action.text() == Some("*")) {
                    self.report.note(self.file, all.line, permissions::ALSO_DELETES);
                }
                self.each(repository, actions, |action| permissions::repository(name, action).map(|it| vec![it]))
            }
            Err(why) => self.report.left_out(self.file, image.line, why),
        }
    }

    /// Simple words. In Artipie they do not reach repositories of Docker, so that to carry them over would
    /// give somebody more than they have.
    fn basic(&mut self, repository: &Node<'_>) {
        let name = repository.text().unwrap_or_default();
        let is_docker = self.dockers.iter().any(|docker| docker.repository.name == name);
        if is_docker || name == "*" && !self.dockers.is_empty() {
            let what = format!(
                "simple permissions for `{name}` do not reach repositories of Docker in Artipie, which asks for \
                 `docker_repository_permissions`; grant by hand what is meant"
            );
            self.report.left_out(self.file, repository.line, what);
        }
    }

    /// Grants in the repository of a name, or in all, what each action becomes.
    fn each(
        &mut self,
        repository: &Node<'_>,
        actions: &Node<'_>,
        become_: impl Fn(&str) -> Result<Vec<String>, String>,
    ) {
        let name = repository.text().unwrap_or_default();
        let mut entries = Vec::new();
        for action in actions.items().unwrap_or(std::slice::from_ref(actions)) {
            match become_(action.text().unwrap_or_default()) {
                Ok(found) => entries.extend(found),
                Err(why) => self.report.left_out(self.file, action.line, why),
            }
        }
        let mut is_known = name == "*";
        for docker in self.dockers.iter_mut().filter(|docker| name == "*" || docker.repository.name == name) {
            is_known = true;
            entries.iter().for_each(|entry| docker.grant(&self.who, entry.clone()));
        }
        if !is_known {
            self.report.left_out(self.file, repository.line, format!("there is no Docker repository `{name}`"));
        }
    }
}
