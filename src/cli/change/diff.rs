//! What a change does to the files, line by line, with the secrets hidden.

use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use crate::cli::render::{masked, visible};
use crate::config::Places;

use super::place::Target;

/// So many unchanged lines are shown around those that change.
const AROUND: usize = 3;

/// A unified diff. Lines are compared as they are, and shown without their secrets: a line of which only the secret
/// changes is shown twice, with the same text.
pub(super) fn unified(targets: &[Target], colour: bool) -> String {
    let mut text = String::new();
    for target in targets {
        one(&mut text, target, colour);
    }
    text
}

fn one(text: &mut String, target: &Target, colour: bool) {
    let paint = |style: &'static str| if colour { style } else { "" };
    let (bold, cyan, red, green, plain) =
        (paint("\u{1b}[1m"), paint("\u{1b}[36m"), paint("\u{1b}[31m"), paint("\u{1b}[32m"), paint("\u{1b}[0m"));
    let name = visible(&target.shown);
    let side = |is_there: bool| if is_there { name.as_str() } else { "/dev/null" };
    let (before, after) = (&target.change.before, &target.change.after);
    let _ = writeln!(text, "{bold}--- {}{plain}", side(before.is_some()));
    let _ = writeln!(text, "{bold}+++ {}{plain}", side(after.is_some()));

    let (old, new) = (before.as_deref().unwrap_or_default(), after.as_deref().unwrap_or_default());
    let shown = |text: &str| masked(text, &Places::of(&target.name, text).hidden);
    let (old_shown, new_shown) = (shown(old), shown(new));
    let (old_shown, new_shown) = (lines(&old_shown), lines(&new_shown));
    for group in group_diff_ops(capture_diff_slices(Algorithm::Myers, &lines(old), &lines(new)), AROUND) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let range = |start: usize, end: usize| match end - start {
            0 => format!("{start},0"),
            1 => format!("{}", start + 1),
            count => format!("{},{count}", start + 1),
        };
        let (from, to) = (first.old_range().start, last.old_range().end);
        let (new_from, new_to) = (first.new_range().start, last.new_range().end);
        let _ = writeln!(text, "{cyan}@@ -{} +{} @@{plain}", range(from, to), range(new_from, new_to));
        for op in group {
            let mut put = |style: &str, sign: char, lines: &[&str]| {
                for line in lines {
                    let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file" };
                    let line = visible(line.trim_end_matches('\n'));
                    let _ = writeln!(text, "{style}{sign}{line}{}{end}", if style.is_empty() { "" } else { plain });
                }
            };
            let removed = old_shown.get(op.old_range()).unwrap_or_default();
            let added = new_shown.get(op.new_range()).unwrap_or_default();
            if matches!(op, DiffOp::Equal { .. }) {
                put("", ' ', removed);
            } else {
                put(red, '-', removed);
                put(green, '+', added);
            }
        }
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::FileChange;

    fn diff(name: &str, before: Option<&str>, after: Option<&str>) -> String {
        let change = FileChange { before: before.map(Into::into), after: after.map(Into::into), is_private: false };
        let target = Target { name: name.into(), shown: format!("conf/{name}"), path: "/".into(), change };
        unified(&[target], false)
    }

    #[test]
    fn a_changed_secret_is_a_change_and_stays_hidden() {
        let before = "credentials:\n  # people\n  jane:\n    type: plain\n    pass: hunter2\n    groups: [a]\n";
        let after = before.replace("hunter2", "hunter3").replace("[a]", "[a, b]");
        let text = diff("credentials.yaml", Some(before), Some(&after));
        assert_eq!(
            text,
            "--- conf/credentials.yaml\n+++ conf/credentials.yaml\n@@ -2,5 +2,5 @@\n   …\n   jane:\n     \
             type: plain\n-    pass: …\n-    groups: [a]\n+    pass: …\n+    groups: [a, b]\n"
        );
    }

    #[test]
    fn files_come_and_go() {
        let text = "repo:\n  type: docker";
        let end = "\n\\ No newline at end of file\n";
        assert_eq!(
            diff("repos/a.yaml", None, Some(text)),
            format!("--- /dev/null\n+++ conf/repos/a.yaml\n@@ -0,0 +1,2 @@\n+repo:\n+  type: docker{end}")
        );
        assert_eq!(
            diff("repos/a.yaml", Some(text), None),
            format!("--- conf/repos/a.yaml\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-repo:\n-  type: docker{end}")
        );
    }

    #[test]
    fn keys_of_a_storage_in_place_stay_hidden() {
        let before = "repo:\n  type: docker\n  storage: {type: s3, bucket: b, credentials: {type: basic, accessKeyId: \
                      AKIAX, secretAccessKey: hush}}\n  permissions: {}\n";
        let text = diff("repos/a.yaml", Some(before), Some(&before.replace("{}\n", "{jane: [read]}\n")));
        assert!(text.contains("+  permissions: {jane: [read]}") && !text.contains("hush"), "{text}");
    }
}
