//! Where repositories disagree: prefixes, ports and storages that more than one claims.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::super::codes::{self, Code};
use super::super::report::Report;
use super::repositories::{Candidate, enclosing, is_own};
use super::storages::{APART, Aliases, overlaps};
use crate::diagnostic::Place;
use crate::policy::QuickMap;

/// Reports all conflicts, and takes from the candidates that lose them what they wanted.
///
/// Who is in force keeps what it has. Otherwise the repository whose name is the prefix keeps it, and
/// where there is none, all lose.
pub(super) fn settle(candidates: &mut [Candidate], aliases: Option<&Aliases>, reports: &mut Vec<Report>) {
    let prefixes = groups(candidates, Candidate::prefix);
    same_prefix(candidates, &prefixes, reports);
    foreign_prefix(candidates, &prefixes, reports);
    same_port(candidates, reports);
    overlapping_storage(candidates, aliases, reports);
}

/// The candidates of each key, in their order.
fn groups<K: Hash + Eq>(candidates: &[Candidate], key: impl Fn(&Candidate) -> Option<K>) -> QuickMap<K, Vec<usize>> {
    let mut groups: QuickMap<K, Vec<usize>> = QuickMap::default();
    for (index, candidate) in candidates.iter().enumerate() {
        if let Some(key) = key(candidate) {
            groups.entry(key).or_default().push(index);
        }
    }
    groups
}

fn same_prefix(candidates: &mut [Candidate], prefixes: &QuickMap<Arc<str>, Vec<usize>>, reports: &mut Vec<Report>) {
    for (prefix, group) in prefixes.iter().filter(|(_, group)| group.len() > 1) {
        let message = format!("two repositories have the prefix `{prefix}`");
        let help = "give one of them another `prefix`";
        tell(candidates, group, codes::PREFIX_CONFLICT, (&message, help), Candidate::prefix_place, reports);
        let winner = group
            .iter()
            .find(|index| candidates[**index].holds_prefix(prefix))
            .or_else(|| group.iter().find(|index| candidates[**index].name == *prefix));
        for index in group.iter().filter(|index| Some(*index) != winner) {
            candidates[*index].lose(winner.is_none());
        }
    }
}

/// A prefix inside of another repository's names, unless the file's own name gives the right to it.
fn foreign_prefix(candidates: &mut [Candidate], prefixes: &QuickMap<Arc<str>, Vec<usize>>, reports: &mut Vec<Report>) {
    for index in 0..candidates.len() {
        let Some(prefix) = candidates[index].prefix() else {
            continue;
        };
        if is_own(&candidates[index].name, &prefix) {
            continue;
        }
        // Who is in force with it counts before others that only want the same.
        let owner_of = |outer: &str| {
            let owners = || prefixes.get(outer).into_iter().flatten().filter(|owner| **owner != index);
            owners().find(|owner| candidates[**owner].holds_prefix(outer)).or_else(|| owners().next()).copied()
        };
        let Some((outer, owner)) = enclosing(&prefix).find_map(|outer| Some((outer, owner_of(outer)?))) else {
            continue;
        };
        let place = candidates[index].prefix_place();
        let mut report = Report::new(&place.file);
        report
            .add(
                codes::FOREIGN_PREFIX,
                place.span,
                format!("the prefix `{prefix}` lies inside the names of another repository"),
            )
            .also(candidates[owner].prefix_place(), format!("`{outer}` is claimed here"))
            .help(format!("only a repository at or below `repos/{prefix}.yaml` may claim these names"));
        reports.push(report);
        let owner_holds = candidates[owner].holds_prefix(outer);
        if candidates[index].holds_prefix(&prefix) && !owner_holds {
            candidates[owner].lose(true);
        } else {
            candidates[index].lose(!owner_holds);
        }
    }
}

fn same_port(candidates: &mut [Candidate], reports: &mut Vec<Report>) {
    let ports = groups(candidates, |candidate| candidate.parsed.port.map(|(port, _)| port));
    for (port, group) in ports.iter().filter(|(_, group)| group.len() > 1) {
        let message = format!("two repositories have the port {port}");
        let help = "give one of them another `port`";
        tell(candidates, group, codes::PORT_CONFLICT, (&message, help), Candidate::port_place, reports);
        let winner = group
            .iter()
            .find(|index| candidates[**index].in_force.as_ref().is_some_and(|in_force| in_force.port == Some(*port)));
        for index in group.iter().filter(|index| Some(*index) != winner) {
            candidates[*index].lose(true);
        }
    }
}

/// Reports a conflict at the second and each further place, with the first beside it.
fn tell(
    candidates: &[Candidate],
    group: &[usize],
    code: &'static Code,
    (message, help): (&str, &str),
    place: fn(&Candidate) -> Place,
    reports: &mut Vec<Report>,
) {
    let mut places = group.iter().map(|index| place(&candidates[*index]));
    let Some(first) = places.next() else {
        return;
    };
    for other in places {
        let mut report = Report::new(&other.file);
        let by_name = |place: &Place| if place.span.is_none() { ", by the file's name" } else { "" };
        let diagnostic = report.add(code, other.span, message);
        diagnostic.note(by_name(&other).trim_start_matches(", ")).help(help);
        diagnostic.also(first.clone(), format!("claimed here, too{}", by_name(&first)));
        reports.push(report);
    }
}

fn overlapping_storage(candidates: &mut [Candidate], aliases: Option<&Aliases>, reports: &mut Vec<Report>) {
    let storages = candidates.iter().filter_map(|candidate| candidate.parsed.storage.as_deref());
    let in_place: HashMap<_, _> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| candidate.parsed.in_place)
        .map(|(index, candidate)| (Arc::clone(&candidate.file), index))
        .collect();
    if in_place.is_empty() {
        // Those of the storages file were compared with one another before.
        return;
    }
    let known = aliases.iter().flat_map(|aliases| aliases.by_name.values()).map(|storage| &**storage);
    let mut losers = Vec::new();
    for (inner, outer) in overlaps(known.chain(storages)) {
        let owners = (in_place.get(&inner.place.file).copied(), in_place.get(&outer.place.file).copied());
        let (place, message, other) = match owners {
            (Some(_), _) => (&inner.place, "this storage lies inside another one, or in its place", &outer.place),
            (None, Some(_)) => (&outer.place, "another storage lies inside of this one", &inner.place),
            (None, None) => continue,
        };
        let mut report = Report::new(&place.file);
        report.add(codes::STORAGE_OVERLAP, place.span, message).also(other.clone(), "the other one").help(APART);
        reports.push(report);
        let (Some(one), Some(two)) = owners else {
            losers.extend(owners.0.or(owners.1));
            continue;
        };
        let holds = |index: usize, storage: &super::storages::Storage| {
            candidates[index].in_force.as_ref().is_some_and(|in_force| in_force.storage == storage.key)
        };
        match (holds(one, inner), holds(two, outer)) {
            (true, false) => losers.push(two),
            (false, true) => losers.push(one),
            _ => losers.extend([one, two]),
        }
    }
    for loser in losers {
        candidates[loser].lose(true);
    }
}
