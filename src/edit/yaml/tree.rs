//! What a text means, and what it should mean after a change: the measure that every change is held against.

use super::{Change, Value};
use crate::config::{Node, ScalarType};

/// A value without its place.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Tree {
    Scalar(String, ScalarType),
    List(Vec<Tree>),
    Mapping(Vec<(String, Tree)>),
}

impl Tree {
    /// What a node means.
    pub(super) fn of(node: Option<&Node<'_>>) -> Self {
        let Some(node) = node.filter(|node| !node.is_null()) else {
            return Self::Scalar(String::new(), ScalarType::Null);
        };
        match &node.value {
            crate::config::Value::Scalar(scalar) => Self::Scalar(scalar.text.to_string(), scalar.kind),
            crate::config::Value::Sequence(items) => {
                Self::List(items.iter().map(|item| Self::of(Some(item))).collect())
            }
            crate::config::Value::Mapping(pairs) => {
                let pair = |(key, value): &(Node<'_>, Node<'_>)| {
                    (key.text().unwrap_or_default().to_owned(), Self::of(Some(value)))
                };
                Self::Mapping(pairs.iter().map(pair).collect())
            }
        }
    }

    /// Whether a node means just this.
    pub(super) fn is(&self, node: Option<&Node<'_>>) -> bool {
        let Some(node) = node else {
            return matches!(self, Self::Scalar(_, ScalarType::Null));
        };
        match (self, &node.value) {
            (Self::Scalar(_, ScalarType::Null), _) => node.is_null(),
            (Self::Scalar(text, kind), crate::config::Value::Scalar(scalar)) => {
                scalar.kind == *kind && scalar.text == *text
            }
            (Self::List(values), crate::config::Value::Sequence(items)) => {
                values.len() == items.len() && values.iter().zip(items).all(|(value, item)| value.is(Some(item)))
            }
            (Self::Mapping(values), crate::config::Value::Mapping(pairs)) => {
                let is_pair = |((key, value), (name, node)): (&(String, Self), &(Node<'_>, Node<'_>))| {
                    name.text() == Some(key) && value.is(Some(node))
                };
                values.len() == pairs.len() && values.iter().zip(pairs).all(is_pair)
            }
            _ => false,
        }
    }

    /// Makes a change; `None` where it cannot be made.
    pub(super) fn change(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::Set { path, value } => *self.make(path)? = value.into(),
            Change::Append { path, items } => {
                let list = self.make(path)?;
                if matches!(list, Self::Scalar(_, ScalarType::Null)) {
                    *list = Self::List(Vec::new());
                }
                let Self::List(list) = list else { return None };
                list.extend(items.iter().map(Self::from));
            }
            Change::Remove { path } => {
                let (last, above) = path.split_last()?;
                let Self::Mapping(pairs) = self.find(above)? else { return None };
                let at = pairs.iter().position(|(key, _)| key == last)?;
                pairs.remove(at);
            }
            Change::RemoveItems { path, positions } => {
                let Self::List(list) = self.find(path)? else { return None };
                let mut position = 0;
                list.retain(|_| {
                    position += 1;
                    !positions.contains(&(position - 1))
                });
            }
            Change::InItem { path, position, change } => {
                let Self::List(list) = self.find(path)? else { return None };
                list.get_mut(*position)?.change(change)?;
            }
        }
        Some(())
    }

    /// The smaller changes that a mapping or list needs to become another one which has something in common with
    /// it.
    pub(super) fn smaller(&self, change: &Change) -> Option<Vec<Change>> {
        let (path, value) = match change {
            Change::Set { path, value } => (path, value),
            Change::InItem { path, position, change } => {
                let Self::List(items) = self.get(path)? else { return None };
                let smaller = items.get(*position)?.smaller(change)?;
                let within =
                    |change| Change::InItem { path: path.clone(), position: *position, change: Box::new(change) };
                return Some(smaller.into_iter().map(within).collect());
            }
            _ => return None,
        };
        let old = self.get(path)?;
        match (old, value) {
            (Self::Mapping(old), Value::Mapping(new)) => {
                let below = |key: &String| path.iter().chain([key]).cloned().collect();
                let gone = old.iter().filter(|(key, _)| new.iter().all(|(name, _)| name != key));
                let gone: Vec<_> = gone.map(|(key, _)| Change::Remove { path: below(key) }).collect();
                if gone.len() == old.len() {
                    return None;
                }
                let is_new = |(key, value): &&(String, Value)| {
                    let same = old.iter().find(|(name, _)| name == key);
                    same.is_none_or(|(_, old)| *old != Self::from(value))
                };
                let set = new.iter().filter(is_new);
                let set = set.map(|(key, value)| Change::Set { path: below(key), value: value.clone() });
                Some(set.chain(gone).collect())
            }
            (Self::List(old), Value::List(new)) => {
                let mut rest = new.as_slice();
                let mut positions = Vec::new();
                for (position, item) in old.iter().enumerate() {
                    match rest.split_first() {
                        Some((next, behind)) if *item == Self::from(next) => rest = behind,
                        _ => positions.push(position),
                    }
                }
                if rest.len() == new.len() {
                    return None;
                }
                let remove = (!positions.is_empty()).then(|| Change::RemoveItems { path: path.clone(), positions });
                let append = (!rest.is_empty()).then(|| Change::Append { path: path.clone(), items: rest.to_vec() });
                Some(remove.into_iter().chain(append).collect())
            }
            _ => None,
        }
    }

    fn get(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |tree, key| match tree {
            Self::Mapping(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        })
    }

    fn find(&mut self, path: &[String]) -> Option<&mut Self> {
        path.iter().try_fold(self, |tree, key| match tree {
            Self::Mapping(pairs) => pairs.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        })
    }

    /// What stands under a path, with nothing there where it was missing.
    fn make(&mut self, path: &[String]) -> Option<&mut Self> {
        path.iter().try_fold(self, |tree, key| {
            if matches!(tree, Self::Scalar(_, ScalarType::Null)) {
                *tree = Self::Mapping(Vec::new());
            }
            let Self::Mapping(pairs) = tree else { return None };
            let at = pairs.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                pairs.push((key.clone(), Self::Scalar(String::new(), ScalarType::Null)));
                pairs.len() - 1
            });
            pairs.get_mut(at).map(|(_, value)| value)
        })
    }
}

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::Scalar(text.clone(), ScalarType::String),
            Value::Boolean(boolean) => Self::Scalar(boolean.to_string(), ScalarType::Boolean),
            Value::List(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Mapping(pairs) => {
                Self::Mapping(pairs.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}
