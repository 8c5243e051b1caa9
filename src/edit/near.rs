//! The name that was probably meant, for hints.

/// A longer line is no first line of a commit.
const TITLE_CHARACTERS_MAX: usize = 72;

/// Longer words are near to nothing.
const CHARACTERS_MAX: usize = 64;

/// The candidate that is most like a word, if any is like it.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    if length > CHARACTERS_MAX {
        return None;
    }
    let most = |candidate: &str| (candidate.chars().count().max(length) / 3).max(1);
    candidates
        .into_iter()
        // What differs much in length is not near, and need not be compared.
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= most(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= most(candidate))
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
        .map(|(_, candidate)| candidate)
}

/// What to do about a name that is not there: the one that was meant, or else what `otherwise` says.
pub(super) fn meant<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>, otherwise: &str) -> String {
    nearest(word, candidates).map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"))
}

/// `a`, `b` and `c`, as it stands in a sentence.
pub(super) fn list<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The first lines of a message about some things: all are named in the first where they have room there, and below
/// it otherwise. `around` puts them into a sentence.
pub(super) fn titled(all: &[&str], many: &str, around: impl Fn(&str) -> String) -> Vec<String> {
    let title = around(&list(all.iter().copied()));
    if all.len() <= 1 || title.chars().count() <= TITLE_CHARACTERS_MAX {
        return vec![title];
    }
    vec![around(&format!("{} {many}", all.len())), list(all.iter().copied())]
}

/// A word of a request as it can be repeated: short, and without control characters.
pub(super) fn shown(word: &str) -> String {
    let short: String = word.chars().take(CHARACTERS_MAX).flat_map(char::escape_debug).collect();
    if word.chars().nth(CHARACTERS_MAX).is_some() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_was_meant() {
        let names = ["jane", "jnna", "mark", "release-bot"];
        assert_eq!(nearest("jnae", names), Some("jane"));
        assert_eq!(nearest("Mark", names), Some("mark"));
        assert_eq!(nearest("relese-bot", names), Some("release-bot"));
        assert_eq!(nearest("somebody", names), None);
        assert_eq!(meant("mrak", names, "otherwise"), "did you mean `mark`?");
        assert_eq!(meant("x".repeat(65).as_str(), names, "otherwise"), "otherwise");
    }

    #[test]
    fn many_things_stand_below_the_title() {
        let around = |some: &str| format!("Delete {some}");
        assert_eq!(titled(&["a", "b"], "users", around), ["Delete `a` and `b`"]);
        let long = "x".repeat(80);
        assert_eq!(titled(&[&long], "users", around).len(), 1, "one is always named");
        assert_eq!(titled(&[&long, "b"], "users", around), ["Delete 2 users".to_owned(), format!("`{long}` and `b`")]);
    }

    #[test]
    fn words_are_listed_as_one_says_them() {
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(65)).chars().count(), 65);
    }
}
