#!/usr/bin/env python3
"""What people see at a terminal: passwords stay hidden, questions are asked, tables fit, shells complete names and
run nothing, and the manual's pages can be read.

    tests/terminal.py PATH-OF-PORTOLAN

What cannot be tried here is named as SKIPPED."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROGRAM = os.path.abspath(sys.argv[1])
PASSWORD = "Harbour-2026"
CREDENTIALS = """\
credentials:
  root: {type: plain, pass: S3cr3t-of-root, admin: true}
  jane: {type: plain, pass: S3cr3t-of-jane, groups: [developers-of-the-payments, developers-of-the-catalog]}
  ci-payments: {type: plain, pass: S3cr3t-of-ci, description: 'pushes what the pipelines of payments have built'}
"""
REPOSITORY = "repo:\n  type: docker\n  permissions:\n    jane: [read]\n    ci-payments: [read, write]\n"


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, words, folder, columns=80, env=None):
        environment = {**os.environ, "PORTOLAN_CONFIG": folder, "TERM": "xterm", "HOME": folder + ".home",
                       "PATH": os.path.dirname(PROGRAM) + os.pathsep + os.environ["PATH"], **(env or {})}
        for name in ("COLUMNS", "NO_COLOR"):
            if name not in (env or {}):
                environment.pop(name, None)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            # The parent sets the size before it lets go.
            signal.sigwait([signal.SIGUSR1])
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
            os.execvpe(words[0], words, environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        time.sleep(0.05)
        os.kill(self.pid, signal.SIGUSR1)
        self.seen = ""

    def until(self, pattern, seconds=20):
        """Reads until the pattern is seen, and gives all that was."""
        end = time.time() + seconds
        while not re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.seen)):
            if time.time() > end:
                raise AssertionError(f"`{pattern}` is not seen: {self.seen!r}")
            if not self.read(0.2):
                continue
        return self.seen

    def read(self, seconds):
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            data = b""
        if not data:
            raise AssertionError(f"the terminal was closed: {self.seen!r}")
        self.seen += data.decode(errors="replace")
        return True

    def send(self, text):
        os.write(self.terminal, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def end(self):
        """Reads to the end, and gives the exit code."""
        try:
            while True:
                self.read(20)
        except AssertionError:
            pass
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def portolan(folder, *words, columns=80, env=None):
    return Terminal([PROGRAM, *words], folder, columns, env)


def piped(folder, *words, stdin="", env=None):
    done = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True, cwd=folder,
                          env={**os.environ, "PORTOLAN_CONFIG": folder, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def configuration():
    folder = tempfile.mkdtemp(prefix="portolan-terminal-")
    os.makedirs(folder + "/repos")
    os.makedirs(folder + ".home", exist_ok=True)
    for name, text in [("credentials.yaml", CREDENTIALS), ("repos/payments.yaml", REPOSITORY)]:
        with open(f"{folder}/{name}", "w") as file:
            file.write(text)
    return folder


def credentials(folder):
    with open(folder + "/credentials.yaml") as file:
        return file.read()


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def passwords_are_asked_for_twice_and_stay_hidden():
    folder = configuration()
    asked = portolan(folder, "user", "add", "rita")
    asked.until("new password of `rita`: $")
    check(not asked.echoes(), "the terminal shows nothing")
    asked.send(PASSWORD + "\n")
    asked.until("the same again: $")
    asked.send(PASSWORD + "\n")
    code = asked.end()
    check(code == 0 and PASSWORD not in asked.seen, asked.seen)
    check(asked.echoes() and "  rita:" in credentials(folder), "the user is there")

    before = credentials(folder)
    differ = portolan(folder, "user", "password", "jane")
    differ.until("jane`: $")
    differ.send(PASSWORD + "\n")
    differ.until("again: $")
    differ.send(PASSWORD + "x\n")
    check(differ.end() == 1 and "differ" in differ.seen and differ.echoes(), differ.seen)
    check(credentials(folder) == before, "nothing was changed")

    weak = portolan(folder, "user", "password", "jane")
    weak.until("jane`: $")
    weak.send("short\n")
    weak.until("again: $")
    weak.send("short\n")
    check(weak.end() == 1 and "at least 8 characters" in weak.seen and "upper-case" in weak.seen, weak.seen)
    check(credentials(folder) == before, "nothing was changed")

    # What would be refused in any case is not asked for.
    for words, said in [(["add", "jane"], "already"), (["password", "jnae"], "jane")]:
        refused = portolan(folder, "user", *words)
        check(refused.end() == 1 and said in refused.seen and "password of" not in refused.seen, refused.seen)


def an_interrupt_leaves_the_terminal_as_it_was():
    for key in ["\x03", "\x1c", "half\x03", "\x04"]:
        folder = configuration()
        before = credentials(folder)
        asked = portolan(folder, "user", "add", "rita")
        asked.until("rita`: $")
        asked.send(key)
        code = asked.end()
        check(code not in (0, None) and asked.echoes(), f"{key!r}: {code} {asked.seen}")
        check(credentials(folder) == before and "half" not in asked.seen, asked.seen)


def a_signal_leaves_the_terminal_as_it_was():
    for number in [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]:
        folder = configuration()
        before = credentials(folder)
        asked = portolan(folder, "user", "add", "rita")
        asked.until("rita`: $")
        check(not asked.echoes(), "the terminal shows nothing")
        os.kill(asked.pid, number)
        code = asked.end()
        check(code == 128 + number and asked.echoes(), f"{number}: {code} {asked.seen}")
        check(credentials(folder) == before and "interrupted" in asked.seen, asked.seen)


def a_deletion_asks_first():
    folder = configuration()
    before = credentials(folder)
    for answer in ["n\n", "\n", "yess\n", "\x04"]:
        asked = portolan(folder, "user", "delete", "ci-payments")
        asked.until(r"\[y/N\] $")
        check("repos/payments.yaml" in asked.seen, "it says what it will change: " + asked.seen)
        asked.send(answer)
        check(asked.end() == 1 and credentials(folder) == before, asked.seen)
    code, out, err = piped(folder, "user", "delete", "ci-payments", stdin="y\n")
    check(code == 1 and "--yes" in err and credentials(folder) == before, err)
    asked = portolan(folder, "user", "delete", "ci-payments")
    asked.until(r"\[y/N\] $")
    asked.send("y\n")
    check(asked.end() == 0 and "ci-payments" not in credentials(folder), asked.seen)
    # Whoever else changes the folder meanwhile is not overrun.
    asked = portolan(folder, "repository", "delete", "payments")
    asked.until(r"\[y/N\] $")
    with open(folder + "/repos/payments.yaml", "a") as file:
        file.write("    root: [read]\n")
    asked.send("y\n")
    code = asked.end()
    check(code in (0, 1), asked.seen)


def width_of(line):
    return len(re.sub(r"\x1b\[[0-9;]*m", "", line))


def tables_fit():
    folder = configuration()
    ends = "2027-01-02T00:00:00Z"
    with open(folder + "/credentials.yaml", "a") as file:
        file.write(f"  late: {{type: plain, pass: S3cr3t-of-late, expires: {ends}}}\n")
    for columns in (30, 60, 80, 100):
        shown = portolan(folder, "user", "list", columns=columns)
        check(shown.end() == 0, shown.seen)
        widest = max(width_of(line) for line in shown.seen.splitlines())
        check(widest <= columns, f"{widest} of {columns}:\n{shown.seen}")
        check("ci-payments" in shown.seen and ends in shown.seen, "moments stay whole: " + shown.seen)
    told = portolan(folder, "user", "list", columns=200, env={"COLUMNS": "70"})
    told.end()
    check(max(width_of(line) for line in told.seen.splitlines()) <= 70, told.seen)
    code, out, _ = piped(folder, "user", "list", env={"COLUMNS": "40"})
    check(code == 0 and len(out.splitlines()) == 5, "a program gets a line for each user: " + out)


def a_diff_is_coloured_at_a_terminal_alone():
    folder = configuration()
    words = ["user", "disable", "jane", "--dry-run"]
    shown = portolan(folder, *words)
    check(shown.end() == 0 and "\x1b[32m+" in shown.seen and "S3cr3t" not in shown.seen, shown.seen)
    plain = portolan(folder, *words, env={"NO_COLOR": "1"})
    check(plain.end() == 0 and "\x1b[" not in plain.seen, plain.seen)
    check("\x1b[" not in piped(folder, *words)[1], "a pipe gets no colour")


def spiteful(folder):
    """Names that would do something in a shell that takes them for more than names."""
    for name in ["$(touch pwned)", "`touch pwned`", "pay;touch pwned", "pay'x", 'pay"x', "pay x", "pay*", "pay\\x"]:
        with open(f"{folder}/repos/{name}.yaml", "w") as file:
            file.write("repo:\n  type: docker\n  permissions: {}\n")
    return [folder + "/pwned", folder + ".home/pwned"]


SHELLS = {
    "bash": (["bash", "--noprofile", "--norc", "-i"], "PS1='ready> '; source <(portolan completions bash)\n"),
    "zsh": (["zsh", "-f", "-i"], "PS1='ready> '; autoload -Uz compinit; compinit -u -D; "
            "source <(portolan completions zsh)\n"),
}


def shells_complete_names_and_run_nothing():
    for name, (words, setup) in SHELLS.items():
        if not shutil.which(name):
            print(f"SKIPPED: completion in {name}, which is not installed")
            continue
        folder = configuration()
        traces = spiteful(folder)
        shell = Terminal(words, folder, env={"INPUTRC": "/dev/null"})
        time.sleep(0.5)
        shell.send("unset HISTFILE; " + setup)
        shell.until("ready> $")
        for typed, whole in [("user show ci-p\t", "ci-payments"), ("user join jane developers-of-the-c\t", "-catalog"),
                             ("repository delete pay\t\t", "payments"), ("user att\t", "attach")]:
            shell.seen = ""
            shell.send("portolan " + typed)
            shell.until(whole)
            shell.send("\x15\n")
            time.sleep(0.3)
        shell.seen = ""
        shell.send("portolan repository delete \t\t")
        shell.until("payments")
        check("touch" not in shell.seen, f"{name}: {shell.seen!r}")
        check(not any(os.path.exists(trace) for trace in traces), f"{name} ran a name")
        shell.send("\x15exit\n")
        shell.end()
    if not shutil.which("fish"):
        print("SKIPPED: completion in fish, which is not installed")
        return
    folder = configuration()
    traces = spiteful(folder)
    script = "portolan completions fish | source; complete -C 'portolan repository delete '; " \
             "complete -C 'portolan user show ci'; complete -C 'portolan user show --config " + folder + " ro'"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, cwd=folder,
                          env={**os.environ, "PORTOLAN_CONFIG": folder, "HOME": folder + ".home",
                               "PATH": os.path.dirname(PROGRAM) + os.pathsep + os.environ["PATH"]})
    lines = [line.split("\t")[0] for line in done.stdout.splitlines()]
    check({"payments", "ci-payments", "root"} <= set(lines), f"fish: {done}")
    check("touch" not in done.stdout and not any(os.path.exists(trace) for trace in traces), f"fish ran a name: {done}")


def the_manual_can_be_read():
    folder = tempfile.mkdtemp(prefix="portolan-man-")
    code, _, err = piped(folder, "man", folder + "/man1")
    pages = sorted(os.listdir(folder + "/man1"))
    check(code == 0 and "portolan-user-rotate.1" in pages and "portolan.1" in pages, f"{err} {pages}")
    if not shutil.which("groff"):
        print("SKIPPED: the manual's pages (no groff)")
        return
    for page in pages:
        done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", f"{folder}/man1/{page}"], capture_output=True, text=True)
        check(done.returncode == 0 and done.stderr == "", f"{page}: {done.stderr}")
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-cbou", f"{folder}/man1/portolan-repository-grant.1"],
                          capture_output=True, text=True)
    check("portolan repository grant library '*' read" in done.stdout, done.stdout)
    everything = piped(folder, "man")[1]
    check(everything.count(".TH ") == len(pages), "all pages on stdout")


for test in [passwords_are_asked_for_twice_and_stay_hidden, an_interrupt_leaves_the_terminal_as_it_was,
             a_signal_leaves_the_terminal_as_it_was, a_deletion_asks_first, tables_fit,
             a_diff_is_coloured_at_a_terminal_alone, shells_complete_names_and_run_nothing,
             the_manual_can_be_read]:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    test()
    print(f"terminal: {test.__name__.replace('_', ' ')}")
