//! Changes the files of a plan: all, or none.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::cli::Failure;

use super::Halt;
use super::beside;
use super::place::Target;

/// Changes that were made, and are taken back unless they are kept.
#[derive(Debug, Default)]
pub(super) struct Applied {
    steps: Vec<Step>,
    /// Folders that were made, outermost first.
    folders: Vec<PathBuf>,
}

/// The change of one file, prepared under hidden names.
#[derive(Debug)]
struct Step {
    shown: String,
    path: PathBuf,
    before: Option<String>,
    /// What the file is to be.
    fresh: Option<PathBuf>,
    /// What it was.
    backup: Option<PathBuf>,
    is_done: bool,
}

impl Applied {
    /// Prepares every change, and makes them one after another if each file still is as the plan knew it.
    pub(super) fn make(targets: &[Target], is_alone: bool) -> Result<Self, Halt> {
        let mut applied = Self::default();
        let made = applied.prepare(targets, is_alone).and_then(|()| {
            applied.carry_out().map_err(|halt| match halt {
                Halt::Failed(failure) => Halt::Failed(Failure {
                    message: format!("{}; what was changed before was put back", failure.message),
                    ..failure
                }),
                changed => changed,
            })
        });
        match made {
            Ok(()) => Ok(applied),
            Err(halt) => {
                applied.take_back()?;
                Err(halt)
            }
        }
    }

    fn prepare(&mut self, targets: &[Target], is_alone: bool) -> Result<(), Halt> {
        let folders: BTreeSet<&Path> = targets.iter().filter_map(|target| target.path.parent()).collect();
        if is_alone {
            folders.into_iter().for_each(beside::remove_stale);
        }
        for target in targets {
            let cannot = |error: io::Error| {
                let failure = Failure::new(format!("cannot write `{}`: {error}; nothing was changed", target.shown));
                match error.kind() {
                    io::ErrorKind::PermissionDenied => failure.with_hint("run this as the owner of the files"),
                    _ => failure,
                }
            };
            let (before, after) = (target.change.before.as_deref(), target.change.after.as_deref());
            self.steps.push(Step {
                shown: target.shown.clone(),
                path: target.path.clone(),
                before: before.map(str::to_owned),
                fresh: None,
                backup: None,
                is_done: false,
            });
            if before.is_none()
                && let Some(parent) = target.path.parent()
            {
                self.create_folder(parent).map_err(cannot)?;
            }
            let Some(step) = self.steps.last_mut() else { continue };
            if before.is_some() {
                step.require_unchanged()?;
                step.backup = Some(beside::backup(&step.path).map_err(cannot)?);
            }
            step.fresh = match (before, after) {
                (_, None) => None,
                (Some(_), Some(text)) => Some(beside::replacement(&step.path, text).map_err(cannot)?),
                (None, Some(text)) => {
                    let mode = if target.change.is_private { 0o600 } else { 0o666 };
                    Some(beside::fresh(&step.path, text, mode).map_err(cannot)?)
                }
            };
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
        for folder in self.around() {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| Failure::new(format!("cannot write `{}`: {error}", folder.display())))?;
        }
        Ok(())
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

    /// Leaves the files as they are now.
    pub(super) fn keep(self) {
        for step in &self.steps {
            step.clean();
        }
    }

    /// Puts back what was there.
    pub(super) fn take_back(self) -> Result<(), Failure> {
        let mut failures = Vec::new();
        for step in self.steps.iter().rev() {
            if let Err(why) = step.take_back() {
                failures.push(why);
            }
        }
        for folder in self.folders.iter().rev() {
            // What somebody else put into it stays.
            let _ = fs::remove_dir(folder);
        }
        for folder in self.around() {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
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
        let failed = |error: io::Error| Failure::new(format!("cannot write `{shown}`: {error}"));
        if self.before.is_some() {
            self.require_unchanged()?;
        }
        match (&self.fresh, &self.before) {
            (Some(fresh), Some(_)) => fs::rename(fresh, path).map_err(failed)?,
            (Some(fresh), None) => match place(fresh, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Halt::Changed(shown.clone()));
                }
                placed => placed.map_err(failed)?,
            },
            (None, _) => fs::remove_file(path).map_err(failed)?,
        }
        self.is_done = true;
        // An editor that writes into the file itself may have done so in the last moment.
        match (&self.backup, &self.before) {
            (Some(backup), Some(before)) if !fs::read(backup).is_ok_and(|bytes| bytes == before.as_bytes()) => {
                Err(Halt::Changed(self.shown.clone()))
            }
            _ => Ok(()),
        }
    }

    fn take_back(&self) -> Result<(), String> {
        let put_back = match (self.is_done, &self.backup) {
            (false, _) => Ok(()),
            (true, Some(backup)) => fs::rename(backup, &self.path).map_err(|error| {
                format!("`{}` ({error}), of which `{}` holds what it was", self.shown, backup.display())
            }),
            (true, None) => fs::remove_file(&self.path).map_err(|error| format!("`{}` ({error})", self.shown)),
        };
        if put_back.is_ok() {
            self.clean();
        }
        put_back
    }

    /// Removes what stands under hidden names.
    fn clean(&self) {
        for path in [&self.fresh, &self.backup].into_iter().flatten() {
            // It went where it belongs, or the next command removes it.
            let _ = fs::remove_file(path);
        }
    }
}

/// Gives a file its place, if nothing is there.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(Errno::INVAL | Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
        placed => Ok(placed?),
    }
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
