//! Which parts of a file are not to be shown.

use std::collections::HashSet;

use super::super::position::Lines;
use super::super::report::is_word;
use crate::diagnostic::Span;

/// What is known of a file's text.
#[derive(Debug, Default)]
pub(in super::super) struct Known {
    /// Where secrets stand, or may stand. An empty span tells that its line may hold one.
    pub(in super::super) secrets: Vec<Span>,
    /// What is no secret.
    pub(in super::super) open: Vec<Span>,
    /// Where errors are.
    pub(in super::super) refused: Vec<Span>,
    /// Whether every line may hold a secret.
    pub(in super::super) guarded: bool,
}

/// What may stand between the words of YAML without being one.
const PUNCTUATION: &[char] = &[' ', '\t', '\r', '\u{feff}', ',', ':', '{', '}', '[', ']', '-', '?', '|', '>'];

impl Known {
    /// The spans that are to be hidden, in order and apart from one another: secrets, and in lines with
    /// secrets all that is not known to be none, such as a comment that repeats one.
    pub(in super::super) fn hidden(self, text: &str) -> Vec<Span> {
        let Self { mut secrets, mut open, refused, guarded } = self;
        // Most files: nothing else would be found below, and there may be ten thousand of them.
        if !guarded && secrets.is_empty() {
            return Vec::new();
        }
        if guarded {
            // Behind a date that is none a line break may be lost, and a password may follow.
            let refused: HashSet<Span> = refused.into_iter().collect();
            let is_suspect = |span: &Span| {
                let written = text.get(span.start..span.end).unwrap_or_default();
                refused.contains(span) && !is_word(written.trim_matches(['"', '\'']))
            };
            secrets.extend(open.extract_if(.., |span| is_suspect(span)));
        }
        secrets.iter_mut().for_each(|span| *span = clamp(text, *span));
        secrets.sort_unstable();
        // A quote that is not closed takes in what follows.
        open.retain(|span| {
            let written = text.get(span.start..span.end).unwrap_or_default();
            !guarded || !(written.contains('\n') || written.contains(": "))
        });

        let mut hidden = secrets.clone();
        let in_secret_line = in_line_of(text, &secrets);
        let mut at = 0;
        let mut covered = open;
        covered.extend(&secrets);
        covered.sort_unstable();
        for span in covered.into_iter().chain([Span { start: text.len(), end: text.len() }]) {
            if at < span.start {
                let words = words(text, Span { start: at, end: span.start });
                hidden.extend(words.filter(|word| guarded || in_secret_line(*word)));
            }
            at = at.max(span.end);
        }
        hidden.sort_unstable();
        join(text, hidden)
    }
}

/// A span that lies in the text, at the edges of characters.
fn clamp(text: &str, span: Span) -> Span {
    let start = text.floor_char_boundary(span.start);
    Span { start, end: text.ceil_char_boundary(span.end).max(start) }
}

/// Tells of a place within one line whether a secret is in that line. The secrets are sorted by their starts.
fn in_line_of(text: &str, secrets: &[Span]) -> impl Fn(Span) -> bool + use<> {
    let mut furthest = 0;
    let ends = secrets.iter().map(|span| {
        furthest = furthest.max(span.end);
        (span.start, furthest)
    });
    let ends: Vec<(usize, usize)> = ends.collect();
    let lines = Lines::of(text);
    move |place| {
        let line = lines.around(place.start);
        let before = ends.partition_point(|(start, _)| *start <= line.end);
        before.checked_sub(1).and_then(|last| ends.get(last)).is_some_and(|(_, end)| *end >= line.start)
    }
}

/// What is no punctuation in a part of the text, line by line.
fn words(text: &str, part: Span) -> impl Iterator<Item = Span> {
    let mut at = part.start;
    let lines = text.get(part.start..part.end).unwrap_or_default().split_inclusive('\n');
    lines.filter_map(move |line| {
        let start = at;
        at += line.len();
        let line = line.trim_end_matches('\n');
        let word = line.trim_matches(PUNCTUATION);
        let before = line.len() - line.trim_start_matches(PUNCTUATION).len();
        (!word.is_empty()).then_some(Span { start: start + before, end: start + before + word.len() })
    })
}

/// Joins sorted spans that touch, or that only blanks keep apart.
fn join(text: &str, spans: Vec<Span>) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for span in spans.into_iter().filter(|span| span.start < span.end) {
        match joined.last_mut() {
            Some(last)
                if text
                    .get(last.end..span.start)
                    .is_none_or(|between| between.trim_matches([' ', '\t']).is_empty()) =>
            {
                last.end = last.end.max(span.end);
            }
            _ => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with what is hidden in `<>`.
    fn marked(text: &str, secrets: &[&str], open: &[&str], guarded: bool) -> String {
        let spans = |parts: &[&str]| -> Vec<Span> {
            let find = |part: &&str| text.find(part).map(|start| Span { start, end: start + part.len() }).unwrap();
            parts.iter().map(find).collect()
        };
        let mut marked = text.to_owned();
        for Span { start, end } in (Known { secrets: spans(secrets), open: spans(open), guarded, ..Known::default() })
            .hidden(text)
            .iter()
            .rev()
        {
            marked.insert(*end, '>');
            marked.insert(*start, '<');
        }
        marked
    }

    #[test]
    fn a_guarded_file_shows_only_what_is_known() {
        let text = "# top\n- {a: b, c: d} # end\ne: &f |\n  g\n";
        assert_eq!(
            marked(text, &["d"], &["a", "b", "c"], true),
            "<# top>\n- {a: b, c: <d>} <# end>\n<e: &f> |\n  <g>\n"
        );
        assert_eq!(marked("a: 'b\n  c'\n", &[], &["a", "'b\n  c'"], true), "a: <'b>\n  <c'>\n");
        assert_eq!(marked("a: 'b: c'", &[], &["a", "'b: c'"], true), "a: <'b: c'>");
    }

    #[test]
    fn another_file_hides_the_lines_of_its_secrets() {
        let text = "a: 1 # one\nb: two # two\n";
        assert_eq!(marked(text, &["two"], &["a", "1", "b"], false), "a: 1 # one\nb: <two # two>\n");
    }

    #[test]
    fn secrets_that_overlap_are_one() {
        assert_eq!(marked("é: bcd ef", &["bcd", "cd", "ef"], &["é"], true), "é: <bcd ef>");
        let beyond = Known { secrets: vec![Span { start: 1, end: 99 }], ..Known::default() };
        assert_eq!(beyond.hidden("éa"), [Span { start: 0, end: 3 }]);
    }
}
