//! Changes the files of a plan: all, or none.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::syncfs;

use crate::cli::Failure;

use super::Halt;
use super::beside::{self, Bearing};
use super::place::Target;
use super::swap;

/// Of more files than these, not each is synced by itself.
const SYNCED_ONE_BY_ONE: usize = 16;

/// Changes that were made, and are taken back unless they are kept.
#[derive(Debug, Default)]
pub(super) struct Applied {
    steps: Vec<Step>,
    /// Folders that were made, outermost first.
    folders: Vec<PathBuf>,
    /// The folder in which those are removed that nothing is left in.
    top: PathBuf,
}

/// The change of one file.
#[derive(Debug)]
struct Step {
    shown: String,
    path: PathBuf,
    before: Option<String>,
    after: Option<String>,
    /// The mode, the owner and the attributes of the file.
    bearing: Option<Bearing>,
    /// A hidden name: of what the file is to be, and once that is done, of what it was.
    aside: Option<PathBuf>,
    is_done: bool,
}

impl Applied {
    /// Prepares every change, and makes them one after another if each file still is as the plan knew it.
    pub(super) fn make(targets: &[Target], is_alone: bool, top: &Path) -> Result<Self, Halt> {
        let mut applied = Self { top: top.to_owned(), ..Self::default() };
        let prepared = applied.prepare(targets, is_alone);
        let is_begun = prepared.is_ok();
        let Err(halt) = prepared.and_then(|()| applied.carry_out()) else { return Ok(applied) };
        let taken_back = applied.take_back();
        Err(match (halt, taken_back) {
            (Halt::Failed(failure) | Halt::Left(failure), Err(left)) => {
                let message = format!("{}; {}", failure.message, left.message);
                Halt::Left(Failure { message, ..failure })
            }
            (Halt::Changed(_), Err(left)) => Halt::Left(left),
            (Halt::Failed(failure), Ok(())) if is_begun => {
                let message = format!("{}; what was changed before was put back", failure.message);
                Halt::Failed(Failure { message, ..failure })
            }
            (halt, Ok(())) => halt,
        })
    }

    fn prepare(&mut self, targets: &[Target], is_alone: bool) -> Result<(), Halt> {
        let folders: BTreeSet<&Path> = targets.iter().filter_map(|target| target.path.parent()).collect();
        if is_alone {
            folders.into_iter().for_each(beside::remove_stale);
        }
        let synced = targets.len() <= SYNCED_ONE_BY_ONE;
        for target in targets {
            let cannot = |error: io::Error| {
                let failure = Failure::new(format!("cannot write `{}`: {error}; nothing was changed", target.shown));
                match error.kind() {
                    io::ErrorKind::PermissionDenied => failure.with_hint("run this as the owner of the files"),
                    _ => failure,
                }
            };
            let (before, after) = (target.change.before.as_deref(), target.change.after.as_deref());
            if before.is_none()
                && let Some(parent) = target.path.parent()
            {
                self.create_folder(parent).map_err(cannot)?;
            }
            let mut step = Step {
                shown: target.shown.clone(),
                path: target.path.clone(),
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
                bearing: None,
                aside: None,
                is_done: false,
            };
            if before.is_some() {
                step.require_unchanged()?;
                step.bearing = Some(Bearing::of(&step.path).map_err(cannot)?);
            }
            step.aside = match (&step.bearing, after) {
                (_, None) => None,
                (Some(bearing), Some(text)) => {
                    Some(beside::replacement(&step.path, text, bearing, synced).map_err(cannot)?)
                }
                (None, Some(text)) => {
                    let mode = if target.change.is_private { 0o600 } else { 0o666 };
                    Some(beside::fresh(&step.path, text, mode, synced).map_err(cannot)?)
                }
            };
            self.steps.push(step);
        }
        if !synced {
            self.sync_all()?;
        }
        Ok(())
    }

    fn create_folder(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
        for path in missing.into_iter().rev() {
            fs::create_dir(path)?;
            self.folders.push(path.to_owned());
        }
        Ok(())
    }

    fn carry_out(&mut self) -> Result<(), Halt> {
        for step in &mut self.steps {
            step.carry_out()?;
        }
        // An editor that had a file open may have written into it in the last moment.
        if let Some(step) = self.steps.iter().find(|step| !step.is_aside_as_it_was()) {
            return Err(Halt::Changed(step.shown.clone()));
        }
        Ok(self.sync_all()?)
    }

    /// Waits until the disk has all names; of many files, all texts as well.
    fn sync_all(&self) -> Result<(), Failure> {
        let mut systems = BTreeSet::new();
        let mut sync = |folder: &Path| -> io::Result<()> {
            let opened = File::open(folder)?;
            match self.steps.len() > SYNCED_ONE_BY_ONE {
                true if systems.insert(opened.metadata()?.dev()) => Ok(syncfs(&opened)?),
                true => Ok(()),
                false => opened.sync_all(),
            }
        };
        self.around().into_iter().try_for_each(|folder| {
            sync(folder).map_err(|error| Failure::new(format!("cannot write `{}`: {error}", folder.display())))
        })
    }

    /// The folders in which something changed.
    fn around(&self) -> Vec<&Path> {
        let files = self.steps.iter().map(|step| step.path.as_path());
        let mut around: Vec<&Path> =
            files.chain(self.folders.iter().map(PathBuf::as_path)).filter_map(Path::parent).collect();
        around.sort_unstable();
        around.dedup();
        around
    }

    /// Removes what the files were from the folder: others are going to look into it. It can still be put back.
    pub(super) fn leave_nothing_aside(&mut self) {
        for step in &mut self.steps {
            step.clean();
        }
    }

    /// Leaves the files as they are now.
    pub(super) fn keep(mut self) {
        self.leave_nothing_aside();
        for step in self.steps.iter().filter(|step| step.after.is_none()) {
            let around = step.path.ancestors().skip(1);
            for folder in around.take_while(|folder| folder.starts_with(&self.top) && *folder != self.top) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
    }

    /// Puts back what was there.
    pub(super) fn take_back(mut self) -> Result<(), Failure> {
        let mut failures = Vec::new();
        for step in self.steps.iter_mut().rev() {
            if let Err(why) = step.take_back() {
                failures.push(why);
            }
        }
        for folder in self.folders.iter().rev() {
            // What somebody else put into it stays.
            let _ = fs::remove_dir(folder);
        }
        // What could not be synced is there all the same.
        let _ = self.sync_all();
        match failures.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(format!("not everything could be put back: {}", failures.join("; ")))),
        }
    }
}

impl Step {
    fn require_unchanged(&self) -> Result<(), Halt> {
        match fs::read(&self.path) {
            Ok(bytes) if self.before.as_deref().is_some_and(|before| before.as_bytes() == bytes) => Ok(()),
            Ok(_) => Err(Halt::Changed(self.shown.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Halt::Changed(self.shown.clone())),
            Err(error) => Err(Failure::new(format!("cannot read `{}`: {error}", self.shown)).into()),
        }
    }

    fn carry_out(&mut self) -> Result<(), Halt> {
        let (shown, path) = (&self.shown, &self.path);
        let halt = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => Halt::Changed(shown.clone()),
            _ => Halt::Failed(Failure::new(format!("cannot write `{shown}`: {error}"))),
        };
        match (&self.aside, &self.before) {
            (Some(aside), Some(before)) => {
                let exchanged = swap::exchange(aside, path, before);
                // It may have failed between two steps, and the new text be in its place: then it is to be put back.
                if exchanged.is_err() && self.after.as_deref().is_some_and(|after| swap::holds(path, after)) {
                    self.is_done = true;
                }
                if !exchanged.map_err(halt)? {
                    return Err(Halt::Changed(shown.clone()));
                }
            }
            (Some(aside), None) => {
                swap::place(aside, path).map_err(halt)?;
                self.aside = None;
            }
            (None, before) => {
                let aside = beside::hidden(path).map_err(halt)?;
                if !swap::remove(path, &aside, before.as_deref().unwrap_or_default()).map_err(halt)? {
                    return Err(Halt::Changed(shown.clone()));
                }
                self.aside = Some(aside);
            }
        }
        self.is_done = true;
        Ok(())
    }

    fn is_aside_as_it_was(&self) -> bool {
        match (&self.aside, &self.before) {
            (Some(aside), Some(before)) => swap::holds(aside, before),
            _ => true,
        }
    }

    /// Puts back what was there, if what is there now is what was written.
    fn take_back(&mut self) -> Result<(), String> {
        if !self.is_done {
            self.clean();
            return Ok(());
        }
        let Some(before) = &self.before else {
            let aside = beside::hidden(&self.path).map_err(|error| format!("`{}` ({error})", self.shown))?;
            return match swap::remove(&self.path, &aside, self.after.as_deref().unwrap_or_default()) {
                Ok(true) => {
                    self.aside = Some(aside);
                    self.clean();
                    Ok(())
                }
                Ok(false) => Err(format!("`{}`, which somebody else has changed meanwhile", self.shown)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(format!("`{}` ({error})", self.shown)),
            };
        };
        let aside = match (self.aside.take().filter(|aside| aside.symlink_metadata().is_ok()), &self.bearing) {
            (Some(aside), _) => aside,
            (None, Some(bearing)) => beside::replacement(&self.path, before, bearing, true)
                .map_err(|error| format!("`{}` ({error})", self.shown))?,
            (None, None) => return Ok(()),
        };
        let put_back = match &self.after {
            Some(after) => swap::exchange(&aside, &self.path, after),
            None => swap::place(&aside, &self.path).map(|()| true),
        };
        let why = match put_back {
            Ok(true) => {
                // It is what was written, or went where it belongs.
                let _ = fs::remove_file(&aside);
                return Ok(());
            }
            Ok(false) => "somebody else has changed it meanwhile".to_owned(),
            Err(error) => error.to_string(),
        };
        let kept = beside::kept(&self.path).and_then(|kept| fs::rename(&aside, &kept).map(|()| kept)).unwrap_or(aside);
        Err(format!("`{}` ({why}); what it was is in `{}`", self.shown, kept.display()))
    }

    /// Removes what stands under a hidden name.
    fn clean(&mut self) {
        if let Some(aside) = self.aside.take() {
            // The next command removes what stays.
            let _ = fs::remove_file(aside);
        }
    }
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
