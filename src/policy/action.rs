//! The four things that can be done to an image.

/// One action. `Push` creates tags; `Overwrite` creates and replaces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Reading manifests, blobs, tags and referrers.
    Pull,
    /// Pushing, without replacing an existing tag.
    Push,
    /// Pushing, replacing existing tags.
    Overwrite,
    /// Deleting.
    Delete,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 4] = [Self::Pull, Self::Push, Self::Overwrite, Self::Delete];

    /// The word in a granular permission.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Overwrite => "overwrite",
            Self::Delete => "delete",
        }
    }

    /// Reads the word of a granular permission.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// A set of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ActionSet(u8);

impl ActionSet {
    /// No action.
    pub const NONE: Self = Self(0);
    /// All four.
    pub const ALL: Self = Self(0b1111);

    /// The set of these actions.
    pub fn of(actions: &[Action]) -> Self {
        actions.iter().fold(Self::NONE, |set, action| set.with(*action))
    }

    /// The set with one more action.
    #[must_use]
    pub fn with(self, action: Action) -> Self {
        Self(self.0 | 1 << action as u8)
    }

    /// Whether the action is in the set.
    pub fn contains(self, action: Action) -> bool {
        self.0 & 1 << action as u8 != 0
    }

    /// The actions in the set.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.contains(*action))
    }
}
