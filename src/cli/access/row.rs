//! One row of a difference: what is said of a change.

use serde_json::{Value, json};

use crate::cli::table::Cell;
use crate::policy::coverage::{self, Facet, NamePattern};
use crate::policy::difference::{Because, Change, Doing, Whose};
use crate::policy::{Rule, TagGlob, Through};

use super::rows::{ANONYMOUS, SIGNED_IN, places, rule_json};

/// Changes that are alike in everything but the action, and where the grants stand.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) change: Change,
    facets: Vec<Facet>,
    pub(super) rules: Vec<Rule>,
}

/// Which way a right went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Gain,
    Loss,
}

impl Row {
    pub(super) fn all(changes: &[Change]) -> Vec<Self> {
        let mut rows: Vec<Self> = Vec::new();
        for change in changes {
            let facets = match &change.doing {
                Doing::SigningIn => Vec::new(),
                Doing::With(facets) => facets.clone(),
            };
            let rules: Vec<Rule> = change.rule.iter().cloned().collect();
            // Those that go together stand together: the changes are in order.
            match rows.iter_mut().rev().take(8).find(|row| row.goes_with(change)) {
                Some(row) => {
                    row.facets.extend(facets);
                    row.rules.extend(rules);
                    row.facets.sort_unstable();
                    row.facets.dedup();
                }
                None => rows.push(Self { change: change.clone(), facets, rules }),
            }
        }
        rows
    }

    fn goes_with(&self, other: &Change) -> bool {
        let is_with = |change: &Change| matches!(change.doing, Doing::With(_));
        let alike = Change { doing: other.doing.clone(), rule: other.rule.clone(), ..self.change.clone() };
        let alike = Change { example: other.example.clone(), in_part: other.in_part, ..alike };
        alike == *other && is_with(&self.change) && is_with(other) && self.change.in_part == other.in_part
    }

    /// Whether two rows say the same of two subjects.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let alike = Change { whose: other.change.whose.clone(), ..self.change.clone() };
        alike == other.change && self.facets == other.facets && self.rules == other.rules
    }

    fn words(&self) -> Vec<&'static str> {
        match self.change.doing {
            Doing::SigningIn => vec!["sign-in"],
            Doing::With(_) => self.facets.iter().map(|facet| facet.as_str()).collect(),
        }
    }

    /// The pattern of the images, and whether it says all.
    fn images(&self) -> (String, bool) {
        match (&self.change.images, &self.change.below) {
            (None, _) => (String::new(), true),
            (Some(images), None) => (images.to_string(), true),
            (Some(images), Some(below)) => {
                let all_below = NamePattern::all_below(below);
                if images.plainly_covers(&all_below) {
                    (all_below.to_string(), true)
                } else {
                    (images.to_string(), false)
                }
            }
        }
    }

    /// The immutable tags that it does not reach, as far as it overwrites or deletes.
    fn immutable(&self) -> Vec<&str> {
        let changes = |facet: &Facet| matches!(facet, Facet::Overwrite | Facet::Delete);
        if !self.facets.iter().any(changes) {
            return Vec::new();
        }
        let is_meant = |glob: &&TagGlob| {
            self.change.tags.as_ref().is_none_or(|limit| !coverage::tag(&[limit, glob], &[]).is_nothing())
        };
        self.change.immutable.iter().filter(is_meant).map(TagGlob::as_str).collect()
    }

    fn example(&self) -> Option<String> {
        let image = self.change.example.image.as_ref()?;
        let tag = self.change.example.tag.as_ref();
        Some(tag.map_or_else(|| image.to_string(), |tag| format!("{image}:{tag}")))
    }

    /// What else is to be known of a change.
    fn notes(&self, direction: Direction) -> Vec<String> {
        let gain = direction == Direction::Gain;
        let pick = |one: &str, other: &str| if gain { one.to_owned() } else { other.to_owned() };
        let change = &self.change;
        let mut notes = Vec::new();
        match &change.because {
            Because::Grant => {}
            Because::Immutable(globs) => {
                notes.push(format!("{} {}", pick("no longer immutable:", "now immutable:"), globs.join(" ")));
            }
            Because::Existence => {
                notes.push(pick("new user", "user removed") + ", with all that any signed-in user may")
            }
            Because::Activity if change.only_longer => {}
            Because::Activity => {
                notes.push(pick("active again", "disabled or expired") + ", with all that any signed-in user may");
            }
            Because::Admin => notes.push(pick("now an admin", "no longer an admin")),
        }
        if change.only_longer {
            notes.push(pick("only for longer than before", "only for less long than before"));
        }
        if let (Some(below), (_, false)) = (&change.below, self.images()) {
            notes.push(format!("only at and below {below}"));
        }
        let immutable = self.immutable();
        if !immutable.is_empty() {
            notes.push(format!("immutable tags stay: {}", immutable.join(" ")));
        }
        if change.undecided {
            notes.push("the patterns are too difficult to compare: it may be no change".to_owned());
        } else if let (true, Some(example)) = (change.in_part, self.example()) {
            notes.push(format!("in part, such as {example}"));
        }
        notes
    }

    pub(super) fn json(&self) -> Value {
        let change = &self.change;
        let (kind, user) = match &change.whose {
            Whose::Anonymous => ("anonymous", None),
            Whose::SignedIn => ("signed-in", None),
            Whose::User(name) => ("user", Some(name.as_str())),
        };
        let because = match &change.because {
            Because::Grant => "grant",
            Because::Immutable(_) => "immutable",
            Because::Existence => "existence",
            Because::Activity => "activity",
            Because::Admin => "admin",
        };
        let freed = if let Because::Immutable(globs) = &change.because { Some(globs) } else { None };
        json!({
            "kind": kind,
            "user": user,
            "actions": self.words(),
            "images": change.images.as_ref().map(ToString::to_string),
            "below": change.below,
            "tags": change.tags.as_ref().map(TagGlob::as_str),
            "until": change.until.map(|end| end.to_string()),
            "because": because,
            "freed": freed,
            "immutable": self.immutable(),
            "only_longer": change.only_longer,
            "in_part": change.in_part,
            "undecided": change.undecided,
            "example": change.example.image.as_ref().map(|image| json!({
                "image": image.as_str(),
                "tag": change.example.tag.as_ref().map(|tag| tag.as_str()),
            })),
            "through": change.through.as_ref().map(ToString::to_string),
            "rules": self.rules.iter().map(rule_json).collect::<Vec<_>>(),
        })
    }
}

pub(super) fn subject(whose: &Whose) -> String {
    match whose {
        Whose::Anonymous => ANONYMOUS.to_owned(),
        Whose::SignedIn => SIGNED_IN.to_owned(),
        Whose::User(name) => name.to_string(),
    }
}

pub(super) fn subject_cell(whose: &Whose) -> Cell {
    if let Whose::User(name) = whose { Cell::Code(name.to_string()) } else { Cell::Plain(subject(whose)) }
}

/// The columns behind the subject.
pub(super) fn cells(row: &Row, direction: Direction) -> Vec<Cell> {
    let through = match &row.change.through {
        Some(Through::Grant(who)) => Cell::Code(who.to_string()),
        Some(other) => Cell::Plain(other.to_string()),
        None => Cell::Plain(String::new()),
    };
    vec![
        Cell::Plain(row.words().join(" ")),
        Cell::Code(row.images().0),
        Cell::Code(row.change.tags.as_ref().map(|glob| glob.as_str().to_owned()).unwrap_or_default()),
        Cell::Plain(row.change.until.map(|end| end.to_string()).unwrap_or_default()),
        through,
        Cell::Codes(places(&row.rules)),
        Cell::Plain(row.notes(direction).join("; ")),
    ]
}
