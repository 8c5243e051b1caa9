//! Why a question was refused: the grants to the subject that come near to it.

use jiff::Timestamp;

use super::{Action, ActionSet, Grant, ImageGlob, Snapshot, TagGlob, What};
use crate::identity::{End, Subject};
use crate::oci::{ImageName, Tag};

/// What a grant lacks. The first that comes is the nearest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Its end has come.
    Ended(End),
    /// It is limited to other tags.
    Tags(TagGlob),
    /// It is for other images.
    Images(ImageGlob),
    /// It allows other actions.
    Actions(ActionSet),
}

/// The grants that reach a subject in the image's repository and do not allow the action, the nearest
/// first, those that are equally near in the order in which they are written.
pub fn near<'s>(
    snapshot: &'s Snapshot,
    subject: &Subject,
    action: Action,
    image: &ImageName,
    tag: Option<&Tag>,
    now: Timestamp,
) -> Vec<(&'s Grant, Lack)> {
    let user = subject.user_name().and_then(|name| snapshot.user(name.as_str()));
    let Some(repository) = snapshot.repository_of(image) else { return Vec::new() };
    let Some(relative) = image.relative_to(&repository.prefix) else { return Vec::new() };
    let reaching = repository.access.grants().filter(|grant| grant.who.includes(user.map(|user| &**user)));
    let mut found: Vec<_> = reaching
        .filter_map(|grant| {
            let What::Images { images, tags, actions } = &grant.what else { return None };
            // To overwrite includes to push.
            let allows = actions.contains(action) || action == Action::Push && actions.contains(Action::Overwrite);
            let other_tags = tags.as_ref().filter(|glob| tag.is_some_and(|tag| !glob.matches(tag)));
            let lack = match other_tags {
                _ if !allows => Lack::Actions(*actions),
                _ if !images.matches(relative) => Lack::Images(images.clone()),
                Some(glob) => Lack::Tags(glob.clone()),
                None => Lack::Ended(grant.until.filter(|end| end.is_past(now))?),
            };
            Some((grant, lack))
        })
        .collect();
    found.sort_by_key(|(_, lack)| match lack {
        Lack::Ended(_) => 0,
        Lack::Tags(_) => 1,
        Lack::Images(_) => 2,
        Lack::Actions(_) => 3,
    });
    found
}
