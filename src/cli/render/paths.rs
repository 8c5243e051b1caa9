//! The paths of files as those need them who read the output.

use std::path::{Component, Path, PathBuf};

/// What stands before the paths below the configuration folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cli) struct Paths {
    before: String,
}

impl Paths {
    #[cfg(test)]
    pub(super) fn new(before: &str) -> Self {
        Self { before: before.to_owned() }
    }

    /// For people, who find a file from where they are: the folder as it was named.
    pub(in crate::cli) fn as_named(folder: &Path) -> Self {
        Self::of_folder(folder)
    }

    /// For programs, which find a file from the root of the repository: what CI took for its root, or else
    /// the folder around that holds `.git`, or else the one in which the command runs.
    pub(in crate::cli) fn in_repository(folder: &Path) -> Self {
        let Ok(folder) = folder.canonicalize() else {
            return Self::as_named(folder);
        };
        let by_ci = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
        let with_git = folder.ancestors().find(|around| around.join(".git").exists()).map(Path::to_path_buf);
        let here = std::env::current_dir().ok();
        let mut roots = by_ci.chain(with_git).chain(here).filter_map(|root| root.canonicalize().ok());
        let below = roots.find_map(|root| folder.strip_prefix(root).ok().map(Path::to_path_buf));
        Self::of_folder(&below.unwrap_or(folder))
    }

    fn of_folder(folder: &Path) -> Self {
        let plain: PathBuf = folder.components().filter(|part| *part != Component::CurDir).collect();
        let mut before = plain.to_string_lossy().into_owned();
        if !before.is_empty() && !before.ends_with('/') {
            before.push('/');
        }
        Self { before }
    }

    /// The path of a file, which is given by its path below the configuration folder.
    pub(in crate::cli) fn of(&self, file: &str) -> String {
        format!("{}{file}", self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_the_folder_as_they_named_it() {
        for (folder, path) in [
            (".", "a.yaml"),
            ("./", "a.yaml"),
            ("", "a.yaml"),
            ("./config/", "config/a.yaml"),
            ("../x", "../x/a.yaml"),
            ("/", "/a.yaml"),
            ("/etc//portolan", "/etc/portolan/a.yaml"),
        ] {
            assert_eq!(Paths::as_named(Path::new(folder)).of("a.yaml"), path, "{folder}");
        }
    }

    #[test]
    fn programs_see_the_path_below_the_repository() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("deploy/config");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        assert_eq!(Paths::in_repository(&folder).of("repos/a.yaml"), "deploy/config/repos/a.yaml");
        assert_eq!(Paths::in_repository(dir.path()).of("repos/a.yaml"), "repos/a.yaml");
    }
}
