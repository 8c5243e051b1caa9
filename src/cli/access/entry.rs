//! Where in a file's line the entry stands that gives a right.

use crate::cli::render::Passage;
use crate::config::Compiled;
use crate::diagnostic::Span;
use crate::identity::End;
use crate::policy::{Rule, What, Who, parse_permission};

/// The line of a rule, with the entry underlined; `None` for rules that are no entry, and where the
/// text is not known.
///
/// Of the line only what belongs to permissions is shown: a file that is written on one line may hold
/// a storage's keys as well.
pub(super) fn passage<'c>(
    compiled: &'c Compiled,
    rule: &'c Rule,
    is_wanted: impl Fn(&What) -> bool,
    label: String,
) -> Option<Passage<'c>> {
    let Rule::Entry { file, line } = rule else { return None };
    let source = compiled.sources.get(file)?;
    let start = source.split_inclusive('\n').take((*line as usize).saturating_sub(1)).map(str::len).sum::<usize>();
    let text = source.get(start..)?.lines().next()?;
    let words = words(text);
    let gives =
        |word: &&Word<'_>| !word.is_key && parse_permission(word.text).is_ok_and(|all| all.iter().any(&is_wanted));
    let found = words.iter().find(gives).or_else(|| words.iter().find(|word| word.is_entry()));
    let span = match found {
        Some(word) => Span { start: start + word.at, end: start + word.at + word.text.len() },
        None => Span { start, end: start + text.len() },
    };
    let mut hidden: Vec<Span> = Vec::new();
    let mut goes_on = false;
    for word in &words {
        let end = start + word.at + word.text.len();
        match hidden.last_mut().filter(|_| goes_on) {
            Some(last) if !word.is_shown() => last.end = end,
            _ if !word.is_shown() => hidden.push(Span { start: start + word.at, end }),
            _ => {}
        }
        goes_on = !word.is_shown();
    }
    Some(Passage { file, source, span, hidden, label })
}

/// The text of the entry of a rule as it is written.
pub(super) fn written<'c>(
    compiled: &'c Compiled,
    rule: &'c Rule,
    is_wanted: impl Fn(&What) -> bool,
) -> Option<&'c str> {
    let passage = passage(compiled, rule, is_wanted, String::new())?;
    let text = passage.source.get(passage.span.start..passage.span.end)?;
    parse_permission(text).is_ok().then_some(text)
}

/// A word of a line, between blanks and punctuation.
struct Word<'t> {
    at: usize,
    text: &'t str,
    /// Whether a colon follows.
    is_key: bool,
    /// Whether it is part of a comment.
    is_comment: bool,
}

impl Word<'_> {
    fn is_entry(&self) -> bool {
        !self.is_key && !self.is_comment && parse_permission(self.text).is_ok()
    }

    fn is_shown(&self) -> bool {
        let is_name = || Who::parse(self.text).is_some();
        !self.is_comment && (self.is_key && is_name() || self.is_entry() || End::parse(self.text).is_ok())
    }
}

fn words(text: &str) -> Vec<Word<'_>> {
    let is_between = |c: char| matches!(c, ' ' | '\t' | ',' | '[' | ']' | '{' | '}' | '"' | '\'' | '\r' | '\u{feff}');
    let mut words = Vec::new();
    let mut is_comment = false;
    let mut rest = 0;
    while let Some(found) = text.get(rest..).and_then(|rest| rest.find(|c| !is_between(c))) {
        let at = rest + found;
        let tail = text.get(at..).unwrap_or_default();
        let mut word = tail.split(is_between).next().unwrap_or_default();
        rest = at + word.len();
        is_comment |= word.starts_with('#');
        let after = text.get(rest..).unwrap_or_default();
        let mut is_key = after.trim_start_matches(['"', '\'']).trim_start().starts_with(':');
        if let Some(key) = word.strip_suffix(':').filter(|key| !key.is_empty()) {
            (word, is_key) = (key, true);
        }
        if !matches!(word, "-" | ":") {
            words.push(Word { at, text: word, is_key, is_comment });
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{Content, Tree, compile};
    use crate::policy::{Access, Action};

    /// The line of the first grant that allows an action, with what is hidden in `<>` and the entry in `|`.
    fn shown(text: &str, action: Action) -> String {
        let bytes = Content::Bytes(text.as_bytes().into());
        let files = [(Arc::from("repos/a.yaml"), bytes)].into();
        let compiled = compile(&Tree { files }, None);
        let model = compiled.model.clone().unwrap();
        let Access::Granted(grants) = &model.snapshot.repositories()[0].access else {
            panic!("{:?}", compiled.diagnostics)
        };
        let allows = |what: &What| matches!(what, What::Images { actions, .. } if actions.contains(action));
        let rule = grants.grants().find(|grant| allows(&grant.what)).unwrap().rule.clone();
        let passage = passage(&compiled, &rule, allows, String::new()).unwrap();
        let mut marks: Vec<(usize, &str)> = vec![(passage.span.start, "|"), (passage.span.end, "|")];
        passage.hidden.iter().for_each(|span| marks.extend([(span.start, "<"), (span.end, ">")]));
        marks.sort_unstable();
        let mut marked = text.to_owned();
        marks.iter().rev().for_each(|(at, mark)| marked.insert_str(*at, mark));
        let line = text[..passage.span.start].matches('\n').count();
        marked.lines().nth(line).unwrap().to_owned()
    }

    #[test]
    fn the_entry_is_found_and_the_rest_is_hidden() {
        let block =
            "repo:\n  type: docker\n  permissions:\n    jane:\n      - repository:app:push # why\n    \"*\": [\"*\"]\n";
        assert_eq!(shown(block, Action::Push), "      - |repository:app:push| <# why>");
        assert_eq!(shown(block, Action::Pull), "    \"*\": [\"|*|\"]");
        let flow = "repo: {type: docker, permissions: {read: [w, read], jane: [{allow: read, until: 2026-12-01}]}}\n";
        assert_eq!(
            shown(flow, Action::Pull),
            "repo: {type: <docker>, permissions: {read: [w, |read|], jane: [{allow: read, until: 2026-12-01}]}}"
        );
        let secret = "repo: {type: docker, storage: {type: s3, bucket: b, credentials: {type: basic, accessKeyId: AK, secretAccessKey: geheim}}, permissions: {jane: [read]}}\n";
        let line = shown(secret, Action::Pull);
        assert!(line.contains("<geheim>") && line.contains("<AK>") && line.contains("[|read|]"), "{line}");
    }
}
