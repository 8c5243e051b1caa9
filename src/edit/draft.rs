//! Changes of texts on their way to a plan.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::yaml::{self, Change};
use super::{FileChange, Folder, NewSecret, Plan, Refused, judge, tell};
use crate::config::{Content, Model, Text, check};

/// What is going to be changed, as far as it is known.
pub(super) struct Draft<'f> {
    pub(super) folder: &'f Folder,
    /// What the folder means before the change.
    pub(super) model: &'f Arc<Model>,
    files: BTreeMap<Arc<str>, FileChange>,
    pub(super) notes: Vec<String>,
}

impl<'f> Draft<'f> {
    /// Nothing yet.
    ///
    /// # Errors
    /// [`Refused::Broken`] where nothing can be said of the folder.
    pub(super) fn new(folder: &'f Folder) -> Result<Self, Refused> {
        Ok(Self { folder, model: folder.model()?, files: BTreeMap::new(), notes: Vec::new() })
    }

    /// Changes a file, which is to be without errors.
    pub(super) fn edit(&mut self, file: &Arc<str>, changes: &[Change]) -> Result<(), Refused> {
        let before = match self.files.get(file).and_then(|change| change.after.clone()) {
            Some(text) => text,
            None => self.folder.good_text(file)?,
        };
        let after = yaml::apply(&before, changes).map_err(|refused| {
            let (line, told) = (refused.line().unwrap_or(1), refused.to_string());
            let message = told.strip_prefix(&format!("line {line}: ")).unwrap_or(&told).to_owned();
            Refused::Text { file: Arc::clone(file), line, message, hint: refused.hint().to_owned() }
        })?;
        self.put(file, Some(after.into()), false);
        Ok(())
    }

    /// Makes a file.
    pub(super) fn create(&mut self, file: &Arc<str>, text: &str, is_private: bool) {
        self.put(file, Some(text.into()), is_private);
    }

    /// Takes a file away.
    pub(super) fn remove(&mut self, file: &Arc<str>) {
        self.put(file, None, false);
    }

    fn put(&mut self, file: &Arc<str>, after: Option<Arc<str>>, is_private: bool) {
        match self.files.get_mut(file) {
            Some(change) => change.after = after,
            None => {
                let before = self.folder.compiled.sources.get(file).cloned();
                self.files.insert(Arc::clone(file), FileChange { before, after, is_private });
            }
        }
    }

    /// Adds what somebody should know.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Whether nothing is changed so far.
    pub(super) fn is_empty(&self) -> bool {
        self.files.values().all(|change| change.before == change.after)
    }

    /// The plan, where the folder is as good after the change as before.
    pub(super) fn finish(self, title: impl Into<String>, secret: Option<NewSecret>) -> Result<Plan, Refused> {
        self.finish_titled(vec![title.into()], secret)
    }

    /// The same, with a title of several lines.
    pub(super) fn finish_titled(
        mut self,
        mut message: Vec<String>,
        secret: Option<NewSecret>,
    ) -> Result<Plan, Refused> {
        self.files.retain(|_, change| change.before != change.after || change.after.is_none());
        let mut tree = self.folder.tree.clone();
        for (file, change) in &self.files {
            match &change.after {
                Some(text) => drop(tree.files.insert(Arc::clone(file), Content::Text(Text::new(Arc::clone(text))))),
                None => drop(tree.files.remove(file)),
            }
        }
        let after = check(&tree, self.folder.now).compiled;
        let new = judge::judge(self.folder, &after)?;
        message.extend(tell::lines(&self.model.snapshot, &new.model.snapshot, self.folder.now));
        let mut notes = self.notes;
        notes.extend(new.warnings);
        let mut told = HashSet::new();
        notes.retain(|note| told.insert(note.clone()));
        Ok(Plan { files: self.files, message, notes, secret })
    }
}
