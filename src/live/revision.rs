//! Reads a configuration folder as it was at a git revision, without touching the work tree.
//!
//! `git rev-parse` finds the commit, `git cat-file --batch` gives trees and files; both only read. What
//! counts as a file of the configuration, how symbolic links are followed and how much is read is as
//! for a folder on disk. A link that leads out of the repository cannot be followed: what lies there
//! belongs to no revision.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Content, Tree};

use super::StartError;
use super::git::{self, command, run};
use super::objects::{Entry, Kind, Objects};
use super::read::{MAX_DEPTH, MAX_FILE_BYTES, MAX_FILES, MAX_LINKS, MAX_TREE_BYTES, TOP_FILES, is_yaml};

/// Reads the files of a configuration folder as they were at a revision: whatever names one commit to
/// git, such as a branch, a tag, `HEAD~2` or `@{upstream}`. A folder that was not there then is empty.
/// A tree, such as `HEAD:conf`, is the folder itself, as a repository without a work tree needs it.
///
/// # Errors
/// [`StartError::Revision`].
pub fn read_revision(folder: &Path, revision: &str) -> Result<Tree, StartError> {
    read(folder, revision).map_err(|why| {
        let (why, hint) = git::explained(folder, why);
        StartError::Revision { revision: revision.to_owned(), why, hint }
    })
}

/// Whether git knows a commit, or another tree, by a name.
pub fn is_revision(folder: &Path, revision: &str) -> bool {
    tree_of(folder, revision).is_ok()
}

fn read(folder: &Path, revision: &str) -> Result<Tree, String> {
    let (root, is_commit) = tree_of(folder, revision)?;
    // A tree names the folder itself.
    let prefix = if is_commit { run(folder, &["rev-parse", "--show-prefix"])? } else { String::new() };
    let prefix: Vec<Vec<u8>> = parts(prefix.trim_end_matches('\n').as_bytes());
    let mut walk = Walk { objects: Objects::open(command(folder))?, root, files: BTreeMap::new(), above: Vec::new() };
    match walk.resolve(&prefix)? {
        Node::Tree { id, path } => walk.top(&id, path)?,
        Node::Missing => return Ok(Tree::default()),
        _ => return Err("the configuration folder is no folder there".to_owned()),
    }
    walk.load()
}

/// The name of the tree object of a revision, and whether it is that of a commit.
fn tree_of(folder: &Path, revision: &str) -> Result<(String, bool), String> {
    // What begins so would be an option.
    if revision.is_empty() || revision.starts_with('-') || revision.contains(char::is_control) {
        return Err("this is no git revision".to_owned());
    }
    let id = |text: String| {
        let id = text.trim_end_matches('\n').to_owned();
        let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then_some(id).ok_or_else(|| "this is no single git revision".to_owned())
    };
    let object = id(run(folder, &["rev-parse", "--verify", revision])?)?;
    let is_commit = run(folder, &["rev-parse", "--verify", "--quiet", &format!("{object}^{{commit}}")]).is_ok();
    Ok((id(run(folder, &["rev-parse", "--verify", &format!("{object}^{{tree}}")])?)?, is_commit))
}

/// What a path leads to.
enum Node {
    Tree {
        id: String,
        path: Vec<Vec<u8>>,
    },
    File {
        id: String,
    },
    /// A commit of another repository.
    Submodule,
    Missing,
    /// By way of a symbolic link, to what is in no revision.
    Outside,
    /// By way of too many symbolic links.
    Circle,
}

impl Node {
    /// Why it cannot be read as a file or folder, in the words of the system where it has some.
    fn why(&self) -> &'static str {
        match self {
            Self::Tree { .. } => "it is not a regular file",
            Self::File { .. } => "it is not a folder",
            Self::Submodule => "it is a submodule, and what is in it belongs to another repository",
            Self::Missing => "no such file or directory",
            Self::Outside => "it is a symbolic link that leads out of the git repository",
            Self::Circle => "too many levels of symbolic links",
        }
    }
}

/// A file that matters, before it is read.
enum Found {
    File { id: String },
    Unreadable { why: String },
}

struct Walk {
    objects: Objects,
    /// The repository's topmost tree.
    root: String,
    files: BTreeMap<Arc<str>, Found>,
    /// The real paths of the folders that are being read, outermost first.
    above: Vec<Vec<Vec<u8>>>,
}

impl Walk {
    fn top(&mut self, id: &str, path: Vec<Vec<u8>>) -> Result<(), String> {
        let entries = self.objects.tree(id)?;
        self.above.push(path.clone());
        for entry in entries.iter() {
            let Ok(name) = std::str::from_utf8(&entry.name) else { continue };
            let is_folder = matches!(name, "repos" | "tests");
            if !is_folder && !TOP_FILES.into_iter().any(|stem| is_yaml(name, stem)) {
                continue;
            }
            match self.node(entry, &path)? {
                node if name == "repos" => self.top_folder(node, name)?,
                node if is_folder => self.tests(node, name)?,
                node => self.file(&node, name.into())?,
            }
        }
        Ok(())
    }

    fn top_folder(&mut self, node: Node, name: &str) -> Result<(), String> {
        match node {
            Node::Tree { id, path } => self.folder(&id, path, name),
            other => Err(format!("`{name}`: {}", other.why())),
        }
    }

    /// Lists the access tests. As on disk, a folder of theirs that cannot be read is one unreadable file.
    fn tests(&mut self, node: Node, name: &str) -> Result<(), String> {
        let depth = self.above.len();
        let Err(why) = self.top_folder(node, name) else { return Ok(()) };
        self.above.truncate(depth);
        self.insert(name.into(), Found::Unreadable { why })
    }

    fn folder(&mut self, id: &str, path: Vec<Vec<u8>>, name: &str) -> Result<(), String> {
        if self.above.contains(&path) {
            return Ok(());
        }
        if self.above.len() >= MAX_DEPTH {
            return Err(format!("`{name}`: its folders are nested too deep"));
        }
        let entries = self.objects.tree(id)?;
        if entries.len() > MAX_FILES {
            return Err(format!("`{name}`: it holds too many files"));
        }
        self.above.push(path.clone());
        for entry in entries.iter().filter(|entry| !entry.name.starts_with(b".")) {
            let shown = format!("{name}/{}", String::from_utf8_lossy(&entry.name));
            let yaml = entry.name.ends_with(b".yaml") || entry.name.ends_with(b".yml");
            match self.node(entry, &path)? {
                Node::Tree { id, path } => self.folder(&id, path, &shown)?,
                // Repositories may be in it, and are not to be taken for none.
                Node::Submodule => return Err(format!("`{shown}`: {}", Node::Submodule.why())),
                _ if yaml && std::str::from_utf8(&entry.name).is_err() => {
                    self.insert(shown.into(), Found::Unreadable { why: "its name is not UTF-8".to_owned() })?;
                }
                node if yaml => self.file(&node, shown.into())?,
                _ => {}
            }
        }
        self.above.pop();
        Ok(())
    }

    fn file(&mut self, node: &Node, name: Arc<str>) -> Result<(), String> {
        let found = match node {
            Node::File { id } => Found::File { id: id.clone() },
            other => Found::Unreadable { why: other.why().to_owned() },
        };
        self.insert(name, found)
    }

    fn insert(&mut self, name: Arc<str>, found: Found) -> Result<(), String> {
        self.files.insert(name, found);
        if self.files.len() > MAX_FILES { Err("it holds too many files".to_owned()) } else { Ok(()) }
    }

    /// What an entry of a folder is, at the end of all links.
    fn node(&mut self, entry: &Entry, folder: &[Vec<u8>]) -> Result<Node, String> {
        let path = || [folder, std::slice::from_ref(&entry.name)].concat();
        Ok(match entry.kind {
            Kind::Tree => Node::Tree { id: entry.id.clone(), path: path() },
            Kind::File => Node::File { id: entry.id.clone() },
            Kind::Submodule => Node::Submodule,
            Kind::Link => self.resolve(&path())?,
        })
    }

    /// Follows a path from the top of the repository.
    fn resolve(&mut self, path: &[Vec<u8>]) -> Result<Node, String> {
        let mut real: Vec<(Vec<u8>, String)> = Vec::new();
        let mut rest: Vec<Vec<u8>> = path.iter().rev().cloned().collect();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == b".." {
                if real.pop().is_none() {
                    return Ok(Node::Outside);
                }
                continue;
            }
            let tree = real.last().map_or(&self.root, |(_, id)| id).clone();
            let entries = self.objects.tree(&tree)?;
            let Some(entry) = entries.iter().find(|entry| entry.name == part) else { return Ok(Node::Missing) };
            match entry.kind {
                Kind::Tree => real.push((part, entry.id.clone())),
                Kind::File if rest.is_empty() => return Ok(Node::File { id: entry.id.clone() }),
                Kind::File => return Ok(Node::Missing),
                Kind::Submodule => return Ok(Node::Submodule),
                Kind::Link => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Ok(Node::Circle);
                    }
                    let target = self.objects.link(&entry.id)?;
                    if target.starts_with(b"/") {
                        return Ok(Node::Outside);
                    }
                    rest.extend(parts(&target).into_iter().rev());
                }
            }
        }
        let id = real.last().map_or(&self.root, |(_, id)| id).clone();
        Ok(Node::Tree { id, path: real.into_iter().map(|(name, _)| name).collect() })
    }

    /// Reads the files.
    fn load(self) -> Result<Tree, String> {
        let ids: Vec<String> = self
            .files
            .values()
            .filter_map(|found| match found {
                Found::File { id } => Some(id.clone()),
                Found::Unreadable { .. } => None,
            })
            .collect();
        let mut contents = self.objects.files(ids, MAX_FILE_BYTES, MAX_TREE_BYTES)?.into_iter();
        let mut tree = Tree::default();
        for (name, found) in self.files {
            let content = match found {
                Found::File { .. } => contents.next().ok_or("`git` ended too early")?,
                Found::Unreadable { why } => Content::Unreadable { why },
            };
            tree.files.insert(name, content);
        }
        Ok(tree)
    }
}

/// The parts of a path, without `.`.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").map(<[u8]>::to_vec).collect()
}
