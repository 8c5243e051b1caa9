//! Comments that allow a warning at one place: `# portolan: allow CODE because REASON`, on the warning's line
//! or in the lines of comment directly above it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::super::codes::{self, Code};
use super::super::position::Lines;
use super::super::report::{Report, is_word, nearest};
use super::super::yaml;
use super::Dormant;
use crate::diagnostic::{Diagnostic, Place, Severity, Span};

/// With what such a comment begins. A file without it has none.
pub(in super::super) const DIRECTIVE: &str = "portolan:";

/// Words that somebody may write for `allow`, besides misspelt ones.
const SYNONYMS: [&str; 5] = ["ignore", "disable", "suppress", "permit", "expect"];

/// A comment that allows something, or should.
#[derive(Debug)]
struct Allow {
    /// From the `#` to the end.
    span: Span,
    /// The first byte of the line it is for; `None` where there is nothing below it.
    line: Option<usize>,
    /// The code, or what is wrong with the comment.
    code: Result<&'static Code, (String, String)>,
    /// What of it is known to be no secret.
    open: [Span; 2],
    used: bool,
}

/// What is known where it is also judged whether comments are of use.
pub(in super::super) struct Judge<'d> {
    /// What may be found on another day.
    pub(in super::super) dormant: &'d [Dormant],
    /// The files that may hold such comments.
    pub(in super::super) files: BTreeSet<Arc<str>>,
}

/// Takes away the warnings that comments allow, and adds what is wrong with the comments where `judge` tells
/// to. Gives what of the comments may be shown.
pub(in super::super) fn apply(
    diagnostics: &mut Vec<Diagnostic>,
    sources: &BTreeMap<Arc<str>, Arc<str>>,
    judge: Option<&Judge<'_>>,
) -> Vec<Report> {
    let warned = || {
        let warnings = diagnostics.iter().filter(|found| found.severity == Severity::Warning);
        warnings.map(|found| Arc::clone(&found.primary.place.file)).collect()
    };
    let files = judge.map_or_else(warned, |judge| judge.files.clone());
    let mut allows: BTreeMap<Arc<str>, Allows> = BTreeMap::new();
    for file in files {
        if let Some(text) = sources.get(&file).filter(|text| text.contains(DIRECTIVE)) {
            allows.insert(file, Allows::of(text));
        }
    }
    if allows.is_empty() {
        return Vec::new();
    }
    diagnostics.retain(|found| {
        let place = &found.primary.place;
        let allows = allows.get_mut(&place.file).filter(|_| found.severity == Severity::Warning);
        let is_allowed = allows.is_some_and(|allows| allows.use_for(found.code, place));
        !is_allowed
    });
    let dormant: HashSet<_> = judge
        .iter()
        .flat_map(|judge| judge.dormant)
        .filter_map(|dormant| {
            let place = &dormant.place;
            Some((&place.file, dormant.code.code, allows.get(&place.file)?.line_of(place)?))
        })
        .collect();
    let has_errors = diagnostics.iter().any(|found| found.severity == Severity::Error);
    let mut reports = Vec::new();
    for (file, allows) in &allows {
        let mut report = Report::new(file);
        for allow in &allows.all {
            report.show(allow.open);
            if judge.is_none() {
                continue;
            }
            match &allow.code {
                Err((message, help)) => {
                    report.add(codes::BAD_ALLOW, allow.span, message).help(help);
                }
                // Where something is broken, not everything was looked at.
                Ok(code) if !allow.used && !has_errors => {
                    let comes = || allow.line.is_some_and(|line| dormant.contains(&(file, code.code, line)));
                    if !code.timely || !comes() {
                        let message = format!("there is no `{}` here to be allowed", code.code);
                        report
                            .add(codes::UNUSED_ALLOW, allow.span, message)
                            .help("remove the comment, or move it onto the line of the warning or directly above it");
                    }
                }
                Ok(_) => {}
            }
        }
        diagnostics.extend(report.take());
        reports.push(report);
    }
    reports
}

/// The comments of a file, and what they allow where.
struct Allows {
    all: Vec<Allow>,
    lines: Lines,
    /// The first comment for a line and a code.
    by_place: HashMap<(usize, &'static str), usize>,
}

impl Allows {
    fn of(text: &str) -> Self {
        let lines = Lines::of(text);
        let all = read(text, &lines);
        let mut by_place = HashMap::new();
        for (at, allow) in all.iter().enumerate() {
            if let (Some(line), Ok(code)) = (allow.line, &allow.code) {
                by_place.entry((line, code.code)).or_insert(at);
            }
        }
        Self { all, lines, by_place }
    }

    /// The first byte of the line that a place begins in.
    fn line_of(&self, place: &Place) -> Option<usize> {
        Some(self.lines.around(place.span?.start).start)
    }

    /// Whether a comment allows a warning, which it then was of use for.
    fn use_for(&mut self, code: &'static str, place: &Place) -> bool {
        let found = self.line_of(place).and_then(|line| self.by_place.get(&(line, code)));
        let allow = found.and_then(|at| self.all.get_mut(*at));
        let is_allowed = allow.is_some();
        if let Some(allow) = allow {
            allow.used = true;
        }
        is_allowed
    }
}

/// The comments of a text that allow something, or should.
fn read(text: &str, lines: &Lines) -> Vec<Allow> {
    let comments = yaml::marks(text).comments;
    let written = |line: Span| (!text[line.start..line.end].trim().is_empty()).then_some(line.start);
    // From below: what a comment is for, the one above it is for, too.
    let mut whole_lines: HashMap<usize, Option<usize>> = HashMap::new();
    for span in comments.iter().rev() {
        let line = lines.around(span.start);
        if text[line.start..span.start].trim().is_empty() {
            let below = (line.end < text.len()).then(|| lines.around(line.end + 1));
            let is_for =
                below.and_then(|below| whole_lines.get(&below.start).copied().unwrap_or_else(|| written(below)));
            whole_lines.insert(line.start, is_for);
        }
    }
    let line_for = |span: Span| {
        let line = lines.around(span.start);
        whole_lines.get(&line.start).copied().unwrap_or_else(|| written(line))
    };
    comments
        .into_iter()
        .filter_map(|span| {
            let (code, open) = directive(text.get(span.start..span.end)?, span.start)?;
            Some(Allow { span, line: line_for(span), code, open, used: false })
        })
        .collect()
}

type Directive = (Result<&'static Code, (String, String)>, [Span; 2]);

/// Reads a comment, which begins at a byte of the text; `None` where it is an ordinary one.
fn directive(comment: &str, start: usize) -> Option<Directive> {
    let after_mark = comment.trim_start_matches('#').trim_start();
    let rest = after_mark.strip_prefix(DIRECTIVE)?.trim_start();
    let at = |rest: &str| start + comment.len() - rest.len();
    let mut words = rest.split_whitespace();
    let verb = words.next().unwrap_or_default();
    if verb != "allow" && nearest(verb, ["allow"]).is_none() && !SYNONYMS.contains(&verb) {
        return None;
    }
    let mark = Span { start, end: start + comment.len() - after_mark.len() + DIRECTIVE.len() };
    let form = "write `# portolan: allow CODE because REASON`";
    let bad = |message: String, help: String, shown: usize| {
        Some((Err((message, help)), [mark, Span { start: at(rest), end: at(rest) + shown }]))
    };
    if verb != "allow" {
        return bad(format!("`{verb}` allows nothing"), form.to_owned(), verb.len());
    }
    let Some(word) = words.next().filter(|word| *word != "because") else {
        return bad("this comment names no code".to_owned(), form.to_owned(), verb.len());
    };
    let word_end = rest.find(word).map_or(0, |found| found + word.len());
    if !is_word(word) {
        return bad("this is no code".to_owned(), format!("{form}; several codes need several comments"), verb.len());
    }
    let Some(code) = codes::code(word) else {
        let warnings = codes::ALL.iter().filter(|code| code.severity == Severity::Warning).map(|code| code.code);
        let help = match nearest(word, warnings) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`portolan explain` lists all codes".to_owned(),
        };
        return bad(format!("there is no code `{word}`"), help, word_end);
    };
    if code.severity == Severity::Error {
        let help = format!("mend it: `portolan explain {word}` says how");
        return bad(format!("`{word}` is an error, and errors cannot be allowed"), help, word_end);
    }
    if [codes::BAD_ALLOW, codes::UNUSED_ALLOW, codes::MORE_WARNINGS].contains(&code) {
        return bad(format!("`{word}` cannot be allowed"), "mend or remove the other comment".to_owned(), word_end);
    }
    let reason = rest[word_end..].trim_start().strip_prefix("because").unwrap_or_default();
    if !reason.starts_with(char::is_whitespace) || reason.trim().is_empty() {
        return bad("this comment gives no reason".to_owned(), format!("add why: `allow {word} because …`"), word_end);
    }
    let head = rest.len() - reason.len();
    Some((Ok(code), [mark, Span { start: at(rest), end: at(rest) + head }]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code and the line of each comment, or what is wrong with it.
    fn all(text: &str) -> Vec<String> {
        let shown = |allow: Allow| {
            let line = allow.line.map_or("nothing", |line| text[line..].lines().next().unwrap_or_default().trim());
            match allow.code {
                Ok(code) => format!("{} for {line}", code.code),
                Err((message, help)) => format!("{message}; {help}"),
            }
        };
        read(text, &Lines::of(text)).into_iter().map(shown).collect()
    }

    #[test]
    fn a_comment_is_for_its_line_or_the_one_below() {
        let text = "\
# portolan: allow weak-hash because a
# and more
a: 1
b: 2 # portolan: allow no-permissions because b
c: \"# portolan: allow weak-hash because it is a text\"
d: |
  # portolan: allow weak-hash because it is a text
# portolan: allow weak-hash because nothing follows

e: 3
  #portolan:  allow   weak-hash   because   of blanks
";
        assert_eq!(
            all(text),
            [
                "weak-hash for a: 1",
                "no-permissions for b: 2 # portolan: allow no-permissions because b",
                "weak-hash for nothing",
                "weak-hash for nothing"
            ]
        );
    }

    #[test]
    fn what_is_no_such_comment_is_told() {
        for (comment, message) in [
            ("# portolan: our registry", None),
            ("# see portolan: allow x", None),
            ("# portolan: allow", Some("this comment names no code")),
            ("# portolan: allow because x", Some("this comment names no code")),
            ("# portolan: alow weak-hash because x", Some("`alow` allows nothing")),
            ("# portolan: ignore weak-hash", Some("`ignore` allows nothing")),
            ("# portolan: allow weak-hsh because x", Some("there is no code `weak-hsh`; did you mean `weak-hash`?")),
            ("# portolan: allow weak-hash,no-permissions because x", Some("this is no code")),
            ("# portolan: allow unknown-key because x", Some("`unknown-key` is an error")),
            ("# portolan: allow unused-allow because x", Some("`unused-allow` cannot be allowed")),
            ("# portolan: allow weak-hash", Some("this comment gives no reason")),
            ("# portolan: allow weak-hash because", Some("this comment gives no reason")),
            ("# portolan: allow weak-hash becauseitis", Some("this comment gives no reason")),
        ] {
            let found = all(&format!("{comment}\na: 1\n"));
            match message {
                None => assert_eq!(found, [""; 0], "{comment}"),
                Some(message) => assert!(found.len() == 1 && found[0].starts_with(message), "{comment}: {found:?}"),
            }
        }
    }
    #[test]
    fn many_comments_take_no_longer_than_their_text() {
        let text = format!("{}a: 1\n", "# portolan: allow weak-hash because x\n".repeat(20_000));
        let line = text.len() - "a: 1\n".len();
        let began = std::time::Instant::now();
        let found = read(&text, &Lines::of(&text));
        assert_eq!(found.len(), 20_000);
        assert!(found.iter().all(|allow| allow.line == Some(line)));
        // Where each looked for its own line, it took as many seconds as now milliseconds.
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        let warning = |start| {
            let place = Place { file: "a".into(), span: Some(Span { start, end: start + 1 }) };
            super::super::diagnostic(codes::WEAK_HASH, place, "weak")
        };
        let sources = BTreeMap::from([("a".into(), text.as_str().into())]);
        let mut diagnostics: Vec<Diagnostic> = (0..20_000).map(|_| warning(line)).chain([warning(0)]).collect();
        apply(&mut diagnostics, &sources, None);
        assert_eq!(diagnostics, [warning(0)]);
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }
}
