//! Finds the name that was probably meant among very many.

use std::collections::HashMap;
use std::sync::Arc;

/// Names by what is left of each when one character is taken away, or none. Whatever one slip of a finger
/// makes of a name (one character too much, too little, another one, or two swapped) has something in
/// common with it there, so that a name is found without being compared with all.
pub(super) struct Near {
    by_rest: HashMap<String, Arc<str>>,
}

/// Longer names are compared as a whole.
const MAX_BYTES: usize = 64;

impl Near {
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        // Of several that fit, always the same one.
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        let mut by_rest = HashMap::new();
        for name in names {
            let shared: Arc<str> = name.into();
            rests(name, |rest| {
                by_rest.entry(rest).or_insert_with(|| Arc::clone(&shared));
            });
        }
        Self { by_rest }
    }

    /// A name that differs by one slip, or by the case of letters alone.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let mut best: Option<(usize, &str)> = None;
        rests(name, |rest| {
            if let Some(near) = self.by_rest.get(&rest) {
                let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &near.to_lowercase());
                if best.is_none_or(|found| (distance, &**near) < found) {
                    best = Some((distance, near));
                }
            }
        });
        // A short name is near to almost everything.
        let most = if name.len() < 3 { 0 } else { 2 };
        best.filter(|(distance, _)| *distance <= most).map(|(_, near)| near)
    }
}

fn rests(name: &str, mut take: impl FnMut(String)) {
    let lower = name.to_lowercase();
    if lower.len() <= MAX_BYTES {
        for (at, removed) in lower.char_indices() {
            let mut rest = String::with_capacity(lower.len());
            rest.push_str(&lower[..at]);
            rest.push_str(&lower[at + removed.len_utf8()..]);
            take(rest);
        }
    }
    take(lower);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_found() {
        let near = Near::new(["jane", "mark", "developers", "ci-1"].into_iter());
        for (written, meant) in [
            ("jnae", Some("jane")),
            ("Jane", Some("jane")),
            ("jan", Some("jane")),
            ("janet", Some("jane")),
            ("jame", Some("jane")),
            ("develpoers", Some("developers")),
            ("develop", None),
            ("rita", None),
            ("ci-2", Some("ci-1")),
            ("", None),
        ] {
            assert_eq!(near.find(written), meant, "{written}");
        }
    }
}
