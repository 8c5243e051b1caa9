//! Which file is what.

/// The names that the file of the users may have.
pub const CREDENTIALS_FILES: [&str; 4] =
    ["credentials.yaml", "credentials.yml", "_credentials.yaml", "_credentials.yml"];

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind<'p> {
    /// The server's settings.
    Registry,
    /// The users.
    Credentials,
    /// The storages.
    Storages,
    /// A repository of this name.
    Repository(&'p str),
    /// Access tests.
    Tests,
}

/// What a path is for; `None` for files that mean nothing here.
pub(super) fn kind(path: &str) -> Option<Kind<'_>> {
    // Stands for the folder of the access tests where it cannot be read.
    if path == "tests" {
        return Some(Kind::Tests);
    }
    if !path.ends_with(".yaml") && !path.ends_with(".yml") {
        return None;
    }
    match stem(path) {
        "registry" => Some(Kind::Registry),
        "credentials" | "_credentials" => Some(Kind::Credentials),
        "storages" | "_storages" => Some(Kind::Storages),
        stem => match stem.split_once('/') {
            Some(("repos", name)) if !name.is_empty() => Some(Kind::Repository(name)),
            Some(("tests", _)) => Some(Kind::Tests),
            _ => None,
        },
    }
}

/// A path without its ending.
pub(super) fn stem(path: &str) -> &str {
    path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml")).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_files() {
        assert_eq!(kind("registry.yml"), Some(Kind::Registry));
        assert!(CREDENTIALS_FILES.iter().all(|file| kind(file) == Some(Kind::Credentials)));
        assert_eq!(kind("_storages.yml"), Some(Kind::Storages));
        assert_eq!(kind("repos/team-a/backend.yaml"), Some(Kind::Repository("team-a/backend")));
        assert_eq!(kind("tests/a.yaml"), Some(Kind::Tests));
        assert_eq!(kind("tests/team/a.yml"), Some(Kind::Tests));
        assert_eq!(kind("tests"), Some(Kind::Tests));
        for other in ["README.md", "repos/README.md", "_registry.yaml", "other.yaml", "repos.yaml", "x/repos/a.yaml"] {
            assert_eq!(kind(other), None, "{other}");
        }
    }
}
