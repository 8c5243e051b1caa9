//! From rules of which the first that matches decides to grants that add up.
//!
//! There, an entry of the list hides all later ones for whatever it matches, and so can refuse. Here,
//! nothing refuses. So for each account and action a rule is carried over where no earlier rule
//! without that action matches any of its images; where one matches all of them, it never had an effect;
//! and where one matches some, it cannot be said and is left out, since it would give what was refused.
//! A rule that is not understood counts as one that may match as much as it possibly could when it
//! refuses, and as one that matches nothing when it allows.

use std::collections::BTreeMap;

use crate::cli::import::report::Report;
use crate::policy::{Action, ActionSet};

use super::acl::Rule;
use super::names::Names;
use super::pattern::Match;

/// Who is given something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Receiver {
    Anyone,
    SignedIn,
    User(String),
}

/// What a rule becomes.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) receiver: Receiver,
    /// Actions on images.
    pub(super) images: Vec<(Names, ActionSet)>,
    /// To list all names.
    pub(super) catalog: bool,
    /// The rule, by its place in the list.
    pub(super) rule: usize,
}

/// Some images, and what an account may do with them by a rule.
type Held = (Names, ActionSet);

/// What an account has by each rule that gives it something.
#[derive(Debug, Default)]
struct Rights {
    images: BTreeMap<usize, Vec<Held>>,
    catalog: Option<usize>,
}

/// What cannot be said: of a rule, because of an earlier one, to whom.
type Blocked = BTreeMap<(usize, usize), BTreeMap<String, ActionSet>>;

/// Works out what the rules give to the users, and to nobody signed in where that is possible there.
pub(super) fn give(
    rules: &[Rule],
    users: &[String],
    has_anonymous: bool,
    file: &str,
    report: &mut Report,
) -> Vec<Given> {
    let mut blocked = Blocked::new();
    let rights: BTreeMap<&str, Rights> =
        users.iter().map(|user| (user.as_str(), of_account(rules, user, &mut blocked))).collect();
    let anonymous = if has_anonymous { of_account(rules, "", &mut blocked) } else { Rights::default() };
    for ((rule, earlier), accounts) in &blocked {
        tell_blocked(&rules[*rule], &rules[*earlier], accounts, file, report);
    }
    let mut given = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let anyone = to_anyone(index, rule, &anonymous, &rights, file, report);
        let mut rest: BTreeMap<&str, Given> = BTreeMap::new();
        for (user, rights) in &rights {
            let mut images = rights.images.get(&index).cloned().unwrap_or_default();
            let mut catalog = rights.catalog == Some(index);
            if let Some(anyone) = &anyone {
                images = without(images, &anyone.images);
                catalog &= !anyone.catalog;
            }
            if catalog || !images.is_empty() {
                rest.insert(user, Given { receiver: Receiver::User((*user).to_owned()), images, catalog, rule: index });
            }
        }
        add(&mut given, anyone);
        let alike = |one: &Given, two: &Given| one.images == two.images && one.catalog == two.catalog;
        let is_shared = rest.len() == users.len() && rest.values().zip(rest.values().skip(1)).all(|(a, b)| alike(a, b));
        match rest.into_values().collect::<Vec<_>>() {
            mut all if is_shared && rule.is_for_any_account() && !all.is_empty() => {
                all.truncate(1);
                add(&mut given, all.into_iter().map(|one| Given { receiver: Receiver::SignedIn, ..one }));
            }
            some => add(&mut given, some),
        }
    }
    given
}

/// Adds what is given by a rule, without what earlier rules give to the same: there, it is never reached.
fn add(given: &mut Vec<Given>, more: impl IntoIterator<Item = Given>) {
    for mut one in more {
        let has = |known: &&Given| match &known.receiver {
            Receiver::Anyone => true,
            Receiver::SignedIn => one.receiver != Receiver::Anyone,
            Receiver::User(_) => known.receiver == one.receiver,
        };
        let earlier: Vec<&Given> = given.iter().filter(has).collect();
        let images: Vec<Held> = earlier.iter().flat_map(|known| known.images.iter().cloned()).collect();
        one.catalog &= !earlier.iter().any(|known| known.catalog);
        one.images = without(one.images, &images);
        if one.catalog || !one.images.is_empty() {
            given.push(one);
        }
    }
}

/// What remains of some rights beside others.
fn without(images: Vec<Held>, others: &[Held]) -> Vec<Held> {
    let rest = images.into_iter().map(|(names, actions)| {
        let others = others.iter().filter(|(covering, _)| names.within(covering));
        let covered: Vec<Action> = others.flat_map(|(_, actions)| actions.iter()).collect();
        let left: Vec<Action> = actions.iter().filter(|action| !covered.contains(action)).collect();
        (names, ActionSet::of(&left))
    });
    rest.filter(|(_, actions)| *actions != ActionSet::NONE).collect()
}

fn of_account(rules: &[Rule], account: &str, blocked: &mut Blocked) -> Rights {
    let mut rights = Rights::default();
    let readings: Vec<(Match, Vec<Names>)> = rules.iter().map(|rule| rule.on_images(account)).collect();
    for (index, rule) in rules.iter().enumerate() {
        let (Match::Yes, names) = &readings[index] else { continue };
        for names in names {
            let mut actions = ActionSet::NONE;
            for action in rule.actions.iter() {
                let earlier = || rules[..index].iter().zip(&readings).enumerate();
                let refusing = || {
                    earlier().filter(|(_, (rule, (applies, others)))| {
                        !rule.actions.contains(action)
                            && *applies != Match::No
                            && others.iter().any(|other| names.overlaps(other))
                    })
                };
                let is_hidden = refusing().any(|(_, (_, (applies, others)))| {
                    *applies == Match::Yes && others.iter().any(|other| names.within(other))
                });
                match refusing().next() {
                    _ if is_hidden => {}
                    Some((earlier, _)) => {
                        let accounts = blocked.entry((index, earlier)).or_default();
                        let known = accounts.entry(account.to_owned()).or_default();
                        *known = known.with(action);
                    }
                    None => actions = actions.with(action),
                }
            }
            if actions != ActionSet::NONE {
                rights.images.entry(index).or_default().push((names.clone(), actions));
            }
        }
    }
    let mut refusing = None;
    for (index, rule) in rules.iter().enumerate() {
        match (rule.on_catalog(account), rule.catalog, refusing) {
            (Match::No, _, _) | (Match::Maybe, true, _) => {}
            (Match::Maybe, false, _) => refusing = refusing.or(Some(index)),
            (Match::Yes, false, _) => break,
            (Match::Yes, true, None) => {
                rights.catalog = Some(index);
                break;
            }
            (Match::Yes, true, Some(earlier)) => {
                blocked.entry((index, earlier)).or_default().entry(account.to_owned()).or_default();
                break;
            }
        }
    }
    rights
}

/// What a rule gives to nobody signed in, which everybody has here who is: only what all users have.
fn to_anyone(
    index: usize,
    rule: &Rule,
    anonymous: &Rights,
    users: &BTreeMap<&str, Rights>,
    file: &str,
    report: &mut Report,
) -> Option<Given> {
    let mut given = Given { receiver: Receiver::Anyone, images: Vec::new(), catalog: false, rule: index };
    for (names, actions) in anonymous.images.get(&index).into_iter().flatten() {
        let mut kept = ActionSet::NONE;
        let mut gaining: BTreeMap<&str, ActionSet> = BTreeMap::new();
        for action in actions.iter() {
            let has = |rights: &Rights| {
                let mut held = rights.images.values().flatten();
                held.any(|(covering, actions)| actions.contains(action) && names.within(covering))
            };
            let lacking: Vec<&str> = users.iter().filter(|(_, rights)| !has(rights)).map(|(user, _)| *user).collect();
            if lacking.is_empty() {
                kept = kept.with(action);
            }
            for user in lacking {
                let known = gaining.entry(user).or_default();
                *known = known.with(action);
            }
        }
        if kept != ActionSet::NONE {
            given.images.push((names.clone(), kept));
        }
        if let Some(lost) = gaining.values().copied().reduce(|one, two| two.iter().fold(one, ActionSet::with)) {
            let what = format!(
                "{}{} of {} by whoever is not signed in is left out: here, who is signed in may do that, too, and {} \
                 would gain it",
                rule.head(),
                words(lost),
                names.shown(),
                list(gaining.keys().copied())
            );
            report.left_out(file, rule.line, what);
        }
    }
    if anonymous.catalog == Some(index) {
        let lacking = users.iter().filter(|(_, rights)| rights.catalog.is_none()).map(|(user, _)| *user);
        let lacking: Vec<&str> = lacking.collect();
        given.catalog = lacking.is_empty();
        if !lacking.is_empty() {
            let who = list(lacking);
            let what =
                format!("{}the catalog for whoever is not signed in is left out: {who} would gain it", rule.head());
            report.left_out(file, rule.line, what);
        }
    }
    (given.catalog || !given.images.is_empty()).then_some(given)
}

fn tell_blocked(rule: &Rule, earlier: &Rule, accounts: &BTreeMap<String, ActionSet>, file: &str, report: &mut Report) {
    let shown = |account: &str| if account.is_empty() { "anonymous".to_owned() } else { account.to_owned() };
    let all = accounts.values().fold(ActionSet::NONE, |all, actions| actions.iter().fold(all, ActionSet::with));
    let all = if all == ActionSet::NONE { "the catalog".to_owned() } else { words(all) };
    let who: Vec<String> = accounts.keys().map(|account| shown(account)).collect();
    let who = list(who.iter().map(String::as_str));
    let refuses = if earlier.doubts.is_empty() { "refuses" } else { "may refuse" };
    let what = format!(
        "{}{all} is left out for {who}, who would gain what the rule in line {} {refuses} before: no rule refuses here. \
         Grant by hand the images that are meant",
        rule.head(),
        earlier.line
    );
    report.left_out(file, rule.line, what);
}

/// Actions in the words of docker_auth.
fn words(actions: ActionSet) -> String {
    let words =
        actions.iter().filter(|action| *action != Action::Overwrite).map(|action| format!("`{}`", action.as_str()));
    words.collect::<Vec<_>>().join(", ")
}

/// Some names, and how many more there are.
fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.len().checked_sub(10) {
        Some(more @ 1..) => format!("{} and {more} more", names[..10].join(", ")),
        _ => names.join(", "),
    }
}
