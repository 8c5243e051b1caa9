//! Differences in access, as tables.

use std::collections::HashMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::json;

use crate::cli::render::json_text;
use crate::cli::table::{Cell, Table, code, escaped};
use crate::policy::difference::{Difference, Whose};

use super::row::{Direction, Row, cells, subject, subject_cell};
use super::rows::places;

/// So many rows of Markdown fit into a comment on a pull request.
const ROWS_MAX: usize = 150;
/// So many subjects are named in a row for people.
const SUBJECTS_MAX: usize = 5;

/// A side of the comparison.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) name: String,
    pub(super) is_revision: bool,
    pub(super) hash: String,
    pub(super) errors: usize,
}

/// All there is to tell.
#[derive(Debug)]
pub(super) struct Report {
    old: Side,
    new: Side,
    at: Timestamp,
    gains: Vec<Row>,
    losses: Vec<Row>,
}

/// Rows for people: subjects of whom the same is to be said share one.
fn grouped(rows: &[Row]) -> Vec<(Vec<&Whose>, &Row)> {
    let mut groups: Vec<(Vec<&Whose>, &Row)> = Vec::new();
    let mut by_rule: HashMap<(Option<String>, Vec<String>), Vec<usize>> = HashMap::new();
    for row in rows {
        let key = (row.change.images.as_ref().map(ToString::to_string), places(&row.rules));
        let candidates = by_rule.entry(key).or_default();
        match candidates.iter().find(|at| groups[**at].1.is_like(row)) {
            Some(at) => groups[*at].0.push(&row.change.whose),
            None => {
                candidates.push(groups.len());
                groups.push((vec![&row.change.whose], row));
            }
        }
    }
    groups
}

impl Report {
    pub(super) fn new(found: &Difference, old: Side, new: Side, at: Timestamp) -> Self {
        Self { old, new, at, gains: Row::all(&found.gains), losses: Row::all(&found.losses) }
    }

    fn summary(&self) -> String {
        let count = |rows: &[Row], one: &str, many: &str| {
            format!("{} {}", rows.len(), if rows.len() == 1 { one } else { many })
        };
        match (self.gains.as_slice(), self.losses.as_slice()) {
            ([], []) => "no difference in who may do what".to_owned(),
            (gains, losses) => format!("{}, {}", count(gains, "gain", "gains"), count(losses, "loss", "losses")),
        }
    }

    fn directions(&self) -> [(&'static str, Direction, &[Row]); 2] {
        [("gains", Direction::Gain, &self.gains), ("losses", Direction::Loss, &self.losses)]
    }

    fn table(rows: &[Row], direction: Direction, max: usize) -> (Table, usize) {
        let head = &["subject", "actions", "images", "tags", "until", "through", "rule", "note"];
        let mut table = Table::new(head);
        let groups = grouped(rows);
        for (subjects, row) in groups.iter().take(max) {
            let subject = match subjects.as_slice() {
                [one] => subject_cell(one),
                many => {
                    let mut names: Vec<String> = many.iter().take(SUBJECTS_MAX).map(|whose| subject(whose)).collect();
                    if many.len() > SUBJECTS_MAX {
                        names.push(format!("and {} more", many.len() - SUBJECTS_MAX));
                    }
                    Cell::Codes(names)
                }
            };
            table.push([vec![subject], cells(row, direction)].concat());
        }
        (table, groups.len().saturating_sub(max))
    }

    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        for (title, direction, rows) in self.directions() {
            if !rows.is_empty() {
                let (table, _) = Self::table(rows, direction, usize::MAX);
                let _ = writeln!(text, "{title}\n{}", table.human());
            }
        }
        text + &self.summary() + "\n"
    }

    /// Fit for a comment on a pull request.
    pub(super) fn markdown(&self) -> String {
        let (old, new) = (code(&self.old.name), code(&self.new.name));
        let mut text = format!("### Access: {}\n\nFrom {old} to {new}, as of {:.0}.\n", self.summary(), self.at);
        for (which, side) in [("The old", &self.old), ("The new", &self.new)] {
            if side.errors > 0 {
                let _ = write!(
                    text,
                    "\n> {which} configuration has {} error(s); what does not compile counts as a closed repository.\n",
                    side.errors
                );
            }
        }
        for (title, direction, rows) in self.directions() {
            if rows.is_empty() {
                continue;
            }
            let (table, more) = Self::table(rows, direction, ROWS_MAX);
            let _ = write!(text, "\n**{}**\n\n{}", escaped(title), table.markdown());
            if more > 0 {
                let _ = write!(text, "\n… and {more} more rows, which `portolan access diff` shows.\n");
            }
        }
        text
    }

    /// A row for each subject.
    pub(super) fn csv(&self) -> String {
        let head = &["change", "subject", "actions", "images", "tags", "until", "through", "rule", "note"];
        let mut table = Table::new(head);
        for (word, direction, rows) in [("gain", Direction::Gain, &self.gains), ("loss", Direction::Loss, &self.losses)]
        {
            for row in rows {
                let first = vec![Cell::Plain(word.to_owned()), subject_cell(&row.change.whose)];
                table.push([first, cells(row, direction)].concat());
            }
        }
        table.csv()
    }

    pub(super) fn json(&self) -> String {
        let side = |side: &Side| {
            let kind = if side.is_revision { "revision" } else { "folder" };
            json!({ "kind": kind, "name": side.name, "hash": side.hash, "errors": side.errors })
        };
        let rows = |rows: &[Row]| rows.iter().map(Row::json).collect::<Vec<_>>();
        let report = json!({
            "old": side(&self.old),
            "new": side(&self.new),
            "at": self.at.to_string(),
            "gains": rows(&self.gains),
            "losses": rows(&self.losses),
        });
        json_text(&report)
    }
}
