//! Objects of a git repository, from one `git cat-file` process.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use crate::config::Content;

/// A folder of more bytes is not read; git needs about 50 for each entry.
const MAX_FOLDER_BYTES: u64 = 32 << 20;
/// The longest path that a system follows.
const MAX_LINK_BYTES: u64 = 4096;

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tree,
    File,
    Link,
    Submodule,
}

/// An entry of a folder.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// The object's name, hexadecimal.
    pub(super) id: String,
}

/// A process that gives objects by their names.
pub(super) struct Objects {
    git: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    trees: HashMap<String, Arc<Vec<Entry>>>,
}

impl Objects {
    /// Starts the process.
    pub(super) fn open(mut git: Command) -> Result<Self, String> {
        let child =
            git.args(["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut git = child.spawn().map_err(|error| format!("`git` cannot be run: {error}"))?;
        match (git.stdin.take(), git.stdout.take()) {
            (Some(requests), Some(stdout)) => {
                Ok(Self { git, requests, answers: BufReader::with_capacity(1 << 16, stdout), trees: HashMap::new() })
            }
            _ => Err("`git` cannot be run".to_owned()),
        }
    }

    /// The entries of a folder.
    pub(super) fn tree(&mut self, id: &str) -> Result<Arc<Vec<Entry>>, String> {
        if let Some(known) = self.trees.get(id) {
            return Ok(Arc::clone(known));
        }
        let bytes = self.one(id, "tree", MAX_FOLDER_BYTES)?;
        let entries = entries(&bytes, id.len() / 2).ok_or("a tree of the git repository is damaged")?;
        let entries = Arc::new(entries);
        self.trees.insert(id.to_owned(), Arc::clone(&entries));
        Ok(entries)
    }

    /// Where a symbolic link leads.
    pub(super) fn link(&mut self, id: &str) -> Result<Vec<u8>, String> {
        self.one(id, "blob", MAX_LINK_BYTES)
    }

    fn one(&mut self, id: &str, kind: &str, max: u64) -> Result<Vec<u8>, String> {
        writeln!(self.requests, "{id}").and_then(|()| self.requests.flush()).map_err(|error| failed(&error))?;
        let size = header(&mut self.answers, kind)?;
        if size > max {
            return Err("a folder or link of the git repository is too large".to_owned());
        }
        content(&mut self.answers, size).map_err(|error| failed(&error))
    }

    /// The contents of files, in the order of their names. A file over `max_bytes` is not kept; more than
    /// `max_total` of all together is an error.
    pub(super) fn files(self, ids: Vec<String>, max_bytes: u64, max_total: u64) -> Result<Vec<Content>, String> {
        let Self { mut git, mut requests, mut answers, .. } = self;
        let count = ids.len();
        let result = std::thread::scope(|scope| {
            // Both pipes would fill up if nobody read while all is asked for.
            scope.spawn(move || {
                let mut lines = String::new();
                ids.iter().for_each(|id| lines.extend([id.as_str(), "\n"]));
                // Where git ended, the reader tells.
                let _ = requests.write_all(lines.as_bytes());
            });
            let mut total = 0;
            let mut read = || -> Result<Content, String> {
                let size = header(&mut answers, "blob")?;
                if size > max_bytes {
                    let skipped = io::copy(&mut answers.by_ref().take(size + 1), &mut io::sink());
                    skipped.map_err(|error| failed(&error))?;
                    return Ok(Content::TooLarge { bytes: size });
                }
                total += size;
                if total > max_total {
                    return Err(format!("its files hold more than {} MiB", max_total >> 20));
                }
                Ok(Content::of(content(&mut answers, size).map_err(|error| failed(&error))?))
            };
            let contents: Result<Vec<Content>, String> = (0..count).map(|_| read()).collect();
            if contents.is_err() {
                // Nobody reads the rest, and the other thread would wait.
                let _ = git.kill();
            }
            contents
        });
        let _ = git.wait();
        result
    }
}

/// Reads the line before an object: its size in bytes.
fn header(answers: &mut BufReader<ChildStdout>, kind: &str) -> Result<u64, String> {
    let mut line = Vec::new();
    answers.by_ref().take(1 << 12).read_until(b'\n', &mut line).map_err(|error| failed(&error))?;
    let line = String::from_utf8_lossy(&line);
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    match words.as_slice() {
        [_, found, size] if *found == kind => size.parse().map_err(|_| "`git` answers something unknown".to_owned()),
        [id, "missing"] => Err(format!("the object {id} is missing in the git repository")),
        [] => Err("`git` ended too early".to_owned()),
        _ => Err("an object of the git repository is of another kind than its folder says".to_owned()),
    }
}

/// Reads an object and the line end behind it.
fn content(answers: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    answers.take(size + 1).read_to_end(&mut bytes)?;
    match bytes.pop() {
        Some(b'\n') if bytes.len() as u64 == size => Ok(bytes),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Reads a tree object: mode, blank, name, NUL, and the bytes of the name of the object, for each entry.
fn entries(mut bytes: &[u8], id_bytes: usize) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let blank = bytes.iter().position(|byte| *byte == b' ')?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let kind = match bytes.get(..blank)? {
            b"40000" | b"040000" => Kind::Tree,
            b"120000" => Kind::Link,
            b"160000" => Kind::Submodule,
            _ => Kind::File,
        };
        let name = bytes.get(blank + 1..end)?.to_vec();
        let id = bytes.get(end + 1..end + 1 + id_bytes)?;
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        entries.push(Entry { name, kind, id });
        bytes = bytes.get(end + 1 + id_bytes..)?;
    }
    Some(entries)
}

fn failed(error: &io::Error) -> String {
    format!("`git` cannot be asked: {error}")
}
