//! Scopes: what a client asks a token for.

use std::fmt;

use super::ImageName;

/// One action of a scope on a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScopeAction {
    /// Reading.
    Pull,
    /// Writing, replacing included.
    Push,
    /// Deleting.
    Delete,
}

impl ScopeAction {
    /// All actions, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    /// The word in a scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}

/// A set of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ScopeActions(u8);

impl ScopeActions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything: what `*` asks for.
    pub const ALL: Self = Self(0b111);

    /// The set with one more action.
    #[must_use]
    pub fn with(self, action: ScopeAction) -> Self {
        Self(self.0 | 1 << action as u8)
    }

    /// The actions of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the action is in the set.
    pub fn contains(self, action: ScopeAction) -> bool {
        self.0 & 1 << action as u8 != 0
    }

    /// Whether every action of `other` is in the set.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The actions in the set, in the order in which they are written.
    pub fn iter(self) -> impl Iterator<Item = ScopeAction> {
        ScopeAction::ALL.into_iter().filter(move |action| self.contains(*action))
    }
}

impl fmt::Display for ScopeActions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, action) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            f.write_str(action.as_str())?;
        }
        Ok(())
    }
}

/// A resource scope of the Docker token flow ("Token Scope Documentation" of the reference
/// implementation), cut down to the types that exist here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `repository:NAME:ACTIONS`.
    Repository(ImageName, ScopeActions),
    /// `registry:catalog:*`.
    Catalog,
}

/// The text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    /// Not three parts, or an unknown resource type.
    #[error("a scope has the form `repository:NAME:ACTIONS` or `registry:catalog:*`")]
    Form,
    /// The name is not an image name.
    #[error("the scope's name is not an image name")]
    Name,
    /// An action is not known.
    #[error("a scope's actions are `pull`, `push`, `delete` or `*`, separated by commas")]
    Action,
}

impl Scope {
    /// Reads one scope. `*` among the actions asks for everything; a class after the resource type,
    /// as in `repository(plugin)`, is accepted and means nothing.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        let (kind, rest) = text.split_once(':').ok_or(BadScope::Form)?;
        let (name, actions) = rest.rsplit_once(':').ok_or(BadScope::Form)?;
        match kind.split_once('(').map_or(kind, |(kind, _)| kind) {
            "repository" => {
                let name = ImageName::parse(name).map_err(|_| BadScope::Name)?;
                Ok(Self::Repository(name, parse_actions(actions)?))
            }
            "registry" if name == "catalog" && actions == "*" => Ok(Self::Catalog),
            _ => Err(BadScope::Form),
        }
    }
}

fn parse_actions(text: &str) -> Result<ScopeActions, BadScope> {
    text.split(',').try_fold(ScopeActions::NONE, |actions, word| match word {
        "*" => Ok(ScopeActions::ALL),
        "" => Ok(actions),
        _ => ScopeAction::ALL
            .into_iter()
            .find(|action| action.as_str() == word)
            .map(|action| actions.with(action))
            .ok_or(BadScope::Action),
    })
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(name, actions) => write!(f, "repository:{name}:{actions}"),
            Self::Catalog => f.write_str("registry:catalog:*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_ask_for() {
        let pull_push = Scope::parse("repository:library/alpine:pull,push").unwrap();
        assert_eq!(pull_push.to_string(), "repository:library/alpine:pull,push");
        assert_eq!(Scope::parse("repository:a:*").unwrap().to_string(), "repository:a:pull,push,delete");
        assert_eq!(Scope::parse("repository(plugin):a:pull").unwrap().to_string(), "repository:a:pull");
        assert_eq!(Scope::parse("registry:catalog:*"), Ok(Scope::Catalog));
    }

    #[test]
    fn refuses_other_forms() {
        for text in ["", "a", "a:b", "a:b:c", "repository::pull", "repository:A:pull", "repository:../a:pull"] {
            assert!(Scope::parse(text).is_err(), "{text}");
        }
        assert_eq!(Scope::parse("repository:a:fly"), Err(BadScope::Action));
        assert_eq!(Scope::parse("registry:catalog:pull"), Err(BadScope::Form));
    }
}
