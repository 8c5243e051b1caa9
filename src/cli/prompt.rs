//! Questions to whoever sits at the terminal, and passwords that come without one.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::{Exit, Failure, output, signals};

/// A longer line is no password.
const MAX_BYTES: u64 = 4096;

/// A new password: asked for twice on a terminal, without showing it, or else the first line of stdin.
pub(super) fn new_password(user: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return password_from_stdin();
    }
    let hidden = Hidden::begin()?;
    let first = hidden.line(&format!("new password of `{user}`: "))?;
    let second = hidden.line("the same again: ")?;
    drop(hidden);
    if first != second {
        return Err(Failure::new("the two passwords differ").with_exit(Exit::No).with_hint("nothing was changed"));
    }
    if first.is_empty() {
        return Err(Failure::new("the password is empty").with_exit(Exit::No).with_hint("nothing was changed"));
    }
    Ok(first)
}

/// The first line of stdin.
pub(super) fn password_from_stdin() -> Result<String, Failure> {
    let mut line = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_BYTES + 1)
        .read_until(b'\n', &mut line)
        .map_err(|error| Failure::new(format!("cannot read the password from stdin: {error}")))?;
    first_line(line).map_err(|why| Failure::new(why).with_exit(Exit::No))
}

/// Asks before something is done that cannot be undone. Where nobody can be asked, `--yes` has to be given.
pub(super) fn confirm(question: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new("this asks first, and there is no terminal to ask at")
            .with_exit(Exit::No)
            .with_hint("`--yes` goes ahead without asking, `--dry-run` shows what would change"));
    }
    output::note(&format!("{question} [y/N] "));
    let line = line_of_terminal()?;
    if ["y", "yes"].iter().any(|word| line.trim().eq_ignore_ascii_case(word)) {
        return Ok(());
    }
    Err(Failure::new("nothing was changed, as you wished").with_exit(Exit::No))
}

/// The terminal while what is typed is not shown. It is as it was when this is dropped, or when a signal ends the
/// program.
///
/// What would end the program at once (Ctrl-C) ends the line instead, so that the terminal is never left mute.
struct Hidden {
    before: Termios,
    interrupts: [u8; 2],
    is_hidden: Arc<AtomicBool>,
}

impl Hidden {
    fn begin() -> Result<Self, Failure> {
        let failed = |error| Failure::new(format!("cannot keep the terminal from showing the password: {error}"));
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).map_err(failed)?;
        let interrupts = [SpecialCodeIndex::VINTR, SpecialCodeIndex::VQUIT].map(|which| before.special_codes[which]);
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        hidden.local_modes.insert(LocalModes::ICANON);
        hidden.special_codes[SpecialCodeIndex::VEOL] = interrupts[0];
        hidden.special_codes[SpecialCodeIndex::VEOL2] = interrupts[1];
        let is_hidden = Arc::new(AtomicBool::new(true));
        let watched = (Arc::clone(&is_hidden), before.clone());
        signals::watch(move || {
            if watched.0.load(Ordering::SeqCst) {
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &watched.1);
                output::note("\ninterrupted; nothing was changed\n");
            }
        })
        .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
        tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(failed)?;
        Ok(Self { before, interrupts, is_hidden })
    }

    fn line(&self, prompt: &str) -> Result<String, Failure> {
        output::note(prompt);
        let line = line_of_terminal();
        output::note("\n");
        let line = line?;
        // 0 switches a character off.
        if line.bytes().any(|byte| byte != 0 && self.interrupts.contains(&byte)) {
            return Err(Failure::new("interrupted; nothing was changed").with_exit(Exit::No));
        }
        if line.chars().any(char::is_control) {
            return Err(Failure::new("a password that is typed has no control characters").with_exit(Exit::No));
        }
        Ok(line)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that went away needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
        self.is_hidden.store(false, Ordering::SeqCst);
    }
}

/// One line as the terminal gives it: what is behind it stays for the next question, or for the shell.
fn line_of_terminal() -> Result<String, Failure> {
    let failed = |error: rustix::io::Errno| Failure::new(format!("cannot read from the terminal: {error}"));
    let mut bytes = [0; MAX_BYTES as usize + 1];
    let count = loop {
        match rustix::io::read(io::stdin(), &mut bytes) {
            Err(rustix::io::Errno::INTR) => {}
            count => break count.map_err(failed)?,
        }
    };
    let line = bytes.get(..count).unwrap_or_default();
    if line.is_empty() {
        return Err(Failure::new("the terminal was closed; nothing was changed").with_exit(Exit::No));
    }
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8(line.to_vec()).map_err(|_| Failure::new("what was typed is not UTF-8").with_exit(Exit::No))
}

fn first_line(mut line: Vec<u8>) -> Result<String, &'static str> {
    if line.len() as u64 > MAX_BYTES {
        return Err("the password is longer than 4096 bytes");
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    // Some editors put a byte-order mark before every text.
    if line.starts_with("\u{feff}".as_bytes()) {
        line.drain(.."\u{feff}".len());
    }
    match String::from_utf8(line) {
        Ok(text) if text.is_empty() => Err("there is no password on stdin"),
        Ok(text) if text.chars().any(char::is_control) => Err("the password has a control character"),
        Ok(text) => Ok(text),
        Err(_) => Err("the password is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newline_is_not_part_of_the_password() {
        assert_eq!(first_line(b" a b \n".to_vec()).as_deref(), Ok(" a b "));
        assert_eq!(first_line(b"secret\r\n".to_vec()).as_deref(), Ok("secret"));
        assert_eq!(first_line(b"\xef\xbb\xbfsecret\n".to_vec()).as_deref(), Ok("secret"));
        assert_eq!(first_line(b"secret".to_vec()).as_deref(), Ok("secret"));
        for wrong in [&b""[..], b"\n", b"\xff\n", b"a\0b\n", b"a\tb", &[b'a'; 5000]] {
            assert!(first_line(wrong.to_vec()).is_err());
        }
    }
}
