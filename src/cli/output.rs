//! Writing to stdout and stderr, with colour where it is wanted.

use std::io::{self, ErrorKind, IsTerminal, Write as _};

use clap::ValueEnum;

use super::Failure;
use super::render::visible;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// In any case
    Always,
    /// Not at all
    Never,
}

impl Colour {
    /// Whether to colour what goes to `stream`.
    pub(super) fn on(self, stream: &impl IsTerminal) -> bool {
        let wanted = || std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match self {
            Self::Auto => wanted() && stream.is_terminal(),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Writes a result to stdout. A reader that went away (`| head`) is no failure.
pub(super) fn result(text: &str) -> Result<(), Failure> {
    match seen(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes to stdout what is of no use where nobody can see it.
pub(super) fn seen(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

/// Refuses a stdout in which everything is lost. One that is closed when a program starts is the null device by now.
pub(super) fn require_reader() -> Result<(), Failure> {
    let stdout = rustix::fs::fstat(io::stdout());
    let null = rustix::fs::stat("/dev/null");
    let is_lost = match (&stdout, &null) {
        (Ok(stdout), Ok(null)) => (stdout.st_dev, stdout.st_ino) == (null.st_dev, null.st_ino),
        (stdout, _) => stdout.is_err(),
    };
    if !is_lost {
        return Ok(());
    }
    Err(Failure::new("stdout is closed or the null device, so that nobody would have the secret; nothing was changed")
        .with_hint("`--secret-file FILE` writes it to a file"))
}

/// The width of the terminal that stdout is, where it is one.
pub(super) fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    told.filter(|columns| *columns > 0).or_else(asked).filter(|columns| *columns > 0)
}

/// Writes a note for people to stderr.
pub(super) fn note(text: &str) {
    // Without stderr there is nobody to be told.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Tells why a command failed.
pub(super) fn report(failure: &Failure) {
    let colour = Colour::Auto.on(&io::stderr());
    let (red, cyan, plain) = if colour { ("\u{1b}[1;31m", "\u{1b}[1;36m", "\u{1b}[0m") } else { ("", "", "") };
    note(&format!("{red}error{plain}: {}\n", visible(&failure.message)));
    if let Some(hint) = &failure.hint {
        note(&format!("{cyan}hint{plain}: {}\n", visible(hint)));
    }
}
