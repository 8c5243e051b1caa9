//! The storages.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::super::codes;
use super::super::model::StorageDefinition;
use super::super::report::Report;
use super::super::shape::STORAGES;
use super::super::yaml::Node;
use super::{buckets, read, values};
use crate::diagnostic::Place;
use crate::policy::StorageKey;

/// A storage, and where it is defined.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub(super) key: StorageKey,
    pub(super) definition: StorageDefinition,
    pub(super) place: Place,
}

/// What to do about storages that lie in one another.
pub(super) const APART: &str = "choose places of which none lies in the other, or write the same definition for both";

/// The storages that repositories can name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Aliases {
    pub(super) by_name: BTreeMap<Arc<str>, Arc<Storage>>,
    /// Whether there is no storages file, so that the alias `default` is the data folder.
    pub(super) implicit: bool,
}

impl Aliases {
    /// What holds without a storages file.
    pub(super) fn implicit() -> Self {
        Self { by_name: BTreeMap::new(), implicit: true }
    }

    /// The storage of a name; `user` is the place that names it.
    pub(super) fn get(&self, name: &str, user: impl FnOnce() -> Place) -> Option<Arc<Storage>> {
        if self.implicit && name == "default" {
            let definition = StorageDefinition::Fs { path: PathBuf::new() };
            return Some(Arc::new(Storage { key: key_of(&definition), definition, place: user() }));
        }
        self.by_name.get(name).cloned()
    }

    /// Every name with its storage.
    pub(super) fn definitions(&self) -> BTreeMap<Arc<str>, (StorageKey, StorageDefinition)> {
        if self.implicit {
            let definition = StorageDefinition::Fs { path: PathBuf::new() };
            return BTreeMap::from([("default".into(), (key_of(&definition), definition))]);
        }
        let pair = |storage: &Storage| (storage.key.clone(), storage.definition.clone());
        self.by_name.iter().map(|(name, storage)| (Arc::clone(name), pair(storage))).collect()
    }

    /// The names that exist.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.implicit.then_some("default").into_iter().chain(self.by_name.keys().map(|name| &**name))
    }
}

/// Compiles a storages file; what is wrong is in the report.
pub(super) fn compile(text: &str, report: &mut Report) -> Aliases {
    let file = read::read(text, &STORAGES, report);
    let entries = file.root.as_ref().and_then(|root| root.get("storages")).and_then(Node::pairs).unwrap_or_default();
    let mut aliases = Aliases::default();
    for (name, node) in entries {
        if let (Some(name), Some(storage)) = (name.text(), storage(node, report)) {
            aliases.by_name.insert(name.into(), storage);
        }
    }
    for (inner, outer) in overlaps(aliases.by_name.values().map(|storage| &**storage)) {
        report
            .add(codes::STORAGE_OVERLAP, inner.place.span, "this storage lies inside another one, or in its place")
            .also(outer.place.clone(), "in this one")
            .help(APART);
    }
    aliases
}

/// Compiles a definition, of the storages file or in place.
pub(super) fn storage(node: &Node<'_>, report: &mut Report) -> Option<Arc<Storage>> {
    let kind = node.get("type")?;
    let definition = match kind.string()? {
        "fs" => {
            let path = values::path(node.get("path")?, report)?;
            StorageDefinition::Fs { path: normal(&path) }
        }
        "memory" => StorageDefinition::Memory,
        "s3" => StorageDefinition::S3(buckets::s3(node, report)?),
        // Reported with the shape.
        _ => return None,
    };
    let place = report.place(node.get("path").or(node.get("bucket")).unwrap_or(kind).span);
    Some(Arc::new(Storage { key: key_of(&definition), definition, place }))
}

/// Equal definitions have equal keys.
fn key_of(definition: &StorageDefinition) -> StorageKey {
    StorageKey(match definition {
        StorageDefinition::Fs { path } => format!("fs:{}", path.display()).into(),
        StorageDefinition::S3(definition) => buckets::key(definition).into(),
        StorageDefinition::Memory => "memory".into(),
    })
}

/// A path without `.`, without doubled slashes, and without `..` where that is no question of links
/// outside of what is written. The data folder itself is the empty path.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match normal.components().next_back() {
                Some(Component::Normal(_)) => {
                    normal.pop();
                }
                Some(Component::RootDir) => {}
                _ => normal.push(component),
            },
            other => normal.push(other),
        }
    }
    normal
}

/// The pairs of different storages of which the first lies inside the second, or in the same place. Each
/// storage is named as the inner one at most once.
pub(super) fn overlaps<'s>(storages: impl IntoIterator<Item = &'s Storage>) -> Vec<(&'s Storage, &'s Storage)> {
    let mut grounds: Vec<(Ground<'_>, &Storage)> =
        storages.into_iter().filter_map(|storage| Some((Ground::of(&storage.definition)?, storage))).collect();
    // Paths are ordered by their components, so that what lies inside a folder follows it at once.
    grounds.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut enclosing: Vec<(&Ground<'_>, &Storage)> = Vec::new();
    let mut pairs = Vec::new();
    for (ground, storage) in &grounds {
        enclosing.retain(|(outer, _)| ground.is_inside(outer));
        if let Some((_, outer)) = enclosing.iter().rev().find(|(_, outer)| outer.key != storage.key) {
            pairs.push((*storage, *outer));
        }
        if enclosing.last().is_none_or(|(outer, _)| *outer != ground) {
            enclosing.push((ground, storage));
        }
    }
    pairs
}

/// Where a storage lies. Only what lies in one realm can overlap.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ground<'d> {
    realm: String,
    path: &'d Path,
}

impl<'d> Ground<'d> {
    fn of(definition: &'d StorageDefinition) -> Option<Self> {
        match definition {
            StorageDefinition::Fs { path } => Some(Self { realm: class(path).to_owned(), path }),
            StorageDefinition::S3(bucket) => {
                Some(Self { realm: format!("s3:{}", buckets::ground(bucket)), path: Path::new(&bucket.prefix) })
            }
            StorageDefinition::Memory => None,
        }
    }

    /// Whether it is another one or lies below it.
    fn is_inside(&self, outer: &Self) -> bool {
        self.realm == outer.realm && self.path.starts_with(outer.path)
    }
}

/// Absolute, below the data folder, or outside of it: paths of different classes cannot be compared,
/// since where the data folder is, is not part of the configuration.
fn class(path: &Path) -> &'static str {
    if path.is_absolute() {
        "fs:0 absolute"
    } else if path.starts_with("..") {
        "fs:1 outside"
    } else {
        "fs:2 inside"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_paths_have_one_form() {
        for (path, form) in [
            (".", ""),
            ("./a//b/", "a/b"),
            ("a/../b", "b"),
            ("../a", "../a"),
            ("../../a", "../../a"),
            ("/a/./b/..", "/a"),
            ("/..", "/"),
        ] {
            assert_eq!(normal(Path::new(path)), Path::new(form), "{path}");
        }
    }

    #[test]
    fn folders_overlap_with_those_inside_of_them() {
        let storage = |path: &str| {
            let definition = StorageDefinition::Fs { path: path.into() };
            Storage { key: key_of(&definition), definition, place: Place { file: "f".into(), span: None } }
        };
        let all: Vec<_> =
            ["/a", "/a/b", "/a-b", "/a", "c", "/a/b/c", "", "d/e", "d/e", "../c"].into_iter().map(storage).collect();
        let pairs: Vec<_> = overlaps(&all).into_iter().map(|(i, o)| (&*i.key.0, &*o.key.0)).collect();
        assert_eq!(
            pairs,
            [("fs:/a/b", "fs:/a"), ("fs:/a/b/c", "fs:/a/b"), ("fs:c", "fs:"), ("fs:d/e", "fs:"), ("fs:d/e", "fs:"),]
        );
    }
}
