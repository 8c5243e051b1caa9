//! The rules of docker_auth's configuration, as they are written.

use crate::cli::import::report::Report;
use crate::config::Node;
use crate::policy::{Action, ActionSet};

use super::pattern::{self, Match, Reading};

/// One entry of `acl`.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its line, from 1.
    pub(super) line: u32,
    account: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    /// Its other conditions, as they are shown.
    others: Vec<String>,
    /// Why it is not known to whom and to what it applies.
    pub(super) doubts: Vec<String>,
    /// What it allows with images; pushing includes overwriting.
    pub(super) actions: ActionSet,
    /// Whether it allows everything that can be asked for in the catalog.
    pub(super) catalog: bool,
    pub(super) comment: Option<String>,
}

impl Rule {
    /// Reads an entry. What it says and cannot be understood becomes a doubt.
    pub(super) fn read(entry: &Node<'_>, file: &str, report: &mut Report) -> Self {
        let mut rule = Self {
            line: entry.line,
            account: None,
            kind: None,
            name: None,
            others: Vec::new(),
            doubts: Vec::new(),
            actions: ActionSet::NONE,
            catalog: false,
            comment: entry.get("comment").and_then(Node::text).map(str::to_owned),
        };
        match entry.get("match").map(|node| (node, node.pairs())) {
            Some((_, Some(conditions))) => rule.conditions(conditions),
            _ => rule.doubts.push("it has no `match`".to_owned()),
        }
        rule.read_actions(entry.get("actions"), file, report);
        rule
    }

    fn conditions(&mut self, conditions: &[(Node<'_>, Node<'_>)]) {
        for (key, value) in conditions.iter().filter(|(_, value)| !value.is_null()) {
            let key = key.text().unwrap_or_default();
            let text = value.text().map(str::to_owned);
            if !matches!((key, &text), ("account" | "type" | "name", Some(_))) {
                self.others
                    .push(text.as_ref().map_or_else(|| format!("{key}: …"), |text| format!("{key}: \"{text}\"")));
            }
            match (key, text) {
                ("account", Some(text)) => self.account = Some(text),
                ("type", Some(text)) => self.kind = Some(text),
                ("name", Some(text)) => self.name = Some(text),
                ("ip", _) => self.doubts.push("it depends on the address of the client (`ip`)".to_owned()),
                ("labels", _) => self.doubts.push("it depends on `labels` of the user".to_owned()),
                ("service", _) => self.doubts.push("it depends on the `service`".to_owned()),
                (key, _) => self.doubts.push(format!("it has a condition that is not understood, `{key}`")),
            }
        }
    }

    fn read_actions(&mut self, node: Option<&Node<'_>>, file: &str, report: &mut Report) {
        let Some(items) = node.and_then(Node::items) else {
            self.doubts.push("it has no list of `actions`".to_owned());
            return;
        };
        let words: Vec<&str> = items.iter().filter_map(Node::text).collect();
        if words == ["*"] {
            (self.actions, self.catalog) = (ActionSet::ALL, true);
            return;
        }
        let has = |word: &str| words.contains(&word);
        self.catalog = has("*");
        let mut left_out = |what: String| report.left_out(file, self.line, format!("{}{what}", self.head()));
        for word in &words {
            match *word {
                "pull" | "push" | "delete" => {}
                "*" => {
                    left_out("`*` beside other actions allows the catalog only, and is carried over as that".to_owned())
                }
                other => left_out(format!("there is no action `{other}`")),
            }
        }
        let mut actions = ActionSet::NONE;
        if has("pull") {
            actions = actions.with(Action::Pull);
        }
        match (has("pull"), has("push")) {
            (true, true) => actions = actions.with(Action::Push).with(Action::Overwrite),
            (false, true) => left_out(
                "`push` without `pull` lets nobody push there, since the registry asks for both; grant it by hand if it \
                 is meant"
                    .to_owned(),
            ),
            (_, false) => {}
        }
        if has("delete") {
            actions = actions.with(Action::Delete);
        }
        self.actions = actions;
    }

    /// Whether it applies to an account; `""` is nobody signed in.
    pub(super) fn is_for(&self, account: &str) -> Match {
        self.account.as_deref().map_or(Match::Yes, |pattern| pattern::matches(pattern, account, account))
    }

    /// Whether it gives the same to whoever is signed in, by whatever name.
    pub(super) fn is_for_any_account(&self) -> bool {
        if self.name.as_ref().is_some_and(|name| name.contains("${")) {
            return false;
        }
        let is_open = |text: &str| matches!(text, "*" | "?*" | "/.+/" | "/.*/" | "/^.+$/" | "/^.*$/");
        self.account.as_deref().is_none_or(is_open)
    }

    fn is_about(&self, kind: &str, account: &str) -> Match {
        self.kind.as_deref().map_or(Match::Yes, |pattern| pattern::matches(pattern, kind, account))
    }

    /// The keys of the patterns that are not understood, for some of the accounts.
    pub(super) fn unclear(&self, accounts: &[&str]) -> Vec<&'static str> {
        let for_some = |is_unclear: &dyn Fn(&str) -> bool| accounts.iter().any(|account| is_unclear(account));
        let kinds = |account: &str| ["repository", "registry"].map(|kind| self.is_about(kind, account));
        let images = |account: &str| self.name.as_deref().is_some_and(|name| !pattern::images(name, account).is_exact);
        let keys = [
            ("account", for_some(&|account| self.is_for(account) == Match::Maybe)),
            ("type", for_some(&|account| kinds(account).contains(&Match::Maybe))),
            ("name", for_some(&images)),
        ];
        keys.into_iter().filter(|(_, is_unclear)| *is_unclear).map(|(key, _)| key).collect()
    }

    fn certainty(&self) -> Match {
        if self.doubts.is_empty() { Match::Yes } else { Match::Maybe }
    }

    /// Whether it applies to images for an account, and to which at most.
    pub(super) fn on_images(&self, account: &str) -> (Match, Vec<super::names::Names>) {
        let reading = self.name.as_deref().map_or_else(Reading::all, |name| pattern::images(name, account));
        let exactness = if reading.is_exact { Match::Yes } else { Match::Maybe };
        let applies = self.is_for(account).and(self.is_about("repository", account));
        let is_empty = reading.names.is_empty();
        (if is_empty { Match::No } else { applies.and(exactness).and(self.certainty()) }, reading.names)
    }

    /// Whether it applies to the catalog for an account.
    pub(super) fn on_catalog(&self, account: &str) -> Match {
        let named = self.name.as_deref().map_or(Match::Yes, |pattern| pattern::matches(pattern, "catalog", account));
        self.is_for(account).and(self.is_about("registry", account)).and(named).and(self.certainty())
    }

    /// Whether it allows anything.
    pub(super) fn allows(&self) -> bool {
        self.actions != ActionSet::NONE || self.catalog
    }

    /// The beginning of what is said of it.
    pub(super) fn head(&self) -> String {
        let part = |key: &str, value: &Option<String>| value.as_ref().map(|value| format!("{key}: \"{value}\""));
        let parts = [part("account", &self.account), part("type", &self.kind), part("name", &self.name)];
        let parts: Vec<String> = parts.into_iter().flatten().chain(self.others.iter().cloned()).collect();
        format!("the rule {{{}}}: ", parts.join(", "))
    }
}
